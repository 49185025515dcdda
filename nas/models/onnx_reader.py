"""From an ONNX file to layers, to be counted: shapes and products are the file's.

Operators that no layer stands for are `Opaque`, and these layers are neither built nor trained: an
elementwise operator without a layer of its own is written as one that moves as many bytes, and
named in the notes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import inliner

from nas.errors import LayerError
from nas.models.onnx_inner import follow_inner, graphs_of
from nas.models.onnx_patterns import joined
from nas.models.onnx_plain import make_plain
from nas.models.onnx_rules import RULES
from nas.models.onnx_tensors import Reader
from nas.models.onnx_values import Held, Scores, View, attributes, name_of, one_line, size
from search_spaces.layers import Layer
from search_spaces.ops import Opaque, Shape

__all__ = ["OnnxNetwork", "read_onnx"]

_BROKEN = (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError)


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
        path: An ONNX file; of what is beside it, only whole numbers are read, where shapes
            need them.
        sizes: Of free axes by name; a free first axis is the batch, and 1.

    Raises:
        LayerError: It cannot be read, an axis is free and not given, a size is of no axis, or it is
            for a batch.
    """
    where = Path(path)
    try:
        model = onnx.load(str(where), load_external_data=False)
        if model.functions:
            model = inliner.inline_local_functions(model)
    except Exception as error:  # what protobuf raises is its own
        raise LayerError(f"{where}: cannot be read as ONNX ({one_line(error)}); mend it") from error
    if not model.graph.node:
        raise LayerError(f"{where}: holds no ONNX operators; give an ONNX model")
    try:
        return _read(model, _inputs(model, dict(sizes or {})), where.parent)
    except LayerError as error:
        raise LayerError(f"{where}: {error}") from None


def _inputs(model: onnx.ModelProto, sizes: dict[str, int]) -> dict[str, Shape]:
    held = {tensor.name for tensor in model.graph.initializer}
    free: dict[str, None] = {}
    found = {}
    for given in model.graph.input:
        if given.name in held:
            continue
        shape = []
        for index, axis in enumerate(given.type.tensor_type.shape.dim):
            free |= {axis.dim_param: None} if axis.dim_param else {}
            length = axis.dim_value or sizes.get(axis.dim_param, 0) or int(index == 0)
            if length < 1:
                name = axis.dim_param or f"{index} (it has no name)"
                raise LayerError(
                    f"input {given.name!r} has a free axis {name}; give its size, such as "
                    f"--size {axis.dim_param or 'AXIS'}=128"
                )
            shape.append(length)
        if len(shape) > 1 and shape[0] != 1:
            raise LayerError(
                f"input {given.name!r} is a batch of {shape[0]}; export it with a free first axis"
            )
        found[given.name] = tuple(shape) or (1,)
    unknown = next((name for name in sizes if name not in free), None)
    if unknown is not None:
        raise LayerError(
            f"no free axis is called {unknown!r}; they are {', '.join(free) or 'none'}"
        )
    if not found:
        raise LayerError("has no input; give a network that reads one")
    return found


def _read(model: onnx.ModelProto, inputs: Mapping[str, Shape], folder: Path) -> OnnxNetwork:
    for node in model.graph.node:
        make_plain(node)
    reader = Reader(model, inputs, folder)
    found = joined(model, reader.values)
    for node in model.graph.node:
        if any(name in found.skipped for name in node.output):
            continue
        here = found.nodes.get(node.output[0], node) if node.output else node
        missing = next((n for n in here.input if n and n not in reader.values), None)
        if missing is not None:
            raise LayerError(
                f"{name_of(here)}: reads {missing!r}, which nothing before it gives; mend the file"
            )
        try:
            _follow(reader, model, here)
        except _BROKEN as error:  # a damaged file may break any promise of the format
            raise LayerError(
                f"{name_of(here)}: is no {here.op_type} of ONNX "
                f"({type(error).__name__}: {one_line(error)}); mend the file"
            ) from error
    for output in model.graph.output:
        if output.name not in reader.values:
            raise LayerError(f"output {output.name!r} is given by no operator; mend the file")
        reader.end(reader.values[output.name])
    return OnnxNetwork(tuple(reader.layers), tuple(dict.fromkeys(reader.notes)))


def _follow(reader: Reader, model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    if node.op_type == "Constant":
        _constant(reader, node)
        return
    if graphs_of(node):
        follow_inner(reader, model, node)
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
    if None in shapes:
        reader.check_numbers(node)
    if None in shapes or any(name in reader.guessed for name in node.input):
        reader.guessed.update(node.output)
    elif node.op_type == "Reshape" and isinstance(inputs[0], View):
        told, given = math.prod(shapes[0] or ()), size(inputs[0])
        if told != given:
            raise LayerError(
                f"{name_of(node)}: of {given} elements to {shapes[0]}, which has {told}; mend the "
                "file, or give the sizes of its free axes"
            )
    reader.values |= dict(zip(node.output, _outputs(reader, node, inputs, shapes), strict=False))


def _constant(reader: Reader, node: onnx.NodeProto) -> None:
    ((kind, value),) = attributes(node).items()
    if isinstance(value, onnx.TensorProto):
        reader.keep(node.output[0], value)
    elif kind == "sparse_value":
        reader.keep_sparse(node.output[0], value)
    else:
        reader.values[node.output[0]] = np.asarray(value)


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
        made = reader.unknown(node, inputs, told[0])
        return [made] + [replace(made, shape=shape) for shape in told[1:]]
    return result if isinstance(result, list) else [result]
