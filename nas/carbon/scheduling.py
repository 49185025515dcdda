"""When to run work that may wait: the cleanest hours before a deadline, and what that saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from nas.carbon.quantity import Numbers, quantity
from nas.errors import StudyError

__all__ = ["Intensity", "cleanest_shares", "is_time_to_run", "start_now_shares"]

HOUR_S = 3600.0


@dataclass(frozen=True)
class Intensity:
    """Carbon intensity over time, constant from each moment to the next; the last one stays.

    Attributes:
        from_s: When each value begins [s since the epoch], rising.
        gco2e_per_kwh: The values, 0 or more.
    """

    from_s: tuple[float, ...]
    gco2e_per_kwh: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in pairwise(self.from_s))
        known = all(math.isfinite(value) and value >= 0 for value in self.gco2e_per_kwh)
        if not self.from_s or len(self.from_s) != len(self.gco2e_per_kwh) or not (rising and known):
            raise StudyError(
                "intensity: give one finite value of 0 or more for each of at least one moment, "
                "moments rising"
            )

    def at(self, moment_s: float) -> float:
        """The value at a moment [g/kWh]; before the first moment its value."""
        index = int(np.searchsorted(self.from_s, moment_s, side="right")) - 1
        return self.gco2e_per_kwh[max(0, index)]

    def mean(self, start_s: float, end_s: float) -> float:
        """Mean over time from `start_s` to `end_s` [g/kWh]; of no time the value there."""
        if end_s <= start_s:
            return self.at(start_s)
        edges = [start_s, *(edge for edge in self.from_s if start_s < edge < end_s), end_s]
        parts = [self.at(start) * (end - start) for start, end in pairwise(edges)]
        return math.fsum(parts) / (end_s - start_s)


def cleanest_shares(gco2e_per_kwh: ArrayLike, work_h: float) -> Numbers:
    """Share of each hour to work in, so that the work emits least: its closed-form minimum.

    The least of ``sum(share * intensity)`` under ``0 <= share <= 1`` and ``sum(share) = work`` is
    to fill the hours in the order of their intensity, the last one in part.

    Args:
        gco2e_per_kwh: Intensity of each hour before the deadline; NaN is unknown and comes last.
        work_h: Hours of work, 0 or more; no more than there are hours.

    Returns:
        One share an hour, in [0, 1]; of equal hours the earlier one is filled first.

    Raises:
        StudyError: If the work does not fit before the deadline.
    """
    values = _hours(gco2e_per_kwh, work_h)
    order = np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")
    shares = np.zeros(len(values))
    shares[order] = np.clip(work_h - np.arange(len(values)), 0.0, 1.0)
    return shares


def start_now_shares(gco2e_per_kwh: ArrayLike, work_h: float) -> Numbers:
    """Share of each hour that work takes which starts at once; arguments of `cleanest_shares`."""
    values = _hours(gco2e_per_kwh, work_h)
    return np.clip(work_h - np.arange(len(values)), 0.0, 1.0)


def is_time_to_run(forecast_gco2e_per_kwh: Sequence[float], work_h: float) -> bool:
    """Whether the first hour is among the cleanest that the work needs before its deadline.

    Args:
        forecast_gco2e_per_kwh: Of each hour from now to the deadline; NaN is unknown.
        work_h: Hours of work that are left.

    Returns:
        True also where the work no longer fits before the deadline.
    """
    if not len(forecast_gco2e_per_kwh) or work_h >= len(forecast_gco2e_per_kwh):
        return True
    return bool(cleanest_shares(forecast_gco2e_per_kwh, work_h)[0] > 0)


def _hours(gco2e_per_kwh: ArrayLike, work_h: float) -> Numbers:
    values = np.asarray(gco2e_per_kwh, dtype=np.float64)
    quantity("intensity_gco2e_per_kwh", values[~np.isnan(values)])
    if values.ndim != 1 or not 0 <= work_h <= len(values):
        raise StudyError(
            f"work: {work_h:g} h do not fit into {values.size} h before the deadline; give more "
            "time or less work"
        )
    return values
