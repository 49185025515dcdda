"""What the trainings of a run tell of candidates that it has not trained, whichever its sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.engine.candidates import standardised
from nas.engine.domain import domain_of_space
from nas.engine.gain import Belief, Known, LogNormal, expected_gain
from nas.engine.gaussian import fit_process
from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.pareto import non_dominated
from nas.pareto.boxes import undominated_boxes
from nas.runs import Run
from nas.runs.files import read_json
from search_spaces.layers import mac_count

__all__ = ["Evidence", "Trained", "gains_of"]

Array = npt.NDArray[np.float64]
_LEAST_ERROR = 1e-9
_LEAST_SD = 1e-6


@dataclass(frozen=True, eq=False)
class Trained:
    """A candidate that was trained.

    Attributes:
        look: What arithmetic knows of it.
        scores: Columns of the scores table, with its errors.
        gco2e: Carbon of its training.
    """

    look: Look
    scores: Mapping[str, Any]
    gco2e: float

    @property
    def error(self) -> float:
        """Its least error of all precisions; NaN where none is known."""
        errors = np.asarray(self.scores["error"], dtype=float)
        return float(np.nanmin(errors)) if np.isfinite(errors).any() else float("nan")


def gains_of(
    reached: Array,
    rows: Sequence[Array],
    believed: tuple[Array, Array],
    *,
    corners: tuple[Array, Array],
    trained: Sequence[bool],
) -> Array:
    """Expected gain of hypervolume by each candidate alone, by its best row.

    Args:
        reached: Objectives of all that is known, (n, objectives), minimised.
        rows: Of each candidate its objectives in each place where it may run, (rows, objectives);
            what is trained may be anything.
        believed: Mean and standard deviation of the natural logarithm of their errors.
        corners: Ideal and reference point.
        trained: Which objectives are the error.

    Returns:
        Shares of the box between the corners, one a candidate.
    """
    ideal, reference = corners
    span = np.where(reference > ideal, reference - ideal, 1.0)
    points = reached[np.isfinite(reached).all(axis=1)]
    front = points[non_dominated(points)] if len(points) else points
    gain = np.zeros(len(rows))
    owner = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    if not len(owner):
        return gain
    costs, sd = np.vstack(rows), np.maximum(believed[1], _LEAST_SD)
    beliefs: list[Belief] = [
        LogNormal(believed[0][owner], sd[owner]) if is_error else Known(costs[:, column])
        for column, is_error in enumerate(trained)
    ]
    gains = expected_gain(*undominated_boxes(front, reference), beliefs)
    np.maximum.at(gain, owner, gains / span.prod())
    return gain


class Evidence:
    """Reads each record of a run once.

    Args:
        run: The run.
        plan: Its plan.
    """

    def __init__(self, run: Run, plan: Plan) -> None:
        self._run = run
        self._plan = plan
        self._trained: dict[str, Trained | None] = {}
        self._features: dict[str, tuple[Array, Mapping[str, float], Array]] = {}

    def trained(self) -> list[Trained]:
        """What was trained with an error, in the order of decision.

        Raises:
            RunError: If a record is damaged.
        """
        for path in self._run.artifacts.glob("*/result.json"):
            if path.parent.name not in self._trained:
                self._trained[path.parent.name] = self._read(path.parent.name)
        return [row for _, row in sorted(self._trained.items()) if row is not None]

    def look(self, candidate: str) -> Look:
        """What arithmetic knows of a candidate that has a record."""
        described = read_json(self._run.artifacts / candidate / "layers.json")
        return self._plan.look(point_of(described["architecture"], described.get("recipe", {})))

    def believed(self, looks: Sequence[Look]) -> tuple[Array, Array] | None:
        """Mean and standard deviation of the natural logarithm of candidates' errors.

        Args:
            looks: Of candidates that were not trained.

        Returns:
            Two arrays of shape (n,); None before there are two trainings with an error.
        """
        seen = [row for row in self.trained() if np.isfinite(row.error)]
        if len(seen) < 2 or not looks:
            return None
        groups = self._groups([*(row.look for row in seen), *looks])
        values = np.log([max(row.error, _LEAST_ERROR) for row in seen])
        process = fit_process([group[: len(seen)] for group in groups], values)
        return process.predict([group[len(seen) :] for group in groups])

    def gains(
        self, looks: Sequence[Look], believed: tuple[Array, Array] | None = None
    ) -> Array | None:
        """Expected gain of hypervolume by training each candidate, alone.

        Args:
            looks: Of candidates that were not trained.
            believed: Mean and standard deviation of the natural logarithm of their errors; None
                asks `believed`.

        Returns:
            Shares of the box from the ideal to the reference of the run, shape (n,), by the best
            deployment of each candidate, for targets the mean over them; None where nothing can be
            told: without an objective that is trained, or before two trainings.
        """
        if not any(objective.kind == "trained" for objective in self._plan.objectives):
            return None
        believed = believed or self.believed(looks)
        if believed is None:
            return None
        count = len(self._plan.deployments)
        if self._plan.deployments_as == "targets":
            gains = [self._gains(looks, believed, [index]) for index in range(count)]
            return np.asarray(np.mean(gains, axis=0))
        return self._gains(looks, believed, list(range(count)))

    def expected_gco2e(self, look: Look) -> float:
        """Carbon of training a candidate: modelled, corrected by what trainings took so far."""
        ratios = [row.gco2e / self._modelled_gco2e(row.look) for row in self.trained()]
        return self._modelled_gco2e(look) * (float(np.median(ratios)) if ratios else 1.0)

    def values(self, scores: Mapping[str, Any], deployments: Sequence[int]) -> Array:
        """Objectives of the feasible rows of a candidate, (rows, objectives)."""
        rows = [index for index in deployments if scores["feasible"][index]]
        columns = [np.asarray(scores[o.column], dtype=float)[rows] for o in self._plan.objectives]
        return np.column_stack(columns)

    def _gains(
        self, looks: Sequence[Look], believed: tuple[Array, Array], deployments: list[int]
    ) -> Array:
        reached = [self.values(row.scores, deployments) for row in self.trained()]
        return gains_of(
            np.vstack([np.empty((0, len(self._plan.objectives))), *reached]),
            [self.values(look.scores, deployments) for look in looks],
            believed,
            corners=self._corners,
            trained=[objective.kind == "trained" for objective in self._plan.objectives],
        )

    @cached_property
    def _corners(self) -> tuple[Array, Array]:
        return np.array(self._run.frozen["ideal"]), np.array(self._run.frozen["reference"])

    def _modelled_gco2e(self, look: Look) -> float:
        power, samples = self._plan.power, self._plan.samples or 1
        seen = look.recipe.samples_seen(samples)
        return power.gco2e(power.training_s(mac_count(look.layers), seen))

    def _read(self, candidate: str) -> Trained | None:
        result = read_json(self._run.artifacts / candidate / "result.json")
        if result["status"] != "trained":
            return None
        look = self.look(candidate)
        scores = self._plan.scores(look.layers, look.recipe, result["errors"])
        return Trained(look, scores, float(result["gco2e"]))

    def _groups(self, looks: Sequence[Look]) -> list[Array]:
        told = [self._told(look) for look in looks]
        names = sorted(set().union(*(features for _, features, _ in told)))
        graph = np.array([[features.get(name, 0.0) for name in names] for _, features, _ in told])
        choices = np.array([marks for marks, _, _ in told])
        costs = np.array([costs for _, _, costs in told])
        found = standardised([choices, graph, costs])
        return found or [np.zeros((len(looks), 1))]

    def _told(self, look: Look) -> tuple[Array, Mapping[str, float], Array]:
        """Choices, numbers of the graph, and logarithms of the known objectives."""
        if look.candidate not in self._features:
            domain = domain_of_space(self._plan.candidates)
            point = point_of(look.architecture, look.settings)
            marks = np.hstack([group[0] for group in domain.encode([point])])
            known = [o.column for o in self._plan.objectives if o.kind != "trained"]
            costs = [
                np.log(np.maximum(np.nan_to_num(np.asarray(look.scores[column], float)), 1e-30))
                for column in ("params", "macs", *known)
            ]
            self._features[look.candidate] = (marks, look.features, np.hstack(costs))
        return self._features[look.candidate]
