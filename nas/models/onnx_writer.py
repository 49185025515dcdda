"""What every part of the ONNX export writes with: nodes, constants, and the weights by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor

from nas.errors import ExportError
from search_spaces.layers import Layer
from search_spaces.ops import BatchNorm, Conv1d, Conv2d, Embedding, Linear, Shape

__all__ = ["INPUT", "Array", "Writer"]

INPUT = "input"
Array = NDArray[np.float32]


class Writer:
    """Collects nodes and constants.

    Attributes:
        shapes: Of the layers' outputs, without the batch.
        folded: Layers with weights, by name, and the BatchNorm that is folded into each.
        tensors: The tensor that holds the output of each layer written so far.
        nodes: In the order in which they run.
        initialisers: The constants.
    """

    def __init__(
        self, layers: Sequence[Layer], state: Mapping[str, Tensor], shapes: Mapping[str, Shape]
    ) -> None:
        self.shapes = shapes
        self.folded = _folded(layers, shapes)
        self.tensors = {layers[0].name: INPUT}
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self._state = state
        self._tables: dict[str, str] = {}
        self._embedded = _embedded(layers)

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of one output and return the name of that output.

        Args:
            kind: Operator of ONNX.
            inputs: Names of tensors.
            output: Name of the tensor that it gives, unique in the graph.
            **attributes: Of the operator.
        """
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Array | NDArray[np.int64]) -> str:
        """Add a constant and return its name.

        Args:
            name: Unique in the graph.
            value: Kept at its type.
        """
        self.initialisers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        """Add a constant vector of whole numbers, such as axes or a shape, and return its name.

        Args:
            name: Unique in the graph.
            *values: Of the vector.
        """
        return self.constant(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        """Add a constant number and return its name.

        Args:
            name: Unique in the graph.
            value: Kept as float32.
        """
        return self.constant(name, np.array(value, np.float32))

    def parameter(self, layer: Layer, part: str) -> Array:
        """A trained parameter of a layer.

        Args:
            layer: One that has parameters.
            part: Such as ``weight``.

        Raises:
            ExportError: If the weights do not hold it.
        """
        key = f"{layer.weights_name}.{part}"
        if key not in self._state:
            raise ExportError(f"export: the weights hold no {key!r}; give those of these layers")
        value: Array = self._state[key].detach().float().numpy()
        return value

    def is_tied(self, layer: Layer) -> bool:
        """Whether the weights are also those of an Embedding; the file then holds them once.

        Args:
            layer: Any.
        """
        return layer.weights_name in self._embedded

    def table(self, layer: Layer) -> str:
        """The weight of a layer as a constant that all layers with these weights use.

        Args:
            layer: One with a ``weight``.
        """
        owner = layer.weights_name
        if owner not in self._tables:
            name = f"{layer.name}.weight"
            self._tables[owner] = self.constant(name, self.parameter(layer, "weight"))
        return self._tables[owner]


def _embedded(layers: Sequence[Layer]) -> set[str]:
    return {layer.weights_name for layer in layers if isinstance(layer.op, Embedding)}


def _folded(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> dict[str, Layer]:
    """BatchNorms right behind a layer whose weights can take them up, by that layer's name."""
    by_name = {layer.name: layer for layer in layers}
    uses = Counter(name for layer in layers for name in layer.inputs)
    uses[layers[-1].name] += 1
    embedded = _embedded(layers)
    found = {}
    for layer in layers:
        if isinstance(layer.op, BatchNorm):
            before = by_name[layer.inputs[0]]
            # Of tokens it scales places, which no weight of a linear layer does.
            vector = isinstance(before.op, Linear) and len(shapes[before.name]) == 1
            vector = vector and before.weights_name not in embedded
            if uses[before.name] == 1 and (isinstance(before.op, Conv1d | Conv2d) or vector):
                found[before.name] = layer
    return found
