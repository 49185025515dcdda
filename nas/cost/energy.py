"""Energy of one inference at the energy boundary of the device, gross of idle.

Where a profile knows the energy of one MAC at the deployment's precision and of one byte:
``idle_w * T + MACs * energy_per_mac_j + main memory bytes * energy_per_byte_j``. Elsewhere board
power goes from idle to load with utilisation: ``idle_w * T + (load_w - idle_w) * busy time``,
where a GPU is busy while compute or memory runs at its full rate (units that a small kernel leaves
empty draw little), and a CPU is busy all the time but the dispatch (cores draw their load however
few MACs a cycle they do). Bytes of buffers on the chip add to either, where they are modelled.
"""

from __future__ import annotations

import numpy as np

from nas.cost.figures import Array, Figures

__all__ = ["inference_energy_j"]


def inference_energy_j(
    total_macs: float | Array,
    total_s: Array,
    busy_s: Array,
    moved_bytes: Array,
    figures: Figures,
    *,
    on_chip_j: Array | None = None,
) -> Array:
    """Energy of one inference while it runs; idle between inferences is not in it.

    Args:
        total_macs: MACs of one inference of each of W networks, a number or shape (W,).
        total_s: Time of all kernels for all inferences under way, shape (D, W); so are the next.
        busy_s: The part of it that draws load power.
        moved_bytes: Bytes that come from or go to main memory.
        figures: Figures of D deployments.
        on_chip_j: Energy of bytes of buffers on the chip, shape (D, W); None for none.

    Returns:
        Joules, shape (D, W), 0 or more.
    """
    together = figures.together
    by_power = figures.dynamic_w * busy_s
    by_operation = (
        total_macs * together * figures.energy_per_mac_j + moved_bytes * figures.energy_per_byte_j
    )
    dynamic: Array = np.where(np.isnan(by_operation), by_power, by_operation)
    if on_chip_j is not None:
        dynamic = dynamic + on_chip_j
    energy: Array = (figures.idle_w * total_s + dynamic) / together
    return energy
