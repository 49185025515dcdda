"""Products and weights of convolutions that meet nothing but the zeros around a map."""

from __future__ import annotations

import math
from functools import lru_cache

from search_spaces.ops import Conv1d, Conv2d, Op, Shape

__all__ = ["padded_macs", "unmet_weights"]


def padded_macs(op: Op, entry: Shape, output: Shape, macs: int) -> int:
    """MACs with padding among those of a layer; 0 of what is no convolution.

    Args:
        op: The layer's operator.
        entry: Shape of its input.
        output: Of its output.
        macs: All of its MACs, padding included.
    """
    met = [taps for taps, _, _ in _axes(op, entry, output)]
    every = [kernel * places for _, kernel, places in _axes(op, entry, output)]
    return macs - macs // math.prod(every) * math.prod(map(sum, met))


def unmet_weights(op: Op, entry: Shape, output: Shape, weights: int) -> int:
    """Weights of a layer that meet padding alone; 0 of what is no convolution.

    Args:
        op: The layer's operator.
        entry: Shape of its input.
        output: Of its output.
        weights: All of them, biases aside.
    """
    met = [sum(count > 0 for count in taps) for taps, _, _ in _axes(op, entry, output)]
    every = [kernel for _, kernel, _ in _axes(op, entry, output)]
    return weights - weights // math.prod(every) * math.prod(met)


@lru_cache(maxsize=4096)
def _axes(op: Op, entry: Shape, output: Shape) -> list[tuple[tuple[int, ...], int, int]]:
    """Of each axis of a convolution how often each tap meets the map, their number and places."""
    if isinstance(op, Conv2d):
        axes = zip(op.kernel_hw, op.stride_hw, op.padding_hw, (op.dilation,) * 2, strict=True)
    elif isinstance(op, Conv1d):
        axes = zip((op.kernel,), (op.stride,), (op.padding_t,), (1,), strict=True)
    else:
        return []
    return [
        (_met(entry[index], output[index], axis), axis[0], output[index])
        for index, axis in enumerate(axes, 1)
    ]


@lru_cache(maxsize=4096)
def _met(size: int, places: int, window: tuple[int, int, int, int]) -> tuple[int, ...]:
    """How many windows of kernel, stride, padding and step have each tap on the map."""
    kernel, stride, padding, step = window
    firsts = range(-padding, places * stride - padding, stride)
    return tuple(sum(0 <= first + tap * step < size for first in firsts) for tap in range(kernel))
