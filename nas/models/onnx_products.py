"""Convolutions, products, norms, pools and parts of ONNX as layers, one function each.

Each is given the reader, the node, what its inputs are and the shapes of its outputs, and returns
what its outputs are; None where no layer stands for it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from nas.models.onnx_macs import einsum_terms
from nas.models.onnx_tensors import Reader
from nas.models.onnx_values import Held, Scores, View, attributes, name_of, sample, size
from search_spaces.ops import (
    Attention,
    BatchNorm,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    Embedding,
    GlobalAveragePool,
    Interaction,
    LayerNorm,
    Linear,
    Pool,
    Recurrent,
    RMSNorm,
    Shape,
    TokenMean,
)

__all__ = [
    "concat",
    "conv",
    "einsum",
    "gather",
    "matmul",
    "norm",
    "parts",
    "pool",
    "recurrent",
    "reduce",
]


def conv(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Conv."""
    view, weight, *bias = inputs
    if not (isinstance(view, View) and isinstance(weight, Held)) or len(weight.shape) > 4:
        return None
    told, (out, narrow, *kernel) = attributes(node), weight.shape
    count, groups = len(kernel), told.get("group", 1)
    strides = told.get("strides", [1] * count)
    dilations = set(told.get("dilations", [1]))
    if len(dilations) > 1 or (count == 1 and dilations != {1}):
        return None
    padding = _padding(node, view.shape[2:], shapes[0][2:], kernel)
    names, biased = (narrow * groups, out), bool(bias) and bias[0] is not None
    op: Conv1d | Conv2d
    if count == 1:
        op = Conv1d(*names, kernel[0], strides[0], groups, biased, padding[0])
    else:
        sizes = [(pair[0], pair[1]) for pair in (kernel, strides, padding)]
        op = Conv2d(*names, sizes[0], sizes[1], groups, biased, sizes[2], *dilations)
    shape = sample(view.shape)
    if op.output_shape(shape) != sample(shapes[0]):
        return None
    place = reader.place(view, shape)
    return View(reader.add(name_of(node), op, [place], weight.owner), shapes[0])


