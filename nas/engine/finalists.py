"""Which candidates of the front are trained again, so that the luckiest seed does not win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.engine.plan import Plan
from nas.pareto.fronts import non_dominated
from nas.runs import Run
from nas.runs.tables import Record, score_table

__all__ = ["Finalist", "finalists"]


@dataclass(frozen=True)
class Finalist:
    """One further training: of which candidate, and which one it is (1, 2, ...)."""

    record: Record
    training: int


def finalists(records: Sequence[Record], run: Run, plan: Plan) -> list[Finalist]:
    """The further trainings that the run's front still lacks, best error first.

    The front is taken from mean errors, so it can change when a further seed turns out worse; a
    candidate that then comes onto it is trained again too. At most `plan.finalists` candidates
    are.

    Args:
        records: All decided candidates.
        run: The run.
        plan: Its plan.
    """
    if plan.extra_seeds == 0 or plan.finalists == 0:
        return []
    by_key = {record.candidate: record for record in records}
    begun = [record for record in records if len(record.trainings) > 1]
    chosen = {record.candidate: record for record in begun}
    for key in _front(records, run, plan):
        if len(chosen) < plan.finalists:
            chosen.setdefault(key, by_key[key])
    missing: list[Finalist] = []
    for record in chosen.values():
        done = {training["training"] for training in record.trainings}
        missing += [
            Finalist(record, index) for index in range(1, plan.extra_seeds + 1) if index not in done
        ]
    return missing


def _front(records: Sequence[Record], run: Run, plan: Plan) -> list[str]:
    scores = score_table(records, plan.deployments, plan.study, run.frozen["constraints"])
    if scores.empty:
        return []
    columns = [objective.column for objective in plan.objectives]
    rows = scores[scores["feasible"]].dropna(subset=columns)
    if plan.deployments_as == "targets":
        groups = [group for _, group in rows.groupby("deployment", sort=False)]
    else:
        groups = [rows]
    keys: dict[str, float] = {}
    for group in groups:
        front = group[non_dominated(group[columns].to_numpy())] if len(group) else group
        for key, error in zip(front["candidate"], front["error"], strict=True):
            keys[key] = min(error, keys.get(key, np.inf))
    return sorted(keys, key=lambda key: (keys[key], key))
