"""Single layers by kind and shape: chains of them, timed to tell a layer's own time from the rest.

A chain of many layers less one of few is the time of the layers between, whatever a run costs
besides. Shapes are chosen so that one thing decides each: many products an element and many places
a weight for the rate of a kind, few for writing elements and reading weights, next to no work for
starting a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.figure import Figure
from nas.errors import HardwareError
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Conv2d, GlobalAveragePool, Linear, Multiply, Op, Pool, Shape

__all__ = ["CHAINS", "chains", "layer_figures"]

_FEW, _MANY = 2, 10
_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class _Probe:
    """A layer to repeat; `macs` are its MACs, of a pool the elements of its windows."""

    shape: Shape
    layer: Op
    macs: float
    outputs: float = 0.0
    weights: float = 0.0


def _conv(channels: int, size: int, kernel: int, groups: int = 1) -> _Probe:
    outputs = float(channels * size**2)
    products = channels // groups * kernel**2
    layer = Conv2d(channels, channels, kernel, groups=groups)
    return _Probe(
        (channels, size, size), layer, outputs * products, outputs, float(channels * products)
    )


_PROBES: Mapping[str, _Probe] = {
    "dispatch": _Probe((4,), Linear(4, 4), 0.0),
    "start": _conv(16, 2, 1),
    "conv": _conv(64, 14, 3),
    "pointwise": _conv(192, 14, 1),
    "depthwise": _conv(128, 14, 3, groups=128),
    "grouped": _conv(48, 14, 3, groups=8),
    "linear": _Probe((196, 192), Linear(192, 192), 196 * 192.0**2, 196 * 192.0, 192.0**2),
    "pool": _Probe((64, 14, 14), Pool("max", 3, 1, 1), 64 * 14 * 14 * 9.0),
    "output": _conv(16, 28, 1),
    "weight": _conv(256, 2, 1),
}
CHAINS = tuple((name, length) for name in (*_PROBES, "moves") for length in (_FEW, _MANY))
"""What is timed: a probe and how often it is repeated."""


def chains() -> list[tuple[Layer, ...]]:
    """The networks of `CHAINS`, in their order."""
    return [_scalings(length) if name == "moves" else _repeated(name, length)
            for name, length in CHAINS]  # fmt: skip


def _repeated(name: str, length: int) -> tuple[Layer, ...]:
    chain = Chain(_PROBES[name].shape)
    for index in range(length):
        chain.add(f"{name}{index}", _PROBES[name].layer)
    return tuple(chain.layers)


def _scalings(length: int) -> tuple[Layer, ...]:
    """Convolutions of next to no work, each scaled by the mean of its channels."""
    chain = Chain((16, 2, 2))
    for index in range(length):
        source = chain.add(f"conv{index}", Conv2d(16, 16, 1))
        mean = chain.add(f"mean{index}", GlobalAveragePool(), source)
        chain.add(f"scaled{index}", Multiply(), source, mean)
    return tuple(chain.layers)


def layer_figures(seen: NDArray[np.float64], peak_macs_per_s: float, ran: str) -> dict[str, Figure]:
    """Figures of a profile from the times of `CHAINS`.

    Args:
        seen: Seconds, shape (rounds, chains).
        peak_macs_per_s: What efficiencies are shares of.
        ran: Runtime and date, for the sources.

    Returns:
        ``dispatch_s``, ``move_dispatch_s``, ``half_rate_macs`` (a convolution's start beyond the
        dispatch), ``output_macs``, ``weight_macs`` and the efficiencies, as ``efficiency.conv`` and
        so on; each with a range of half to twice for other shapes.

    Raises:
        HardwareError: If more layers took no longer, which says that too few rounds were timed.
    """
    fast = np.percentile(seen, 10, axis=0)
    each = {
        name: (fast[2 * index + 1] - fast[2 * index]) / (_MANY - _FEW)
        for index, name in enumerate((*_PROBES, "moves"))
    }
    if min(each.values()) <= 0.0:
        raise HardwareError("hardware measure: more layers took no longer; give more --rounds")
    dispatch = each["dispatch"]
    told: dict[str, float] = {}

    start = max(each["start"] - dispatch, 0.0)
    # A mean and a scaling beside a convolution.
    moved = max(0.5 * (each["moves"] - each["start"]), 0.1 * dispatch)
    before = {"linear": dispatch, "pool": moved}

    def rate(name: str) -> float:
        ahead = before.get(name, dispatch + start)
        return float(_PROBES[name].macs / max(each[name] - ahead, 0.2 * each[name]))

    told["output_macs"], told["weight_macs"] = 0.0, 0.0

    def full_rate(name: str) -> float:
        probe = _PROBES[name]
        more = told["output_macs"] * probe.outputs + told["weight_macs"] * probe.weights
        return rate(name) * (1.0 + more / probe.macs)

    small, narrow = _PROBES["output"], _PROBES["weight"]
    for _ in range(_ROUNDS):  # each of the three rests on the others, and little
        point = full_rate("pointwise")
        spent = [point * max(each[name] - dispatch - start, 0.0) for name in ("output", "weight")]
        told["output_macs"] = max(
            (spent[0] - small.macs - told["weight_macs"] * small.weights) / small.outputs, 0.5
        )
        told["weight_macs"] = max(
            (spent[1] - narrow.macs - told["output_macs"] * narrow.outputs) / narrow.weights, 0.5
        )
    for name in ("conv", "pointwise", "grouped", "linear"):
        told[f"efficiency.{name}"] = full_rate(name) / peak_macs_per_s
    for name in ("depthwise", "pool"):
        told[f"efficiency.{name}"] = rate(name) / peak_macs_per_s
    told["dispatch_s"] = dispatch
    told["half_rate_macs"] = start * full_rate("pointwise")
    told["move_dispatch_s"] = moved
    text = f"{ran}, {len(seen)} rounds on this machine: single layers in chains of {_FEW} and"
    text += f" {_MANY}, tenth percentiles; half to twice for other shapes"
    return {name: _figure(value, text, name) for name, value in told.items()}


def _figure(value: float, source: str, name: str) -> Figure:
    most = 8.0 if name.startswith("efficiency") else float("inf")
    value = min(value, most)
    return Figure(
        value=value,
        low=value / 2.0,
        high=min(2.0 * value, most),
        basis="measured",
        source=source,
    )
