"""Every figure inside a profile, grid or fab table by a dotted name, and the same with others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from hardware_profiles.figure import Facts, Figure

__all__ = ["figures_in", "mover", "ranged_figures", "with_values"]

_AnyFacts = TypeVar("_AnyFacts", bound=Facts)
# Steps from a fact to a figure inside it: a key and, in a mapping or list, the place there.
_Route = tuple[tuple[str, Any], ...]


def figures_in(facts: Facts) -> dict[str, Figure]:
    """Every figure that a fact holds, however deep.

    Args:
        facts: A profile, a grid, a fab table, or a part of one.

    Returns:
        Figures by dotted name, such as ``load_w`` or ``bill_of_materials.dies.BCM2711.area_cm2``.
        Rows of a list go by their name or technology, and by their number where that is shared
        or missing.
    """
    return {name: figure for name, _, figure in _walk(facts, "", ())}


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
    return mover(facts)(values)


def mover(facts: _AnyFacts) -> Callable[[Mapping[str, float]], _AnyFacts]:
    """`with_values` for one fact that is moved many times: the way to its figures is found once.

    Args:
        facts: As for `figures_in`.
    """
    routes = {name: route for name, route, _ in _walk(facts, "", ())}

    def moved(values: Mapping[str, float]) -> _AnyFacts:
        changes = [(routes[name], value) for name, value in values.items() if name in routes]
        changed: _AnyFacts = _changed(facts, changes)
        return changed

    return moved


def _walk(facts: Facts, path: str, route: _Route) -> Iterator[tuple[str, _Route, Figure]]:
    for key, value in facts:
        for place, where, item in _items(value, f"{path}{key}"):
            steps = (*route, (key, place))
            if isinstance(item, Figure):
                yield where, steps, item
            elif isinstance(item, Facts):
                yield from _walk(item, f"{where}.", steps)


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


def _changed(facts: Any, changes: list[tuple[_Route, float]]) -> Any:
    """A copy with those values; the fact itself where there are none."""
    if not changes:
        return facts
    if not changes[0][0]:
        return facts.model_copy(update={"value": changes[0][1]})
    parts: dict[str, dict[Any, list[tuple[_Route, float]]]] = defaultdict(lambda: defaultdict(list))
    for ((key, place), *rest), value in changes:
        parts[key][place].append((tuple(rest), value))
    return facts.model_copy(
        update={key: _put(getattr(facts, key), within) for key, within in parts.items()}
    )


def _put(value: Any, within: Mapping[Any, list[tuple[_Route, float]]]) -> Any:
    if isinstance(value, dict):
        return {**value, **{key: _changed(value[key], rest) for key, rest in within.items()}}
    if isinstance(value, tuple):
        return tuple(
            _changed(item, within[index]) if index in within else item
            for index, item in enumerate(value)
        )
    return _changed(value, within[None])