def _padding(
    node: onnx.NodeProto, given: Shape, wanted: Shape, kernel: list[int]
) -> tuple[int, ...]:
    """Zeros on either side; where the sides differ, as many as give the size that is wanted."""
    told = attributes(node)
    count = len(kernel)
    pads = told.get("pads", [0] * 2 * count)
    if told.get("auto_pad", b"NOTSET") in {b"NOTSET", b"VALID"} and pads[:count] == pads[count:]:
        return tuple(pads[:count])
    strides, dilations = told.get("strides", [1] * count), told.get("dilations", [1] * count)
    found = []
    for axis in range(count):
        span = dilations[axis] * (kernel[axis] - 1) + 1
        needed = (wanted[axis] - 1) * strides[axis] + span - given[axis]
        found.append(max(0, (needed + 1) // 2))
    return tuple(found)


def matmul(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """MatMul and Gemm: a linear layer, the scores of an attention, or the attention."""
    left, right, *rest = inputs
    if isinstance(left, View) and isinstance(right, View):
        if len(left.shape) > 1 and node.op_type == "MatMul":
            return Scores(left, right, shapes[0])
        return None
    if isinstance(left, Scores) and left.weights and isinstance(right, View):
        return _attention(reader, node, left, right, shapes[0])
    if not (isinstance(left, View) and isinstance(right, Held)) or attributes(node).get("transA"):
        return None
    wide, narrow = shapes[0][-1], left.shape[-1]
    if math.prod(right.shape) != wide * narrow:
        return None
    op = Linear(narrow, wide, bool(rest) and rest[0] is not None)
    shape = (
        (narrow,) if len(left.shape) <= 2 and left.shape[0] == 1 else (size(left) // narrow, narrow)
    )
    place = reader.place(left, shape)
    return View(reader.add(name_of(node), op, [place], right.owner), shapes[0])


def einsum(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Einsum of two operands, where it is what `matmul` reads or a linear layer."""
    terms = einsum_terms(node)
    if terms is None or len(inputs) != 2:
        return None
    left, right = inputs
    if isinstance(right, View):
        right = _as_of_matmul(right, *terms)
        plain = onnx.helper.make_node("MatMul", node.input, node.output, name=node.name)
        return None if right is None else matmul(reader, plain, [left, right], shapes)
    if not (isinstance(left, View) and isinstance(right, Held)):
        return None
    first, second, result = terms
    summed = {letter for letter in second if letter in first and letter not in result}
    made = [letter for letter in second if letter not in first]
    kept = first[: len(first) - len(summed)]
    whole = len(summed) + len(made) == len(second) and set(first[len(kept) :]) == summed
    if not (summed and whole and result == kept + made):
        return None
    narrow = math.prod(left.shape[-len(summed) :])
    op = Linear(narrow, math.prod(right.shape) // narrow, bias=False)
    place = reader.place(left, (size(left) // narrow, narrow))
    return View(reader.add(name_of(node), op, [place], right.owner), shapes[0])


def _as_of_matmul(
    right: View, first: list[str], second: list[str], result: list[str]
) -> View | None:
    """The second operand as MatMul reads it; None of what is no product of matrices."""
    alike = first[:-2] == second[:-2] == result[:-2] and first[-2:-1] == result[-2:-1]
    if not alike or len(first) < 2 or len(second) != len(first) or len(result) != len(first):
        return None
    if second[-2:] == [first[-1], result[-1]]:
        return right
    if second[-2:] != [result[-1], first[-1]]:
        return None
    *batch, rows, columns = right.shape
    return replace(right, shape=(*batch, columns, rows), moved=not right.moved)


def _attention(
    reader: Reader, node: onnx.NodeProto, scores: Scores, values: View, shape: Shape
) -> View | None:
    queries, keys = scores.queries, scores.keys
    (tokens, features), seen = queries.shape[-2:], keys.shape[-1]
    heads = size(queries) // (tokens * features)
    kept = reader.size_of(keys.layer) // (seen * features)
    fits = values.shape[-2:] == (seen, features) and kept and heads % kept == 0
    if not fits or reader.size_of(values.layer) != kept * seen * features:
        return None
    narrow = (seen, kept * features)
    places = [
        reader.place(queries, (tokens, heads * features), inside=True),
        reader.place(keys, narrow, inside=True),
        reader.place(values, narrow, inside=True),
    ]
    made = reader.add(name_of(node), Attention(heads, kept, features), places)
    return View(made, shape, heads=True)


def gather(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Gather: an embedding, or one part."""
    table, index = inputs
    if isinstance(table, Held) and isinstance(index, View) and len(table.shape) == 2:
        place = reader.place(index, (size(index),))
        op = Embedding(*table.shape)
        return View(reader.add(name_of(node), op, [place], table.owner), shapes[0])
    if isinstance(table, Scores):
        return _interaction(reader, node, table, shapes[0])
    if isinstance(table, View) and not isinstance(index, View):
        start = int(np.min(index)) if isinstance(index, np.ndarray) and index.size else 0
        return _one_part(reader, table, shapes[0], start)
    return None


def _interaction(reader: Reader, node: onnx.NodeProto, scores: Scores, shape: Shape) -> View | None:
    """Some of the products of vectors with one another, each pair once."""
    vectors = scores.queries
    count, features = vectors.shape[-2:]
    same = vectors.layer == scores.keys.layer and not scores.weights
    if not same or math.prod(shape) != count * (count - 1) // 2:
        return None
    place = reader.place(vectors, (count, features), inside=True)
    return View(reader.add(name_of(node), Interaction(), [place]), shape)


def _one_part(reader: Reader, view: View, shape: Shape, index: int = 0) -> View | None:
    count, rest = math.prod(shape), size(view) - math.prod(shape)
    if rest < 0:
        return None
    if rest == 0:
        return replace(view, shape=shape)
    return reader.part(view, min(max(0, index) * count, rest), shape)


def parts(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Slice and Split."""
    if not isinstance(inputs[0], View):
        return None
    return [_one_part(reader, inputs[0], shape, index) for index, shape in enumerate(shapes)]


def concat(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Concat: of layers, or a class token before them."""
    views = [item for item in inputs if isinstance(item, View)]
    held = [item for item in inputs if isinstance(item, Held)]
    axis = attributes(node)["axis"] % len(shapes[0])
    if len(views) == 1 and len(held) == 1 and axis == 1 and len(shapes[0]) == 3:
        wide = shapes[0][2]
        if math.prod(held[0].shape) == wide:
            place = reader.place(views[0], sample(views[0].shape))
            op = ClassToken(wide)
            return View(reader.add(name_of(node), op, [place], held[0].owner), shapes[0])
    if len(views) != len(inputs):
        return None
    if axis and shapes[0][0] == 1 and len(shapes[0]) > 1:
        places = [reader.place(view, view.shape[1:]) for view in views]
        return View(reader.add(name_of(node), Concat(axis - 1), places), shapes[0])
    places = [reader.place(view, (size(view),)) for view in views]
    return View(reader.add(name_of(node), Concat(), places), shapes[0])


def norm(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Batch, layer and root mean square norms."""
    view, scale, *more = inputs
    if not (isinstance(view, View) and isinstance(scale, Held)):
        return None
    features = math.prod(scale.shape)
    shape: Shape = (size(view) // features, features)
    if size(view) == features:
        shape = (features,)
    op: Any = RMSNorm(features)
    if node.op_type == "BatchNormalization":
        shape, op = sample(view.shape), BatchNorm(features)
    elif more and more[0] is not None and node.op_type == "LayerNormalization":
        op = LayerNorm(features)
    return View(reader.add(name_of(node), op, [reader.place(view, shape)], scale.owner), shapes[0])


def pool(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Pools by windows."""
    view, told = inputs[0], attributes(node)
    if not isinstance(view, View) or set(told.get("dilations", [1])) != {1}:
        return None
    kernel = told["kernel_shape"]
    strides = told.get("strides", [1] * len(kernel))
    padding = _padding(node, view.shape[2:], shapes[0][2:], kernel)
    if len(kernel) > 2:
        return None
    sizes = [
        pair[0] if len(kernel) == 1 else (pair[0], pair[1]) for pair in (kernel, strides, padding)
    ]
    op = Pool("max" if node.op_type == "MaxPool" else "average", *sizes)
    shape = sample(view.shape)
    if op.output_shape(shape) != sample(shapes[0]):
        return None
    return View(reader.add(name_of(node), op, [reader.place(view, shape)]), shapes[0])


def reduce(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """Means, sums and extremes over axes."""
    view, count = inputs[0], math.prod(shapes[0])
    if not isinstance(view, View) or size(view) % count:
        return None
    if len(view.shape) == 4 and view.shape[1] == count:
        place = reader.place(view, view.shape[1:])
        return View(reader.add(name_of(node), GlobalAveragePool(), [place]), shapes[0])
    place = reader.place(view, (size(view) // count, count))
    return View(reader.add(name_of(node), TokenMean(), [place]), shapes[0])


def recurrent(reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape]) -> Any:
    """LSTM, GRU and RNN; the last one, and one that sees its state by peepholes, is no layer."""
    view, weight = inputs[:2]
    if not (isinstance(view, View) and isinstance(weight, Held)):
        return None
    told, narrow = attributes(node), view.shape[-1]
    if node.op_type == "RNN" or any(item is not None for item in inputs[7:]):
        made = reader.unknown(node, inputs, shapes[0])
    else:
        cell, biased = node.op_type.lower(), len(inputs) > 3 and inputs[3] is not None
        op = Recurrent(cell, narrow, told["hidden_size"], 1, weight.shape[0] == 2, biased)
        place = reader.place(view, (size(view) // narrow, narrow))
        made = View(reader.add(name_of(node), op, [place], weight.owner), shapes[0])
    return [made] + [reader.part(made, 0, shape) for shape in shapes[1:]]
