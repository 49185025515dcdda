"""Nodes of an ONNX graph that together are one operator: GELU, and the norm by root mean square."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper

__all__ = ["Joined", "joined"]


@dataclass
class Joined:
    """Nodes that together are one operator.

    Attributes:
        nodes: What stands for the last of them, by its output.
        skipped: Outputs of the others.
    """

    nodes: dict[str, onnx.NodeProto] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)


def joined(model: onnx.ModelProto, constants: Mapping[str, Any]) -> Joined:
    """Find them.

    Args:
        model: Any.
        constants: Arrays by tensor, among others.
    """
    graph, found = _Graph(model, constants), Joined()
    for node in model.graph.node:
        if node.op_type == "Erf":
            _gelu(graph, node, found)
        elif node.op_type == "ReduceMean":
            _rms_norm(graph, node, found)
    return found


class _Graph:
    def __init__(self, model: onnx.ModelProto, constants: Mapping[str, Any]) -> None:
        self.made = {name: node for node in model.graph.node for name in node.output}
        self.read: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.read.setdefault(name, []).append(node)
        self.constants = constants

    def is_constant(self, name: str) -> bool:
        constant = name in self.made and self.made[name].op_type == "Constant"
        return constant or isinstance(self.constants.get(name), np.ndarray)

    def only(self, node: onnx.NodeProto | None, *kinds: str) -> onnx.NodeProto | None:
        """The one node that reads what a node gives, if it is of a kind."""
        nodes = [] if node is None else self.read.get(node.output[0], [])
        return nodes[0] if len(nodes) == 1 and nodes[0].op_type in kinds else None


def _other(node: onnx.NodeProto, name: str) -> str:
    return next((item for item in node.input if item != name), name)


def _gelu(graph: _Graph, erf: onnx.NodeProto, found: Joined) -> None:
    """Of x / 2 * (1 + erf(x / sqrt 2)), in either order of its products."""
    scaled = graph.made.get(erf.input[0])
    one = graph.only(erf, "Add")
    gate = graph.only(one, "Mul")
    if scaled is None or scaled.op_type not in {"Div", "Mul"} or one is None or gate is None:
        return
    x = next((name for name in scaled.input if not graph.is_constant(name)), "")
    whole = _other(gate, one.output[0])
    half = graph.made.get(whole)
    skipped, last = {scaled.output[0], erf.output[0], one.output[0]}, gate
    if whole == x:
        final = graph.only(gate, "Mul")
        if final is None or not graph.is_constant(_other(final, gate.output[0])):
            return
        skipped, last = skipped | {gate.output[0]}, final
    elif half is not None and half.op_type == "Mul" and x in half.input:
        skipped |= {whole}
    else:
        return
    output = last.output[0]
    found.nodes[output] = helper.make_node("Gelu", [x], [output], name=erf.name)
    found.skipped |= skipped


def _rms_norm(graph: _Graph, mean: onnx.NodeProto, found: Joined) -> None:
    """Of w * x / sqrt(mean(x ** 2) + epsilon)."""
    square = graph.made.get(mean.input[0])
    raised = graph.only(mean, "Add")
    root = graph.only(raised, "Sqrt")
    last = graph.only(root, "Div", "Reciprocal")
    if square is None or raised is None or root is None or last is None:
        return
    skipped = {node.output[0] for node in (square, mean, raised, root)}
    x = square.input[0]
    squared = list(square.input) == [x, x] or square.op_type == "Pow"
    if last.op_type == "Reciprocal":
        skipped.add(last.output[0])
        even = graph.only(last, "Mul")
    else:
        even = last
    scaled = graph.only(even, "Mul")
    if not squared or even is None or scaled is None or x not in even.input:
        return
    weight = _other(scaled, even.output[0])
    if weight in graph.made and graph.made[weight].op_type != "Constant":
        return
    skipped.add(even.output[0])
    output = scaled.output[0]
    found.nodes[output] = helper.make_node(
        "RMSNormalization", [x, weight], [output], name=mean.name
    )
    found.skipped |= skipped
