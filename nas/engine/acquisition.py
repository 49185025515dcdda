"""Which candidate to evaluate next, given what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.engine.candidates import Candidates, standardised
from nas.engine.gain import Belief, Known, LogNormal, Normal, expected_gain
from nas.engine.gaussian import fit_process
from nas.pareto import non_dominated
from nas.pareto.boxes import undominated_boxes

__all__ = ["Observed", "most_different", "most_promising"]

Array = npt.NDArray[np.float64]
_COMPRESSED_FROM = 0.4  # above the reference, in logarithms or deviations
_COMPRESSION = 0.2
_MARGIN = 0.05
_DIFFERENT_FROM = 200
_FRONT_OF_FOUR, _FRONT_OF_MORE = 100, 40


@dataclass(frozen=True, eq=False)
class Observed:
    """What was evaluated and what is under way.

    Attributes:
        rows: Rows of evaluated candidates, in the order of their trials.
        values: Their objectives, all minimised, (n, objectives).
        pending: Rows of candidates under way.
        signs: 1 for an objective that the study minimises, -1 for one that it maximises.
    """

    rows: list[int]
    values: Array
    pending: list[int]
    signs: Array

    def best(self, count: int) -> list[int]:
        """Up to so many rows: those on the front, then the latest."""
        if not self.rows:
            return []
        on_front = [
            row for row, on in zip(self.rows, non_dominated(self.values), strict=True) if on
        ]
        return list(dict.fromkeys([*on_front[-count:], *self.rows[::-1]]))[:count]


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
    candidates: Candidates, observed: Observed, pool: Sequence[list[int]], startup: int
) -> int:
    """The feasible row of the candidate whose expected gain of hypervolume is greatest.

    A candidate gains by all its rows together: an evaluation counts for every free value.

    Args:
        candidates: Knows features and costs.
        observed: What was evaluated, 2 or more.
        pool: Feasible rows of each candidate.
        startup: How many first evaluations set the reference: what is worse than their median
            counts nothing.
    """
    owners = np.repeat(np.arange(len(pool)), [len(own) for own in pool])
    rows = [row for own in pool for row in own]
    count = len(observed.signs)
    costs = candidates.costs(rows, count) * observed.signs
    expensive = np.isnan(costs).all(axis=0)
    points = [own[0] for own in pool]
    groups = standardised(candidates.groups([*points, *observed.rows, *observed.pending])) or [
        np.zeros((len(points) + len(observed.rows) + len(observed.pending), 1))
    ]
    believed = {
        column: _believed(groups, len(points), observed.values[:, column], startup)
        for column in np.flatnonzero(expensive).tolist()
    }
    front = _thinned(_front(candidates, observed, believed))
    together = np.vstack([front, np.where(expensive, 0.0, costs)])
    spread = np.ptp(together, axis=0)
    reference = together.max(axis=0) + _MARGIN * np.where(spread > 0, spread, 1.0)
    for column, belief in believed.items():
        reference[column] = belief.reference
    until = _until(costs[:, ~expensive], owners)
    first_known = int(np.argmin(expensive))
    beliefs: list[Belief] = [
        believed[column].of(owners)
        if column in believed
        else Known(costs[:, column], until if column == first_known else None)
        for column in range(count)
    ]
    gains = expected_gain(*undominated_boxes(front, reference), beliefs)
    gain = np.zeros(len(pool))
    if until is None:
        np.maximum.at(gain, owners, gains)
    else:
        np.add.at(gain, owners, gains)
    best = int(gain.argmax())
    own = np.flatnonzero(owners == best)
    return int(rows[own[int(gains[own].argmax())]])


@dataclass(frozen=True, eq=False)
class _Believed:
    """One expensive objective: at the candidates, and where it was or is being evaluated."""

    mean: Array
    sd: Array
    logarithmic: bool
    at_seen: Array
    reference: float

    def of(self, owners: npt.NDArray[np.intp]) -> Belief:
        kind = LogNormal if self.logarithmic else Normal
        return kind(self.mean[owners], self.sd[owners])


def _believed(groups: Sequence[Array], candidates: int, values: Array, startup: int) -> _Believed:
    """Model one objective; what is under way is believed to come out as the model expects.

    Args:
        groups: Features of candidates, then of what was evaluated, then of what is under way.
        candidates: How many candidates there are.
        values: What was evaluated gave, minimised.
        startup: How many first values set the reference.
    """
    logarithmic = bool((values > 0).all())
    reference = float(np.median(values[:startup]))
    target = np.log(values) if logarithmic else values
    scale = 1.0 if logarithmic else float(np.std(values)) or 1.0
    limit = (np.log(reference) if logarithmic else reference) + _COMPRESSED_FROM * scale
    over = np.maximum(target - limit, 0) / (_COMPRESSION * scale)
    target = np.minimum(target, limit) + _COMPRESSION * scale * np.log1p(over)
    end = candidates + len(values)
    seen = [group[candidates:] for group in groups]
    process = fit_process([group[candidates:end] for group in groups], target)
    at_seen, _ = process.predict(seen)
    if len(at_seen) > len(values):
        process = fit_process(seen, np.concatenate([target, at_seen[len(values) :]]))
    mean, sd = process.predict([group[:candidates] for group in groups])
    return _Believed(mean, sd, logarithmic, np.exp(at_seen) if logarithmic else at_seen, reference)


def _front(candidates: Candidates, observed: Observed, believed: dict[int, _Believed]) -> Array:
    """Objectives of all that was evaluated or is under way, everywhere it can be used.

    Expensive ones are what the model makes of the noisy observation, not the observation.
    """
    seen = [*observed.rows, *observed.pending]
    rows = [(index, row) for index, own in enumerate(seen) for row in candidates.elsewhere(own)]
    if not rows:
        return np.empty((0, len(observed.signs)))
    values = candidates.costs([row for _, row in rows], len(observed.signs)) * observed.signs
    for column, belief in believed.items():
        values[:, column] = belief.at_seen[[index for index, _ in rows]]
    return values


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
