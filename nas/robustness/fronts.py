"""How sure the scores and the front of a run are, and which assumption matters most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from nas.carbon.together import groups, joint
from nas.carbon.uncertainty import interval, one_at_a_time, positions, probability_less
from nas.comparison import demand_notes, per_deployment
from nas.cost.ensemble import certain_grids
from nas.objectives import objectives
from nas.pareto import non_dominated
from nas.runs.scenarios import Scenarios, Subject, scenarios, subject

if TYPE_CHECKING:
    from hardware_profiles.deployment import Deployment
    from hardware_profiles.figure import Figure
    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = ["DRAWS", "Robustness", "robustness", "stay_shares"]

Array = npt.NDArray[np.float64]

DRAWS = 400
"""Draws unless told otherwise: a share of them is then good to 0.05, two standard errors."""

_CARBON = "carbon_gco2e"
_PAIR = ["candidate", "deployment"]


@dataclass(frozen=True)
class Robustness:
    """What a run's scores and front become when every figure with a range moves.

    Errors of models stay as trained; latency, energy and carbon move with the figures behind them.

    Attributes:
        names: Objectives of the front.
        draws: How many times all figures were drawn.
        seed: Of the draws.
        factors: Figures with a range that alone, at an end of it, move some score or the search,
            by name; those that are wrong together are one, named as `nas.carbon.together.groups`
            names them. (Others were drawn too, such as rows of the fab table that no device needs.)
        intervals: One row a ``candidate``, ``deployment`` and ``column`` of scores: its ``value``
            at the best estimates and the interval from ``low`` to ``high``
            (`nas.carbon.uncertainty.interval`). Columns: the objectives, and all with carbon.
        on_front: One row a ``candidate`` and ``deployment``: whether it is ``on_front`` at the
            best estimates, and the ``share`` of the draws in which it is.
        tornado: One row a ``factor`` that moves the front, that of most effect first: the mean
            relative change of the carbon of the front's points with that figure ``at_low`` and
            ``at_high`` and all others at their best estimates; ``effect``, the greater size of
            both; ``points`` of the front that it touches; ``changes``, how many points then join
            or leave the front, at the worse end; and its ``source``.
        most: One row a ``candidate`` and ``deployment``: the ``factor`` that moves its carbon most
            and that carbon, g, ``at_low`` and ``at_high`` of it; the factor is None where none
            does.
        certain_grids: Grids that no draw moves, as no range of them is known.
        search_gco2e: Carbon of the search, g: low, value, high; None while it is unknown.
        carbon_gco2e: Carbon draw by draw, shape (draws, rows), rows as in ``on_front``.
    """

    names: tuple[str, ...]
    draws: int
    seed: int
    factors: Mapping[str, Figure]
    intervals: pd.DataFrame
    on_front: pd.DataFrame
    tornado: pd.DataFrame
    most: pd.DataFrame
    certain_grids: tuple[str, ...]
    search_gco2e: tuple[float, float, float] | None
    carbon_gco2e: Array = field(repr=False)

    def interval(self, candidate: str, deployment: str, column: str) -> tuple[float, float] | None:
        """Low and high end of one column of one row of scores; None if there is no such row."""
        rows = _row_of(self.intervals, candidate, deployment)
        rows = rows[rows["column"] == column]
        return None if rows.empty else (float(rows["low"].iloc[0]), float(rows["high"].iloc[0]))

    def share(self, candidate: str, deployment: str) -> float | None:
        """Share of the draws in which one row is on the front; None if there is no such row."""
        rows = _row_of(self.on_front, candidate, deployment)
        return None if rows.empty else float(rows["share"].iloc[0])

    def mover(self, candidate: str, deployment: str) -> str | None:
        """The figure that moves the carbon of one row most; None if none does."""
        rows = _row_of(self.most, candidate, deployment)
        return None if rows.empty else rows["factor"].iloc[0]

    def less(self, first: tuple[str, str], second: tuple[str, str]) -> float | None:
        """How probable it is that one row has less carbon than another, under the same draws.

        Args:
            first: Key of a candidate and label of its deployment.
            second: Those of the other.

        Returns:
            0..1; None if there is no such row.
        """
        places = [_row_of(self.on_front, *pair).index for pair in (first, second)]
        if any(place.empty for place in places):
            return None
        return probability_less(*(self.carbon_gco2e[:, place[0]] for place in places))


def _row_of(table: pd.DataFrame, candidate: str, deployment: str) -> pd.DataFrame:
    return table[(table["candidate"] == candidate) & (table["deployment"] == deployment)]


def robustness(
    run: Run,
    names: Sequence[str] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    study: Study | None = None,
    deployments: Sequence[Deployment] | None = None,
) -> Robustness:
    """Draw every figure with a range together, and score and front the run anew each time.

    Figures are those of the deployments' devices and grids, of the fab table and of the machine
    that searched. One that several deployments share has one value in a draw. Figures that are
    wrong together (`nas.carbon.together`) move together, in the draws and as one bar of the
    tornado; others are drawn independently.

    Args:
        run: An opened run; it is only read.
        names: Objectives of the front; None takes those searched.
        draws: How many times, 1 to 100,000.
        seed: Any whole number, 0 or more; equal seeds draw equal values of equal names.
        study: What to count under; None keeps the run's own.
        deployments: What to score on; None takes those of the run.

    Raises:
        ConfigError: If an objective is unknown.
        StudyError: If draws or seed is out of range, or a figure leaves what the formulas cover.
        FrontError: If an objective does not compare under the study's demand.
        RunError: If a record of the run is damaged.
    """
    about = subject(run, study=study, deployments=deployments)
    chosen = tuple(names or run.objectives)
    demand_notes(chosen, about.study)
    # The best estimates come first, so that all of it comes about in one way.
    at = {
        name: np.concatenate([[0.0], values])
        for name, values in positions(about.factors, draws, seed).items()
    }
    scores = scenarios(about, at, draws + 1)
    factors, ends = _ends(about, scores)
    apart = per_deployment(run)
    on = _on_fronts(scores, chosen, apart=apart)
    changes = (_on_fronts(ends, chosen, apart=apart) ^ on[0]).sum(axis=1)
    return Robustness(
        names=chosen,
        draws=draws,
        seed=seed,
        factors=factors,
        intervals=_intervals(scores, chosen),
        on_front=scores.rows.assign(on_front=on[0], share=on[1:].mean(axis=0)),
        tornado=_tornado(factors, scores, ends, on[0], changes),
        most=_most(list(factors), scores, ends),
        certain_grids=certain_grids([*about.deployments, about.host]),
        search_gco2e=_search(run, scores.search_factor),
        carbon_gco2e=scores.column(_CARBON)[1:],
    )


def stay_shares(scores: Scenarios, names: Sequence[str], *, apart: bool = False) -> Array:
    """In what share of the scenarios each row is on the front.

    Args:
        scores: R rows under S scenarios.
        names: Objectives of the front.
        apart: Whether each deployment has a front of its own.

    Returns:
        Shape (R,), within 0..1; a row counts as off where it is infeasible or a value is unknown.

    Raises:
        ConfigError: If an objective is unknown.
    """
    share: Array = _on_fronts(scores, names, apart=apart).mean(axis=0)
    return share


def _on_fronts(scores: Scenarios, names: Sequence[str], *, apart: bool) -> npt.NDArray[np.bool_]:
    """Shape (S, R): whether each row is on the front of its scenario."""
    on = np.zeros((scores.count, len(scores.rows)), dtype=np.bool_)
    if not on.size:
        return on
    values = np.stack(
        [
            scores.columns[row.column] * (1.0 if row.direction == "minimize" else -1.0)
            for row in objectives(names)
        ],
        axis=2,
    )
    usable = scores.columns["feasible"] & np.isfinite(values).all(axis=2)
    places = scores.rows["deployment"].to_numpy()
    labels = dict.fromkeys(places)
    groups = [places == label for label in labels] if apart else [np.isin(places, list(labels))]
    for scenario in range(len(on)):
        for group in groups:
            here = np.flatnonzero(usable[scenario] & group)
            on[scenario, here] = non_dominated(values[scenario, here])
    return on


def _ends(about: Subject, scores: Scenarios) -> tuple[dict[str, Figure], Scenarios]:
    """Figures that move something, those wrong together as one, and scores at the ends of each."""
    alone = [[name] for name in about.factors]
    found = scenarios(about, one_at_a_time(alone), 2 * len(alone))
    moving = {name: about.factors[name] for name in _moving(list(about.factors), scores, found)}
    together = groups(moving)
    ends = scenarios(about, one_at_a_time(list(together.values())), 2 * len(together))
    return {label: joint(names, moving) for label, names in together.items()}, ends


def _moving(names: Sequence[str], scores: Scenarios, ends: Scenarios) -> list[str]:
    """The figures that change something at either end of their ranges."""
    moves = ends.search_factor != 1.0
    for column, values in ends.columns.items():
        nominal = scores.columns[column][0]
        moves |= ((values != nominal) & ~(np.isnan(values) & np.isnan(nominal))).any(axis=1)
    return [name for index, name in enumerate(names) if moves[2 * index : 2 * index + 2].any()]


def _intervals(scores: Scenarios, names: Sequence[str]) -> pd.DataFrame:
    carbon = [name for name in scores.columns if "gco2e" in name]
    tables = []
    for column in dict.fromkeys([*(row.column for row in objectives(names)), *carbon]):
        values = scores.column(column)
        low, high = interval(values[1:], values[0])
        tables.append(scores.rows.assign(column=column, low=low, value=values[0], high=high))
    return pd.concat(tables, ignore_index=True)


def _relative(changed: Array, nominal: Array) -> Array:
    """Change relative to what it is, shape (2 F, R); 0 where there is no carbon to change."""
    moved = changed - nominal
    share: Array = np.divide(moved, np.abs(nominal), out=np.zeros_like(moved), where=nominal != 0.0)
    return share


def _tornado(
    factors: Mapping[str, Figure],
    scores: Scenarios,
    ends: Scenarios,
    on_front: npt.NDArray[np.bool_],
    changes: npt.NDArray[np.int64],
) -> pd.DataFrame:
    share = _relative(ends.column(_CARBON), scores.column(_CARBON)[0])[:, on_front]
    mean = share.mean(axis=1) if share.shape[1] else np.zeros(len(share))
    table = pd.DataFrame(
        {
            "factor": list(factors),
            "at_low": mean[0::2],
            "at_high": mean[1::2],
            "effect": np.maximum(np.abs(mean[0::2]), np.abs(mean[1::2])),
            "points": ((share[0::2] != 0.0) | (share[1::2] != 0.0)).sum(axis=1),
            "changes": np.maximum(changes[0::2], changes[1::2]),
            "source": [figure.source for figure in factors.values()],
        }
    )
    moves = table[(table["effect"] > 0.0) | (table["changes"] > 0)]
    return moves.sort_values(
        ["effect", "changes"], ascending=False, kind="stable", ignore_index=True
    )


def _most(factors: Sequence[str], scores: Scenarios, ends: Scenarios) -> pd.DataFrame:
    """For every row, the factor whose ends are furthest from the carbon at the best estimates."""
    nominal, values = scores.column(_CARBON)[0], ends.column(_CARBON)
    low, high = values[0::2], values[1::2]
    effect = np.maximum(np.abs(low - nominal), np.abs(high - nominal))
    if not effect.size:
        return scores.rows.assign(factor=None, at_low=nominal, at_high=nominal)
    first, rows = effect.argmax(axis=0), np.arange(len(nominal))
    moved = effect[first, rows] > 0.0
    names = pd.Series(
        [factors[i] if moves else None for i, moves in zip(first, moved, strict=True)], dtype=object
    )
    return scores.rows.assign(factor=names, at_low=low[first, rows], at_high=high[first, rows])


def _search(run: Run, factor: Array) -> tuple[float, float, float] | None:
    spent = run.spent()
    if spent is None:
        return None
    value = float(spent["gco2e"])
    low, high = interval(value * factor[1:], value)
    return float(low), value, float(high)
