"""Time of every kernel on deployments: a roofline with a filling term and a dispatch time.

``max(MACs / (peak * efficiency(kind) * fill), bytes / bandwidth) + dispatch``, where
``fill = MACs / (MACs + half_rate_macs)``. Elements in the windows of a pool count as MACs where
the profile has an efficiency for pools; these have no filling term. Kernels run one after the
other. A profile's ``latency_factor`` multiplies all of it.

Batch and streams: a batch of b reads the weights once. s streams share the device, so together
they fill it as a batch of b * s does, except that each reads the weights for itself; their
dispatches overlap. A response takes as long as all that is under way.

Levels of memory: activations of a kernel move through the cache when all that the kernel touches
fits it, scores of attention by the share of them that the runtime writes; weights are read from the
cache when all weights and the peak of activations fit, so that they survive from one inference to
the next. Otherwise both come from main memory. Rows of an
embedding are weights in this, though every inference of a batch reads its own.

Where a profile says so: products with padding are left out; channels are computed in whole blocks
of ``channel_block``, at a lower rate where inputs fill none; a convolution or linear layer takes
the time of ``output_macs`` further MACs for every element of its output and of ``weight_macs`` for
every weight, a depthwise one that of ``depthwise_output_macs`` for every element; a fused hard
swish takes its time; kernels without products have a dispatch of their own; a smooth activation
that the runtime does not fuse takes one too, its bytes and its elements; a far cache stands between
cache and main memory.

A device with systolic arrays has the times of `nas.cost.systolic` instead, at which streams take
their turns as a batch does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nas.cost.figures import Array, Figures
from nas.cost.kernels import KINDS
from nas.cost.memory import activation_bytes, stored_bytes
from nas.cost.stack import Stack
from nas.cost.systolic import mapped
from nas.cost.workload import Workload

__all__ = [
    "KernelTimes",
    "activation_elements",
    "computed_operations",
    "kernel_times",
    "met_weights",
    "overhead_macs",
    "seconds_per_mac",
    "smooth_s",
]

_PRODUCTS = np.array([float(kind in ("conv", "pointwise", "grouped", "linear")) for kind in KINDS])
_DEPTHWISE = np.array([float(kind == "depthwise") for kind in KINDS])


@dataclass(frozen=True, slots=True, eq=False)
class KernelTimes:
    """Time and traffic of each kernel for all inferences under way; arrays are (D, kernels).

    Attributes:
        compute_s: Time of the operations, filling included.
        move_s: Time of the bytes.
        time_s: Time of the kernel: the greater of the two, and the dispatch.
        busy_s: The part of it that draws load power: on a GPU, in which compute or memory runs at
            its full rate; on a CPU, all but the dispatch.
        main_memory_bytes: Bytes that come from or go to main memory.
        near_bytes: Bytes that the first cache holds.
        on_chip_j: Energy of the bytes of buffers on the chip where it is modelled, 0 elsewhere;
            None where it is for no deployment.
    """

    compute_s: Array
    move_s: Array
    time_s: Array
    busy_s: Array
    main_memory_bytes: Array
    near_bytes: Array
    on_chip_j: Array | None = None


def kernel_times(workload: Workload | Stack, figures: Figures) -> KernelTimes:
    """Time of every kernel on every deployment.

    Args:
        workload: Counts of a network of L kernels, or of many networks of L kernels together.
        figures: Figures of D deployments.

    Returns:
        Arrays of shape (D, L), in seconds and bytes, for batch x streams inferences together.

    Source:
        Roofline: Williams, Waterman and Patterson, CACM 2009.
    """
    per_mac = seconds_per_mac(workload, figures)
    full_s = computed_operations(workload, figures) * figures.together * per_mac
    if any(
        each.any()
        for each in (figures.output_macs, figures.weight_macs, figures.depthwise_output_macs)
    ):
        full_s = full_s + overhead_macs(workload, figures) * per_mac
    if figures.activation_s.any():
        full_s = full_s + workload.curved_elements * figures.together * figures.activation_s
    # work / (rate * work / (work + half)) = (work + half) / rate; kinds without MACs take 0 s each.
    filling = per_mac * (workload.macs > 0)
    compute_s = full_s + figures.half_rate_macs * filling
    loaded_s = full_s + figures.busy_half_rate_macs * filling
    weights = (
        met_weights(workload, figures) * figures.element_bytes
        + workload.bias_elements * figures.bias_bytes
        + workload.float_elements * figures.float_bytes
    )
    elements = activation_elements(workload, figures)
    per_inference = figures.element_bytes * figures.together
    activations = elements * per_inference
    gathered = workload.gathered_elements * per_inference
    resident = stored_bytes(workload, figures) + activation_bytes(workload, figures)
    weights_cached = resident <= figures.cache_bytes
    touched = weights + gathered + activations
    activations_cached = touched <= figures.cache_bytes
    weights = weights * figures.streams + gathered
    away = weights * ~weights_cached + activations * ~activations_cached
    near = weights + activations - away
    move_s = near * figures.cache_seconds_per_byte
    main, dispatch_s = away, figures.dispatch_s
    if figures.far_cache_bytes.any():
        far = figures.far_cache_bytes
        main = weights * (resident > far) + activations * (touched > far)
        move_s = move_s + (away - main) * figures.far_cache_seconds_per_byte
    move_s = move_s + main * figures.seconds_per_byte
    if (figures.move_dispatch_s != figures.dispatch_s).any() or figures.smooth_share.any():
        dispatch_s = np.where(workload.macs > 0, dispatch_s, figures.move_dispatch_s)
        dispatch_s = dispatch_s + smooth_s(workload, figures)
    times = KernelTimes(
        compute_s=compute_s,
        move_s=move_s,
        time_s=np.maximum(compute_s, move_s) + dispatch_s,
        busy_s=np.maximum(loaded_s, move_s),
        main_memory_bytes=main,
        near_bytes=near,
    )
    return times if figures.designs is None else _with_designs(times, workload, figures)


def seconds_per_mac(workload: Workload | Stack, figures: Figures) -> Array:
    """Time of one operation of large kernels, shape (D, kernels), longer where inputs are narrow.

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.
    """
    per_mac: Array = figures.seconds_per_mac[:, workload.kind_index]
    if not (figures.narrow_share != 1.0).any():
        return per_mac
    alone = workload.kind_index == KINDS.index("depthwise")
    fills = (workload.channels_in >= figures.channel_block) | (workload.channels_in == 0.0) | alone
    return per_mac / np.where(fills, 1.0, figures.narrow_share)


def computed_operations(workload: Workload | Stack, figures: Figures) -> Array:
    """Operations of one inference as a runtime computes them: not all with padding, whole blocks.

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.

    Returns:
        Shape (kernels,) where all compute exactly what is counted, else (D, kernels).
    """
    operations = workload.operations
    if (figures.padding_share != 1.0).any():
        operations = operations - (1.0 - figures.padding_share) * workload.padded_macs
    if (figures.channel_block != 1.0).any():
        operations = operations * math.prod(_block_fill(workload, figures))
    return operations


def _block_fill(workload: Workload | Stack, figures: Figures) -> tuple[Array, Array]:
    """Channels computed for each that is there, in and out: inputs of less than a block as such."""
    block = figures.channel_block
    inward, outward = (
        np.ceil(channels / block) * block / np.maximum(channels, 1.0)
        for channels in (workload.channels_in, workload.channels_out)
    )
    return (
        np.where(workload.channels_in >= block, inward, 1.0),
        np.where(workload.channels_out > 0, outward, 1.0),
    )


def met_weights(workload: Workload | Stack, figures: Figures) -> Array:
    """Weights that a runtime reads: all, but those that meet padding alone where it leaves it out.

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.

    Returns:
        Shape (kernels,) where all read everything, else (D, kernels).
    """
    if not (figures.padding_share != 1.0).any():
        return workload.weight_elements
    unmet = (1.0 - figures.padding_share) * workload.unmet_weights
    read: Array = workload.weight_elements - unmet
    return read


def overhead_macs(workload: Workload | Stack, figures: Figures) -> Array:
    """MACs in whose time layers with products read weights and write outputs, in whole blocks.

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.

    Returns:
        Shape (D, kernels), for all inferences under way; 0 of other kernels.
    """
    outputs = workload.write_elements * figures.together
    weights = met_weights(workload, figures) * figures.streams
    if (figures.channel_block != 1.0).any():
        inward, outward = _block_fill(workload, figures)
        outputs, weights = outputs * outward, weights * inward * outward
    products, depthwise = _PRODUCTS[workload.kind_index], _DEPTHWISE[workload.kind_index]
    macs: Array = (
        outputs * (figures.output_macs * products + figures.depthwise_output_macs * depthwise)
        + weights * figures.weight_macs * products
    )
    return macs


def smooth_s(workload: Workload | Stack, figures: Figures) -> Array:
    """Time of the smooth activations that a runtime does not fuse, shape (D, kernels).

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.
    """
    count = workload.smooth_elements * figures.together
    per_mac = seconds_per_mac(workload, figures)
    per_element = (
        2.0 * figures.element_bytes * figures.cache_seconds_per_byte + figures.output_macs * per_mac
    )
    each = (workload.smooth_elements > 0) * figures.move_dispatch_s + count * per_element
    time_s: Array = figures.smooth_share * each
    return time_s


def _with_designs(times: KernelTimes, workload: Workload | Stack, figures: Figures) -> KernelTimes:
    """The times with those of devices with systolic arrays in place of the roofline's."""
    designs = figures.designs
    if designs is None:
        return times
    rows, shape = designs.rows, np.broadcast_shapes(times.time_s.shape, times.move_s.shape)
    taken = mapped(workload, designs.sizes, figures.together[rows])
    compute = np.maximum(taken.array_cycles, taken.local_cycles) * designs.seconds_per_cycle
    move = taken.dram_bytes * figures.seconds_per_byte[rows]
    on_chip = (
        taken.local_bytes * designs.local_j_per_byte
        + taken.global_bytes * designs.global_j_per_byte
    )
    time = np.maximum(compute, move)

    def put(column: Array, new: Array) -> Array:
        whole = np.broadcast_to(column, shape).copy()
        whole[rows] = new
        return whole

    return KernelTimes(
        compute_s=put(times.compute_s, compute),
        move_s=put(times.move_s, move),
        time_s=put(times.time_s, time),
        busy_s=put(times.busy_s, time),
        main_memory_bytes=put(times.main_memory_bytes, taken.dram_bytes),
        near_bytes=put(times.near_bytes, taken.local_bytes),
        on_chip_j=put(np.zeros((1, 1)), on_chip),
    )


def activation_elements(workload: Workload | Stack, figures: Figures) -> Array:
    """Activations that every kernel reads and writes for one inference, shape (D, kernels).

    A runtime with an IO-aware kernel neither writes nor reads the scores of attention.

    Args:
        workload: Counts of a network, or of many together.
        figures: Figures of D deployments.

    Source:
        Dao et al., FlashAttention, NeurIPS 2022 (arXiv:2205.14135), sections 2.2 and 3.1: plain
        attention writes the scores to main memory and reads them again, theirs never does.
    """
    moved = workload.read_elements + workload.write_elements
    kept = 2.0 * (1.0 - figures.score_share)
    elements: Array = moved - workload.score_elements * kept
    return elements
