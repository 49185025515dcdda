"""What is observed of expensive objectives, and what is believed of them elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.engine.candidates import Candidates, standardised
from nas.engine.gain import Belief, LogNormal, Normal, Shared
from nas.engine.gaussian import fit_process
from nas.pareto import non_dominated

__all__ = ["Believed", "Observed", "beliefs_of"]

Array = npt.NDArray[np.float64]
_COMPRESSED_FROM = 0.4  # above the reference, in logarithms or deviations
_COMPRESSION = 0.2
_LEAST_EARLIER, _SLOPE_POINTS = 5, 2.0


@dataclass(frozen=True, eq=False)
class Observed:
    """What was evaluated and what is under way.

    Attributes:
        rows: Rows of evaluated candidates, in the order of their trials.
        values: Their objectives, all minimised, (n, objectives); NaN where one was not asked.
        pending: Rows of candidates under way.
        signs: 1 for an objective that the study minimises, -1 for one that it maximises.
        doubt: Standard deviation of what an evaluation misses of an expensive objective, of its
            natural logarithm where all are positive; added to that of the model.
        earlier: Rows whose first expensive objective is known of an earlier search, (n,).
        told_earlier: What it was there, minimised, (n,).
    """

    rows: list[int]
    values: Array
    pending: list[int]
    signs: Array
    doubt: float = 0.0
    earlier: Sequence[int] = ()
    told_earlier: Array = dataclasses.field(default_factory=lambda: np.zeros(0))

    def best(self, count: int) -> tuple[list[int], list[int]]:
        """Up to so many rows: those on the front, and the latest of the others."""
        whole = np.flatnonzero(~np.isnan(self.values).any(axis=1))
        on = non_dominated(self.values[whole]) if len(whole) else whole
        front = [self.rows[index] for index in whole[on]][-count:]
        latest = [row for row in dict.fromkeys(self.rows[::-1]) if row not in front]
        return list(dict.fromkeys(front)), latest[: count - len(front)]


@dataclass(frozen=True, eq=False)
class Believed:
    """One expensive objective: at the candidates, and wherever what was evaluated can be used."""

    mean: Array
    sd: Array
    logarithmic: bool
    at_used: Array
    reference: float

    @property
    def least(self) -> float:
        """The lowest value that is expected of a candidate."""
        least = float(self.mean.min())
        return float(np.exp(least)) if self.logarithmic else least

    def of(self, owners: npt.NDArray[np.intp]) -> Belief:
        """What is believed of rows, by which of the candidates each is of."""
        kind = LogNormal if self.logarithmic else Normal
        return Shared(kind(self.mean, self.sd), owners)


def beliefs_of(
    candidates: Candidates,
    observed: Observed,
    rows: Sequence[int],
    used: Sequence[tuple[int, int]],
    startup: int,
) -> dict[int, Believed]:
    """Models of the expensive objectives, by column."""
    seen = [*observed.rows, *observed.pending]
    told = [*rows, *seen, *(row for _, row in used)]
    whole = [*told, *observed.earlier]
    groups = standardised(candidates.groups(whole)) or [np.zeros((len(whole), 1))]
    costs = candidates.costs(rows, len(observed.signs))
    expensive = np.flatnonzero(np.isnan(costs).all(axis=0)).tolist()
    before = _expected_before(groups, len(told), observed.told_earlier)
    groups = [group[: len(told)] for group in groups]
    believed = {
        column: _believed(
            groups,
            (len(rows), len(seen)),
            observed.values[:, column],
            startup,
            before if column == expensive[0] else None,
        )
        for column in expensive
    }
    return {
        column: dataclasses.replace(belief, sd=np.hypot(belief.sd, observed.doubt))
        for column, belief in believed.items()
    }


def _expected_before(groups: Sequence[Array], told: int, earlier: Array) -> Array | None:
    """What an earlier search expects of the first rows; None where there was none.

    Args:
        groups: Features of those rows, then of what the earlier search evaluated.
        told: How many rows come first.
        earlier: What those gave; logarithms are taken where all are positive.
    """
    if len(earlier) < _LEAST_EARLIER:
        return None
    values = np.log(earlier) if (earlier > 0).all() else earlier
    process = fit_process([group[told:] for group in groups], values)
    return process.expect([group[:told] for group in groups])


def _believed(
    groups: Sequence[Array],
    counts: tuple[int, int],
    values: Array,
    startup: int,
    before: Array | None,
) -> Believed:
    """Model one objective; what is under way is believed to come out as the model expects.

    Args:
        groups: Features of candidates, then of what was evaluated and what is under way, then of
            wherever those can be used.
        counts: How many candidates there are, and how many were evaluated or are under way.
        values: What was evaluated gave, minimised; NaN where this was not asked.
        startup: How many first values set the reference.
        before: What an earlier search expects of all these; only the rest is modelled.
    """
    candidates, seen = counts
    end, under_way = candidates + seen, slice(candidates + len(values), candidates + seen)
    told = candidates + np.flatnonzero(~np.isnan(values))
    values = values[told - candidates]
    logarithmic = bool((values > 0).all())
    reference = float(np.median(values[:startup]))
    target = np.log(values) if logarithmic else values
    scale = 1.0 if logarithmic else float(np.std(values)) or 1.0
    base = np.zeros(len(groups[0]))
    if before is not None:
        base = _line(before[told], target, before)
        middle = float(np.median(base[:candidates]))
        reference = max(reference, float(np.exp(middle)) if logarithmic else middle)
    limit = (np.log(reference) if logarithmic else reference) + _COMPRESSED_FROM * scale
    over = np.maximum(target - limit, 0) / (_COMPRESSION * scale)
    target = np.minimum(target, limit) + _COMPRESSION * scale * np.log1p(over)
    target = target - base[told]
    process = fit_process([group[told] for group in groups], target)
    at_used = process.expect([group[end:] for group in groups]) + base[end:]
    if under_way.start < end:
        expected = process.expect([group[under_way] for group in groups])
        whole = np.concatenate([target, expected])
        told = np.concatenate([told, np.arange(under_way.start, end)])
        process = fit_process([group[told] for group in groups], whole)
    mean, sd = process.predict([group[:candidates] for group in groups])
    mean = mean + base[:candidates]
    return Believed(mean, sd, logarithmic, np.exp(at_used) if logarithmic else at_used, reference)


def _line(x: Array, y: Array, at: Array) -> Array:
    """The line through y by x, at other x; its slope is drawn to 1 as by two further points."""
    away = x - x.mean()
    weight = _SLOPE_POINTS * float(np.var(at)) + 1e-12
    slope = (float(away @ (y - y.mean())) + weight) / (float(away @ away) + weight)
    return np.asarray(y.mean() + slope * (at - x.mean()))
