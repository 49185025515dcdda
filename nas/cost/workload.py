"""The workload: what layers cost whatever the hardware, as one row per kernel.

Kernels, and which layers are fused into them: `nas.cost.kernels`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.cost.kernels import KINDS, Kernel, fused_kernels
from nas.cost.products import Products, product_shapes, products_of
from nas.errors import LayerError
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Shape

__all__ = ["Counts", "Workload", "workload"]

Counts = npt.NDArray[np.float64]
"""Whole numbers, kept as floats because every use multiplies them by rates."""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Counts of a network for one input, whatever the hardware. Arrays have one row per kernel.

    Attributes:
        names: The layer that each kernel begins with.
        fused: The layers that each kernel ends with, in order; often empty.
        kinds: Kind of each kernel, one of `nas.cost.kernels.KINDS`.
        kind_index: The same as indices into those.
        macs: Multiply-accumulates.
        operations: The same; of a pool of windows the elements that its windows cover, which
            overlap, so that bytes alone do not tell its time.
        weight_elements: Weights read, at the precision of the deployment.
        bias_elements: Biases, scales and offsets read, kept wider than weights.
        float_elements: Weights and biases read of recurrent kernels, which are in neither.
        gathered_elements: Weights read anew by every inference: rows of embedding tables.
        read_elements: Activations read.
        write_elements: Activations written.
        score_elements: Scores of attention, in both of them, one for each query, key and head.
        padded_macs: Of the MACs those with padding, which some runtimes leave out.
        unmet_weights: Of the weights those that meet padding alone, which the same never read.
        smooth_elements: Elements that fused activations of `nas.cost.kernels.SMOOTH` are applied
            to, which a runtime may have to run as kernels of their own.
        curved_elements: Elements of fused activations of `nas.cost.kernels.CURVED`.
        channels_in: Of convolutions of one group or depthwise ones, those of a group; 0 elsewhere.
        channels_out: Of the same, those of all groups.
        params: Trainable parameters before folding, shared ones counted once.
        total_macs: Sum of ``macs``.
        stored_weight_elements: Weights to store after folding, shared ones counted once.
        stored_bias_elements: Biases, scales and offsets to store, likewise.
        stored_float_elements: The same of recurrent kernels, which are in neither.
        peak_activation_elements: Most activations alive at once: while a kernel runs, all that it
            reads and writes and all that a later kernel reads. No buffer is reused in place.
        peak_unscored_elements: The same where attention writes no scores.
        products: The matrix products of its kernels with MACs.
    """

    names: tuple[str, ...]
    fused: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    kind_index: npt.NDArray[np.intp]
    macs: Counts
    operations: Counts
    weight_elements: Counts
    bias_elements: Counts
    float_elements: Counts
    gathered_elements: Counts
    read_elements: Counts
    write_elements: Counts
    score_elements: Counts
    padded_macs: Counts
    unmet_weights: Counts
    smooth_elements: Counts
    curved_elements: Counts
    channels_in: Counts
    channels_out: Counts
    params: int
    total_macs: int
    stored_weight_elements: int
    stored_bias_elements: int
    stored_float_elements: int
    peak_activation_elements: int
    peak_unscored_elements: int
    products: Products


def workload(layers: Sequence[Layer], shapes: Mapping[str, Shape] | None = None) -> Workload:
    """Count what the layers cost for one input.

    Args:
        layers: A network in topological order.
        shapes: Of its layers, where `layer_shapes` gave them already.

    Returns:
        The counts, folded and fused as `nas.cost.kernels` says.

    Raises:
        LayerError: If the layers do not connect or hold nothing but the input.
    """
    shapes = layer_shapes(layers) if shapes is None else shapes
    if len(layers) < 2:
        raise LayerError("workload: nothing but the Input; add a layer")
    elements = {name: math.prod(shape) for name, shape in shapes.items()}
    kernels, behind = fused_kernels(layers, shapes, elements)
    if not kernels:
        raise LayerError("workload: nothing but views of the Input; add a layer that computes")
    weights = {kernel.layer.weights_name: kernel.stored for kernel in kernels}
    biases = {name: count for kernel in kernels for name, count in kernel.biases.items()}
    floats = {kernel.layer.weights_name: kernel.floats for kernel in kernels}
    kinds = tuple(kernel.kind for kernel in kernels)
    rows = [_counts(kernel, elements) for kernel in kernels]
    counts = np.array(rows, dtype=np.float64).T.copy()
    counts.setflags(write=False)
    alive = _live_activations(layers, kernels, elements, behind)
    scores = [kernel.scratch for kernel in kernels]
    kind_index = np.array([KINDS.index(kind) for kind in kinds], dtype=np.intp)
    kind_index.setflags(write=False)
    return Workload(
        names=tuple(kernel.layer.name for kernel in kernels),
        fused=tuple(tuple(kernel.fused) for kernel in kernels),
        kinds=kinds,
        kind_index=kind_index,
        macs=counts[0],
        operations=counts[1],
        weight_elements=counts[2],
        bias_elements=counts[3],
        float_elements=counts[4],
        gathered_elements=counts[5],
        read_elements=counts[6],
        write_elements=counts[7],
        score_elements=counts[8],
        smooth_elements=counts[9],
        padded_macs=counts[10],
        channels_in=counts[11],
        channels_out=counts[12],
        curved_elements=counts[13],
        unmet_weights=counts[14],
        params=sum({layer.weights_name: layer.op.parameters() for layer in layers}.values()),
        total_macs=sum(kernel.macs for kernel in kernels),
        stored_weight_elements=sum(weights.values()),
        stored_bias_elements=sum(biases.values()),
        stored_float_elements=sum(floats.values()),
        peak_activation_elements=max(map(sum, zip(alive, scores, strict=True))),
        peak_unscored_elements=max(alive),
        products=products_of([_products(kernel.layer, shapes, kernel.macs) for kernel in kernels]),
    )


def _counts(kernel: Kernel, elements: dict[str, int]) -> tuple[int, ...]:
    return (
        kernel.macs,
        kernel.operations,
        kernel.weights,
        sum(kernel.biases.values()),
        kernel.floats,
        kernel.gathered,
        sum(elements[name] for name in set(kernel.inputs)) + kernel.scratch,
        kernel.elements + kernel.scratch,
        kernel.scratch,
        kernel.smooth,
        kernel.padded,
        kernel.channels_in,
        kernel.channels_out,
        kernel.curved,
        kernel.unmet,
    )


def _products(
    layer: Layer, shapes: Mapping[str, Shape], macs: int
) -> tuple[tuple[float, float, float, float], ...]:
    inputs = [shapes[name] for name in layer.inputs]
    return product_shapes(layer.op, inputs, shapes[layer.name]) if macs else ()


def _live_activations(
    layers: Sequence[Layer],
    kernels: Sequence[Kernel],
    elements: dict[str, int],
    behind: dict[str, str],
) -> list[int]:
    """Elements of tensors that are alive while each kernel runs."""
    last_read = {
        behind.get(name, name): index
        for index, kernel in enumerate(kernels)
        for name in kernel.inputs
    }
    end = len(kernels) - 1
    change = [0] * (len(kernels) + 1)
    births = [
        (layers[0].name, 0),
        *((kernel.output, index) for index, kernel in enumerate(kernels)),
    ]
    output = behind.get(layers[-1].name, layers[-1].name)
    for name, born in births:
        last = end if name == output else last_read.get(name, born)
        change[born] += elements[name]
        change[last + 1] -= elements[name]
    return list(itertools.accumulate(change[:-1]))
