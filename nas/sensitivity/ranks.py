"""What another table, lifetime, view or metric would change: carbon ranks, winners, the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nas.comparison import front_of, usable_rows
from nas.deciding import Winner, near_the_best, winners
from nas.objectives import OBJECTIVES
from nas.pareto import kendall_tau

if TYPE_CHECKING:
    import numpy.typing as npt

    from nas.carbon.study import Study

__all__ = ["Change", "Metric", "RankChange", "change", "metrics", "rank_changes"]

_METRICS = ("energy", "latency", "operational", "embodied", "edp", "cdp", "tcdp", "carbon")
_PAIR = ["candidate", "deployment"]


@dataclass(frozen=True)
class RankChange:
    """How two orders of the same models differ in one place.

    Attributes:
        where: Label of the deployment; None is all of them together.
        compared: Models (all together: models and deployments) that both orders hold.
        tau: Kendall's tau-b of the two orders; 1 where they agree, None where undefined.
        moved: Those whose rank differs: ``candidate``, ``deployment``, ranks ``before`` and
            ``after`` (1 is least; equals share the better rank) and the two values,
            ``value_before`` and ``value_after``.
    """

    where: str | None
    compared: int
    tau: float | None
    moved: pd.DataFrame


def rank_changes(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    first: str = "carbon",
    second: str | None = None,
    together: bool = True,
) -> tuple[RankChange, ...]:
    """Models whose rank differs between two tables of scores, or between two objectives.

    Args:
        before: Scores; the rows that are feasible, trained and of known error are compared.
        after: Scores of the same models and deployments, such as under another study.
        first: Objective that orders `before`.
        second: Objective that orders `after`; None takes `first`.
        together: Whether to compare all deployments together as well, where there are several.

    Returns:
        Deployment by deployment in the order of `before`, then all together. What only one side
        holds, as it is infeasible on the other, has no rank on either.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If a table lacks an objective's column.
    """
    second = second or first
    old, new = _values(before, first), _values(after, second)
    both = old.merge(new, on=_PAIR, suffixes=("_before", "_after"))
    places: list[tuple[str | None, pd.DataFrame]] = [
        (str(label), group) for label, group in both.groupby("deployment", sort=False)
    ]
    if together and len(places) > 1:
        places.append((None, both))
    return tuple(_rank_change(where, group) for where, group in places)


def _values(scores: pd.DataFrame, name: str) -> pd.DataFrame:
    rows, _ = usable_rows(scores, list(dict.fromkeys(["error", name])))
    if rows.empty:
        return pd.DataFrame({"candidate": [], "deployment": [], "value": []}, dtype=object)
    found = rows[_PAIR].copy()
    found["value"] = rows[OBJECTIVES[name].column].to_numpy(dtype=np.float64)
    return found


def _rank_change(where: str | None, rows: pd.DataFrame) -> RankChange:
    old, new = (_rounded(rows[f"value_{side}"]) for side in ("before", "after"))
    ranks = rows.assign(before=_ranks(old), after=_ranks(new))
    moved = ranks.loc[ranks["before"] != ranks["after"]]
    columns = [*_PAIR, "before", "after", "value_before", "value_after"]
    return RankChange(
        where=where,
        compared=len(rows),
        tau=kendall_tau(old, new),
        moved=moved[columns].sort_values(["before", "after"], kind="stable", ignore_index=True),
    )


def _rounded(values: pd.Series[float]) -> npt.NDArray[np.float64]:
    """Without the last digits, in which equal models differ by the order of their sums."""
    return np.array([float(f"{value:.10e}") for value in values], dtype=np.float64)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """One more than how many are less."""
    return np.asarray(np.searchsorted(np.sort(values), values, side="left") + 1, dtype=np.int64)


@dataclass(frozen=True)
class Change:
    """What scores under other assumptions change.

    Attributes:
        ranks: Changes of the order by carbon, by place; see `rank_changes`.
        winners: What carbon picks now, by place, among models near the best in error.
        winners_before: What it picked.
        joined: Candidate and deployment of the points that join the front.
        left: Those that leave it.
        lost: Candidate and deployment of scores that were feasible and are no longer.
        gained: Those that are feasible only now.
    """

    ranks: tuple[RankChange, ...]
    winners: tuple[Winner, ...]
    winners_before: tuple[Winner, ...]
    joined: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]
    gained: tuple[tuple[str, str], ...]


def change(
    before: pd.DataFrame, after: pd.DataFrame, names: Sequence[str], *, apart: bool = False
) -> Change:
    """Compare two tables of scores of the same models and deployments.

    Args:
        before: Scores as they are.
        after: Scores under other assumptions; a deployment that they leave out is not compared.
        names: Objectives of the front.
        apart: Whether each deployment has a front of its own.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If a table lacks an objective's column.
    """
    if not (before.empty or after.empty):
        before = before.loc[before["deployment"].isin(after["deployment"])]
    old_front, new_front = (_pairs(front_of(t, names, apart=apart)) for t in (before, after))
    old, new = (usable_rows(table, ["error", "carbon"])[0] for table in (before, after))
    old_pairs, new_pairs = _pairs(old), _pairs(new)
    return Change(
        ranks=rank_changes(before, after, together=not apart),
        winners=_carbon_winners(new, together=not apart),
        winners_before=_carbon_winners(old, together=not apart),
        joined=_without(new_front, old_front),
        left=_without(old_front, new_front),
        lost=_without(old_pairs, new_pairs),
        gained=_without(new_pairs, old_pairs),
    )


def _pairs(rows: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    if rows.empty:
        return ()
    return tuple(zip(rows["candidate"].map(str), rows["deployment"].map(str), strict=True))


def _without(
    pairs: tuple[tuple[str, str], ...], others: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    known = set(others)
    return tuple(pair for pair in pairs if pair not in known)


def _carbon_winners(rows: pd.DataFrame, *, together: bool) -> tuple[Winner, ...]:
    return winners(near_the_best(rows), ("carbon",), together=together) if len(rows) else ()


@dataclass(frozen=True)
class Metric:
    """One metric beside carbon in one place.

    Attributes:
        winner: What it picks among models near the best in error, and the carbon of that.
        tau: Kendall's tau-b of its order and carbon's, over all usable models; None if undefined.
    """

    winner: Winner
    tau: float | None


def metrics(
    scores: pd.DataFrame, *, study: Study | None = None, apart: bool = False
) -> tuple[Metric, ...]:
    """What each metric would pick, and how far its order is carbon's.

    Args:
        scores: Scores of a run.
        study: What they were counted under; tCDP is left out unless it is at fixed volume, where
            it is more than carbon times a constant.
        apart: Whether deployments are never looked at together.

    Returns:
        Place by place, in each the metrics: energy, latency, operational, embodied, EDP, CDP,
        tCDP, carbon; without those that are unknown.
    """
    rows, _ = usable_rows(scores, ["error", "carbon"])
    fixed_volume = study is not None and study.demand.inferences is not None
    names = [name for name in _METRICS if name != "tcdp" or fixed_volume]
    names = [name for name in names if OBJECTIVES[name].column in rows]
    if rows.empty:
        return ()
    taus = {
        (found.where, name): found.tau
        for name in names
        for found in rank_changes(scores, scores, second=name, together=not apart)
    }
    picked = winners(near_the_best(rows), names, together=not apart)
    return tuple(Metric(row, taus.get((row.where, row.objective))) for row in picked)
