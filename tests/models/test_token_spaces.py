"""The spaces of tables and texts: what torch counts, and that small ones learn."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from nas.models.build import Network, build
from nas.models.onnx_graph import export_onnx
from nas.models.quantise import onnx_outputs, quantise_onnx
from search_spaces import mac_count, parameter_count, space
from search_spaces.specs import TableSpec, TextSpec, TranslationSpec

PAIRS = {
    "mlp": [(TableSpec(3, (5, 70)), 3), (TableSpec(7), 1)],
    "dlrm": [(TableSpec(3, (5, 70, 900)), 1), (TableSpec(0, (300, 80)), 1), (TableSpec(4), 2)],
    "gpt": [(TextSpec(65, 16), 65), (TextSpec(30, 10), 30)],
    "seq2seq": [(TranslationSpec(50, 4, 3), 50)],
}


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", PAIRS)
def test_torch_counts_the_parameters_and_multiplications_that_the_layers_count(name, count):
    found, rng = space(name), np.random.default_rng(0)
    for index in range(count):
        spec, outputs = PAIRS[name][index % len(PAIRS[name])]
        architecture = found.choose(lambda _, values: values[rng.integers(len(values))])
        layers = found.layers(architecture, spec.input_shape, outputs, spec)
        # Counting needs no numbers: without memory the largest costs what the smallest does.
        module = Network(layers).eval().to("meta")
        rows = torch.zeros(1, *spec.input_shape, device="meta")
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            result = module(rows)
        assert counter.get_total_flops() == 2 * mac_count(layers)
        assert sum(p.numel() for p in module.parameters()) == parameter_count(layers)
        length = getattr(spec, "target", getattr(spec, "context", None))
        assert result.shape == ((1, outputs) if length is None else (1, length, outputs))


def _rows(spec, count, rng):
    if isinstance(spec, TableSpec):
        numbers = rng.normal(size=(count, spec.numeric))
        ids = [rng.integers(0, categories, count)[:, None] for categories in spec.cardinalities]
        return np.column_stack([numbers, *ids]).astype(np.float32)
    return rng.integers(0, spec.vocabulary, (count, *spec.input_shape)).astype(np.float32)


@pytest.mark.parametrize("name", ["mlp", "dlrm", "gpt"])
def test_exported_networks_give_what_torch_gives_and_nearly_so_in_int8(name, tmp_path, caplog):
    found, rng = space(name), np.random.default_rng(2)
    for index in range(6):
        spec, outputs = PAIRS[name][index % len(PAIRS[name])]
        layers = found.layers(found.sample(rng), spec.input_shape, outputs, spec)
        module = build(layers, seed=0).eval()
        x = _rows(spec, 128, rng)
        export_onnx(layers, module.state_dict(), tmp_path / "fp32.onnx")
        quantise_onnx(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", x)
        with torch.no_grad():
            expected = module(torch.from_numpy(x)).numpy()
        assert np.abs(onnx_outputs(tmp_path / "fp32.onnx", x) - expected).max() < 1e-4
        got = onnx_outputs(tmp_path / "int8.onnx", x)
        # A mask of -1e9 among the quantised scores of a decoder would leave 0.75.
        assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.97
    assert caplog.messages == []


def _losses(module, x, y, loss_of, *, steps, rate):
    optimiser = torch.optim.AdamW(module.parameters(), rate)
    losses = []
    for _ in range(steps):
        loss = loss_of(module(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def _first(name, **changes):
    found = space(name)
    return found.validate(found.choose(lambda _, values: values[0]) | changes)


@pytest.mark.parametrize("context", [0.25, 1.0])
@pytest.mark.parametrize("tied", [False, True])
def test_a_small_decoder_learns_to_count(context, tied):
    spec = TextSpec(12, 16)
    layers = space("gpt").layers(_first("gpt", context=context, tied=tied), (16,), 12, spec)
    start = torch.arange(12)[:, None]
    text = (start + torch.arange(17)) % 12
    module = build(layers, seed=0)
    losses = _losses(
        module,
        text[:, :-1].float(),
        text[:, 1:],
        lambda logits, ids: cross_entropy(logits.flatten(0, 1), ids.flatten()),
        steps=60,
        rate=0.01,
    )
    assert losses[0] > 2
    assert losses[-1] < 0.3


def test_a_decoder_never_sees_what_comes_later():
    rng, found, spec = np.random.default_rng(1), space("gpt"), TextSpec(12, 16)
    for _ in range(10):
        module = build(found.layers(found.sample(rng), (16,), 12, spec), seed=0).eval()
        one = torch.from_numpy(rng.integers(0, 12, (1, 16))).float()
        other = one.clone()
        other[:, 9:] = (one[:, 9:] + 5) % 12
        with torch.no_grad():
            assert torch.allclose(module(one)[:, :9], module(other)[:, :9], atol=1e-5)
            assert not torch.allclose(module(one)[:, 9:], module(other)[:, 9:], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mlp", {"width": 64, "norm": "batch", "embedding": 8}),
        (
            "mlp",
            {
                "depth": 3,
                "width": 64,
                "form": "residual",
                "numeric_embedding": 8,
                "numeric_function": "periodic",
            },
        ),
        ("dlrm", {"dimension": 16, "interaction": "both"}),
        ("dlrm", {"dimension": 16, "table": "remainders", "combination": "sum"}),
        ("dlrm", {"dimension": 16, "interaction": "both", "top_depth": 2, "top_width": 64}),
    ],
)
def test_small_networks_of_tables_learn_which_categories_go_together(name, changes):
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 20, 600), rng.integers(0, 100, 600)
    noise = rng.normal(size=(600, 2))
    x = torch.from_numpy(np.column_stack([noise, users, items])).float()
    y = torch.from_numpy((users % 3 == items % 3).astype("float32"))[:, None]
    spec = TableSpec(2, (20, 100))
    module = build(space(name).layers(_first(name, **changes), (4,), 1, spec), seed=0)
    losses = _losses(module, x, y, binary_cross_entropy_with_logits, steps=150, rate=0.02)
    # Knowing nothing but the share of ones is 0.64.
    assert losses[-1] < 0.3
