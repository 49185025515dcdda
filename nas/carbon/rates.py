"""What a footprint needs of deployments, as arrays: whole-device carbon, powers, grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_profiles.deployment import Deployment
from hardware_profiles.fab import FabTable, fab_table
from nas.carbon.bill import Phase
from nas.carbon.demand import Demand
from nas.carbon.embodied import Steps, capacities, device_embodied, is_known
from nas.carbon.quantity import Numbers
from nas.carbon.study import Study
from nas.errors import StudyError

__all__ = ["Rates", "Variants", "rates_of"]

PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True, eq=False)
class Variants:
    """Memory, or storage, of devices in the sizes they are sold in; V sizes on the last axis.

    Attributes:
        limits_bytes: What model and runtime may take of each size, ascending; shape (..., D, V);
            infinite where nothing is left to choose. A device with fewer sizes repeats its last.
        gco2e: Embodied carbon of each size, of the same shape.
        built_bytes: Size as built; shape (..., D); infinite where nothing is left to choose.
        built_gco2e: Its carbon, 0 there.
    """

    limits_bytes: Numbers
    gco2e: Numbers
    built_bytes: Numbers
    built_gco2e: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Figures of D deployments under a study, each already times the deployment's resource share.

    Arrays are (D,); a caller may put arrays of shape (..., D) in their place, such as one row a
    draw, that broadcast with energy and occupancy.

    Attributes:
        manufacture_gco2e: Making one device, without what ``memory`` and ``storage`` add; NaN
            where the device has no bill of materials and the study asks for it.
        transport_gco2e: Bringing it to its place; NaN likewise.
        end_of_life_gco2e: Its disposal; NaN likewise.
        memory: Sizes of memory to choose from, or None where no deployment leaves a choice.
        storage: The same for storage.
        overhead: Grid energy per joule at the profile's boundary.
        grid_gco2e_per_kwh: Carbon intensity, average or marginal as the study's view asks.
        market_gco2e_per_kwh: Market-based intensity; NaN where there is no contract.
        timed: Whether the device's rates are known, so that an occupancy follows from them.
        idle_w: Power when awake and idle; NaN where unknown.
        sleep_w: Power asleep.
        sunk: Whether the hardware is owned already.
        resource_share: Share of the device that the deployment is.
        beside_busy_share: Share of the device's life that it computes for the other models that
            the deployment names, beside those of the demand.
    """

    manufacture_gco2e: Numbers
    transport_gco2e: Numbers
    end_of_life_gco2e: Numbers
    memory: Variants | None
    storage: Variants | None
    overhead: Numbers
    grid_gco2e_per_kwh: Numbers
    market_gco2e_per_kwh: Numbers
    timed: NDArray[np.bool_]
    idle_w: Numbers
    sleep_w: Numbers
    sunk: NDArray[np.bool_]
    resource_share: Numbers
    beside_busy_share: Numbers

    @property
    def embodied_gco2e(self) -> Numbers:
        """Embodied carbon of one device without what ``memory`` and ``storage`` add, in g."""
        return self.manufacture_gco2e + self.transport_gco2e + self.end_of_life_gco2e


def rates_of(
    deployments: Sequence[Deployment], study: Study, *, table: FabTable | None = None
) -> Rates:
    """The figures of deployments under a study, kept for the next call with equal ones.

    Args:
        deployments: One or more.
        study: View, tables, what is owned already, and what memory counts.
        table: Fab table in place of the study's, such as that with drawn figures.

    Raises:
        StudyError: If a grid's rate does not suit the study's view, grids mix direct and
            life-cycle scopes, a device would be bought at fixed time, its sleeping power is
            needed and unknown, or other models on it leave no time.
        HardwareError: If the fab table lacks a row that a profile names, or a profile has no
            published assessment and the study asks for it.
    """
    return _rates(tuple(deployments), study, fab_table(study.fab_table) if table is None else table)


@lru_cache(maxsize=64)
def _rates(deployments: tuple[Deployment, ...], study: Study, table: FabTable) -> Rates:
    if not deployments:
        raise StudyError("footprint: no deployment given; give at least one")
    _check_scopes(deployments)
    for deployment in deployments:
        _check_rate(deployment, study)
        _check_time(deployment, study.demand)
    sunk = np.array([d.profile.name in study.sunk for d in deployments])
    if study.view == "consequence" and study.demand.inferences is None and not sunk.all():
        raise StudyError(
            "footprint: a consequence at fixed time cannot charge a device that is bought, since"
            " its number of inferences follows from speed; give demand.inferences, or name the"
            " hardware under sunk"
        )
    share = np.array([d.resource_share for d in deployments])
    phases, memory, storage = _embodied(deployments, study, table)
    sleep = np.array([_sleep_w(d, study) for d in deployments])
    powers = [d.profile.idle_w for d in deployments]
    idle = np.array([np.nan if power is None else power.value for power in powers])
    market = [d.market_gco2e_per_kwh for d in deployments]
    return Rates(
        manufacture_gco2e=_frozen(phases[0] * share),
        transport_gco2e=_frozen(phases[1] * share),
        end_of_life_gco2e=_frozen(phases[2] * share),
        memory=_variants(memory, share),
        storage=_variants(storage, share),
        overhead=_frozen([d.overhead for d in deployments]),
        grid_gco2e_per_kwh=_frozen([d.grid.gco2e_per_kwh.value for d in deployments]),
        market_gco2e_per_kwh=_frozen([np.nan if value is None else value for value in market]),
        timed=np.array([d.profile.memory_bytes_per_s is not None for d in deployments]),
        idle_w=_frozen(idle * share),
        sleep_w=_frozen(sleep * share),
        sunk=sunk,
        resource_share=_frozen(share),
        beside_busy_share=_frozen([d.beside_busy_share for d in deployments]),
    )


