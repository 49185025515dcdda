"""Fronts of runs, and runs compared under one study. No torch, no optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nas.deciding import carbon_and_latency, energy_warnings
from nas.errors import FrontError, unknown_name
from nas.objectives import Objective, objectives
from nas.pareto import coverage, epsilon, hypervolume, igd_plus, non_dominated
from nas.pareto.fronts import Values, scaled
from nas.quantities import format_quantity

if TYPE_CHECKING:
    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = [
    "Comparison",
    "compare",
    "demand_notes",
    "front",
    "front_of",
    "objective_values",
    "per_deployment",
    "refuse_unlike",
    "usable_rows",
]

_COUNTS = ("rows", "candidates", "infeasible", "untrained", "unknown")


def front(run: Run, names: Sequence[str], *, deployment: str | None = None) -> pd.DataFrame:
    """The non-dominated scores of a run: over all its deployments together, or one's own.

    Args:
        run: An opened run. With ``deployments_as: targets`` each deployment has a front of its
            own, and the result holds them one after another.
        names: Objectives of `nas.objectives`, one or more.
        deployment: Label of the only deployment to look at; None takes all.

    Returns:
        See `front_of`.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If the deployment is unknown, or an objective does not compare under the
            run's demand.
    """
    return front_of(
        run.scores(), names, deployment=deployment, study=run.study, apart=per_deployment(run)
    )


def per_deployment(run: Run) -> bool:
    """Whether each deployment of a run is a target with a front of its own."""
    return bool(run.frozen["deployments_as"] == "targets")


def front_of(
    scores: pd.DataFrame,
    names: Sequence[str],
    *,
    deployment: str | None = None,
    study: Study | None = None,
    apart: bool = False,
) -> pd.DataFrame:
    """The feasible, trained, fully known rows that no other such row dominates.

    Args:
        scores: One row a candidate and deployment, as `Run.scores` gives.
        names: Objectives, one or more.
        deployment: Label of the only deployment to look at; None takes all.
        study: What the scores were counted under; with it, what does not compare is refused.
        apart: Whether each deployment has a front of its own, instead of one over all together.

    Returns:
        The rows of the front with all their columns, best first by the objectives in the order
        named, with `apart` deployment by deployment. ``attrs`` tells ``objectives``, ``apart``,
        ``notes`` (see `demand_notes`), ``fixed_volume`` and ``view`` (None without a study); how
        many ``rows`` and ``candidates`` were looked at and how many rows were left out as
        ``infeasible``, ``untrained`` or ``unknown`` (a missing value); by deployment what decides
        there, see `nas.deciding.carbon_and_latency`, over all usable rows; and ``warnings``, one
        line for each place where the model of least energy is not that of least carbon.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If the deployment is unknown, the scores lack an objective's column, or an
            objective does not compare under the study's demand.
    """
    notes = demand_notes(names, study)
    rows, counts = usable_rows(scores, names, deployment=deployment)
    chosen = objectives(names)
    best = rows.copy()
    if not rows.empty:
        groups = [part for _, part in rows.groupby("deployment", sort=False)] if apart else [rows]
        best = pd.concat([_best(part, chosen) for part in groups], ignore_index=True)
    fixed_volume = None if study is None else study.demand.inferences is not None
    best.attrs.update(objectives=list(names), apart=apart, notes=list(notes))
    best.attrs.update(counts, fixed_volume=fixed_volume, view=None if study is None else study.view)
    best.attrs.update(carbon_and_latency(rows, fixed_volume))
    best.attrs["warnings"] = list(energy_warnings(rows, together=not apart))
    if rows.empty:
        best.attrs["notes"] += _why_none(scores, deployment)
    return best


def _why_none(scores: pd.DataFrame, deployment: str | None) -> list[str]:
    """The reason of one infeasible score, where no score is usable."""
    if scores.empty or "reason" not in scores:
        return []
    here = scores if deployment is None else scores.loc[scores["deployment"] == deployment]
    out = here.loc[~here["feasible"].fillna(False).astype(bool)]
    if out.empty:
        return []
    first = out.iloc[0]
    return [f"such as {first['candidate']} on {first['deployment']}: {first['reason']}"]


def _best(rows: pd.DataFrame, chosen: Sequence[Objective]) -> pd.DataFrame:
    best = rows.loc[non_dominated(objective_values(rows, chosen))]
    return best.sort_values(
        [row.column for row in chosen],
        ascending=[row.direction == "minimize" for row in chosen],
        kind="stable",
    )


def demand_notes(names: Sequence[str], study: Study | None) -> tuple[str, ...]:
    """What objectives mean under a study where that is not what their names suggest.

    Args:
        names: Objectives.
        study: The study of their scores; None says nothing.

    Raises:
        FrontError: If life-cycle carbon is among them at fixed time, where the number of
            inferences, and so the whole sum, follows from each model's speed; or in a consequence,
            as trainings are counted at average rates.
    """
    if study is None:
        return ()
    fixed_time = study.demand.busy_share is not None
    if "lifecycle" in names and fixed_time:
        raise FrontError(
            "lifecycle: at fixed time it is not comparable between models of different speed, as "
            "N follows from tau; take carbon, or give demand.inferences (`rescore --inferences`)"
        )
    if "lifecycle" in names and study.baseline is not None:
        raise FrontError(
            "lifecycle: trainings are counted at average rates and a consequence at marginal ones; "
            "take carbon, or the view footprint"
        )
    notes = []
    if study.baseline is not None:
        notes.append(
            f"consequence, at marginal rates: against {study.baseline.name}, which emits "
            f"{format_quantity(study.baseline.carbon_gco2e, 'gCO2e')}; owned already: "
            f"{', '.join(study.sunk) or 'nothing'}, and what is not owned is bought whole"
        )
    if "tcdp" in names and fixed_time:
        notes.append(
            "at fixed time tCDP is carbon per inference times a constant of the deployment; it "
            "ranks as carbon does"
        )
    return tuple(notes)


def usable_rows(
    scores: pd.DataFrame, names: Sequence[str], *, deployment: str | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that may be on a front, and how many of the others were left out and why.

    Args:
        scores: One row a candidate and deployment.
        names: Objectives that must be known.
        deployment: Label of the only deployment to look at; None takes all.

    Returns:
        Feasible, trained rows with finite objectives, and the counts ``rows``, ``candidates`` and
        ``infeasible``, ``untrained``, ``unknown``; a row is counted under the first that applies.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If the deployment is unknown, or the scores lack an objective's column.
    """
    chosen = objectives(names)
    if scores.empty:
        return scores.copy(), dict.fromkeys(_COUNTS, 0)
    missing = [row.name for row in chosen if row.column not in scores]
    if missing:
        raise FrontError(
            f"front: the scores have no column of {missing[0]!r}; rebuild them with `carbon-nas "
            "rescore`"
        )
    rows = scores
    if deployment is not None:
        labels = list(dict.fromkeys(scores["deployment"]))
        if deployment not in labels:
            raise FrontError(unknown_name("deployment", deployment, labels, "carbon-nas status"))
        rows = scores.loc[scores["deployment"] == deployment]
    feasible = rows["feasible"].fillna(False).astype(bool).to_numpy()
    trained = rows["trained"].fillna(False).astype(bool).to_numpy()
    known = np.isfinite(objective_values(rows, chosen)).all(axis=1)
    counts = {
        "rows": len(rows),
        "candidates": int(rows["candidate"].nunique()),
        "infeasible": int((~feasible).sum()),
        "untrained": int((feasible & ~trained).sum()),
        "unknown": int((feasible & trained & ~known).sum()),
    }
    return rows.loc[feasible & trained & known], counts


