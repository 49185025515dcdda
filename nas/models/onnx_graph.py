"""Layers and weights as an ONNX graph, written directly: milliseconds, and the same in a search as
in an export. Batch normalisation is folded into the convolution before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from nas.errors import ExportError
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
    Shape,
)

__all__ = ["INPUT", "OUTPUT", "export_onnx", "onnx_model"]

INPUT, OUTPUT = "input", "output"
_OPSET = 17
_IR_VERSION = 9
_EPSILON = 1e-5  # of torch.nn.BatchNorm2d
Array = NDArray[np.float32]


def onnx_model(layers: Sequence[Layer], state: Mapping[str, Tensor]) -> onnx.ModelProto:
    """The network as a checked ONNX model with a free batch dimension.

    Args:
        layers: A network in topological order.
        state: Its `state_dict`, as `nas.models.train.Training.state`.

    Returns:
        A model whose `INPUT` takes normalised float32 images (batch, C, H, W) and whose `OUTPUT`
        is (batch, outputs).

    Raises:
        LayerError: If the layers do not connect.
        ExportError: If the weights are not those of the layers, or an op has no ONNX form.
    """
    shapes = layer_shapes(layers)
    writer = _Writer(layers, state, shapes)
    for layer in layers[1:]:
        writer.write(layer)
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


class _Writer:
    """Collects nodes; `tensors` maps a layer to the name of its output tensor."""

    def __init__(
        self, layers: Sequence[Layer], state: Mapping[str, Tensor], shapes: Mapping[str, Shape]
    ) -> None:
        self.state, self.shapes = state, shapes
        self.by_name = {layer.name: layer for layer in layers}
        uses = Counter(name for layer in layers for name in layer.inputs)
        uses[layers[-1].name] += 1
        self.folded = {
            layer.inputs[0]: layer
            for layer in layers
            if isinstance(layer.op, BatchNorm)
            and isinstance(self.by_name[layer.inputs[0]].op, Conv2d)
            and uses[layer.inputs[0]] == 1
        }
        self.tensors = {layers[0].name: INPUT}
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Array | NDArray[np.int64]) -> str:
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def parameter(self, layer: Layer, part: str) -> Array:
        key = f"{layer.weights_name}.{part}"
        if key not in self.state:
            raise ExportError(f"export: the weights hold no {key!r}; give those of these layers")
        value: Array = self.state[key].detach().float().numpy()
        return value

    def write(self, layer: Layer) -> None:
        op, inputs, name = layer.op, [self.tensors[i] for i in layer.inputs], layer.name
        if isinstance(op, Conv2d):
            self._convolution(layer, op, inputs[0])
        elif isinstance(op, BatchNorm):
            self._batch_norm(layer, inputs[0])
        elif isinstance(op, Linear):
            weights = [self.constant(f"{name}.weight", self.parameter(layer, "weight"))]
            if op.bias:
                weights.append(self.constant(f"{name}.bias", self.parameter(layer, "bias")))
            self.tensors[name] = self.node("Gemm", [inputs[0], *weights], name, transB=1)
        elif isinstance(op, Activation):
            self.tensors[name] = self._activation(op.function, inputs[0], name)
        elif isinstance(op, GlobalAveragePool):
            pooled = self.node("GlobalAveragePool", inputs, f"{name}.map")
            self.tensors[name] = self.node("Flatten", [pooled], name, axis=1)
        elif isinstance(op, Add):
            kind = "Identity" if len(inputs) == 1 else "Add" if len(inputs) == 2 else "Sum"
            self.tensors[name] = self.node(kind, inputs, name)
        elif isinstance(op, Multiply):
            self._multiply(layer, inputs)
        elif not isinstance(op, Input):
            raise ExportError(f"export: layer {name!r}: {op} has no ONNX form; teach onnx_graph")

    def _convolution(self, layer: Layer, op: Conv2d, source: str) -> None:
        weight = self.parameter(layer, "weight")
        bias = self.parameter(layer, "bias") if op.bias else None
        norm = self.folded.get(layer.name)
        if norm is not None:
            scale, offset = self._scale_and_offset(norm)
            weight = weight * scale[:, None, None, None]
            bias = offset if bias is None else offset + bias * scale
        operands = [source, self.constant(f"{layer.name}.weight", weight)]
        if bias is not None:
            operands.append(self.constant(f"{layer.name}.bias", bias))
        self.tensors[layer.name] = self.node(
            "Conv",
            operands,
            layer.name,
            kernel_shape=[op.kernel] * 2,
            strides=[op.stride] * 2,
            pads=[op.kernel // 2] * 4,
            group=op.groups,
        )

    def _batch_norm(self, layer: Layer, source: str) -> None:
        if self.folded.get(layer.inputs[0]) is layer:
            self.tensors[layer.name] = source
            return
        parts = [
            self.constant(f"{layer.name}.{part}", self.parameter(layer, part))
            for part in ("weight", "bias", "running_mean", "running_var")
        ]
        self.tensors[layer.name] = self.node(
            "BatchNormalization", [source, *parts], layer.name, epsilon=_EPSILON
        )

    def _scale_and_offset(self, norm: Layer) -> tuple[Array, Array]:
        scale = self.parameter(norm, "weight") / np.sqrt(
            self.parameter(norm, "running_var") + np.float32(_EPSILON)
        )
        return scale, self.parameter(norm, "bias") - self.parameter(norm, "running_mean") * scale

    def _activation(self, function: str, source: str, name: str) -> str:
        if function == "relu6":
            bounds = [
                self.constant(f"{name}.{key}", np.array(value, np.float32))
                for key, value in (("low", 0), ("high", 6))
            ]
            return self.node("Clip", [source, *bounds], name)
        if function == "silu":
            gate = self.node("Sigmoid", [source], f"{name}.gate")
            return self.node("Mul", [source, gate], name)
        if function == "hardsigmoid":
            return self.node("HardSigmoid", [source], name, alpha=1 / 6, beta=0.5)
        kinds = {"relu": "Relu", "hardswish": "HardSwish", "sigmoid": "Sigmoid"}
        if function not in kinds:
            raise ExportError(f"export: activation {function!r} has no ONNX form; teach onnx_graph")
        return self.node(kinds[function], [source], name)

    def _multiply(self, layer: Layer, inputs: list[str]) -> None:
        whole, gate = inputs
        rank = len(self.shapes[layer.inputs[0]])
        if len(self.shapes[layer.inputs[1]]) < rank:
            axes = self.constant(f"{layer.name}.axes", np.arange(2, rank + 1, dtype=np.int64))
            gate = self.node("Unsqueeze", [gate, axes], f"{layer.name}.gate")
        self.tensors[layer.name] = self.node("Mul", [whole, gate], layer.name)
