"""What costs count as weights to store is what an exported file holds, norms folded."""

import numpy as np
import onnx
import pytest
from op_cases import NETWORKS

from nas.cost.workload import workload
from nas.models.build import build
from nas.models.onnx_graph import onnx_model
from search_spaces import space, space_names
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
    graph = onnx_model(layers, build(layers, seed=0).state_dict()).graph
    return sum(
        int(np.prod(tensor.dims))
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.name.split(".")[-1] in _HELD
    )


def _counted(layers):
    work = workload(layers)
    return work.stored_weight_elements + work.stored_bias_elements


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operation_stores_what_it_is_said_to_store(name):
    assert _held(NETWORKS[name]) == _counted(NETWORKS[name])


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
