"""The operators of ONNX that layers stand for, one function each; None is one that they do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from nas.models.onnx_products import (
    concat,
    conv,
    einsum,
    gather,
    matmul,
    norm,
    parts,
    pool,
    recurrent,
    reduce,
)
from nas.models.onnx_tensors import Reader
from nas.models.onnx_values import Held, Scores, View, attributes, name_of, sample, size
from search_spaces.ops import Activation, Add, MemberMean, Multiply, Positions, RMSNorm, Shape

__all__ = ["RULES"]

Rule = Callable[[Reader, onnx.NodeProto, list[Any], list[Shape]], Any]

_ACTIVATIONS = {
    "Relu": "relu",
    "HardSwish": "hardswish",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hardsigmoid",
    "Tanh": "tanh",
    "Elu": "elu",
    "Softplus": "softplus",
    "Sin": "sin",
    "Cos": "cos",
    "Gelu": "gelu",
    "Swish": "silu",
}
_ELEMENTWISE = [
    "Abs",
    "Acos",
    "Asin",
    "Atan",
    "BitShift",
    "Celu",
    "Ceil",
    "Clip",
    "Erf",
    "Exp",
    "Floor",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Mod",
    "Neg",
    "Not",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Round",
    "Selu",
    "Sign",
    "Softsign",
    "Sqrt",
    "Tan",
    "ThresholdedRelu",
    "Trilu",
    "CumSum",
    "LogSoftmax",
    "Hardmax",
]
_BINARY = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Max",
    "Min",
    "Mean",
    "Sum",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Less",
    "Greater",
    "LessOrEqual",
    "Where",
]
_SAME = [
    "Identity",
    "Cast",
    "CastLike",
    "Dropout",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "QuantizeLinear",
    "DequantizeLinear",
    "Expand",
]


def _same(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    if isinstance(inputs[0], Scores):
        return replace(inputs[0], shape=shapes[0])
    return replace(inputs[0], shape=shapes[0], heads=False) if isinstance(inputs[0], View) else None


def _quantised(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Of numbers whose scale and zero point are found as it runs: any two numbers here."""
    given = _same(reader, node, inputs, shapes)
    return None if given is None else [given, np.array(0.5, np.float32), np.array(1, np.uint8)]


def _transpose(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    view = inputs[0]
    if not isinstance(view, View):
        return None
    order = attributes(node).get("perm", list(range(len(view.shape)))[::-1])
    kept = [axis for axis in order if view.shape[axis] != 1]
    free = view.heads or kept == sorted(kept)
    return View(view.layer, shapes[0], view.moved or not free, view.scaled)


def _activation(
    reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]
) -> Any:
    return _unary(reader, node, inputs[0], _ACTIVATIONS[node.op_type])


def _elementwise(
    reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]
) -> Any:
    if isinstance(inputs[0], Scores):
        return inputs[0]
    view = next(item for item in inputs if isinstance(item, View))
    if reader.is_whole(node.output[0]):
        return replace(view, shape=shapes[0])
    if node.op_type == "Clip":
        bounds = [float(item) for item in inputs[1:] if isinstance(item, np.ndarray)]
        if bounds == [0.0, 6.0]:
            return _unary(reader, node, view, "relu6")
    reader.notes.append(f"{node.op_type}: is costed as any elementwise operator")
    return _unary(reader, node, view, "relu")


