import numpy as np
import pytest

from search_spaces import layer_shapes, mac_count, parameter_count, space
from search_spaces.graph import graph_key
from search_spaces.specs import TableSpec

SPACE = space("mlp")
TABLE = TableSpec(3, (5, 70))
SMALLEST = SPACE.choose(lambda name, values: values[0])


def _layers(spec=TABLE, **changes):
    plain = {"form": "plain", "numeric_function": "relu"}
    architecture = SPACE.validate(SMALLEST | plain | changes)
    return SPACE.layers(architecture, spec.input_shape, 2, spec)


def test_the_size_by_hand():
    # Numbers alone, or three widths of two functions; one layer has one form, each of five greater
    # depths three; one member or four.
    assert SPACE.size() == (1 + 3 * 2) * 4 * 2 * 6 * 3 * 3 * 2 * (1 + 5 * 3)


def test_the_smallest_network_by_hand():
    # Tables of 5 and 70 rows by 4; 3 + 2 * 4 columns into 16, then 2.
    assert parameter_count(_layers()) == 75 * 4 + 11 * 16 + 16 + 16 * 2 + 2
    assert mac_count(_layers()) == 11 * 16 + 16 * 2


def test_numbers_may_be_vectors_of_their_own():
    # Three scales and offsets of 8 each, and 24 columns more.
    grown = parameter_count(_layers(numeric_embedding=8)) - parameter_count(_layers())
    assert grown == 2 * 3 * 8 + 24 * 16
    assert mac_count(_layers(numeric_embedding=8)) - mac_count(_layers()) == 24 + 24 * 16


def test_periodic_numbers_are_sines_and_cosines_joined_by_one_layer():
    # Three times 32 frequencies, 64 waves into 8 and offsets, and 24 columns more.
    layers = _layers(numeric_embedding=8, numeric_function="periodic")
    grown = parameter_count(layers) - parameter_count(_layers())
    assert grown == 3 * 32 + (64 * 8 + 8) + 24 * 16
    assert mac_count(layers) - mac_count(_layers()) == 3 * 32 + 3 * 64 * 8 + 24 * 16


def test_columns_of_more_categories_are_left_out():
    spec = TableSpec(3, (5, 1001))
    assert parameter_count(_layers(spec, largest_table=1000)) == parameter_count(
        _layers(TableSpec(3, (5,)))
    )
    alone = TableSpec(0, (1001,))
    assert _layers(alone, largest_table=1000) == _layers(alone)


def test_deeper_forms_by_hand():
    hidden = 11 * 64 + 64
    head = 2 * 64 + 2
    tables = 75 * 4
    plain = _layers(depth=3, width=64)
    assert parameter_count(plain) == tables + hidden + 2 * (64 * 64 + 64) + head
    residual = _layers(depth=3, width=64, form="residual")
    assert parameter_count(residual) == parameter_count(plain)
    assert sum(layer.name.endswith("_sum") for layer in residual) == 2
    taper = _layers(depth=3, width=64, form="taper")
    assert parameter_count(taper) == tables + hidden + 65 * 32 + 33 * 16 + 2 * 17
    # Never narrower than 8.
    assert layer_shapes(_layers(depth=6, width=16, form="taper"))["feedforward6"] == (8,)


def test_members_are_networks_of_their_own():
    members = _layers(members=4)
    assert parameter_count(members) == 4 * parameter_count(_layers())
    assert mac_count(members) == 4 * mac_count(_layers())
    assert members[-1].inputs == tuple(f"member{number}_head" for number in range(1, 5))


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_norm_has_scale_and_offset(norm):
    assert parameter_count(_layers(norm=norm)) - parameter_count(_layers()) == 2 * 16


@pytest.mark.parametrize("spec", [TableSpec(30), TableSpec(0, (7,)), TableSpec(1, (2, 2, 2))])
def test_tables_of_any_columns_work(spec):
    rng = np.random.default_rng(0)
    for _ in range(20):
        layers = SPACE.layers(SPACE.sample(rng), spec.input_shape, 1, spec)
        *_, last = layer_shapes(layers).values()
        assert last == (1,)


def test_a_table_of_numbers_needs_no_spec():
    assert SPACE.layers(SMALLEST, (30,), 2) == SPACE.layers(SMALLEST, (30,), 2, TableSpec(30))


def test_architectures_that_differ_are_networks_that_differ():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(200)]
    table = TableSpec(3, (5, 5000))
    keys = {graph_key(SPACE.layers(architecture, (5,), 2, table)) for architecture in drawn}
    assert len(keys) == len({tuple(architecture.items()) for architecture in drawn})
