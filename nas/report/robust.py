"""The section on how sure the results are: intervals, who stays on the front, the tornado."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from nas.carbon.uncertainty import LEVEL
from nas.objectives import OBJECTIVES
from nas.report.markup import Cell, Row, legend, mark, section, table
from nas.report.material import Material
from nas.report.robust_text import certain_text, change_text, share_text, uncertain
from nas.report.text import table_rows

__all__ = ["robust_section", "tornado_bars"]

_LOW, _HIGH = "#8fb8cf", "#2a6f97"
_LONGEST = 12


def robust_section(material: Material) -> str:
    """Intervals and stay shares of the choices and the front, and what moves them, as HTML.

    Args:
        material: Of a run with at least one usable score.
    """
    found = material.robustness
    if not found.factors:
        return section(
            "How sure is this?", '<p class="note">No figure behind these numbers has a range.</p>'
        )
    note = (
        f"{len(found.factors)} figures behind these numbers may be lower or higher than their best "
        f"estimates. All were drawn at once, {found.draws} times (seed {found.seed}), each from "
        "low to high with half of the draws on either side of its best estimate; a figure that "
        "several devices share, such as a grid or a default, has one value in a draw, and rows of "
        f"a fab table move together. Ranges hold {100 * LEVEL:.0f} % of the draws. On front: the "
        "share of the draws in which the point is on the front. Errors stay as trained, and what "
        "the model of latency and energy itself leaves out is not drawn."
    )
    if found.certain_grids:
        said = certain_text(found.certain_grids)
        note += f" {said[0].upper()}{said[1:]}."
    return section(
        "How sure is this?",
        f'<p class="note">{escape(note)}</p>',
        _points(material),
        _tornado(material),
    )


def _points(material: Material) -> str:
    found = material.robustness
    names = [row.name for row in uncertain(found.names)]
    rows = [
        _point(material, names, row, chosen=", ".join(_ways(material, row)))
        for row in _shown(material)
    ]
    labels = [OBJECTIVES[name].label for name in names]
    head = ["model, chosen by", "deployment", *labels, "on front", "carbon moved most by"]
    return table(head, rows, tall=len(rows) > 12)


def _shown(material: Material) -> list[Mapping[str, Any]]:
    """The choices, then the rest of the front, then what is often on it."""
    rows: list[Mapping[str, Any]] = [
        choice.row for choice in material.choices if choice.row is not None
    ]
    rows += table_rows(material.front)
    shares = material.robustness.on_front.sort_values("share", ascending=False, kind="stable")
    often = shares[shares["share"] >= 0.5][["candidate", "deployment"]]
    both = material.scores.merge(often, on=["candidate", "deployment"])
    rows += table_rows(both)
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        first.setdefault(_pair(row), row)
    return list(first.values())


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["candidate"]), str(row["deployment"])


def _ways(material: Material, row: Mapping[str, Any]) -> list[str]:
    return [
        choice.name
        for choice in material.choices
        if choice.row is not None and _pair(choice.row) == _pair(row)
    ]


def _point(material: Material, names: Sequence[str], row: Mapping[str, Any], *, chosen: str) -> Row:
    found, (key, label) = material.robustness, _pair(row)
    share, mover = found.share(key, label), found.mover(key, label)
    cells = (
        Cell(key[:8], chosen, "text"),
        material.place(label),
        *(Cell(material.shown(row, name), material.spread(row, name)) for name in names),
        Cell("" if share is None else share_text(share)),
        Cell(mover or "nothing", _ends(material, row) if mover else "", "text"),
    )
    return Row(cells, key=key)


def _ends(material: Material, row: Mapping[str, Any]) -> str:
    """Carbon at both ends of the figure that moves it most."""
    most = material.robustness.most
    here = (most["candidate"] == row["candidate"]) & (most["deployment"] == row["deployment"])
    ends = most.loc[here, ["at_low", "at_high"]].iloc[0]
    carbon = OBJECTIVES["carbon"]
    low, high = (material.written(carbon, float(end)) for end in ends)
    return f"low {low}, high {high}"


def _tornado(material: Material) -> str:
    moves = material.robustness.tornado.head(_LONGEST)
    if moves.empty:
        return '<p class="note">No single figure moves the front.</p>'
    icons = [(mark(_LOW, "square"), "at its low end"), (mark(_HIGH, "square"), "at its high end")]
    return (
        "<h3>Which assumption moves the front most?</h3>"
        "<p class=note>The mean relative change of the carbon of the front's points with one "
        "figure at an end of its range and all others at their best estimates, and how many "
        "points then join or leave the front.</p>"
        + legend(icons)
        + tornado_bars(moves, material.robustness.factors)
    )


def tornado_bars(moves: pd.DataFrame, factors: Mapping[str, Any], *, width: int = 1130) -> str:
    """One bar a figure from its change at the low to that at the high end, as ``<svg>``.

    Args:
        moves: Rows of a tornado (`nas.robustness.Robustness`), one or more.
        factors: Its figures by name.
        width: In CSS pixels.
    """
    # A letter at 12 pixels is about 6.7 wide.
    left = 6.7 * max(len(name) for name in moves["factor"]) + 16
    right, step = 190, 26
    ends = moves[["at_low", "at_high"]].to_numpy(dtype=float)
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    scale = (width - left - right) / ((high - low) or 1.0)
    zero = left - low * scale
    height = len(moves) * step + 6
    parts = [f'<path class="axis" d="M{zero:.1f} 0V{height}"/>']
    for index, (_, row) in enumerate(moves.iterrows()):
        top, known = index * step + 5, factors[row["factor"]]
        said = (
            f"{row['factor']}: {known.value:.4g}, from {min(known.numbers()):.4g} to "
            f"{max(known.numbers()):.4g}; {row['source']}"
        )
        # The longer one first, so that neither hides the other where both go one way.
        sizes = [(scale * row["at_low"], _LOW), (scale * row["at_high"], _HIGH)]
        drawn = "".join(
            _bar(zero, size, top, colour)
            for size, colour in sorted(sizes, key=lambda bar: -abs(bar[0]))
        )
        changes = f"; {row['changes']} join or leave" if row["changes"] else ""
        parts.append(
            f"<g><title>{escape(said)}</title>"
            f'<text class="tick end" x="{left - 10:.0f}" y="{top + 13}">{escape(row["factor"])}'
            f"</text>{drawn}"
            f'<text class="tick start" x="{width - right + 10}" y="{top + 13}">'
            f"{change_text(row['at_low'])}, {change_text(row['at_high'])}{changes}</text></g>"
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Change of carbon with each figure at its ends">{"".join(parts)}</svg>'
    )


def _bar(zero: float, length: float, top: float, colour: str) -> str:
    start, size = (zero, length) if length >= 0.0 else (zero + length, -length)
    return f'<rect x="{start:.1f}" y="{top}" width="{size:.1f}" height="18" fill="{colour}"/>'
