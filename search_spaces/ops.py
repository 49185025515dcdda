"""Operations of a layer: small values that know their shapes, parameters and multiplications.

Shapes are without the batch: ``(C, H, W)`` for maps, ``(C, T)`` for series, ``(T, C)`` for tokens,
``(C,)`` for vectors, ``(T,)`` for identifiers. Every operation has `kind` (text),
`output_shape(*inputs)`, `parameters()` and `macs(*inputs)`; the inputs are the shapes of what it
consumes, and a shape that does not fit is a `LayerError`. All operations are found here;
those of `conv_ops`, `token_ops` and `shape_ops` are defined there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from nas.errors import LayerError
from search_spaces.conv_ops import Conv1d, Conv2d
from search_spaces.op_checks import Free, Shape, arity, flag, positive
from search_spaces.shape_ops import (
    Concat,
    Flatten,
    Opaque,
    Pool,
    Reshape,
    Select,
    Slice,
    Tokens,
    Transpose,
    Zeros,
)
from search_spaces.token_ops import (
    Attention,
    ClassToken,
    Embedding,
    Grams,
    Interaction,
    LayerNorm,
    MemberMean,
    Positions,
    Recurrent,
    RMSNorm,
    TokenMean,
)

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "BatchNorm",
    "ClassToken",
    "Concat",
    "Conv1d",
    "Conv2d",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "Grams",
    "Input",
    "Interaction",
    "LayerNorm",
    "Linear",
    "MemberMean",
    "Multiply",
    "Op",
    "Opaque",
    "Pool",
    "Positions",
    "RMSNorm",
    "Recurrent",
    "Reshape",
    "Select",
    "Shape",
    "Slice",
    "TokenMean",
    "Tokens",
    "Transpose",
    "Zeros",
]

_ACTIVATIONS = (
    "relu",
    "relu6",
    "hardswish",
    "silu",
    "hardsigmoid",
    "sigmoid",
    "gelu",
    "tanh",
    "elu",
    "softplus",
    "sin",
    "cos",
    "softmax",
)


@dataclass(frozen=True, slots=True)
class Input(Free):
    """What the network is given: one sample of this shape."""

    kind: ClassVar[str] = "input"
    shape: Shape

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple) or not self.shape:
            raise LayerError(f"Input: shape={self.shape!r}, give for example (1, 28, 28)")
        positive("Input", **{f"shape[{axis}]": size for axis, size in enumerate(self.shape)})

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of one sample; there are no inputs."""
        arity("Input", inputs, 0)
        return self.shape


@dataclass(frozen=True, slots=True)
class BatchNorm(Free):
    """Batch normalisation by channel; folded into the layer before it at inference."""

    kind: ClassVar[str] = "batch_norm"
    channels: int

    def __post_init__(self) -> None:
        positive("BatchNorm", channels=self.channels)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)``, ``(C, T)`` or ``(C,)`` unchanged."""
        (shape,) = arity("BatchNorm", inputs, 1)
        if len(shape) > 3 or shape[0] != self.channels:
            raise LayerError(
                f"BatchNorm: got {shape}, expects ({self.channels}, H, W), "
                f"({self.channels}, T) or ({self.channels},)"
            )
        return shape

    def parameters(self) -> int:
        """Trainable parameters: scale and offset; running statistics are not trained."""
        return 2 * self.channels


@dataclass(frozen=True, slots=True)
class Activation(Free):
    """Elementwise: relu, relu6, hardswish, silu, hardsigmoid, sigmoid, gelu (by the error
    function), tanh, elu, softplus, sin or cos; or softmax over the last axis.
    """

    kind: ClassVar[str] = "activation"
    function: str

    def __post_init__(self) -> None:
        if self.function not in _ACTIVATIONS:
            raise LayerError(f"Activation: {self.function!r} is not one of {_ACTIVATIONS}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape, unchanged."""
        (shape,) = arity("Activation", inputs, 1)
        return shape


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(Free):
    """Mean of every channel over its map or series."""

    kind: ClassVar[str] = "pool"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` or ``(C, T)`` to ``(C,)``."""
        (shape,) = arity("GlobalAveragePool", inputs, 1)
        if len(shape) not in (2, 3):
            raise LayerError(f"GlobalAveragePool: got {shape}, expects (C, H, W) or (C, T)")
        return shape[:1]


@dataclass(frozen=True, slots=True)
class Linear:
    """Fully connected layer, on the last axis of a vector or of tokens."""

    kind: ClassVar[str] = "linear"
    in_features: int
    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive("Linear", in_features=self.in_features, out_features=self.out_features)
        flag("Linear", bias=self.bias)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(in_features,)`` to ``(out_features,)``, and every token likewise."""
        (shape,) = arity("Linear", inputs, 1)
        if len(shape) not in (1, 2) or shape[-1] != self.in_features:
            raise LayerError(
                f"Linear: got {shape}, expects ({self.in_features},) or (T, {self.in_features})"
            )
        return (*shape[:-1], self.out_features)

    def parameters(self) -> int:
        """Trainable parameters: matrix and, if any, bias."""
        return self.in_features * self.out_features + self.out_features * self.bias

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample."""
        return math.prod(self.output_shape(*inputs)) * self.in_features


@dataclass(frozen=True, slots=True)
class Add(Free):
    """Sum of one or more equal shapes; of one it is the identity."""

    kind: ClassVar[str] = "add"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The common shape of all inputs."""
        if not inputs or any(shape != inputs[0] for shape in inputs):
            raise LayerError(f"Add: got {inputs}, expects one or more equal shapes")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Multiply(Free):
    """Values times their gate: any shape first, then an equal one or its first axis, ``(C,)``."""

    kind: ClassVar[str] = "multiply"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the first input."""
        shape, gate = arity("Multiply", inputs, 2)
        if gate not in (shape, shape[:1]):
            raise LayerError(f"Multiply: got {shape} and {gate}, expects (C, H, W) and (C,)")
        return shape


Op = (
    Input
    | Conv2d
    | BatchNorm
    | Activation
    | GlobalAveragePool
    | Linear
    | Add
    | Multiply
    | Conv1d
    | Pool
    | LayerNorm
    | RMSNorm
    | Attention
    | Embedding
    | Grams
    | Positions
    | ClassToken
    | TokenMean
    | MemberMean
    | Interaction
    | Recurrent
    | Select
    | Slice
    | Concat
    | Flatten
    | Reshape
    | Transpose
    | Tokens
    | Zeros
    | Opaque
)
