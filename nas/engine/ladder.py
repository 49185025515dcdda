"""The rungs of a run: what its records tell, and the next training that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.engine.claims import Claims
from nas.engine.evidence import Evidence
from nas.engine.plan import Look, Plan
from nas.engine.rungs import Climber, extrapolated, next_climber
from nas.errors import RunError
from nas.runs import Run
from nas.runs.files import read_json

__all__ = ["Ladder", "begun_keys", "checkpoint_path", "rung_path"]

Array = npt.NDArray[np.float64]


def rung_path(artifacts: Path, candidate: str, rung: int) -> Path:
    """The record of a candidate at a rung that is not the last."""
    return artifacts / candidate / f"rung-{rung}.json"


def checkpoint_path(artifacts: Path, candidate: str, rung: int) -> Path:
    """From what its training goes on after that rung."""
    return artifacts / candidate / f"checkpoint-{rung}.safetensors"


def begun_keys(artifacts: Path) -> set[str]:
    """Keys of the candidates that reached the first rung."""
    return {path.parent.name for path in artifacts.glob("*/rung-0.json")}


@dataclass(frozen=True, eq=False)
class _Known:
    order: int
    look: Look
    errors: tuple[float, ...]
    ended: bool


class Ladder:
    """Decides which training goes on.

    Args:
        run: The run.
        plan: Its plan, with rungs.
        study: Its study.
        claims: What is being trained.
        evidence: Of the run.
    """

    def __init__(
        self, run: Run, plan: Plan, study: optuna.Study, claims: Claims, evidence: Evidence
    ) -> None:
        self._run = run
        self._plan = plan
        self._study = study
        self._claims = claims
        self._evidence = evidence
        self._errors: dict[Path, float | None] = {}
        self._orders: dict[str, int] = {}
        self._looks: dict[str, Look] = {}

    def enqueue_next(self) -> bool:
        """Queue a trial that continues one; False where none goes on.

        Raises:
            RunError: If a record is damaged.
        """
        known = self._known()
        claimed = {claim.key for claim in self._claims.all()}
        keys = list(known)
        climbers = [
            Climber(row.errors, self._costs(row.look), climbing=row.ended or key in claimed)
            for key, row in known.items()
        ]

        def gains(indices: Any, mean: Array, sd: Array) -> Array:
            looks = [known[keys[index]].look for index in indices]
            found = self._evidence.gains(looks, (mean, sd))
            return np.ones(len(looks)) if found is None else found

        chosen = next_climber(climbers, self._plan.rungs, self._plan.promotion, gains)
        if chosen is None:
            return False
        told = self._highest()[keys[chosen]]
        rung = len(known[keys[chosen]].errors)
        self._study.enqueue_trial(
            told.params,
            user_attrs={"continues": told.number, "rung": rung, "candidate": keys[chosen]},
        )
        return True

    def errors(self) -> dict[str, float]:
        """The error of each candidate that has begun: trained, or what it is expected to become."""
        known = self._known()
        if not known:
            return {}
        mean, _ = extrapolated([row.errors for row in known.values()], len(self._plan.rungs))
        return {key: float(np.exp(value)) for key, value in zip(known, mean, strict=True)}

    def rung_of(self, candidate: str) -> int:
        """How many rungs below the last the candidate has reached."""
        artifacts = self._run.artifacts
        rungs = range(len(self._plan.rungs) - 1)
        return sum(rung_path(artifacts, candidate, rung).exists() for rung in rungs)

    def latest(self, candidate: str) -> Mapping[str, Any]:
        """The record of the highest rung that the candidate has reached."""
        path = rung_path(self._run.artifacts, candidate, self.rung_of(candidate) - 1)
        record: Mapping[str, Any] = read_json(path)
        return record

    def untold(self, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """The record of a trial whose worker was killed before it told of it, if there is one."""
        candidate, rung = trial.user_attrs.get("candidate"), trial.user_attrs.get("rung")
        if candidate is None or rung is None:
            return None
        ended = self._run.artifacts / candidate / "result.json"
        for path in (self.record_path(candidate, rung), ended):
            if path.exists():
                record: Mapping[str, Any] = read_json(path)
                return record
        return None

    def remove_checkpoints(self) -> None:
        """Delete what nothing goes on from once the search has ended."""
        for path in self._run.artifacts.glob("*/checkpoint-*.safetensors"):
            path.unlink(missing_ok=True)

    def record_path(self, candidate: str, rung: int) -> Path:
        """The file that holds what came of a candidate at a rung."""
        if rung == len(self._plan.rungs) - 1:
            return self._run.artifacts / candidate / "result.json"
        return rung_path(self._run.artifacts, candidate, rung)

    def used_before(self, candidate: str, rung: int) -> tuple[float, float]:
        """Seconds and grams of a candidate's training below a rung."""
        paths = [rung_path(self._run.artifacts, candidate, below) for below in range(rung)]
        records = [read_json(path) for path in paths]
        return sum(float(r["seconds"]) for r in records), sum(float(r["gco2e"]) for r in records)

    def _highest(self) -> dict[str, FrozenTrial]:
        """The last trial of each candidate's training, repeats left out."""
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return {
            trial.user_attrs["candidate"]: trial for trial in complete if "rung" in trial.user_attrs
        }

    def _known(self) -> dict[str, _Known]:
        """Candidates that have begun and not failed, in the order of their decision."""
        artifacts, found = self._run.artifacts, {}
        for candidate in begun_keys(artifacts):
            rungs = range(len(self._plan.rungs) - 1)
            paths = [rung_path(artifacts, candidate, rung) for rung in rungs]
            last = artifacts / candidate / "result.json"
            errors = [self._error(path) for path in (*paths, last) if path.exists()]
            known = tuple(error for error in errors if error is not None)
            found[candidate] = _Known(
                self._orders[candidate],
                self._look(candidate),
                known,
                ended=last.exists(),
            )
        ordered = sorted(found.items(), key=lambda item: (item[1].order, item[0]))
        return {key: row for key, row in ordered if row.errors}

    def _error(self, path: Path) -> float | None:
        if path not in self._errors:
            record = read_json(path)
            try:
                known = [value for value in record["errors"].values() if value is not None]
                self._orders.setdefault(path.parent.name, int(record["order"]))
            except (KeyError, TypeError, AttributeError):
                raise RunError(
                    f"{path}: is damaged; restore it, or delete it and `carbon-nas resume`"
                ) from None
            self._errors[path] = min(known, default=None)
        return self._errors[path]

    def _look(self, candidate: str) -> Look:
        if candidate not in self._looks:
            self._looks[candidate] = self._evidence.look(candidate)
        return self._looks[candidate]

    def _costs(self, look: Look) -> Array:
        rows = self._evidence.values(look.scores, range(len(self._plan.deployments)))
        known = [objective.kind != "trained" for objective in self._plan.objectives]
        return rows[:, known]
