"""The command line: thin commands over the library, heavy imports inside them."""

from __future__ import annotations

import sys

import typer

from nas.cli import catalogue, launching, reading
from nas.errors import CarbonNasError

__all__ = ["app", "main"]

app = typer.Typer(
    name="carbon-nas",
    help="Find small, accurate, fast models with the lowest carbon over their whole life.\n\n"
    "example: carbon-nas init && carbon-nas search config.yaml",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("carbon-nas"))
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


launching.add_to(app)
reading.add_to(app)
catalogue.add_to(app)


def main() -> None:
    """Run the command line; a known failure is one line on stderr and exit code 2."""
    try:
        app()
    except CarbonNasError as error:
        sys.stderr.write(f"carbon-nas: {' '.join(str(error).split())}\n")
        raise SystemExit(2) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
