"""Which candidates a sampler looks at before it proposes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nas.engine.beliefs import Observed
from nas.engine.candidates import Candidates
from nas.engine.domain import Parameters

__all__ = ["Pool", "generator_of"]

_RANDOM, _FRESH = 300, 4
_MOVES, _LATE_MOVES, _LATE = 20, 5, 50  # fewer near what came late and is not on the front
_AROUND = 24
_DRAWS = 2000
_Rows = dict[str, list[int]]


class Pool:
    """All candidates where they are few; else random ones and ones near the best.

    What it drew once it keeps, so that a further proposal looks at few new candidates.

    Args:
        candidates: Knows what is feasible.
        looks: At most so many are all looked at.
        generator: Makes a source of chance of a seed's parts.
    """

    def __init__(
        self, candidates: Candidates, looks: int, generator: Callable[..., np.random.Generator]
    ) -> None:
        self.candidates = candidates
        self._domain = candidates.domain.without(candidates.free)
        self._looks = looks
        self._share = min(1.0, looks / _RANDOM)
        self._generator = generator
        self._kept: dict[Any, _Rows] = {}

    def untaken(
        self, observed: Observed, taken: set[str], rng: np.random.Generator
    ) -> list[list[int]]:
        """Feasible rows of candidates that are neither evaluated nor pending; may be none.

        Args:
            observed: What was evaluated.
            taken: Keys of what was decided or is under way.
            rng: Source of chance of this proposal.
        """
        size = self._domain.size()
        if size is not None and size <= self._looks:
            everything = self._once("everything", self._domain.everything)
            return [rows for key, rows in everything.items() if key not in taken]
        pool = dict(self._once("random", self._drawn))
        fresh = [self._domain.sample(rng) for _ in range(self._count(_FRESH))]
        _extend(pool, self.candidates.feasible_rows(fresh))
        front, latest = observed.best(self._count(_AROUND))
        early = {*front, *observed.rows[:_LATE]}
        for row in (*front, *latest):
            _extend(pool, self._near(row, _MOVES if row in early else _LATE_MOVES))
        untaken = [rows for key, rows in pool.items() if key not in taken]
        for _ in range(0 if untaken else _DRAWS):
            drawn = self.candidates.feasible_rows([self._domain.sample(rng)])
            untaken = [rows for key, rows in drawn.items() if key not in taken]
            if untaken:
                break
        return untaken

    def _near(self, row: int, moves: int) -> _Rows:
        here = self._domain.active(self.candidates.points[row])
        told = tuple(sorted(here.items()))
        count = self._count(moves)
        return self._once(("near", told, count), lambda: self._moved(here, count))

    def _moved(self, here: Parameters, count: int) -> Iterable[Parameters]:
        rng = self._generator("near", sorted(here.items()))
        return [self._domain.moved(here, 1 + index % 2, rng) for index in range(count)]

    def _drawn(self) -> Iterable[Parameters]:
        rng = self._generator("pool")
        return [self._domain.sample(rng) for _ in range(self._count(_RANDOM))]

    def _once(self, what: Any, points: Callable[[], Iterable[Parameters]]) -> _Rows:
        if what not in self._kept:
            self._kept[what] = self.candidates.feasible_rows(list(points()))
        return self._kept[what]

    def _count(self, number: int) -> int:
        return max(1, round(self._share * number))


def generator_of(*parts: Any) -> np.random.Generator:
    """A source of chance that equal parts make equal.

    Args:
        parts: Texts, numbers and lists of such.
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


def _extend(pool: _Rows, more: _Rows) -> None:
    for key, rows in more.items():
        pool.setdefault(key, rows)
