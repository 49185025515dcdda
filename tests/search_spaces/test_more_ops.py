"""Operations on series, tokens, tables and shapes: by hand, spelled, keyed, and refused."""

import json

import pytest
from op_cases import EVERY_OP, NETWORKS, chain, ops_covered

from nas.errors import LayerError
from search_spaces.graph import graph_key, simplify
from search_spaces.layers import Layer, layer_shapes, layers_from_json, layers_to_json
from search_spaces.ops import (
    Activation,
    Attention,
    BatchNorm,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    Embedding,
    Flatten,
    Grams,
    Input,
    Interaction,
    LayerNorm,
    Linear,
    MemberMean,
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

UNKNOWN = chain((3,), Opaque("aten.fft_rfft n=4", (2, 2), 5))


@pytest.mark.parametrize("layers", [*NETWORKS.values(), UNKNOWN], ids=[*NETWORKS, "unknown"])
def test_json_gives_back_the_layers(layers):
    assert layers_from_json(json.loads(json.dumps(layers_to_json(layers)))) == layers


def test_every_operation_has_a_case():
    assert ops_covered() == EVERY_OP


def test_keys_tell_all_networks_apart_and_forget_their_names():
    keys = {name: graph_key(layers) for name, layers in NETWORKS.items()}
    assert len(set(keys.values())) == len(NETWORKS)
    for name, layers in NETWORKS.items():
        renamed = [
            Layer(
                f"x_{layer.name}",
                layer.op,
                tuple(f"x_{source}" for source in layer.inputs),
                f"x_{layer.weights_name}",
            )
            for layer in layers
        ]
        assert graph_key(renamed) == keys[name]


def test_the_order_of_inputs_counts_where_it_matters():
    def swapped(op, shape):
        ends = []
        for order in (("one", "two"), ("two", "one")):
            one = Layer("one", Activation("relu"), ("input",))
            two = Layer("two", Activation("tanh"), ("input",))
            layers = (Layer("input", Input(shape)), one, two, Layer("end", op, order))
            ends.append(graph_key(layers))
        return ends[0] != ends[1]

    assert swapped(Concat(), (4,))
    assert swapped(Interaction(), (4,))


def test_fields_that_came_later_are_spelled_only_where_they_are_used():
    rows = layers_to_json(chain((3, 8, 8), Conv2d(3, 8, 3), Conv2d(8, 8, 3, padding=0)))
    assert sorted(rows[1]["arguments"]) == [
        "bias",
        "groups",
        "in_channels",
        "kernel",
        "out_channels",
        "stride",
    ]
    assert rows[2]["arguments"]["padding"] == 0
    assert "dilation" not in rows[2]["arguments"]


def test_one_meaning_has_one_spelling():
    assert Conv2d(3, 8, (3, 3), (2, 2), padding=(1, 1)) == Conv2d(3, 8, 3, 2)
    assert Conv2d(3, 8, (5, 3), padding=(2, 1)) == Conv2d(3, 8, (5, 3))
    assert Conv1d(3, 8, 5, padding=2) == Conv1d(3, 8, 5)
    assert Pool("max", (2, 2), (2, 2), (0, 0)) == Pool("max", 2, 2)
    assert Conv2d(3, 8, 2, padding=1).padding == 1


def test_identities_of_shape_go():
    layers = chain((2, 3), Slice(0, 2), Reshape((2, 3)), Concat(), Flatten(), Flatten())
    assert [layer.name for layer in simplify(layers)] == ["input", "layer3"]


@pytest.mark.parametrize(
    ("op", "inputs", "output", "parameters", "macs"),
    [
        # 10 x 4 window on 49 x 10, strides 2 x 1, padding 5 x 1: 25 x 9 positions of 64 * 40.
        (Conv2d(1, 64, (10, 4), (2, 1), padding=(5, 1)), [(1, 49, 10)], (64, 25, 9), 2560, 576000),
        (Conv2d(3, 8, 4, 4, bias=True, padding=0), [(3, 8, 8)], (8, 2, 2), 392, 4 * 384),
        (Conv2d(2, 2, 3, padding=0, dilation=2), [(2, 7, 6)], (2, 3, 2), 36, 6 * 36),
        (Conv1d(4, 6, 5, 2, bias=True), [(4, 9)], (6, 5), 126, 600),
        (Conv1d(4, 4, 3, groups=4, padding=0), [(4, 9)], (4, 7), 12, 84),
        (Linear(8, 5), [(6, 8)], (6, 5), 45, 240),
        (BatchNorm(4), [(4, 9)], (4, 9), 8, 0),
        (BatchNorm(4), [(4,)], (4,), 8, 0),
        (LayerNorm(8), [(6, 8)], (6, 8), 16, 0),
        (RMSNorm(8), [(8,)], (8,), 8, 0),
        (Attention(4, 2, 8), [(6, 32), (3, 16), (3, 16)], (6, 32), 0, 2 * 4 * 6 * 3 * 8),
        (Embedding(100, 8), [(6,)], (6, 8), 800, 0),
        (Grams(3, 69, 4096), [(6,)], (6,), 0, 0),
        (Positions(10, 8), [(6, 8)], (6, 8), 80, 0),
        (ClassToken(8), [(6, 8)], (7, 8), 8, 0),
        (TokenMean(), [(6, 8)], (8,), 0, 0),
        (MemberMean(), [(8,)] * 4, (8,), 0, 0),
        (Interaction(), [(8,)] * 4, (6,), 0, 4 * 4 * 8),
        (Interaction(), [(4, 8)], (6,), 0, 4 * 4 * 8),
        (Select(2), [(6, 8)], (8,), 0, 0),
        (Slice(2, 5), [(6, 8)], (3, 8), 0, 0),
        (Concat(1), [(6, 8), (6, 2)], (6, 10), 0, 0),
        (Flatten(), [(3, 2, 2)], (12,), 0, 0),
        (Reshape((4, 3)), [(3, 2, 2)], (4, 3), 0, 0),
        (Transpose(), [(6, 8)], (8, 6), 0, 0),
        (Tokens(), [(3, 4, 5)], (20, 3), 0, 0),
        (Zeros(), [(3, 4)], (3, 4), 0, 0),
        (Pool("max", 3, 2, 1), [(3, 7, 6)], (3, 4, 3), 0, 0),
        (Pool("average", (3, 2), (2, 1)), [(3, 7, 6)], (3, 3, 5), 0, 0),
        (Pool("average", 2, 2), [(3, 7)], (3, 3), 0, 0),
        (Opaque("fft", (2, 2), 5), [(3,), (4,)], (2, 2), 5, 0),
    ],
)
def test_an_operation_by_hand(op, inputs, output, parameters, macs):
    assert op.output_shape(*inputs) == output
    assert (op.parameters(), op.macs(*inputs)) == (parameters, macs)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv2d(3, 8, (3, 3, 3)), "kernel=(3, 3, 3) is no pair"),
        (lambda: Conv2d(3, 8, (3, 4)), "kernel=4 is even"),
        (lambda: Conv2d(3, 8, 3, padding=-1), "padding=-1"),
        (lambda: Conv2d(3, 8, 3, dilation=0), "dilation=0"),
        (lambda: Conv1d(3, 8, 4), "give its padding"),
        (lambda: Conv1d(3, 8, 3, groups=2), "groups=2 does not divide"),
        (lambda: Pool("min", 3), "'min' is not one of"),
        (lambda: Pool("max", 3, 1, 2), "more than half the kernel"),
        (lambda: Attention(4, 3, 8), "kv_heads=3 does not divide heads=4"),
        (lambda: Attention(4, 4, 8, causal=1), "causal=1"),
        (lambda: Embedding(0, 8), "rows=0"),
        (lambda: Recurrent("rnn", 8, 8), "'rnn' is not one of"),
        (lambda: Recurrent("gru", 8, 8, 0), "layers=0"),
        (lambda: Select(1.5), "index=1.5"),
        (lambda: Slice(3, 3), "stop=3"),
        (lambda: Reshape([3]), "shape=[3]"),
        (lambda: Concat(-1), "axis=-1"),
        (lambda: Opaque("", (3,)), "operator=''"),
        (lambda: Opaque("If", (3,), inner=1), "inner=1"),
    ],
)
def test_an_impossible_operation_is_refused(make, says):
    with pytest.raises(LayerError) as caught:
        make()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        (Conv2d(3, 8, 5, padding=0), [(3, 4, 8)]),
        (Conv1d(3, 8, 3), [(3, 8, 8)]),
        (Conv1d(3, 8, 5, padding=0), [(3, 4)]),
        (Linear(8, 5), [(3, 2, 8)]),
        (BatchNorm(4), [(5, 4)]),
        (LayerNorm(8), [(8, 6)]),
        (RMSNorm(8), [(3, 2, 8)]),
        (Attention(4, 2, 8), [(6, 32), (6, 32), (6, 32)]),
        (Attention(4, 2, 8), [(6, 32), (6, 16), (5, 16)]),
        (Attention(2, 2, 8, causal=True), [(6, 16), (5, 16), (5, 16)]),
        (Embedding(9, 8), [(6, 1)]),
        (Positions(5, 8), [(6, 8)]),
        (ClassToken(8), [(8,)]),
        (TokenMean(), [(3, 4, 5)]),
        (MemberMean(), []),
        (MemberMean(), [(8,), (7,)]),
        (MemberMean(), [(4, 8)]),
        (Interaction(), [(8,)]),
        (Interaction(), [(8,), (7,)]),
        (Recurrent("gru", 8, 5), [(6, 7)]),
        (Select(6), [(6, 8)]),
        (Select(-7), [(6, 8)]),
        (Slice(0, 7), [(6, 8)]),
        (Concat(), []),
        (Concat(1), [(6,), (6,)]),
        (Concat(1), [(6, 8), (5, 8)]),
        (Reshape((5,)), [(6,)]),
        (Transpose(), [(6,)]),
        (Tokens(), [(6, 8)]),
        (Pool("max", 3), [(3, 2, 8)]),
        (Pool("max", (3, 2)), [(3, 8)]),
        (Opaque("fft", (2,)), []),
    ],
)
def test_shapes_that_do_not_fit_are_refused(op, inputs):
    with pytest.raises(LayerError, match=f"^{type(op).__name__}: got"):
        op.output_shape(*inputs)


def test_only_tables_of_one_shape_are_shared():
    def tied(linear):
        return (
            Layer("input", Input((5,))),
            Layer("tokens", Embedding(11, 8), ("input",)),
            Layer("unembed", linear, ("tokens",), "tokens"),
        )

    assert layer_shapes(tied(Linear(8, 11, bias=False)))["unembed"] == (5, 11)
    for linear in (Linear(8, 11), Linear(8, 12, bias=False)):
        with pytest.raises(LayerError, match="make the ops equal"):
            layer_shapes(tied(linear))
