"""Layers and weights as an ONNX graph, written directly: milliseconds, and the same in a search as
in an export. Batch normalisation is folded into the convolution or linear layer before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from torch import Tensor

from nas.errors import ExportError
from nas.models.onnx_layers import LAYER_WRITERS
from nas.models.onnx_tokens import TOKEN_WRITERS
from nas.models.onnx_writer import INPUT, Writer
from search_spaces.layers import Layer, layer_shapes

__all__ = ["INPUT", "OUTPUT", "export_onnx", "onnx_model"]

OUTPUT = "output"
_OPSET = 17
_IR_VERSION = 9
_WRITERS = LAYER_WRITERS | TOKEN_WRITERS


def onnx_model(layers: Sequence[Layer], state: Mapping[str, Tensor]) -> onnx.ModelProto:
    """The network as a checked ONNX model with a free batch dimension.

    Args:
        layers: A network in topological order.
        state: Its `state_dict`, as `nas.models.train.Training.state`.

    Returns:
        A model whose `INPUT` takes normalised float32 samples (batch, *input shape) and whose
        `OUTPUT` is (batch, *shape of the last layer).

    Raises:
        LayerError: If the layers do not connect.
        ExportError: If the weights are not those of the layers, or an op has no ONNX form.
    """
    shapes = layer_shapes(layers)
    writer = Writer(layers, state, shapes)
    for layer in layers[1:]:
        write = _WRITERS.get(type(layer.op))
        if write is None:
            raise ExportError(
                f"export: layer {layer.name!r}: {layer.op} has no ONNX form; teach onnx_graph"
            )
        sources = [writer.tensors[name] for name in layer.inputs]
        writer.tensors[layer.name] = write(writer, layer, *sources)
    last = layers[-1].name
    writer.node("Identity", [writer.tensors[last]], OUTPUT)
    graph = helper.make_graph(
        writer.nodes,
        "carbon-nas",
        [
            helper.make_tensor_value_info(
                INPUT, TensorProto.FLOAT, ["batch", *shapes[layers[0].name]]
            )
        ],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", *shapes[last]])],
        writer.initialisers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    model.producer_name = "carbon-nas"
    model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    return model


def export_onnx(layers: Sequence[Layer], state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write `onnx_model` to a file.

    Args:
        layers: A network in topological order.
        state: Its `state_dict`.
        path: The file, overwritten.

    Raises:
        LayerError: If the layers do not connect.
        ExportError: If the weights are not those of the layers, or an op has no ONNX form.
    """
    onnx.save(onnx_model(layers, state), str(path))
