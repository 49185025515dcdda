"""What the layers of a space count is what torch counts, for many architectures of each."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.models.build import Network, build
from search_spaces import space
from search_spaces.layers import mac_count, parameter_count
from search_spaces.nasbench201 import architecture_at, from_cell_string, skeleton

SHAPES = {
    "resnet": ((1, 8, 8), (3, 13, 9)),
    "nasbench201_small": ((1, 8, 8), (3, 13, 9)),
    "vit": ((1, 8, 8), (3, 13, 9)),
    "dscnn": ((12, 29), (1, 20, 31)),
}
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SHAPES)
def test_torch_counts_the_parameters_and_multiplications_that_the_layers_count(name, count):
    rng = np.random.default_rng(0)
    for index in range(count):
        shape = SHAPES[name][index % 2]
        layers = space(name).layers(space(name).sample(rng), shape, 10)
        module = build(layers, seed=0).eval()
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            result = module(torch.zeros(1, *shape))
        assert result.shape == (1, 10)
        assert counter.get_total_flops() == 2 * mac_count(layers)
        assert sum(p.numel() for p in module.parameters()) == parameter_count(layers)


@pytest.mark.slow
def test_torch_counts_what_the_layers_of_published_cells_count():
    rng, cells = np.random.default_rng(0), space("nasbench201")
    for _ in range(200):
        layers = cells.layers(cells.sample(rng), (3, 32, 32), 10)
        # Counting needs no numbers.
        module, counter = Network(layers).eval().to("meta"), FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            module(torch.zeros(1, 3, 32, 32, device="meta"))
        assert counter.get_total_flops() == 2 * mac_count(layers)
        assert sum(p.numel() for p in module.parameters()) == parameter_count(layers)


@pytest.mark.parametrize("name", SHAPES)
def test_every_parameter_gets_a_gradient(name):
    rng = np.random.default_rng(1)
    for shape in SHAPES[name]:
        module = build(space(name).layers(space(name).sample(rng), shape, 10), seed=0)
        module(torch.randn(4, *shape)).square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("name", SHAPES)
def test_outputs_start_at_a_moderate_scale(name):
    rng = np.random.default_rng(2)
    for seed in range(10):
        shape = SHAPES[name][seed % 2]
        layers = space(name).layers(space(name).sample(rng), shape, 10)
        outputs = build(layers, seed=seed)(torch.randn(32, *shape))
        assert 0.05 < outputs.std().item() < 20


def _published_cell(module, name, operations, x):
    """A cell as its paper draws it: every node the sum of all its edges, whatever they give."""
    nodes = [x]
    for end in (1, 2, 3):
        total = torch.zeros_like(x)
        for start in range(end):
            operation, source = operations[start, end], nodes[start]
            edge = getattr(module, f"{name}_{start}{end}", None)
            if operation == "skip_connect":
                total = total + source
            elif operation == "avg_pool_3x3":
                total = total + functional.avg_pool2d(source, 3, 1, 1, count_include_pad=False)
            elif operation != "none" and edge is not None:
                norm = getattr(module, f"{name}_{start}{end}_norm")
                total = total + norm(edge(source.relu()))
        nodes.append(total)
    return nodes[3]


def _published_network(module, operations, x):
    x = module.stem_norm(module.stem(x))
    for stage in (1, 2):
        if stage == 2:
            name = "stage2_reduction"
            y = getattr(module, f"{name}_conv1_norm")(getattr(module, f"{name}_conv1")(x.relu()))
            y = getattr(module, f"{name}_conv2_norm")(getattr(module, f"{name}_conv2")(y.relu()))
            x = y + getattr(module, f"{name}_shortcut")(functional.avg_pool2d(x, 2, 2))
        for cell in (1, 2):
            x = _published_cell(module, f"stage{stage}_cell{cell}", operations, x)
    return x


def _first_two_stages(layers):
    names = [layer.name for layer in layers]
    return layers[: names.index("stage3_reduction_relu1")]


@pytest.mark.parametrize("index", [0, 9, 123, *range(50, 15_625, 400)])
def test_simplified_cells_compute_what_the_paper_draws(index):
    # A convolution that is missing in the layers leads nowhere or gets zeros, which the paper's
    # norm turns to its offset: zero before training, and a constant after it.
    architecture = architecture_at(index)
    operations = dict(zip(EDGES, architecture.values(), strict=True))
    layers = _first_two_stages(skeleton("two", 4, 2).layers(architecture, (1, 8, 8), 3))
    module = build(layers, seed=index).eval()
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(module(x), _published_network(module, operations, x))


def test_a_cell_that_gives_zero_ignores_its_input():
    cell = from_cell_string("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    module = build(space("nasbench201_small").layers(cell, (1, 8, 8), 10), seed=0).eval()
    first, second = module(torch.randn(2, 1, 8, 8))
    assert torch.equal(first, second)
