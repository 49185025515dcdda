"""Never in vain: a candidate that cannot come onto the front is not trained, and this is audited.

A candidate is skipped where each of its rows would be dominated by something that was trained, with
its error at the least that it may have and its costs at the least that they may be, against the
other's costs at the most. The least error is the task's best reachable one, or a bound of the model
of error at a confidence that is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import optuna
from scipy.special import ndtri

from nas.engine.decided import has_key, skipped_keys
from nas.engine.evidence import Evidence, Trained
from nas.engine.plan import Look, Plan
from nas.engine.proposals import Proposals
from nas.engine.samplers import seed_of
from nas.pareto import non_dominated
from nas.runs import Run

__all__ = ["CONFIDENCE", "Audit", "Skip", "Skipping", "is_audited", "skip_of"]

Array = npt.NDArray[np.float64]
CONFIDENCE = 0.99
_LEAST_TRAININGS = 20  # before them the model of error says too little
_SPREAD = 0.1  # of a modelled cost, as a share: what devices were predicted to (docs/decisions.md)
_AUDITED_OF_1000 = 20


@dataclass(frozen=True)
class Skip:
    """Why a candidate is not trained.

    Attributes:
        dominated_by: Key of the trained candidate that dominates its best deployment's row.
        least_error: The error that it was given.
        confidence: That its error is not lower; None where it is the task's best reachable one.
        trainings: How many were known.
    """

    dominated_by: str
    least_error: float
    confidence: float | None
    trainings: int

    @property
    def reason(self) -> str:
        """In one line."""
        known = "best reachable" if self.confidence is None else f"{self.confidence:.0%} sure"
        least = f"an error of {self.least_error:.4g} ({known})"
        return f"dominated: by {self.dominated_by} even at {least}"


@dataclass(frozen=True)
class Audit:
    """How skipping has fared.

    Attributes:
        skipped: Candidates that were not trained for a bound.
        audited: Others of which the bound said the same, and which were trained.
        wrong: Of those, how many are on the front all the same.
    """

    skipped: int
    audited: int
    wrong: int


def is_audited(plan: Plan, candidate: str) -> bool:
    """Whether a candidate is trained although it would be skipped: one in fifty, by its key."""
    return seed_of("audit", plan.seed, candidate) % 1000 < _AUDITED_OF_1000


def skip_of(plan: Plan, evidence: Evidence, looks: Sequence[Look]) -> list[Skip | None]:
    """Why each candidate is not worth training; None where it may be.

    Args:
        plan: Of the run.
        evidence: Of its trainings.
        looks: Candidates that were not trained.

    Raises:
        RunError: If a record is damaged.
    """
    trained = [row for row in evidence.trained() if np.isfinite(row.error)]
    if len(trained) < _LEAST_TRAININGS or not looks:
        return [None] * len(looks)
    reachable = _skips(plan, evidence, looks, [plan.task.best_error] * len(looks), None)
    believed = evidence.believed(looks)
    if believed is None:
        return reachable
    mean, sd = believed
    bounds = np.exp(mean - float(ndtri(CONFIDENCE)) * sd)
    least = np.maximum(bounds, plan.task.best_error)
    sure = _skips(plan, evidence, looks, least.tolist(), CONFIDENCE)
    return [first or second for first, second in zip(reachable, sure, strict=True)]


class Skipping:
    """Skips, reconsiders and audits for a run.

    Args:
        run: The run.
        plan: Its plan.
        evidence: Of its trainings.
        proposals: Queue of its study.
    """

    def __init__(self, run: Run, plan: Plan, evidence: Evidence, proposals: Proposals) -> None:
        self._run = run
        self._plan = plan
        self._evidence = evidence
        self._proposals = proposals
        self._looks: dict[str, Look] = {}
        self._looked_at = -1

    def skip_of(self, look: Look, trial: optuna.Trial) -> Skip | None:
        """Why a trial is not trained; None where it is, be it as an audit, which it then notes."""
        if not self._plan.skip or trial.user_attrs.get("reconsidered"):
            return None
        skip = skip_of(self._plan, self._evidence, [look])[0]
        if skip is not None and is_audited(self._plan, look.candidate):
            trial.set_user_attr("audit", asdict(skip))
            return None
        return skip

    def enqueue_reconsidered(self) -> None:
        """Queue a skipped candidate that no bound refuses any more, once for each new training."""
        trainings = len(self._evidence.trained()) if self._plan.skip else 0
        if trainings < _LEAST_TRAININGS or trainings == self._looked_at:
            return
        self._looked_at = trainings
        looks = [self._look(key) for key in sorted(skipped_keys(self._run.artifacts))]
        found = skip_of(self._plan, self._evidence, looks)
        for look, skip in zip(looks, found, strict=True):
            if skip is None:
                places = range(len(self._plan.deployments))
                feasible = [place for place in places if look.feasible(place)]
                place = 0 if self._plan.deployments_as == "targets" else feasible[0]
                self._proposals.enqueue(look, place, reconsidered=True)
                return

    def audit(self) -> Audit:
        """How many were skipped, how many of those trained all the same, and how many were wrong.

        Raises:
            RunError: If a record is damaged.
        """
        artifacts = self._run.artifacts
        audited = {
            path.parent.name for path in artifacts.glob("*/result.json") if has_key(path, "audit")
        }
        rows = self._evidence.trained()
        groups: list[list[int]] = [list(range(len(self._plan.deployments)))]
        if self._plan.deployments_as == "targets":
            groups = [[place] for place in groups[0]]
        wrong: set[str] = set()
        for group in groups if audited else []:
            values = [self._evidence.values(row.scores, group) for row in rows]
            keys = np.repeat([row.look.candidate for row in rows], [len(own) for own in values])
            points = np.vstack(values)
            known = np.isfinite(points).all(axis=1)
            front = keys[known][non_dominated(points[known])] if known.any() else keys[:0]
            wrong |= audited & set(front.tolist())
        return Audit(len(skipped_keys(artifacts)), len(audited), len(wrong))

    def _look(self, candidate: str) -> Look:
        if candidate not in self._looks:
            self._looks[candidate] = self._evidence.look(candidate)
        return self._looks[candidate]


_Known = tuple[list[int], Array, list[str]]
"""Deployments that share a front, rows of what was trained with costs at their most, whose."""


def _skips(
    plan: Plan,
    evidence: Evidence,
    looks: Sequence[Look],
    errors: Sequence[float],
    confidence: float | None,
) -> list[Skip | None]:
    places = range(len(plan.deployments))
    targets = plan.deployments_as == "targets"
    groups = [[place] for place in places] if targets else [list(places)]
    trained = evidence.trained()
    known = [_rows(plan, evidence, trained, group) for group in groups]
    found: list[Skip | None] = []
    for look, error in zip(looks, errors, strict=True):
        by = _dominating(plan, evidence, look, error, known)
        found.append(None if by is None else Skip(by, float(error), confidence, len(trained)))
    return found


def _rows(plan: Plan, evidence: Evidence, trained: Sequence[Trained], group: list[int]) -> _Known:
    rows = [evidence.values(row.scores, group) for row in trained]
    keys = [row.look.candidate for row, own in zip(trained, rows, strict=True) for _ in own]
    values = np.vstack([np.empty((0, len(plan.objectives))), *rows])
    kept = np.flatnonzero(np.isfinite(values).all(axis=1))
    return group, values[kept] * (1 + _spread(plan)), [keys[row] for row in kept]


def _dominating(
    plan: Plan, evidence: Evidence, look: Look, error: float, known: Sequence[_Known]
) -> str | None:
    """A candidate that dominates a row of this one, if others dominate all its rows."""
    by = None
    for group, most, keys in known:
        least = evidence.values(look.scores, group) / (1 + _spread(plan))
        for column, objective in enumerate(plan.objectives):
            if objective.kind == "trained":
                least[:, column] = error
        for row in least:
            better = (most <= row).all(axis=1) & (most < row).any(axis=1)
            if not better.any():
                return None
            by = keys[int(np.flatnonzero(better)[0])]
    return by


def _spread(plan: Plan) -> Array:
    """By objective; counts are exact, and the error has a bound of its own."""
    return np.array([_SPREAD if row.kind == "modelled" else 0.0 for row in plan.objectives])
