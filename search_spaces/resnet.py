"""Residual networks for images (He et al. 2016, arXiv:1512.03385).

A stem, three or four stages of residual blocks and a linear head; channels double and the map is
halved from stage to stage. A block is basic (two 3x3 convolutions) or a bottleneck (1x1, 3x3, 1x1
to four times the width), whose 3x3 may be grouped (Xie et al. 2017, arXiv:1611.05431) and which
strides there; either may end in squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507). The
published ResNet-18 to -152 are points of the same construction at width 64.
"""

from __future__ import annotations

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Linear,
    Multiply,
    Pool,
    Shape,
)

__all__ = ["SPACE"]

_BOTTLENECK = 4
_CHOICES = (
    # On small images the published stem, which keeps one pixel of sixteen, is too coarse.
    Choice("stem", ("conv3", "conv3_stride2", "conv7_pool")),
    Choice("block", ("basic", "bottleneck")),
    Choice("groups", (1, 4), only_if=("block", ("bottleneck",))),
    Choice("activation", ("relu", "silu")),
    Choice("width", (8, 12, 16, 24, 32)),
    Choice("squeeze", (0.0, 0.25)),
    Choice("stage1_depth", (1, 2, 3)),
    Choice("stage2_depth", (1, 2, 3)),
    Choice("stage3_depth", (1, 2, 3, 4)),
    Choice("stage4_depth", (0, 1, 2)),
)


def _build(architecture: Architecture, input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    activation = str(architecture["activation"])
    first = int(architecture["width"])
    _stem(chain, str(architecture["stem"]), first, activation)
    for stage in (1, 2, 3, 4):
        for block in range(int(architecture[f"stage{stage}_depth"])):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"stage{stage}_block{block + 1}"
            _block(chain, name, architecture, first * 2 ** (stage - 1), stride)
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


def _stem(chain: Chain, stem: str, width: int, activation: str) -> None:
    kernel, stride = (3, 1) if stem == "conv3" else (3, 2) if stem == "conv3_stride2" else (7, 2)
    chain.conv("stem", width, kernel, stride, activation=activation)
    if stem == "conv7_pool":
        chain.add("stem_pool", Pool("max", 3, 2, 1))


def _block(chain: Chain, name: str, architecture: Architecture, width: int, stride: int) -> None:
    entry, entry_channels = chain.end, chain.shape[0]
    activation = str(architecture["activation"])
    if architecture["block"] == "basic":
        wide = width
        chain.conv(f"{name}_conv1", width, 3, stride, activation=activation)
        chain.conv(f"{name}_conv2", wide, 3)
    else:
        wide = _BOTTLENECK * width
        chain.conv(f"{name}_conv1", width, 1, activation=activation)
        groups = int(architecture["groups"])
        chain.add(f"{name}_conv2", Conv2d(width, width, 3, stride, groups))
        chain.normalise(f"{name}_conv2", activation)
        chain.conv(f"{name}_conv3", wide, 1)
    share = float(architecture["squeeze"])
    if share:
        _squeeze(chain, f"{name}_squeeze", max(1, round(wide * share)))
    branch = chain.end
    shortcut = entry
    if stride > 1 or entry_channels != wide:
        chain.add(f"{name}_shortcut", Conv2d(entry_channels, wide, 1, stride), entry)
        shortcut = chain.add(f"{name}_shortcut_norm", BatchNorm(wide))
    chain.add(f"{name}_sum", Add(), branch, shortcut)
    chain.add(f"{name}_act", Activation(activation))


def _squeeze(chain: Chain, name: str, hidden: int) -> None:
    whole, channels = chain.end, chain.shape[0]
    chain.add(f"{name}_pool", GlobalAveragePool())
    chain.add(f"{name}_reduce", Linear(channels, hidden))
    chain.add(f"{name}_relu", Activation("relu"))
    chain.add(f"{name}_widen", Linear(hidden, channels))
    gate = chain.add(f"{name}_gate", Activation("hardsigmoid"))
    chain.add(f"{name}_scale", Multiply(), whole, gate)


SPACE = SearchSpace(
    name="resnet",
    version=1,
    label="three or four stages of basic or bottleneck residual blocks, for images",
    choices=_CHOICES,
    build=_build,
)
