"""A network's narrower forms: by hand, and for every space: they connect, cost less, end alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import LayerError
from nas.models.build import build
from nas.models.tasks import task
from search_spaces import mac_count, parameter_count, space
from search_spaces.layers import Conv2d, Input, Layer, Linear, layer_shapes
from search_spaces.ops import Activation, Add, BatchNorm, GlobalAveragePool
from search_spaces.shape_ops import Concat
from search_spaces.token_ops import Attention
from search_spaces.widths import width_space

RESIDUAL = (
    Layer("input", Input((3, 8, 8))),
    Layer("stem", Conv2d(3, 40, 3), ("input",)),
    Layer("norm", BatchNorm(40), ("stem",)),
    Layer("inner", Conv2d(40, 12, 1), ("norm",)),
    Layer("act", Activation("relu"), ("inner",)),
    Layer("deep", Conv2d(12, 12, 3, groups=12), ("act",)),
    Layer("outer", Conv2d(12, 40, 1), ("deep",)),
    Layer("sum", Add(), ("outer", "norm")),
    Layer("pool", GlobalAveragePool(), ("sum",)),
    Layer("head", Linear(40, 10), ("pool",)),
)


def test_what_is_added_and_what_is_depthwise_narrows_together():
    found, here = width_space(RESIDUAL)
    assert here == {"every width": 1.0, "width of stem": 40, "width of inner": 12}
    values = {choice.name: choice.values for choice in found.choices}
    assert values["width of stem"] == (8, 16, 32, 40)  # of 10, 20, 30, by eights
    assert values["width of inner"] == (3, 6, 9, 12)
    assert found.build(here) == RESIDUAL
    narrow = {layer.name: layer.op for layer in found.build(here | {"width of stem": 16})}
    assert narrow["stem"] == Conv2d(3, 16, 3)
    assert narrow["norm"] == BatchNorm(16)
    assert narrow["outer"] == Conv2d(12, 16, 1)
    assert narrow["head"] == Linear(16, 10)
    assert narrow["deep"] == Conv2d(12, 12, 3, groups=12)
    narrow = {layer.name: layer.op for layer in found.build(here | {"width of inner": 6})}
    assert (narrow["deep"], narrow["outer"]) == (Conv2d(6, 6, 3, groups=6), Conv2d(6, 40, 1))


PAIRS = (
    ("mbconv", "digits"), ("resnet", "fashion-mnist"), ("vit", "digits"), ("gpt", "shakespeare"),
    ("mlp", "flights"), ("dlrm", "movielens"), ("dscnn", "japanese-vowels"),
    ("nasbench201_small", "digits"),
)  # fmt: skip


@pytest.mark.parametrize("names", PAIRS, ids="/".join)
@given(seed=st.integers(0, 10**6))
def test_every_narrower_form_connects_and_costs_less(names, seed):
    chosen, facts = space(names[0]), task(names[1])
    architecture = chosen.sample(np.random.default_rng(seed))
    layers = chosen.layers(architecture, facts.input_shape, facts.outputs, facts.spec)
    try:
        found, here = width_space(layers)
    except LayerError:
        return
    assert found.build(here) == layers
    shape = list(layer_shapes(layers).values())[-1]
    for near in found.neighbours(here)[:12]:
        narrow = found.build(near)
        assert list(layer_shapes(narrow).values())[-1] == shape
        assert parameter_count(narrow) < parameter_count(layers)
        assert mac_count(narrow) < mac_count(layers)


def test_a_narrower_network_is_built_by_torch():
    chosen, facts = space("mbconv"), task("digits")
    layers = chosen.layers(chosen.sample(np.random.default_rng(3)), facts.input_shape, 10)
    found, here = width_space(layers)
    narrow = found.build(here | {"every width": 0.5})
    assert sum(p.numel() for p in build(narrow).parameters()) == parameter_count(narrow)


def test_widths_that_other_operators_see_stay():
    parts = (
        Layer("input", Input((4, 16))),
        Layer("q", Linear(16, 16), ("input",)),
        Layer("k", Linear(16, 16), ("input",)),
        Layer("v", Linear(16, 16), ("input",)),
        Layer("attention", Attention(4, 4, 4), ("q", "k", "v")),
        Layer("head", Linear(16, 3), ("attention",)),
    )
    with pytest.raises(LayerError, match="no width of this network can change alone"):
        width_space(parts)
    joined = (
        *RESIDUAL[:2],
        Layer("both", Concat(), ("stem", "stem")),
        Layer("pool", GlobalAveragePool(), ("both",)),
        Layer("head", Linear(80, 10), ("pool",)),
    )
    with pytest.raises(LayerError, match="no width"):
        width_space(joined)


def test_layers_of_shared_weights_stay():
    tied = (
        Layer("input", Input((12,))),
        Layer("first", Linear(12, 12), ("input",)),
        Layer("again", Linear(12, 12), ("first",), "first"),
        Layer("free", Linear(12, 20), ("again",)),
        Layer("head", Linear(20, 2), ("free",)),
    )
    _, here = width_space(tied)
    assert here == {"every width": 1.0, "width of free": 20}
