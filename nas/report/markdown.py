"""Small pieces of Markdown: titles, tables, sums that a reader can redo, figures with sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nas.quantities import format_quantity

__all__ = [
    "digits",
    "figure_text",
    "grams_text",
    "grid_text",
    "share_text",
    "sums",
    "table",
    "title",
]


def title(text: str) -> Iterator[str]:
    """A second-level title between empty lines."""
    yield from ("", f"## {text}", "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table and an empty line; bars inside cells become slashes.

    Args:
        head: One text a column.
        rows: As many texts each.
    """
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def sums(*rows: tuple[str, str, str]) -> Iterator[str]:
    """Lines of arithmetic, set in columns.

    Args:
        rows: What is computed, how, and the result with its unit.
    """
    wide = max(len(name) for name, _, _ in rows)
    long = max(len(formula) for _, formula, _ in rows)
    yield "```text"
    for name, formula, value in rows:
        yield f"{name:{wide}}  {formula:{long}}  = {value}"
    yield "```"


def figure_text(figure: Mapping[str, Any], unit: str) -> str:
    """A figure as a carbon statement holds it: value, range, how it is known, source."""
    said = f"{figure['value']:.4g} {unit}".strip()
    if figure["low"] is not None or figure["high"] is not None:
        ends = [figure["value"] if figure[end] is None else figure[end] for end in ("low", "high")]
        said += f" ({ends[0]:.4g} to {ends[1]:.4g})"
    return f"{said}, {figure['known']}: {figure['source']}"


def grid_text(grid: Mapping[str, Any]) -> str:
    """A grid as a carbon statement holds it, with what its figure stands for."""
    names = [grid["label"], None if grid["year"] is None else str(grid["year"])]
    kinds = [
        f"{grid['rate']} rate",
        {"lifecycle": "life cycle", "direct": "direct emissions"}.get(grid["scope"] or ""),
        {"generation": "of generation", "consumption": "of consumption"}.get(grid["flow"] or ""),
    ]
    said = ", ".join(part for part in kinds if part)
    name = " ".join(part for part in names if part)
    return f"{name}: {figure_text(grid['gco2e_per_kwh'], 'g/kWh')}; {said}"


def grams_text(grams: float) -> str:
    """Grams of CO2e with three digits, such as ``277 ng`` or ``20.9 kg``."""
    return format_quantity(grams, "gCO2e").replace("gCO2e", "g").replace("tCO2e", "t")


def share_text(part: float, whole: float) -> str:
    """A part of a whole in percent; 0 of nothing."""
    share = part / whole if whole else 0.0
    return "0 %" if share == 0.0 else "< 0.1 %" if 0.0 < share < 1e-3 else f"{100.0 * share:.3g} %"


def digits(value: float) -> str:
    """Six digits: enough to follow arithmetic; the JSON file has all of them."""
    return f"{value:.6g}"
