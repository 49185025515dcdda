"""Operations that move, join, pool or drop values, and the unknown one; none multiplies.

Axes are counted without the batch. See `search_spaces.ops`, where all operations are together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from nas.errors import LayerError
from search_spaces.op_checks import (
    LATER,
    Free,
    Shape,
    arity,
    both,
    flag,
    pair,
    positive,
    shortest,
    whole,
    windows,
)

__all__ = [
    "Concat",
    "Flatten",
    "Opaque",
    "Pool",
    "Reshape",
    "Select",
    "Slice",
    "Tokens",
    "Transpose",
    "Zeros",
]

_POOLS = ("max", "average")


@dataclass(frozen=True, slots=True)
class Select(Free):
    """One entry of the first axis, such as one token; negative counts from the end."""

    kind: ClassVar[str] = "shape"
    index: int

    def __post_init__(self) -> None:
        if isinstance(self.index, bool) or not isinstance(self.index, int):
            raise LayerError(f"Select: index={self.index!r} is not a whole number")

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, C)`` to ``(C,)``."""
        (shape,) = arity("Select", inputs, 1)
        if len(shape) < 2 or not -shape[0] <= self.index < shape[0]:
            raise LayerError(f"Select: got {shape}, expects (T, C) with T beyond {self.index}")
        return shape[1:]


@dataclass(frozen=True, slots=True)
class Slice(Free):
    """Entries ``start`` to ``stop - 1`` of the first axis, such as some columns of a table."""

    kind: ClassVar[str] = "shape"
    start: int
    stop: int

    def __post_init__(self) -> None:
        whole("Slice", "start", self.start, least=0)
        whole("Slice", "stop", self.stop, least=self.start + 1)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, ...)`` to ``(stop - start, ...)``."""
        (shape,) = arity("Slice", inputs, 1)
        if self.stop > shape[0]:
            raise LayerError(f"Slice: got {shape}, expects at least {self.stop} entries")
        return (self.stop - self.start, *shape[1:])


@dataclass(frozen=True, slots=True)
class Concat(Free):
    """Inputs one after the other along an axis; of one it is the identity."""

    kind: ClassVar[str] = "shape"
    axis: int = 0

    def __post_init__(self) -> None:
        whole("Concat", "axis", self.axis, least=0)

    def output_shape(self, *inputs: Shape) -> Shape:
        """The common shape, with the sizes along the axis added."""
        kept = {shape[: self.axis] + shape[self.axis + 1 :] for shape in inputs}
        ranks = {len(shape) for shape in inputs}
        if len(kept) != 1 or len(ranks) != 1 or self.axis >= len(inputs[0]):
            raise LayerError(
                f"Concat: got {inputs}, expects shapes that differ along axis {self.axis} only"
            )
        joined = sum(shape[self.axis] for shape in inputs)
        return (*inputs[0][: self.axis], joined, *inputs[0][self.axis + 1 :])


@dataclass(frozen=True, slots=True)
class Flatten(Free):
    """All values as one vector, in order."""

    kind: ClassVar[str] = "shape"

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape to ``(its product,)``."""
        (shape,) = arity("Flatten", inputs, 1)
        return (math.prod(shape),)


@dataclass(frozen=True, slots=True)
class Reshape(Free):
    """The same values in order under another shape."""

    kind: ClassVar[str] = "shape"
    shape: Shape

    def __post_init__(self) -> None:
        _check_shape("Reshape", self.shape)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape of equal product to ``shape``."""
        (shape,) = arity("Reshape", inputs, 1)
        if math.prod(shape) != math.prod(self.shape):
            raise LayerError(
                f"Reshape: got {shape}, which has {math.prod(shape)} values, "
                f"expects {math.prod(self.shape)}"
            )
        return self.shape


@dataclass(frozen=True, slots=True)
class Transpose(Free):
    """Two axes swapped: series to tokens and back."""

    kind: ClassVar[str] = "shape"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, T)`` to ``(T, C)``."""
        (shape,) = arity("Transpose", inputs, 1)
        if len(shape) != 2:
            raise LayerError(f"Transpose: got {shape}, expects two axes")
        return shape[::-1]


