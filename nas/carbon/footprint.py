"""Grams of CO2e of one inference on each deployment, split by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_profiles.deployment import Deployment
from nas.carbon.demand import ClosedDemand, close_demand
from nas.carbon.metrics import kappa_w
from nas.carbon.operational import idle_energy_j, operational_gco2e
from nas.carbon.quantity import Numbers, fitting, quantity, where_known
from nas.carbon.rates import Rates, Variants, rates_of
from nas.carbon.study import Study
from nas.errors import StudyError

__all__ = ["Footprint", "footprint"]

# Energy gross of idle is at least idle power x occupancy, but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """Carbon of one inference by phase; arrays of shape (..., D), D deployments last.

    Attributes:
        active_gco2e: Use of the inference itself, in g.
        idle_gco2e: Its part of the device's idle and sleeping time, in g.
        embodied_gco2e: What is charged for its device's manufacture, transport and end of life.
        active_energy_j: Energy behind ``active_gco2e``, at the profile's boundary; net of idle
            where a consequence uses hardware that is owned already.
        idle_energy_j: Energy behind ``idle_gco2e``, likewise.
        device_share: Share of one device that one inference carries; times a device's grams.
        sharing_busy_share: Busy share u that ``device_share`` rests on: by all work, or, where a
            consequence buys the device whole, by these inferences alone.
        device_phases_gco2e: Carbon charged for one whole device, by ``manufacture``, ``transport``
            and ``end_of_life``; 0 for hardware that is owned already. Of shape (D,) where all
            candidates take the same.
        sunk_device_gco2e: Carbon of one whole device that is owned already, and not charged.
        demand: The closed demand: inferences, busy share, devices, whether they keep up.
        rates: The figures of the deployments.
        life_h: Service life of a device, in h.
        baseline_gco2e: Carbon per inference of what is used today; NaN without a baseline.
    """

    active_gco2e: Numbers
    idle_gco2e: Numbers
    embodied_gco2e: Numbers
    active_energy_j: Numbers
    idle_energy_j: Numbers
    device_share: Numbers
    sharing_busy_share: Numbers
    device_phases_gco2e: Mapping[str, Numbers]
    sunk_device_gco2e: Numbers
    demand: ClosedDemand
    rates: Rates
    life_h: float
    baseline_gco2e: float

    @property
    def operational_gco2e(self) -> Numbers:
        """Carbon of use, active and idle, per inference, in g; location-based."""
        return self.active_gco2e + self.idle_gco2e

    @property
    def carbon_gco2e(self) -> Numbers:
        """Operational plus embodied, per inference, in g."""
        return self.operational_gco2e + self.embodied_gco2e

    @property
    def change_gco2e(self) -> Numbers:
        """Carbon less that of the baseline, per inference, in g; NaN without a baseline."""
        return self.carbon_gco2e - self.baseline_gco2e

    @property
    def sunk_gco2e(self) -> Numbers:
        """Share of the carbon of hardware already owned, per inference, in g; never charged."""
        return self.sunk_device_gco2e * self.device_share

    @property
    def operational_market_gco2e(self) -> Numbers:
        """Carbon of use at market-based intensities, per inference, in g; NaN without contract."""
        per_joule = self.rates.overhead * self.rates.market_gco2e_per_kwh / 3.6e6
        return (self.active_energy_j + self.idle_energy_j) * per_joule

    @property
    def devices(self) -> NDArray[np.int64]:
        """Number D of devices; see `nas.carbon.ClosedDemand`."""
        return self.demand.devices

    @property
    def device_embodied_gco2e(self) -> Numbers:
        """Carbon charged for one whole device, in g; 0 for hardware that is owned already."""
        phases = self.device_phases_gco2e
        return phases["manufacture"] + phases["transport"] + phases["end_of_life"]

    @property
    def phases_gco2e(self) -> dict[str, Numbers]:
        """Carbon per inference by phase of the life cycle, in g; sums to ``carbon_gco2e``."""
        made = {name: g * self.device_share for name, g in self.device_phases_gco2e.items()}
        return {
            "manufacture": made["manufacture"],
            "transport": made["transport"],
            "use": self.operational_gco2e,
            "end_of_life": made["end_of_life"],
        }

    @property
    def scopes_gco2e(self) -> dict[str, Numbers]:
        """Carbon per inference by GHG scope, in g: electricity used, and all else."""
        return {"scope2": self.operational_gco2e, "scope3": self.embodied_gco2e}

    @property
    def kappa_w(self) -> Numbers:
        """Watts that a busy second costs by manufacture; see `nas.carbon.kappa_w`."""
        return where_known(
            lambda embodied, busy: kappa_w(
                embodied,
                life_h=self.life_h,
                busy_share=busy,
                overhead=self.rates.overhead,
                grid_gco2e_per_kwh=self.rates.grid_gco2e_per_kwh,
            ),
            self.device_embodied_gco2e,
            self.sharing_busy_share,
        )


@fitting
def footprint(
    energy_j: ArrayLike,
    occupancy_s: ArrayLike,
    deployments: Sequence[Deployment],
    study: Study,
    *,
    memory_bytes: ArrayLike | None = None,
    storage_bytes: ArrayLike | None = None,
    rates: Rates | None = None,
) -> Footprint:
    """Carbon of one inference on each deployment under a study.

    As a footprint: ``active = E * overhead * CI``, ``idle = (idle energy) * overhead * CI`` and
    ``embodied = ECF * D / N``, with N and u from the study's demand and the occupancy, and shared
    with other models on the device by busy time. As a consequence: the same at marginal rates with
    the whole of the devices bought; hardware already owned adds energy above idle alone. A device
    that does not keep up (``demand.keeps_up``) still gets numbers; they are not feasible.

    Args:
        energy_j: Active energy of one inference at the profile's boundary, gross of idle, in J,
            >= 0; shape (..., D).
        occupancy_s: Device seconds of one inference, > 0; shape (..., D).
        deployments: The D deployments; not looked at where ``rates`` are given.
        study: Demand, view and factor tables.
        memory_bytes: Memory that model and runtime take, >= 0; shape (..., D). Needed where the
            study's memory rule leaves a choice.
        storage_bytes: The same for storage.
        rates: Figures in place of those of `rates_of`, such as drawn ones.

    Returns:
        The split carbon, of the shape that the arguments broadcast to. Where a profile lacks its
        powers or rates, energy and occupancy are not looked at, and what follows from them is NaN;
        so is embodied carbon without a bill of materials.

    Raises:
        StudyError: If shapes do not end in D, a value is out of range, memory is needed and not
            given, or as `rates_of`.
        HardwareError: As `rates_of`.

    Source:
        ACT, Gupta et al., ISCA 2022; the idle term is the energy balance of the device's life.
    """
    rates = rates_of(deployments, study) if rates is None else rates
    if np.isnan(rates.idle_w).any() or not rates.timed.all():
        return _of_what_is_known(
            energy_j, occupancy_s, study, rates, memory_bytes=memory_bytes,
            storage_bytes=storage_bytes,
        )  # fmt: skip
    energy = quantity("energy_j", energy_j)
    tau = quantity("occupancy_s", occupancy_s, above=True)
    count = rates.sunk.shape[-1]
    if energy.shape[-1:] != (count,) or tau.shape[-1:] != (count,):
        raise StudyError(
            f"footprint: energy_j has shape {energy.shape} and occupancy_s {tau.shape}; give arrays"
            f" whose last axis is the {count} deployments"
        )
    # Column by column, so that a deployment's figure meets many rows in one inner loop.
    energy, tau = (np.asfortranarray(array) for array in np.broadcast_arrays(energy, tau))
    closed = close_demand(study.demand, tau, beside_busy_share=rates.beside_busy_share)
    active, idle, sharing = _energy(energy, tau, closed, rates, study)
    made = (
        rates.manufacture_gco2e
        + _chosen_gco2e("memory", memory_bytes, rates.memory, study, tau.shape)
        + _chosen_gco2e("storage", storage_bytes, rates.storage, study, tau.shape)
    )
    phases = {
        "manufacture": made,
        "transport": rates.transport_gco2e,
        "end_of_life": rates.end_of_life_gco2e,
    }
    owned = np.zeros(count)
    if rates.sunk.any():
        owned = np.where(rates.sunk, made + rates.transport_gco2e + rates.end_of_life_gco2e, 0.0)
        phases = {name: np.where(rates.sunk, 0.0, grams) for name, grams in phases.items()}
    share = tau / (sharing * (study.demand.life_h * 3600.0))
    whole = phases["manufacture"] + phases["transport"] + phases["end_of_life"]
    grid, overhead = rates.grid_gco2e_per_kwh, rates.overhead
    return Footprint(
        active_gco2e=operational_gco2e(active, grid_gco2e_per_kwh=grid, overhead=overhead),
        idle_gco2e=operational_gco2e(idle, grid_gco2e_per_kwh=grid, overhead=overhead),
        embodied_gco2e=whole * share,
        active_energy_j=active,
        idle_energy_j=idle,
        device_share=share,
        sharing_busy_share=sharing,
        device_phases_gco2e=phases,
        sunk_device_gco2e=owned,
        demand=closed,
        rates=rates,
        life_h=study.demand.life_h,
        baseline_gco2e=study.baseline_gco2e,
    )


def _of_what_is_known(
    energy_j: ArrayLike, occupancy_s: ArrayLike, study: Study, rates: Rates, **needed: Any
) -> Footprint:
    """The footprint with NaN where powers or rates are not known, and numbers elsewhere."""
    powered = ~np.isnan(rates.idle_w) & rates.timed
    stand_in = replace(
        rates, idle_w=np.where(powered, rates.idle_w, 0.0), timed=np.ones_like(rates.timed)
    )
    energy, tau = np.where(powered, energy_j, 0.0), np.where(rates.timed, occupancy_s, 1.0)
    found: Footprint = footprint(energy, tau, (), study, rates=stand_in, **needed)
    return _without(found, rates.timed, powered)


def _without(found: Footprint, timed: NDArray[np.bool_], powered: NDArray[np.bool_]) -> Footprint:
    """The same with NaN where what it rests on is not known."""
    demand, nan = found.demand, np.nan
    closed = replace(
        demand,
        busy_share=np.where(timed, demand.busy_share, nan),
        total_busy_share=np.where(timed, demand.total_busy_share, nan),
        inferences=np.where(timed, demand.inferences, nan),
        keeps_up=demand.keeps_up | ~timed,
        devices_needed=np.where(timed, demand.devices_needed, demand.devices),
    )
    return replace(
        found,
        active_gco2e=np.where(powered, found.active_gco2e, nan),
        idle_gco2e=np.where(powered, found.idle_gco2e, nan),
        embodied_gco2e=np.where(timed, found.embodied_gco2e, nan),
        active_energy_j=np.where(powered, found.active_energy_j, nan),
        idle_energy_j=np.where(powered, found.idle_energy_j, nan),
        device_share=np.where(timed, found.device_share, nan),
        sharing_busy_share=np.where(timed, found.sharing_busy_share, nan),
        demand=closed,
    )


def _energy(
    energy: Numbers, tau: Numbers, closed: ClosedDemand, rates: Rates, study: Study
) -> tuple[Numbers, Numbers, Numbers]:
    """Energy of the inference, of idle time, and the busy share that devices are shared by."""
    total = closed.total_busy_share
    idle = idle_energy_j(
        tau,
        idle_w=rates.idle_w,
        sleep_w=rates.sleep_w,
        busy_share=total,
        powered_share=study.demand.powered_share,
    )
    if study.view == "footprint":
        return energy, idle, total
    idle_while_active = rates.idle_w * tau
    short = rates.sunk & (energy < idle_while_active * (1.0 - _ROUNDING))
    if short.any():
        raise StudyError(
            f"energy_j: got {float(energy[short][0]):g}, below idle power x occupancy of"
            f" {float(idle_while_active[short][0]):g}; give energy gross of idle"
        )
    # What is bought is caused whole, its idle time included; what is owned idles all the same.
    sharing = np.where(rates.sunk, total, closed.busy_share)
    active = np.where(rates.sunk, np.maximum(energy - idle_while_active, 0.0), energy)
    return active, np.where(rates.sunk, 0.0, idle * total / closed.busy_share), sharing


def _chosen_gco2e(
    what: str,
    needed_bytes: ArrayLike | None,
    sizes: Variants | None,
    study: Study,
    shape: tuple[int, ...],
) -> Numbers:
    """Carbon of the memory or storage that a model answers for, by the study's rule.

    Raises:
        ValueError: If what it takes does not broadcast with the shape of the energies.
    """
    if sizes is None:
        return np.zeros(1)
    if needed_bytes is None:
        raise StudyError(
            f"footprint: {what}_bytes is not given, and study.memory is {study.memory!r}; give what"
            " model and runtime take, or set study.memory to as_built"
        )
    needed = np.asfortranarray(quantity(f"{what}_bytes", needed_bytes))
    if needed.shape[-1:] != sizes.built_bytes.shape[-1:]:
        raise StudyError(
            f"footprint: {what}_bytes has shape {needed.shape}; give an array whose last axis is"
            f" the {sizes.built_bytes.shape[-1]} deployments"
        )
    np.broadcast_shapes(needed.shape, shape)
    if study.memory == "resident_share":
        return sizes.built_gco2e * np.minimum(needed / sizes.built_bytes, 1.0)
    grams = sizes.gco2e[..., 0]
    for step in range(1, sizes.gco2e.shape[-1]):
        larger = needed > sizes.limits_bytes[..., step - 1]
        if not larger.any():
            break
        grams = np.where(larger, sizes.gco2e[..., step], grams)
    return grams
