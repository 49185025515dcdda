"""Small pieces of HTML, everything escaped: tables, legends, sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nas.report.plot import marker

__all__ = ["Cell", "Row", "facts", "figure", "legend", "mark", "section", "table"]


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: Its text.
        small: A second, smaller line.
        more: What opens below the text on a click.
        kind: "" for a number, "strong" for one that stands out, "text" for a flush-left text,
            "wide" for one that wraps.
        mark: An SVG marker before the text, as `mark` gives it.
    """

    text: str
    small: str = ""
    kind: str = ""
    mark: str = ""
    more: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        cells: As many as the head has.
        key: Candidate key; rows and points of one key light up together.
        reference: Whether it is set apart as something to compare with.
    """

    cells: tuple[Cell, ...]
    key: str = ""
    reference: bool = False


def table(head: Sequence[str], rows: Sequence[Row], *, tall: bool = False) -> str:
    """A table; a column is flush left where its first cell is a text.

    Args:
        head: One text a column; all empty for a table without a head.
        rows: One or more rows.
        tall: Whether it scrolls within a window of its own.
    """
    kinds = [cell.kind for cell in rows[0].cells] if rows else ["" for _ in head]
    top = "".join(
        f"<th{' class=text' if kind not in ('', 'strong') else ''}>{escape(text)}</th>"
        for text, kind in zip(head, kinds, strict=True)
    )
    body = "".join(
        f"<tr{' class=reference' if row.reference else ''}"
        f"{f' data-key={chr(34)}{escape(row.key)}{chr(34)}' if row.key else ''}>"
        f"{''.join(_cell(cell) for cell in row.cells)}</tr>"
        for row in rows
    )
    window = "scroll tall" if tall else "scroll"
    top = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    return f'<div class="{window}"><table>{top}<tbody>{body}</tbody></table></div>'


def _cell(cell: Cell) -> str:
    small = f"<small>{escape(cell.small)}</small>" if cell.small else ""
    kind = f' class="{cell.kind}"' if cell.kind else ""
    text = escape(cell.text)
    if cell.more:
        text = f"<details><summary>{text}</summary>{escape(cell.more)}</details>"
    return f"<td{kind}>{cell.mark}{text}{small}</td>"


def mark(colour: str, shape: str) -> str:
    """The marker of a deployment, to stand before its name."""
    return f'<svg width="14" height="12" style="display:inline">{marker(shape, colour, 6, 6)}</svg>'


def legend(rows: Sequence[tuple[str, str]]) -> str:
    """Markers and their names.

    Args:
        rows: Marker (as `mark` gives it) and name.
    """
    items = "".join(f"<span>{icon}{escape(name)}</span>" for icon, name in rows)
    return f'<div class="legend">{items}</div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Large numbers with a line below each.

    Args:
        rows: Number and what it is.
    """
    items = "".join(
        f'<div class="fact"><b>{escape(number)}</b><span>{escape(what)}</span></div>'
        for number, what in rows
    )
    return f'<div class="facts">{items}</div>'


def figure(caption: str, svg: str) -> str:
    """A plot with its caption above."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def section(title: str, *parts: str) -> str:
    """A titled part of the page; parts are HTML already."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"
