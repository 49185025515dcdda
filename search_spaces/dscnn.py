"""Depthwise-separable networks for series and spectrograms: keyword spotting and sensors.

A convolutional stem and separable blocks (Zhang et al. 2017, "Hello Edge", arXiv:1711.07128), over
time alone for a series ``(channels, time)`` and over both axes for a spectrogram
``(1, frequency, time)``; then the mean and a linear head. Kernels are as long as chosen in time
and at most 3 in frequency; both axes are halved by strides. Blocks may be residual.
"""

from __future__ import annotations

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    Conv1d,
    Conv2d,
    GlobalAveragePool,
    Linear,
    Op,
    Shape,
)

__all__ = ["SPACE"]

_CHOICES = (
    Choice("stem_width", (16, 32, 64)),
    Choice("stem_kernel", (3, 5, 9)),
    Choice("stem_stride", (1, 2)),
    Choice("early_depth", (1, 2, 3)),
    Choice("early_width", (16, 32, 64, 96)),
    Choice("early_kernel", (3, 5, 9)),
    Choice("late_depth", (0, 1, 2, 3)),
    Choice("late_width", (32, 64, 96, 128), only_if=("late_depth", (1, 2, 3))),
    Choice("late_kernel", (3, 5, 9), only_if=("late_depth", (1, 2, 3))),
    Choice("residual", (False, True)),
    Choice("activation", ("relu", "hardswish")),
)


def _build(architecture: Architecture, input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    activation = str(architecture["activation"])
    stem_kernel, stem_stride = int(architecture["stem_kernel"]), int(architecture["stem_stride"])
    chain.add("stem", _full(chain.shape, int(architecture["stem_width"]), stem_kernel, stem_stride))
    chain.normalise("stem", activation)
    for half in ("early", "late"):
        for block in range(int(architecture[f"{half}_depth"])):
            width, kernel = (int(architecture[f"{half}_{key}"]) for key in ("width", "kernel"))
            stride = 2 if half == "late" and block == 0 else 1
            name, entry, before = f"{half}{block + 1}", chain.end, chain.shape
            chain.add(f"{name}_depthwise", _depthwise(before, kernel, stride))
            chain.normalise(f"{name}_depthwise", activation)
            chain.add(f"{name}_pointwise", _full(chain.shape, width, 1, 1))
            chain.normalise(f"{name}_pointwise", activation)
            if architecture["residual"] and chain.shape == before:
                chain.merge(f"{name}_sum", entry)
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


def _full(shape: Shape, width: int, kernel: int, stride: int) -> Op:
    if len(shape) == 2:
        return Conv1d(shape[0], width, kernel, stride)
    return Conv2d(shape[0], width, (min(kernel, 3), kernel), stride)


def _depthwise(shape: Shape, kernel: int, stride: int) -> Op:
    channels = shape[0]
    if len(shape) == 2:
        return Conv1d(channels, channels, kernel, stride, groups=channels)
    return Conv2d(channels, channels, (min(kernel, 3), kernel), stride, groups=channels)


SPACE = SearchSpace(
    name="dscnn",
    version=1,
    label="depthwise-separable convolutions, for series and spectrograms",
    choices=_CHOICES,
    build=_build,
    accepts=("series", "image"),
)
