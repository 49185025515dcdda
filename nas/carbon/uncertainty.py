"""Uncertainty: figures with a range, drawn together, and what follows for a result.

A draw moves every figure at once, each by a position between -1 (its low end) and 1 (its high
end). A figure has one position in a draw, whatever uses it: a grid moves all deployments on it.
Figures that are wrong together (`nas.carbon.together`) have one too: the rows of a fab table, as
its electricity, gases and materials of all nodes and its grams per gigabyte of all memories; some
hours of a grid and the whole of it; a default or a survey that several devices quote. Results of
one draw are therefore comparable, and two candidates are compared draw by draw, not interval
against interval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.figure import Figure
from nas.carbon.quantity import Numbers
from nas.carbon.together import drawn_as
from nas.errors import StudyError

__all__ = [
    "LEVEL",
    "draws",
    "interval",
    "one_at_a_time",
    "placed",
    "positions",
    "probability_less",
]

LEVEL = 0.9
"""Share of the draws that an interval holds: from the 5th to the 95th percentile."""

_ENDS = (0.05, 0.95)
_MOST_DRAWS = 100_000


def positions(figures: Mapping[str, Figure], count: int, seed: int) -> dict[str, Numbers]:
    """Where in their ranges figures lie, draw by draw: from -1 (low) over 0 (value) to 1 (high).

    The density falls linearly from 0 to both ends, with half of the draws on either side: a
    triangle in which the best estimate is the median, also of a lopsided range. (One plain
    triangle over low, value and high would draw such a figure mostly from its longer side, and a
    lognormal leaves the range, where shares exceed 1 and a PUE falls below it.) Positions are
    stratified: one in each of `count` equally likely parts of the distribution.

    Args:
        figures: By name. The positions of one follow from itself, `count` and `seed` alone, so
            that results under one seed are paired, whatever else is drawn with them.
        count: Draws S, 1 to 100,000.
        seed: Any whole number, 0 or more.

    Returns:
        Arrays of shape (S,) by name, independent but for figures that are wrong together
        (`nas.carbon.together.drawn_as`), which share theirs, and those of one fit, whose ranks
        are as correlated as the fit has them.

    Raises:
        StudyError: If count or seed is out of range.

    Source:
        Stratified draws: McKay, Beckman and Conover, Technometrics 1979 (Latin hypercube); their
        ranks ordered as correlated normal draws: Iman and Conover, Communications in Statistics
        1982.
    """
    _whole("draws", count, 1, _MOST_DRAWS)
    _whole("seed", seed, 0, 2**63 - 1)
    kinds = {name: drawn_as(name, figure) for name, figure in figures.items()}
    follows = {kinds[name]: figure.follows for name, figure in figures.items()}
    at = {kind: _positions(kind, count, seed, along) for kind, along in follows.items()}
    return {name: at[kind] for name, kind in kinds.items()}


def _positions(
    name: str, count: int, seed: int, follows: Sequence[tuple[str, float]] = ()
) -> Numbers:
    rng = _generator(name, seed)
    order = rng.permutation(count)
    if follows:
        moved = sum(
            part * _generator(direction, seed).standard_normal(count) for direction, part in follows
        )
        order = np.argsort(np.argsort(moved))
    away = 2.0 * (order + rng.random(count)) / count - 1.0
    # Quantiles of the density 1 - |x| on [-1, 1].
    at: Numbers = np.sign(away) * (1.0 - np.sqrt(1.0 - np.abs(away)))
    return at


def _generator(name: str, seed: int) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.default_rng([seed, key])


def _whole(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise StudyError(f"{name}: got {value!r}; give a whole number from {least} to {most}")


def one_at_a_time(groups: Sequence[Sequence[str]]) -> dict[str, Numbers]:
    """Positions for a tornado: each group at its low and at its high end, all others at 0.

    Args:
        groups: Names of the figures that move together, G groups; no name is in two.

    Returns:
        Arrays of shape (2 G,) by name: those of the i-th group are -1 at 2 i and 1 at 2 i + 1.
    """
    found: dict[str, Numbers] = {}
    for index, names in enumerate(groups):
        at = np.zeros(2 * len(groups))
        at[2 * index : 2 * index + 2] = (-1.0, 1.0)
        found |= dict.fromkeys(names, at)
    return found


def placed(figure: Figure, position: ArrayLike) -> Numbers:
    """The value of a figure at a position: linear from low over value to high.

    Args:
        figure: With or without a range; an end that is not given is the value.
        position: Within [-1, 1], any shape.

    Returns:
        Values of the shape of `position`, within the figure's range.
    """
    at = np.asarray(position, dtype=np.float64)
    below = 0.0 if figure.low is None else figure.value - figure.low
    above = 0.0 if figure.high is None else figure.high - figure.value
    moved: Numbers = figure.value + np.minimum(at, 0.0) * below + np.maximum(at, 0.0) * above
    return moved


def draws(figures: Mapping[str, Figure], count: int, seed: int) -> dict[str, Numbers]:
    """Values of figures, draw by draw; see `positions` for how they are drawn.

    Args:
        figures: By name; one without a range stays at its value.
        count: Draws S, 1 to 100,000.
        seed: Any whole number, 0 or more.

    Returns:
        Arrays of shape (S,) by name.

    Raises:
        StudyError: If count or seed is out of range.
    """
    at = positions(figures, count, seed)
    return {name: placed(figure, at[name]) for name, figure in figures.items()}


def interval(values: ArrayLike, nominal: ArrayLike) -> tuple[Numbers, Numbers]:
    """The range that holds `LEVEL` of the draws, and the result at the best estimates in any case.

    Several lopsided ranges together can push nearly all draws to one side of the result at the
    best estimates; the range is then widened up to it, as it is still a possible result.

    Args:
        values: Results, shape (S, ...), S draws first; NaN where unknown.
        nominal: The result at the best estimates, shape (...).

    Returns:
        Lower and upper ends, shape (...); NaN where a draw is unknown.

    Raises:
        StudyError: If there is no draw.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim == 0 or not len(table):
        raise StudyError("interval: no draw is given; give one result or more")
    ends = np.quantile(table, _ENDS, axis=0)
    low: Numbers = np.minimum(ends[0], nominal)
    high: Numbers = np.maximum(ends[1], nominal)
    return low, high


def probability_less(first: ArrayLike, second: ArrayLike) -> float:
    """How probable it is that one result is below another: the share of draws in which it is.

    Args:
        first: Results, shape (S,).
        second: The other's results under the same draws, shape (S,).

    Returns:
        0..1; draws in which both are equal are not counted as below.

    Raises:
        StudyError: If the shapes differ, there is no draw, or a result is unknown.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        raise StudyError(
            f"probability: results have shapes {one.shape} and {other.shape}; give one for each of"
            " the same draws"
        )
    if np.isnan(one).any() or np.isnan(other).any():
        raise StudyError("probability: a result is unknown; compare what both results have")
    return float((one < other).mean())
