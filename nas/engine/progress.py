"""How far a run is, read from its records and its database; for the live display and `status`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hardware_profiles import Precision
from nas.engine.budget import Spent
from nas.engine.decide import Decider
from nas.engine.ladder import begun_keys
from nas.engine.plan import Plan
from nas.engine.schedule import schedule_of
from nas.engine.skipping import Audit
from nas.pareto import hypervolume
from nas.runs import Run
from nas.runs.files import read_json
from search_spaces.layers import layers_from_json

__all__ = ["Latest", "Progress", "Watcher"]


@dataclass(frozen=True)
class Latest:
    """The training that ended last; `training` is 0 for that of the search, else a further seed."""

    candidate: str
    status: str
    error: float | None
    seconds: float
    training: int = 0


@dataclass(frozen=True)
class Progress:
    """A run at one moment.

    Attributes:
        phase: "search", "finalists" or "done".
        stop_reason: Why the search phase ended; None while it goes on.
        trainings: Candidates whose training has ended.
        trainings_limit: The budget, if it is in trainings.
        running: Trainings under way.
        begun: Candidates whose training was stopped at a rung, or goes on from one.
        audit: How many were skipped, and how that was audited.
        untrained: Candidates decided without training.
        further_trainings: Trainings of finalists with further seeds that have ended.
        best_error: Smallest error so far; None before the first.
        hypervolume: Of the feasible scores between the ideal and the reference point that were
            frozen at launch, as a share of that box, in [0, 1].
        seconds: Time at work; this, energy and carbon of a run that is done as it recorded them.
        energy_j: Energy of the search so far (modelled).
        gco2e: Its carbon (modelled).
        epochs: Of the search's trainings, those under way counted whole.
        paused: Whether it waits for cleaner hours.
        left_s: Time left at the pace so far; None if it cannot be told, or the run is done.
        latest: The training that ended last.
    """

    phase: str
    stop_reason: str | None
    trainings: int
    trainings_limit: int | None
    running: int
    begun: int
    untrained: int
    audit: Audit
    further_trainings: int
    best_error: float | None
    hypervolume: float
    seconds: float
    energy_j: float
    gco2e: float
    epochs: int
    paused: bool
    left_s: float | None
    latest: Latest | None


class Watcher:
    """Reads each record once and keeps what the display needs."""

    def __init__(self, run: Run, plan: Plan, decider: Decider) -> None:
        self._run = run
        self._plan = plan
        self._decider = decider
        self._seconds: dict[str, float] = {}
        self._points: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._errors: list[float] = []
        self._seeds_read: set[Path] = set()
        self._latest: Latest | None = None
        self._hypervolume = 0.0
        self._further_seen = -1
        self._finished = False
        self._schedule = schedule_of(run)
        ideal = np.array(run.frozen["ideal"])
        span = np.array(run.frozen["reference"]) - ideal
        self._scale = (ideal, np.where(span > 0, span, 1.0))

    def results(self) -> int:
        """How many trainings have ended, finalists' included."""
        return sum(1 for _ in self._run.artifacts.glob("*/result.json")) + self._further()

    def progress(self) -> Progress:
        """The run now.

        Raises:
            RunError: If a record is damaged.
        """
        self._read_new()
        spent = self._decider.spent()
        used = asdict(spent)
        claims = [claim for claim in self._decider.claims.all() if claim.alive]
        reason = self._decider.stop_reason_recorded()
        phase = self._phase(reason)
        if phase == "done":
            used = dict(self._run.spent() or used)
        left_s = self._left_s(spent, max(1, len(claims)))
        return Progress(
            phase=phase,
            stop_reason=reason,
            trainings=self._trainings(),
            trainings_limit=self._plan.limits.trainings,
            running=len(claims),
            begun=len(begun_keys(self._run.artifacts) - set(self._seconds)),
            untrained=sum(1 for _ in self._run.artifacts.glob("*/untrained.json")),
            audit=self._decider.audit(),
            further_trainings=self._further(),
            best_error=min(self._errors, default=None),
            hypervolume=self._hypervolume,
            seconds=used["seconds"],
            energy_j=used["energy_j"],
            gco2e=used["gco2e"],
            epochs=spent.epochs,
            paused=self._schedule is not None and self._schedule.paused(),
            left_s=None if phase == "done" else left_s,
            latest=self._latest,
        )

    def _trainings(self) -> int:
        return len(self._seconds.keys() - set(self._plan.warm_start.records))

    def _phase(self, reason: str | None) -> str:
        if reason is None:
            return "search"
        further = self._further() + sum(1 for _ in (self._run.path / "references").glob("*.json"))
        if further != self._further_seen:
            self._further_seen = further
            self._finished = self._decider.finished()
        return "done" if self._finished else "finalists"

    def _further(self) -> int:
        return sum(1 for _ in self._run.artifacts.glob("*/seed-*.json"))

    def _read_new(self) -> None:
        new = False
        artifacts = self._run.artifacts
        records = [
            *(
                path
                for path in artifacts.glob("*/result.json")
                if path.parent.name not in self._seconds
            ),
            *(path for path in artifacts.glob("*/seed-*.json") if path not in self._seeds_read),
        ]
        for path in sorted(records, key=lambda path: path.stat().st_mtime_ns):
            candidate, result = path.parent.name, read_json(path)
            seconds, training = float(result["seconds"]), int(result.get("training", 0))
            known = [value for value in result["errors"].values() if value is not None]
            error = min(known, default=None)
            self._latest = Latest(candidate, result["status"], error, seconds, training)
            if path.name != "result.json":
                self._seeds_read.add(path)
                continue
            self._seconds[candidate] = seconds
            if error is not None:
                self._errors.append(error)
                self._add_points(candidate, result["errors"])
                new = True
        if new:
            points = np.vstack(self._points)
            self._hypervolume = hypervolume(points, np.ones(points.shape[1]))

    def _add_points(self, candidate: str, errors: Mapping[Precision, float | None]) -> None:
        described = read_json(self._run.artifacts / candidate / "layers.json")
        recipe = self._plan.recipe_of(described.get("recipe", {}))
        scores = self._plan.scores(layers_from_json(described["layers"]), recipe, errors)
        columns = [objective.column for objective in self._plan.objectives]
        values = np.column_stack([np.asarray(scores[column], dtype=float) for column in columns])
        usable = np.asarray(scores["feasible"]) & np.isfinite(values).all(axis=1)
        ideal, span = self._scale
        self._points.append(np.maximum((values[usable] - ideal) / span, 0.0))

    def _left_s(self, used: Spent, running: int) -> float | None:
        plan = self._plan
        guesses = []
        limits = plan.limits
        if limits.trainings is not None and self._seconds:
            left = max(0, limits.trainings - self._trainings())
            further = plan.finalists * plan.extra_seeds - self._further()
            guesses.append(
                (left + max(0, further)) * statistics.median(self._seconds.values()) / running
            )
        shares = (
            (used.seconds, limits.seconds),
            (used.epochs, limits.epochs),
            (used.energy_j / 3.6e6, limits.kwh),
            (used.gco2e - used.inherited_gco2e, limits.gco2e),
        )
        for so_far, limit in shares:
            if limit is not None and so_far > 0:
                guesses.append(max(0.0, (limit - so_far) / so_far * used.seconds))
        return min(guesses, default=None)
