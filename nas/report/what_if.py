"""The section on what other assumptions would change: a table, the front's points, who moves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from nas.deciding import ERROR_SLACK, more_carbon
from nas.objectives import OBJECTIVES
from nas.quantities import format_quantity
from nas.report.axes import short_unit
from nas.report.markup import Cell, Row, section, table
from nas.report.material import Material
from nas.report.text import table_rows
from nas.report.what_if_text import (
    carbon_pick,
    front_moves,
    least_tau,
    moved_within,
    picks,
    tau_text,
)
from nas.sensitivity import Change, Metric, Pricing, RankChange, WhatIf, sensitivity

__all__ = ["what_if_section"]

_PAIR = ["candidate", "deployment"]


def what_if_section(material: Material) -> str:
    """Ranks, front and picks of a run under other assumptions, as HTML.

    Args:
        material: Of a run with at least one usable score.
    """
    found = sensitivity(material.run)
    return section(
        "What if?",
        '<p class="note">The same models priced again, one assumption at a time; nothing is '
        "trained. Tau is Kendall's, of the order by carbon as it is and then: 1 where no two "
        "models change places. All: of models and deployments together; least: on the one "
        "deployment where it is least. Change rank: models whose rank among those on their own "
        "deployment is another one.</p>",
        _assumptions(material, found.pricings),
        *_not_counted(found.pricings),
        _points(material, found),
        *(_moved(material, row) for row in found.pricings if row.change is not None),
        "<h3>What each metric would pick</h3>",
        f'<p class="note">Among models within {ERROR_SLACK:g} of the least error; bold where it '
        "is not what carbon picks, with what it emits more. Tau: of the whole order with "
        "carbon's; no order where all are alike. Models that were trained once count too, which "
        "the ways to choose leave out where others have more seeds.</p>",
        _metrics(material, found.metrics),
    )


def _assumptions(material: Material, pricings: Sequence[Pricing]) -> str:
    rows = [
        Row((Cell(row.name, row.said, "wide"), *_cells(material, row.change)))
        for row in pricings
        if row.change is not None
    ]
    head = [
        "assumption", "tau, all", "tau, least", "change rank", "front", "least carbon",
    ]  # fmt: skip
    return table(head, rows) if rows else ""


def _cells(material: Material, change: Change) -> tuple[Cell, ...]:
    together = next((row for row in change.ranks if row.where is None), None)
    return (
        Cell("" if together is None else tau_text(together.tau)),
        Cell(tau_text(least_tau(change))),
        Cell(moved_within(change), _feasible(change)),
        Cell(front_moves(change)),
        Cell(carbon_pick(change)),
    )


def _feasible(change: Change) -> str:
    said = [f"{len(change.lost)} fall out"] if change.lost else []
    return ", ".join([*said, *([f"{len(change.gained)} come in"] if change.gained else [])])


def _not_counted(pricings: Sequence[Pricing]) -> list[str]:
    lines = [f"{row.name}, not counted: {line}" for row in pricings for line in row.left_out]
    return [f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"] if lines else []


def _points(material: Material, found: WhatIf) -> str:
    """The front's points: their rank among each other by carbon, under each assumption."""
    front = material.front
    counted = [(row.name, row.scores) for row in found.pricings if row.scores is not None]
    if len(front) < 2 or not counted:
        return ""
    tables = [_ranked(front, scores) for scores in (front, *(scores for _, scores in counted))]
    first = tables[0]
    rows = []
    ordered = front.sort_values("carbon_gco2e", kind="stable")
    for key, label in zip(ordered["candidate"], ordered["deployment"], strict=True):
        cells = [_rank_cell(ranked, first, (key, label)) for ranked in tables]
        rows.append(
            Row((Cell(str(key)[:8], kind="text"), material.place(str(label)), *cells), key=str(key))
        )
    head = ["model", "deployment", "as it is", *(name for name, _ in counted)]
    return (
        "<h3>Ranks of the front's points by carbon</h3>"
        '<p class="note">Among each other; bold where the rank is another one than as it is. '
        "Below it, the carbon of one inference.</p>"
        f"{table(head, rows, tall=len(rows) > 14)}"
    )


