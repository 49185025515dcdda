"""Points of a domain with what is known of each without evaluating it, computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.engine.domain import Domain, Parameters, values_of
from nas.errors import ConfigError

__all__ = ["Candidates", "Costs", "standardised"]

Array = npt.NDArray[np.float64]
Costs = Callable[[list[Parameters]], Any]
_Names = tuple[tuple[str, Any], ...]


class Candidates:
    """Rows of points: features, costs and feasibility, each asked for once.

    Args:
        domain: Of the points.
        costs: ``costs(points)`` gives (n, objectives), NaN where only an evaluation tells; None
            where all are expensive.
        constraints: ``constraints(points)`` gives (n, constraints), at most 0 where they hold.
        features: ``features(points)`` gives one mapping of named numbers a point.
        key: Points of one key are one; by default each is its own. Given points without the
            free parameters.
        free: Parameters of which one evaluation counts for all values.
        shift: Names what shifts the expensive objectives among them; None where nothing does.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        costs: Costs | None,
        constraints: Costs | None,
        features: Callable[[list[Parameters]], Sequence[Mapping[str, float]]] | None,
        key: Callable[[Parameters], str] | None,
        free: tuple[str, ...],
        shift: Callable[[Parameters], str] | None = None,
    ) -> None:
        self.domain = domain
        self.free = free
        self.points: list[Parameters] = []
        self.keys: list[str] = []
        self._costs, self._constraints, self._features = costs, constraints, features
        self._key, self._shift = key, shift
        self._shifts: list[str] = []
        self._told_rows: dict[int, int] = {}
        self._elsewhere: dict[int, list[int]] = {}
        self._index: dict[_Names, int] = {}
        self._feasible: list[bool] = []
        self._cost_rows = _Rows()
        self._names: dict[str, int] = {}
        self._named = _Rows()
        self._encoded = (_Rows(), _Rows())
        self._told_domain = domain.without(free)

    def add(self, points: Sequence[Parameters]) -> list[int]:
        """Row numbers of points; new ones are computed.

        Raises:
            ConfigError: A function gives another shape than promised.
        """
        fresh = {_names(point): point for point in points if _names(point) not in self._index}
        if fresh:
            self._compute(list(fresh.values()))
        return [self._index[_names(point)] for point in points]

    def costs(self, rows: Sequence[int], objectives: int) -> Array:
        """Costs of rows, (n, objectives), NaN where expensive."""
        if self._costs is None:
            return np.full((len(rows), objectives), np.nan)
        return self._cost_rows.at(rows)

    def groups(self, rows: Sequence[int]) -> list[Array]:
        """Unscaled features of rows, one array (n, columns) a group.

        Those of one candidate are alike but for what shifts it: costs are those under the first
        free values.
        """
        told = self._told_of(rows)
        groups = [encoded.at(told) for encoded in self._encoded]
        if self._features is not None:
            in_order = [self._names[name] for name in sorted(self._names)]
            groups.append(self._named.at(told)[:, in_order])
        if self._costs is not None:
            costs = self._cost_rows.at(told)
            groups.append(_decades(costs[:, ~np.isnan(costs).all(axis=0)]))
        shifts = self.shifts(rows)
        groups.append((shifts[:, None] == np.unique(shifts)).astype(float))
        return [group for group in groups if group.shape[1]]

    def shifts(self, rows: Sequence[int]) -> npt.NDArray[np.intp]:
        """A number of what shifts the expensive objectives of each row, in the names' order."""
        if self._shift is None:
            return np.zeros(len(rows), dtype=np.intp)
        numbers = {name: number for number, name in enumerate(sorted(set(self._shifts)))}
        return np.array([numbers[self._shifts[row]] for row in rows], dtype=np.intp)

    def places(self, rows: Sequence[int]) -> npt.NDArray[np.intp]:
        """A number of the free values of each row."""
        choices = self._choices()
        own = [{name: self.points[row][name] for name in self.free} for row in rows]
        return np.array([choices.index(point) for point in own], dtype=np.intp)

    def add_at_first(self, points: Sequence[Parameters]) -> list[int]:
        """Row numbers of points that lack the free parameters, under their first values."""
        first = self._choices()[0]
        return self.add([{**point, **first} for point in points])

    def told(self, point: Mapping[str, Any]) -> Parameters:
        """A point without the free parameters."""
        return {name: value for name, value in point.items() if name not in self.free}

    def feasible_rows(self, points: Sequence[Parameters]) -> dict[str, list[int]]:
        """Feasible rows by key: every point under all values of the free parameters.

        Args:
            points: Without the free parameters; of those with one key the first counts.
        """
        choices = self._choices()
        rows = self.add([{**point, **choice} for point in points for choice in choices])
        found: dict[str, list[int]] = {}
        for start in range(0, len(rows), len(choices)):
            own = [row for row in rows[start : start + len(choices)] if self._feasible[row]]
            if own:
                found.setdefault(self.keys[own[0]], own)
        return found

    def elsewhere(self, row: int) -> list[int]:
        """Feasible rows of a row's candidate under all values of the free parameters."""
        if row not in self._elsewhere:
            found = self.feasible_rows([self.told(self.points[row])])
            self._elsewhere[row] = next(iter(found.values()), [])
        return self._elsewhere[row]

    def _choices(self) -> list[Parameters]:
        values = [values_of(self.domain.distributions[name]) for name in self.free]
        return [dict(zip(self.free, row, strict=True)) for row in product(*values)]

    def _told_of(self, rows: Sequence[int]) -> Sequence[int]:
        """Each row's candidate under the first free values."""
        if not self.free:
            return rows
        fresh = [row for row in dict.fromkeys(rows) if row not in self._told_rows]
        first = self._choices()[0]
        told = self.add([{**self.told(self.points[row]), **first} for row in fresh])
        self._told_rows.update(zip(fresh, told, strict=True))
        return [self._told_rows[row] for row in rows]

    def _compute(self, points: list[Parameters]) -> None:
        if self._costs is not None:
            rows = np.asarray(self._costs(points), dtype=np.float64)
            self._cost_rows.extend(_table("costs", rows, len(points)))
        if self._constraints is not None:
            broken = np.asarray(self._constraints(points), dtype=np.float64)
            table = _table("constraints", broken, len(points))
            self._feasible.extend(bool((row <= 0).all()) for row in table)
        else:
            self._feasible.extend([True] * len(points))
        if self._features is not None:
            named = list(self._features(points))
            for name in set().union(*named) - set(self._names):
                self._names[name] = len(self._names)
            rows = np.array([[row.get(name, 0.0) for name in self._names] for row in named])
            self._named.extend(rows)
        if self._shift is not None:
            self._shifts.extend(map(self._shift, points))
        told = [self.told(point) for point in points]
        for rows_so_far, group in zip(self._encoded, self._told_domain.encode(told), strict=True):
            rows_so_far.extend(group)
        for point, own in zip(points, told, strict=True):
            row = len(self.points)
            key = repr(_names(own)) if self._key is None else self._key(own)
            self.points.append(point)
            self.keys.append(key)
            self._index[_names(point)] = row


