"""A network on every design of a space of systolic accelerators, in one call.

Mapping. Weight stationary: the weights of a group, k x n, are cut into folds of ``pe_depth`` x
``pe_width``; clusters share the folds of all groups. A fold takes ``2 * depth + width + m - 2``
cycles (SCALE-Sim, Samajdar et al., arXiv 1811.02883, its equation for scale-up with this
dataflow), so narrow products and depthwise convolutions leave most of an array idle.

Traffic, in bytes of int8. A local buffer delivers the weights once, the rows once for every fold
across n, and sums that continue over folds across k are kept there in int32; kernels without
products pass through all local buffers once. The global buffer delivers weights, and inputs once
for every load of the local buffers with weights. DRAM delivers weights of a network that does not
fit the global buffer together with its peak activations, and activations of kernels that do not
fit alone. The slowest of arrays, local buffers and DRAM is the time of a kernel; the global
buffer's rate is taken to suffice, and one inference runs at a time.

All of it is modelled and not calibrated against a device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hardware_profiles.accelerator import AcceleratorSpace
from hardware_profiles.fab import fab_table
from nas.carbon.parts import DEFAULT_TABLE, die_embodied_gco2e, memory_embodied_gco2e
from nas.cost.products import Products, products
from nas.cost.workload import Workload, workload
from search_spaces.layers import Layer

__all__ = ["DesignCosts", "cost_designs", "cost_counted", "die_area_mm2", "sram_energy_per_byte_j"]

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
        allowed: Whether area and peak rate are within the space's limits.
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
    return cost_counted(workload(layers), products(layers), space)


def cost_counted(work: Workload, shapes: Products, space: AcceleratorSpace) -> DesignCosts:
    """The same of a network that is counted already."""
    table = space.table()
    arrays_s, local_bytes, local_s = _mapped(shapes, work, space, table)
    held, dram_bytes = _beyond_local(work, table)
    dram_s = dram_bytes / space.dram_bytes_per_s.value
    latency = np.maximum(np.maximum(arrays_s, local_s), dram_s).sum(axis=1)
    area, scale = die_area_mm2(space), space.energy_scale.value
    leakage_w = area * space.leakage_w_per_mm2.value
    energy = (
        work.total_macs * space.energy_per_mac_j.value * scale
        + local_bytes * sram_energy_per_byte_j(space, table["local_kib"] * _KIB)
        + held * sram_energy_per_byte_j(space, table["global_mib"] * _MIB)
        + dram_bytes.sum(axis=1) * space.dram_energy_per_byte_j.value
        + leakage_w * latency
    )
    pes = table["clusters"] * table["pe_width"] * table["pe_depth"]
    peak_tops = 2.0 * pes * space.clock_hz.value / 1e12
    allowed = (area <= space.max_area_mm2.value) & (peak_tops <= space.max_tops.value)
    needed = work.stored_weight_elements + _SUM_BYTES * work.stored_bias_elements
    fits = np.full(space.size, needed + work.peak_activation_elements <= space.dram_gb.value * 1e9)
    return DesignCosts(
        latency_s=latency,
        energy_j=energy,
        utilisation=work.total_macs / (pes * space.clock_hz.value * latency),
        area_mm2=area,
        peak_tops=peak_tops,
        power_w=energy / latency,
        embodied_gco2e=_embodied(space, area),
        fits=fits,
        allowed=allowed,
    )


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


def _mapped(
    shapes: Products, work: Workload, space: AcceleratorSpace, table: dict[str, Array]
) -> tuple[Array, Array, Array]:
    """Time of the arrays (D, L), bytes of local buffers (D,) and their time (D, L)."""
    clusters, width, depth = (table[knob][:, None] for knob in ("clusters", "pe_width", "pe_depth"))
    across, along = np.ceil(shapes.n / width), np.ceil(shapes.k / depth)
    folds = across * along * shapes.groups
    cycles = np.ceil(folds / clusters) * (2.0 * depth + width + shapes.m - 2.0)
    outputs = shapes.groups * shapes.m * shapes.n
    moved = shapes.groups * shapes.k * (shapes.n + shapes.m * across) + outputs * (
        1.0 + 2.0 * _SUM_BYTES * (along - 1.0)
    )
    used = np.minimum(clusters, folds)
    move_cycles = moved / (used * table["local_bytes_per_cycle"][:, None])
    clock, count = space.clock_hz.value, len(work.macs)
    plain = np.where(work.macs == 0.0, work.read_elements + work.write_elements, 0.0)
    plain_cycles = plain / (clusters * table["local_bytes_per_cycle"][:, None])
    return (
        _by_kernel(cycles, shapes, count) / clock,
        moved.sum(axis=1) + plain.sum(),
        (_by_kernel(move_cycles, shapes, count) + plain_cycles) / clock,
    )


def _by_kernel(rows: Array, shapes: Products, count: int) -> Array:
    """Sums of the products of each kernel, (D, L)."""
    summed = np.zeros((len(rows), count))
    if len(shapes.kernel):
        kernels, starts = np.unique(shapes.kernel, return_index=True)
        summed[:, kernels] = np.add.reduceat(rows, starts, axis=1)
    return summed


def _beyond_local(work: Workload, table: dict[str, Array]) -> tuple[Array, Array]:
    """Bytes of the global buffer (D,) and of DRAM by kernel (D, L)."""
    local = (table["clusters"] * table["local_kib"] * _KIB)[:, None]
    whole = table["global_mib"][:, None] * _MIB
    weights = work.weight_elements + _SUM_BYTES * work.bias_elements + work.gathered_elements
    activations = work.read_elements + work.write_elements
    loads = np.maximum(np.ceil(weights / local), 1.0)
    held = (weights + work.read_elements * loads + work.write_elements).sum(axis=1)
    stored = work.stored_weight_elements + _SUM_BYTES * work.stored_bias_elements
    resident = stored + work.peak_activation_elements <= whole
    spilled = np.where(activations > whole, activations, 0.0)
    return held, np.where(resident, 0.0, weights) + spilled


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
