"""The published cells: order, strings, sizes and how many differ."""

import csv
import gzip
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from nas.errors import LayerError, SpaceError
from search_spaces.graph import graph_key
from search_spaces.layers import layer_shapes, mac_count, parameter_count
from search_spaces.nasbench201 import (
    OPERATIONS,
    SPACE,
    architecture_at,
    cell_string,
    from_cell_string,
    index_of,
    published_form,
    published_layers,
    skeleton,
)

DATA = Path(os.environ.get("CARBON_NAS_DATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = DATA / "nb201" / "nb201_dev.csv.gz"
CIFAR10 = ((3, 32, 32), 10)
EVERY = range(15_625)


@pytest.fixture(scope="module")
def table():
    if not TABLE.exists():
        pytest.skip(f"no {TABLE}: give its folder in CARBON_NAS_DATA")
    with gzip.open(TABLE, "rt") as lines:
        return list(csv.DictReader(lines))


def _uniform(operation):
    return {choice.name: operation for choice in SPACE.choices}


def test_the_size_is_the_published_one():
    assert SPACE.size() == 15_625


# Three cells that the authors' own program asserts after its shuffle (D-X-Y/AutoDL-Projects,
# exps/NAS-Bench-201).
@pytest.mark.parametrize(
    ("index", "text"),
    [
        (
            0,
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
            "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        ),
        (9, "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"),
        (
            123,
            "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|"
            "+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",
        ),
    ],
)
def test_the_order_is_the_published_one(index, text):
    assert cell_string(architecture_at(index)) == text
    assert index_of(from_cell_string(text)) == index


def test_every_cell_of_the_table_stands_at_its_index(table):
    assert [int(row["arch_idx"]) for row in table] == list(EVERY)
    for index in EVERY:
        codes = [OPERATIONS.index(value) for value in architecture_at(index).values()]
        assert codes == [int(table[index][f"e{edge}"]) for edge in range(6)]


def test_the_published_forms_are_6466_and_group_the_cells_as_the_table_does(table):
    forms = [published_form(architecture_at(index)) for index in EVERY]
    assert len(set(forms)) == 6_466
    first: dict[str, int] = {}
    for index, form in enumerate(forms):
        assert first.setdefault(form, index) == int(table[index]["rep_arch_idx"])


def test_strings_and_indices_go_there_and_back():
    for index in range(0, 15_625, 97):
        architecture = architecture_at(index)
        assert index_of(architecture) == index
        assert from_cell_string(cell_string(architecture)) == architecture


# Smallest and largest parameters and FLOPs in the published tables, as several users print them
# from its interface, such as MO-HPOBenchExperimentUtils (parameters of the last two by hand). Its
# FLOPs are our MACs plus one for each output, the bias of the last layer.
@pytest.mark.parametrize(
    ("data", "operation", "parameters", "flops"),
    [
        (CIFAR10, "none", 73_306, 7_783_050),
        (CIFAR10, "nor_conv_3x3", 1_531_546, 220_119_690),
        (((3, 32, 32), 100), "skip_connect", 79_156, 7_788_900),
        (((3, 32, 32), 100), "nor_conv_3x3", 1_537_396, 220_125_540),
        (((3, 16, 16), 120), "avg_pool_3x3", 80_456, 1_953_400),
        (((3, 16, 16), 120), "nor_conv_3x3", 1_538_696, 55_037_560),
    ],
)
def test_extremes_are_the_published_ones(data, operation, parameters, flops):
    layers = SPACE.layers(_uniform(operation), *data)
    assert parameter_count(layers) == parameters
    assert mac_count(layers) + data[1] == flops


def test_convolutions_that_lead_somewhere_are_all_counted_and_others_are_not():
    # A convolution of k x k has k^2 C^2 weights and 2 C of its norm: over five cells and widths
    # of 16, 32, 64 it has 5 * (5376 k^2 + 224) parameters.
    each = {"nor_conv_1x1": 5 * (5376 + 224), "nor_conv_3x3": 5 * (5376 * 9 + 224)}
    alive = (
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
    )
    expected = 73_306 + 2 * each["nor_conv_3x3"] + each["nor_conv_1x1"]
    assert parameter_count(SPACE.layers(from_cell_string(alive), *CIFAR10)) == expected
    # Node 1 leads nowhere, node 2 gets nothing: of four convolutions one is alive.
    dead = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"
    layers = SPACE.layers(from_cell_string(dead), *CIFAR10)
    assert parameter_count(layers) == 73_306 + each["nor_conv_1x1"]
    alone = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    assert graph_key(layers) == graph_key(SPACE.layers(from_cell_string(alone), *CIFAR10))


def test_the_published_form_calls_one_convolution_and_two_the_same():
    once = from_cell_string(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    twice = from_cell_string(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    assert published_form(once) == published_form(twice)
    fewer, more = (parameter_count(SPACE.layers(cell, *CIFAR10)) for cell in (once, twice))
    assert more - fewer == 5 * (5376 * 9 + 224)


def test_the_published_form_tells_a_convolution_from_itself_by_where_it_stands():
    by_node_1 = from_cell_string("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|")
    by_node_2 = from_cell_string("|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_1x1~2|")
    assert published_form(by_node_1) != published_form(by_node_2)
    one, other = (graph_key(SPACE.layers(cell, *CIFAR10)) for cell in (by_node_1, by_node_2))
    assert one == other


@pytest.mark.slow
def test_the_cells_are_5260_networks():
    small = skeleton("small", channels=1, cells=1)
    cells: dict[str, list[dict]] = defaultdict(list)
    for index in EVERY:
        architecture = architecture_at(index)
        cells[graph_key(small.layers(architecture, (1, 4, 4), 2))].append(architecture)
    assert len(cells) == 5_260
    # Of the cells whose output is zero there are 460, all one network.
    assert max(map(len, cells.values())) == 460


def test_a_cell_that_gives_zero_is_a_network_all_the_same():
    nothing = SPACE.layers(_uniform("none"), *CIFAR10)
    apart = from_cell_string("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|avg_pool_3x3~2|")
    assert graph_key(SPACE.layers(apart, *CIFAR10)) == graph_key(nothing)


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (1, 28, 28), (3, 15, 9), (3, 1, 1)])
def test_every_input_shape_works(input_shape):
    rng = np.random.default_rng(1)
    small = skeleton("small", channels=8, cells=2)
    for _ in range(30):
        layers = small.layers(small.sample(rng), input_shape, 7)
        *_, last = layer_shapes(layers).values()
        assert last == (7,)


@pytest.mark.parametrize("index", [-1, 15_625, 1.0, True, "0"])
def test_an_index_outside_the_table_is_refused(index):
    with pytest.raises(SpaceError, match="is not a whole number from 0 to 15624"):
        architecture_at(index)


def test_a_damaged_cell_is_refused():
    with pytest.raises(SpaceError, match=r"'\|none~0\|' is no cell, write"):
        from_cell_string("|none~0|")
    with pytest.raises(SpaceError, match="edge_0_1='conv' is not one of"):
        from_cell_string("|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|")


def test_a_series_is_refused():
    with pytest.raises(LayerError, match="nasbench201"):
        SPACE.layers(_uniform("none"), (12, 29), 10)


def _counted(cell: str, *, folded: bool) -> dict[str, int]:
    layers = published_layers(from_cell_string(cell), (3, 32, 32), 100, cells=1, folded=folded)
    layer_shapes(layers)
    kinds = [type(layer.op).__name__ for layer in layers if layer.name.startswith("stage1_cell1")]
    return {kind: kinds.count(kind) for kind in ("Conv2d", "Pool", "Zeros")}


@pytest.mark.parametrize(
    ("cell", "every", "folded"),
    [
        # 0-1 leads to 3 only through none; 0-3 is the cell. Folded, only that is left.
        (
            "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
            {"Conv2d": 2, "Pool": 0, "Zeros": 4},
            {"Conv2d": 1, "Pool": 0, "Zeros": 0},
        ),
        # Node 1 is zero and 1-3 computes from it: it runs all the same, on one constant.
        (
            "|none~0|+|none~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|",
            {"Conv2d": 0, "Pool": 1, "Zeros": 4},
            {"Conv2d": 0, "Pool": 1, "Zeros": 1},
        ),
    ],
)
def test_published_layers_run_every_edge_or_what_folding_leaves(
    cell: str, every: dict[str, int], folded: dict[str, int]
) -> None:
    assert _counted(cell, folded=False) == every
    assert _counted(cell, folded=True) == folded


def test_published_layers_of_a_full_cell_are_those_of_the_space_but_for_shared_parts() -> None:
    cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|" + "|".join(
        f"nor_conv_3x3~{start}" for start in range(3)
    )
    architecture = from_cell_string(cell + "|")
    published = published_layers(architecture, (3, 32, 32), 100)
    assert mac_count(published) == mac_count(SPACE.layers(architecture, (3, 32, 32), 100))


def test_a_folded_cell_that_computes_nothing_leaves_the_head() -> None:
    nothing = from_cell_string("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    layers = published_layers(nothing, (3, 32, 32), 100, folded=True)
    assert mac_count(layers) == 64 * 100
