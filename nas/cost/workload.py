"""The workload: what layers cost whatever the hardware, as one row per kernel.

A kernel is what a runtime dispatches once: a layer and the elementwise layers fused into it.

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

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nas.cost.padding import padded_macs
from nas.cost.products import Products, product_shapes, products_of
from nas.errors import LayerError
from search_spaces.layers import Layer, layer_shapes
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

__all__ = ["KINDS", "SMOOTH", "Counts", "Workload", "workload"]

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

Counts = npt.NDArray[np.float64]
"""Whole numbers, kept as floats because every use multiplies them by rates."""

SMOOTH = ("silu", "gelu")
"""Activation functions with an exponential that runtimes seldom fuse into a convolution."""

_VECTOR = 16  # floats in the widest vectors of today's processors
_ELEMENTWISE = (BatchNorm, Activation, Add, Multiply)
_VIEWS = (Flatten, Grams, Reshape, Select, Slice)
_HOSTS = (Conv2d, Conv1d, Linear)


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Counts of a network for one input, whatever the hardware. Arrays have one row per kernel.

    Attributes:
        names: The layer that each kernel begins with.
        fused: The layers that each kernel ends with, in order; often empty.
        kinds: Kind of each kernel, one of `KINDS`.
        kind_index: The same as indices into `KINDS`.
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
        smooth_elements: Elements that fused activations of `SMOOTH` are applied to, which a runtime
            may have to run as kernels of their own.
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
    smooth_elements: Counts
    params: int
    total_macs: int
    stored_weight_elements: int
    stored_bias_elements: int
    stored_float_elements: int
    peak_activation_elements: int
    peak_unscored_elements: int
    products: Products


@dataclass(slots=True)
class _Kernel:
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
    padded: int = 0
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
    kernels, behind = _fuse(layers, shapes, elements)
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
        padded_macs=counts[10],
        smooth_elements=counts[9],
        params=sum({layer.weights_name: layer.op.parameters() for layer in layers}.values()),
        total_macs=sum(kernel.macs for kernel in kernels),
        stored_weight_elements=sum(weights.values()),
        stored_bias_elements=sum(biases.values()),
        stored_float_elements=sum(floats.values()),
        peak_activation_elements=max(map(sum, zip(alive, scores, strict=True))),
        peak_unscored_elements=max(alive),
        products=products_of([_products(kernel.layer, shapes, kernel.macs) for kernel in kernels]),
    )


def _counts(kernel: _Kernel, elements: dict[str, int]) -> tuple[int, ...]:
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
    )


def _products(
    layer: Layer, shapes: dict[str, Shape], macs: int
) -> tuple[tuple[float, float, float, float], ...]:
    inputs = [shapes[name] for name in layer.inputs]
    return product_shapes(layer.op, inputs, shapes[layer.name]) if macs else ()


def _fuse(
    layers: Sequence[Layer], shapes: dict[str, Shape], elements: dict[str, int]
) -> tuple[list[_Kernel], dict[str, str]]:
    """The kernels, and for every view the layer whose output it shows."""
    owners = Counter(layer.weights_name for layer in layers)
    readers = Counter(name for layer in layers for name in layer.inputs)
    kernels: list[_Kernel] = []
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
        if isinstance(layer.op, Activation) and layer.op.function in SMOOTH:
            host.smooth += elements[layer.name]
        host.fused.append(layer.name)
        host.output = layer.name
    return kernels, behind


def _scales_channels(op: Op, shape: Shape) -> bool:
    """Whether the first axis of the output is that of the weights, not the places of tokens."""
    return not isinstance(op, Linear) or len(shape) == 1


def _host(
    layer: Layer,
    shapes: dict[str, Shape],
    readers: Counter[str],
    written_by: dict[str, int],
    kernels: list[_Kernel],
) -> _Kernel | None:
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


def _new_kernel(layer: Layer, shapes: dict[str, Shape], elements: dict[str, int]) -> _Kernel:
    op, output = layer.op, elements[layer.name]
    bias = _biases(op)
    stored = op.parameters() - bias
    macs = op.macs(*(shapes[name] for name in layer.inputs))
    kernel = _Kernel(
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
        padded=padded_macs(op, shapes[layer.inputs[0]], shapes[layer.name], macs) if macs else 0,
    )
    if isinstance(op, Embedding):
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


def _live_activations(
    layers: Sequence[Layer],
    kernels: Sequence[_Kernel],
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
