"""ONNX files read as layers: what we wrote, what torch wrote, and what nobody can read."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from onnx_files import model_of, saved
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.cost.workload import workload
from nas.errors import LayerError
from nas.models.build import build
from nas.models.onnx_graph import export_onnx
from nas.models.onnx_reader import read_onnx
from nas.models.tasks import task
from search_spaces import parameter_count, space
from search_spaces.ops import Attention, Conv2d, Embedding, Linear, Opaque

OURS = (
    ("mbconv", "digits"),
    ("resnet", "digits"),
    ("nasbench201_small", "digits"),
    ("vit", "digits"),
    ("mlp", "breast-cancer"),
    ("gpt", "shakespeare"),
    ("dscnn", "japanese-vowels"),
)


def written(layers, path):
    torch.manual_seed(0)
    export_onnx(layers, build(layers).state_dict(), path)
    return read_onnx(path)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("name", "data"), OURS)
def test_what_we_write_costs_what_it_was(name, data, seed, tmp_path):
    chosen, facts = space(name), task(data)
    architecture = chosen.sample(np.random.default_rng(seed))
    layers = chosen.layers(architecture, facts.input_shape, facts.outputs, facts.spec)
    found = written(layers, tmp_path / "network.onnx")
    assert found.unknown == found.notes == ()
    own, read = workload(layers), workload(found.layers)
    assert read.kinds == own.kinds
    for column in ("macs", "weight_elements", "bias_elements", "read_elements", "write_elements"):
        np.testing.assert_array_equal(getattr(read, column), getattr(own, column), column)
    assert read.stored_weight_elements == own.stored_weight_elements
    assert read.peak_activation_elements == own.peak_activation_elements


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"\x08\xff no onnx")
    with pytest.raises(LayerError, match="cannot be read as ONNX"):
        read_onnx(tmp_path / "bad.onnx")


def test_interactions_of_a_click_network_are_found(tmp_path):
    chosen, facts = space("dlrm"), task("movielens")
    architecture = chosen.sample(np.random.default_rng(1))
    layers = chosen.layers(architecture, facts.input_shape, facts.outputs, facts.spec)
    found = written(layers, tmp_path / "network.onnx")
    assert found.unknown == ()
    assert workload(found.layers).total_macs == workload(layers).total_macs
    assert parameter_count(found.layers) == parameter_count(layers)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 32)
        self.places = nn.Parameter(torch.randn(1, 16, 32))
        self.block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
        self.head = nn.Linear(32, 10)

    def forward(self, ids):
        return self.head(self.block(self.table(ids) + self.places).mean(1))


def images():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.SiLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, groups=16),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def drawn(module):
    """Every parameter another one, as equal ones are one in a file."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return module.eval()


@pytest.mark.parametrize("shape", ["ids", "image"])
def test_what_torch_writes_has_its_parameters_and_products(shape, tmp_path, capfd):
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        module = drawn(Encoder() if shape == "ids" else images())
        example = (
            torch.zeros(1, 16, dtype=torch.int64) if shape == "ids" else torch.ones(1, 3, 32, 32)
        )
        path = tmp_path / "torch.onnx"
        torch.onnx.export(module, (example,), str(path), dynamo=True)
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            module(example)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    found = read_onnx(path)
    assert found.unknown == ()
    assert workload(found.layers).total_macs == counter.get_total_flops() // 2
    assert parameter_count(found.layers) == sum(p.numel() for p in module.parameters())
    ops = [type(layer.op) for layer in found.layers]
    wanted = {Embedding, Attention, Linear} if shape == "ids" else {Conv2d, Linear}
    assert wanted <= set(ops)


IMAGE = [("x", TensorProto.FLOAT, ["batch", 3, 8, 8])]


def test_an_unknown_operator_is_named_and_counted(tmp_path):
    weight = np.ones((3, 4, 2, 2), np.float32)
    nodes = [
        helper.make_node("ConvTranspose", ["x", "w"], ["up"], strides=[2, 2]),
        helper.make_node("Fold", ["up"], ["y"], domain="own"),
    ]
    found = read_onnx(saved(model_of(nodes, IMAGE, [("w", weight)]), tmp_path))
    assert found.unknown == ("ConvTranspose", "own.Fold")
    first = found.layers[1].op
    assert first == Opaque("ConvTranspose", (4, 16, 16), 48, 3 * 8 * 8 * 4 * 2 * 2)
    assert workload(found.layers).total_macs == 3072


def test_uneven_padding_keeps_the_size_and_the_products(tmp_path):
    weight = np.ones((5, 3, 3, 3), np.float32)
    told = {"strides": [2, 2], "auto_pad": "SAME_UPPER"}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], **told)]
    found = read_onnx(saved(model_of(nodes, IMAGE, [("w", weight)]), tmp_path))
    assert found.unknown == ()
    assert workload(found.layers).total_macs == 5 * 4 * 4 * 3 * 9


def test_tensors_that_are_read_twice_share_their_weights(tmp_path):
    table = np.ones((50, 8), np.float32)
    nodes = [
        helper.make_node("Gather", ["t", "x"], ["e"]),
        helper.make_node("Transpose", ["t"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["e", "turned"], ["y"]),
    ]
    ids = [("x", TensorProto.INT64, ["batch", "length"])]
    found = read_onnx(saved(model_of(nodes, ids, [("t", table)]), tmp_path), {"length": 6})
    assert parameter_count(found.layers) == 400
    assert workload(found.layers).total_macs == 6 * 8 * 50


@pytest.mark.parametrize(
    ("shape", "said"),
    [(["batch", "length"], "has a free axis length; give its size"), ([8, 4], "is a batch of 8")],
)
def test_inputs_without_a_size_are_refused(shape, said, tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    path = saved(model_of(nodes, [("x", TensorProto.FLOAT, shape)]), tmp_path)
    with pytest.raises(LayerError, match=said):
        read_onnx(path)


def test_what_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"\x00not onnx\xff")
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("no.onnx", "empty.onnx", "gone.onnx"):
        with pytest.raises(LayerError, match=name):
            read_onnx(tmp_path / name)
