"""What a sampler may choose: named parameters, some of them only under others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from search_spaces.base import SearchSpace

__all__ = ["Domain", "Parameters", "domain_of_space", "domain_of_trials", "values_of"]

Parameters = dict[str, Any]
Array = npt.NDArray[np.float64]
_STEP = 0.15  # deviation of a local move of a number, as a share of its range


@dataclass(frozen=True)
class Domain:
    """Distributions by name, and when a parameter exists.

    Attributes:
        distributions: By name; a conditional one stands after the one that it depends on.
        only_if: ``(other parameter, its values)`` under which a parameter exists.
    """

    distributions: Mapping[str, BaseDistribution]
    only_if: Mapping[str, tuple[str, tuple[Any, ...]]]

    def active(self, given: Mapping[str, Any]) -> Parameters:
        """The parameters that exist, in order, of values for all."""
        kept: Parameters = {}
        for name in self.distributions:
            parent, values = self.only_if.get(name, (name, ()))
            if name in given and (parent == name or (parent in kept and kept[parent] in values)):
                kept[name] = given[name]
        return kept

    def without(self, names: Sequence[str]) -> Domain:
        """The domain less some parameters that no other depends on."""
        return Domain(
            {name: row for name, row in self.distributions.items() if name not in names},
            {name: rule for name, rule in self.only_if.items() if name not in names},
        )

    def sample(self, rng: np.random.Generator) -> Parameters:
        """A point with every choice equally likely."""
        drawn = {name: _drawn(row, rng) for name, row in self.distributions.items()}
        return self.active(drawn)

    def moved(self, here: Mapping[str, Any], moves: int, rng: np.random.Generator) -> Parameters:
        """A point that differs in up to so many parameters.

        Args:
            here: A point.
            moves: How many of its parameters to draw anew, 1 or more.
            rng: Source of chance.
        """
        fresh = {name: _drawn(row, rng) for name, row in self.distributions.items()}
        there = {**fresh, **here}
        names = list(here)
        for index in rng.permutation(len(names))[:moves]:
            name = names[index]
            there[name] = _elsewhere(self.distributions[name], here[name], rng)
        return self.active(there)

    def size(self) -> int | None:
        """How many points there are, exactly; None if a parameter is continuous."""
        if any(_count(row) is None for row in self.distributions.values()):
            return None
        free = [name for name in self.distributions if name not in self.only_if]
        return math.prod(self._below(name) for name in free)

    def everything(self) -> list[Parameters]:
        """All points of a finite domain."""
        points: list[Parameters] = [{}]
        for name, row in self.distributions.items():
            parent, values = self.only_if.get(name, (name, ()))
            grown: list[Parameters] = []
            for point in points:
                if parent == name or (parent in point and point[parent] in values):
                    grown.extend({**point, name: value} for value in values_of(row))
                else:
                    grown.append(point)
            points = grown
        return points

    def encode(self, points: Sequence[Mapping[str, Any]]) -> list[Array]:
        """Features of points: one group of one-hot columns, one of numbers from 0 to 1.

        Categories that are numbers are in both, the second by rank. What does not exist is 0.

        Args:
            points: n points.

        Returns:
            Both groups, of shape (n, columns); one may have no columns.
        """
        numeric = self._numeric()
        marks: list[list[float]] = []
        numbers: list[list[float]] = []
        for point in points:
            marks.append([mark for name in self.distributions for mark in self._marks(name, point)])
            numbers.append([_unit(row, point.get(name)) for name, row in numeric])
        return [np.array(rows, dtype=float).reshape(len(points), -1) for rows in (marks, numbers)]

    def _marks(self, name: str, point: Mapping[str, Any]) -> list[float]:
        row = self.distributions[name]
        if not isinstance(row, CategoricalDistribution):
            return [float(name in point)] if name in self.only_if else []
        return [float(name in point and point[name] == value) for value in row.choices]

    def _numeric(self) -> list[tuple[str, BaseDistribution]]:
        return [
            (name, row)
            for name, row in self.distributions.items()
            if not isinstance(row, CategoricalDistribution) or _ranked(row)
        ]

    def _below(self, name: str) -> int:
        return sum(
            math.prod(
                self._below(child)
                for child, (parent, values) in self.only_if.items()
                if parent == name and value in values
            )
            for value in values_of(self.distributions[name])
        )


def domain_of_space(space: SearchSpace) -> Domain:
    """The domain of a search space of ours."""
    return Domain(
        {choice.name: CategoricalDistribution(choice.values) for choice in space.choices},
        {choice.name: choice.only_if for choice in space.choices if choice.only_if is not None},
    )


def domain_of_trials(trials: Sequence[FrozenTrial]) -> Domain:
    """The domain that trials have shown, conditions included.

    A parameter that some trials lack depends on the first other one whose values tell which; one
    without such is taken to exist always.

    Args:
        trials: With parameters; may be none.
    """
    distributions: dict[str, BaseDistribution] = {}
    for trial in trials:
        distributions.update(
            {name: row for name, row in trial.distributions.items() if name not in distributions}
        )
    always = [name for name in distributions if all(name in trial.params for trial in trials)]
    ordered = {name: distributions[name] for name in always}
    only_if: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name, row in distributions.items():
        if name in ordered:
            continue
        for parent in ordered:
            rule = _rule(name, parent, trials)
            if rule:
                only_if[name] = (parent, rule)
                break
        ordered[name] = row
    return Domain(ordered, only_if)


def _rule(name: str, parent: str, trials: Sequence[FrozenTrial]) -> tuple[Any, ...]:
    """Values of the parent under which the parameter exists; empty if they do not tell."""
    if not isinstance(trials[0].distributions.get(parent), CategoricalDistribution):
        return ()
    having = {t.params[parent] for t in trials if name in t.params and parent in t.params}
    lacking = {t.params[parent] for t in trials if name not in t.params and parent in t.params}
    return () if having & lacking else tuple(having)


def _count(row: BaseDistribution) -> int | None:
    if isinstance(row, FloatDistribution) and row.step is None and not row.single():
        return None
    return len(values_of(row))


def values_of(row: BaseDistribution) -> Sequence[Any]:
    """All values of a finite distribution, in order."""
    if isinstance(row, CategoricalDistribution):
        return row.choices
    if isinstance(row, IntDistribution):
        return range(row.low, row.high + 1, row.step)
    if isinstance(row, FloatDistribution) and row.step is not None:
        steps = round((row.high - row.low) / row.step)
        return [row.low + index * row.step for index in range(steps + 1)]
    return [getattr(row, "low")]  # noqa: B009  # a single value


def _ranked(row: CategoricalDistribution) -> bool:
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in row.choices]
    return len(numbers) > 2 and all(numbers)


def _unit(row: BaseDistribution, value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(row, CategoricalDistribution):
        return sorted(map(float, row.choices)).index(float(value)) / (len(row.choices) - 1)  # type: ignore[arg-type]
    low, high = _range(row)
    at = math.log(value) if _is_log(row) else float(value)
    return 0.0 if high == low else (at - low) / (high - low)


def _range(row: BaseDistribution) -> tuple[float, float]:
    low, high = float(getattr(row, "low")), float(getattr(row, "high"))  # noqa: B009
    return (math.log(low), math.log(high)) if _is_log(row) else (low, high)


def _is_log(row: BaseDistribution) -> bool:
    return bool(getattr(row, "log", False))


def _drawn(row: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(row, CategoricalDistribution):
        return row.choices[int(rng.integers(len(row.choices)))]
    return _number(row, rng.random())


def _elsewhere(row: BaseDistribution, value: Any, rng: np.random.Generator) -> Any:
    if isinstance(row, CategoricalDistribution):
        others = [choice for choice in row.choices if choice != value]
        return others[int(rng.integers(len(others)))] if others else value
    near = _unit(row, value) + _STEP * float(rng.standard_normal())
    return _number(row, min(1.0, max(0.0, near)))


def _number(row: BaseDistribution, share: float) -> Any:
    low, high = _range(row)
    at = low + share * (high - low)
    at = math.exp(at) if _is_log(row) else at
    if isinstance(row, IntDistribution):
        steps = round((at - row.low) / row.step)
        return min(row.high, row.low + max(0, steps) * row.step)
    if isinstance(row, FloatDistribution) and row.step is not None:
        return min(row.high, row.low + round((at - row.low) / row.step) * row.step)
    return min(float(getattr(row, "high")), max(float(getattr(row, "low")), at))  # noqa: B009