def _ranked(front: pd.DataFrame, scores: pd.DataFrame) -> dict[tuple[str, str], tuple[int, float]]:
    known = scores.loc[scores["feasible"].astype(bool), [*_PAIR, "carbon_gco2e"]]
    here = front[_PAIR].merge(known, on=_PAIR)
    ranks = here["carbon_gco2e"].rank(method="min").astype(int)
    return {
        (key, label): (rank, carbon)
        for key, label, rank, carbon in zip(
            here["candidate"], here["deployment"], ranks, here["carbon_gco2e"], strict=True
        )
    }


def _rank_cell(
    ranked: dict[tuple[str, str], tuple[int, float]],
    first: dict[tuple[str, str], tuple[int, float]],
    point: tuple[str, str],
) -> Cell:
    if point not in ranked:
        return Cell("", "falls out")
    rank, carbon = ranked[point]
    moved = rank != first[point][0]
    return Cell(str(rank), _grams(carbon), "strong" if moved else "")


def _grams(value: float) -> str:
    return short_unit(format_quantity(value, "gCO2e"))


def _moved(material: Material, pricing: Pricing) -> str:
    """Everyone whose rank changes, on each deployment and over all, to be opened."""
    change = pricing.change
    if change is None:
        return ""
    parts = [_moved_table(material, place) for place in change.ranks if len(place.moved)]
    counted = ", ".join(
        f"{len(place.moved)} {'over all' if place.where is None else 'on ' + place.where}"
        for place in change.ranks
        if len(place.moved)
    )
    if not parts:
        return f'<p class="note">{escape(pricing.name)}: no rank changes.</p>'
    return (
        f"<details><summary>{escape(pricing.name)}: whose rank changes ({escape(counted)})"
        f"</summary>{''.join(parts)}</details>"
    )


def _moved_table(material: Material, place: RankChange) -> str:
    rows = [
        Row(
            (
                Cell(row["candidate"], kind="text"),
                material.place(row["deployment"]),
                Cell(f"{row['before']} to {row['after']}"),
                Cell(_grams(row["value_before"])),
                Cell(_grams(row["value_after"])),
            ),
            key=row["candidate"],
        )
        for row in table_rows(place.moved)
    ]
    where = "over all deployments" if place.where is None else f"on {place.where}"
    head = ["model", "deployment", f"rank of {place.compared} {where}", "carbon", "then"]
    return table(head, rows, tall=len(rows) > 12)


def _metrics(material: Material, found: Sequence[Metric]) -> str:
    own = [row for row in found if row.winner.where is not None]
    names = list(dict.fromkeys(row.winner.objective for row in own))
    rows = []
    for where in dict.fromkeys(str(row.winner.where) for row in own):
        here = {row.winner.objective: row for row in own if row.winner.where == where}
        carbon = here["carbon"].winner.candidate
        cells = (_metric_cell(here.get(name), carbon) for name in names)
        rows.append(Row((material.place(where), *cells)))
    together = picks([row for row in found if row.winner.where is None])
    head = ["deployment", *(OBJECTIVES[name].label for name in names)]
    return table(head, rows) + "".join(f"<p>{escape(_capital(line))}.</p>" for line in together)


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def _metric_cell(row: Metric | None, carbon: str) -> Cell:
    if row is None:
        return Cell("")
    other = row.winner.candidate != carbon
    more = f"{more_carbon(row.winner) or 'as much'}, " if other else ""
    small = more + ("no order" if row.tau is None else f"tau {tau_text(row.tau)}")
    return Cell(row.winner.candidate[:8], small, "strong" if other else "")
