"""Expected hypervolume improvement with known costs: a sampler for any Optuna study.

Cheap objectives of every candidate are known before it is evaluated; only the expensive ones are
modelled, by a Gaussian process over the parameters, features of the graph and the logarithms of
the costs. The next candidate is the one whose expected gain of hypervolume is greatest. Nothing
that was evaluated or is pending is proposed again, nor anything infeasible, while others remain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.engine.acquisition import most_different, most_promising
from nas.engine.beliefs import Observed
from nas.engine.candidates import Candidates, Costs
from nas.engine.domain import Domain, Parameters, domain_of_space, domain_of_trials
from nas.engine.oracles import ORACLE, Oracle, Questions
from nas.engine.pool import Pool, generator_of
from nas.errors import ConfigError
from search_spaces.base import SearchSpace

__all__ = ["STARTUP", "EhviSampler"]

STARTUP = 6
"""Candidates that are evaluated before the first model."""

_STARTUP_AFTER = 2  # an earlier search


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
        oracles: What tells the expensive objectives, where not each trial tells all: a trial then
            has a categorical parameter ``oracle`` more, the name of the one it asks, and what that
            does not tell is not read (tell infinity). A question's gain is weighed by its cost.
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
        oracles: Sequence[Oracle] = (),
        looks: int = 20_000,
        seed: int = 0,
    ) -> None:
        if oracles and (free or apart or spread is not None or doubt is not None or earlier):
            raise ConfigError(
                "oracles: are given with free, apart, spread, doubt or earlier; leave those out"
            )
        self._questions = Questions(oracles) if oracles else None
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
        self._known = None if space is None else self._pool(domain_of_space(space))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Distributions of all parameters, conditional ones included."""
        candidates = self._pool_of(study).candidates
        domain = candidates.domain.without(candidates.free) if self._apart else candidates.domain
        own = dict(domain.distributions)
        return own | {ORACLE: self._questions.distribution} if own and self._questions else own

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next candidate's parameters."""
        if not search_space:
            return {}
        pool = self._pool_of(study)
        if self._questions is not None:
            return self._question(study, trial, pool, self._questions)
        candidates = pool.candidates
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        evaluated = [row for row in complete if row.params and row.user_attrs.get("trained", True)]
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        pending = [row.params for row in running if row.number != trial.number and row.params]
        rng = generator_of(self._seed, len(evaluated), len(pending))
        signs = _signs(study)
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
        untaken = pool.untaken(observed, taken, rng)
        if not untaken:
            return candidates.domain.sample(rng)
        if len(evaluated) < (_STARTUP_AFTER if self._earlier else STARTUP):
            row = most_different(candidates, observed, untaken, rng)
        else:
            row = most_promising(
                candidates, observed, untaken, STARTUP, self._spread, apart=self._apart
            )
        point = candidates.points[row]
        return candidates.told(point) if self._apart else point

    def _question(
        self, study: Study, trial: FrozenTrial, pool: Pool, questions: Questions
    ) -> dict[str, Any]:
        """The next candidate's parameters, and which oracle is asked."""
        candidates = pool.candidates
        trials = [
            row
            for row in study.get_trials(
                deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING)
            )
            if row.params and row.number != trial.number
        ]
        observed, asked, closed = questions.observed(candidates, trials, _signs(study))
        begun = questions.first(candidates, observed, asked, STARTUP)
        if begun is None:
            rng = generator_of(self._seed, len(trials), len(observed.pending))
            taken = {candidates.keys[row] for row in (*closed, *observed.rows)}
            untaken = pool.untaken(observed, taken, rng)
            rows = [own[0] for own in untaken]
            rows += [row for row in observed.rows if row not in closed]
            if not rows:
                return candidates.domain.sample(rng) | {ORACLE: questions.oracles[0].name}
            if len(observed.rows) < STARTUP and untaken:
                row = most_different(candidates, observed, untaken, rng)
                begun = row, questions.cheapest(candidates.points[row]).name
            else:
                begun = questions.best(candidates, observed, rows, asked, STARTUP)
        row, name = begun
        return {**candidates.points[row], ORACLE: name}

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

    def _pool(self, domain: Domain) -> Pool:
        candidates = Candidates(domain, **self._functions)
        return Pool(candidates, self._looks, partial(generator_of, self._seed))

    def _pool_of(self, study: Study) -> Pool:
        if self._known is not None:
            return self._known
        told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        domain = domain_of_trials(told)
        return self._pool(domain.without((ORACLE,)) if self._questions else domain)


def _signs(study: Study) -> npt.NDArray[np.float64]:
    """1 for what the study minimises, -1 for what it maximises."""
    return np.array([-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
