"""A network on every design of a space of systolic accelerators, in one call.

The mapping is that of `nas.cost.systolic`; energies, areas and carbon follow from the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hardware_profiles.accelerator import AcceleratorSpace
from hardware_profiles.fab import fab_table
from nas.carbon.parts import DEFAULT_TABLE, die_embodied_gco2e, memory_embodied_gco2e
from nas.cost.systolic import Arrays, mapped
from nas.cost.workload import Workload, workload
from nas.errors import LayerError
from search_spaces.layers import Layer

__all__ = [
    "DesignCosts",
    "cost_counted",
    "cost_designs",
    "design_power_w",
    "design_sizes",
    "die_area_mm2",
    "sram_energy_per_byte_j",
]

Array = npt.NDArray[np.float64]
_SUM_BYTES = 4.0
_MIB, _KIB = 1024.0**2, 1024.0


@dataclass(frozen=True, slots=True, eq=False)
class DesignCosts:
    """What one inference costs on each design, and what the design is; arrays of shape (D,).

    Attributes:
        latency_s: Time.
        energy_j: Energy, leakage within that time included.
        utilisation: MACs over those that the arrays could do in the time, in [0, 1].
        area_mm2: Area of the die.
        peak_tops: Peak rate in 1e12 operations a second, two to a MAC.
        power_w: Energy over time while it runs.
        embodied_gco2e: Die and DRAM; no package, board or other part.
        fits: Whether weights and peak activations fit the DRAM.
        allowed: Whether area, peak rate and peak power are within the space's limits.
        peak_power_w: Most power that the design can draw, as `design_power_w`.
    """

    latency_s: Array
    energy_j: Array
    utilisation: Array
    area_mm2: Array
    peak_tops: Array
    power_w: Array
    embodied_gco2e: Array
    fits: npt.NDArray[np.bool_]
    allowed: npt.NDArray[np.bool_]
    peak_power_w: Array


def cost_designs(layers: Sequence[Layer], space: AcceleratorSpace) -> DesignCosts:
    """Latency, energy, area and embodied carbon of a network on all designs of a space.

    Args:
        layers: A network in topological order; weights and activations are in int8.
        space: The designs, D of them.

    Returns:
        Arrays in the order of ``space.table()``.

    Raises:
        LayerError: If the layers do not connect or a kernel's matrix products are not known.
        HardwareError: If the fab table lacks the node, location or DRAM of the space.
    """
    return cost_counted(workload(layers), space)


def cost_counted(work: Workload, space: AcceleratorSpace) -> DesignCosts:
    """The same of a network that is counted already.

    Raises:
        LayerError: As `cost_designs`.
        HardwareError: As `cost_designs`.
    """
    unknown = work.products.kernel[np.isnan(work.products.m)]
    if len(unknown):
        raise LayerError(
            f"{work.names[unknown[0]]}: the matrix products of such a layer are not known, which a"
            " systolic array needs; take a network without it, or another device"
        )
    table, sizes = space.table(), design_sizes(space)
    taken = mapped(work, sizes)
    clock, scale = space.clock_hz.value, space.energy_scale.value
    dram_s = taken.dram_bytes / space.dram_bytes_per_s.value
    on_chip_s = np.maximum(taken.array_cycles, taken.local_cycles) / clock
    latency = np.maximum(on_chip_s, dram_s).sum(axis=1)
    area = die_area_mm2(space)
    local_j, global_j = (
        sram_energy_per_byte_j(space, size[:, 0])
        for size in (sizes.local_bytes, sizes.global_bytes)
    )
    energy = (
        work.total_macs * space.energy_per_mac_j.value * scale
        + taken.local_bytes.sum(axis=1) * local_j
        + taken.global_bytes.sum(axis=1) * global_j
        + taken.dram_bytes.sum(axis=1) * space.dram_energy_per_byte_j.value
        + area * space.leakage_w_per_mm2.value * latency
    )
    pes = table["clusters"] * table["pe_width"] * table["pe_depth"]
    peak_tops, peak_power_w = 2.0 * pes * clock / 1e12, design_power_w(space)
    needed = work.stored_weight_elements + _SUM_BYTES * work.stored_bias_elements
    fits = np.full(space.size, needed + work.peak_activation_elements <= space.dram_gb.value * 1e9)
    return DesignCosts(
        latency_s=latency,
        energy_j=energy,
        utilisation=work.total_macs / (pes * clock * latency),
        area_mm2=area,
        peak_tops=peak_tops,
        power_w=energy / latency,
        embodied_gco2e=_embodied(space, area),
        fits=fits,
        allowed=_allowed(space, area, peak_tops, peak_power_w),
        peak_power_w=peak_power_w,
    )


def _allowed(
    space: AcceleratorSpace, area_mm2: Array, peak_tops: Array, peak_power_w: Array
) -> npt.NDArray[np.bool_]:
    within = (area_mm2 <= space.max_area_mm2.value) & (peak_tops <= space.max_tops.value)
    if space.max_power_w is not None:
        within &= peak_power_w <= space.max_power_w.value
    return within


def design_sizes(space: AcceleratorSpace) -> Arrays:
    """Sizes of all designs in the order of ``space.table()``, in bytes where the knobs are KiB."""
    table = space.table()
    return Arrays(
        clusters=table["clusters"][:, None],
        pe_width=table["pe_width"][:, None],
        pe_depth=table["pe_depth"][:, None],
        local_bytes=table["local_kib"][:, None] * _KIB,
        local_bytes_per_cycle=table["local_bytes_per_cycle"][:, None],
        global_bytes=table["global_mib"][:, None] * _MIB,
    )


def design_power_w(space: AcceleratorSpace) -> Array:
    """Most power of each design: every array, local buffer and the DRAM at full rate, leaking.

    The global buffer, whose rate is not modelled, is left out; a network draws less.

    Args:
        space: The designs, D of them.

    Returns:
        Watts of die and DRAM accesses, shape (D,).
    """
    sizes, clock = design_sizes(space), space.clock_hz.value
    per_cycle_j = (
        sizes.pe_width * sizes.pe_depth * space.energy_per_mac_j.value * space.energy_scale.value
        + sizes.local_bytes_per_cycle * sram_energy_per_byte_j(space, sizes.local_bytes)
    )
    dram_w = space.dram_bytes_per_s.value * space.dram_energy_per_byte_j.value
    leakage_w = die_area_mm2(space) * space.leakage_w_per_mm2.value
    power: Array = (sizes.clusters * per_cycle_j * clock)[:, 0] + dram_w + leakage_w
    return power


def die_area_mm2(space: AcceleratorSpace) -> Array:
    """Area of each design's die in mm2: processing elements and buffers; no pads or interfaces.

    Args:
        space: The designs, D of them.

    Returns:
        Shape (D,).
    """
    table = space.table()
    pes = table["clusters"] * table["pe_width"] * table["pe_depth"]
    buffers = table["clusters"] * table["local_kib"] * _KIB + table["global_mib"] * _MIB
    at_reference = pes * space.pe_area_um2.value + buffers * space.sram_area_um2_per_byte.value
    return at_reference * space.area_scale.value / 1e6


def sram_energy_per_byte_j(space: AcceleratorSpace, capacity_bytes: Array) -> Array:
    """Energy of a byte of a buffer, a power law of its capacity between the tabled rows.

    Below the first and above the last row, the slope of the nearest two rows goes on.

    Args:
        space: Whose table it is; at its node.
        capacity_bytes: Capacities, above 0.

    Returns:
        Joules a byte, of the same shape.
    """
    size = np.log(np.array(list(space.sram_energy_per_byte_j), dtype=np.float64))
    energy = np.log([row.value for row in space.sram_energy_per_byte_j.values()])
    wanted = np.log(capacity_bytes)
    row = np.clip(np.searchsorted(size, wanted) - 1, 0, len(size) - 2)
    slope = (energy[row + 1] - energy[row]) / (size[row + 1] - size[row])
    at_reference: Array = np.exp(energy[row] + slope * (wanted - size[row]))
    return at_reference * space.energy_scale.value


def _embodied(space: AcceleratorSpace, area_mm2: Array) -> Array:
    die = die_embodied_gco2e(
        area_mm2 / 100.0,
        node_nm=space.node_nm,
        fab_gco2e_per_kwh=fab_table(DEFAULT_TABLE).location(space.fab_location).value,
        abatement_pct=space.abatement_pct.value,
        fab_yield=space.fab_yield.value,
    )
    dram = memory_embodied_gco2e(
        space.dram_technology, space.dram_gb.value, fab_yield=space.fab_yield.value
    )
    embodied: Array = die + dram
    return embodied
