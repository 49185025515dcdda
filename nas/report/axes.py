"""Axes of plots: linear or logarithmic, with ticks that carry their unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.errors import FrontError
from nas.pareto import spans_decades
from nas.quantities import format_quantity

__all__ = ["Axis", "axis_for", "short_unit"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: What is drawn along it.
        low: Value at its start.
        high: Value at its end, above `low`.
        log: Whether it is logarithmic.
        zero: On a logarithmic axis, the value where zeros are drawn; None if there are none.
        ticks: Values of the ticks and their texts.
    """

    label: str
    low: float
    high: float
    log: bool
    zero: float | None
    ticks: tuple[tuple[float, str], ...]

    def place(self, values: npt.ArrayLike) -> Values:
        """Positions from 0 (start) to 1 (end); shape as given."""
        numbers = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.log:
            if self.zero is not None:
                numbers = np.where(numbers <= 0.0, self.zero, numbers)
            numbers, low, high = np.log10(numbers), math.log10(low), math.log10(high)
        positions: Values = (numbers - low) / (high - low)
        return positions


def short_unit(text: str) -> str:
    """A quantity for a tick or a narrow cell: "2 µgCO2e" becomes "2 µg"."""
    return text.replace("gCO2e", "g").replace("tCO2e", "t")


def axis_for(
    values: npt.ArrayLike,
    label: str,
    unit: str,
    *,
    tick: Callable[[float], str] | None = None,
    linear: bool = False,
) -> Axis:
    """An axis that shows all values: logarithmic where they span decades.

    Values of 0 among positive ones that span a decade are drawn below the smallest, at a tick
    named 0.

    Args:
        values: Any shape, finite, one or more, in `unit`.
        label: What is drawn along it.
        unit: As in `nas.objectives`.
        tick: Text of a tick; None writes quantities.
        linear: Whether it is linear even where the values span decades.

    Raises:
        FrontError: If there is no value, or one is NaN or infinite.
    """
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not numbers.size or not np.isfinite(numbers).all():
        raise FrontError(f"plot: {label} has no finite values to draw; leave it out")
    text = tick or (lambda value: short_unit(format_quantity(value, unit)))
    positive = numbers[numbers > 0.0]
    if not linear and numbers.min() >= 0.0 and spans_decades(positive):
        return _log_axis(positive, bool((numbers == 0.0).any()), label, text)
    return _linear_axis(numbers, label, text)


def _log_axis(positive: Values, zeros: bool, label: str, text: Callable[[float], str]) -> Axis:
    least, most = float(positive.min()), float(positive.max())
    zero = least / 2.0 if zeros else None
    start, end = math.log10(zero or least), math.log10(most)
    margin = 0.04 * (end - start)
    low, high = 10.0 ** (start - margin), 10.0 ** (end + margin)
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades <= 3.0 else (1,)
    every = max(1, math.ceil(decades / 7.0))
    values = [
        step * 10.0**power
        for power in range(math.floor(start) - 1, math.ceil(end) + 1)
        if power % every == 0
        for step in steps
    ]
    floor = least * 0.999 if zeros else low
    ticks = [(value, text(value)) for value in values if max(low, floor) <= value <= high]
    if zero is not None:
        ticks.insert(0, (zero, text(0.0)))
    return Axis(label, low, high, True, zero, tuple(ticks))


def _linear_axis(numbers: Values, label: str, text: Callable[[float], str]) -> Axis:
    low, high = float(numbers.min()), float(numbers.max())
    margin = 0.05 * (high - low) if high > low else 0.1 * abs(high) or 1.0
    start = low - margin if low - margin > 0.0 or low < 0.0 else min(0.0, low) - 0.2 * margin
    end = high + margin
    step = _nice((end - start) / 5.0)
    first = math.ceil(start / step - 1e-9)
    last = math.floor(end / step + 1e-9)
    ticks = tuple((index * step, text(index * step)) for index in range(first, last + 1))
    return Axis(label, start, end, False, None, ticks)


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    for factor in (1.0, 2.0, 5.0):
        if step <= factor * power * (1.0 + 1e-9):
            return factor * power
    return 10.0 * power
