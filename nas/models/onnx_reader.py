"""From an ONNX file to layers, to be counted: shapes and products are the file's.

Operators that no layer stands for are `Opaque`, and these layers are neither built nor trained: an
elementwise operator without a layer of its own is written as one that moves as many bytes, and
named in the notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from nas.errors import LayerError
from nas.models.onnx_patterns import joined
from nas.models.onnx_rules import RULES
from nas.models.onnx_tensors import Held, Reader, Scores, View, attributes, one_line
from search_spaces.layers import Layer
from search_spaces.ops import Opaque, Shape

__all__ = ["OnnxNetwork", "read_onnx"]


@dataclass(frozen=True, slots=True)
class OnnxNetwork:
    """An ONNX file as layers.

    Attributes:
        layers: In topological order, for one sample.
        notes: What is written otherwise than in the file, one line each.
    """

    layers: tuple[Layer, ...]
    notes: tuple[str, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The operators that no layer stands for."""
        operators = (layer.op.operator for layer in self.layers if isinstance(layer.op, Opaque))
        return tuple(dict.fromkeys(operators))


def read_onnx(path: str | Path, sizes: Mapping[str, int] | None = None) -> OnnxNetwork:
    """Read a file as the layers of one sample.

    Args:
        path: An ONNX file; weights beside it are not needed.
        sizes: Of free axes by name; a free first axis is the batch, and 1.

    Raises:
        LayerError: It cannot be read, an axis is free and not given, or it is for a batch.
    """
    where = Path(path)
    try:
        model = onnx.load(str(where), load_external_data=False)
    except Exception as error:  # what protobuf raises is its own
        raise LayerError(f"{where}: cannot be read as ONNX ({one_line(error)}); mend it") from error
    if not model.graph.node:
        raise LayerError(f"{where}: holds no ONNX operators; give an ONNX model")
    try:
        return _read(model, _inputs(model, dict(sizes or {})))
    except LayerError as error:
        raise LayerError(f"{where}: {error}") from None


def _inputs(model: onnx.ModelProto, sizes: dict[str, int]) -> dict[str, Shape]:
    held = {tensor.name for tensor in model.graph.initializer}
    found = {}
    for given in model.graph.input:
        if given.name in held:
            continue
        shape = []
        for index, axis in enumerate(given.type.tensor_type.shape.dim):
            size = axis.dim_value or sizes.get(axis.dim_param, 0) or int(index == 0)
            if size < 1:
                name = axis.dim_param or f"{index} (it has no name)"
                raise LayerError(
                    f"input {given.name!r} has a free axis {name}; give its size, such as "
                    f"--size {axis.dim_param or 'AXIS'}=128"
                )
            shape.append(size)
        if len(shape) > 1 and shape[0] != 1:
            raise LayerError(
                f"input {given.name!r} is a batch of {shape[0]}; export it with a free first axis"
            )
        found[given.name] = tuple(shape) or (1,)
    if not found:
        raise LayerError("has no input; give a network that reads one")
    return found


def _read(model: onnx.ModelProto, inputs: Mapping[str, Shape]) -> OnnxNetwork:
    reader = Reader(model, inputs)
    found = joined(model, reader.values)
    for node in model.graph.node:
        if any(name in found.skipped for name in node.output):
            continue
        _follow(reader, found.nodes.get(node.output[0], node))
    for output in model.graph.output:
        reader.end(reader.values[output.name])
    return OnnxNetwork(tuple(reader.layers), tuple(dict.fromkeys(reader.notes)))


def _follow(reader: Reader, node: onnx.NodeProto) -> None:
    if node.op_type == "Constant":
        tensor = attributes(node).get("value")
        if isinstance(tensor, onnx.TensorProto):
            reader.keep(node.output[0], tensor)
        else:
            (value,) = attributes(node).values()
            reader.values[node.output[0]] = np.asarray(value)
        return
    inputs: list[Any] = [reader.values[name] if name else None for name in node.input]
    if node.op_type == "Shape":
        start, end = attributes(node).get("start", 0), attributes(node).get("end")
        reader.values[node.output[0]] = np.array(inputs[0].shape[start:end], np.int64)
        return
    folded = reader.folded(node)
    if folded is not None:
        reader.values |= dict(zip(node.output, folded, strict=False))
        return
    shapes = reader.output_shapes(node)
    reader.values |= dict(zip(node.output, _outputs(reader, node, inputs, shapes), strict=False))


def _outputs(
    reader: Reader, node: onnx.NodeProto, inputs: list[Any], shapes: list[Shape | None]
) -> list[Any]:
    first = next((item for item in inputs if isinstance(item, View | Scores)), None)
    told = [shape if shape is not None else inputs[0].shape for shape in shapes]
    if first is None:  # parameters alone: another shape of the largest
        held = [item for item in inputs if isinstance(item, Held)]
        largest = max(held, key=lambda item: int(np.prod(item.shape)))
        return [Held(largest.owner, shape) for shape in told]
    rule = RULES.get(node.op_type) if node.domain in {"", "ai.onnx"} else None
    result = None
    if rule is not None:
        try:
            result = rule(reader, node, inputs, told)
        except LayerError as error:
            reader.notes.append(f"{node.op_type}: {error}")
    if result is None:
        return [reader.unknown(node, inputs, told[0])] * len(told)
    return result if isinstance(result, list) else [result]
