"""Energy and carbon of a training: machines, storage, links between machines, failures, spares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nas.carbon.operational import operational_gco2e
from nas.carbon.quantity import Numbers, fitting, quantity

__all__ = [
    "TrainingEnergy",
    "best_checkpoint_period_h",
    "communication_energy_j",
    "communication_s",
    "rerun_factor",
    "training_energy_j",
    "training_gco2e",
]


@dataclass(frozen=True, slots=True)
class TrainingEnergy:
    """Energy of a training by cause, at the boundary of the powers it came from; arrays alike.

    Attributes:
        compute_j: Machines while they compute.
        communication_j: Machines while they exchange gradients, and the links themselves.
        storage_j: Storage and ingestion of the data, for as long as the useful work takes.
        rerun_j: All of the above once more, as far as failures and checkpoints cause it.
        spares_j: Machines that stand by.
        wall_s: Expected time from start to end.
        machine_h: Hours of machines held, spares included; `training_gco2e` takes them.
    """

    compute_j: Numbers
    communication_j: Numbers
    storage_j: Numbers
    rerun_j: Numbers
    spares_j: Numbers
    wall_s: Numbers
    machine_h: Numbers

    @property
    def total_j(self) -> Numbers:
        """Sum of the causes, in J."""
        useful = self.compute_j + self.communication_j + self.storage_j
        return useful + self.rerun_j + self.spares_j

    @property
    def storage_share(self) -> Numbers:
        """Share of storage and ingestion in the useful work's energy; NaN where that is 0."""
        useful = self.compute_j + self.communication_j + self.storage_j
        with np.errstate(invalid="ignore"):
            return self.storage_j / useful


@fitting
def training_energy_j(
    compute_s: ArrayLike,
    *,
    machine_w: ArrayLike,
    workers: ArrayLike = 1.0,
    storage_w: ArrayLike = 0.0,
    cache_saving: ArrayLike = 0.0,
    communication_s: ArrayLike = 0.0,
    link_j: ArrayLike = 0.0,
    rerun: ArrayLike = 1.0,
    spares: ArrayLike = 0.0,
    spare_w: ArrayLike = 0.0,
) -> TrainingEnergy:
    """Energy of a training on one or more machines, by cause.

    ``wall = (compute + communication) * rerun``; machines, storage and spares draw their power
    for that long. Communication is not overlapped with computing.

    Args:
        compute_s: Time each machine computes, in s, >= 0.
        machine_w: Power of one machine at load, in W, >= 0.
        workers: Machines that train together, >= 1.
        storage_w: Power of storage and ingestion of the training data, in W, >= 0.
        cache_saving: Share of that power which a cache saves, in [0, 1].
        communication_s: Time spent on exchanges, in s, >= 0; see `communication_s`.
        link_j: Energy of the links, in J, >= 0; see `communication_energy_j`.
        rerun: Expected time over useful time, >= 1; see `rerun_factor`.
        spares: Machines that stand by for a failed one, >= 0.
        spare_w: Power of one of them, in W, >= 0.

    Returns:
        The split energy, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Energy balance; storage and ingestion as a term of its own: Wu et al., IEEE Micro 2024.
    """
    work = quantity("compute_s", compute_s)
    exchange = quantity("communication_s", communication_s)
    machines = quantity("workers", workers, least=1.0)
    drawn = quantity("machine_w", machine_w) * machines
    kept = 1.0 - quantity("cache_saving", cache_saving, most=1.0)
    fed = quantity("storage_w", storage_w) * kept
    factor = quantity("rerun", rerun, least=1.0)
    standing = quantity("spares", spares)
    useful = work + exchange
    compute_j = drawn * work
    communication_j = drawn * exchange + quantity("link_j", link_j)
    storage_j = fed * useful
    wall = useful * factor
    parts = np.broadcast_arrays(
        compute_j,
        communication_j,
        storage_j,
        (compute_j + communication_j + storage_j) * (factor - 1.0),
        standing * quantity("spare_w", spare_w) * wall,
        wall,
        (machines + standing) * wall / 3600.0,
    )
    return TrainingEnergy(*parts)


@fitting
def communication_s(
    payload_bytes: ArrayLike,
    *,
    bandwidth_bytes_per_s: ArrayLike,
    workers: ArrayLike,
    exchanges: ArrayLike = 1.0,
) -> Numbers:
    """Time of exchanging gradients by a ring all-reduce, in s: ``2 (n - 1) / n * bytes / rate``.

    Args:
        payload_bytes: Gradients of one exchange, in bytes, >= 0.
        bandwidth_bytes_per_s: Of one machine's link in each direction, in bytes/s, > 0.
        workers: Machines n that train together, >= 1; one machine exchanges nothing.
        exchanges: Number of them, such as the steps of a training, >= 0.

    Returns:
        Seconds, of the shape the arguments broadcast to; latency of the links is not counted.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Patarasuk and Yuan, J. Parallel Distrib. Comput. 69 (2009): the bound that a ring meets.
    """
    count = quantity("workers", workers, least=1.0)
    rate = quantity("bandwidth_bytes_per_s", bandwidth_bytes_per_s, above=True)
    moved = quantity("payload_bytes", payload_bytes) * quantity("exchanges", exchanges)
    return 2.0 * (count - 1.0) / count * moved / rate


