"""Graphs within operators of ONNX: of If, Loop and Scan. Their weights are counted, no more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import onnx
from onnx import TensorProto

from nas.models.onnx_tensors import Reader
from nas.models.onnx_values import Held, Scores, View, attributes
from search_spaces.ops import Shape

__all__ = ["follow_inner", "graphs_of"]


def graphs_of(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs within a node."""
    found = []
    for item in node.attribute:
        found += [item.g] if item.type == onnx.AttributeProto.GRAPH else list(item.graphs)
    return found


def follow_inner(reader: Reader, model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    """Write an operator with graphs within as one layer that holds all their weights."""
    graphs = graphs_of(node)
    names = dict.fromkeys([*node.input, *(name for graph in graphs for name in _read(graph))])
    outer = [reader.values[name] for name in names if name in reader.values]
    inner = [
        Held(f"{node.output[0]}/{index}", tuple(tensor.dims))
        for index, tensor in enumerate(t for graph in graphs for t in _tensors(graph))
        if tensor.data_type not in (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
        and math.prod(tensor.dims) > 1
    ]
    view = next((item for item in outer if isinstance(item, View | Scores)), None)
    guess = view.shape if view is not None else (1,)
    shapes = [_declared(model, graphs, node, at) or guess for at in range(len(node.output))]
    reader.guessed.update(node.output)
    made = reader.unknown(node, [*outer, *inner], shapes[0], inner=True)
    for name, shape in zip(node.output, shapes, strict=True):
        reader.values[name] = replace(made, shape=shape)
    reader.notes.append(
        f"{node.op_type}: its inner operators are not followed: their weights are counted, and "
        "MACs, times and memory are lower bounds"
    )


def _read(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        for inner in graphs_of(node):
            yield from _read(inner)
    for output in graph.output:
        yield output.name


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield TensorProto(dims=sparse.dims, data_type=sparse.values.data_type)
    for node in graph.node:
        value = attributes(node).get("value") if node.op_type == "Constant" else None
        if isinstance(value, TensorProto):
            yield value
        for inner in graphs_of(node):
            yield from _tensors(inner)


def _declared(
    model: onnx.ModelProto, graphs: list[onnx.GraphProto], node: onnx.NodeProto, at: int
) -> Shape | None:
    """The shape that the file tells of an output, if it has no free axis but the first."""
    told = [*model.graph.value_info, *model.graph.output]
    values = [value for value in told if value.name == node.output[at]]
    if node.op_type == "If":
        values += [graph.output[at] for graph in graphs if at < len(graph.output)]
    for value in values:
        tensor = value.type.tensor_type
        dims = [axis.dim_value or int(index == 0) for index, axis in enumerate(tensor.shape.dim)]
        if tensor.HasField("shape") and all(dims):
            return tuple(dims) or (1,)
    return None
