import math

import numpy as np
import pytest

from search_spaces import layer_shapes, mac_count, parameter_count, space
from search_spaces.graph import graph_key
from search_spaces.ops import Embedding, Interaction
from search_spaces.specs import TableSpec

SPACE = space("dlrm")
CLICKS = TableSpec(3, (20, 1000, 10_000))
SMALLEST = SPACE.choose(lambda name, values: values[0])


def _layers(spec=CLICKS, **changes):
    architecture = SPACE.validate(
        SMALLEST | {"rows_share": 0.5, "combination": "product", "bottom_width": 16} | changes
    )
    return SPACE.layers(architecture, spec.input_shape, 1, spec)


def _rows(layers):
    return [layer.op.rows for layer in layers if isinstance(layer.op, Embedding)]


def test_the_size_by_hand():
    # Tables full, hashed three ways or two remainders; one bottom layer has no hidden width.
    tables = 1 + 3 + 2
    assert SPACE.size() == 5 * tables * 2 * (1 + 2 * 4) * 3 * 3 * 5


def test_the_smallest_network_by_hand():
    # Bottom 3 -> 4; 4 + 6 pairs into 16, then 1.
    parameters = 11_020 * 4 + 4 * 4 + 10 * 16 + 16 + 17
    assert parameter_count(_layers()) == parameters
    # The interaction multiplies four vectors by four.
    assert mac_count(_layers()) == 3 * 4 + 4 * 4 * 4 + 10 * 16 + 16


def test_hashing_keeps_a_share_of_the_rows_and_leaves_small_tables():
    assert _rows(_layers(table="hashed", rows_share=0.2)) == [20, 200, 2000]
    assert _rows(_layers(table="hashed", rows_share=0.05)) == [20, 64, 500]


def test_remainders_tell_every_id_from_every_other():
    rows = _rows(_layers(table="remainders"))
    assert rows == [20, 32, 33, 100, 101]
    for categories, first, second in ((1000, 32, 33), (10_000, 100, 101)):
        assert math.gcd(first, second) == 1
        assert len({(i % first, i % second) for i in range(categories)}) == categories


@pytest.mark.parametrize("table", ["full", "hashed", "remainders"])
def test_one_table_for_all_columns_has_the_rows_of_the_largest(table):
    own, one = _layers(table=table), _layers(table=table, sharing="one")
    rows = _rows(_layers(TableSpec(3, (10_000,)), table=table))
    held = {layer.weights_name: layer.op.rows for layer in one if isinstance(layer.op, Embedding)}
    assert list(held.values()) == rows
    assert parameter_count(own) - parameter_count(one) == 4 * (sum(_rows(own)) - sum(rows))


def test_interactions_by_hand():
    widths = {
        kind: layer_shapes(_layers(interaction=kind))["joined"]
        for kind in ("dot", "concat", "both")
    }
    # Four vectors of 4: the dense one and 6 dots, all four, or both.
    assert widths == {"dot": (4 + 6,), "concat": (16,), "both": (16 + 6,)}
    assert not [x for x in _layers(interaction="concat") if isinstance(x.op, Interaction)]


@pytest.mark.parametrize(
    "spec", [TableSpec(30), TableSpec(0, (7,)), TableSpec(0, (671, 9066)), TableSpec(1, (2,))]
)
def test_tables_of_any_columns_work(spec):
    rng = np.random.default_rng(0)
    for _ in range(40):
        layers = SPACE.layers(SPACE.sample(rng), spec.input_shape, 1, spec)
        *_, last = layer_shapes(layers).values()
        assert last == (1,)


def test_names_tell_embeddings_and_feed_forward():
    for layer in _layers(table="remainders", bottom_depth=3):
        kind = type(layer.op).__name__
        assert (kind == "Embedding") == ("embedding" in layer.name)
        if kind == "Linear":
            assert "feedforward" in layer.name or layer.name == "head"


def test_architectures_that_differ_are_networks_that_differ():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(200)]
    keys = {graph_key(SPACE.layers(a, CLICKS.input_shape, 1, CLICKS)) for a in drawn}
    assert len(keys) == len({tuple(architecture.items()) for architecture in drawn})
