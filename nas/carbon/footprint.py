"""Grams of CO2e of one inference on each deployment, split by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.deployment import Deployment
from nas.carbon.embodied import device_embodied
from nas.carbon.metrics import kappa_w
from nas.carbon.operational import idle_energy_j, operational_gco2e
from nas.carbon.quantity import Numbers, quantity
from nas.carbon.study import ClosedDemand, Study, close_demand, share_gco2e
from nas.errors import StudyError

__all__ = ["Footprint", "footprint"]


@dataclass(frozen=True, slots=True)
class Footprint:
    """Carbon of one inference by phase; arrays of shape (..., D), D deployments last.

    Attributes:
        active_gco2e: Use of the inference itself, in g.
        idle_gco2e: Its part of the device's idle and sleeping time, in g.
        embodied_gco2e: Its share of the device's manufacture, in g.
        idle_energy_j: Energy behind ``idle_gco2e``, at the profile's boundary.
        demand: The closed demand: inferences, busy share, whether the devices keep up.
        device_embodied_gco2e: Embodied carbon of one whole device, in g; shape (D,).
        overhead: Grid energy per joule at the profile's boundary; shape (D,).
        grid_gco2e_per_kwh: Carbon intensity; shape (D,).
        life_h: Service life of a device, in h.
    """

    active_gco2e: Numbers
    idle_gco2e: Numbers
    embodied_gco2e: Numbers
    idle_energy_j: Numbers
    demand: ClosedDemand
    device_embodied_gco2e: Numbers
    overhead: Numbers
    grid_gco2e_per_kwh: Numbers
    life_h: float

    @property
    def operational_gco2e(self) -> Numbers:
        """Carbon of use, active and idle, per inference, in g."""
        return self.active_gco2e + self.idle_gco2e

    @property
    def carbon_gco2e(self) -> Numbers:
        """Operational plus embodied, per inference, in g."""
        return self.operational_gco2e + self.embodied_gco2e

    @property
    def kappa_w(self) -> Numbers:
        """Watts that a busy second costs by manufacture; see `nas.carbon.kappa_w`."""
        return kappa_w(
            self.device_embodied_gco2e,
            life_h=self.life_h,
            busy_share=self.demand.busy_share,
            overhead=self.overhead,
            grid_gco2e_per_kwh=self.grid_gco2e_per_kwh,
        )


@dataclass(frozen=True, slots=True)
class _Rates:
    embodied_gco2e: Numbers
    overhead: Numbers
    grid_gco2e_per_kwh: Numbers
    idle_w: Numbers
    sleep_w: Numbers


def footprint(
    energy_j: ArrayLike, occupancy_s: ArrayLike, deployments: Sequence[Deployment], study: Study
) -> Footprint:
    """Carbon of one inference on each deployment under a study.

    ``active = E * overhead * CI``, ``idle = (idle energy) * overhead * CI`` and
    ``embodied = ECF * D / N``, with N and u from the study's demand and the occupancy. A device
    that does not keep up (``demand.keeps_up``) still gets numbers; they are not feasible.

    Args:
        energy_j: Active energy of one inference at the profile's boundary, gross of idle, in J,
            >= 0; shape (..., D).
        occupancy_s: Device seconds of one inference, > 0; shape (..., D).
        deployments: The D deployments.
        study: Demand, view and factor tables.

    Returns:
        The split carbon, of the shape that energy and occupancy broadcast to.

    Raises:
        StudyError: If shapes do not end in D, a value is out of range, a grid's rate does not suit
            the study's view, grids mix direct and life-cycle scopes, or a device's sleeping power
            is needed and unknown.
        HardwareError: If the fab table lacks a row that a profile names.

    Source:
        ACT, Gupta et al., ISCA 2022; the idle term is the energy balance of the device's life.
    """
    rates = _rates(tuple(deployments), study)
    energy = quantity("energy_j", energy_j)
    tau = quantity("occupancy_s", occupancy_s, above=True)
    count = len(rates.idle_w)
    if energy.shape[-1:] != (count,) or tau.shape[-1:] != (count,):
        raise StudyError(
            f"footprint: energy_j has shape {energy.shape} and occupancy_s {tau.shape}; give arrays"
            f" whose last axis is the {count} deployments"
        )
    energy, tau = np.broadcast_arrays(energy, tau)
    closed = close_demand(study.demand, tau)
    idle_energy = idle_energy_j(
        tau,
        idle_w=rates.idle_w,
        sleep_w=rates.sleep_w,
        busy_share=closed.busy_share,
        powered_share=study.demand.powered_share,
    )
    grid, overhead = rates.grid_gco2e_per_kwh, rates.overhead
    return Footprint(
        active_gco2e=operational_gco2e(energy, grid_gco2e_per_kwh=grid, overhead=overhead),
        idle_gco2e=operational_gco2e(idle_energy, grid_gco2e_per_kwh=grid, overhead=overhead),
        embodied_gco2e=share_gco2e(
            rates.embodied_gco2e,
            occupancy_s=tau,
            life_h=study.demand.life_h,
            busy_share=closed.busy_share,
        ),
        idle_energy_j=idle_energy,
        demand=closed,
        device_embodied_gco2e=rates.embodied_gco2e,
        overhead=overhead,
        grid_gco2e_per_kwh=grid,
        life_h=study.demand.life_h,
    )


@lru_cache(maxsize=64)
def _rates(deployments: tuple[Deployment, ...], study: Study) -> _Rates:
    if not deployments:
        raise StudyError("footprint: no deployment given; give at least one")
    scopes = {d.grid.scope: d for d in deployments if d.grid.scope is not None}
    if len(scopes) > 1:
        direct, lifecycle = scopes["direct"], scopes["lifecycle"]
        raise StudyError(
            f"footprint: grid {direct.grid.name!r} counts direct emissions and"
            f" {lifecycle.grid.name!r} the life cycle; use grids of one scope"
        )
    for deployment in deployments:
        if deployment.grid.rate != "average":
            raise StudyError(
                f"{deployment.label}: grid {deployment.grid.name!r} has a"
                f" {deployment.grid.rate} rate, which a footprint never mixes with allocated"
                " embodied carbon; use an average rate"
            )
    table = study.fab_table
    return _Rates(
        embodied_gco2e=_frozen(
            [device_embodied(d.profile, table=table).total_gco2e for d in deployments]
        ),
        overhead=_frozen([d.overhead for d in deployments]),
        grid_gco2e_per_kwh=_frozen([d.grid.gco2e_per_kwh.value for d in deployments]),
        idle_w=_frozen([d.profile.idle_w.value for d in deployments]),
        sleep_w=_frozen([_sleep_w(d, study) for d in deployments]),
    )


def _frozen(values: list[float]) -> Numbers:
    array: Numbers = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _sleep_w(deployment: Deployment, study: Study) -> float:
    if deployment.profile.sleep_w is not None:
        return deployment.profile.sleep_w.value
    if study.demand.powered_share < 1.0:
        raise StudyError(
            f"{deployment.label}: sleep_w of {deployment.profile.name} is unknown and"
            f" powered_share is {study.demand.powered_share:g}; add sleep_w to the profile (0 if it"
            " is switched off) or set powered_share to 1"
        )
    return 0.0
