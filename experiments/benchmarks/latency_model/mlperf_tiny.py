"""The four reference models of MLPerf Tiny, whose MACs are those the README of the data counts."""

from __future__ import annotations

from itertools import pairwise

from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Activation, Add, Conv2d, GlobalAveragePool, Linear

MACS = {"ic": 12_501_632, "vww": 7_489_664, "kws": 2_656_768, "ad": 264_192}


def tiny_models() -> dict[str, tuple[Layer, ...]]:
    """Layers by the task of the benchmark."""
    return {"ic": _resnet8(), "vww": _mobilenet(), "kws": _dscnn(), "ad": _autoencoder()}


def _classified(chain: Chain, outputs: int) -> tuple[Layer, ...]:
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


def _resnet8() -> tuple[Layer, ...]:
    chain = Chain((3, 32, 32))
    chain.conv("stem", 16, 3, activation="relu")
    for number, (width, stride) in enumerate([(16, 1), (32, 2), (64, 2)]):
        entry = chain.end
        chain.conv(f"a{number}", width, 3, stride, activation="relu")
        branch = chain.conv(f"b{number}", width, 3)
        if stride == 2:
            chain.add(f"skip{number}", Conv2d(chain.shapes[entry][0], width, 1, 2), entry)
            entry = chain.normalise(f"skip{number}")
        chain.add(f"sum{number}", Add(), branch, entry)
        chain.add(f"out{number}", Activation("relu"))
    return _classified(chain, 10)


def _separable(chain: Chain, name: str, width: int, stride: int) -> None:
    chain.conv(f"{name}_depth", chain.shape[0], 3, stride, depthwise=True, activation="relu")
    chain.conv(f"{name}_point", width, 1, activation="relu")


def _mobilenet() -> tuple[Layer, ...]:
    chain = Chain((3, 96, 96))
    chain.conv("stem", 8, 3, 2, activation="relu")
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)]
    blocks += [(128, 1)] * 5 + [(256, 2), (256, 1)]
    for number, (width, stride) in enumerate(blocks):
        _separable(chain, f"block{number}", width, stride)
    return _classified(chain, 2)


def _dscnn() -> tuple[Layer, ...]:
    chain = Chain((1, 49, 10))
    chain.add("stem", Conv2d(1, 64, (10, 4), 2, padding=(5, 1)))
    chain.normalise("stem", "relu")
    for number in range(4):
        _separable(chain, f"block{number}", 64, 1)
    return _classified(chain, 12)


def _autoencoder() -> tuple[Layer, ...]:
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    chain = Chain((640,))
    for number, (wide, narrow) in enumerate(pairwise(widths)):
        chain.add(f"linear{number}", Linear(wide, narrow))
        if number < len(widths) - 2:
            chain.add(f"relu{number}", Activation("relu"))
    return tuple(chain.layers)
