"""What is trained besides a search: its finalists with further seeds, and reference models."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np

from nas.engine.claims import Claims
from nas.engine.evidence import Evidence
from nas.engine.finalists import Finalist, finalists
from nas.engine.job import Job, of_search
from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.runs import Run
from nas.runs.tables import read_records
from search_spaces.graph import simplify
from search_spaces.layers import Layer, layer_shapes, mac_count
from search_spaces.references import reference_models

__all__ = ["Further"]

# The model took a reference of many narrow layers for two thirds of its time: late, it leaves the
# other workers idle for the rest; early, it costs nothing.
_EARLY = 2.0


class Further:
    """The trainings of a run that no trial asked for.

    Finalists are known when the search has ended. References wait for it too, unless a worker
    would be left alone with one at the end, or has nothing else to do.

    Args:
        run: The run.
        plan: Its plan.
        claims: What is being trained.
        evidence: What was trained.
    """

    def __init__(self, run: Run, plan: Plan, claims: Claims, evidence: Evidence) -> None:
        self._run = run
        self._plan = plan
        self._claims = claims
        self._evidence = evidence

    def next_job(self) -> Job | Literal["wait", "done"]:
        """The next of them, claimed for this worker; "wait" while others train the last."""
        claimed = {claim.key for claim in self._claims.all()}
        if any(of_search(key) for key in claimed):
            return "wait"
        wanted = self._finalists()
        keys = [f"{finalist.record.candidate}@{finalist.training}" for finalist in wanted]
        left = len(set(keys) - claimed)
        due = self._due(left)
        if due is not None:
            return due
        for finalist, key in zip(wanted, keys, strict=True):
            if key not in claimed and self._claims.take(key):
                return self._job_of(finalist, key)
        reference = self.any_reference()
        if reference is not None:
            return reference
        return "wait" if wanted or self._missing_references() else "done"

    def beside_search(self, left: int) -> Job | None:
        """A reference that may take longer than what the other workers have left to do.

        Args:
            left: Trainings of the search that have not begun.

        Returns:
            It, claimed for this worker; None where there is none, and for a worker alone.
        """
        return self._due(left + self._plan.finalists * self._plan.extra_seeds)

    def any_reference(self) -> Job | None:
        """The longest reference that nobody trains, claimed; for a worker with nothing to do."""
        for name in self._free_references():
            if self._claims.take(f"reference@{name}"):
                return self.reference_job(name)
        return None

    def left(self) -> bool:
        """Whether any of them has not ended."""
        return bool(self._finalists() or self._missing_references())

    def reference_job(self, name: str) -> Job:
        """The training of a reference model."""
        path = self._run.reference_path(name)
        layers, recipe = self._references[name], self._plan.reference_recipe
        shapes = layer_shapes(layers)
        look = Look(name, {}, layers, {}, recipe, {}, shapes, simplify(layers, shapes))
        return Job(look, 0, None, 0, 0, f"reference@{name}", path)

    def _due(self, trainings: int) -> Job | None:
        """`any_reference`, if it takes half the time of so many trainings among other workers."""
        free = self._free_references()
        others = sum(worker.alive for worker in self._claims.workers()) - 1
        trained = self._evidence.trained() if free and others > 0 else []
        if not trained:
            return None
        means = [self._seconds(row.look) for row in trained]
        longest, *rest = (self._seconds(self.reference_job(name).look) for name in free)
        if (trainings * float(np.mean(means)) + sum(rest)) / others > _EARLY * longest:
            return None
        return self.any_reference()

    def _seconds(self, look: Look) -> float:
        """By the model, so that what is decided does not depend on the machine's load."""
        samples = look.recipe.train_images if self._plan.samples is None else self._plan.samples
        seen = look.recipe.samples_seen(samples or 1)
        return self._plan.power.training_s(mac_count(look.layers), seen)

    @cached_property
    def _references(self) -> dict[str, tuple[Layer, ...]]:
        """Longest first."""
        models = reference_models(self._plan.task.input_shape, self._plan.task.outputs)
        return dict(sorted(models.items(), key=lambda model: -mac_count(model[1])))

    def _free_references(self) -> list[str]:
        claimed = {claim.key for claim in self._claims.all()}
        return [name for name in self._missing_references() if f"reference@{name}" not in claimed]

    def _finalists(self) -> list[Finalist]:
        return finalists(read_records(self._run.artifacts), self._run, self._plan)

    def _missing_references(self) -> list[str]:
        return [name for name in self._references if not self._run.reference_path(name).exists()]

    def _job_of(self, finalist: Finalist, key: str) -> Job:
        record = finalist.record
        look = self._plan.look(point_of(record.architecture, record.recipe))
        path = self._run.artifacts / record.candidate / f"seed-{finalist.training}.json"
        return Job(look, record.order, None, 0, finalist.training, key, path)
