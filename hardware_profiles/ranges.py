"""Every figure inside a profile, grid or fab table by a dotted name, and the same with others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from hardware_profiles.figure import Facts, Figure

__all__ = ["figures_in", "ranged_figures", "with_values"]

_AnyFacts = TypeVar("_AnyFacts", bound=Facts)


def figures_in(facts: Facts) -> dict[str, Figure]:
    """Every figure that a fact holds, however deep.

    Args:
        facts: A profile, a grid, a fab table, or a part of one.

    Returns:
        Figures by dotted name, such as ``load_w`` or ``bill_of_materials.dies.BCM2711.area_cm2``.
        Rows of a list go by their name or technology, and by their number where that is shared
        or missing.
    """
    return dict(_walk(facts, ""))


def ranged_figures(facts: Facts) -> dict[str, Figure]:
    """The figures among them that say they may be lower or higher than their value.

    Args:
        facts: As for `figures_in`.
    """
    return {
        name: figure
        for name, figure in figures_in(facts).items()
        if any(number != figure.value for number in figure.numbers())
    }


def with_values(facts: _AnyFacts, values: Mapping[str, float]) -> _AnyFacts:
    """The same facts with other values of some figures; ranges and sources stay.

    Nothing is checked again: values within the range of a figure are within its limits, and two
    figures that are ordered by their values, such as idle and load power, may cross.

    Args:
        facts: As for `figures_in`.
        values: By the names that `figures_in` gives.

    Returns:
        A copy; what no name points at is shared with the original.
    """
    changed = _changed(facts, "", values)
    return facts if changed is None else changed


def _walk(facts: Facts, path: str) -> Iterator[tuple[str, Figure]]:
    for key, value in facts:
        for _, where, item in _items(value, f"{path}{key}"):
            if isinstance(item, Figure):
                yield where, item
            elif isinstance(item, Facts):
                yield from _walk(item, f"{where}.")


def _items(value: Any, where: str) -> list[tuple[Any, str, Any]]:
    """Place within the value (None for the value itself), dotted name, item."""
    if isinstance(value, Facts):
        return [(None, where, value)]
    if isinstance(value, dict):
        return [(key, f"{where}.{key}", item) for key, item in value.items()]
    if isinstance(value, tuple):
        labels = [getattr(item, "name", None) or getattr(item, "technology", "") for item in value]
        return [
            (index, f"{where}.{label if label and labels.count(label) == 1 else index}", item)
            for index, (label, item) in enumerate(zip(labels, value, strict=True))
        ]
    return []


def _changed(facts: Any, path: str, values: Mapping[str, float]) -> Any:
    """A copy with those values; None where nothing in it changes."""
    update: dict[str, Any] = {}
    for key, value in facts:
        new = {}
        for place, where, item in _items(value, f"{path}{key}"):
            if isinstance(item, Figure):
                if where in values:
                    new[place] = item.model_copy(update={"value": values[where]})
            elif isinstance(item, Facts):
                part = _changed(item, f"{where}.", values)
                if part is not None:
                    new[place] = part
        if new:
            update[key] = _put(value, new)
    return facts.model_copy(update=update) if update else None


def _put(value: Any, new: dict[Any, Any]) -> Any:
    if isinstance(value, dict):
        return {**value, **new}
    if isinstance(value, tuple):
        return tuple(new.get(index, item) for index, item in enumerate(value))
    return new[None]
