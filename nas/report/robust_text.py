"""How sure a front or a comparison is, as plain text, as rows for JSON and as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from nas.carbon.uncertainty import LEVEL
from nas.objectives import OBJECTIVES, Objective, objectives
from nas.quantities import format_quantity
from nas.report.text import aligned, table_rows

if TYPE_CHECKING:
    from nas.robustness import PointComparison, Robustness

__all__ = [
    "certain_text",
    "change_text",
    "point_rows",
    "point_text",
    "range_text",
    "robustness_rows",
    "robustness_text",
    "share_text",
    "uncertain",
    "with_intervals",
]

# Rows off the front are named when they are on it in at least this share of the draws.
_OFTEN = 0.1
_LONGEST = 10


def uncertain(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives among them that move with figures, and carbon in any case."""
    chosen = [row for row in objectives(names) if row.kind == "modelled"]
    return tuple(dict.fromkeys([*chosen, OBJECTIVES["carbon"]]))


def range_text(low: float, high: float, unit: str) -> str:
    """An interval for a person, such as ``1.2 mg to 3.4 mg``; "unknown" without one."""
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    return f"{format_quantity(low, unit)} to {format_quantity(high, unit)}"


def share_text(share: float) -> str:
    """A share of draws in whole percent; 100 % and 0 % only where it is all or none of them."""
    if 0.995 <= share < 1.0:
        return "> 99 %"
    return "< 1 %" if 0.0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def change_text(change: float) -> str:
    """A relative change, such as ``+12 %`` or ``x 3.1`` where it more than doubles."""
    if change == 0.0:
        return "0 %"
    if change >= 1.0:
        return f"x {1.0 + change:.3g}"
    return f"{100.0 * change:+.2g} %" if abs(change) < 0.1 else f"{change:+.0%}".replace("%", " %")


def certain_text(grids: Sequence[str]) -> str:
    """One line that names the grids taken as certain; empty where there are none."""
    if not grids:
        return ""
    named = ", ".join(f"grid {name}" for name in grids)
    return f"taken as certain, since no range is known: {named}"


def with_intervals(best: pd.DataFrame, found: Robustness) -> pd.DataFrame:
    """A front with columns that tell how sure it is.

    Args:
        best: As `nas.comparison.front_of` gives it.
        found: The robustness of its scores.

    Returns:
        The front with ``on_front_share`` and, for each objective that moves with figures,
        its column with ``_low`` and ``_high`` at the end of the name.
    """
    new = best.copy()
    pairs = list(zip(best["candidate"], best["deployment"], strict=True)) if len(best) else []
    for row in uncertain(found.names):
        ends = [found.interval(*pair, row.column) or (math.nan, math.nan) for pair in pairs]
        new[f"{row.column}_low"] = [low for low, _ in ends]
        new[f"{row.column}_high"] = [high for _, high in ends]
    new["on_front_share"] = [found.share(*pair) for pair in pairs]
    new.attrs = dict(best.attrs)
    return new


def robustness_text(best: pd.DataFrame, found: Robustness) -> str:
    """Intervals and stay shares of a front's points, and what moves them most.

    Args:
        best: The front at the best estimates.
        found: The robustness of its scores.

    Returns:
        Lines without a final newline.
    """
    count = len(found.factors)
    lines = [
        f"{found.draws} draws (seed {found.seed}) of {count} figures that have a range and matter "
        f"here, all at once; intervals hold {100 * LEVEL:.0f} % of them; errors stay as trained"
    ]
    if found.certain_grids:
        lines.append(certain_text(found.certain_grids))
    if len(best):
        lines = [_points(best, found), "", *lines]
    if found.search_gco2e is not None:
        low, value, high = found.search_gco2e
        lines.append(
            f"carbon of the search {format_quantity(value, 'gCO2e')}, "
            f"{range_text(low, high, 'gCO2e')}"
        )
    lines += _others(found)
    if len(found.tornado):
        lines += [
            "carbon of the front's points, on average, with one figure at its low and its high "
            "end, and how many points then join or leave the front:",
            *_tornado_lines(found),
        ]
    return "\n".join(lines)


