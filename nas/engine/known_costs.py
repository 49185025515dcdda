"""What a run knows of candidates before it trains them, for the sampler that uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.engine.domain import Parameters
from nas.engine.ehvi import EhviSampler
from nas.engine.own_files import TracedBuild
from nas.engine.plan import Plan
from search_spaces.base import Choice

__all__ = ["sampler_of_plan"]

_DEPLOYMENT = "deployment"
_LOOKS, _TRACED_LOOKS = 1000, 60  # a look costs some milliseconds; with a module to trace, 100


def sampler_of_plan(
    plan: Plan, labels: Sequence[str], doubt: Callable[[], float] | None = None
) -> EhviSampler:
    """The sampler with known costs for a run; it keeps what it computed of candidates.

    Args:
        plan: Of the run.
        labels: Of the deployments that a trial chooses from; of one there is nothing to choose.
            Of targets a trial chooses none, and the gain over all is looked at.
        doubt: As `EhviSampler` takes it.
    """
    targets = plan.deployments_as == "targets"
    labels = [row.label for row in plan.deployments] if targets else labels
    known = _Known(plan, tuple(labels), {})
    space = plan.candidates
    joint = len(labels) > 1
    if joint:
        choice = Choice(_DEPLOYMENT, tuple(labels))
        space = dataclasses.replace(space, choices=(*space.choices, choice))
    return EhviSampler(
        space,
        known.costs,
        known.constraints,
        features=known.features,
        key=known.key,
        free=(_DEPLOYMENT,) if joint else (),
        apart=joint and targets,
        shift=known.precision if joint else None,
        looks=_TRACED_LOOKS if isinstance(plan.space.build, TracedBuild) else _LOOKS,
        doubt=doubt,
        earlier=plan.warm_start.earlier,
        seed=plan.seed,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    key: str
    features: Mapping[str, float]
    costs: tuple[tuple[float, ...], ...]
    feasible: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    plan: Plan
    labels: tuple[str, ...]
    facts: dict[tuple[tuple[str, Any], ...], _Facts]

    def costs(self, points: list[Parameters]) -> list[tuple[float, ...]]:
        """One row a point, in the run's objectives; NaN for the error."""
        return [self._of(point).costs[self._deployment(point)] for point in points]

    def constraints(self, points: list[Parameters]) -> list[list[float]]:
        """One number a point: 0 where the candidate may run on the deployment, else 1."""
        return [
            [0.0 if self._of(point).feasible[self._deployment(point)] else 1.0] for point in points
        ]

    def features(self, points: list[Parameters]) -> list[Mapping[str, float]]:
        """Features of each network's graph."""
        return [self._of(point).features for point in points]

    def key(self, point: Parameters) -> str:
        """The candidate's key."""
        return self._of(point).key

    def precision(self, point: Parameters) -> str:
        """That of the deployment: it shifts the error."""
        return str(self.plan.deployments[self._deployment(point)].precision)

    def _deployment(self, point: Parameters) -> int:
        return self.labels.index(point[_DEPLOYMENT]) if _DEPLOYMENT in point else 0

    def _of(self, point: Parameters) -> _Facts:
        told = tuple(sorted((name, value) for name, value in point.items() if name != _DEPLOYMENT))
        if told not in self.facts:
            self.facts[told] = self._looked_at(dict(told))
        return self.facts[told]

    def _looked_at(self, point: Parameters) -> _Facts:
        look = self.plan.look(point)
        columns = [look.scores[objective.column] for objective in self.plan.objectives]
        deployments = range(len(self.plan.deployments))
        return _Facts(
            key=look.candidate,
            features=look.features,
            costs=tuple(tuple(float(column[row]) for column in columns) for row in deployments),
            feasible=tuple(look.feasible(row) for row in deployments),
        )
