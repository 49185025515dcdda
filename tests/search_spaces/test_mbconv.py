import numpy as np
import pytest

from nas.errors import LayerError
from search_spaces.graph import graph_key
from search_spaces.layers import layer_shapes, mac_count, parameter_count
from search_spaces.mbconv import SPACE

SMALLEST = SPACE.choose(lambda name, values: values[0])


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    architectures = [SPACE.sample(rng) for _ in range(600)]
    return [SPACE.layers(architecture, (1, 8, 8), 10) for architecture in architectures]


def test_the_size_by_hand():
    # Stem 3 * 2 * 2; a stage: depths * 4 widths * (ds + 3 expansions) * 2 kernels * 2 squeezes.
    stages = [depths * 4 * (1 + 3) * 2 * 2 for depths in (3, 3, 4)]
    assert SPACE.size() == 12 * stages[0] * stages[1] * stages[2]
    assert SPACE.size() >= 100_000


def test_the_smallest_network_by_hand():
    # Weights and batch norms: stem 8*9+16; a block of C -> W: C*9+2*C + C*W+2*W; classifier 330.
    stem = 8 * 9 + 16
    blocks = sum(c * 9 + 2 * c + c * w + 2 * w for c, w in ((8, 8), (8, 16), (16, 32)))
    assert parameter_count(SPACE.layers(SMALLEST, (1, 8, 8), 10)) == stem + blocks + 330
    # Maps: 8x8 in stem and stage 1, 4x4 after it, 2x2 at the end.
    macs = 64 * 72 + 64 * (72 + 64) + 16 * (72 + 128) + 4 * (144 + 512) + 320
    assert mac_count(SPACE.layers(SMALLEST, (1, 8, 8), 10)) == macs


def test_an_inverted_residual_with_squeeze_by_hand():
    architecture = SMALLEST | {
        "stage1_block": "mb",
        "stage1_expansion": 2,
        "stage1_squeeze": 0.25,
    }
    layers = SPACE.layers(architecture, (1, 8, 8), 10)
    names = [layer.name for layer in layers if layer.name.startswith("stage1_block1")]
    assert names == [
        f"stage1_block1_{part}"
        for part in (
            "expand",
            "expand_norm",
            "expand_act",
            "depthwise",
            "depthwise_norm",
            "depthwise_act",
            "squeeze_pool",
            "squeeze_reduce",
            "squeeze_relu",
            "squeeze_widen",
            "squeeze_gate",
            "squeeze_scale",
            "project",
            "project_norm",
            "sum",
        )
    ]
    # 8 -> 16 wide, squeezed to 8 / 4 = 2, back to 8.
    block = (8 * 16 + 32) + (16 * 9 + 32) + (16 * 2 + 2 + 2 * 16 + 16) + (16 * 8 + 16)
    plain = 8 * 9 + 16 + 8 * 8 + 16
    small = parameter_count(SPACE.layers(SMALLEST, (1, 8, 8), 10))
    assert parameter_count(layers) == small - plain + block


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 1, 1)])
def test_every_input_shape_works(input_shape):
    rng = np.random.default_rng(1)
    for _ in range(20):
        layers = SPACE.layers(SPACE.sample(rng), input_shape, 7)
        *_, last = layer_shapes(layers).values()
        assert last == (7,)


def test_what_is_no_image_is_refused():
    with pytest.raises(LayerError, match=r"input shape \(64,\) is not an image"):
        SPACE.layers(SMALLEST, (64,), 10)


def test_samples_spread_from_tiny_to_what_no_microcontroller_stores(samples):
    parameters = np.array([parameter_count(layers) for layers in samples])
    macs = np.array([mac_count(layers) for layers in samples])
    assert (parameters < 1e5).mean() > 0.28
    assert (parameters < 5e5).mean() > 0.6
    assert 0.06 < (parameters > 2e6).mean() < 0.15
    assert macs.max() / macs.min() > 30


def test_architectures_that_differ_are_networks_that_differ(samples):
    assert len({graph_key(layers) for layers in samples}) == len(samples)
