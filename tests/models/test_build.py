import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import LayerError
from nas.models.build import build
from search_spaces import space
from search_spaces.graph import simplify
from search_spaces.layers import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Layer,
    Linear,
    Multiply,
    layer_shapes,
    mac_count,
    parameter_count,
)
from search_spaces.ops import Concat

MBCONV = space("mbconv")
GRAPH = (
    Layer("image", Input((2, 4, 4))),
    Layer("one", Conv2d(2, 2, 3), ("image",), weights="both"),
    Layer("norm", BatchNorm(2), ("one",)),
    Layer("two", Conv2d(2, 2, 3), ("norm",), weights="both"),
    Layer("sum", Add(), ("one", "two", "two")),
    Layer("pool", GlobalAveragePool(), ("sum",)),
    Layer("gate", Activation("sigmoid"), ("pool",)),
    Layer("gated", Multiply(), ("sum", "gate")),
    Layer("mean", GlobalAveragePool(), ("gated",)),
    Layer("classes", Linear(2, 3), ("mean",)),
)


def test_torch_counts_the_parameters_and_multiplications_that_the_layers_count():
    rng = np.random.default_rng(0)
    for index in range(200):
        shape = ((1, 8, 8), (3, 9, 7))[index % 2]
        layers = MBCONV.layers(MBCONV.sample(rng), shape, 10)
        module = build(layers, seed=0).eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            result = module(torch.zeros(1, *shape))
        assert result.shape == (1, 10)
        assert counter.get_total_flops() == 2 * mac_count(layers)
        assert sum(p.numel() for p in module.parameters()) == parameter_count(layers)


def test_a_graph_with_shared_weights_by_hand():
    module = build(GRAPH, seed=0).eval()
    assert sorted(module.state_dict()) == [
        "both.weight",
        "classes.bias",
        "classes.weight",
        "norm.bias",
        "norm.num_batches_tracked",
        "norm.running_mean",
        "norm.running_var",
        "norm.weight",
    ]
    x = torch.randn(5, 2, 4, 4)
    state = module.state_dict()
    one = torch.nn.functional.conv2d(x, state["both.weight"], padding=1)
    two = torch.nn.functional.conv2d(one / (1 + 1e-5) ** 0.5, state["both.weight"], padding=1)
    total = one + 2 * two
    gated = total * total.mean((2, 3), keepdim=True).sigmoid()
    expected = gated.mean((2, 3)) @ state["classes.weight"].T + state["classes.bias"]
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize(
    "function", ["relu", "relu6", "hardswish", "silu", "hardsigmoid", "sigmoid"]
)
def test_every_activation_runs(function):
    layers = (Layer("in", Input((3,))), Layer("out", Activation(function), ("in",)))
    x = torch.tensor([[-4.0, 0.5, 8.0]])
    by_hand = {
        "relu": x.clamp(min=0),
        "relu6": x.clamp(0, 6),
        "hardswish": x * (x + 3).clamp(0, 6) / 6,
        "silu": x / (1 + (-x).exp()),
        "hardsigmoid": (x + 3).clamp(0, 6) / 6,
        "sigmoid": 1 / (1 + (-x).exp()),
    }
    torch.testing.assert_close(build(layers)(x), by_hand[function])


def test_a_seed_gives_the_same_parameters_and_leaves_the_global_state_alone():
    layers = MBCONV.layers(MBCONV.sample(np.random.default_rng(1)), (1, 8, 8), 10)
    before = torch.get_rng_state()
    one, same, other = (build(layers, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["stem.weight"], other["stem.weight"])
    torch.manual_seed(5)
    free = build(layers).state_dict()
    torch.manual_seed(5)
    assert torch.equal(build(layers).state_dict()["stem.weight"], free["stem.weight"])


def test_outputs_start_at_a_moderate_scale():
    rng = np.random.default_rng(2)
    for seed in range(10):
        layers = MBCONV.layers(MBCONV.sample(rng), (1, 8, 8), 10)
        outputs = build(layers, seed=seed)(torch.randn(64, 1, 8, 8))
        assert 0.1 < outputs.std().item() < 10


def test_what_joins_waves_starts_within_one_over_the_root_of_its_fan_in():
    layers = (
        Layer("angles", Input((16,))),
        Layer("sin", Activation("sin"), ("angles",)),
        Layer("cos", Activation("cos"), ("angles",)),
        Layer("waves", Concat(), ("sin", "cos")),
        Layer("joined", Linear(32, 400), ("waves",)),
        Layer("next", Linear(400, 1), ("joined",)),
    )
    joined, following = (build(layers, seed=0).get_submodule(name) for name in ("joined", "next"))
    for parameter in joined.parameters():
        assert parameter.abs().max() <= 32**-0.5
        assert parameter.std().item() == pytest.approx(96**-0.5, rel=0.1)  # of a uniform: b / 3^0.5
    assert not following.get_parameter("bias").any()


def test_every_parameter_gets_a_gradient():
    layers = MBCONV.layers(MBCONV.sample(np.random.default_rng(3)), (1, 8, 8), 10)
    module = build(layers, seed=0)
    module(torch.randn(8, 1, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_the_module_exports():
    module = build(GRAPH, seed=0).eval()
    x = torch.randn(2, 2, 4, 4)
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), module(x))


OPS = (Conv2d(2, 2, 3), BatchNorm(2), Activation("relu"), Activation("sigmoid"), Add())


@given(st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 99), st.integers(0, 99))))
@settings(deadline=None, max_examples=50)
def test_a_simplified_network_computes_the_same(picks):
    layers = [Layer("image", Input((2, 4, 4)))]
    for index, (op, first, second) in enumerate(picks):
        names = [layers[position % len(layers)].name for position in (first, second)]
        count = 1 + first % 2 if isinstance(op, Add) else 1
        layers.append(Layer(f"layer{index}", op, tuple(names[:count])))
    simple = simplify(layers)
    assert layer_shapes(simple)
    whole, less = build(layers, seed=0).eval(), build(simple, seed=1).eval()
    state = whole.state_dict()
    less.load_state_dict({key: state[key] for key in less.state_dict()})
    x = torch.randn(2, 2, 4, 4)
    torch.testing.assert_close(less(x), whole(x))


def test_a_name_that_torch_keeps_is_refused():
    layers = (Layer("image", Input((1, 4, 4))), Layer("train", Conv2d(1, 1, 3), ("image",)))
    with pytest.raises(LayerError, match="'train'"):
        build(layers)