def _frozen(values: ArrayLike) -> Numbers:
    array: Numbers = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _check_scopes(deployments: Sequence[Deployment]) -> None:
    scopes = {d.grid.scope: d for d in deployments if d.grid.scope is not None}
    if len(scopes) > 1:
        direct, lifecycle = scopes["direct"], scopes["lifecycle"]
        raise StudyError(
            f"footprint: grid {direct.grid.name!r} counts direct emissions and"
            f" {lifecycle.grid.name!r} the life cycle; use grids of one scope"
        )


def _check_rate(deployment: Deployment, study: Study) -> None:
    grid = deployment.grid
    if study.view == "footprint":
        if grid.rate != "average":
            raise StudyError(
                f"{deployment.label}: grid {grid.name!r} has a {grid.rate} rate, which a footprint"
                " never mixes with allocated embodied carbon; use an average rate, or set view to"
                " consequence"
            )
        return
    if deployment.market_gco2e_per_kwh is not None:
        raise StudyError(
            f"{deployment.label}: market_gco2e_per_kwh is of a contract, and a consequence counts"
            " marginal rates; leave it out, or set view to footprint"
        )
    if grid.rate != "marginal":
        raise StudyError(
            f"{deployment.label}: grid {grid.name!r} has an {grid.rate} rate, and a consequence"
            " counts marginal ones; use a marginal grid (`carbon-nas grid list`)"
        )


def _check_time(deployment: Deployment, demand: Demand) -> None:
    beside = deployment.beside_busy_share
    if not beside:
        return
    others = beside + demand.other_busy_share
    if demand.busy_share is not None:
        most, what = demand.busy_share, "busy_share (of all work)"
    elif demand.peak_per_s is not None:
        most, what = 1.0 - demand.peak_busy_share, "time that peak_busy_share leaves"
        others /= demand.powered_share
    else:
        most, what = demand.powered_share, "powered_share"
    if others > most or (others == most and demand.peak_per_s is None):
        raise StudyError(
            f"{deployment.label}: other models on it take {others:.3g} of its time, and the"
            f" demand's {what} is {most:.3g}; lower inferences_per_s of those beside, or raise it"
        )


def _sleep_w(deployment: Deployment, study: Study) -> float:
    if deployment.profile.sleep_w is not None:
        return deployment.profile.sleep_w.value
    if study.demand.powered_share < 1.0 and deployment.profile.idle_w is not None:
        raise StudyError(
            f"{deployment.label}: sleep_w of {deployment.profile.name} is unknown and"
            f" powered_share is {study.demand.powered_share:g}; add sleep_w to the profile (0 if it"
            " is switched off) or set powered_share to 1"
        )
    return 0.0


def _embodied(
    deployments: Sequence[Deployment], study: Study, table: FabTable
) -> tuple[NDArray[np.float64], list[Steps | None], list[Steps | None]]:
    """Phases of one device by row, and the memory and storage that a model may choose from.

    What leaves nothing to choose stays in the manufacture of the device.
    """
    phases = np.zeros((len(PHASES), len(deployments)))
    chosen: tuple[list[Steps | None], list[Steps | None]] = ([], [])
    for column, deployment in enumerate(deployments):
        if study.embodied_basis == "bottom_up" and not is_known(deployment.profile):
            phases[:, column] = np.nan
            for rows in chosen:
                rows.append(None)
            continue
        whole = device_embodied(
            deployment.profile, table=table, basis=study.embodied_basis
        ).by_phase
        phases[:, column] = [whole.get(phase, 0.0) for phase in PHASES]
        as_built = study.memory == "as_built" or deployment.profile.name in study.sunk
        sizes = None if as_built else capacities(deployment.profile, table=table)
        for kind, rows in zip(("memory", "storage"), chosen, strict=True):
            steps = None if sizes is None else getattr(sizes, kind)
            if steps is not None and study.memory == "smallest_variant":
                steps = steps if len(steps.limits_bytes) > 1 else None
            if steps is not None:
                phases[0, column] -= steps.built_gco2e
            rows.append(steps)
    return phases, *chosen


def _variants(rows: list[Steps | None], share: NDArray[np.float64]) -> Variants | None:
    if not any(rows):
        return None
    width = max(len(steps.limits_bytes) for steps in rows if steps is not None)
    limits, grams = np.full((len(rows), width), np.inf), np.zeros((len(rows), width))
    built, built_grams = np.full(len(rows), np.inf), np.zeros(len(rows))
    for row, steps in enumerate(rows):
        if steps is not None:
            last = len(steps.limits_bytes)
            limits[row, :last], grams[row, :last] = steps.limits_bytes, steps.grams
            limits[row, last:], grams[row, last:] = steps.limits_bytes[-1], steps.grams[-1]
            built[row], built_grams[row] = steps.built_bytes, steps.built_gco2e
    return Variants(
        limits_bytes=_frozen(limits * share[:, None]),
        gco2e=_frozen(grams * share[:, None]),
        built_bytes=_frozen(built * share),
        built_gco2e=_frozen(built_grams * share),
    )
