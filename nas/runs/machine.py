"""The machine that searches: what one worker draws, and how its time becomes carbon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hardware_profiles import Deployment, deployment_from_dict
from hardware_profiles.fab import FabTable
from hardware_profiles.figure import Figure, known
from nas.carbon import HOURS_PER_YEAR, device_embodied, training_gco2e

__all__ = ["HOST_BUSY_SHARE", "WorkerPower", "worker_power"]

HOST_BUSY_SHARE = Figure(
    value=0.5,
    basis="assumed",
    low=0.1,
    high=1.0,
    source="from servers that mostly run at 10 to 50 % of what they can (Barroso and Hoelzle, IEEE"
    " Computer 2007) to a machine that is never idle",
)
"""Share of its life that a machine which searches works for anyone; the manufacture of the idle
rest is charged to that work, as with every device."""

_TRAINING_SHARE = 0.25
_PER_TRAINING_S = 1.0


@dataclass(frozen=True)
class WorkerPower:
    """What one worker draws and how its time becomes carbon.

    Attributes:
        power_w: Power of the worker's share of the machine at load, idle included (modelled).
        share: Cores of the worker over cores of the machine.
        grid_gco2e_per_kwh: Intensity where the search runs.
        overhead: Grid energy for one joule of the machine: PUE / supply efficiency.
        embodied_gco2e: Manufacture of the whole machine.
        life_h: Its service life.
        macs_per_s: Float32 rate of the worker's cores.
        busy_share: Share of its life that the machine works for anyone.
    """

    power_w: float
    share: float
    grid_gco2e_per_kwh: float
    overhead: float
    embodied_gco2e: float
    life_h: float
    macs_per_s: float
    busy_share: float = HOST_BUSY_SHARE.value

    @property
    def whole_gco2e_per_s(self) -> float:
        """Carbon of one second of the whole machine at load [gCO2e/s]."""
        return self.gco2e(1.0) / self.share

    def training_s(self, macs: float, samples: float) -> float:
        """Time of one training on a worker [s], modelled, good to a factor of about three.

        A step costs three forward passes (one forward, two for the gradients of inputs and
        weights) at a quarter of the float32 rate, which small networks reach about; quantising and
        recording take a second. Precisions other than fp32 are taken to be as fast.

        Args:
            macs: Of one sample, forward.
            samples: How many pass, all epochs together.
        """
        return 3 * macs * samples / (self.macs_per_s * _TRAINING_SHARE) + _PER_TRAINING_S

    def energy_j(self, seconds: float) -> float:
        """Energy of one worker's `seconds` at the machine [J]."""
        return self.power_w * seconds

    def gco2e(self, seconds: float) -> float:
        """Carbon of one worker's `seconds`, use and manufacture [gCO2e]."""
        return float(
            training_gco2e(
                self.energy_j(seconds),
                seconds / 3600,
                embodied_gco2e=self.embodied_gco2e,
                life_h=self.life_h,
                busy_share=self.busy_share,
                overhead=self.overhead,
                grid_gco2e_per_kwh=self.grid_gco2e_per_kwh,
                share=self.share,
            )
        )


def worker_power(
    frozen: Mapping[str, Any],
    *,
    host: Deployment | None = None,
    table: FabTable | None = None,
    busy_share: float = HOST_BUSY_SHARE.value,
) -> WorkerPower:
    """The power model of one worker, from what the launch froze.

    Args:
        frozen: `Run.frozen`.
        host: The machine in place of the frozen one, such as with drawn figures.
        table: Fab table in place of the study's, likewise.
        busy_share: Share of its life that the machine works for anyone.
    """
    search = frozen["search"]
    host = deployment_from_dict(search["host"]) if host is None else host
    profile = host.profile
    # Workers that crowd the cores share them; together they are never more than the machine.
    share = min(search["threads"] / search["cores"], 1 / search["workers"])
    embodied = device_embodied(profile, table=table or frozen["study"]["fab_table"])
    return WorkerPower(
        power_w=known(profile.load_w).value * share,
        share=share,
        grid_gco2e_per_kwh=host.grid.gco2e_per_kwh.value,
        overhead=host.overhead,
        embodied_gco2e=embodied.total_gco2e,
        life_h=profile.lifetime_years.value * HOURS_PER_YEAR,
        macs_per_s=profile.macs_per_s["fp32"].value * share,
        busy_share=busy_share,
    )
