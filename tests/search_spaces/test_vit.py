import numpy as np
import pytest

from nas.errors import LayerError
from search_spaces.graph import graph_key
from search_spaces.layers import layer_shapes, mac_count, parameter_count
from search_spaces.vit import SPACE

SMALLEST = SPACE.choose(lambda name, values: values[0])


def test_the_size_by_hand():
    # Stems, grids, widths, depths, heads and ratios of two halves, activations, what is read.
    assert SPACE.size() == 2 * 3 * 4 * 4 * (3 * 3) * (3 * 3) * 2 * 2 == 31_104


def test_every_width_divides_among_the_heads():
    values = {choice.name: choice.values for choice in SPACE.choices}
    heads = {*values["early_heads"], *values["late_heads"]}
    assert all(width % count == 0 for width in values["width"] for count in heads)


# torchvision 0.28's tables of its models: parameters exact, 17.56 and 61.55 x 10^9
# multiply-accumulates. DeiT-tiny: Touvron et al. 2021, arXiv:2012.12877, say 5.7 M and 1.3 x 10^9.
@pytest.mark.parametrize(
    ("width", "depth", "heads", "parameters", "gmacs"),
    [
        (768, 12, 12, 86_567_656, 17.56),
        (1024, 24, 16, 304_326_632, 61.55),
        (192, 12, 3, 5_717_416, 1.25),
    ],
)
def test_the_published_networks_are_points_of_the_construction(
    width, depth, heads, parameters, gmacs
):
    architecture = SMALLEST | {"grid": 14, "width": width, "depth": depth}
    for half in ("early", "late"):
        architecture |= {f"{half}_heads": heads, f"{half}_ratio": 4}
    layers = SPACE.build(architecture, (3, 224, 224), 1000)
    assert parameter_count(layers) == parameters
    assert round(mac_count(layers) / 1e9, 2) == gmacs


def test_the_smallest_network_by_hand():
    # 2x2 patches of 8x8 pixels are 16 tokens, and one for the class; width 32, ratio 1.
    block = 4 * (32 * 32 + 32) + 2 * (32 * 32 + 32) + 2 * 64
    patches, tokens = 4 * 32 + 32, 32 + 17 * 32
    layers = SPACE.layers(SMALLEST, (1, 8, 8), 10)
    assert parameter_count(layers) == patches + tokens + 2 * block + 64 + 330
    macs = 16 * 4 * 32 + 2 * (17 * 6 * 32 * 32 + 2 * 17 * 17 * 32) + 320
    assert mac_count(layers) == macs


def test_early_and_late_blocks_take_their_own_choices():
    more = {"depth": 3, "early_heads": 1, "late_heads": 4, "early_ratio": 1, "late_ratio": 2}
    layers = {layer.name: layer.op for layer in SPACE.layers(SMALLEST | more, (1, 8, 8), 10)}
    assert [layers[f"block{block}_attention"].heads for block in (1, 2, 3)] == [1, 1, 4]
    hidden = [layers[f"block{block}_feedforward_widen"].out_features for block in (1, 2, 3)]
    assert hidden == [32, 32, 64]


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (1, 28, 28), (3, 33, 20), (3, 1, 1)])
def test_every_input_shape_works(input_shape):
    rng = np.random.default_rng(1)
    for _ in range(20):
        *_, last = layer_shapes(SPACE.layers(SPACE.sample(rng), input_shape, 7)).values()
        assert last == (7,)


def test_a_stem_of_convolution_by_hand():
    plain, stem = (
        SPACE.layers(SMALLEST | {"stem": stem}, (1, 8, 8), 10) for stem in ("patches", "conv3")
    )
    # 1 -> 16 channels before the patches, which then take 16 instead of 1.
    more = 9 * 16 + 32 + 15 * 4 * 32
    assert parameter_count(stem) - parameter_count(plain) == more


def test_patches_are_as_many_as_the_grid_says_or_more():
    for grid in (4, 7, 14):
        layers = SPACE.layers(SMALLEST | {"grid": grid}, (1, 28, 28), 10)
        assert layer_shapes(layers)["tokens"] == (grid * grid, 32)
    # 8 pixels cannot be 7 patches of one size: they are 8 of one pixel.
    layers = SPACE.layers(SMALLEST | {"grid": 7}, (1, 8, 8), 10)
    assert layer_shapes(layers)["tokens"] == (64, 32)


def test_what_is_no_image_is_refused():
    with pytest.raises(LayerError, match=r"input shape \(12, 29\) is not an image"):
        SPACE.layers(SMALLEST, (12, 29), 10)


def test_architectures_that_differ_are_networks_that_differ():
    keys = {graph_key(SPACE.layers(near, (1, 28, 28), 10)) for near in SPACE.neighbours(SMALLEST)}
    assert len(keys) == len(SPACE.neighbours(SMALLEST))
    assert graph_key(SPACE.layers(SMALLEST, (1, 28, 28), 10)) not in keys
