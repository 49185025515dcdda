"""The workload: what layers cost whatever the hardware, as one row per kernel.

A kernel is what a runtime dispatches once: a layer and the elementwise layers fused into it.

Fusion rule. A BatchNorm, Activation, Add or Multiply joins the kernel that writes one of its
inputs if that kernel is a convolution or linear layer, is the last of the kernels that its inputs
come from, nobody else reads that input, and the shape stays. The joined layer then moves no bytes
for that input and is not dispatched; its other operands are still read. Everything else is a
kernel of its own. A BatchNorm right behind a layer with weights of its own is folded: it leaves
one bias for each output channel. Elsewhere it keeps a scale and an offset for each channel.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nas.errors import LayerError
from search_spaces.layers import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    Layer,
    Linear,
    Multiply,
    Shape,
    layer_shapes,
)

__all__ = ["KINDS", "Counts", "Workload", "workload"]

KINDS = ("conv", "depthwise", "linear", "other")
"""Kinds of kernels; ``other`` has no MACs: pools and elementwise layers that are not fused."""

Counts = npt.NDArray[np.float64]
"""Whole numbers, kept as floats because every use multiplies them by rates."""

_ELEMENTWISE = (BatchNorm, Activation, Add, Multiply)


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Counts of a network for one input, whatever the hardware. Arrays have one row per kernel.

    Attributes:
        names: The layer that each kernel begins with.
        fused: The layers that each kernel ends with, in order; often empty.
        kinds: Kind of each kernel, one of `KINDS`.
        kind_index: The same as indices into `KINDS`.
        macs: Multiply-accumulates.
        weight_elements: Weights read, at the precision of the deployment.
        bias_elements: Biases, scales and offsets read, kept wider than weights.
        read_elements: Activations read.
        write_elements: Activations written.
        params: Trainable parameters before folding, shared ones counted once.
        total_macs: Sum of ``macs``.
        stored_weight_elements: Weights to store after folding, shared ones counted once.
        stored_bias_elements: Biases, scales and offsets to store, likewise.
        peak_activation_elements: Most activations alive at once: while a kernel runs, all that it
            reads and writes and all that a later kernel reads. No buffer is reused in place.
    """

    names: tuple[str, ...]
    fused: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    kind_index: npt.NDArray[np.intp]
    macs: Counts
    weight_elements: Counts
    bias_elements: Counts
    read_elements: Counts
    write_elements: Counts
    params: int
    total_macs: int
    stored_weight_elements: int
    stored_bias_elements: int
    peak_activation_elements: int


@dataclass(slots=True)
class _Kernel:
    layer: Layer
    kind: str
    macs: int
    weights: int
    inputs: list[str]
    output: str
    elements: int
    biases: dict[str, int]
    fused: list[str] = field(default_factory=list)


def workload(layers: Sequence[Layer]) -> Workload:
    """Count what the layers cost for one input.

    Args:
        layers: A network in topological order.

    Returns:
        The counts, folded and fused as the module says.

    Raises:
        LayerError: If the layers do not connect or hold nothing but the input.
    """
    shapes = layer_shapes(layers)
    if len(layers) < 2:
        raise LayerError("workload: nothing but the Input; add a layer")
    elements = {name: math.prod(shape) for name, shape in shapes.items()}
    kernels = _fuse(layers, shapes, elements)
    weights = {kernel.layer.weights_name: kernel.weights for kernel in kernels}
    biases = {name: count for kernel in kernels for name, count in kernel.biases.items()}
    kinds = tuple(kernel.kind for kernel in kernels)
    counts = np.array(
        [
            (
                kernel.macs,
                kernel.weights,
                sum(kernel.biases.values()),
                sum(elements[name] for name in set(kernel.inputs)),
                kernel.elements,
            )
            for kernel in kernels
        ],
        dtype=np.float64,
    ).T.copy()
    counts.setflags(write=False)
    kind_index = np.array([KINDS.index(kind) for kind in kinds], dtype=np.intp)
    kind_index.setflags(write=False)
    return Workload(
        names=tuple(kernel.layer.name for kernel in kernels),
        fused=tuple(tuple(kernel.fused) for kernel in kernels),
        kinds=kinds,
        kind_index=kind_index,
        macs=counts[0],
        weight_elements=counts[1],
        bias_elements=counts[2],
        read_elements=counts[3],
        write_elements=counts[4],
        params=sum({layer.weights_name: layer.op.parameters() for layer in layers}.values()),
        total_macs=sum(kernel.macs for kernel in kernels),
        stored_weight_elements=sum(weights.values()),
        stored_bias_elements=sum(biases.values()),
        peak_activation_elements=_peak_activations(layers, kernels, elements),
    )


def _fuse(
    layers: Sequence[Layer], shapes: dict[str, Shape], elements: dict[str, int]
) -> list[_Kernel]:
    owners = Counter(layer.weights_name for layer in layers)
    readers = Counter(name for layer in layers for name in layer.inputs)
    kernels: list[_Kernel] = []
    written_by = {layers[0].name: -1}
    for layer in layers[1:]:
        host = _host(layer, shapes, readers, written_by, kernels)
        if host is None:
            kernels.append(_new_kernel(layer, shapes, elements))
            written_by[layer.name] = len(kernels) - 1
            continue
        written_by[layer.name] = written_by[host.output]
        if isinstance(layer.op, BatchNorm):
            if not host.fused and owners[host.layer.weights_name] == 1:
                host.biases = {host.layer.name: layer.op.channels}
            else:
                host.biases[layer.weights_name] = layer.op.parameters()
        host.inputs.extend(name for name in layer.inputs if name != host.output)
        host.fused.append(layer.name)
        host.output = layer.name
    return kernels


def _host(
    layer: Layer,
    shapes: dict[str, Shape],
    readers: Counter[str],
    written_by: dict[str, int],
    kernels: list[_Kernel],
) -> _Kernel | None:
    """The kernel that an elementwise layer joins, or None."""
    if not isinstance(layer.op, _ELEMENTWISE):
        return None
    operand = max(layer.inputs, key=written_by.__getitem__)
    index = written_by[operand]
    if index < 0 or readers[operand] > 1 or shapes[operand] != shapes[layer.name]:
        return None
    return kernels[index] if kernels[index].kind != "other" else None


def _new_kernel(layer: Layer, shapes: dict[str, Shape], elements: dict[str, int]) -> _Kernel:
    op = layer.op
    if isinstance(op, (Conv2d, Linear)):
        outputs = op.out_channels if isinstance(op, Conv2d) else op.out_features
        kind, bias = op.kind, outputs if op.bias else 0
    else:
        kind, bias = "other", op.parameters()
    return _Kernel(
        layer=layer,
        kind=kind,
        macs=op.macs(*(shapes[name] for name in layer.inputs)),
        weights=op.parameters() - bias,
        inputs=list(layer.inputs),
        output=layer.name,
        elements=elements[layer.name],
        biases={layer.weights_name: bias},
    )


def _peak_activations(
    layers: Sequence[Layer], kernels: Sequence[_Kernel], elements: dict[str, int]
) -> int:
    last_read = {name: index for index, kernel in enumerate(kernels) for name in kernel.inputs}
    end = len(kernels) - 1
    change = [0] * (len(kernels) + 1)
    births = [
        (layers[0].name, 0),
        *((kernel.output, index) for index, kernel in enumerate(kernels)),
    ]
    for name, born in births:
        last = end if name == layers[-1].name else last_read.get(name, born)
        change[born] += elements[name]
        change[last + 1] -= elements[name]
    alive = peak = 0
    for step in change:
        alive += step
        peak = max(peak, alive)
    return peak