@dataclass(frozen=True, slots=True)
class Tokens(Free):
    """Every position of a map as a token, row by row."""

    kind: ClassVar[str] = "shape"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` to ``(H * W, C)``."""
        (shape,) = arity("Tokens", inputs, 1)
        if len(shape) != 3:
            raise LayerError(f"Tokens: got {shape}, expects (C, H, W)")
        channels, height, width = shape
        return (height * width, channels)


@dataclass(frozen=True, slots=True)
class Pool(Free):
    """Greatest value or mean of every window of a map or series; padding counts for neither.

    Attributes:
        function: ``max`` or ``average``.
        kernel: Size of the window; for maps also (height, width).
        stride: Step of the window; for maps also (height, width).
        padding: Places added on either side, at most half the kernel.
    """

    kind: ClassVar[str] = "pool"
    function: str
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0

    def __post_init__(self) -> None:
        if self.function not in _POOLS:
            raise LayerError(f"Pool: {self.function!r} is not one of {_POOLS}")
        kernel = pair("Pool", "kernel", self.kernel, least=1)
        stride = pair("Pool", "stride", self.stride, least=1)
        padding = pair("Pool", "padding", self.padding, least=0)
        if any(2 * zeros > size for zeros, size in zip(padding, kernel, strict=True)):
            raise LayerError(
                f"Pool: padding={self.padding} is more than half the kernel {self.kernel}, use less"
            )
        for key, value in (("kernel", kernel), ("stride", stride), ("padding", padding)):
            object.__setattr__(self, key, shortest(value))

    def axes(self, count: int) -> tuple[tuple[int, int, int], ...]:
        """Kernel, stride and padding of every axis.

        Args:
            count: 2 for maps, 1 for series.

        Raises:
            LayerError: A series is to be pooled by pairs.
        """
        sizes = (self.kernel, self.stride, self.padding)
        if count == 1 and any(isinstance(size, tuple) for size in sizes):
            raise LayerError(f"Pool: got a series for {sizes}, give one number each")
        pairs = [both(size) for size in sizes]
        return tuple(zip(*pairs, strict=True))[:count]

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` to ``(C, H', W')``, or ``(C, T)`` to ``(C, T')``."""
        (shape,) = arity("Pool", inputs, 1)
        if len(shape) not in (2, 3):
            raise LayerError(f"Pool: got {shape}, expects (C, H, W) or (C, T)")
        axes = self.axes(len(shape) - 1)
        sizes = tuple(windows(s, *axis) for s, axis in zip(shape[1:], axes, strict=True))
        if min(sizes) < 1:
            raise LayerError(f"Pool: got {shape}, smaller than the kernel {self.kernel}")
        return (shape[0], *sizes)


@dataclass(frozen=True, slots=True)
class Zeros(Free):
    """Zeros in the shape of the input, whatever it holds: an edge that carries nothing."""

    kind: ClassVar[str] = "shape"

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape, unchanged."""
        (shape,) = arity("Zeros", inputs, 1)
        return shape


@dataclass(frozen=True, slots=True)
class Opaque:
    """A traced operator that nobody knows: costed by its bytes, never built or exported.

    Attributes:
        operator: What the tracer calls it, with all that tells it from others of that name:
            networks with equal operators in equal places have equal keys.
        shape: Of its output.
        weights: Trainable parameters that it holds.
        products: Multiply-accumulates of one sample that are known of it.
        inner: Whether it has operators within that are not followed.
    """

    kind: ClassVar[str] = "unknown"
    operator: str
    shape: Shape
    weights: int = 0
    products: int = field(default=0, metadata=LATER)
    inner: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        if not isinstance(self.operator, str) or not self.operator:
            raise LayerError(f"Opaque: operator={self.operator!r}, give its name")
        _check_shape("Opaque", self.shape)
        whole("Opaque", "weights", self.weights, least=0)
        whole("Opaque", "products", self.products, least=0)
        flag("Opaque", inner=self.inner)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Whatever goes in, ``shape`` comes out."""
        if not inputs:
            raise LayerError("Opaque: got no inputs, expects one or more")
        return self.shape

    def parameters(self) -> int:
        """Trainable parameters that the tracer found."""
        return self.weights

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample, as far as the tracer knows them."""
        return self.products


def _check_shape(name: str, shape: object) -> None:
    if not isinstance(shape, tuple) or not shape:
        raise LayerError(f"{name}: shape={shape!r}, give for example (1, 28, 28)")
    positive(name, **{f"shape[{axis}]": size for axis, size in enumerate(shape)})
