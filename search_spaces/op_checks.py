"""What all operations check, and how one is spelled in keys and files."""

from __future__ import annotations

from dataclasses import Field, fields
from functools import cache
from typing import Any

from nas.errors import LayerError

__all__ = [
    "LATER",
    "Free",
    "Shape",
    "arguments",
    "arity",
    "both",
    "flag",
    "needed_arguments",
    "pair",
    "positive",
    "shortest",
    "whole",
    "windows",
]

Shape = tuple[int, ...]

LATER = {"later": True}
"""Metadata of a field that an op got after records were made of it; at default it is unspelled."""


class Free:
    """What neither holds parameters nor multiplies; BatchNorm is folded, sums are not counted."""

    __slots__ = ()

    def parameters(self) -> int:
        """Trainable parameters: none."""
        return 0

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: none are counted."""
        return 0


def arguments(op: Any) -> dict[str, Any]:
    """The arguments that an op is written with, in keys and in files.

    Args:
        op: Any operation.

    Returns:
        Fields by name, less those of `LATER` that are at their default, so that the keys and
        records of networks without them stay what they were.
    """
    given = {}
    for name, later, default in _spelling(type(op)):  # type: ignore[arg-type]  # classes are hashable
        value = getattr(op, name)
        if not (later and value == default):
            given[name] = value
    return given


def needed_arguments(op: type[Any]) -> set[str]:
    """The arguments that every record of an op has: all but those of `LATER`.

    Args:
        op: The class of an operation.
    """
    return {field.name for field in fields(op) if not _is_later(field)}


def arity(name: str, inputs: tuple[Shape, ...], count: int) -> tuple[Shape, ...]:
    """The input shapes themselves, if they are so many.

    Raises:
        LayerError: There are more or fewer.
    """
    if len(inputs) != count:
        raise LayerError(f"{name}: got {len(inputs)} inputs, expects {count}")
    return inputs


def positive(name: str, **values: object) -> None:
    """Check that values are whole numbers of at least 1.

    Raises:
        LayerError: One is not.
    """
    for key, value in values.items():
        whole(name, key, value, least=1)


def whole(name: str, key: str, value: object, *, least: int) -> None:
    """Check that a value is a whole number of at least ``least``.

    Raises:
        LayerError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise LayerError(f"{name}: {key}={value!r} is not a whole number of at least {least}")


def flag(name: str, **values: object) -> None:
    """Check that values are true or false.

    Raises:
        LayerError: One is not.
    """
    for key, value in values.items():
        if not isinstance(value, bool):
            raise LayerError(f"{name}: {key}={value!r} is not true or false")


def pair(name: str, key: str, value: object, *, least: int) -> tuple[int, int]:
    """A size that is one number for both axes, or one for height and one for width.

    Args:
        name: Of the op.
        key: Of its field.
        value: A number or a pair.
        least: What each must be at least.

    Raises:
        LayerError: It is neither.
    """
    sizes = value if isinstance(value, tuple) else (value, value)
    if len(sizes) != 2:
        raise LayerError(f"{name}: {key}={value!r} is no pair, give a number or (h, w)")
    for size in sizes:
        whole(name, key, size, least=least)
    return sizes


def both(size: int | tuple[int, int]) -> tuple[int, int]:
    """The size of each axis.

    Args:
        size: One number for both axes, or a pair.
    """
    return size if isinstance(size, tuple) else (size, size)


def shortest(size: tuple[int, int]) -> int | tuple[int, int]:
    """One number for a pair of equal ones: the one spelling of a size.

    Args:
        size: Of both axes.
    """
    return size[0] if size[0] == size[1] else size


def windows(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many windows fit an axis; below 1 where none does.

    Args:
        size: Of the axis.
        kernel: Of a window, dilation included.
        stride: From one window to the next.
        padding: Places added on either side.
    """
    return (size + 2 * padding - kernel) // stride + 1


@cache
def _spelling(op: type[Any]) -> tuple[tuple[str, bool, Any], ...]:
    """Name, whether it is of `LATER`, and default of each field."""
    return tuple((field.name, _is_later(field), field.default) for field in fields(op))


def _is_later(field: Field[Any]) -> bool:
    return bool(field.metadata.get("later"))
