import numpy as np
import pytest

from nas.errors import LayerError
from search_spaces.graph import graph_key
from search_spaces.layers import layer_shapes, mac_count, parameter_count
from search_spaces.resnet import SPACE

SMALLEST = SPACE.choose(lambda name, values: values[0])


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return [SPACE.layers(SPACE.sample(rng), (1, 8, 8), 10) for _ in range(300)]


def test_the_size_by_hand():
    # Stems, basic or 2 groupings, activations, widths, squeezes, depths of four stages.
    assert SPACE.size() == 3 * (1 + 2) * 2 * 5 * 2 * (3 * 3 * 4 * 3) == 19_440


# Parameters and 10^9 multiply-accumulates in torchvision 0.28's tables of its models, the latter
# rounded there to two digits; 224 x 224 pixels, 1000 classes.
@pytest.mark.parametrize(
    ("block", "depths", "parameters", "gmacs"),
    [
        ("basic", (2, 2, 2, 2), 11_689_512, 1.81),
        ("basic", (3, 4, 6, 3), 21_797_672, 3.66),
        ("bottleneck", (3, 4, 6, 3), 25_557_032, 4.09),
        ("bottleneck", (3, 4, 23, 3), 44_549_160, 7.80),
    ],
)
def test_the_published_networks_are_points_of_the_construction(block, depths, parameters, gmacs):
    architecture = SMALLEST | {"stem": "conv7_pool", "block": block, "groups": 1, "width": 64}
    architecture |= {f"stage{stage}_depth": depth for stage, depth in enumerate(depths, 1)}
    layers = SPACE.build(architecture, (3, 224, 224), 1000)
    assert parameter_count(layers) == parameters
    assert round(mac_count(layers) / 1e9, 2) == gmacs


def test_the_smallest_network_by_hand():
    # A block of C -> W: 9 C W + 9 W W and two norms, and where it strides a shortcut of C W + 2 W.
    stem = 9 * 8 + 16
    blocks = sum(
        9 * c * w + 9 * w * w + 4 * w + (c * w + 2 * w) * (c != w)
        for c, w in ((8, 8), (8, 16), (16, 32))
    )
    assert parameter_count(SPACE.layers(SMALLEST, (1, 8, 8), 10)) == stem + blocks + 330


def test_a_grouped_bottleneck_with_squeeze_by_hand():
    more = {"block": "bottleneck", "groups": 4, "squeeze": 0.25}
    layers = SPACE.layers(SMALLEST | more, (1, 8, 8), 10)
    first = [layer for layer in layers if layer.name.startswith("stage1_block1")]
    # 8 -> 8 -> 8 in four groups -> 32, squeezed to 8, and a shortcut to 32.
    convolutions = (8 * 8 + 16) + (9 * 8 * 2 + 16) + (8 * 32 + 64)
    assert parameter_count(first) == convolutions + (32 * 8 + 8 + 8 * 32 + 32) + (8 * 32 + 64)


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 1, 1)])
def test_every_input_shape_works(input_shape):
    rng = np.random.default_rng(1)
    for _ in range(20):
        *_, last = layer_shapes(SPACE.layers(SPACE.sample(rng), input_shape, 7)).values()
        assert last == (7,)


def test_what_is_no_image_is_refused():
    with pytest.raises(LayerError, match=r"input shape \(12, 29\) is not an image"):
        SPACE.layers(SMALLEST, (12, 29), 10)


def test_samples_spread_from_microcontrollers_to_servers(samples):
    parameters = np.array([parameter_count(layers) for layers in samples])
    assert (parameters < 1e5).mean() > 0.05
    assert (parameters < 1e6).mean() > 0.6
    assert parameters.max() > 2e6


def test_architectures_that_differ_are_networks_that_differ():
    keys = {graph_key(SPACE.layers(near, (1, 8, 8), 10)) for near in SPACE.neighbours(SMALLEST)}
    assert len(keys) == len(SPACE.neighbours(SMALLEST))
    assert graph_key(SPACE.layers(SMALLEST, (1, 8, 8), 10)) not in keys
