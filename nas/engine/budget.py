"""What a search has spent, and whether that is the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.engine.claims import WorkerSpan
from nas.runs.machine import WorkerPower

__all__ = ["Spent", "spent", "stop_reason"]


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
