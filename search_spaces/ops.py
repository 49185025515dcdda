"""Operations of a layer: small values that know their shapes, parameters and multiplications.

Shapes are channels first, without the batch: ``(C, H, W)`` for maps, ``(C,)`` for vectors. Every
operation has `kind` (text), `output_shape(*inputs)`, `parameters()` and `macs(*inputs)`; the
inputs are the shapes of what it consumes, and a shape that does not fit is a `LayerError`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from nas.errors import LayerError

__all__ = [
    "Activation",
    "Add",
    "BatchNorm",
    "Conv2d",
    "GlobalAveragePool",
    "Input",
    "Linear",
    "Multiply",
    "Op",
    "Shape",
]

Shape = tuple[int, ...]

_ACTIVATIONS = ("relu", "relu6", "hardswish", "silu", "hardsigmoid", "sigmoid")


class _Free:
    """What neither holds parameters nor multiplies; BatchNorm is folded, sums are not counted."""

    __slots__ = ()

    def parameters(self) -> int:
        """Trainable parameters: none."""
        return 0

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: none are counted."""
        return 0


@dataclass(frozen=True, slots=True)
class Input(_Free):
    """What the network is given: one sample of this shape."""

    kind: ClassVar[str] = "input"
    shape: Shape

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple) or not self.shape:
            raise LayerError(f"Input: shape={self.shape!r}, give for example (1, 28, 28)")
        _positive("Input", **{f"shape[{axis}]": size for axis, size in enumerate(self.shape)})

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of one sample; there are no inputs."""
        _arity("Input", inputs, 0)
        return self.shape


@dataclass(frozen=True, slots=True)
class Conv2d:
    """Square convolution of an odd kernel, padded by ``kernel // 2``."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        sizes = {field.name: getattr(self, field.name) for field in fields(self)[:5]}
        _positive("Conv2d", **sizes)
        _flag("Conv2d", self.bias)
        if self.kernel % 2 == 0:
            raise LayerError(f"Conv2d: kernel={self.kernel} is even, use an odd one")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise LayerError(
                f"Conv2d: groups={self.groups} does not divide in_channels={self.in_channels} "
                f"and out_channels={self.out_channels}, use a common divisor"
            )

    @property
    def kind(self) -> str:
        """How it is costed: ``depthwise`` where every input channel is its own group."""
        return "depthwise" if self.groups == self.in_channels > 1 else "conv"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` to ``(out_channels, ceil(H / stride), ceil(W / stride))``."""
        (shape,) = _arity("Conv2d", inputs, 1)
        if len(shape) != 3 or shape[0] != self.in_channels:
            raise LayerError(f"Conv2d: got {shape}, expects ({self.in_channels}, H, W)")
        return (self.out_channels, *((size - 1) // self.stride + 1 for size in shape[1:]))

    def parameters(self) -> int:
        """Trainable parameters: kernel and, if any, bias."""
        weights = self.out_channels * (self.in_channels // self.groups) * self.kernel**2
        return weights + self.out_channels * self.bias

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample, positions in the padding included."""
        channels, height, width = self.output_shape(*inputs)
        return channels * height * width * (self.in_channels // self.groups) * self.kernel**2


@dataclass(frozen=True, slots=True)
class BatchNorm(_Free):
    """Batch normalisation of maps, by channel; folded into the layer before it at inference."""

    kind: ClassVar[str] = "batch_norm"
    channels: int

    def __post_init__(self) -> None:
        _positive("BatchNorm", channels=self.channels)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` unchanged."""
        (shape,) = _arity("BatchNorm", inputs, 1)
        if len(shape) != 3 or shape[0] != self.channels:
            raise LayerError(f"BatchNorm: got {shape}, expects ({self.channels}, H, W)")
        return shape

    def parameters(self) -> int:
        """Trainable parameters: scale and offset; running statistics are not trained."""
        return 2 * self.channels


@dataclass(frozen=True, slots=True)
class Activation(_Free):
    """Elementwise: relu, relu6, hardswish, silu, hardsigmoid or sigmoid."""

    kind: ClassVar[str] = "activation"
    function: str

    def __post_init__(self) -> None:
        if self.function not in _ACTIVATIONS:
            raise LayerError(f"Activation: {self.function!r} is not one of {_ACTIVATIONS}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape, unchanged."""
        (shape,) = _arity("Activation", inputs, 1)
        return shape


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(_Free):
    """Mean of every channel over its map."""

    kind: ClassVar[str] = "pool"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` to ``(C,)``."""
        (shape,) = _arity("GlobalAveragePool", inputs, 1)
        if len(shape) != 3:
            raise LayerError(f"GlobalAveragePool: got {shape}, expects (C, H, W)")
        return shape[:1]


@dataclass(frozen=True, slots=True)
class Linear:
    """Fully connected layer."""

    kind: ClassVar[str] = "linear"
    in_features: int
    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        _positive("Linear", in_features=self.in_features, out_features=self.out_features)
        _flag("Linear", self.bias)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(in_features,)`` to ``(out_features,)``."""
        (shape,) = _arity("Linear", inputs, 1)
        if shape != (self.in_features,):
            raise LayerError(f"Linear: got {shape}, expects ({self.in_features},)")
        return (self.out_features,)

    def parameters(self) -> int:
        """Trainable parameters: matrix and, if any, bias."""
        return self.in_features * self.out_features + self.out_features * self.bias

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample."""
        self.output_shape(*inputs)
        return self.in_features * self.out_features


@dataclass(frozen=True, slots=True)
class Add(_Free):
    """Sum of one or more equal shapes; of one it is the identity."""

    kind: ClassVar[str] = "add"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The common shape of all inputs."""
        if not inputs or any(shape != inputs[0] for shape in inputs):
            raise LayerError(f"Add: got {inputs}, expects one or more equal shapes")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Multiply(_Free):
    """A map times its gate: ``(C, H, W)`` first, then ``(C,)`` or a second map of that shape."""

    kind: ClassVar[str] = "multiply"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the first input."""
        shape, gate = _arity("Multiply", inputs, 2)
        if gate not in (shape, shape[:1]):
            raise LayerError(f"Multiply: got {shape} and {gate}, expects (C, H, W) and (C,)")
        return shape


Op = Input | Conv2d | BatchNorm | Activation | GlobalAveragePool | Linear | Add | Multiply


def _arity(name: str, inputs: tuple[Shape, ...], count: int) -> tuple[Shape, ...]:
    if len(inputs) != count:
        raise LayerError(f"{name}: got {len(inputs)} inputs, expects {count}")
    return inputs


def _positive(name: str, **values: object) -> None:
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise LayerError(f"{name}: {key}={value!r} is not a whole number of at least 1")


def _flag(name: str, bias: object) -> None:
    if not isinstance(bias, bool):
        raise LayerError(f"{name}: bias={bias!r} is not true or false")