def _points(best: pd.DataFrame, found: Robustness) -> str:
    shown = uncertain(found.names)
    head = ["candidate", "deployment", *(row.label for row in shown), "on front", "moved most by"]
    body = []
    for _, point in best.iterrows():
        pair = (str(point["candidate"]), str(point["deployment"]))
        ranges = [
            range_text(*(found.interval(*pair, row.column) or (math.nan, math.nan)), row.unit)
            for row in shown
        ]
        share = found.share(*pair)
        body.append(
            [
                *pair,
                *ranges,
                "unknown" if share is None else share_text(share),
                found.mover(*pair) or "nothing",
            ]
        )
    return aligned(head, body, left=2)


def _others(found: Robustness) -> list[str]:
    """Points that are off the front, yet often on it."""
    table = found.on_front
    often = table[~table["on_front"] & (table["share"] >= _OFTEN)]
    often = often.sort_values("share", ascending=False, kind="stable")
    if often.empty:
        return []
    said = [
        f"{row['candidate']} on {row['deployment']} ({share_text(row['share'])})"
        for _, row in often.head(_LONGEST).iterrows()
    ]
    more = f", and {len(often) - _LONGEST} more" if len(often) > _LONGEST else ""
    return [f"not on the front, yet often in the draws: {', '.join(said)}{more}"]


def _tornado_lines(found: Robustness) -> list[str]:
    rows = [
        [
            f"  {row['factor']}",
            change_text(row["at_low"]),
            change_text(row["at_high"]),
            str(row["changes"] or ""),
        ]
        for _, row in found.tornado.head(_LONGEST).iterrows()
    ]
    return aligned(["  figure", "at low", "at high", "join or leave"], rows, left=1).splitlines()


def robustness_rows(found: Robustness) -> dict[str, Any]:
    """A robustness as plain values that JSON can hold.

    Returns:
        ``draws``, ``seed``, ``level``, ``factors`` (name, low, value, high, source),
        ``certain_grids``, ``search_gco2e`` (low, value, high, or None), and rows of ``intervals``,
        ``on_front``, ``tornado`` and ``most``, as in `nas.robustness.Robustness`.
    """
    factors = [
        {"factor": name, **figure.model_dump(include={"low", "value", "high", "source"})}
        for name, figure in found.factors.items()
    ]
    return {
        "objectives": list(found.names),
        "draws": found.draws,
        "seed": found.seed,
        "level": LEVEL,
        "factors": factors,
        "certain_grids": list(found.certain_grids),
        "search_gco2e": None if found.search_gco2e is None else list(found.search_gco2e),
        "intervals": table_rows(found.intervals),
        "on_front": table_rows(found.on_front),
        "tornado": table_rows(found.tornado),
        "most": table_rows(found.most),
    }


def point_text(found: PointComparison) -> str:
    """A comparison of two models, draw by draw, as lines without a final newline."""
    head = ["", "A", "", "B", "", "A - B", "", "P(A < B)"]
    body = []
    for _, row in found.table.iterrows():
        objective = OBJECTIVES[row["objective"]]
        cells = [objective.label]
        for name in ("first", "second", "difference"):
            cells.append(format_quantity(row[name], objective.unit))
            cells.append(range_text(row[f"{name}_low"], row[f"{name}_high"], objective.unit))
        cells.append(_probability(row["less"], row["equal"]))
        body.append(cells)
    return "\n".join(
        [
            f"A: {found.first[0]} on {found.first[1]}",
            f"B: {found.second[0]} on {found.second[1]}",
            "",
            aligned(head, body, left=1),
            "",
            f"{found.draws} draws (seed {found.seed}), the same for both; intervals hold "
            f"{100 * LEVEL:.0f} % of them; errors stay as trained",
            *([certain_text(found.certain_grids)] if found.certain_grids else []),
        ]
    )


def _probability(less: float, equal: float) -> str:
    if math.isnan(less):
        return "unknown"
    return "equal" if equal == 1.0 else share_text(less)


def point_rows(found: PointComparison) -> dict[str, Any]:
    """A comparison of two models as plain values that JSON can hold.

    Returns:
        ``first`` and ``second`` (candidate and deployment), ``draws``, ``seed``, ``level``,
        ``certain_grids`` and ``objectives``: rows as in `nas.robustness.PointComparison`.
    """
    first, second = (
        {"candidate": candidate, "deployment": deployment}
        for candidate, deployment in (found.first, found.second)
    )
    return {
        "first": first,
        "second": second,
        "draws": found.draws,
        "seed": found.seed,
        "level": LEVEL,
        "certain_grids": list(found.certain_grids),
        "objectives": table_rows(found.table),
    }
