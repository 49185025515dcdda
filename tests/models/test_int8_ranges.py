"""int8 of a network in which nothing gets through some activation."""

import numpy as np
import pytest
import torch

from nas.models.build import build
from nas.models.onnx_graph import export_onnx
from nas.models.quantise import onnx_outputs, quantise_onnx
from search_spaces.layers import Layer
from search_spaces.ops import Activation, GlobalAveragePool, Input, Linear


@pytest.mark.parametrize("function", ["relu", "relu6"])
def test_what_a_relu_holds_back_stays_back(function, tmp_path):
    """All sums are -5 or so: the output is the last offsets, 1, 2 and 3, whatever its weights."""
    layers = (
        Layer("input", Input((2, 4, 4))),
        Layer("pool", GlobalAveragePool(), ("input",)),
        Layer("first", Linear(2, 4), ("pool",)),
        Layer("act", Activation(function), ("first",)),
        Layer("last", Linear(4, 3), ("act",)),
    )
    module = build(layers, seed=0)
    with torch.no_grad():
        module.get_parameter("first.bias").fill_(-5.0)
        module.get_parameter("last.weight").fill_(0.5)
        module.get_parameter("last.bias").copy_(torch.tensor([1.0, 2.0, 3.0]))
    plain, int8 = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    export_onnx(layers, module.state_dict(), plain)
    x = np.random.default_rng(0).normal(size=(32, 2, 4, 4)).astype(np.float32)
    quantise_onnx(plain, int8, x)
    wanted = np.tile(np.array([1.0, 2.0, 3.0], np.float32), (32, 1))
    np.testing.assert_allclose(onnx_outputs(plain, x), wanted, atol=1e-6)
    np.testing.assert_allclose(onnx_outputs(int8, x), wanted, atol=0.02)
