"""Expected hypervolume improvement with known costs: a sampler for any Optuna study.

Cheap objectives of every candidate are known before it is evaluated; only the expensive ones are
modelled, by a Gaussian process over the parameters, features of the graph and the logarithms of
the costs. The next candidate is the one whose expected gain of hypervolume is greatest. Nothing
that was evaluated or is pending is proposed again, nor anything infeasible, while others remain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.engine.acquisition import Observed, most_different, most_promising
from nas.engine.candidates import Candidates, Costs
from nas.engine.domain import Domain, Parameters, domain_of_space, domain_of_trials
from search_spaces.base import SearchSpace

__all__ = ["STARTUP", "EhviSampler"]

STARTUP = 6
"""Candidates that are evaluated before the first model."""

_STARTUP_AFTER = 2  # an earlier search
_RANDOM, _FRESH, _MOVES = 300, 10, 20
_AROUND = 24
_DRAWS = 2000


class EhviSampler(BaseSampler):
    """Proposes the candidate of greatest expected hypervolume gain.

    Args:
        space: What may be chosen; None learns it, conditions included, from the trials.
        costs: ``costs(points)`` gives (n, objectives) of what is known without an evaluation, NaN
            where only an evaluation tells; in the study's order and directions. None: all are
            expensive.
        constraints: ``constraints(points)`` gives (n, constraints), at most 0 where they hold.
        features: Named numbers of each point that may explain the expensive objectives.
        key: Points of one key are one, such as networks that compute alike.
        free: Parameters such as the device that change costs only: an evaluation counts for all
            of their values.
        apart: Whether each of those values has a front of its own, as targets have: the gain is the
            mean over them, each as a share of its box, and trials have no free parameters; they
            are told what holds for the first value.
        shift: ``shift(point)`` names what of the free parameters shifts the expensive objectives
            all the same, such as the precision; the shift is learnt.
        spread: Relative standard deviation of each objective of ``costs``, such as 0.1 for a
            modelled latency, 0 where it is exact; the study is told the true value.
        doubt: ``doubt()`` gives the standard deviation of what an evaluation misses of an expensive
            objective, of its natural logarithm where all are positive: that of an approximate one.
        earlier: Points with the value that an earlier search of the same space, on another task or
            with another recipe, told of the first expensive objective, the lower the better: the
            model begins from them, as far as they agree, after two evaluations.
        looks: Where the space has at most so many points, all are looked at before each proposal;
            else random ones, up to 300, and ones near the best: fewer where this is less.
        seed: Of the random draws; equal seeds and histories give equal proposals.

    A trial whose user attribute ``trained`` is False was not evaluated, and
    the model learns nothing of it.
    """

    def __init__(
        self,
        space: SearchSpace | None = None,
        costs: Costs | None = None,
        constraints: Costs | None = None,
        *,
        features: Callable[[list[Parameters]], Sequence[Mapping[str, float]]] | None = None,
        key: Callable[[Parameters], str] | None = None,
        free: tuple[str, ...] = (),
        apart: bool = False,
        shift: Callable[[Parameters], str] | None = None,
        spread: Sequence[float] | None = None,
        doubt: Callable[[], float] | None = None,
        earlier: Sequence[tuple[Parameters, float]] = (),
        looks: int = 20_000,
        seed: int = 0,
    ) -> None:
        self._functions: dict[str, Any] = {
            "costs": costs,
            "constraints": constraints,
            "features": features,
            "key": key,
            "free": free,
            "shift": shift,
        }
        self._spread = None if spread is None else np.asarray(spread, dtype=np.float64)
        self._doubt = doubt
        self._earlier = tuple(earlier)
        self._looks = looks
        self._apart = apart
        self._seed = seed
        self._independent = RandomSampler(seed=seed)
        self._known = None if space is None else self._candidates(domain_of_space(space))
        self._everything: dict[str, list[int]] | None = None

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Distributions of all parameters, conditional ones included."""
        candidates = self._candidates_of(study)
        domain = candidates.domain.without(candidates.free) if self._apart else candidates.domain
        return dict(domain.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next candidate's parameters."""
        if not search_space:
            return {}
        candidates = self._candidates_of(study)
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        evaluated = [row for row in complete if row.params and row.user_attrs.get("trained", True)]
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        pending = [row.params for row in running if row.number != trial.number and row.params]
        rng = self._rng(len(evaluated), len(pending))
        signs = np.array([-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
        rows_of = candidates.add_at_first if self._apart else candidates.add
        observed = Observed(
            rows=rows_of([row.params for row in evaluated]),
            values=np.array([row.values for row in evaluated]).reshape(-1, len(signs)) * signs,
            pending=rows_of(pending),
            signs=signs,
            doubt=0.0 if self._doubt is None else self._doubt(),
            earlier=candidates.add_at_first([point for point, _ in self._earlier]),
            told_earlier=np.array([value for _, value in self._earlier]),
        )
        decided = rows_of([row.params for row in complete if row.params])
        taken = {candidates.keys[row] for row in (*decided, *observed.pending)}
        pool = self._pool(candidates, observed, taken, rng)
        if not pool:
            return candidates.domain.sample(rng)
        if len(evaluated) < (_STARTUP_AFTER if self._earlier else STARTUP):
            row = most_different(candidates, observed, pool, rng)
        else:
            row = most_promising(
                candidates, observed, pool, STARTUP, self._spread, apart=self._apart
            )
        point = candidates.points[row]
        return candidates.told(point) if self._apart else point

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A random value, for what no earlier trial had."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Seed the random values of `sample_independent` anew."""
        self._independent.reseed_rng()

    def _candidates(self, domain: Domain) -> Candidates:
        return Candidates(domain, **self._functions)

    def _candidates_of(self, study: Study) -> Candidates:
        if self._known is not None:
            return self._known
        told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return self._candidates(domain_of_trials(told))

    def _rng(self, *parts: Any) -> np.random.Generator:
        text = repr((self._seed, *parts))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))

    def _pool(
        self,
        candidates: Candidates,
        observed: Observed,
        taken: set[str],
        rng: np.random.Generator,
    ) -> list[list[int]]:
        """Feasible rows of candidates that are neither evaluated nor pending."""
        domain = candidates.domain.without(candidates.free)
        size = domain.size()
        if size is not None and size <= self._looks:
            if self._everything is None or self._known is None:
                self._everything = candidates.feasible_rows(domain.everything())
            return [rows for key, rows in self._everything.items() if key not in taken]
        fixed = self._rng("pool")
        share = min(1.0, self._looks / _RANDOM)
        points = [domain.sample(fixed) for _ in range(max(1, round(share * _RANDOM)))]
        points += [domain.sample(rng) for _ in range(max(1, round(share * _FRESH)))]
        for row in observed.best(max(1, round(share * _AROUND))):
            here = domain.active(candidates.points[row])
            near = self._rng("near", sorted(here.items()))
            moves = range(max(1, round(share * _MOVES)))
            points += [domain.moved(here, 1 + index % 2, near) for index in moves]
        pool = candidates.feasible_rows(points)
        untaken = [rows for key, rows in pool.items() if key not in taken]
        for _ in range(0 if untaken else _DRAWS):
            drawn = candidates.feasible_rows([domain.sample(rng)])
            untaken = [rows for key, rows in drawn.items() if key not in taken]
            if untaken:
                break
        return untaken
