"""Products of convolutions that meet nothing but the zeros around a map."""

from __future__ import annotations

from functools import lru_cache

from search_spaces.ops import Conv1d, Conv2d, Op, Shape

__all__ = ["padded_macs"]


def padded_macs(op: Op, entry: Shape, output: Shape, macs: int) -> int:
    """MACs with padding among those of a layer; 0 of what is no convolution.

    Args:
        op: The layer's operator.
        entry: Shape of its input.
        output: Of its output.
        macs: All of its MACs, padding included.
    """
    if isinstance(op, Conv2d):
        axes = zip(op.kernel_hw, op.stride_hw, op.padding_hw, (op.dilation,) * 2, strict=True)
    elif isinstance(op, Conv1d):
        axes = zip((op.kernel,), (op.stride,), (op.padding_t,), (1,), strict=True)
    else:
        return 0
    every = inside = 1
    for index, (kernel, stride, padding, step) in enumerate(axes, 1):
        every *= output[index] * kernel
        firsts = range(-padding, output[index] * stride - padding, stride)
        inside *= _inside(entry[index], firsts, range(0, kernel * step, step))
    return macs - macs // every * inside


@lru_cache(maxsize=4096)
def _inside(size: int, firsts: range, taps: range) -> int:
    """Taps of all windows along an axis, from their first places, that lie on the map."""
    return sum(0 <= first + tap < size for first in firsts for tap in taps)