def objective_values(rows: pd.DataFrame, chosen: Sequence[Objective]) -> Values:
    """Shape (rows, objectives), turned so that smaller is better; NaN where unknown."""
    values = rows[[row.column for row in chosen]].astype("float64").to_numpy(na_value=np.nan)
    signs = np.array([1.0 if row.direction == "minimize" else -1.0 for row in chosen])
    turned: Values = values * signs
    return turned


@dataclass(frozen=True)
class Comparison:
    """Runs of one task under one study, compared on one scale.

    Attributes:
        objectives: Names of what was compared.
        study: Hash of the common study.
        runs: One row a run: ``run``, ``candidates`` (scored), ``front`` (its points),
            ``on_pooled`` (those on the front of all runs together), ``hypervolume`` (share of
            the box from the best values to the reference point, 0..1, larger is better),
            ``epsilon`` and ``igd_plus`` (distance to the pooled front; smaller is better). All on
            objectives scaled to 0..1 over the pooled points of the fronts, by their logarithm
            where they span decades.
        coverage: Row run x column run: the share of the column's front that the row's front
            equals or dominates.
        pooled: The front of all runs together, with the column ``run``.
        reference: The reference point of the hypervolume in scaled units, for each objective.
        notes: What objectives mean under the study's demand; see `demand_notes`.
    """

    objectives: tuple[str, ...]
    study: str
    runs: pd.DataFrame
    coverage: pd.DataFrame
    pooled: pd.DataFrame
    reference: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One line a pair of runs: who dominates whom, or that neither does."""
        lines = []
        names = list(self.coverage.index)
        table = self.coverage.to_numpy()
        for i, first in enumerate(names):
            for j in range(i + 1, len(names)):
                ahead, behind = table[i, j] == 1.0, table[j, i] == 1.0
                second = names[j]
                if ahead and behind:
                    lines.append(f"{first} and {second}: equal fronts")
                elif ahead or behind:
                    winner, loser = (first, second) if ahead else (second, first)
                    lines.append(f"{winner} dominates {loser}")
                else:
                    lines.append(
                        f"{first} and {second}: neither dominates; {first} covers "
                        f"{table[i, j]:.0%} of {second}, {second} covers {table[j, i]:.0%}"
                    )
        return tuple(lines)


# Beyond the worst scaled value, so that the extremes count as well.
_CORNER = 1.1


def compare(runs: Sequence[Run], names: Sequence[str]) -> Comparison:
    """Compare the fronts of runs; refused where their numbers do not mean the same.

    Args:
        runs: Two or more runs of one task under one study (demand, boundary, view, tables).
        names: Objectives, one or more.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If there are fewer than two runs, one is given twice, a run has no front, or
            the tasks or the studies differ; the message names the first field that does.
    """
    if len(runs) < 2:
        given = "one run is" if runs else "no run is"
        raise FrontError(
            f"compare: {given} given; name two, such as `carbon-nas compare runs/tpe runs/nsga2`"
        )
    places = [run.path for run in runs]
    twice = [place for place in dict.fromkeys(places) if places.count(place) > 1]
    if twice:
        raise FrontError(f"compare: {twice[0]} is given twice; name different runs")
    labels = _labels(runs)
    for run in runs[1:]:
        refuse_unlike(runs[0], run)
    fronts = {label: front(run, names) for label, run in zip(labels, runs, strict=True)}
    found = compare_fronts(fronts, names, study=runs[0].study.hash)
    return replace(found, notes=demand_notes(names, runs[0].study))


def compare_fronts(
    fronts: Mapping[str, pd.DataFrame], names: Sequence[str], *, study: str = ""
) -> Comparison:
    """Compare fronts that are known to be comparable; see `compare`, which checks that.

    Args:
        fronts: By the run's label, as `front_of` gives them.
        names: Objectives, one or more.
        study: Hash of the common study.

    Raises:
        FrontError: If a front is empty.
    """
    empty = [label for label, rows in fronts.items() if rows.empty]
    if empty:
        raise FrontError(f"compare: {empty[0]} has no feasible trained score; train more first")
    chosen = objectives(names)
    pooled = pd.concat([rows.assign(run=label) for label, rows in fronts.items()])
    every = scaled(objective_values(pooled, chosen))
    on_pooled = non_dominated(every)
    owner = pooled["run"].to_numpy()
    parts = {label: every[owner == label] for label in fronts}
    corner = np.full(len(chosen), _CORNER)
    rows = [
        {
            "run": label,
            "candidates": int(fronts[label].attrs["candidates"]),
            "front": len(part),
            "on_pooled": int(on_pooled[owner == label].sum()),
            "hypervolume": hypervolume(part, corner) / _CORNER ** len(chosen),
            "epsilon": epsilon(part, every[on_pooled]),
            "igd_plus": igd_plus(part, every[on_pooled]),
        }
        for label, part in parts.items()
    ]
    table = [[coverage(first, second) for second in parts.values()] for first in parts.values()]
    return Comparison(
        objectives=tuple(names),
        study=study,
        runs=pd.DataFrame(rows),
        coverage=pd.DataFrame(table, index=list(parts), columns=list(parts)),
        pooled=pooled[on_pooled].reset_index(drop=True),
        reference=tuple(corner.tolist()),
    )


def _labels(runs: Sequence[Run]) -> list[str]:
    names = [run.path.name for run in runs]
    if len(set(names)) == len(names):
        return names
    return [str(run.path) for run in runs]


def refuse_unlike(run: Run, other: Run) -> None:
    """Refuse two runs whose numbers do not mean the same.

    Raises:
        FrontError: If the tasks or the studies differ; the message names the first field that
            does.
    """
    first, second = _labels((run, other))
    task, others = run.frozen["task"]["name"], other.frozen["task"]["name"]
    if task != others:
        raise FrontError(
            f"compare: {first} has task {task!r}, {second} {others!r}; errors compare only within "
            "one task"
        )
    if run.study.hash != other.study.hash:
        field, ours, theirs = _first_difference(run.study, other.study)
        raise FrontError(
            f"compare: the studies differ in {field}: {first} has {ours!r}, {second} {theirs!r}; "
            "re-score one under the other's with `carbon-nas rescore`"
        )


def _first_difference(ours: Any, theirs: Any, path: str = "study") -> tuple[str, Any, Any]:
    for field in fields(ours):
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if mine != other:
            where = f"{path}.{field.name}"
            if is_dataclass(mine) and type(mine) is type(other):
                return _first_difference(mine, other, where)
            return where, mine, other
    return path, ours.hash, theirs.hash
