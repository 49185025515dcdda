"""The profile that a calibration leaves: the device's figures, moved by what was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hardware_profiles.catalog import profile_from_dict, profile_to_dict
from hardware_profiles.figure import Figure
from hardware_profiles.profile import HardwareProfile
from nas.cost.calibration import COVERAGE, PARAMETERS, Fit
from nas.cost.figures import Array, efficiencies

__all__ = ["calibrated_profile", "moved_figures"]

_LEAST_SHARE = 1e-6
_SIDES = 1.6448536  # standard deviations of a normal law that hold `COVERAGE`
_MOST_EFFICIENCY = 8.0  # what a profile may say; beyond it the value itself is refused
_DRAWN_SHARE = 1.0 - math.sqrt(1.0 - COVERAGE)
"""Of a range, what `COVERAGE` of the draws of `nas.carbon.uncertainty` stay within."""


def moved_figures(profile: HardwareProfile, found: Fit, source: str) -> dict[str, Figure]:
    """The figures that a fit moves, by their names in a profile.

    Args:
        profile: The device before.
        found: The fit.
        source: Where the measurements are: a file and its hash.

    Returns:
        Such as ``efficiency.conv`` and ``dispatch_s``, all ``calibrated``, with ranges that hold
        90 % of the posterior of each figure alone; ``latency_factor`` has the range of the errors
        that the fit left, so wide that 90 % of its draws stay within those.
    """
    return _moved(profile, found, source)[0]


def _moved(
    profile: HardwareProfile, found: Fit, source: str
) -> tuple[dict[str, Figure], dict[str, Array]]:
    """The figures, and of each that parameters move how its logarithm follows them."""
    known = efficiencies(profile)
    undetermined = set(found.undetermined)
    moved: dict[str, Figure] = {}
    follows: dict[str, Array] = {}

    def put(name: str, old: Figure | None, parameter: str, sign: float, *more: str) -> None:
        if old is None or old.value <= 0.0:
            return
        taken = (parameter, *more)
        pick = np.array([float(entry in taken) for entry in PARAMETERS])
        middle = sign * float(pick @ found.log_factors)
        reach = _SIDES * math.sqrt(float(pick @ found.covariance @ pick))
        follows[name] = sign * pick
        text = f"fitted to {source}"
        if parameter in undetermined:
            text += "; these measurements do not tell it apart, so that it stays near what it was"
        value, most = old.value * math.exp(middle), math.inf
        if name.startswith("efficiency"):
            most = max(_MOST_EFFICIENCY, value)
        elif name == "narrow_share":
            most = 1.0
            value = min(value, most)
        moved[name] = Figure(
            value=value,
            low=min(old.value * math.exp(middle - reach), value),
            high=min(old.value * math.exp(middle + reach), most),
            basis="calibrated",
            source=f"{text}; before: {old.value:g}",
        )

    kinds = ("conv", "pointwise", "depthwise", "linear", "pool")
    for kind in kinds:
        put(f"efficiency.{kind}", known.get(kind), kind, -1.0, "runtime")
    if "pool" not in known and "pool" not in undetermined:
        put("efficiency.pool", known["depthwise"], "pool", -1.0, "runtime")
    put("memory_bytes_per_s", profile.memory_bytes_per_s, "bandwidth", -1.0, "runtime")
    put("cache_bytes_per_s", profile.cache_bytes_per_s, "bandwidth", -1.0, "runtime")
    put("dispatch_s", profile.dispatch_s, "dispatch", 1.0, "runtime")
    grouped = profile.efficiency.get("grouped")
    put("efficiency.grouped", grouped, "grouped", -1.0, "conv", "runtime")
    put("far_cache_bytes_per_s", profile.far_cache_bytes_per_s, "bandwidth", -1.0, "runtime")
    put("move_dispatch_s", profile.move_dispatch_s, "moves", 1.0, "dispatch", "runtime")
    for name in ("output", "depthwise_output", "weight"):
        put(f"{name}_macs", getattr(profile, f"{name}_macs"), name, 1.0)
    put("narrow_share", profile.narrow_share, "narrow", -1.0)
    put("activation_s", profile.activation_s, "activation", 1.0, "runtime")
    put("half_rate_macs", profile.half_rate_macs, "half_rate", 1.0)
    spread = found.reach * found.error_scale / _DRAWN_SHARE
    moved["latency_factor"] = Figure(
        value=1.0,
        low=math.exp(-spread),
        high=math.exp(spread),
        basis="calibrated",
        source=f"error that the fit to {source} left: {found.reach * found.error_scale:.1%} of the"
        f" time either way holds {COVERAGE:.0%} of further measurements",
    )
    return moved, follows


def _fitted(found: Fit, follows: dict[str, Array], source: str) -> dict[str, Any]:
    """What `hardware_profiles.fitted.FittedFigures` holds, without directions of no weight."""
    picks = np.stack(list(follows.values()))
    covariance = picks @ found.covariance @ picks.T
    sd = np.sqrt(np.diag(covariance))
    shares, directions = np.linalg.eigh(covariance / np.outer(sd, sd))
    kept = shares > _LEAST_SHARE
    loads = directions[:, kept] * np.sqrt(shares[kept])
    loads /= np.linalg.norm(loads, axis=1, keepdims=True)
    parts = {
        name: [round(float(x), 4) for x in row] for name, row in zip(follows, loads, strict=True)
    }
    return {"source": source, "loads": parts}


def calibrated_profile(
    profile: HardwareProfile, found: Fit, source: str, name: str
) -> HardwareProfile:
    """The device with what a fit moved.

    Args:
        profile: The device before.
        found: The fit.
        source: Where the measurements are: a file and its hash.
        name: Of the new profile, which is that of its file.

    Raises:
        HardwareError: If a fitted figure is out of its range, such as an efficiency above 8 times
            the peak, which says that the precision or the peak is wrong.
    """
    content = profile_to_dict(profile) | {"name": name}
    moved, follows = _moved(profile, found, source)
    content["fit"] = _fitted(found, follows, source)
    for key, figure in moved.items():
        place, _, kind = key.partition(".")
        if kind:
            content[place] = content[place] | {kind: figure.model_dump(mode="json")}
        else:
            content[place] = figure.model_dump(mode="json")
    content["notes"] = (f"{profile.notes} " if profile.notes else "") + f"Calibrated: {source}."
    return profile_from_dict(content, origin=f"{name}.yaml")
