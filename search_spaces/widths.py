"""Any network as a space of its own: how wide its convolutions and products are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nas.errors import LayerError
from search_spaces.base import Choice, SearchSpace
from search_spaces.conv_ops import Conv1d, Conv2d
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Activation, Add, BatchNorm, GlobalAveragePool, Linear, Multiply
from search_spaces.shape_ops import Pool
from search_spaces.token_ops import LayerNorm, RMSNorm, TokenMean

__all__ = ["width_space"]

_EVERY, _NAMED = "every width", "width of {}"
_SHARES = (1.0, 0.75, 0.5, 0.25)
_STEP = 8  # of widths of 32 and more, as kernels are blocked
_WIDE = 32
_SAME = (
    Activation, Add, BatchNorm, GlobalAveragePool, LayerNorm, Multiply, Pool, RMSNorm, TokenMean,
)  # fmt: skip


def width_space(layers: Sequence[Layer]) -> tuple[SearchSpace, dict[str, Any]]:
    """The space of a network's narrower forms, and the network itself as a point of it.

    A width is what one convolution or product gives, and all that must be as wide: norms,
    depthwise convolutions, and what is added to it or multiplied by it. It may be a quarter, half
    or three quarters of what it is, alone or with every other one. Widths that another operator
    sees (attention, a table, a reshape), that two layers share the weights of, and those of the
    network's input and output stay as they are.

    Args:
        layers: A network in topological order.

    Returns:
        A space whose `build` gives the narrower layers whatever data it is told of; its choices
        are ``"width of "`` and the first layer of each, and ``"every width"``.

    Raises:
        LayerError: The layers do not connect, or none of its widths can change.
    """
    given = tuple(layers)
    shapes = layer_shapes(given)
    tied = _tied(given)
    widths = {
        first: _width(layer)
        for layer in given
        if (first := tied[layer.name]) == layer.name and _width(layer) > 1
    }
    widths = {
        first: width for first, width in widths.items() if _narrows(given, tied, first, shapes)
    }
    if not widths:
        raise LayerError(
            "layers: no width of this network can change alone, so nothing near it is known; give "
            "an architecture of a space"
        )

    def build(architecture: Mapping[str, Any], *_: Any) -> tuple[Layer, ...]:
        every = architecture[_EVERY]
        wanted = {
            first: min(architecture[_NAMED.format(first)], _share(width, every))
            for first, width in widths.items()
        }
        return _narrowed(given, tied, wanted)

    choices = [
        Choice(_NAMED.format(first), tuple(sorted({_share(width, share) for share in _SHARES})))
        for first, width in widths.items()
    ]
    space = SearchSpace("widths", 1, "Widths", (Choice(_EVERY, _SHARES), *choices), build)
    return space, {_EVERY: 1.0, **{_NAMED.format(first): width for first, width in widths.items()}}


def _share(width: int, share: float) -> int:
    step = _STEP if width >= _WIDE else 1
    return width if share == 1.0 else max(1, round(width * share / step) * step)


def _width(layer: Layer) -> int:
    """What a layer with weights gives; 0 of others."""
    if isinstance(layer.op, Linear):
        return layer.op.out_features
    return layer.op.out_channels if isinstance(layer.op, Conv1d | Conv2d) else 0


def _is_depthwise(op: object) -> bool:
    return isinstance(op, Conv1d | Conv2d) and 1 < op.groups == op.in_channels == op.out_channels


def _tied(layers: tuple[Layer, ...]) -> dict[str, str]:
    """The first layer as wide as each, by name; the network's input where none may change."""
    fixed = layers[0].name
    above = {layer.name: layer.name for layer in layers}

    def first(name: str) -> str:
        while above[name] != name:
            name = above[name]
        return name

    order = {layer.name: number for number, layer in enumerate(layers)}

    def tie(one: str, other: str) -> None:
        ends = sorted((first(one), first(other)), key=order.__getitem__)
        above[ends[1]] = ends[0]

    for layer in layers:
        op = layer.op
        whole = isinstance(op, Linear) or (isinstance(op, Conv1d | Conv2d) and op.groups == 1)
        if isinstance(op, _SAME) or _is_depthwise(op):
            for name in layer.inputs:
                tie(layer.name, name)
        elif not whole or layer.weights is not None:
            for name in (layer.name, *layer.inputs):
                tie(fixed, name)
    for owner in {layer.weights for layer in layers if layer.weights in above}:
        for name in (owner, *next(layer.inputs for layer in layers if layer.name == owner)):
            tie(fixed, str(name))
    tie(fixed, layers[-1].name)
    return {name: first(name) for name in above}


def _narrowed(
    layers: tuple[Layer, ...], tied: Mapping[str, str], widths: Mapping[str, int]
) -> tuple[Layer, ...]:
    found = []
    for layer in layers:
        op, own = layer.op, widths.get(tied[layer.name])
        before = widths.get(tied[layer.inputs[0]]) if layer.inputs else None
        if isinstance(op, Linear):
            op = replace(
                op, in_features=before or op.in_features, out_features=own or op.out_features
            )
        elif isinstance(op, Conv1d | Conv2d):
            groups = own or op.groups if _is_depthwise(op) else op.groups
            op = replace(
                op,
                in_channels=before or op.in_channels,
                out_channels=own or op.out_channels,
                groups=groups,
            )
        elif isinstance(op, BatchNorm):
            op = replace(op, channels=own or op.channels)
        elif isinstance(op, LayerNorm | RMSNorm):
            op = replace(op, features=own or op.features)
        found.append(replace(layer, op=op))
    return tuple(found)


def _narrows(
    layers: tuple[Layer, ...], tied: Mapping[str, str], first: str, shapes: Mapping[str, Any]
) -> bool:
    """Whether the layers still connect, and give what they gave, when this width alone changes."""
    try:
        found = layer_shapes(_narrowed(layers, tied, {first: 1}))
    except LayerError:
        return False
    same: bool = found[layers[-1].name] == shapes[layers[-1].name]
    return same
