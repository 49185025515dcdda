"""Graphs of layers up to what does not change the network: simplification and a canonical key."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from search_spaces.layers import Layer, layer_shapes
from search_spaces.op_checks import Shape, arguments
from search_spaces.ops import Activation, Add, Concat, Flatten, Multiply, Op, Reshape, Slice

__all__ = ["graph_key", "key_of_simplified", "simplify"]

# f(g(x)) = g(x) for outer f and inner g: what is clipped already stays as it is.
_UP_TO_ONE = ("hardsigmoid", "sigmoid", "softmax")
_ABSORBED = {("relu", inner) for inner in ("relu", "relu6", "softplus", *_UP_TO_ONE)} | {
    ("relu6", inner) for inner in ("relu6", *_UP_TO_ONE)
}


def simplify(
    layers: Sequence[Layer], shapes: Mapping[str, Shape] | None = None
) -> tuple[Layer, ...]:
    """Drop the layers that the output does not need and those that change nothing.

    Identities are an `Add` or `Concat` of one input, a `Flatten`, `Reshape` or `Slice` that keeps
    the shape, and an activation that the one before it absorbs, such as relu after relu.

    Args:
        layers: A network in topological order.
        shapes: Of its layers, where `layer_shapes` gave them already.

    Returns:
        The same function in as many or fewer layers, of the same names and shapes; the Input stays.

    Raises:
        LayerError: The layers do not connect.
    """
    shapes = layer_shapes(layers) if shapes is None else shapes
    stands_for: dict[str, str] = {}
    kept: dict[str, Layer] = {}
    for layer in layers:
        inputs = tuple(stands_for[name] for name in layer.inputs)
        same = _is_identity(layer, kept, inputs, shapes)
        stands_for[layer.name] = inputs[0] if same else layer.name
        if not same:
            kept[layer.name] = layer if inputs == layer.inputs else replace(layer, inputs=inputs)
    live = {layers[0].name, stands_for[layers[-1].name]}
    for layer in reversed(kept.values()):
        if layer.name in live:
            live.update(layer.inputs)
    return tuple(layer for layer in kept.values() if layer.name in live)


def graph_key(layers: Sequence[Layer]) -> str:
    """A key of the simplified network that forgets names and the order of sums.

    Two networks of one key are the same graph: the digest is taken over a complete description.
    A layer that is used twice differs from two layers with their own weights. Equal graphs get
    equal keys by colour refinement; only graphs whose layers stay alike under it without being
    interchangeable (no cell or chain does) could be missed, never confused.

    Args:
        layers: A network in topological order.

    Returns:
        16 hexadecimal digits, the first of the SHA-256 of the canonical form.

    Raises:
        LayerError: The layers do not connect.
    """
    return key_of_simplified(simplify(layers))


def key_of_simplified(layers: Sequence[Layer]) -> str:
    """The `graph_key` of a network that `simplify` gave.

    Args:
        layers: What it gave.
    """
    rows = _rows(layers)
    colours = _refined(rows, [""] * len(rows))
    while len(set(colours)) < len(rows):
        colours = _refined(rows, _one_singled_out(colours))
    return _digest(_description(rows, colours))[:16]


_Row = tuple[str, tuple[int, ...], bool, tuple[int, ...]]


def _rows(layers: Sequence[Layer]) -> list[_Row]:
    """Each layer as (op, positions of its inputs, whether they commute, sharers of its weights)."""
    position = {layer.name: index for index, layer in enumerate(layers)}
    sharers: dict[str, list[int]] = {}
    for index, layer in enumerate(layers):
        sharers.setdefault(layer.weights_name, []).append(index)
    return [
        (
            _spelled(layer.op),
            tuple(position[name] for name in layer.inputs),
            isinstance(layer.op, Add | Multiply),
            # Sharing what has no parameters is not sharing.
            tuple(sharers[layer.weights_name]) if layer.op.parameters() else (),
        )
        for layer in layers
    ]


def _refined(rows: Sequence[_Row], colours: list[str]) -> list[str]:
    """Colours that tell layers apart by all they consume, feed and share, to a fixed point."""
    kinds = 0
    while True:
        colours = _told_by_consumers(rows, _told_by_inputs(rows, colours))
        if len(set(colours)) in (kinds, len(rows)):
            return colours
        kinds = len(set(colours))


def _told_by_inputs(rows: Sequence[_Row], colours: Sequence[str]) -> list[str]:
    told: list[str] = []
    for index, (op, inputs, commute, sharers) in enumerate(rows):
        seen = [told[position] for position in inputs]
        shared = sorted(colours[position] for position in sharers)
        told.append(_digest((op, colours[index], sorted(seen) if commute else seen, shared)))
    return told


def _told_by_consumers(rows: Sequence[_Row], colours: Sequence[str]) -> list[str]:
    told = list(colours)
    consumers: list[list[tuple[str, int]]] = [[] for _ in rows]
    for index in reversed(range(len(rows))):
        _, inputs, commute, _ = rows[index]
        told[index] = _digest((colours[index], sorted(consumers[index])))
        for slot, position in enumerate(inputs):
            consumers[position].append((told[index], 0 if commute else slot))
    return told


def _one_singled_out(colours: Sequence[str]) -> list[str]:
    """Mark one of the first colour that several layers have; interchangeable, so any of them."""
    counts = Counter(colours)
    chosen = min(colour for colour, count in counts.items() if count > 1)
    marked = list(colours)
    marked[marked.index(chosen)] = _digest((chosen, "singled out"))
    return marked


def _description(rows: Sequence[_Row], colours: Sequence[str]) -> list[object]:
    """The whole graph, its layers numbered in the order of their colours."""
    order = sorted(range(len(rows)), key=colours.__getitem__)
    number = {index: rank for rank, index in enumerate(order)}
    described: list[object] = [number[len(rows) - 1]]
    for index in order:
        op, inputs, commute, sharers = rows[index]
        numbers = [number[position] for position in inputs]
        shared = sorted(number[position] for position in sharers)
        described.append((op, sorted(numbers) if commute else numbers, shared))
    return described


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()


def _spelled(op: Op) -> str:
    """The op as its `repr` was when the first records were made."""
    given = ", ".join(f"{key}={value!r}" for key, value in arguments(op).items())
    return f"{type(op).__name__}({given})"


def _is_identity(
    layer: Layer, kept: dict[str, Layer], inputs: tuple[str, ...], shapes: Mapping[str, Shape]
) -> bool:
    if isinstance(layer.op, Add | Concat):
        return len(inputs) == 1
    if isinstance(layer.op, Flatten | Reshape | Slice):
        return shapes[layer.inputs[0]] == shapes[layer.name]
    if not isinstance(layer.op, Activation):
        return False
    before = kept[inputs[0]].op
    return isinstance(before, Activation) and (layer.op.function, before.function) in _ABSORBED
