"""What costs count as weights to store is what an exported file holds, norms folded."""

import numpy as np
import onnx
import pytest
from op_cases import NETWORKS

from nas.cost.workload import workload
from nas.models.build import build
from nas.models.onnx_graph import export_onnx, onnx_model
from nas.models.quantise import quantise_onnx
from search_spaces import space, space_names
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Linear
from search_spaces.specs import TableSpec, TextSpec, TranslationSpec

_HELD = ("weight", "bias", "weight_ih", "weight_hh")
_GIVEN = {
    "image": ((1, 16, 16), 10, None),
    "series": ((6, 40), 10, None),
    "table": ((5,), 1, TableSpec(3, (5, 70))),
    "text": ((16,), 65, TextSpec(65, 16)),
    "translation": ((7,), 50, TranslationSpec(50, 4, 3)),
}


def _held(layers):
    """Elements of the weights in the exported file, as what kernels read them as they are."""
    return _floats(onnx_model(layers, build(layers, seed=0).state_dict()).graph)


def _floats(graph):
    return sum(
        int(np.prod(tensor.dims))
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.name.split(".")[-1] in _HELD
    )


def _counted(layers):
    work = workload(layers)
    return work.stored_weight_elements + work.stored_bias_elements + work.stored_float_elements


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operation_stores_what_it_is_said_to_store(name):
    assert _held(NETWORKS[name]) == _counted(NETWORKS[name])


@pytest.mark.parametrize("name", ["lstm", "two-way lstm", "gru", "two-way gru"])
def test_int8_leaves_recurrent_weights_in_float32_and_no_others(name, tmp_path):
    chained = NETWORKS[name]
    *_, width = layer_shapes(chained)[chained[-1].name]
    layers = (*chained, Layer("head", Linear(width, 7), (chained[-1].name,)))
    model, int8 = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export_onnx(layers, build(layers, seed=0).state_dict(), model)
    samples = np.random.default_rng(0).normal(size=(16, *layers[0].op.shape)).astype(np.float32)
    quantise_onnx(model, int8, samples)
    tensors = onnx.load(int8).graph.initializer
    floats = {
        t.name: int(np.prod(t.dims)) for t in tensors if t.data_type == onnx.TensorProto.FLOAT
    }
    kept = sum(size for name, size in floats.items() if name.split(".")[-1] in _HELD)
    assert kept == workload(layers).stored_float_elements > 0


@pytest.mark.parametrize("count", [3, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", space_names())
def test_networks_of_every_space_store_what_they_are_said_to_store(name, count):
    found, rng = space(name), np.random.default_rng(0)
    compared = 0
    while compared < count:
        shape, outputs, spec = _GIVEN[found.accepts[compared % len(found.accepts)]]
        given = () if spec is None else (spec,)
        layers = found.layers(found.sample(rng), shape, outputs, *given)
        if workload(layers).params < 1e6:  # the larger ones only take longer
            assert _held(layers) == _counted(layers)
        compared += 1
