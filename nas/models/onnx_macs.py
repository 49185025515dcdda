"""Multiply-accumulates of ONNX operators that no layer stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import helper

from search_spaces.ops import Shape

__all__ = ["einsum_terms", "macs_of"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def macs_of(node: onnx.NodeProto, inputs: Sequence[Any], shape: Shape) -> int:
    """Multiply-accumulates of one sample; 0 of what is no product.

    Args:
        node: Of any operator.
        inputs: What it reads, each with its shape; None where an input is left out.
        shape: Of its first output.
    """
    kind = node.op_type
    if kind in {"MatMul", "Gemm"}:
        summed = 0 if kind == "Gemm" and _attribute(node, "transA") else -1
        return math.prod(shape) * int(inputs[0].shape[summed])
    if kind in {"Conv", "FusedConv"}:
        return math.prod(shape) * int(math.prod(inputs[1].shape[1:]))
    if kind == "ConvTranspose":
        return int(math.prod(inputs[0].shape) * math.prod(inputs[1].shape[1:]))
    if kind == "Einsum":
        return _einsum(node, inputs)
    return _recurrent(kind, inputs) if kind in _GATES else 0


def _recurrent(kind: str, inputs: Sequence[Any]) -> int:
    """Of both matrices of every gate, at every step of every direction."""
    steps, (directions, _, hidden) = math.prod(inputs[0].shape[:2]), inputs[2].shape
    columns = int(inputs[0].shape[-1]) + hidden
    return int(steps * directions * _GATES[kind] * hidden * columns)


def einsum_terms(node: onnx.NodeProto) -> list[list[str]] | None:
    """The letters of two operands and of the result, "..." as one; None of other equations."""
    text = bytes(_attribute(node, "equation") or b"").decode().replace(" ", "")
    given, arrow, result = text.partition("->")
    operands = given.split(",")
    if not arrow or len(operands) != 2:
        return None
    return [list(item.replace("...", ".")) for item in (*operands, result)]


def _einsum(node: onnx.NodeProto, inputs: Sequence[Any]) -> int:
    """Sizes of all letters multiplied, but of those that one operand sums up before."""
    terms = einsum_terms(node)
    if terms is None or len(inputs) != 2:
        return 0
    sizes: dict[str, int] = {}
    left, right, result = terms
    seen = []
    for letters, value in zip((left, right), inputs, strict=True):
        wide = len(value.shape) - len(letters) + 1
        named = [
            name
            for letter in letters
            for name in ([f".{at}" for at in range(wide, 0, -1)] if letter == "." else [letter])
        ]
        seen.append(set(named))
        for name, size in zip(named, value.shape, strict=True):
            sizes[name] = max(sizes.get(name, 1), int(size))
    counted = [n for n in sizes if n[0] == "." or n in result or n in seen[0] & seen[1]]
    return math.prod(sizes[name] for name in counted)


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    found = (item for item in node.attribute if item.name == name)
    return next((helper.get_attribute_value(item) for item in found), None)
