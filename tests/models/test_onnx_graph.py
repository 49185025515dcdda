from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from op_cases import IDENTIFIERS, NETWORKS, chain

from nas.errors import ExportError
from nas.models.build import build
from nas.models.onnx_graph import INPUT, export_onnx, onnx_model
from nas.models.quantise import onnx_outputs, quantise_onnx
from search_spaces import space
from search_spaces.layers import Layer, parameter_count
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
    Opaque,
)


def with_statistics(layers: tuple[Layer, ...], seed: int) -> torch.nn.Module:
    """The module with batch norms as after a training: no statistic is at its first value."""
    module = build(layers, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for tensor in (part.weight, part.running_var):
                assert tensor is not None
                torch.nn.init.uniform_(tensor, 0.5, 1.5, generator=generator)
            for tensor in (part.bias, part.running_mean):
                assert tensor is not None
                torch.nn.init.normal_(tensor, generator=generator)
        elif isinstance(part, torch.nn.LSTM | torch.nn.GRU | torch.nn.LayerNorm | torch.nn.RMSNorm):
            for tensor in part.parameters():
                torch.nn.init.normal_(tensor, generator=generator)
    return module.eval()


def assert_equal_outputs(
    layers: tuple[Layer, ...], folder: Path, identifiers: slice | None = None
) -> None:
    module = with_statistics(layers, seed=1)
    export_onnx(layers, module.state_dict(), folder / "model.onnx")
    op = layers[0].op
    assert isinstance(op, Input)
    x = np.random.default_rng(0).standard_normal((3, *op.shape), np.float32)
    if identifiers is not None:
        x[:, identifiers] = np.arange(x[:, identifiers].size).reshape(x[:, identifiers].shape) * 7
    with torch.inference_mode():
        wanted = module(torch.from_numpy(x)).numpy()
    got = onnx_outputs(folder / "model.onnx", x)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_sampled_networks_compute_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    compared = 0
    while compared < 8:
        layers = mbconv.layers(mbconv.sample(rng), (1, 8, 8), 10)
        if parameter_count(layers) < 100_000:  # the larger ones only take longer
            assert_equal_outputs(layers, tmp_path)
            compared += 1


@pytest.mark.parametrize(
    "function", ["relu", "relu6", "hardswish", "silu", "hardsigmoid", "sigmoid"]
)
def test_every_activation(function: str, tmp_path: Path) -> None:
    layers = (
        Layer("input", Input((2, 5, 5))),
        Layer("conv", Conv2d(2, 4, 3, bias=True), ("input",)),
        Layer("norm", BatchNorm(4), ("conv",)),
        Layer("act", Activation(function), ("norm",)),
    )
    assert_equal_outputs(layers, tmp_path)


@pytest.mark.parametrize("function", ["gelu", "tanh", "elu", "softplus", "sin", "cos", "softmax"])
def test_every_newer_activation(function: str, tmp_path: Path) -> None:
    assert_equal_outputs(chain((5, 8), Linear(8, 6), Activation(function)), tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operation_computes_the_same_in_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_equal_outputs(NETWORKS[name], tmp_path, IDENTIFIERS.get(name))


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"no values"}))
def test_every_operation_survives_int8(name: str, tmp_path: Path) -> None:
    layers, module = NETWORKS[name], with_statistics(NETWORKS[name], seed=1)
    rng = np.random.default_rng(0)
    op = layers[0].op
    assert isinstance(op, Input)
    x = rng.standard_normal((64, *op.shape), np.float32)
    if name in IDENTIFIERS:
        x[:, IDENTIFIERS[name]] = rng.integers(0, 900, x[:, IDENTIFIERS[name]].shape)
    export_onnx(layers, module.state_dict(), tmp_path / "float.onnx")
    quantise_onnx(tmp_path / "float.onnx", tmp_path / "int8.onnx", x)
    wanted, got = (onnx_outputs(tmp_path / f"{kind}.onnx", x) for kind in ("float", "int8"))
    # One step of 8 bits is 0.8 % of the range; an identifier or a mask gone wrong is far beyond.
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.05 * np.std(wanted)


def test_a_norm_behind_a_linear_layer_is_folded_for_vectors_only() -> None:
    for shape, left in (((8,), False), ((6, 8), True)):
        layers = chain(shape, Linear(8, 6), BatchNorm(6))
        kinds = [node.op_type for node in onnx_model(layers, build(layers).state_dict()).graph.node]
        assert ("BatchNormalization" in kinds) == left


def test_a_tied_table_is_in_the_file_once() -> None:
    layers = NETWORKS["tied embedding"]
    model = onnx_model(layers, build(layers).state_dict())
    sizes = [list(tensor.dims) for tensor in model.graph.initializer]
    assert sizes.count([11, 8]) == 1
    assert [8, 11] not in sizes


def test_an_unknown_operator_is_not_exported() -> None:
    with pytest.raises(ExportError, match="has no ONNX form"):
        onnx_model(chain((3,), Opaque("fft", (2,))), {})


def test_shared_weights_unfolded_norms_sums_and_gates(tmp_path: Path) -> None:
    layers = (
        Layer("input", Input((2, 6, 6))),
        Layer("one", Conv2d(2, 2, 3), ("input",), weights="both"),
        Layer("one_norm", BatchNorm(2), ("one",)),
        Layer("two", Conv2d(2, 2, 3), ("one_norm",), weights="both"),
        Layer("two_norm", BatchNorm(2), ("two",)),  # not folded: "two" is used twice
        Layer("sum", Add(), ("two", "two_norm", "input")),
        Layer("again", BatchNorm(2), ("sum",)),  # nothing to fold into
        Layer("alone", Add(), ("again",)),
        Layer("product", Multiply(), ("alone", "sum")),
        Layer("pool", GlobalAveragePool(), ("product",)),
        Layer("gate", Linear(2, 2, bias=False), ("pool",)),
        Layer("gated", Multiply(), ("product", "gate")),
        Layer("last", Conv2d(2, 3, 1, 2), ("gated",)),
    )
    assert_equal_outputs(layers, tmp_path)


def test_batch_norm_is_folded_and_the_batch_is_free() -> None:
    mbconv = space("mbconv")
    layers = mbconv.layers(mbconv.sample(np.random.default_rng(0)), (1, 28, 28), 10)
    model = onnx_model(layers, build(layers, seed=0).state_dict())
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    assert model.graph.input[0].name == INPUT
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    onnx.checker.check_model(model, full_check=True)


def test_weights_of_other_layers_are_refused() -> None:
    layers = (
        Layer("input", Input((2,))),
        Layer("classifier", Linear(2, 3), ("input",)),
    )
    with pytest.raises(ExportError, match=r"no 'classifier\.weight'"):
        onnx_model(layers, {})
