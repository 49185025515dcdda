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
from search_spaces.layers import Layer, mac_count
from search_spaces.ops import (
    Activation,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
    Op,
    Pool,
    Shape,
)

__all__ = ["CHAINS", "chains", "dispatch_figure", "layer_figures", "layer_rows"]

_FEW, _MANY = 2, 10
_ROUNDS = 30
_NO_LONGER = "hardware measure: more layers took no longer; give more --rounds"


@dataclass(frozen=True, slots=True)
class _Probe:
    """A layer to repeat; `macs` are its MACs but those with padding, of a pool the elements of its
    windows.
    """

    shape: Shape
    layer: Op
    macs: float
    outputs: float = 0.0
    weights: float = 0.0


def _conv(channels: int, size: int, kernel: int, groups: int = 1) -> _Probe:
    outputs, depth, reach = float(channels * size**2), channels // groups, kernel // 2
    taps = size * kernel - reach * (reach + 1)  # of all windows along an axis, on the map
    layer = Conv2d(channels, channels, kernel, groups=groups)
    weights = float(channels * depth * kernel**2)
    return _Probe(
        (channels, size, size), layer, float(channels * depth * taps**2), outputs, weights
    )


_PROBES: Mapping[str, _Probe] = {
    "dispatch": _Probe((4,), Linear(4, 4), 0.0),
    "start": _conv(16, 2, 1),
    "conv": _conv(64, 14, 3),
    "pointwise": _conv(192, 14, 1),
    "depthwise": _conv(128, 14, 3, groups=128),
    "depthwise5": _conv(128, 14, 5, groups=128),
    "grouped": _conv(48, 14, 3, groups=8),
    "linear": _Probe((196, 192), Linear(192, 192), 196 * 192.0**2, 196 * 192.0, 192.0**2),
    "pool": _Probe((64, 14, 14), Pool("max", 3, 1, 1), 64 * 14 * 14 * 9.0),
    "output": _conv(16, 28, 1),
    "weight": _conv(256, 2, 1),
    "narrow1": _conv(8, 28, 1),
    "narrow3": _conv(8, 28, 3),
    "block80": _conv(80, 14, 1),
    "block72": _conv(72, 14, 1),
    "block68": _conv(68, 14, 1),
}
_NAMES = (*_PROBES, "moves", "curved")
CHAINS = tuple((name, length) for name in _NAMES for length in (_FEW, _MANY))
"""What is timed: a probe and how often it is repeated."""


def chains() -> list[tuple[Layer, ...]]:
    """The networks of `CHAINS`, in their order."""
    made = {"moves": _scalings, "curved": _curved}
    return [
        made[name](length) if name in made else _repeated(name, length) for name, length in CHAINS
    ]


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


def _curved(length: int) -> tuple[Layer, ...]:
    """The convolutions of the probe of outputs, each with a hard swish."""
    chain = Chain(_PROBES["output"].shape)
    for index in range(length):
        chain.add(f"output{index}", _PROBES["output"].layer)
        chain.add(f"curved{index}", Activation("hardswish"))
    return tuple(chain.layers)


def layer_figures(seen: NDArray[np.float64], peak_macs_per_s: float, ran: str) -> dict[str, Figure]:
    """Figures of a profile from the times of `CHAINS`.

    Args:
        seen: Seconds, shape (rounds, chains).
        peak_macs_per_s: What efficiencies are shares of.
        ran: Runtime and date, for the sources.

    Returns:
        ``dispatch_s``, ``move_dispatch_s``, ``half_rate_macs`` (a convolution's start beyond the
        dispatch), ``output_macs``, ``depthwise_output_macs``, ``weight_macs`` and the efficiencies,
        as ``efficiency.conv`` and so on, for a runtime that leaves products with padding out; each
        with a range of half to twice for other shapes.

    Raises:
        HardwareError: If more layers took no longer, which says that too few rounds were timed.
    """
    each = _each_s(seen)
    if min(each.values()) <= 0.0:
        raise HardwareError(_NO_LONGER)
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
    told["efficiency.pool"] = rate("pool") / peak_macs_per_s
    told["dispatch_s"] = dispatch
    told["half_rate_macs"] = start * full_rate("pointwise")
    window, wide = _PROBES["depthwise"], _PROBES["depthwise5"]
    longer = max(each["depthwise5"] - each["depthwise"], 0.1 * each["depthwise"])
    narrow_rate = (wide.macs - window.macs) / longer
    spent_macs = (each["depthwise"] - dispatch) * narrow_rate - told["half_rate_macs"]
    told["channel_block"] = _channel_block(each)
    told["activation_s"] = max(each["curved"] - each["output"], 0.0) / _PROBES["output"].outputs
    told["narrow_share"] = _narrow_share(told, each, peak_macs_per_s)
    told["depthwise_output_macs"] = max((spent_macs - window.macs) / window.outputs, 0.0)
    told["efficiency.depthwise"] = narrow_rate / peak_macs_per_s
    told["move_dispatch_s"] = moved
    text = f"{ran}, {len(seen)} rounds on this machine: single layers in chains of {_FEW} and"
    text += f" {_MANY}, tenth percentiles; half to twice for other shapes"
    return {name: _figure(value, text, name) for name, value in told.items()}


