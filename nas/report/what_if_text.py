"""What other assumptions would change, as plain text and as rows for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nas.deciding import ERROR_SLACK, Winner, more_carbon
from nas.objectives import OBJECTIVES
from nas.report.text import aligned, table_rows
from nas.sensitivity import Change, Metric, Pricing, RankChange, WhatIf

__all__ = [
    "carbon_pick",
    "front_moves",
    "least_tau",
    "moved_within",
    "picks",
    "tau_text",
    "what_if_rows",
    "what_if_text",
]

_SHOWN = 6
_HEAD = ("assumption", "tau, all", "tau, least", "change rank", "front", "least carbon")


def what_if_text(found: WhatIf) -> str:
    """Which ranks, fronts and picks change under each other assumption, as text.

    Args:
        found: As `nas.sensitivity.sensitivity` gives it.

    Returns:
        Lines without a final newline: a table of the assumptions, what each of them means and
        whose rank it changes, and what each metric would pick.
    """
    counted = [row for row in found.pricings if row.change is not None]
    body = [[row.name, *_summary(row.change)] for row in counted if row.change is not None]
    lines = ["what if: the order by carbon, and the front, under other assumptions", ""]
    lines += [aligned(_HEAD, body, left=1)] if body else []
    lines += [
        "",
        "tau: Kendall's, with the order as it is, over all deployments together and least on one; "
        "change rank: models whose rank on a deployment differs; front: points that join and leave",
    ]
    for row in found.pricings:
        lines += ["", *_told(row)]
    lines += ["", f"what each metric picks, among models within {ERROR_SLACK:g} of the least error"]
    return "\n".join([*lines, *(f"  {line}" for line in picks(found.metrics))])


def _summary(change: Change) -> list[str]:
    together = next((row for row in change.ranks if row.where is None), None)
    return [
        "" if together is None else tau_text(together.tau),
        tau_text(least_tau(change)),
        moved_within(change),
        front_moves(change),
        carbon_pick(change),
    ]


def least_tau(change: Change) -> float | None:
    """The least tau on any one deployment; None where none is defined."""
    taus = [row.tau for row in change.ranks if row.where is not None and row.tau is not None]
    return min(taus) if taus else None


def tau_text(tau: float | None) -> str:
    """A tau in three decimals, 1 only where no pair turned over."""
    if tau is None:
        return "unknown"
    return "1" if tau >= 1.0 - 1e-12 else f"{min(tau, 0.999):.3f}"


def moved_within(change: Change) -> str:
    """How many models change their rank on a deployment, of how many."""
    own = [row for row in change.ranks if row.where is not None]
    return f"{sum(len(row.moved) for row in own)} of {sum(row.compared for row in own)}"


def front_moves(change: Change) -> str:
    """How many points join and leave the front."""
    if not (change.joined or change.left):
        return "same"
    return f"+{len(change.joined)} -{len(change.left)}"


def carbon_pick(change: Change) -> str:
    """What has the least carbon over all that is looked at together, and whether that is new."""
    if not change.winners:
        return "none"
    now = change.winners[-1]
    before = change.winners_before[-1] if change.winners_before else None
    same = before is not None and _point(before) == _point(now)
    return f"{now.candidate[:8]} on {now.deployment}{'' if same else ' (new)'}"


def _point(winner: Winner) -> tuple[str, str]:
    return winner.candidate, winner.deployment


def _told(row: Pricing) -> list[str]:
    lines = [f"{row.name}: {row.said}", *(f"  not counted: {line}" for line in row.left_out)]
    if row.change is None:
        return lines
    lines += [
        f"  {place.where or 'all together'}: {_moves(place)}"
        for place in row.change.ranks
        if len(place.moved)
    ]
    if not any(len(place.moved) for place in row.change.ranks):
        lines.append("  no rank changes")
    for word, pairs in (
        ("joins the front", row.change.joined),
        ("leaves the front", row.change.left),
        ("no longer feasible", row.change.lost),
        ("feasible only now", row.change.gained),
    ):
        if pairs:
            lines.append(f"  {word}: {_some([f'{key[:8]} on {place}' for key, place in pairs])}")
    return lines


def _moves(place: RankChange) -> str:
    moved = [
        f"{row['candidate'][:8]}{'' if place.where else ' on ' + row['deployment']} "
        f"{row['before']} to {row['after']}"
        for row in table_rows(place.moved)
    ]
    return _some(moved)


def _some(items: Sequence[str]) -> str:
    more = len(items) - _SHOWN
    said = ", ".join(items[:_SHOWN])
    return f"{said} and {more} more" if more > 0 else said


def picks(found: Sequence[Metric]) -> list[str]:
    """A line a place: what carbon picks, with the metrics that pick the same, and the others.

    Args:
        found: As `nas.sensitivity.metrics` gives it, carbon last in each place.
    """
    lines = []
    for where in dict.fromkeys(row.winner.where for row in found):
        here = [row.winner for row in found if row.winner.where == where]
        alike: dict[tuple[str, str], list[Winner]] = {_point(here[-1]): here[-1:]}
        for row in here[:-1]:
            alike.setdefault(_point(row), []).append(row)
        said = [
            f"{', '.join(map(_label, rows))} {_model(rows[0])}"
            f"{f' ({more_carbon(rows[0])})' if more_carbon(rows[0]) else ''}"
            for rows in alike.values()
        ]
        lines.append(f"{where or 'all together'}: {'; '.join(said)}")
    return lines


def _label(winner: Winner) -> str:
    return OBJECTIVES[winner.objective].label


def _model(winner: Winner) -> str:
    return winner.candidate[:8] + ("" if winner.where else f" on {winner.deployment}")


def what_if_rows(found: WhatIf) -> dict[str, Any]:
    """The same in full, as plain values that JSON can hold.

    Args:
        found: As `nas.sensitivity.sensitivity` gives it.

    Returns:
        ``study`` (hash), ``objectives``, ``metrics`` and ``assumptions``: of each its ``name``,
        what is ``said``, ``study``, ``left_out`` and, if it was counted, ``ranks`` by place (with
        every model that ``moved``), ``joined``, ``left``, ``lost``, ``gained`` and ``winners``.
    """
    return {
        "study": found.study.hash,
        "objectives": list(found.objectives),
        "metrics": [{**asdict(row.winner), "tau": row.tau} for row in found.metrics],
        "assumptions": [_pricing_rows(row) for row in found.pricings],
    }


def _pricing_rows(row: Pricing) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": row.name,
        "said": row.said,
        "study": None if row.study is None else row.study.hash,
        "left_out": list(row.left_out),
    }
    change = row.change
    if change is None:
        return told
    ranks = [
        {
            "where": place.where,
            "compared": place.compared,
            "tau": place.tau,
            "moved": table_rows(place.moved),
        }
        for place in change.ranks
    ]
    names = ("joined", "left", "lost", "gained")
    pairs = {name: [list(pair) for pair in getattr(change, name)] for name in names}
    winners = {
        name: [asdict(winner) for winner in getattr(change, name)]
        for name in ("winners", "winners_before")
    }
    return {**told, "ranks": ranks, **pairs, **winners}