def _pad(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Of identifiers only: what looks them up counts, not where they stand."""
    whole = isinstance(inputs[0], View) and reader.is_whole(node.output[0])
    return replace(inputs[0], shape=shapes[0]) if whole else None


def _softmax(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    if isinstance(inputs[0], Scores):
        return replace(inputs[0], weights=True)
    return _unary(reader, node, inputs[0], "softmax")


def _unary(reader: Reader, node: onnx.NodeProto, view: Any, function: str) -> View | None:
    if not isinstance(view, View):
        return None
    place = reader.place(view, sample(view.shape))
    return View(reader.add(name_of(node), Activation(function), [place]), view.shape)


def _binary(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    scores = next((item for item in inputs if isinstance(item, Scores)), None)
    if scores is not None:
        return scores
    views = [item for item in inputs if isinstance(item, View)]
    held = [item for item in inputs if isinstance(item, Held)]
    if reader.is_whole(node.output[0]):
        return replace(views[0], shape=shapes[0])
    if len(views) == 1:
        return _with_constant(reader, node, views[0], held, shapes[0])
    if len(views) > 2 or held:
        views = [view for view in views if view.shape == shapes[0]]
    if not views or max(size(view) for view in views) != math.prod(shapes[0]):
        return None
    return _self_gated(reader, node, views) or _of_tensors(reader, node, views, shapes[0])


def _of_tensors(
    reader: Reader, node: onnx.NodeProto, views: list[View], shape: Shape
) -> View | None:
    whole, gate = max(views, key=size), min(views, key=size)
    count = size(gate)
    if count == size(whole):
        places = [reader.place(view, sample(shape)) for view in views]
        op: Any = Multiply() if node.op_type == "Mul" and len(places) == 2 else Add()
        if node.op_type == "Mean" and len(sample(shape)) == 1:
            op = MemberMean()
        return View(reader.add(name_of(node), op, places), shape)
    if size(whole) % count:
        return None
    inner = sample(shape)
    if inner[0] != count:
        inner = (count, size(whole) // count)
    places = [reader.place(whole, inner), reader.place(gate, (count,))]
    return View(reader.add(name_of(node), Multiply(), places), shape)


def _with_constant(
    reader: Reader, node: onnx.NodeProto, view: View, held: list[Held], shape: Shape
) -> View | None:
    """A number that somebody else multiplies with; a bias that a layer takes up; a table."""
    if not held or all(math.prod(item.shape) == 1 for item in held):
        if node.op_type in {"Mul", "Div"} or held or size(view) != math.prod(shape):
            return replace(view, scaled=True, shape=shape)
        return _unary(reader, node, view, "relu")
    count, wide = math.prod(held[0].shape), shape[-1]
    if node.op_type == "Add" and _takes_bias(reader, node, view, count):
        op: Any = reader.op_of(view.layer)
        reader.replace(view.layer, replace(op, bias=True))
        return replace(view, shape=shape, scaled=False)  # the weights take up the factor
    if size(view) != math.prod(shape) or size(view) % count:
        return None
    if count == size(view) > wide and node.op_type == "Add":
        made: Any = Positions(count // wide, wide)
        place = reader.place(view, (count // wide, wide))
    else:
        made = RMSNorm(count)
        place = reader.place(view, (size(view) // count, count))
        reader.notes.append(f"{node.op_type} of learned numbers: is costed as a norm with a scale")
    return View(reader.add(name_of(node), made, [place], held[0].owner), shape)


def _takes_bias(reader: Reader, node: onnx.NodeProto, view: View, count: int) -> bool:
    op = reader.op_of(view.layer)
    wide = getattr(op, "out_features", None) or getattr(op, "out_channels", None)
    own = not view.moved and reader.uses[_read_by(node, reader, view)] == 1
    fits = wide == count and not getattr(op, "bias", True)
    return fits and own and not reader.is_shared(view.layer)


def _read_by(node: onnx.NodeProto, reader: Reader, view: View) -> str:
    return str(next(name for name in node.input if reader.values[name] is view))


def _self_gated(reader: Reader, node: onnx.NodeProto, views: list[View]) -> View | None:
    """Of x * sigmoid(x) and x * hardsigmoid(x)."""
    if node.op_type != "Mul" or len(views) != 2 or views[0].shape != views[1].shape:
        return None
    one, other = views
    for x, gate in ((one, other), (other, one)):
        op = reader.op_of(gate.layer)
        if not isinstance(op, Activation) or op.function not in {"sigmoid", "hardsigmoid"}:
            continue
        own = (
            reader.uses[_read_by(node, reader, gate)] == 1 and reader.layers[-1].name == gate.layer
        )
        if own and reader.source_of(gate.layer) == x.layer:
            function = "silu" if op.function == "sigmoid" else "hardswish"
            reader.replace(gate.layer, Activation(function))
            return gate
    return None


RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(("MatMul", "Gemm"), matmul),
    **dict.fromkeys(("MaxPool", "AveragePool"), pool),
    **dict.fromkeys(
        (
            "GlobalAveragePool",
            "GlobalMaxPool",
            "ReduceMean",
            "ReduceSum",
            "ReduceMax",
            "ReduceMin",
            "ReduceL2",
        ),
        reduce,
    ),
    **dict.fromkeys(
        (
            "BatchNormalization",
            "LayerNormalization",
            "RMSNormalization",
            "SimplifiedLayerNormalization",
        ),
        norm,
    ),
    **dict.fromkeys(("Slice", "Split"), parts),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent),
    "Softmax": _softmax,
    "Transpose": _transpose,
    "Conv": conv,
    "DynamicQuantizeLinear": _quantised,
    "Einsum": einsum,
    "Gather": gather,
    "Pad": _pad,
    "Concat": concat,
}
"""By operator of ONNX."""
