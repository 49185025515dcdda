"""Deployments with their figures moved together, scenario by scenario, and scored in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hardware_profiles.deployment import Deployment
from hardware_profiles.fab import FabTable, fab_table
from hardware_profiles.figure import Facts, Figure
from hardware_profiles.profile import Precision
from hardware_profiles.ranges import mover, ranged_figures
from nas.carbon.footprint import footprint
from nas.carbon.rates import Rates, Variants, rates_of
from nas.carbon.study import Study
from nas.carbon.uncertainty import placed
from nas.cost.costs import Costs, costs_with
from nas.cost.figures import Figures, compiled_figures
from nas.cost.score import largest_memory, numbers
from nas.cost.workload import Workload

__all__ = [
    "Ensemble",
    "certain_grids",
    "ensemble_of",
    "factors_of",
    "moved_deployments",
    "moved_tables",
]

Array = npt.NDArray[np.float64]


def factors_of(deployments: Iterable[Deployment], tables: Iterable[FabTable]) -> dict[str, Figure]:
    """Every figure with a range behind deployments and fab tables, once each.

    Args:
        deployments: Those scored, and the machine that searches.
        tables: Those that their embodied carbon is computed from.

    Returns:
        Figures by name: ``rpi4.load_w``, ``act-2022.nodes.28.energy_kwh_per_cm2``,
        ``grid us-caiso.gco2e_per_kwh``. Figures of one name move together, whoever has them, and
        those of one fit as far as they are correlated.
    """
    found: dict[str, Figure] = {}
    for deployment in deployments:
        for facts in (deployment.profile, deployment.grid):
            found.update(_named(facts))
    for table in tables:
        found.update(_named(table))
    return found


def certain_grids(deployments: Iterable[Deployment]) -> tuple[str, ...]:
    """Names of the grids among them that no draw moves, as no range of them is known.

    So are a mix, a trace and a load behind its own plant, whose sources give none.

    Args:
        deployments: Those scored, and the machine that searches.
    """
    grids = dict.fromkeys(deployment.grid for deployment in deployments)
    return tuple(dict.fromkeys(where.name for where in grids if not ranged_figures(where)))


def _named(facts: Facts) -> dict[str, Figure]:
    prefix, fitted = _prefix(facts), getattr(facts, "fit", None)
    found = ranged_figures(facts)
    if fitted is not None:
        for name, parts in fitted.loads.items():
            if name in found:
                along = tuple((f"{fitted.source} {i}", part) for i, part in enumerate(parts))
                found[name] = found[name].model_copy(update={"follows": along})
    return {f"{prefix}{name}": figure for name, figure in found.items()}


def _prefix(facts: Any) -> str:
    return f"grid {facts.name}." if hasattr(facts, "gco2e_per_kwh") else f"{facts.name}."


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """D deployments under S scenarios, ready to score any network.

    Attributes:
        deployments: The deployments at their best estimates.
        study: What they are scored under.
        count: Scenarios S.
        figures: What costs need of S x D deployments, scenario by scenario.
        rates: What footprints need of them; arrays are (S, D) instead of (D,).
    """

    deployments: tuple[Deployment, ...]
    study: Study
    count: int
    figures: Figures
    rates: Rates

    def score(
        self,
        workload: Workload,
        errors: Mapping[Precision, float | None] | None,
        *,
        training_gco2e: npt.ArrayLike | None,
    ) -> dict[str, npt.NDArray[Any]]:
        """Score a network on every deployment under every scenario.

        Args:
            workload: Counts of the network.
            errors: The task's error by precision.
            training_gco2e: Carbon of its training, g; a number, or shape (S,); None if unknown.

        Returns:
            The numeric columns of `nas.cost.score.score`, each of shape (S, D).
        """
        shape = (self.count, len(self.deployments))
        costs = _shaped(costs_with(workload, self.figures), shape)
        taken = (self.figures.taken_memory_bytes, self.figures.taken_storage_bytes)
        grams = footprint(
            costs.energy_j,
            costs.occupancy_s,
            self.deployments,
            self.study,
            memory_bytes=costs.peak_memory_bytes + taken[0].reshape(shape),
            storage_bytes=costs.storage_bytes + taken[1].reshape(shape),
            rates=self.rates,
        )
        trained = None if training_gco2e is None else np.reshape(training_gco2e, (-1, 1))
        columns = numbers(
            workload,
            costs,
            grams,
            deployments=self.deployments,
            study=self.study,
            errors=errors,
            training_gco2e=trained,
        )
        return {name: np.broadcast_to(values, shape) for name, values in columns.items()}


def _shaped(costs: Costs, shape: tuple[int, int]) -> Costs:
    """The same costs with all their arrays in another shape."""
    arrays = {
        field.name: getattr(costs, field.name).reshape(shape)
        for field in fields(costs)
        if field.name != "reasons"
    }
    return replace(costs, **arrays)


def ensemble_of(
    deployments: Sequence[Deployment],
    study: Study,
    at: Mapping[str, Array],
    tables: Sequence[FabTable],
) -> Ensemble:
    """Deployments with figures moved to given positions, scenario by scenario.

    Args:
        deployments: D deployments, one or more.
        study: What they are scored under.
        at: Positions of figures in their ranges, within [-1, 1], shape (S,), by the names that
            `factors_of` gives; a figure that is not named stays at its best estimate.
        tables: The study's fab table in each of S scenarios, as `moved_tables` gives them.

    Raises:
        StudyError: As `nas.carbon.rates.rates_of`.
        HardwareError: Likewise.
    """
    moved = moved_deployments(deployments, at, len(tables), study.sunk)
    rows = [rates_of(row, study, table=table) for row, table in zip(moved, tables, strict=True)]
    rates = _stacked(rows)
    figures = compiled_figures([deployment for row in moved for deployment in row])
    return Ensemble(
        deployments=tuple(deployments),
        study=study,
        count=len(tables),
        figures=largest_memory(figures, rates),
        rates=rates,
    )


def moved_deployments(
    deployments: Sequence[Deployment],
    at: Mapping[str, Array],
    count: int,
    keep_names: Sequence[str] = (),
) -> list[tuple[Deployment, ...]]:
    """The deployments of each scenario; what a scenario does not move is shared with the others.

    Args:
        deployments: D deployments.
        at: Positions by name, shape (S,), within [-1, 1].
        count: Scenarios S.
        keep_names: Devices that keep their names; others get one of their own where they move, so
            that caches, which look devices up by name, stay fast.
    """
    profiles = {
        profile: _scenarios(profile, at, count, rename=profile.name not in keep_names)
        for profile in dict.fromkeys(d.profile for d in deployments)
    }
    grids = {
        where: _scenarios(where, at, count, rename=False)
        for where in dict.fromkeys(d.grid for d in deployments)
    }
    return [
        tuple(
            replace(d, profile=profiles[d.profile][index], grid=grids[d.grid][index])
            for d in deployments
        )
        for index in range(count)
    ]


def moved_tables(table: str | FabTable, at: Mapping[str, Array], count: int) -> list[FabTable]:
    """The fab table of each scenario; see `moved_deployments`."""
    return _scenarios(fab_table(table), at, count, rename=True)


def _scenarios(facts: Any, at: Mapping[str, Array], count: int, *, rename: bool) -> list[Any]:
    prefix = _prefix(facts)
    moving = {
        name: (placed(figure, at[prefix + name]), at[prefix + name] != 0.0)
        for name, figure in ranged_figures(facts).items()
        if prefix + name in at
    }
    move, found = mover(facts), []
    for index in range(count):
        new = {
            name: float(values[index]) for name, (values, moves) in moving.items() if moves[index]
        }
        moved = move(new)
        if rename and moved is not facts:
            moved = moved.model_copy(update={"name": f"{facts.name}~{index}"})
        found.append(moved)
    return found


def _stacked(rows: Sequence[Rates]) -> Rates:
    """The rates of all scenarios, with the scenario as first axis."""
    parts: dict[str, Any] = {
        field.name: np.stack([getattr(row, field.name) for row in rows])
        for field in fields(Rates)
        if field.name not in ("memory", "storage")
    }
    parts["memory"] = _stacked_variants([row.memory for row in rows], rows)
    parts["storage"] = _stacked_variants([row.storage for row in rows], rows)
    return Rates(**parts)


def _stacked_variants(
    variants: Sequence[Variants | None], rows: Sequence[Rates]
) -> Variants | None:
    """The same for sizes of memory: how many a device has may differ between scenarios."""
    known = [found for found in variants if found is not None]
    if not known:
        return None
    places = len(rows[0].sunk)
    none = Variants(
        limits_bytes=np.full((places, 1), np.inf),
        gco2e=np.zeros((places, 1)),
        built_bytes=np.full(places, np.inf),
        built_gco2e=np.zeros(places),
    )
    filled = [none if found is None else found for found in variants]
    width = max(found.gco2e.shape[-1] for found in known)

    def widened(values: Array) -> Array:
        return np.pad(values, ((0, 0), (0, width - values.shape[-1])), mode="edge")

    return Variants(
        limits_bytes=np.stack([widened(found.limits_bytes) for found in filled]),
        gco2e=np.stack([widened(found.gco2e) for found in filled]),
        built_bytes=np.stack([found.built_bytes for found in filled]),
        built_gco2e=np.stack([found.built_gco2e for found in filled]),
    )
