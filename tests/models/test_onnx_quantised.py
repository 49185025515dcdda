"""Quantised and fused operators, and others that no layer stands for, have the plain ones' MACs."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_files import model_of, saved
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    quantize_dynamic,
    quantize_static,
)

from nas.cost.workload import workload
from nas.models.onnx_reader import read_onnx
from search_spaces import parameter_count
from search_spaces.ops import Conv2d, Linear

FLOAT = TensorProto.FLOAT
# 4 channels of 8 x 8 by 3 x 3 x 3, and 256 to 10.
MACS = 4 * 64 * 27 + 256 * 10
PARAMETERS = 4 * 27 + 4 + 256 * 10


def numbers(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


class Samples(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": numbers(1, 3, 8, 8)}]

    def get_next(self):
        return self.left.pop() if self.left else None


@pytest.fixture
def network(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["y"]),
    ]
    held = [("w", numbers(4, 3, 3, 3)), ("b", numbers(4)), ("m", numbers(256, 10))]
    model = model_of(nodes, [("x", FLOAT, ["batch", 3, 8, 8])], held)
    model.ir_version = 10
    return saved(model, tmp_path)


@pytest.mark.parametrize("how", ["QOperator", "QDQ", "dynamic"])
def test_what_onnx_runtime_quantises_keeps_its_macs_and_parameters(how, network, tmp_path):
    path = str(tmp_path / "int8.onnx")
    if how == "dynamic":
        quantize_dynamic(str(network), path)
    else:
        quantize_static(str(network), path, Samples(), quant_format=QuantFormat[how])
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    wanted = {"QOperator": "QLinearConv", "dynamic": "ConvInteger", "QDQ": "Conv"}
    assert wanted[how] in kinds
    found = read_onnx(path)
    assert found.unknown == ()
    assert workload(found.layers).total_macs == MACS
    assert parameter_count(found.layers) == PARAMETERS
    assert {Conv2d, Linear} <= {type(layer.op) for layer in found.layers}


ROWS = [("x", FLOAT, ["batch", 5, 6])]


def read(nodes, tmp_path, held=(), inputs=ROWS):
    model = model_of(nodes, inputs, held)
    return read_onnx(saved(model, tmp_path))


@pytest.mark.parametrize(
    ("equation", "shape"),
    [("bti,io->bto", (6, 7)), ("bti,oi->bto", (7, 6)), ("...i,io->...o", (6, 7))],
)
def test_einsum_of_a_weight_is_a_linear_layer(equation, shape, tmp_path):
    nodes = [helper.make_node("Einsum", ["x", "w"], ["y"], equation=equation)]
    found = read(nodes, tmp_path, [("w", numbers(*shape))])
    assert found.unknown == ()
    assert (workload(found.layers).total_macs, parameter_count(found.layers)) == (5 * 6 * 7, 42)


def test_einsum_of_another_kind_has_its_products(tmp_path):
    nodes = [helper.make_node("Einsum", ["x", "w"], ["y"], equation="bti,tio->bto")]
    found = read(nodes, tmp_path, [("w", numbers(5, 6, 7))])
    assert found.unknown == ("Einsum",)
    assert (workload(found.layers).total_macs, parameter_count(found.layers)) == (210, 210)


def test_fused_products_are_those_of_plain_ones(tmp_path):
    fused = {"domain": "com.microsoft"}
    nodes = [
        helper.make_node("FusedMatMul", ["x", "x"], ["s"], transB=1, **fused),
        helper.make_node("Softmax", ["s"], ["p"]),
        helper.make_node("MatMul", ["p", "x"], ["y"]),
    ]
    assert workload(read(nodes, tmp_path).layers).total_macs == 2 * 5 * 5 * 6
    image = [("x", FLOAT, ["batch", 3, 8, 8])]
    nodes = [helper.make_node("FusedConv", ["x", "w"], ["y"], activation="Relu", **fused)]
    found = read(nodes, tmp_path, [("w", numbers(4, 3, 1, 1))], image)
    assert (found.unknown, workload(found.layers).total_macs) == ((), 4 * 64 * 3)


@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@pytest.mark.parametrize("biased", [False, True])
def test_recurrent_cells_have_the_weights_that_they_have(kind, gates, biased, tmp_path):
    names = ["x", "w", "r", *["b"] * biased]
    nodes = [helper.make_node(kind, names, ["y"], hidden_size=4)]
    held = [("w", numbers(1, gates * 4, 6)), ("r", numbers(1, gates * 4, 4))]
    held += [("b", numbers(1, 2 * gates * 4))] * biased
    found = read(nodes, tmp_path, held)
    products = gates * 4 * (6 + 4)
    assert parameter_count(found.layers) == products + 2 * gates * 4 * biased
    assert workload(found.layers).total_macs == 5 * products


def test_peepholes_are_counted(tmp_path):
    nodes = [helper.make_node("LSTM", ["x", "w", "r", "", "", "", "", "p"], ["y"], hidden_size=4)]
    held = [("w", numbers(1, 16, 6)), ("r", numbers(1, 16, 4)), ("p", numbers(1, 12))]
    found = read(nodes, tmp_path, held)
    assert parameter_count(found.layers) == 160 + 12
    assert workload(found.layers).total_macs == 5 * 160


def test_a_turned_product_is_counted_once(tmp_path):
    nodes = [
        helper.make_node("Squeeze", ["x"], ["s"]),
        helper.make_node("Gemm", ["s", "w"], ["y"], transA=1),
    ]
    found = read(nodes, tmp_path, [("w", numbers(5, 2))])  # (6, 5) by (5, 2)
    assert workload(found.layers).total_macs == 6 * 5 * 2
