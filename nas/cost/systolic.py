"""Kernels mapped to systolic arrays: cycles, and bytes at every level of memory.

Mapping. Weight stationary: the weights of a group, k x n, are cut into folds of ``pe_depth`` x
``pe_width``; clusters share the folds of all groups. A fold takes ``2 * depth + width + m - 2``
cycles (SCALE-Sim, Samajdar et al., arXiv 1811.02883, its equation for scale-up with this
dataflow), so narrow products and depthwise convolutions leave most of an array idle. A batch
lengthens m.

Traffic, in bytes of int8. A local buffer delivers the weights once and the rows once for every fold
across n, and takes the results; sums that continue over folds across k are kept there in int32,
through ports of their own as wide as the array, as TPU v1's accumulators have them (Jouppi et al.,
ISCA 2017): they cost energy and no time. Kernels without products pass through all local buffers
once. The global buffer delivers weights, and inputs once
for every load of the local buffers with weights. DRAM delivers weights of a network that does not
fit the global buffer together with its peak activations, and activations of kernels that do not
fit alone. The slowest of arrays, local buffers and DRAM is the time of a kernel; the global
buffer's rate is taken to suffice, and one run takes place at a time.

All of it is modelled and not calibrated against a device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.cost.products import Products
from nas.cost.stack import Stack
from nas.cost.workload import Workload

__all__ = ["Arrays", "Mapped", "mapped"]

Array = npt.NDArray[np.float64]
_SUM_BYTES = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Sizes of D designs; arrays are (D, 1), as `hardware_profiles.systolic.SystolicArrays`."""

    clusters: Array
    pe_width: Array
    pe_depth: Array
    local_bytes: Array
    local_bytes_per_cycle: Array
    global_bytes: Array


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """What kernels take of designs for one run; arrays are (D, L).

    Attributes:
        array_cycles: Cycles of the arrays; NaN where a kernel's products are not known.
        local_cycles: Cycles in which local buffers deliver, sums apart.
        local_bytes: Bytes that they deliver, sums among them.
        global_bytes: Bytes of the global buffer.
        dram_bytes: Bytes of DRAM.
    """

    array_cycles: Array
    local_cycles: Array
    local_bytes: Array
    global_bytes: Array
    dram_bytes: Array


def mapped(work: Workload | Stack, designs: Arrays, batch: float | Array = 1.0) -> Mapped:
    """Map L kernels to D designs.

    Args:
        work: Counts of a network, or of many in one row.
        designs: Their sizes.
        batch: Inferences of a run, a number or shape (D, 1).
    """
    shapes, count = work.products, len(work.macs)
    rows = shapes.m * batch
    across = np.ceil(shapes.n / designs.pe_width)
    along = np.ceil(shapes.k / designs.pe_depth)
    folds = across * along * shapes.groups
    fill = 2.0 * designs.pe_depth + designs.pe_width - 2.0
    cycles = np.ceil(folds / designs.clusters) * (fill + rows)
    moved = shapes.groups * (shapes.k * (shapes.n + rows * across) + rows * shapes.n)
    sums = shapes.groups * rows * shapes.n * (2.0 * _SUM_BYTES * (along - 1.0))
    used = np.minimum(designs.clusters, folds) * designs.local_bytes_per_cycle
    plain = np.where(work.macs == 0.0, work.read_elements + work.write_elements, 0.0) * batch
    together = designs.clusters * designs.local_bytes_per_cycle
    held, dram = _beyond_local(work, designs, batch)
    return Mapped(
        array_cycles=_by_kernel(cycles, shapes, count),
        local_cycles=_by_kernel(moved / used, shapes, count) + plain / together,
        local_bytes=_by_kernel(moved + sums, shapes, count) + plain,
        global_bytes=held,
        dram_bytes=dram,
    )


def _by_kernel(rows: Array, shapes: Products, count: int) -> Array:
    """Sums of the products of each kernel, (D, L)."""
    summed = np.zeros((len(rows), count))
    if len(shapes.kernel):
        kernels, starts = np.unique(shapes.kernel, return_index=True)
        several = len(kernels) < len(shapes.kernel)
        summed[:, kernels] = np.add.reduceat(rows, starts, axis=1) if several else rows
    return summed


def _beyond_local(
    work: Workload | Stack, designs: Arrays, batch: float | Array
) -> tuple[Array, Array]:
    """Bytes of the global buffer and of DRAM, both (D, L)."""
    weights = work.weight_elements + _SUM_BYTES * work.bias_elements
    gathered = work.gathered_elements * batch
    read, written = work.read_elements * batch, work.write_elements * batch
    loads = np.ceil((weights + gathered) / (designs.clusters * designs.local_bytes))
    held = weights + gathered + read * np.maximum(loads, 1.0) + written
    stored = work.stored_weight_elements + _SUM_BYTES * work.stored_bias_elements
    resident = stored + work.peak_activation_elements * batch <= designs.global_bytes
    spilled = np.where(read + written > designs.global_bytes, read + written, 0.0)
    return held, np.where(resident, 0.0, weights + gathered) + spilled
