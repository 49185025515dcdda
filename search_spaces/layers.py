"""Layers: an architecture as plain data, to be counted and to be built from.

A network is a tuple of `Layer` in topological order. The first is the `Input`, the last is the
output; edges are the ``inputs`` names. Layers with equal ``weights`` share parameters. Shapes are
without the batch, as in `search_spaces.ops`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from nas.errors import LayerError
from search_spaces.op_checks import arguments, needed_arguments
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    Embedding,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
    Op,
    Shape,
)

__all__ = [
    "Activation",
    "Add",
    "BatchNorm",
    "Conv2d",
    "GlobalAveragePool",
    "Input",
    "Layer",
    "Linear",
    "Multiply",
    "Op",
    "Shape",
    "layer_shapes",
    "layers_from_json",
    "layers_to_json",
    "mac_count",
    "parameter_count",
]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


_OPS: dict[str, Any] = {op.__name__: op for op in get_args(Op)}


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph.

    Attributes:
        name: Letters, digits and underscores; unique in the network.
        op: What it does.
        inputs: Names of earlier layers, in the order in which the op takes them.
        weights: Layers of one name here share parameters; None means its own.
    """

    name: str
    op: Op
    inputs: tuple[str, ...] = ()
    weights: str | None = None

    @property
    def weights_name(self) -> str:
        """Under what name its parameters are stored: ``weights``, or its own name."""
        return self.name if self.weights is None else self.weights


def layer_shapes(layers: Sequence[Layer]) -> dict[str, Shape]:
    """Check that the layers connect and return the output shape of each.

    Args:
        layers: A network in topological order.

    Returns:
        Shape without batch of every layer's output, by name, in the order of the layers.

    Raises:
        LayerError: A name is used twice or malformed, the first layer (and no other) is not the
            Input, an input is not an earlier layer, shapes do not fit, or layers share weights
            with unequal ops; an Embedding and a Linear without bias may, where theirs are of one
            shape.
    """
    if not layers or not isinstance(layers[0].op, Input):
        raise LayerError("layers: the first layer is not an Input, begin with one")
    shapes: dict[str, Shape] = {}
    owners: dict[str, Layer] = {}
    for layer in layers:
        if not _NAME.fullmatch(layer.name):
            raise LayerError(
                f"layers: name {layer.name!r} is not letters, digits and _, begin with a letter"
            )
        if layer.name in shapes:
            raise LayerError(f"layers: the name {layer.name!r} is used twice, rename one")
        if shapes and isinstance(layer.op, Input):
            raise LayerError(f"layers: {layer.name!r} is a second Input, keep only the first")
        owner = owners.setdefault(layer.weights_name, layer)
        if owner is not layer and _table_shape(owner.op) != _table_shape(layer.op):
            raise LayerError(
                f"layers: {owner.name!r} and {layer.name!r} share weights "
                f"{layer.weights_name!r} but are {owner.op} and {layer.op}, make the ops equal"
            )
        missing = [name for name in layer.inputs if name not in shapes]
        if missing:
            raise LayerError(
                f"layers: input {missing[0]!r} of {layer.name!r} is not an earlier layer, "
                "add it before"
            )
        try:
            shapes[layer.name] = layer.op.output_shape(*(shapes[name] for name in layer.inputs))
        except LayerError as error:
            raise LayerError(f"layer {layer.name!r}: {error}") from None
    return shapes


def _table_shape(op: Op) -> object:
    """Shape of the one matrix of an Embedding or of a Linear without bias; else the op itself."""
    if isinstance(op, Embedding):
        return (op.rows, op.features)
    if isinstance(op, Linear) and not op.bias:
        return (op.out_features, op.in_features)
    return op


def parameter_count(layers: Iterable[Layer]) -> int:
    """Trainable parameters of the network, shared ones counted once.

    Args:
        layers: A network in topological order.
    """
    return sum({layer.weights_name: layer.op.parameters() for layer in layers}.values())


def mac_count(layers: Sequence[Layer]) -> int:
    """Multiply-accumulates of one sample; sums, norms and activations are not counted.

    Args:
        layers: A network in topological order.

    Raises:
        LayerError: The layers do not connect.
    """
    shapes = layer_shapes(layers)
    return sum(layer.op.macs(*(shapes[name] for name in layer.inputs)) for layer in layers)


def layers_to_json(layers: Iterable[Layer]) -> list[dict[str, Any]]:
    """The layers as rows of plain lists, numbers and texts.

    Args:
        layers: Any layers.

    Returns:
        Rows ``{"name", "op", "arguments", "inputs", "weights"}`` that `layers_from_json` reads.
    """
    rows = []
    for layer in layers:
        rows.append(
            {
                "name": layer.name,
                "op": type(layer.op).__name__,
                "arguments": {
                    key: list(value) if isinstance(value, tuple) else value
                    for key, value in arguments(layer.op).items()
                },
                "inputs": list(layer.inputs),
                "weights": layer.weights,
            }
        )
    return rows


def layers_from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """Read back what `layers_to_json` gave and check that it connects.

    Args:
        rows: Rows ``{"name", "op", "arguments", "inputs", "weights"}``.

    Raises:
        LayerError: A row is damaged, or the layers do not connect.
    """
    layers = tuple(_layer_from_row(index, row) for index, row in enumerate(rows))
    layer_shapes(layers)
    return layers


def _layer_from_row(index: int, row: Mapping[str, Any]) -> Layer:
    where = f"layers: row {index}"
    expected = {"name", "op", "arguments", "inputs", "weights"}
    if not isinstance(row, Mapping) or set(row) != expected:
        got = sorted(map(str, row)) if isinstance(row, Mapping) else repr(row)
        raise LayerError(f"{where}: got {got}, expects the keys {sorted(expected)}")
    name, weights, inputs, given = (row[key] for key in ("name", "weights", "inputs", "arguments"))
    texts_fit = isinstance(name, str) and isinstance(weights, str | None)
    inputs_fit = isinstance(inputs, list) and all(isinstance(item, str) for item in inputs)
    if not (texts_fit and inputs_fit and isinstance(given, Mapping)):
        raise LayerError(f"{where}: {dict(row)} is damaged, write it again with layers_to_json")
    if not isinstance(row["op"], str) or row["op"] not in _OPS:
        raise LayerError(f"{where}: op {row['op']!r} is not one of {tuple(_OPS)}")
    op = _OPS[row["op"]]
    known, needed = {field.name for field in fields(op)}, needed_arguments(op)
    if not needed <= set(given) <= known:
        raise LayerError(
            f"{where}: arguments of {row['op']} are {sorted(map(str, given))}, "
            f"expects {sorted(needed)}"
        )
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
    }
    return Layer(name, op(**values), tuple(inputs), weights)
