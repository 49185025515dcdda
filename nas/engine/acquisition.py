"""Which candidate to evaluate next, given what was observed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nas.engine.beliefs import Believed, Observed, beliefs_of
from nas.engine.candidates import Candidates, standardised
from nas.engine.gain import Belief, Known, Normal, expected_gain
from nas.pareto import non_dominated
from nas.pareto.boxes import undominated_boxes

__all__ = ["Box", "box_of", "most_different", "most_promising"]

Array = npt.NDArray[np.float64]
_MARGIN = 0.05
_DIFFERENT_FROM = 200
_FRONT_OF_FOUR, _FRONT_OF_MORE = 100, 40


def most_different(
    candidates: Candidates,
    observed: Observed,
    pool: Sequence[list[int]],
    rng: np.random.Generator,
) -> int:
    """The row that is farthest from all that was evaluated or is pending; a random one at first.

    Args:
        candidates: Knows the features.
        observed: What was evaluated.
        pool: Feasible rows of each candidate.
        rng: Source of chance.
    """
    drawn = rng.permutation(len(pool))[:_DIFFERENT_FROM]
    rows = [pool[index][0] for index in drawn]
    seen = [*observed.rows, *observed.pending]
    if not seen:
        return int(rows[0])
    features = np.hstack(standardised(candidates.groups([*rows, *seen])) or [np.zeros((1, 1))])
    new, old = features[: len(rows)], features[len(rows) :]
    distances = ((new[:, None, :] - old[None, :, :]) ** 2).sum(axis=2).min(axis=1)
    return int(rows[int(distances.argmax())])


def most_promising(
    candidates: Candidates,
    observed: Observed,
    pool: Sequence[list[int]],
    startup: int,
    spread: Array | None = None,
    *,
    apart: bool = False,
) -> int:
    """The feasible row of the candidate whose expected gain of hypervolume is greatest.

    A candidate gains by its rows together, since an evaluation counts for every free value; those
    of one shift of the expensive objectives as a union, those of different shifts by the best.

    Args:
        candidates: Knows features and costs.
        observed: What was evaluated, 2 or more.
        pool: Feasible rows of each candidate.
        startup: How many first evaluations set the reference: what is worse than their median
            counts nothing.
        spread: Relative standard deviation of each known objective, (k,); None: all are exact.
        apart: Whether each free value has a front of its own; a candidate then gains the mean of
            its gains, each as a share of its box.
    """
    owners = np.repeat(np.arange(len(pool)), [len(own) for own in pool])
    rows = [row for own in pool for row in own]
    count = len(observed.signs)
    spread = np.zeros(count) if spread is None else spread
    costs = candidates.costs(rows, count) * observed.signs
    expensive = np.isnan(costs).all(axis=0)
    shifts = candidates.shifts(rows)
    _, first, alike = np.unique(
        owners * (shifts.max() + 1) + shifts, return_index=True, return_inverse=True
    )
    used = _used(candidates, observed)
    believed = beliefs_of(candidates, observed, [rows[index] for index in first], used, startup)
    reached = _reached(candidates, observed, used, believed, spread)
    places = candidates.places(rows) if apart else np.zeros(len(rows), dtype=np.intp)
    at = candidates.places([row for _, row in used]) if apart else np.zeros(len(used))
    gains, gain = np.zeros(len(rows)), np.zeros(len(pool))
    for place in np.unique(places):
        here = np.flatnonzero(places == place)
        box = Box(reached[at == place], costs[here], believed)
        until = None if (spread[~expensive] > 0).any() else _until(box.known, alike[here])
        gains[here] = box.gains(alike[here], spread, until)
        of_alike = np.zeros(len(first))
        (np.maximum if until is None else np.add).at(of_alike, alike[here], gains[here])
        together = np.zeros(len(pool))
        np.maximum.at(together, owners[first], of_alike)
        gain += together / box.volume if apart else together
    best = int(gain.argmax())
    own = np.flatnonzero(owners == best)
    dear = (np.where(expensive, 0.0, costs[own]) / box.extent).sum(axis=1)
    return int(rows[own[int(np.lexsort((dear, -gains[own]))[0])]])


class Box:
    """A front, and from where on what is known and believed of candidates counts.

    Args:
        reached: Objectives of all that was evaluated.
        costs: Of the candidates' rows, NaN where expensive.
        believed: Of the expensive ones.
    """

    def __init__(self, reached: Array, costs: Array, believed: dict[int, Believed]) -> None:
        self.front = _thinned(reached)
        self._costs, self._believed = costs, believed
        self._expensive = np.isnan(costs).all(axis=0)
        together = np.vstack([self.front, np.where(self._expensive, 0.0, costs)])
        extent = np.ptp(together, axis=0)
        self.extent = np.where(extent > 0, extent, 1.0)
        self._lower = together.min(axis=0)
        self.reference = together.max(axis=0) + _MARGIN * self.extent
        for column, belief in believed.items():
            self.reference[column] = belief.reference
            self._lower[column] = min(belief.least, *self.front[:, column], belief.reference)

    @property
    def known(self) -> Array:
        """Costs of the rows, (rows, known objectives)."""
        return np.asarray(self._costs[:, ~self._expensive])

    @property
    def volume(self) -> float:
        """Of all that is between the reference and the least of every objective."""
        span = self.reference - self._lower
        return float(np.prod(np.where(span > 0, span, 1.0)))

    def gains(self, alike: npt.NDArray[np.intp], spread: Array, until: Array | None) -> Array:
        """Expected gain of each row.

        Args:
            alike: What of the beliefs is of each row.
            spread: As `most_promising` takes it.
            until: As `_until` gives it.
        """
        first_known = int(np.argmin(self._expensive))
        costs = self._costs
        beliefs: list[Belief] = [
            self._believed[column].of(alike)
            if column in self._believed
            else Known(costs[:, column], until if column == first_known else None)
            if not spread[column]
            else _spread_about(costs[:, column], float(spread[column]))
            for column in range(costs.shape[1])
        ]
        return expected_gain(*undominated_boxes(self.front, self.reference), beliefs)


def box_of(
    candidates: Candidates, observed: Observed, rows: Sequence[int], startup: int
) -> tuple[Box, dict[int, Believed]]:
    """What counts, and what is believed of the expensive objectives of rows, by column.

    Args:
        candidates: Knows features and costs.
        observed: What was evaluated, 2 or more.
        rows: One a candidate.
        startup: As `most_promising` takes it.
    """
    used = _used(candidates, observed)
    believed = beliefs_of(candidates, observed, rows, used, startup)
    exact = np.zeros(len(observed.signs))
    reached = _reached(candidates, observed, used, believed, exact)
    return Box(reached, candidates.costs(rows, len(exact)) * observed.signs, believed), believed


def _used(candidates: Candidates, observed: Observed) -> list[tuple[int, int]]:
    """Of what was evaluated whole or is under way: its number, each row where it can be used."""
    seen = [*observed.rows, *observed.pending]
    part = {number for number, row in enumerate(observed.values) if np.isnan(row).any()}
    return [
        (number, row)
        for number, own in enumerate(seen)
        if number not in part
        for row in candidates.elsewhere(own)
    ]


def _reached(
    candidates: Candidates,
    observed: Observed,
    used: Sequence[tuple[int, int]],
    believed: dict[int, Believed],
    spread: Array,
) -> Array:
    """Objectives of all that was evaluated or is under way, everywhere it can be used.

    Expensive ones are what the model makes of the noisy observation, not the observation; known
    ones with a spread are as observed where that was.
    """
    if not used:
        return np.empty((0, len(observed.signs)))
    values = candidates.costs([row for _, row in used], len(observed.signs)) * observed.signs
    for column, belief in believed.items():
        values[:, column] = belief.at_used
    for place, (number, row) in enumerate(used):
        if number < len(observed.values) and row == observed.rows[number]:
            values[place] = np.where(spread > 0, observed.values[number], values[place])
    return values


def _spread_about(costs: Array, spread: float) -> Normal:
    sd = spread * np.abs(costs)
    return Normal(costs, np.maximum(sd, np.finfo(float).eps * (1 + np.abs(costs))))


def _thinned(values: Array) -> Array:
    """The front alone, of many objectives evenly thinned: boxes grow with the power of its size."""
    front: Array = values[non_dominated(values)]
    most = _FRONT_OF_FOUR if front.shape[1] == 4 else _FRONT_OF_MORE
    if front.shape[1] < 4 or len(front) <= most:
        return front
    order = np.argsort(front[:, 0], kind="stable")
    kept: Array = front[order[np.linspace(0, len(front) - 1, most).astype(int)]]
    return kept


def _until(costs: Array, owners: npt.NDArray[np.intp]) -> Array | None:
    """Per row, the first cost from which on another row of the same candidate serves as well.

    With it the rows of a candidate cover its region once: exact for one and two known costs.

    Args:
        costs: Known costs of rows, (rows, costs).
        owners: The candidate of each row, in rising order.

    Returns:
        None where each candidate counts by its best row: for three costs and more.
    """
    if costs.shape[1] > 2 and len(np.unique(owners)) < len(owners):
        return None
    until = np.full(len(owners), np.inf)
    if costs.shape[1] == 0 or len(np.unique(owners)) == len(owners):
        return until
    order = np.lexsort((*costs.T[::-1], owners))
    last: int | None = None
    for row in order:
        if last is not None and owners[row] == owners[last]:
            if costs.shape[1] == 1 or costs[row, 1] >= costs[last, 1]:
                until[row] = costs[row, 0]
                continue
            until[last] = costs[row, 0]
        last = int(row)
    return until
