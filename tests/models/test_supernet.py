"""A sub-network of shared weights is the network that would be trained alone."""

import numpy as np
import pytest
import torch

import search_spaces
from nas.errors import SpaceError
from nas.models.build import build
from nas.models.supernet import Supernet
from nas.models.tasks import task
from search_spaces.base import Choice, SearchSpace
from search_spaces.layers import Layer, mac_count, parameter_count
from search_spaces.ops import Activation, Conv2d, GlobalAveragePool, Input, Linear

CASES = {"mbconv": "digits", "vit": "digits", "gpt": "shakespeare"}


def tiny(architecture, input_shape, outputs):
    """A stem, convolutions that each channel has for itself, and a head."""
    width, kernel = architecture["width"], architecture["kernel"]
    layers = [Layer("input", Input(input_shape))]
    layers += [Layer("stem", Conv2d(input_shape[0], width, 3), ("input",))]
    for number in range(architecture["depth"]):
        before = layers[-1].name
        deep = Conv2d(width, width, kernel, groups=width, bias=True)
        layers += [Layer(f"deep{number}", deep, (before,))]
        layers += [Layer(f"act{number}", Activation("relu"), (f"deep{number}",))]
    layers += [Layer("pool", GlobalAveragePool(), (layers[-1].name,))]
    layers += [Layer("head", Linear(width, outputs), ("pool",))]
    return tuple(layers)


CHOICES = (Choice("width", (4, 8)), Choice("kernel", (3, 5)), Choice("depth", (1, 2)))
TINY = SearchSpace("tiny", 1, "depthwise", CHOICES, tiny)


@pytest.fixture(scope="module", params=CASES)
def supernet(request):
    space = search_spaces.space(request.param)
    return Supernet(space, task(CASES[request.param]), seed=3)


def inputs_of(supernet):
    rng = np.random.default_rng(0)
    shape = (3, *supernet.task.input_shape)
    if supernet.task.form == "text":
        ids = rng.integers(0, supernet.task.outputs, shape)
        return torch.from_numpy(ids.astype(np.float32))
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def test_sub_networks_compute_what_networks_of_their_weights_compute(supernet):
    rng = np.random.default_rng(1)
    x = inputs_of(supernet)
    drawn = [supernet.draw(rng) for _ in range(4)]
    for architecture in (supernet.largest, supernet.smallest, *drawn):
        alone = build(supernet.layers(architecture), seed=9)
        slices = {name: value.detach() for name, value in supernet.slices(architecture).items()}
        assert set(slices) == set(dict(alone.named_parameters()))
        alone.load_state_dict(slices, strict=False)
        supernet.network(architecture).train()
        assert torch.equal(supernet(x, architecture), alone(x))
        warm = supernet.extracted(architecture)
        assert torch.equal(warm(x), alone(x))


def test_the_largest_is_no_smaller_than_any_that_is_drawn(supernet):
    rng = np.random.default_rng(2)
    drawn = [supernet.layers(supernet.draw(rng)) for _ in range(20)]
    most = parameter_count(supernet.layers(supernet.largest))
    assert all(parameter_count(layers) <= most for layers in drawn)
    least = mac_count(supernet.layers(supernet.smallest))
    assert all(mac_count(layers) >= least for layers in drawn)


def test_slices_are_leading_channels_and_the_middle_of_kernels():
    supernet = Supernet(TINY, task("digits"))
    whole = supernet.get_parameter("deep0__Conv2d.weight")
    assert whole.shape == (8, 1, 5, 5)  # of the widest with the largest kernel
    slices = supernet.slices({"width": 4, "kernel": 3, "depth": 1})
    assert torch.equal(slices["deep0.weight"], whole[:4, :, 1:4, 1:4])
    assert torch.equal(slices["deep0.bias"], supernet.get_parameter("deep0__Conv2d.bias")[:4])
    head = supernet.get_parameter("head__Linear.weight")
    assert torch.equal(slices["head.weight"], head[:, :4])
    assert "deep1.weight" not in slices


def test_kernels_need_not_be_square():
    supernet = Supernet(search_spaces.space("dscnn"), task("digits"))
    rng = np.random.default_rng(0)
    for architecture in [supernet.draw(rng) for _ in range(20)]:
        alone = dict(build(supernet.layers(architecture)).named_parameters())
        slices = supernet.slices(architecture)
        assert {n: v.shape for n, v in slices.items()} == {n: v.shape for n, v in alone.items()}


def test_gradients_reach_the_slice_and_nothing_else():
    supernet = Supernet(TINY, task("digits"))
    outputs = supernet(torch.ones(2, 1, 8, 8), {"width": 4, "kernel": 3, "depth": 1})
    outputs.square().sum().backward()
    gradient = supernet.get_parameter("head__Linear.weight").grad
    assert gradient[:, :4].abs().sum() > 0
    assert gradient[:, 4:].abs().sum() == 0
    assert supernet.get_parameter("deep1__Conv2d.weight").grad is None


def test_kinds_of_blocks_keep_weights_of_their_own(supernet):
    names = dict(supernet.named_modules())
    kinds = {
        name: module.weight.shape[0]
        for name, module in names.items()
        if name.startswith("stage1_block1_depthwise__Conv2d")
    }
    # 24 channels of the widest stem, and six times as many where they are expanded.
    wanted = {
        "stage1_block1_depthwise__Conv2d__ds": 24,
        "stage1_block1_depthwise__Conv2d__mb": 24 * 6,
    }
    assert kinds == (wanted if supernet.space.name == "mbconv" else {})


def test_what_is_not_admitted_has_no_weights():
    def narrow(layers):
        return parameter_count(layers) < 200

    supernet = Supernet(TINY, task("digits"), admits=narrow)
    rng = np.random.default_rng(0)
    assert all(supernet.draw(rng)["width"] == 4 for _ in range(20))
    with pytest.raises(SpaceError, match="train it alone"):
        supernet.slices({"width": 8, "kernel": 5, "depth": 2})


def test_admitting_nothing_is_one_line():
    with pytest.raises(SpaceError, match=r"0 of \d+ random architectures are admitted") as caught:
        Supernet(TINY, task("digits"), admits=lambda _: False)
    assert "\n" not in str(caught.value)