class _Rows:
    """A table that grows: rows at its end, and columns that are 0 for rows from before."""

    def __init__(self) -> None:
        self._table = np.zeros((0, 0))
        self._count = 0

    def extend(self, rows: Array) -> None:
        count, width = self._count + len(rows), rows.shape[1]
        if count > len(self._table) or width > self._table.shape[1]:
            grown = np.zeros((max(count, 2 * self._count), width))
            grown[: self._count, : self._table.shape[1]] = self._table[: self._count]
            self._table = grown
        self._table[self._count : count] = rows
        self._count = count

    def at(self, rows: Sequence[int]) -> Array:
        taken: Array = self._table[np.asarray(rows, dtype=np.intp)]
        return taken


def standardised(groups: Sequence[Array]) -> list[Array]:
    """Columns of mean 0 and deviation 1, over the square root of their number in the group.

    Columns that do not vary are left out, and groups without others.
    """
    scaled = []
    for group in groups:
        centred = group - group.mean(axis=0)
        spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / max(1, len(group)))
        varies = spread > 1e-12
        if varies.any():
            unit = centred[:, varies] / spread[varies]
            scaled.append(unit / np.sqrt(varies.sum()))
    return scaled


def _decades(costs: Array) -> Array:
    """Logarithms of columns of one sign, whichever; other columns as they are."""
    costs = np.where(np.isnan(costs), np.nanmean(costs, axis=0), costs)
    one_sign = (costs > 0).all(axis=0) | (costs < 0).all(axis=0)
    size = np.where(one_sign, np.abs(costs), 1.0)
    return np.where(one_sign, np.log(size), costs)


def _names(point: Mapping[str, Any]) -> _Names:
    return tuple(sorted(point.items()))


def _table(what: str, rows: Array, count: int) -> Array:
    if rows.ndim != 2 or len(rows) != count:
        raise ConfigError(
            f"{what}: gives shape {rows.shape} for {count} points; give one row a point"
        )
    return rows
