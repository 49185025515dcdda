"""Convolutions of maps and of series; see `search_spaces.ops`, where all operations are."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas.errors import LayerError
from search_spaces.op_checks import (
    LATER,
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

__all__ = ["Conv1d", "Conv2d"]


@dataclass(frozen=True, slots=True)
class Conv2d:
    """Convolution of maps. Sizes are one number, or (height, width).

    Attributes:
        in_channels: Of its input.
        out_channels: Of its output.
        kernel: Size of the window.
        stride: Step of the window.
        groups: Divides both numbers of channels.
        bias: Whether a number is added to every channel.
        padding: Zeros on either side; None is ``kernel // 2``, for odd kernels.
        dilation: Step within the window.
    """

    in_channels: int
    out_channels: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    groups: int = 1
    bias: bool = False
    padding: int | tuple[int, int] | None = field(default=None, metadata=LATER)
    dilation: int = field(default=1, metadata=LATER)

    def __post_init__(self) -> None:
        _check_channels("Conv2d", self)
        positive("Conv2d", dilation=self.dilation)
        # One spelling for one meaning: equal ops compare equal and have one key.
        for key, least in (("kernel", 1), ("stride", 1), ("padding", 0)):
            size = getattr(self, key)
            if isinstance(size, tuple):
                object.__setattr__(self, key, shortest(pair("Conv2d", key, size, least=least)))
            elif size is not None:
                whole("Conv2d", key, size, least=least)
        flag("Conv2d", bias=self.bias)
        kernel = both(self.kernel)
        if self.padding is None:
            _check_odd("Conv2d", kernel)
        elif kernel[0] % 2 and kernel[1] % 2 and both(self.padding) == _half(kernel):
            object.__setattr__(self, "padding", None)

    @property
    def kind(self) -> str:
        """How it is costed: ``depthwise`` where every input channel is its own group."""
        return "depthwise" if self.groups == self.in_channels > 1 else "conv"

    @property
    def kernel_hw(self) -> tuple[int, int]:
        """Height and width of the window."""
        return both(self.kernel)

    @property
    def stride_hw(self) -> tuple[int, int]:
        """Steps down and to the right."""
        return both(self.stride)

    @property
    def padding_hw(self) -> tuple[int, int]:
        """Zeros above and below, and to the left and right."""
        return _half(self.kernel_hw) if self.padding is None else both(self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, H, W)`` to ``(out_channels, H', W')``; without padding given, H' is H / stride."""
        (shape,) = arity("Conv2d", inputs, 1)
        if len(shape) != 3 or shape[0] != self.in_channels:
            raise LayerError(f"Conv2d: got {shape}, expects ({self.in_channels}, H, W)")
        (high, wide), (down, right) = both(self.kernel), both(self.stride)
        above, left = self.padding_hw
        sizes = (
            windows(shape[1], (high - 1) * self.dilation + 1, down, above),
            windows(shape[2], (wide - 1) * self.dilation + 1, right, left),
        )
        if min(sizes) < 1:
            raise LayerError(f"Conv2d: got {shape}, smaller than the kernel {self.kernel}")
        return (self.out_channels, *sizes)

    def parameters(self) -> int:
        """Trainable parameters: kernel and, if any, bias."""
        return self._products() + self.out_channels * self.bias

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample, positions in the padding included."""
        _, height, width = self.output_shape(*inputs)
        return height * width * self._products()

    def _products(self) -> int:
        height, width = self.kernel_hw
        return self.out_channels * (self.in_channels // self.groups) * height * width


@dataclass(frozen=True, slots=True)
class Conv1d:
    """Convolution of series; ``padding`` None is ``kernel // 2``, for odd kernels."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    groups: int = 1
    bias: bool = False
    padding: int | None = None

    def __post_init__(self) -> None:
        _check_channels("Conv1d", self)
        positive("Conv1d", kernel=self.kernel, stride=self.stride)
        flag("Conv1d", bias=self.bias)
        if self.padding is None:
            _check_odd("Conv1d", (self.kernel,))
            return
        whole("Conv1d", "padding", self.padding, least=0)
        if self.kernel % 2 and self.padding == self.kernel // 2:
            object.__setattr__(self, "padding", None)

    @property
    def kind(self) -> str:
        """How it is costed: ``depthwise`` where every input channel is its own group."""
        return "depthwise" if self.groups == self.in_channels > 1 else "conv"

    @property
    def padding_t(self) -> int:
        """Zeros before and after."""
        return self.kernel // 2 if self.padding is None else self.padding

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(C, T)`` to ``(out_channels, T')``; without padding given, T' is T / stride."""
        (shape,) = arity("Conv1d", inputs, 1)
        if len(shape) != 2 or shape[0] != self.in_channels:
            raise LayerError(f"Conv1d: got {shape}, expects ({self.in_channels}, T)")
        steps = windows(shape[1], self.kernel, self.stride, self.padding_t)
        if steps < 1:
            raise LayerError(f"Conv1d: got {shape}, shorter than the kernel {self.kernel}")
        return (self.out_channels, steps)

    def parameters(self) -> int:
        """Trainable parameters: kernel and, if any, bias."""
        return self._products() + self.out_channels * self.bias

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample, positions in the padding included."""
        _, steps = self.output_shape(*inputs)
        return steps * self._products()

    def _products(self) -> int:
        return self.out_channels * (self.in_channels // self.groups) * self.kernel


def _check_channels(name: str, op: Conv2d | Conv1d) -> None:
    positive(name, in_channels=op.in_channels, out_channels=op.out_channels, groups=op.groups)
    if op.in_channels % op.groups or op.out_channels % op.groups:
        raise LayerError(
            f"{name}: groups={op.groups} does not divide in_channels={op.in_channels} "
            f"and out_channels={op.out_channels}, use a common divisor"
        )


def _check_odd(name: str, kernel: tuple[int, ...]) -> None:
    for size in kernel:
        if size % 2 == 0:
            raise LayerError(f"{name}: kernel={size} is even, use an odd one or give its padding")


def _half(kernel: tuple[int, int]) -> tuple[int, int]:
    return kernel[0] // 2, kernel[1] // 2
