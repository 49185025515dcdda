"""Numbers at the door of the formulas: finite, in range, and named when they are not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.errors import StudyError

__all__ = ["Numbers", "fitting", "quantity", "where_known"]

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")

Numbers = NDArray[np.float64]
_LARGEST = float(np.finfo(np.float64).max)


def _within(lowest: float, highest: float, least: float, largest: float, above: bool) -> bool:
    """Whether all is in range by its ends alone; the ends of anything with a NaN are NaN."""
    return (lowest > least if above else lowest >= least) and highest <= largest


def quantity(
    name: str,
    value: ArrayLike,
    *,
    least: float = 0.0,
    most: float = float("inf"),
    above: bool = False,
) -> Numbers:
    """The value as float64 after a range check; every element must be finite.

    Args:
        name: What it is, unit last, for the message.
        value: Scalar or array of any shape.
        least: Lower bound.
        most: Upper bound, allowed itself; infinity itself never is.
        above: Whether the lower bound itself is excluded.

    Returns:
        An array of the value's shape.

    Raises:
        StudyError: If an element is not a number, not finite or out of range.
    """
    try:
        given = np.asarray(value)
        # Texts, truths, times and complex numbers would turn into floats without a word.
        if given.dtype.kind not in "iufO" or value is None:
            raise TypeError
        numbers: Numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        shown = " ".join(repr(value).split())
        raise StudyError(f"{name}: got {shown[:80]}; give a number") from None
    largest = min(most, _LARGEST)
    if numbers.size and _within(float(numbers.min()), float(numbers.max()), least, largest, above):
        return numbers
    low = numbers > least if above else numbers >= least
    good = low & (numbers <= largest)
    if not good.all():
        first = float(np.atleast_1d(numbers)[~np.atleast_1d(good)][0])
        bound = f"{'above' if above else 'at least'} {least:g}"
        if most < float("inf"):
            bound += f" and at most {most:g}"
        raise StudyError(f"{name}: got {first:g}; give a finite number {bound}")
    return numbers


def where_known(formula: Callable[..., Numbers], *given: ArrayLike) -> Numbers:
    """A formula on numbers of which some are not known (NaN); there its value is not known either.

    Args:
        formula: Takes numbers above 0 and arrays of one shape, element by element.
        given: What it takes, in its order; shapes broadcast.
    """
    unknown = np.zeros((), dtype=np.bool_)
    for values in given:
        unknown = unknown | np.isnan(values)
    if not unknown.any():
        return formula(*given)
    found = formula(*(np.where(unknown, 1.0, values) for values in given))
    return np.where(unknown, np.nan, found)


def fitting(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """A formula that refuses arrays whose shapes do not broadcast, and names them.

    Args:
        function: Takes numbers and arrays, and broadcasts them as numpy does.

    Returns:
        The same function; it raises StudyError where numpy would raise its own error.
    """

    @wraps(function)
    def checked(*args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            if "broadcast" not in str(error):
                raise
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        shapes = ", ".join(
            f"{name} {np.shape(value)}"
            for name, value in given.items()
            if isinstance(value, np.ndarray | list | tuple) and np.ndim(value)
        )
        raise StudyError(
            f"{function.__name__}: got shapes that do not fit together: {shapes}; give single"
            " numbers, or arrays of one shape"
        )

    return checked
