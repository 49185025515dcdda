"""The command line: thin commands over the library, heavy imports inside them."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer

from nas.cli import catalogue, grids, hardware, launching, lifecycle, reading, rescoring
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
rescoring.add_to(app)
lifecycle.add_to(app)
hardware.add_to(app)
grids.add_to(app)
catalogue.add_to(app)


# Typer raises the usage errors of Click but does not export their root.
_UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; a known failure is one line on stderr and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except CarbonNasError as error:
        _fail(str(error))
    except _UsageError as error:
        if "\n" in error.message:  # the help, since nothing was given
            error.show()
            raise SystemExit(2) from None
        command = error.ctx.command_path if error.ctx else "carbon-nas"
        _fail(f"{error.format_message().rstrip('.')}; `{command} --help` shows what can be given")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:
        _fail(f"{error.filename or 'output'}: {error.strerror or error}; mend it and run again")
    raise SystemExit(code)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"carbon-nas: {' '.join(message.split())}\n")
    raise SystemExit(2) from None
