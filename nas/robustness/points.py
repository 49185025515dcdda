"""Two models compared draw by draw, each on its deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nas.carbon.uncertainty import interval, positions, probability_less
from nas.comparison import demand_notes, refuse_unlike
from nas.cost.ensemble import certain_grids
from nas.errors import FrontError
from nas.objectives import objectives
from nas.robustness.fronts import DRAWS, Array
from nas.runs.scenarios import Subject, scenarios, subject

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = ["PointComparison", "compare_points"]


@dataclass(frozen=True)
class PointComparison:
    """Two models under the same draws.

    Attributes:
        first: Key of a candidate and label of its deployment.
        second: Those of the other.
        draws: How many times all figures were drawn.
        seed: Of the draws.
        certain_grids: Grids of theirs that no draw moves, as no range of them is known.
        table: One row an ``objective``: values at the best estimates and ends of the intervals of
            either (``first``, ``first_low``, ``first_high``, ``second``, ...), of their
            ``difference``, first less second, draw by draw, likewise; ``less``, the probability
            that the first is below the second; and ``equal``, that both are equal. NaN where a
            value is unknown.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    draws: int
    seed: int
    certain_grids: tuple[str, ...]
    table: pd.DataFrame


def compare_points(
    first: tuple[Run, str, str],
    second: tuple[Run, str, str],
    names: Sequence[str] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> PointComparison:
    """Compare two models under the same draws of every figure with a range.

    Args:
        first: Run, key of a candidate that it trained, label of one of its deployments.
        second: The other; of the same run, or of another under the same study.
        names: Objectives; None takes those that the first run searched.
        draws: How many times, 1 to 100,000.
        seed: Any whole number, 0 or more.

    Raises:
        ConfigError: If an objective is unknown.
        StudyError: If draws or seed is out of range, or a figure leaves what the formulas cover.
        FrontError: If a point is unknown, the runs' tasks or studies differ, or an objective does
            not compare under the study's demand.
        RunError: If a record of a run is damaged.
    """
    refuse_unlike(first[0], second[0])
    chosen = objectives(names or first[0].objectives)
    demand_notes([row.name for row in chosen], first[0].study)
    abouts = [_about(*point) for point in (first, second)]
    drawn = positions({**abouts[0].factors, **abouts[1].factors}, draws, seed)
    at = {name: np.concatenate([[0.0], values]) for name, values in drawn.items()}
    found = [scenarios(about, at, draws + 1) for about in abouts]
    rows = [
        {
            "objective": row.name,
            **_compared(found[0].column(row.column)[:, 0], found[1].column(row.column)[:, 0]),
        }
        for row in chosen
    ]
    return PointComparison(
        first=(first[1], first[2]),
        second=(second[1], second[2]),
        draws=draws,
        seed=seed,
        certain_grids=certain_grids([place for about in abouts for place in about.deployments]),
        table=pd.DataFrame(rows),
    )


def _about(run: Run, candidate: str, deployment: str) -> Subject:
    here = [place for place in run.deployments if place.label == deployment]
    about = subject(run, deployments=here, candidates=[candidate]) if here else None
    if about is None or not about.records:
        raise FrontError(
            f"compare: {candidate}@{deployment} is no trained candidate on a deployment of"
            f" {run.path.name}; `carbon-nas front {run.path}` lists the best"
        )
    return about


def _compared(first: Array, second: Array) -> dict[str, float]:
    """One row of the table; the best estimates come first in both arrays."""
    row: dict[str, float] = {}
    for name, values in (("first", first), ("second", second), ("difference", first - second)):
        low, high = interval(values[1:], values[0])
        row |= {name: float(values[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
    known = not (np.isnan(first).any() or np.isnan(second).any())
    row["less"] = probability_less(first[1:], second[1:]) if known else np.nan
    row["equal"] = float((first[1:] == second[1:]).mean()) if known else np.nan
    return row
