"""Energy of one inference at the energy boundary of the device, gross of idle.

Where a profile knows the energy of one MAC at the deployment's precision and of one byte:
``idle_w * T + MACs * energy_per_mac_j + main memory bytes * energy_per_byte_j``. Elsewhere board
power goes from idle to load with utilisation: ``idle_w * T + (load_w - idle_w) * busy time``,
where a GPU is busy while compute or memory runs at its full rate (units that a small kernel leaves
empty draw little), and a CPU is busy all the time but the dispatch (cores draw their load however
few MACs a cycle they do).
"""

from __future__ import annotations

import numpy as np

from nas.cost.figures import Array, Figures
from nas.cost.latency import KernelTimes
from nas.cost.workload import Workload

__all__ = ["inference_energy_j"]


def inference_energy_j(workload: Workload, figures: Figures, times: KernelTimes) -> Array:
    """Energy of one inference while it runs; idle between inferences is not in it.

    Args:
        workload: Counts of the network.
        figures: Figures of D deployments.
        times: `kernel_times` of both.

    Returns:
        Joules, shape (D,), 0 or more.
    """
    together = figures.together[:, 0]
    by_power = figures.dynamic_w[:, 0] * times.busy_s.sum(axis=1)
    by_operation = (
        workload.total_macs * together * figures.energy_per_mac_j[:, 0]
        + times.main_memory_bytes.sum(axis=1) * figures.energy_per_byte_j[:, 0]
    )
    dynamic: Array = np.where(np.isnan(by_operation), by_power, by_operation)
    energy: Array = (figures.idle_w[:, 0] * times.time_s.sum(axis=1) + dynamic) / together
    return energy