@fitting
def communication_energy_j(
    payload_bytes: ArrayLike,
    *,
    energy_per_byte_j: ArrayLike,
    workers: ArrayLike,
    exchanges: ArrayLike = 1.0,
) -> Numbers:
    """Energy of the links in a ring all-reduce, in J: ``2 (n - 1) * bytes * energy per byte``.

    Args:
        payload_bytes: Gradients of one exchange, in bytes, >= 0.
        energy_per_byte_j: Of one byte sent over one link, in J, >= 0, net of what the machines
            draw anyway.
        workers: Machines n that train together, >= 1.
        exchanges: Number of them, >= 0.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        All n machines send ``2 (n - 1) / n`` times the payload (Patarasuk and Yuan 2009).
    """
    count = quantity("workers", workers, least=1.0)
    moved = quantity("payload_bytes", payload_bytes) * quantity("exchanges", exchanges)
    return 2.0 * (count - 1.0) * moved * quantity("energy_per_byte_j", energy_per_byte_j)


@fitting
def rerun_factor(
    failures_per_h: ArrayLike,
    checkpoint_period_h: ArrayLike,
    *,
    checkpoint_cost_h: ArrayLike = 0.0,
) -> Numbers:
    """Expected time over useful time where failures lose what no checkpoint holds.

    ``(exp(l * (t + c)) - 1) / (l * t)``, which is ``(t + c) / t`` without failures. A failure
    loses the work since the last checkpoint; restarting takes no time.

    Args:
        failures_per_h: Rate l of the whole job (machines times their own rate), per h, >= 0.
        checkpoint_period_h: Useful work t between two checkpoints, in h, > 0.
        checkpoint_cost_h: Time c of writing one, in h, >= 0.

    Returns:
        A factor of 1 or more, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range, or the job would practically
            never end (``l * (t + c)`` above 700).

    Source:
        Expected time to a success under Poisson failures: Daly, Future Generation Computer
        Systems 22 (2006).
    """
    rate = quantity("failures_per_h", failures_per_h)
    period = quantity("checkpoint_period_h", checkpoint_period_h, above=True)
    segment = period + quantity("checkpoint_cost_h", checkpoint_cost_h)
    expected = quantity("failures_per_h * segment", rate * segment, most=700.0)
    # expm1(x) / x, which is 1 at 0.
    safe = np.where(expected > 0.0, expected, 1.0)
    growth = np.where(expected > 0.0, np.expm1(safe) / safe, 1.0)
    return growth * segment / period


@fitting
def best_checkpoint_period_h(failures_per_h: ArrayLike, checkpoint_cost_h: ArrayLike) -> Numbers:
    """Work between checkpoints that keeps the expected time least, to first order, in h.

    ``sqrt(2 c / l)``; it holds where the period is short beside the time between failures.

    Args:
        failures_per_h: Rate l of the whole job, per h, > 0.
        checkpoint_cost_h: Time c of writing one checkpoint, in h, >= 0.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Young, Communications of the ACM 17 (1974).
    """
    rate = quantity("failures_per_h", failures_per_h, above=True)
    return np.sqrt(2.0 * quantity("checkpoint_cost_h", checkpoint_cost_h) / rate)


@fitting
def training_gco2e(
    energy_j: ArrayLike,
    hours: ArrayLike,
    *,
    embodied_gco2e: ArrayLike,
    life_h: ArrayLike,
    busy_share: ArrayLike,
    overhead: ArrayLike,
    grid_gco2e_per_kwh: ArrayLike,
    share: ArrayLike = 1.0,
) -> Numbers:
    """Carbon of a training or a search on one machine, in g, failures included.

    ``E * overhead * CI + ECF * hours * share / (LT * u)``.

    Args:
        energy_j: Energy it took, at the boundary that ``overhead`` starts from, in J, >= 0.
        hours: Time it held the machine, in h, >= 0.
        embodied_gco2e: Embodied carbon of the machine, in g, >= 0.
        life_h: Service life of the machine, in h, > 0.
        busy_share: Share of that life it works for anyone, in (0, 1].
        overhead: Grid energy per joule, >= 1.
        grid_gco2e_per_kwh: Carbon intensity of the electricity, in g/kWh, >= 0.
        share: Share of the machine it held, in [0, 1].

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        ACT, Gupta et al., ISCA 2022; shares of time and resource as in ISO/IEC 21031:2024.
    """
    use = operational_gco2e(energy_j, grid_gco2e_per_kwh=grid_gco2e_per_kwh, overhead=overhead)
    life = quantity("life_h", life_h, above=True)
    held = quantity("hours", hours) * quantity("share", share, most=1.0)
    busy = quantity("busy_share", busy_share, most=1.0, above=True)
    return use + quantity("embodied_gco2e", embodied_gco2e) * held / (life * busy)
