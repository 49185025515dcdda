"""What would make an architecture cheaper: the changes of one choice that cost less carbon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardware_profiles.deployment import Deployment
from nas.carbon.study import Study
from nas.cost.figures import figures_of
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import LayerError
from search_spaces.base import Architecture, SearchSpace
from search_spaces.layers import Layer

__all__ = ["Cheaper", "cheaper"]


@dataclass(frozen=True, slots=True)
class Cheaper:
    """An architecture near another one, on one deployment.

    Attributes:
        changes: ``(choice, its value before, its value now)``; None where it did not or does not
            exist.
        architecture: Its active choices.
        carbon_gco2e: Per inference.
        saved_gco2e: Per inference, against the other one; below 0 where it costs more.
        latency_s: Of one inference.
        params: Trainable parameters.
        macs: Multiply-accumulates.
        feasible: Whether it fits and keeps up.
        reason: Why not; None where it does.
    """

    changes: tuple[tuple[str, object, object], ...]
    architecture: Architecture
    carbon_gco2e: float
    saved_gco2e: float
    latency_s: float
    params: int
    macs: int
    feasible: bool
    reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    architecture: Architecture
    row: Mapping[str, Any]
    excess: float


def cheaper(
    space: SearchSpace,
    architecture: Mapping[str, Any],
    layers_of: Callable[[Architecture], Sequence[Layer]],
    deployment: Deployment,
    study: Study,
) -> tuple[Cheaper, ...]:
    """The neighbours of an architecture that are feasible and cost less carbon.

    What a change does to the error is not known here.

    Args:
        space: Its space.
        architecture: A point of the space.
        layers_of: Gives the layers of a point; neighbours for which it raises `LayerError`, such
            as those with more strides than the input allows, are left out.
        deployment: Where it runs.
        study: As in `nas.cost.score.score`.

    Returns:
        By carbon saved, the most first. Where the architecture itself is not feasible all its
        feasible neighbours, those that cost more included; where none is, the first feasible
        architecture on the way down that each time changes the one choice which lessens the
        shortage most, with all its changes, or nothing if that way ends. A shorter way may exist.

    Raises:
        SpaceError: The architecture is not in the space.
        LayerError: It cannot be built for its input.
        StudyError: See `nas.cost.score.score`.
    """
    here = space.validate(architecture)
    start = _point(here, layers_of(here), deployment, study)

    def around(center: Architecture) -> list[_Point]:
        return list(_built(space.neighbours(center), layers_of, deployment, study))

    near = around(here)
    found = [point for point in near if point.row["feasible"]]
    if start.row["feasible"]:
        found = [p for p in found if p.row["carbon_gco2e"] < start.row["carbon_gco2e"]]
    elif not found:
        found = _way_down(start, near, around)
    changes = [_told(start, point) for point in found]
    return tuple(sorted(changes, key=lambda change: -change.saved_gco2e))


def _way_down(
    start: _Point, near: list[_Point], around: Callable[[Architecture], list[_Point]]
) -> list[_Point]:
    least = start.excess
    while near:
        fitting = [point for point in near if point.row["feasible"]]
        if fitting:
            return [min(fitting, key=lambda point: float(point.row["carbon_gco2e"]))]
        best = min(near, key=lambda point: point.excess)
        if best.excess >= least:
            return []
        least = best.excess
        near = around(best.architecture)
    return []


def _built(
    near: Iterable[Architecture],
    layers_of: Callable[[Architecture], Sequence[Layer]],
    deployment: Deployment,
    study: Study,
) -> Iterator[_Point]:
    for architecture in near:
        try:
            layers = layers_of(architecture)
        except LayerError:
            continue
        yield _point(architecture, layers, deployment, study)


def _point(
    architecture: Architecture, layers: Sequence[Layer], deployment: Deployment, study: Study
) -> _Point:
    columns = score(workload(layers), [deployment], study, None, training_gco2e=None)
    row = {name: values[0] for name, values in columns.items()}
    return _Point(architecture, row, _excess(row, deployment))


def _excess(row: Mapping[str, Any], deployment: Deployment) -> float:
    """By what factor memory, storage or time are short, the worst; at most 1 where none is."""
    figures = figures_of([deployment])
    memory = row["peak_memory_bytes"] + figures.taken_memory_bytes[0, 0]
    storage = row["storage_bytes"] + figures.taken_storage_bytes[0, 0]
    needed = float(row["devices_needed"]) / max(float(row["devices"]), 1.0)
    shortages = (
        memory / figures.memory_limit_bytes[0, 0],
        storage / figures.storage_limit_bytes[0, 0],
        needed if np.isfinite(needed) else 0.0,
    )
    return float(max(shortages))


def _told(start: _Point, point: _Point) -> Cheaper:
    before, now = start.architecture, point.architecture
    names = [*before, *(name for name in now if name not in before)]
    row = point.row
    return Cheaper(
        changes=tuple(
            (name, before.get(name), now.get(name))
            for name in names
            if before.get(name) != now.get(name)
        ),
        architecture=now,
        carbon_gco2e=float(row["carbon_gco2e"]),
        saved_gco2e=float(start.row["carbon_gco2e"]) - float(row["carbon_gco2e"]),
        latency_s=float(row["latency_s"]),
        params=int(row["params"]),
        macs=int(row["macs"]),
        feasible=bool(row["feasible"]),
        reason=row["reason"],
    )
