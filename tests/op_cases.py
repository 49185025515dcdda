"""One small network for every operation, by name; shared by the tests that go through all."""

from __future__ import annotations

from typing import get_args

from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    Embedding,
    Flatten,
    GlobalAveragePool,
    Grams,
    Input,
    Interaction,
    LayerNorm,
    Linear,
    MemberMean,
    Multiply,
    Op,
    Opaque,
    Pool,
    Positions,
    Recurrent,
    Reshape,
    RMSNorm,
    Select,
    Slice,
    TokenMean,
    Tokens,
    Transpose,
    Zeros,
)

IMAGE, SERIES, TOKENS, IDS = (3, 7, 6), (4, 9), (6, 8), (5,)


def chain(shape: tuple[int, ...], *ops: Op) -> tuple[Layer, ...]:
    """Layers in a row behind an Input of that shape."""
    layers = [Layer("input", Input(shape))]
    for index, op in enumerate(ops):
        layers.append(Layer(f"layer{index}", op, (layers[-1].name,)))
    return tuple(layers)


def _attention(heads: int, kv_heads: int, causal: bool, keys: int = 6) -> tuple[Layer, ...]:
    """Projections and a core; with other keys than queries where their number differs."""
    layers = [Layer("input", Input(TOKENS)), Layer("seen", Slice(0, keys), ("input",))]
    for name, source, width in (
        ("queries", "input", heads * 4),
        ("keys", "seen", kv_heads * 4),
        ("values", "seen", kv_heads * 4),
    ):
        layers.append(Layer(name, Linear(8, width), (source,)))
    core = Attention(heads, kv_heads, 4, causal)
    return (*layers, Layer("attention", core, ("queries", "keys", "values")))


def _tied() -> tuple[Layer, ...]:
    return (
        Layer("input", Input(IDS)),
        Layer("tokens", Embedding(11, 8), ("input",)),
        Layer("positions", Positions(7, 8), ("tokens",)),
        Layer("norm", LayerNorm(8), ("positions",)),
        Layer("unembed", Linear(8, 11, bias=False), ("norm",), weights="tokens"),
    )


def _recommender() -> tuple[Layer, ...]:
    """Two columns of numbers and two of identifiers, as in DLRM."""
    return (
        Layer("input", Input((4,))),
        Layer("numbers", Slice(0, 2), ("input",)),
        Layer("bottom", Linear(2, 3), ("numbers",)),
        Layer("column1", Slice(2, 3), ("input",)),
        Layer("table1", Embedding(5, 3), ("column1",)),
        Layer("user", Select(0), ("table1",)),
        Layer("column2", Slice(3, 4), ("input",)),
        Layer("table2", Embedding(4, 3), ("column2",)),
        Layer("item", Flatten(), ("table2",)),
        Layer("pairs", Interaction(), ("bottom", "user", "item")),
        Layer("all", Concat(), ("bottom", "pairs")),
        Layer("top", Linear(6, 1), ("all",)),
    )


def _members() -> tuple[Layer, ...]:
    """Three answers, of which one stands upon a layer that only it has."""
    return (
        Layer("input", Input((5,))),
        Layer("row", Linear(5, 4), ("input",)),
        Layer("first", Linear(4, 2), ("row",)),
        Layer("second", Linear(4, 2), ("row",)),
        Layer("own", Activation("relu"), ("input",)),
        Layer("third", Linear(5, 2), ("own",)),
        Layer("mean", MemberMean(), ("first", "second", "third")),
    )


NETWORKS: dict[str, tuple[Layer, ...]] = {
    "convolution": chain(IMAGE, Conv2d(3, 4, 3, stride=2, bias=True)),
    "rectangular convolution": chain(IMAGE, Conv2d(3, 4, (5, 2), stride=(2, 1), padding=(2, 0))),
    "patches": chain(IMAGE, Conv2d(3, 4, 2, stride=2, bias=True, padding=0), Tokens()),
    "dilated convolution": chain(IMAGE, Conv2d(3, 6, 3, groups=3, padding=2, dilation=2)),
    "series convolution": chain(SERIES, Conv1d(4, 6, 5, stride=2), BatchNorm(6)),
    "depthwise series convolution": chain(SERIES, Conv1d(4, 4, 4, 1, 4, True, 1)),
    "norm of a vector": chain((5,), Linear(5, 6), BatchNorm(6), Activation("relu")),
    "norm of tokens by place": chain(TOKENS, Linear(8, 6), BatchNorm(6)),
    "norm of a series": chain(SERIES, Activation("relu"), BatchNorm(4)),
    "layer norm": chain(TOKENS, LayerNorm(8), Select(-1), LayerNorm(8)),
    "rms norm": chain(TOKENS, RMSNorm(8), TokenMean(), RMSNorm(8)),
    "linear on tokens": chain(TOKENS, Linear(8, 5), Linear(5, 3, bias=False)),
    "linear on a vector": chain((5,), Linear(5, 3)),
    "attention": _attention(2, 2, causal=False),
    "causal attention": _attention(2, 2, causal=True),
    "grouped attention": _attention(6, 2, causal=True),
    "cross attention": _attention(4, 1, causal=False, keys=4),
    "tied embedding": _tied(),
    "runs of identifiers": chain(IDS, Grams(3, 6, 40), Embedding(40, 3)),
    "recommender": _recommender(),
    "members": _members(),
    "interaction of tokens": chain(TOKENS, Interaction()),
    "class token": chain(TOKENS, ClassToken(8), Positions(7, 8), Select(0)),
    "max pool": chain(IMAGE, Pool("max", 3, 2, 1), GlobalAveragePool()),
    "average pool": chain(IMAGE, Pool("average", (3, 2), (2, 1), (1, 0))),
    "series pools": chain(
        SERIES, Pool("average", 3, 1, 1), Pool("max", 2, 2, 1), GlobalAveragePool()
    ),
    "shapes": chain(
        IMAGE, Flatten(), Reshape((6, 21)), Transpose(), Slice(3, 18), Reshape((5, 3, 6)), Tokens()
    ),
    "no values": chain(IMAGE, Zeros(), Conv2d(3, 2, 1, bias=True)),
    "lstm": chain(TOKENS, Recurrent("lstm", 8, 5), Select(-1)),
    "two-way lstm": chain(TOKENS, Recurrent("lstm", 8, 5, 2, True)),
    "gru without biases": chain(TOKENS, Recurrent("gru", 8, 5, 2, bias=False)),
    "gru": chain(TOKENS, Recurrent("gru", 8, 5, 2)),
    "two-way gru": chain(TOKENS, Recurrent("gru", 8, 3, 1, True)),
    "gates and sums": (
        *chain(SERIES, Conv1d(4, 4, 3), Activation("silu")),
        Layer("pool", GlobalAveragePool(), ("layer1",)),
        Layer("gate", Linear(4, 4), ("pool",)),
        Layer("gated", Multiply(), ("layer1", "gate")),
        Layer("sum", Add(), ("gated", "input", "layer0")),
        Layer("joined", Concat(1), ("sum", "gated")),
    ),
}
IDENTIFIERS = {
    "tied embedding": slice(0, 5),
    "runs of identifiers": slice(0, 5),
    "recommender": slice(2, 4),
}
"""Columns of the inputs that hold identifiers; some above the rows of their table."""


def ops_covered() -> set[type]:
    """The operations that some network of `NETWORKS` holds."""
    return {type(layer.op) for layers in NETWORKS.values() for layer in layers}


EVERY_OP = set(get_args(Op)) - {Opaque}
