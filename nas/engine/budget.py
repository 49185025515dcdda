"""What a search has spent, and whether that is the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nas.carbon.scheduling import Intensity
from nas.engine.claims import WorkerSpan
from nas.runs.machine import WorkerPower

__all__ = ["Limits", "Spent", "grams_of", "spent", "stop_reason"]

_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Limits:
    """When a search ends, whichever comes first; None is no limit.

    Attributes:
        trainings: Distinct candidates.
        seconds: Wall time at work.
        epochs: Of all trainings of the search.
        kwh: Energy of all workers (modelled).
        gco2e: Their carbon.
        gain_per_gco2e: Least expected gain of hypervolume, as a share of the box from the ideal to
            the reference, for one gram.
    """

    trainings: int | None = None
    seconds: float | None = None
    epochs: int | None = None
    kwh: float | None = None
    gco2e: float | None = None
    gain_per_gco2e: float | None = None


@dataclass(frozen=True)
class Spent:
    """What a search has used so far.

    Attributes:
        trainings: Distinct candidates trained or being trained.
        seconds: Wall time during which at least one worker was at work.
        worker_s: Time of all workers, failures and killed ones included.
        energy_j: Their energy (modelled).
        gco2e: Their carbon, use and manufacture (modelled), and that of the runs it began from.
        epochs: Epochs of the search's trainings, those under way counted whole.
        inherited_gco2e: What of `gco2e` is of the runs it began from; no budget counts it.
    """

    trainings: int
    seconds: float
    worker_s: float
    energy_j: float
    gco2e: float
    epochs: int = 0
    inherited_gco2e: float = 0.0


def spent(
    trainings: int,
    workers: Sequence[WorkerSpan],
    power: WorkerPower,
    *,
    epochs: int = 0,
    intensity: Intensity | None = None,
    inherited_gco2e: float = 0.0,
) -> Spent:
    """Sum up a run.

    Args:
        trainings: Distinct candidates trained or being trained.
        workers: Every worker that ever entered the run.
        power: Power model of one worker.
        epochs: Epochs of these trainings.
        intensity: Of the grid while they worked; None takes the mean of `power`.
        inherited_gco2e: Carbon of the runs whose results this one began with.
    """
    worker_s = sum(worker.seen_at - worker.started_at for worker in workers)
    if intensity is None:
        grams = power.gco2e(worker_s)
    else:
        grams = sum(grams_of(power, w.started_at, w.seen_at, intensity) for w in workers)
    return Spent(
        trainings=trainings,
        seconds=_union_s([(worker.started_at, worker.seen_at) for worker in workers]),
        worker_s=worker_s,
        energy_j=power.energy_j(worker_s),
        gco2e=grams + inherited_gco2e,
        epochs=epochs,
        inherited_gco2e=inherited_gco2e,
    )


def grams_of(
    power: WorkerPower, start_s: float, end_s: float, intensity: Intensity | None
) -> float:
    """Carbon of one worker from one moment to another [gCO2e].

    Args:
        power: Its power model.
        start_s: Begin [s since the epoch].
        end_s: End.
        intensity: Of the grid over time; None takes the mean of `power`.
    """
    if intensity is not None:
        power = replace(power, grid_gco2e_per_kwh=intensity.mean(start_s, end_s))
    return power.gco2e(end_s - start_s)


def stop_reason(used: Spent, limits: Limits) -> str | None:
    """Which limit is met, in words; None while there is budget left.

    `Limits.gain_per_gco2e` is not looked at: it is about what comes, not what was used.
    """
    used_and_limits = (
        (used.trainings, limits.trainings, "trainings"),
        (used.seconds, limits.seconds, "seconds"),
        (used.epochs, limits.epochs, "epochs"),
        (used.energy_j / _JOULES_PER_KWH, limits.kwh, "kWh"),
        (used.gco2e - used.inherited_gco2e, limits.gco2e, "gCO2e"),
    )
    for amount, limit, unit in used_and_limits:
        if limit is not None and amount >= limit:
            return f"budget: {limit:g} {unit}"
    return None


def _union_s(spans: Sequence[tuple[float, float]]) -> float:
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
