"""What a search has spent, and whether that is the end of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardware_profiles import deployment_from_dict
from nas.carbon import HOURS_PER_YEAR, device_embodied, training_gco2e
from nas.engine.claims import WorkerSpan

__all__ = ["Spent", "WorkerPower", "spent", "stop_reason", "worker_power"]

# A server that searches is assumed to be busy half of its life; the rest of its manufacture is
# charged to other work.
_HOST_BUSY_SHARE = 0.5


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
    """

    power_w: float
    share: float
    grid_gco2e_per_kwh: float
    overhead: float
    embodied_gco2e: float
    life_h: float
    macs_per_s: float

    @property
    def whole_gco2e_per_s(self) -> float:
        """Carbon of one second of the whole machine at load [gCO2e/s]."""
        return self.gco2e(1.0) / self.share

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
                busy_share=_HOST_BUSY_SHARE,
                overhead=self.overhead,
                grid_gco2e_per_kwh=self.grid_gco2e_per_kwh,
                share=self.share,
            )
        )


@dataclass(frozen=True)
class Spent:
    """What a search has used so far.

    Attributes:
        trainings: Distinct candidates trained or being trained.
        seconds: Wall time during which at least one worker was at work.
        worker_s: Time of all workers, failures and killed ones included.
        energy_j: Their energy (modelled).
        gco2e: Their carbon, use and manufacture (modelled).
    """

    trainings: int
    seconds: float
    worker_s: float
    energy_j: float
    gco2e: float


def worker_power(frozen: Mapping[str, Any]) -> WorkerPower:
    """The power model of one worker, from what the launch froze.

    Args:
        frozen: `Run.frozen`.
    """
    search = frozen["search"]
    host = deployment_from_dict(search["host"])
    profile = host.profile
    # Workers that crowd the cores share them; together they are never more than the machine.
    share = min(search["threads"] / search["cores"], 1 / search["workers"])
    embodied = device_embodied(profile, table=frozen["study"]["fab_table"])
    return WorkerPower(
        power_w=profile.load_w.value * share,
        share=share,
        grid_gco2e_per_kwh=host.grid.gco2e_per_kwh.value,
        overhead=host.overhead,
        embodied_gco2e=embodied.total_gco2e,
        life_h=profile.lifetime_years.value * HOURS_PER_YEAR,
        macs_per_s=profile.macs_per_s["fp32"].value * share,
    )


def spent(trainings: int, workers: Sequence[WorkerSpan], power: WorkerPower) -> Spent:
    """Sum up a run.

    Args:
        trainings: Distinct candidates trained or being trained.
        workers: Every worker that ever entered the run.
        power: Power model of one worker.
    """
    worker_s = sum(worker.seen_at - worker.started_at for worker in workers)
    return Spent(
        trainings=trainings,
        seconds=_union_s([(worker.started_at, worker.seen_at) for worker in workers]),
        worker_s=worker_s,
        energy_j=power.energy_j(worker_s),
        gco2e=power.gco2e(worker_s),
    )


def stop_reason(
    used: Spent, *, trainings: int | None, seconds: float | None, gco2e: float | None
) -> str | None:
    """Which limit is met, in words; None while there is budget left."""
    if trainings is not None and used.trainings >= trainings:
        return f"budget: {trainings} trainings"
    if seconds is not None and used.seconds >= seconds:
        return f"budget: {seconds:g} seconds"
    if gco2e is not None and used.gco2e >= gco2e:
        return f"budget: {gco2e:g} gCO2e"
    return None


def _union_s(spans: Sequence[tuple[float, float]]) -> float:
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
