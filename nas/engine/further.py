"""What is trained after a search: its finalists with further seeds, and reference models."""

from __future__ import annotations

from typing import Literal

from nas.engine.claims import Claims
from nas.engine.finalists import Finalist, finalists
from nas.engine.job import Job, of_search
from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.runs import Run
from nas.runs.tables import read_records
from search_spaces.references import reference_models

__all__ = ["Further"]


class Further:
    """The trainings of a run that no trial asked for.

    Args:
        run: The run.
        plan: Its plan.
        claims: What is being trained.
    """

    def __init__(self, run: Run, plan: Plan, claims: Claims) -> None:
        self._run = run
        self._plan = plan
        self._claims = claims

    def next_job(self) -> Job | Literal["wait", "done"]:
        """The next of them, claimed for this worker; "wait" while others train the last."""
        claimed = {claim.key for claim in self._claims.all()}
        if any(of_search(key) for key in claimed):
            return "wait"
        wanted = self._finalists()
        for finalist in wanted:
            key = f"{finalist.record.candidate}@{finalist.training}"
            if key not in claimed and self._claims.take(key):
                return self._job_of(finalist, key)
        missing = self._missing_references()
        for name in missing:
            if f"reference@{name}" not in claimed and self._claims.take(f"reference@{name}"):
                return self.reference_job(name)
        return "wait" if wanted or missing else "done"

    def left(self) -> bool:
        """Whether any of them has not ended."""
        return bool(self._finalists() or self._missing_references())

    def reference_job(self, name: str) -> Job:
        """The training of a reference model."""
        layers = reference_models(self._plan.task.input_shape, self._plan.task.outputs)[name]
        path = self._run.reference_path(name)
        look = Look(name, {}, layers, {}, self._plan.reference_recipe, {})
        return Job(look, 0, None, 0, 0, f"reference@{name}", path)

    def _finalists(self) -> list[Finalist]:
        return finalists(read_records(self._run.artifacts), self._run, self._plan)

    def _missing_references(self) -> list[str]:
        names = reference_models(self._plan.task.input_shape, self._plan.task.outputs)
        return [name for name in names if not self._run.reference_path(name).exists()]

    def _job_of(self, finalist: Finalist, key: str) -> Job:
        record = finalist.record
        look = self._plan.look(point_of(record.architecture, record.recipe))
        path = self._run.artifacts / record.candidate / f"seed-{finalist.training}.json"
        return Job(look, record.order, None, 0, finalist.training, key, path)
