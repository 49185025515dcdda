"""What a tensor of an ONNX graph stands for, and words on nodes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

from search_spaces.ops import Shape

__all__ = ["Held", "Scores", "View", "attributes", "name_of", "one_line", "sample", "size"]


@dataclass(frozen=True, slots=True)
class View:
    """Some or all elements of a layer's output.

    Attributes:
        layer: The layer's name.
        shape: Of the tensor, with the batch of one.
        moved: Whether its elements stand in another order.
        scaled: Whether they are multiplied by a number.
        heads: Whether it is what an attention gives, whose heads are joined in its kernel.
    """

    layer: str
    shape: Shape
    moved: bool = False
    scaled: bool = False
    heads: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A parameter: the initialiser that it is, and the shape in which it is read."""

    owner: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Scores:
    """Products of queries and keys, before or after the softmax.

    Attributes:
        queries: ``(..., T, features)``.
        keys: ``(..., features, S)``.
        shape: Of the products.
        weights: Whether the softmax was taken.
    """

    queries: View
    keys: View
    shape: Shape
    weights: bool = False


def sample(shape: Shape) -> Shape:
    """A shape without the batch of one."""
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape or (1,)


def size(view: View) -> int:
    """Elements of a tensor."""
    return math.prod(view.shape)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of a node by name."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def name_of(node: onnx.NodeProto) -> str:
    """After the node, with words that the breakdown of costs knows."""
    text = (node.name or node.op_type).lower()
    text = re.sub(r"(?<![a-z])(self_)?attn(?![a-z])", "attention", text)
    return re.sub(r"(?<![a-z])(ffn|feed_forward|mlp)(?![a-z])", "feedforward", text)


def one_line(error: Exception) -> str:
    """What an error says, cut short."""
    return re.sub(r"\s+", " ", str(error)).strip()[:160]