def _each_s(seen: NDArray[np.float64]) -> dict[str, float]:
    """Seconds of one repeat of each chain: what it takes with many less that with few."""
    fast = np.percentile(seen, 10, axis=0)
    return {
        name: float(fast[2 * index + 1] - fast[2 * index]) / (_MANY - _FEW)
        for index, name in enumerate(_NAMES)
    }


def dispatch_figure(seen: NDArray[np.float64], ran: str) -> Figure:
    """What a kernel with next to no work takes, as on a GPU that is told each by its processor.

    Args:
        seen: Seconds, shape (rounds, chains).
        ran: Runtime and date, for the source.

    Raises:
        HardwareError: If more layers took no longer.
    """
    value = _each_s(seen)["dispatch"]
    if value <= 0.0:
        raise HardwareError(_NO_LONGER)
    return _figure(
        value, f"{ran}, {len(seen)} rounds: chains of linear layers of 4 x 4", "dispatch"
    )


def layer_rows(seen: NDArray[np.float64], ran: str) -> list[dict[str, str]]:
    """Time of one layer of each chain, for a table beside the models.

    Args:
        seen: Seconds, shape (rounds, chains).
        ran: What ran them.

    Returns:
        Rows of ``probe``, ``layer`` (what is repeated), ``shape`` of its input, ``macs``,
        ``latency_s`` and ``runtime``. A time of 0 or less says that it drowned in the noise.
    """
    networks, rows = chains(), []
    for index, (name, seconds) in enumerate(_each_s(seen).items()):
        few, many = networks[2 * index], networks[2 * index + 1]
        repeated = few[1 : 1 + (len(many) - len(few)) // (_MANY - _FEW)]
        entry = few[0].op
        rows.append(
            {
                "probe": name,
                "layer": " + ".join(str(layer.op) for layer in repeated),
                "shape": "x".join(map(str, entry.shape if isinstance(entry, Input) else ())),
                "macs": str((mac_count(many) - mac_count(few)) // (_MANY - _FEW)),
                "latency_s": f"{seconds:.6g}",
                "runtime": ran,
            }
        )
    return rows


def _narrow_share(told: Mapping[str, float], each: Mapping[str, float], peak: float) -> float:
    """Middle of two windows' share of their rate where inputs of 8 channels fill no block.

    What runtimes do around such a layer, such as changes of layout, counts as its time.
    """
    shares = []
    for name, kind in (("narrow1", "pointwise"), ("narrow3", "conv")):
        probe, block = _PROBES[name], told["channel_block"]
        filled = np.ceil(probe.shape[0] / block) * block / probe.shape[0]
        macs = (probe.macs + told["output_macs"] * probe.outputs) * filled
        macs += told["weight_macs"] * probe.weights * filled + told["half_rate_macs"]
        full_s = macs / (told[f"efficiency.{kind}"] * peak)
        shares.append(full_s / max(each[name] - told["dispatch_s"], full_s))
    return float(np.sqrt(shares[0] * shares[1]))


def _channel_block(each: Mapping[str, float]) -> float:
    """Channels that a convolution computes together: 72 take the time of 80 in blocks of 16.

    In blocks of 8 they take 0.81 to 0.9 of it, and 68 take the time of 72; in blocks of 4 these
    take 0.89 to 0.95 of it.
    """
    if each["block72"] > 0.93 * each["block80"]:
        return 16.0
    return 8.0 if each["block68"] > 0.97 * each["block72"] else 1.0


def _figure(value: float, source: str, name: str) -> Figure:
    if name == "channel_block":
        return Figure(value=value, basis="measured", source=source)
    most = {"efficiency": 8.0, "narrow_share": 1.0}.get(name.partition(".")[0], float("inf"))
    value = min(value, most)
    return Figure(
        value=value,
        low=value / 2.0,
        high=min(2.0 * value, most),
        basis="measured",
        source=source,
    )
