"""Small image networks of depthwise-separable and inverted-residual blocks.

A stem, three stages and a linear head. A stage is depthwise separable (Howard et al. 2017,
arXiv:1704.04861) or inverted residual (Sandler et al. 2018, arXiv:1801.04381), optionally with
squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507). The map is halved before the second and
the third stage, and by the stem where it strides.
"""

from __future__ import annotations

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Activation, GlobalAveragePool, Linear, Multiply, Shape

__all__ = ["SPACE"]

_STAGES = (1, 2, 3)
_DEPTHS = {1: (1, 2, 3), 2: (1, 2, 3), 3: (1, 2, 3, 4)}
# Of 2,000 random architectures with ten outputs 35 % stay below 0.1 M parameters, 70 % below
# 0.5 M, and 11 % pass 2 M, which a microcontroller cannot store.
_WIDTHS = {1: (8, 16, 24, 32), 2: (16, 32, 64, 96), 3: (32, 96, 256, 384)}


def _choices() -> tuple[Choice, ...]:
    choices = [
        Choice("stem_width", (8, 16, 24)),
        Choice("stem_stride", (1, 2)),
        Choice("activation", ("relu", "hardswish")),
    ]
    for stage in _STAGES:
        block = f"stage{stage}_block"
        choices += [
            Choice(f"stage{stage}_depth", _DEPTHS[stage]),
            Choice(f"stage{stage}_width", _WIDTHS[stage]),
            Choice(block, ("ds", "mb")),
            Choice(f"stage{stage}_expansion", (2, 4, 6), only_if=(block, ("mb",))),
            Choice(f"stage{stage}_kernel", (3, 5)),
            Choice(f"stage{stage}_squeeze", (0.0, 0.25)),
        ]
    return tuple(choices)


def _squeeze(chain: Chain, name: str, hidden: int) -> None:
    whole, channels = chain.end, chain.shape[0]
    chain.add(f"{name}_pool", GlobalAveragePool())
    chain.add(f"{name}_reduce", Linear(channels, hidden))
    chain.add(f"{name}_relu", Activation("relu"))
    chain.add(f"{name}_widen", Linear(hidden, channels))
    gate = chain.add(f"{name}_gate", Activation("hardsigmoid"))
    chain.add(f"{name}_scale", Multiply(), whole, gate)


def _block(chain: Chain, name: str, architecture: Architecture, stage: str, stride: int) -> None:
    """One block; the squeezed width is a share of the block's input, as in EfficientNet."""
    width, kernel = int(architecture[f"{stage}_width"]), int(architecture[f"{stage}_kernel"])
    inverted = architecture[f"{stage}_block"] == "mb"
    activation = str(architecture["activation"])
    entry, channels = chain.end, chain.shape[0]
    wide = channels
    if inverted:
        wide = channels * int(architecture[f"{stage}_expansion"])
        chain.conv(f"{name}_expand", wide, 1, activation=activation)
    deep = f"{name}_depthwise"
    chain.conv(deep, wide, kernel, stride, depthwise=True, activation=activation)
    share = float(architecture[f"{stage}_squeeze"])
    if share:
        _squeeze(chain, f"{name}_squeeze", max(1, round(channels * share)))
    chain.conv(f"{name}_project", width, 1, activation=None if inverted else activation)
    if stride == 1 and channels == width:
        chain.merge(f"{name}_sum", entry)


def _build(architecture: Architecture, input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    activation = str(architecture["activation"])
    stem_width, stem_stride = int(architecture["stem_width"]), int(architecture["stem_stride"])
    chain.conv("stem", stem_width, 3, stem_stride, activation=activation)
    for number in _STAGES:
        stage = f"stage{number}"
        for block in range(int(architecture[f"{stage}_depth"])):
            stride = 2 if number > 1 and block == 0 else 1
            _block(chain, f"{stage}_block{block + 1}", architecture, stage, stride)
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="mbconv",
    version=1,
    label="three stages of depthwise-separable or inverted-residual blocks, for images",
    choices=_choices(),
    build=_build,
)
