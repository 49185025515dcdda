"""How a command prints what there is: rows as a table, facts as YAML, both as JSON."""

from __future__ import annotations

import json
from typing import Any

import typer

from nas.errors import CarbonNasError

__all__ = ["print_facts", "print_rows"]


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows as a table of their keys, or as JSON."""
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    if not rows:
        raise CarbonNasError("nothing to list")
    head = list(rows[0])
    cells = [head, *([_cell(row[key]) for key in head] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Print nested facts as YAML, or as JSON."""
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    import yaml

    typer.echo(yaml.safe_dump(json.loads(json.dumps(facts)), sort_keys=False, width=110).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
