"""Kernels: what a runtime dispatches once, a layer and the elementwise layers fused into it.

Fusion rule. A BatchNorm, Activation, Add or Multiply joins the kernel that writes one of its
inputs if that kernel is a convolution or linear layer, is the last of the kernels that its inputs
come from, nobody else reads that input, and the shape stays. The joined layer then moves no bytes
for that input and is not dispatched; its other operands are still read. Everything else is a
kernel of its own. A BatchNorm right behind a convolution, or a linear layer on vectors, with
weights of its own is folded: it leaves one bias for each output channel. Elsewhere it keeps a scale
and an offset for each channel.

Flatten, Reshape, Select and Slice are views: no kernel, no bytes; what reads one reads so much of
the tensor behind it, which lives on. Attention is one kernel that writes and reads its scores once;
`nas.cost.latency` takes away what a runtime keeps that fuses it. An embedding reads a row for every
identifier of every inference, and has the whole table stored.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nas.cost.padding import padded_macs, unmet_weights
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    ClassToken,
    Conv1d,
    Conv2d,
    Embedding,
    Flatten,
    Grams,
    Linear,
    Multiply,
    Op,
    Opaque,
    Pool,
    Positions,
    Recurrent,
    Reshape,
    Select,
    Shape,
    Slice,
    Zeros,
)

__all__ = ["CURVED", "KINDS", "SMOOTH", "Kernel", "fused_kernels"]

KINDS = (
    *("conv", "pointwise", "grouped", "depthwise", "linear", "recurrent", "attention"),
    *("pool", "embedding", "other"),
)
"""Kinds of kernels. ``pointwise`` are convolutions whose window is one place, depthwise ones aside;
``grouped`` those of several groups with 2 to 15 channels each, too few for wide vectors.
Interactions and unknown operators with known products are ``linear``. ``recurrent`` kernels stay in
float32 where the others are in int8, as ONNX Runtime's quantiser leaves them. The last three have
no MACs: ``pool`` are pools of windows; ``embedding`` rows of tables; ``other`` norms, means over
all places, elementwise layers that are not fused, and all other unknown operators.
"""

SMOOTH = ("silu", "gelu")
"""Activation functions with an exponential that runtimes seldom fuse into a convolution."""

CURVED = ("hardswish", "hardsigmoid")
"""Activation functions that runtimes fuse, with more to compute than the greater of two."""

_VECTOR = 16  # floats in the widest vectors of today's processors
_ELEMENTWISE = (BatchNorm, Activation, Add, Multiply)
_VIEWS = (Flatten, Grams, Reshape, Select, Slice)
_HOSTS = (Conv2d, Conv1d, Linear)


@dataclass(slots=True)
class Kernel:
    """One kernel while layers are fused; counts as `nas.cost.workload.Workload` has them.

    Attributes:
        layer: That it begins with.
        kind: One of `KINDS`.
        macs: Multiply-accumulates.
        operations: The same; of a pool the elements that its windows cover.
        weights: Weights read, at the precision of the deployment.
        inputs: Names of the layers whose outputs it reads.
        output: Name of the layer whose output it writes.
        elements: Of that output.
        biases: Biases, scales and offsets by the name of their weights.
        stored: Weights to store.
        floats: Weights that stay in float32.
        gathered: Weights read anew by every inference.
        scratch: Elements written and read inside, such as scores of attention.
        smooth: Elements of fused activations of `SMOOTH`.
        curved: Elements of fused activations of `CURVED`.
        padded: MACs with padding.
        unmet: Weights that meet padding alone.
        channels_in: Of a convolution, of one group; 0 of other kernels and of groups of several.
        channels_out: Likewise, of all groups.
        fused: Names of the layers fused into it, in order.
    """

    layer: Layer
    kind: str
    macs: int
    operations: int
    weights: int
    inputs: list[str]
    output: str
    elements: int
    biases: dict[str, int]
    stored: int
    floats: int = 0
    gathered: int = 0
    scratch: int = 0
    smooth: int = 0
    curved: int = 0
    padded: int = 0
    unmet: int = 0
    channels_in: int = 0
    channels_out: int = 0
    fused: list[str] = field(default_factory=list)


def fused_kernels(
    layers: Sequence[Layer], shapes: Mapping[str, Shape], elements: Mapping[str, int]
) -> tuple[list[Kernel], dict[str, str]]:
    """The kernels of a network.

    Args:
        layers: In topological order.
        shapes: Of the output of each layer, by name.
        elements: How many each has.

    Returns:
        The kernels in order, and for every view the layer whose output it shows.
    """
    owners = Counter(layer.weights_name for layer in layers)
    readers = Counter(name for layer in layers for name in layer.inputs)
    kernels: list[Kernel] = []
    behind: dict[str, str] = {}
    written_by = {layers[0].name: -1}
    for layer in layers[1:]:
        if isinstance(layer.op, _VIEWS):
            source = layer.inputs[0]
            behind[layer.name] = behind.get(source, source)
            written_by[layer.name] = written_by[source]
            continue
        host = _host(layer, shapes, readers, written_by, kernels)
        if host is None:
            kernels.append(_new_kernel(layer, shapes, elements))
            written_by[layer.name] = len(kernels) - 1
            continue
        written_by[layer.name] = written_by[host.output]
        if isinstance(layer.op, BatchNorm):
            folds = _scales_channels(host.layer.op, shapes[host.layer.name])
            if folds and not host.fused and owners[host.layer.weights_name] == 1:
                host.biases = {host.layer.name: layer.op.channels}
            else:
                host.biases[layer.weights_name] = layer.op.parameters()
        host.inputs.extend(name for name in layer.inputs if name != host.output)
        if isinstance(layer.op, Activation):
            host.smooth += elements[layer.name] * (layer.op.function in SMOOTH)
            host.curved += elements[layer.name] * (layer.op.function in CURVED)
        host.fused.append(layer.name)
        host.output = layer.name
    return kernels, behind


def _scales_channels(op: Op, shape: Shape) -> bool:
    """Whether the first axis of the output is that of the weights, not the places of tokens."""
    return not isinstance(op, Linear) or len(shape) == 1


def _host(
    layer: Layer,
    shapes: Mapping[str, Shape],
    readers: Counter[str],
    written_by: dict[str, int],
    kernels: list[Kernel],
) -> Kernel | None:
    """The kernel that an elementwise layer joins, or None."""
    op = layer.op
    if not isinstance(op, _ELEMENTWISE) or op == Activation("softmax"):
        return None
    operand = max(layer.inputs, key=written_by.__getitem__)
    index = written_by[operand]
    if index < 0 or readers[operand] > 1 or shapes[operand] != shapes[layer.name]:
        return None
    host = kernels[index]
    # A view of the host's output is not what the host writes.
    return host if isinstance(host.layer.op, _HOSTS) and host.output == operand else None


def _new_kernel(layer: Layer, shapes: Mapping[str, Shape], elements: Mapping[str, int]) -> Kernel:
    op, output = layer.op, elements[layer.name]
    bias = _biases(op)
    stored = op.parameters() - bias
    macs = op.macs(*(shapes[name] for name in layer.inputs))
    kernel = Kernel(
        layer=layer,
        kind=_kind(op, macs),
        macs=macs,
        operations=output * _window(op, shapes[layer.inputs[0]]) if isinstance(op, Pool) else macs,
        weights=stored,
        inputs=[] if isinstance(op, Zeros) else list(layer.inputs),
        output=layer.name,
        elements=output,
        biases={layer.weights_name: bias},
        stored=stored,
    )
    if isinstance(op, (Conv1d, Conv2d)):
        around = (shapes[layer.inputs[0]], shapes[layer.name])
        kernel.padded = padded_macs(op, *around, macs)
        kernel.unmet = unmet_weights(op, *around, stored)
    if isinstance(op, (Conv1d, Conv2d)) and op.groups in (1, op.in_channels):
        kernel.channels_in, kernel.channels_out = op.in_channels // op.groups, op.out_channels
    elif isinstance(op, Embedding):
        kernel.weights, kernel.gathered = 0, output
    elif isinstance(op, Recurrent):
        kernel.weights, kernel.stored, kernel.floats, kernel.biases = 0, 0, op.parameters(), {}
    elif isinstance(op, Positions):
        kernel.weights = kernel.stored = output  # an export keeps no places that are never used
    elif isinstance(op, Attention):
        queries, keys = (shapes[name][0] for name in layer.inputs[:2])
        kernel.scratch = op.heads * queries * keys
    return kernel


def _window(op: Pool, shape: Shape) -> int:
    return math.prod(kernel for kernel, _, _ in op.axes(len(shape) - 1))


def _kind(op: Op, macs: int) -> str:
    if op.kind == "conv" and isinstance(op, (Conv1d, Conv2d)) and _narrow(op):
        return "grouped"
    if op.kind == "conv" and _one_place(op):
        return "pointwise"
    if isinstance(op, Pool):
        return "pool"
    if op.kind in KINDS and op.kind != "pool":
        return op.kind
    return "linear" if macs else "other"


def _narrow(op: Conv1d | Conv2d) -> bool:
    return op.groups > 1 and op.in_channels // op.groups < _VECTOR


def _one_place(op: Op) -> bool:
    return (isinstance(op, Conv2d) and op.kernel_hw == (1, 1)) or (
        isinstance(op, Conv1d) and op.kernel == 1
    )


def _biases(op: Op) -> int:
    """Parameters that are kept wider than weights: biases, and scales and offsets of norms."""
    if isinstance(op, (Conv2d, Conv1d)):
        return op.out_channels if op.bias else 0
    if isinstance(op, Linear):
        return op.out_features if op.bias else 0
    return 0 if isinstance(op, (Embedding, Positions, ClassToken, Opaque)) else op.parameters()
