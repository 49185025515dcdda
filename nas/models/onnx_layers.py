"""Convolutions, norms, linear layers, activations, pools and moves as ONNX nodes.

Each function writes one layer and returns the name of the tensor that holds its output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nas.errors import ExportError
from nas.models.modules import NORM_EPSILON
from nas.models.onnx_writer import Array, Writer
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    Linear,
    MemberMean,
    Multiply,
    Pool,
    Reshape,
    Select,
    Slice,
    TokenMean,
    Tokens,
    Transpose,
    Zeros,
)

__all__ = ["LAYER_WRITERS"]


def _convolution(writer: Writer, layer: Layer, source: str) -> str:
    op: Any = layer.op
    operands = [source, *_weight_and_bias(writer, layer, biased=op.bias)]
    flat = isinstance(op, Conv2d)
    windows = (op.kernel_hw, op.stride_hw, op.padding_hw) if flat else ()
    kernel, strides, padding = windows or ((op.kernel,), (op.stride,), (op.padding_t,))
    dilations = {"dilations": [op.dilation] * 2} if flat and op.dilation > 1 else {}
    return writer.node(
        "Conv",
        operands,
        layer.name,
        kernel_shape=list(kernel),
        strides=list(strides),
        pads=[*padding, *padding],
        group=op.groups,
        **dilations,
    )


def _weight_and_bias(writer: Writer, layer: Layer, *, biased: bool) -> list[str]:
    """Constants of the weight and, if any, the bias, with the BatchNorm behind it folded in."""
    weight = writer.parameter(layer, "weight")
    bias = writer.parameter(layer, "bias") if biased else None
    norm = writer.folded.get(layer.name)
    if norm is not None:
        scale, offset = _scale_and_offset(writer, norm)
        weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        bias = offset if bias is None else offset + bias * scale
    names = [writer.constant(f"{layer.name}.weight", weight)]
    if bias is not None:
        names.append(writer.constant(f"{layer.name}.bias", bias))
    return names


def _scale_and_offset(writer: Writer, norm: Layer) -> tuple[Array, Array]:
    weight, bias, mean, variance = (
        writer.parameter(norm, part) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + np.float32(NORM_EPSILON))
    return scale, bias - mean * scale


def _batch_norm(writer: Writer, layer: Layer, source: str) -> str:
    if writer.folded.get(layer.inputs[0]) is layer:
        return source
    parts = [
        writer.constant(f"{layer.name}.{part}", writer.parameter(layer, part))
        for part in ("weight", "bias", "running_mean", "running_var")
    ]
    return writer.node("BatchNormalization", [source, *parts], layer.name, epsilon=NORM_EPSILON)


def _linear(writer: Writer, layer: Layer, source: str) -> str:
    op: Any = layer.op
    name, rank = layer.name, len(writer.shapes[layer.inputs[0]])
    if writer.is_tied(layer):
        turned = writer.node("Transpose", [writer.table(layer)], f"{name}.turned", perm=[1, 0])
        return writer.node("MatMul", [source, turned], name)
    if rank == 1:
        operands = _weight_and_bias(writer, layer, biased=op.bias)
        return writer.node("Gemm", [source, *operands], name, transB=1)
    weight = writer.constant(f"{name}.weight", writer.parameter(layer, "weight").T)
    if not op.bias:
        return writer.node("MatMul", [source, weight], name)
    product = writer.node("MatMul", [source, weight], f"{name}.product")
    bias = writer.constant(f"{name}.bias", writer.parameter(layer, "bias"))
    return writer.node("Add", [product, bias], name)


_NODES = {
    "relu": "Relu",
    "hardswish": "HardSwish",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
    "softplus": "Softplus",
    "sin": "Sin",
    "cos": "Cos",
}


def _activation(writer: Writer, layer: Layer, source: str) -> str:
    function, name = getattr(layer.op, "function", ""), layer.name
    if function in _NODES:
        return writer.node(_NODES[function], [source], name)
    if function == "relu6":
        bounds = [writer.number(f"{name}.low", 0), writer.number(f"{name}.high", 6)]
        return writer.node("Clip", [source, *bounds], name)
    if function == "silu":
        gate = writer.node("Sigmoid", [source], f"{name}.gate")
        return writer.node("Mul", [source, gate], name)
    if function == "hardsigmoid":
        return writer.node("HardSigmoid", [source], name, alpha=1 / 6, beta=0.5)
    if function == "softmax":
        return writer.node("Softmax", [source], name, axis=-1)
    if function == "gelu":  # x / 2 * (1 + erf(x / sqrt(2))); a node of its own from opset 20 on
        root = writer.number(f"{name}.root", 2**0.5)
        scaled = writer.node("Div", [source, root], f"{name}.scaled")
        error = writer.node("Erf", [scaled], f"{name}.erf")
        gate = writer.node("Add", [error, writer.number(f"{name}.one", 1)], f"{name}.gate")
        twice = writer.node("Mul", [source, gate], f"{name}.twice")
        return writer.node("Mul", [twice, writer.number(f"{name}.half", 0.5)], name)
    raise ExportError(f"export: activation {function!r} has no ONNX form; teach onnx_layers")


def _global_average(writer: Writer, layer: Layer, source: str) -> str:
    pooled = writer.node("GlobalAveragePool", [source], f"{layer.name}.map")
    return writer.node("Flatten", [pooled], layer.name, axis=1)


def _pool(writer: Writer, layer: Layer, source: str) -> str:
    op: Any = layer.op
    axes = op.axes(len(writer.shapes[layer.name]) - 1)
    kernel, strides, padding = (list(sizes) for sizes in zip(*axes, strict=True))
    kind = "MaxPool" if op.function == "max" else "AveragePool"
    return writer.node(
        kind, [source], layer.name, kernel_shape=kernel, strides=strides, pads=padding * 2
    )


def _add(writer: Writer, layer: Layer, *sources: str) -> str:
    kind = "Identity" if len(sources) == 1 else "Add" if len(sources) == 2 else "Sum"
    return writer.node(kind, sources, layer.name)


def _multiply(writer: Writer, layer: Layer, whole: str, gate: str) -> str:
    rank = len(writer.shapes[layer.inputs[0]])
    if len(writer.shapes[layer.inputs[1]]) < rank:
        axes = writer.integers(f"{layer.name}.axes", *range(2, rank + 1))
        gate = writer.node("Unsqueeze", [gate, axes], f"{layer.name}.gate")
    return writer.node("Mul", [whole, gate], layer.name)


def _zeros(writer: Writer, layer: Layer, source: str) -> str:
    size = writer.node("Shape", [source], f"{layer.name}.size")
    return writer.node("ConstantOfShape", [size], layer.name)


def _select(writer: Writer, layer: Layer, source: str) -> str:
    index = writer.constant(
        f"{layer.name}.index", np.array(getattr(layer.op, "index", 0), np.int64)
    )
    return writer.node("Gather", [source, index], layer.name, axis=1)


def _slice(writer: Writer, layer: Layer, source: str) -> str:
    op: Any = layer.op
    bounds = [
        writer.integers(f"{layer.name}.{key}", value)
        for key, value in (("start", op.start), ("stop", op.stop), ("axis", 1))
    ]
    return writer.node("Slice", [source, *bounds], layer.name)


def _reshape(writer: Writer, layer: Layer, source: str) -> str:
    # 0 keeps the size of the batch.
    shape = writer.integers(f"{layer.name}.shape", 0, *writer.shapes[layer.name])
    return writer.node("Reshape", [source, shape], layer.name)


def _tokens(writer: Writer, layer: Layer, source: str) -> str:
    shape = writer.integers(f"{layer.name}.shape", 0, *writer.shapes[layer.name][::-1])
    flat = writer.node("Reshape", [source, shape], f"{layer.name}.flat")
    return writer.node("Transpose", [flat], layer.name, perm=[0, 2, 1])


def _mean(writer: Writer, layer: Layer, source: str) -> str:
    return writer.node("ReduceMean", [source], layer.name, axes=[1], keepdims=0)


LAYER_WRITERS: dict[type, Callable[..., str]] = {
    Conv2d: _convolution,
    Conv1d: _convolution,
    BatchNorm: _batch_norm,
    Linear: _linear,
    Activation: _activation,
    GlobalAveragePool: _global_average,
    Pool: _pool,
    Add: _add,
    Multiply: _multiply,
    Zeros: _zeros,
    Select: _select,
    Slice: _slice,
    Flatten: lambda writer, layer, source: writer.node("Flatten", [source], layer.name, axis=1),
    Reshape: _reshape,
    Tokens: _tokens,
    Transpose: lambda writer, layer, source: writer.node(
        "Transpose", [source], layer.name, perm=[0, 2, 1]
    ),
    Concat: lambda writer, layer, *sources: writer.node(
        "Concat", sources, layer.name, axis=layer.op.axis + 1
    ),
    TokenMean: _mean,
    MemberMean: lambda writer, layer, *sources: writer.node("Mean", sources, layer.name),
}
"""What writes each operation but those on tokens."""
