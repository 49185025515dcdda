"""Carbon by the hour: what a load draws, how much of it is carbon-free, when to run it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_profiles.hours import DAYS_OF_MONTH
from hardware_profiles.traces import Trace
from nas.carbon.quantity import Numbers, quantity
from nas.errors import StudyError

__all__ = [
    "Window",
    "best_window",
    "cfe_share",
    "clock_of",
    "month_x_hour_means",
    "on_clock",
    "weighted_gco2e_per_kwh",
]

Clock = tuple[NDArray[np.int64], NDArray[np.int64]]


class Window(NamedTuple):
    """A span of hours: its first hour, its mean, and what it saves against the whole trace.

    Attributes:
        start: First hour, UTC.
        gco2e_per_kwh: Mean of the window.
        saving_gco2e_per_kwh: Mean of all known hours less the window's.
    """

    start: np.datetime64
    gco2e_per_kwh: float
    saving_gco2e_per_kwh: float


def clock_of(intensity: Trace | ArrayLike) -> tuple[Numbers, Clock]:
    """Intensity hour by hour, with the month (0 to 11) and hour of the day (UTC) of each.

    Args:
        intensity: A trace, or month x hour means (12, 24) or 24 hours of every day, which become
            the 8,760 hours of a year; g CO2e/kWh.

    Raises:
        StudyError: If an array has another shape, or a number is negative or not finite; only a
            trace may have gaps.
    """
    if isinstance(intensity, Trace):
        months = intensity.hours.astype("datetime64[M]").astype(np.int64) % 12
        return intensity.gco2e_per_kwh, (months, intensity.hours.astype(np.int64) % 24)
    values = quantity("intensity_gco2e_per_kwh", intensity)
    if values.shape == (24,):
        values = np.broadcast_to(values, (12, 24))
    if values.shape != (12, 24):
        raise StudyError(
            f"intensity_gco2e_per_kwh: got shape {values.shape}; give a trace, (12, 24) or (24,)"
        )
    months = np.repeat(np.arange(12), 24 * np.array(DAYS_OF_MONTH))
    clock = (months, np.tile(np.arange(24), sum(DAYS_OF_MONTH)))
    return np.asarray(values[clock]), clock


def on_clock(name: str, values: ArrayLike, clock: Clock) -> Numbers:
    """A load or a generation on the hours of a clock.

    Args:
        name: What it is, for messages.
        values: One number, 24 (by hour of the day, UTC), (12, 24) or one for each hour, 0 or more.
        clock: Month and hour of the day of each hour.

    Raises:
        StudyError: If the shape fits none of these, or a number is negative or not finite.
    """
    numbers = quantity(name, values)
    count = len(clock[0])
    if numbers.shape == ():
        return np.full(count, float(numbers))
    if numbers.shape == (24,):
        return np.asarray(numbers[clock[1]])
    if numbers.shape == (12, 24):
        return np.asarray(numbers[clock])
    if numbers.shape == (count,):
        return numbers
    raise StudyError(
        f"{name}: got shape {numbers.shape}; give one number, 24, (12, 24) or {count} of them"
    )


def weighted_gco2e_per_kwh(intensity: Trace | ArrayLike, load: ArrayLike = 1.0) -> float:
    """Mean carbon intensity of what a load draws: ``sum(load x intensity) / sum(load)``.

    Gaps of a trace are left out, load and all; `Trace.problems` lists them.

    Args:
        intensity: A trace, month x hour means (12, 24) or 24 hours, g CO2e/kWh.
        load: Power or energy hour by hour in any unit: one number, 24 (hour of the day, UTC),
            (12, 24) or one for each hour; 0 or more, not all 0.

    Raises:
        StudyError: If a shape does not fit, a number is negative or not finite, or the load is 0
            in every hour that has an intensity.
    """
    values, clock = clock_of(intensity)
    weights = np.where(np.isnan(values), 0.0, on_clock("load", load, clock))
    # Scaled by its largest, so that neither tiny nor huge loads leave the range of a float.
    largest = float(weights.max(initial=0.0))
    if largest == 0.0:
        raise StudyError("load: is 0 in every hour with a known intensity; give a load above 0")
    weights = weights / largest
    return float(weights @ np.where(np.isnan(values), 0.0, values) / weights.sum())


def month_x_hour_means(trace: Trace) -> Numbers:
    """Mean of the known values of each month and hour of the day (UTC).

    Args:
        trace: Hourly intensity.

    Returns:
        Array (12, 24) in g CO2e/kWh, NaN where the trace has no value.
    """
    values, (months, hours) = clock_of(trace)
    known = ~np.isnan(values)
    slot = 24 * months[known] + hours[known]
    sums = np.bincount(slot, weights=values[known], minlength=288)
    counts = np.bincount(slot, minlength=288)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).reshape(12, 24)


def cfe_share(load_wh: ArrayLike, carbon_free_wh: ArrayLike) -> float:
    """Share of a load that carbon-free energy of the same hour covers (24/7 CFE).

    ``sum_h min(load_h, carbon_free_h) / sum_h load_h``: what is left over in one hour does not
    count for another.

    Args:
        load_wh: Energy used, hour by hour, 0 or more.
        carbon_free_wh: Carbon-free energy at hand, of the same shape, 0 or more.

    Returns:
        0 to 1.

    Raises:
        StudyError: If the shapes differ, a number is negative or not finite, or nothing is used.

    Source:
        The definition that Google publishes for its 24/7 carbon-free energy.
    """
    load = quantity("load_wh", load_wh)
    free = quantity("carbon_free_wh", carbon_free_wh)
    if load.shape != free.shape:
        raise StudyError(
            f"carbon_free_wh: got shape {free.shape} beside a load of {load.shape}; give both"
            " hour by hour"
        )
    largest = float(load.max(initial=0.0))
    if largest == 0.0:
        raise StudyError("load_wh: is 0 in every hour; give a load above 0")
    return float((np.minimum(load, free) / largest).sum() / (load / largest).sum())


def best_window(trace: Trace, hours: int) -> Window:
    """The span of that many hours in a row with the lowest mean, the first if there are several.

    Args:
        trace: Hourly intensity; a window never includes a gap.
        hours: Length, 1 or more.

    Raises:
        StudyError: If no span of that length is without a gap.
    """
    if not isinstance(hours, int) or isinstance(hours, bool) or hours < 1:
        raise StudyError(f"hours: got {hours!r}; give a whole number of 1 or more")
    values = trace.gco2e_per_kwh
    if hours > len(values):
        raise StudyError(f"hours: got {hours}; the trace has {len(values)}")
    means = np.lib.stride_tricks.sliding_window_view(values, hours).mean(axis=1)
    if np.isnan(means).all():
        raise StudyError(f"hours: every span of {hours} hours has a gap; give fewer")
    first = int(np.nanargmin(means))
    best = float(means[first])
    return Window(trace.hours[first], best, float(np.nanmean(values)) - best)
