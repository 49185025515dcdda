"""One line of a calculation, and how numbers are written in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from numpy.typing import ArrayLike

__all__ = ["Line", "digits", "product", "sum_of"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the calculation.

    Attributes:
        label: What is computed.
        formula: Arithmetic in numbers, in the syntax of Python, that yields the value.
        value: The result.
        unit: Its unit.
        source: Where formula or figures come from.
    """

    label: str
    formula: str
    value: float
    unit: str
    source: str


def digits(value: ArrayLike) -> str:
    """A number with ten digits: enough to redo the arithmetic."""
    return f"{float(value):.10g}"  # type: ignore[arg-type]  # one number, of numpy or not


def sum_of(values: Iterable[ArrayLike]) -> str:
    """A sum in numbers; 0 of none."""
    return " + ".join(digits(value) for value in values) or "0"


def product(*values: ArrayLike) -> str:
    """A product in numbers, without factors of 1 after the first."""
    first, *others = map(digits, values)
    return " * ".join([first, *(other for other in others if other != "1")])
