import numpy as np
import pytest

from nas.errors import LayerError
from search_spaces.dscnn import SPACE
from search_spaces.graph import graph_key
from search_spaces.layers import layer_shapes, mac_count, parameter_count

SMALLEST = SPACE.choose(lambda name, values: values[0])


def test_the_size_by_hand():
    # Stems, the early half, no late half or one of 3 depths * 4 widths * 3 kernels, and the rest.
    assert SPACE.size() == (3 * 3 * 2) * (3 * 4 * 3) * (1 + 3 * 4 * 3) * 2 * 2 == 95_904


def test_the_smallest_network_of_a_series_by_hand():
    # 12 channels of 29 steps: stem 12 -> 16 of 3, one block 16 -> 16, ten outputs.
    layers = SPACE.layers(SMALLEST, (12, 29), 10)
    assert parameter_count(layers) == (12 * 16 * 3 + 32) + (16 * 3 + 32) + (16 * 16 + 32) + 170
    assert mac_count(layers) == 29 * (576 + 48 + 256) + 160


def test_kernels_are_long_in_time_and_short_in_frequency():
    more = {"stem_kernel": 9, "stem_stride": 2, "late_depth": 1, "late_width": 32, "late_kernel": 5}
    layers = SPACE.layers(SMALLEST | more, (1, 40, 100), 10)
    ops = {layer.name: layer.op for layer in layers}
    assert ops["stem"].kernel == (3, 9)
    assert ops["late1_depthwise"].kernel == (3, 5)
    shapes = layer_shapes(layers)
    assert shapes["stem"] == (16, 20, 50)
    assert shapes["late1_pointwise"] == (32, 10, 25)


def test_a_block_of_the_published_small_network_by_hand():
    # Zhang et al. 2017, DS-CNN: 64 channels on 25 x 5 positions, four blocks of 3 x 3 and 1 x 1.
    more = {"stem_width": 64, "stem_stride": 2, "early_depth": 4, "early_width": 64}
    layers = SPACE.build(SMALLEST | more, (1, 10, 49), 12)
    macs = 125 * (9 * 64 + 4 * 64 * (9 + 64)) + 64 * 12
    assert mac_count(layers) == macs
    assert parameter_count(layers) == (9 * 64 + 128) + 4 * 64 * (9 + 64 + 4) + 65 * 12


def test_residual_blocks_add_where_the_shape_stays():
    more = {"early_depth": 2, "early_width": 32, "residual": True, "late_depth": 2}
    more |= {"late_width": 32, "late_kernel": 3}
    names = [layer.name for layer in SPACE.layers(SMALLEST | more, (12, 29), 10)]
    assert [name for name in names if name.endswith("_sum")] == ["early2_sum", "late2_sum"]


@pytest.mark.parametrize(
    "input_shape", [(12, 29), (1, 40, 100), (1, 8, 8), (1, 28, 28), (3, 1), (1, 1, 1)]
)
def test_every_input_shape_works(input_shape):
    rng = np.random.default_rng(1)
    for _ in range(20):
        *_, last = layer_shapes(SPACE.layers(SPACE.sample(rng), input_shape, 7)).values()
        assert last == (7,)


def test_what_is_neither_series_nor_image_is_refused():
    with pytest.raises(LayerError, match=r"dscnn: input shape \(64,\)"):
        SPACE.layers(SMALLEST, (64,), 10)


def test_architectures_that_differ_are_networks_that_differ():
    # Here a block keeps its shape, so that a sum makes a difference.
    here = SMALLEST | {"early_depth": 2, "late_depth": 1, "late_width": 32, "late_kernel": 3}
    near = SPACE.neighbours(here)
    keys = {graph_key(SPACE.layers(other, (12, 29), 10)) for other in near}
    assert len(keys) == len(near)
    assert graph_key(SPACE.layers(here, (12, 29), 10)) not in keys
