"""What a run tries next: its sampler is asked, and what repeats too often is drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from nas.engine.claims import Claims
from nas.engine.decided import skipped_keys, trained_keys
from nas.engine.ehvi import EhviSampler
from nas.engine.highest import highest_study
from nas.engine.known_costs import sampler_of_plan
from nas.engine.ladder import begun_keys
from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.engine.samplers import make_sampler, seed_of
from nas.engine.shared_weights import doubt_of
from nas.runs import Run
from nas.runs.files import read_json
from search_spaces.base import Architecture

__all__ = ["REPEATS_BEFORE_RANDOM", "Proposals", "drawn_in_vain", "stuck"]

REPEATS_BEFORE_RANDOM = 20
_RANDOM_DRAWS = 2000
_UNTRAINED_BEFORE_RANDOM = 200
_SKIPPED_BEFORE_END = 20
_WARM = "warm_start"


class Proposals:
    """Asks for candidates, each with the deployment that it is tried on.

    Args:
        run: The run.
        plan: Its plan.
        study: Its study.
        claims: What is being trained.
        errors: Gives the error of each candidate that has begun, trained or extrapolated.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        study: optuna.Study,
        claims: Claims,
        errors: Callable[[], Mapping[str, float]],
    ) -> None:
        self._run = run
        self._plan = plan
        self._study = study
        self._claims = claims
        self._errors = errors

    @property
    def labels(self) -> list[str]:
        """Labels of the deployments that a trial chooses from."""
        if self._plan.deployments_as == "targets":
            return [self._plan.deployments[0].label]
        return [deployment.label for deployment in self._plan.deployments]

    def ask(self, n_complete: int, attempt: int) -> optuna.Trial:
        """A new trial whose sampler depends on the run's seed and the history alone.

        Args:
            n_complete: Trials that were told their values.
            attempt: How many trials this ask has used up already.
        """
        n_running = len(self._claims.all())
        failed = attempt if n_running else 0
        seed = seed_of("ask", self._plan.seed, n_complete, n_running, failed)
        ehvi = self._plan.sampler == "ehvi"
        sampler = self._known_costs_sampler if ehvi else make_sampler(self._plan.sampler, seed)
        if self._plan.rungs and not self.waiting():
            return self._ask_of_highest(sampler)
        self._study.sampler = sampler
        return self._study.ask()

    def waiting(self) -> bool:
        """Whether a trial is queued, which is then what is asked next."""
        return bool(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def _ask_of_highest(self, sampler: BaseSampler) -> optuna.Trial:
        """A trial whose sampler saw each training once, at its highest rung."""
        errors, objectives = self._errors(), self._plan.objectives
        asked = highest_study(self._study, sampler, errors, objectives).ask()
        self.suggest(asked)
        told = asked.study._storage.get_trial(asked._trial_id).system_attrs
        self._study.enqueue_trial(asked.params)
        self._study.sampler = sampler
        trial = self._study.ask()
        for name, value in told.items():
            self._study._storage.set_trial_system_attr(trial._trial_id, name, value)
        return trial

    @cached_property
    def _known_costs_sampler(self) -> EhviSampler:
        """Proposes by the history alone, so that it may keep what it computed of candidates."""
        return sampler_of_plan(self._plan, self.labels, lambda: doubt_of(self._run))

    def suggest(self, trial: optuna.Trial) -> tuple[Architecture, int]:
        """The point and the index of the deployment that a trial tries."""
        point = self._plan.candidates.choose(trial.suggest_categorical)
        labels = self.labels
        if len(labels) < 2:
            return point, 0
        return point, labels.index(trial.suggest_categorical("deployment", labels))

    def deployment_of(self, trial: int | None) -> int:
        """Index of the deployment that a trial chose; 0 if there was nothing to choose."""
        labels = self.labels
        if trial is None or len(labels) < 2:
            return 0
        frozen = self._study.get_trials(deepcopy=False)[trial]
        return labels.index(frozen.params["deployment"])

    def enqueue(self, look: Look, deployment: int, **attributes: Any) -> None:
        """Queue a candidate; its trial has these attributes."""
        chosen = {"deployment": self.labels[deployment]} if len(self.labels) > 1 else {}
        point = point_of(look.architecture, look.settings)
        self._study.enqueue_trial({**point, **chosen}, user_attrs=attributes)

    def enqueue_warm_start(self) -> None:
        """Queue, once, what the run began with: records to be told, then points to be tried."""
        begun = self._plan.warm_start
        if not (begun.records or begun.first) or _WARM in self._study.user_attrs:
            return
        points = [_point_of_record(self._run.artifacts / key) for key in begun.records]
        for point in (*points, *begun.first):
            look = self._plan.look(point)
            places = [place for place in range(len(self.labels)) if look.feasible(place)]
            self.enqueue(look, places[0] if places else 0)
        self._study.set_user_attr(_WARM, len(points) + len(begun.first))

    def enqueue_random(self, n_complete: int, worth: Callable[[Look, int], bool]) -> bool:
        """Queue an architecture that is neither trained nor claimed; False if none was found.

        Args:
            n_complete: Trials that were told their values.
            worth: Whether a candidate is worth training for a deployment.
        """
        if self.waiting():
            return True
        rng = np.random.default_rng(seed_of("draw", self._plan.seed, n_complete))
        claimed = {claim.key for claim in self._claims.all()}
        artifacts = self._run.artifacts
        taken = trained_keys(artifacts) | begun_keys(artifacts) | skipped_keys(artifacts) | claimed
        labels = self.labels
        seen: set[str] = set()
        for _ in range(_RANDOM_DRAWS):
            point = self._plan.candidates.sample(rng)
            deployment = int(rng.integers(len(labels)))
            drawn = f"{point} {deployment}"
            if drawn in seen:
                continue
            seen.add(drawn)
            look = self._plan.look(point)
            if look.candidate not in taken and worth(look, deployment):
                self.enqueue(look, deployment, drawn=True)
                return True
        return False


def _point_of_record(folder: Path) -> Architecture:
    described = read_json(folder / "layers.json")
    return point_of(described["architecture"], described.get("recipe", {}))


def drawn_in_vain(complete: Sequence[FrozenTrial]) -> bool:
    """Whether the last candidates that were drawn at random were all skipped."""
    last = complete[-_SKIPPED_BEFORE_END:]
    return len(last) == _SKIPPED_BEFORE_END and all(
        trial.user_attrs.get("drawn") and trial.user_attrs.get("status") == "skipped"
        for trial in last
    )


def stuck(complete: Sequence[FrozenTrial]) -> bool:
    """Whether the last trials were all repeats, or none of very many was worth training."""
    repeats = 0
    for trial in reversed(complete):
        if not trial.user_attrs.get("repeat"):
            break
        repeats += 1
    untrained = 0
    for trial in reversed(complete):
        if trial.user_attrs.get("trained") and not trial.user_attrs.get("repeat"):
            break
        untrained += 1
    return repeats >= REPEATS_BEFORE_RANDOM or untrained >= _UNTRAINED_BEFORE_RANDOM
