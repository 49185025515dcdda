"""Attention, embeddings, norms of tokens, recurrent layers and interactions as ONNX nodes.

Each function writes one layer and returns the name of the tensor that holds its output.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from onnx import TensorProto

from nas.models.modules import NORM_EPSILON
from nas.models.onnx_writer import Array, Writer
from search_spaces.layers import Layer
from search_spaces.ops import (
    Attention,
    ClassToken,
    Embedding,
    Grams,
    Interaction,
    LayerNorm,
    Positions,
    Recurrent,
    RMSNorm,
)

__all__ = ["TOKEN_WRITERS"]

_HIDDEN = -1e9  # added to scores of later tokens: exp() of it is 0


def _layer_norm(writer: Writer, layer: Layer, source: str) -> str:
    parts = [
        writer.constant(f"{layer.name}.{part}", writer.parameter(layer, part))
        for part in ("weight", "bias")
    ]
    return writer.node(
        "LayerNormalization", [source, *parts], layer.name, axis=-1, epsilon=NORM_EPSILON
    )


def _rms_norm(writer: Writer, layer: Layer, source: str) -> str:
    name = layer.name
    square = writer.node("Mul", [source, source], f"{name}.square")
    mean = writer.node("ReduceMean", [square], f"{name}.mean", axes=[-1], keepdims=1)
    raised = writer.node(
        "Add", [mean, writer.number(f"{name}.epsilon", NORM_EPSILON)], f"{name}.raised"
    )
    root = writer.node("Sqrt", [raised], f"{name}.root")
    even = writer.node("Div", [source, root], f"{name}.even")
    return writer.node("Mul", [even, writer.table(layer)], name)


def _attention(writer: Writer, layer: Layer, queries: str, keys: str, values: str) -> str:
    """Heads of one group share keys and values: (batch, kv_heads, group, tokens, features)."""
    op: Any = layer.op
    name, size = layer.name, op.head_features
    count, seen = (writer.shapes[source][0] for source in layer.inputs[:2])

    def heads(source: str, part: str, tokens: int, groups: int, perm: list[int]) -> str:
        shape = writer.integers(f"{name}.{part}.shape", 0, tokens, op.kv_heads, groups, size)
        split = writer.node("Reshape", [source, shape], f"{name}.{part}.split")
        return writer.node("Transpose", [split], f"{name}.{part}", perm=perm)

    q = heads(queries, "q", count, op.heads // op.kv_heads, [0, 2, 3, 1, 4])
    k = heads(keys, "k", seen, 1, [0, 2, 3, 4, 1])
    v = heads(values, "v", seen, 1, [0, 2, 3, 1, 4])
    products = writer.node("MatMul", [q, k], f"{name}.products")
    scale = writer.number(f"{name}.scale", size**-0.5)
    scores = writer.node("Mul", [products, scale], f"{name}.scores")
    if op.causal:
        mask = writer.constant(
            f"{name}.mask", np.triu(np.full((count, seen), _HIDDEN, np.float32), 1)
        )
        scores = writer.node("Add", [scores, mask], f"{name}.masked")
    weights = writer.node("Softmax", [scores], f"{name}.weights", axis=-1)
    mixed = writer.node("MatMul", [weights, v], f"{name}.mixed")
    turned = writer.node("Transpose", [mixed], f"{name}.turned", perm=[0, 3, 1, 2, 4])
    joined = writer.integers(f"{name}.shape", 0, count, op.heads * size)
    return writer.node("Reshape", [turned, joined], name)


def _embedding(writer: Writer, layer: Layer, source: str) -> str:
    name, op = layer.name, layer.op
    identifiers = writer.node("Cast", [source], f"{name}.identifiers", to=TensorProto.INT64)
    rows = writer.constant(f"{name}.rows", np.array(getattr(op, "rows", 1), np.int64))
    hashed = writer.node("Mod", [identifiers, rows], f"{name}.hashed")
    return writer.node("Gather", [writer.table(layer), hashed], name, axis=0)


def _grams(writer: Writer, layer: Layer, source: str) -> str:
    """A pad of more before and less behind moves the identifiers to later places."""
    op: Any = layer.op
    name, code = layer.name, ""
    identifiers = writer.node("Cast", [source], f"{name}.identifiers", to=TensorProto.INT64)
    base, rows = (
        writer.constant(f"{name}.{part}", np.array(getattr(op, part), np.int64))
        for part in ("vocabulary", "rows")
    )
    for back in reversed(range(op.order)):
        here = identifiers
        if back:
            pads = writer.integers(f"{name}.pads{back}", 0, back, 0, -back)
            here = writer.node("Pad", [identifiers, pads], f"{name}.back{back}")
        if code:
            moved = writer.node("Mul", [code, base], f"{name}.moved{back}")
            here = writer.node("Add", [moved, here], f"{name}.longer{back}")
        code = writer.node("Mod", [here, rows], f"{name}.code{back}")
    return writer.node("Cast", [code], name, to=TensorProto.FLOAT)


def _positions(writer: Writer, layer: Layer, source: str) -> str:
    count = writer.shapes[layer.name][0]
    table = writer.constant(f"{layer.name}.weight", writer.parameter(layer, "weight")[:count])
    return writer.node("Add", [source, table], layer.name)


def _class_token(writer: Writer, layer: Layer, source: str) -> str:
    """The token is spread over the batch by adding it to one token of zeros."""
    name = layer.name
    bounds = [
        writer.integers(f"{name}.{key}", value)
        for key, value in (("start", 0), ("stop", 1), ("axis", 1))
    ]
    first = writer.node("Slice", [source, *bounds], f"{name}.first")
    size = writer.node("Shape", [first], f"{name}.size")
    zeros = writer.node("ConstantOfShape", [size], f"{name}.zeros")
    token = writer.node("Add", [zeros, writer.table(layer)], f"{name}.token")
    return writer.node("Concat", [token, source], name, axis=1)


def _interaction(writer: Writer, layer: Layer, *sources: str) -> str:
    name = layer.name
    vectors, count = sources[0], writer.shapes[layer.inputs[0]][0]
    if len(sources) > 1:
        count = len(sources)
        axis = writer.integers(f"{name}.axis", 1)
        rows = [
            writer.node("Unsqueeze", [source, axis], f"{name}.row{index}")
            for index, source in enumerate(sources)
        ]
        vectors = writer.node("Concat", rows, f"{name}.vectors", axis=1)
    turned = writer.node("Transpose", [vectors], f"{name}.turned", perm=[0, 2, 1])
    products = writer.node("MatMul", [vectors, turned], f"{name}.products")
    flat = writer.node("Flatten", [products], f"{name}.flat", axis=1)
    pairs = [first * count + second for first, second in combinations(range(count), 2)]
    return writer.node("Gather", [flat, writer.integers(f"{name}.pairs", *pairs)], name, axis=1)


# Of torch's gates (i, f, g, o) and (r, z, n) in the order of ONNX (i, o, f, c) and (z, r, h).
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def _recurrent(writer: Writer, layer: Layer, source: str) -> str:
    """ONNX runs over (steps, batch, features) and gives (steps, directions, batch, hidden)."""
    op: Any = layer.op
    name, steps = layer.name, writer.shapes[layer.name][0]
    kind = "LSTM" if op.cell == "lstm" else "GRU"
    attributes: dict[str, Any] = {"hidden_size": op.hidden}
    attributes["direction"] = "bidirectional" if op.bidirectional else "forward"
    if op.cell == "gru":
        attributes["linear_before_reset"] = 1  # as torch defines it
    current = writer.node("Transpose", [source], f"{name}.steps", perm=[1, 0, 2])
    for index in range(op.layers):
        here = f"{name}.{index}"
        operands = [
            writer.constant(f"{here}.{part}", _gates(writer, layer, part, index))
            for part in ("weight_ih", "weight_hh", "bias")[: 2 + op.bias]
        ]
        run = writer.node(kind, [current, *operands], f"{here}.run", **attributes)
        last = index == op.layers - 1
        turned = writer.node(
            "Transpose", [run], f"{here}.turned", perm=[2, 0, 1, 3] if last else [0, 2, 1, 3]
        )
        first, second = (0, steps) if last else (steps, -1)
        shape = writer.integers(f"{here}.shape", first, second, op.hidden * op.directions)
        current = writer.node("Reshape", [turned, shape], name if last else here)
    return current


def _gates(writer: Writer, layer: Layer, part: str, index: int) -> Array:
    """A weight or the two biases of one layer, direction by direction, in the order of ONNX."""
    op: Any = layer.op

    def ordered(key: str) -> Array:
        blocks = np.split(writer.parameter(layer, key), len(_GATES[op.cell]))
        return np.concatenate([blocks[gate] for gate in _GATES[op.cell]])

    rows = []
    for suffix in ("", "_reverse")[: op.directions]:
        if part == "bias":
            biases = [ordered(f"bias_{side}_l{index}{suffix}") for side in ("ih", "hh")]
            rows.append(np.concatenate(biases))
        else:
            rows.append(ordered(f"{part}_l{index}{suffix}"))
    return np.stack(rows)


TOKEN_WRITERS: dict[type, Callable[..., str]] = {
    LayerNorm: _layer_norm,
    RMSNorm: _rms_norm,
    Attention: _attention,
    Embedding: _embedding,
    Grams: _grams,
    Positions: _positions,
    ClassToken: _class_token,
    Interaction: _interaction,
    Recurrent: _recurrent,
}
"""What writes each operation on tokens, identifiers and vectors."""
