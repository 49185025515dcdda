"""Dominance, hypervolume and the knee of a front; every column is minimised."""

from __future__ import annotations

import moocore
import numpy as np
import numpy.typing as npt

from nas.errors import FrontError

__all__ = [
    "hypervolume",
    "knee",
    "non_dominated",
    "points",
    "scaled",
    "spans_decades",
]

Values = npt.NDArray[np.float64]


def points(values: npt.ArrayLike, *, what: str = "front") -> Values:
    """The values as a finite table of floats.

    Args:
        values: Shape (n, k): n points, k objectives; k >= 1, n may be 0.
        what: Names the table in an error.

    Raises:
        FrontError: If the shape is not (n, k >= 1), or a value is NaN or infinite; dominance is
            undefined there, so such rows are to be removed and counted first.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise FrontError(
            f"{what}: values have shape {table.shape}, give (points, objectives) with at least "
            "one objective"
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if bad.size:
        raise FrontError(
            f"{what}: {bad.size} of {len(table)} points hold NaN or infinity (first: row "
            f"{bad[0]}); remove them before asking for a front"
        )
    return table


def non_dominated(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other point dominates; equal points are all kept.

    A point dominates another when it is no worse in every objective and better in one.

    Args:
        values: Shape (n, k), minimised, any units.

    Returns:
        Mask of shape (n,).

    Raises:
        FrontError: If a value is NaN or infinite, or the shape is not (n, k >= 1).
    """
    table = points(values)
    if not len(table):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(table, keep_weakly=True), dtype=np.bool_)


def hypervolume(values: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Volume between the front and the reference point; larger is better.

    Args:
        values: Shape (n, k), minimised; points beyond the reference add nothing.
        reference: Shape (k,), worse than what is to count.

    Returns:
        Volume in the product of the objectives' units, >= 0; 0 without points.

    Raises:
        FrontError: If a value is NaN or infinite, or the shapes disagree.

    Source: Zitzler and Thiele (1998); computed by moocore.
    """
    table = points(values)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape != (table.shape[1],) or not np.isfinite(corner).all():
        raise FrontError(
            f"hypervolume: the reference has shape {corner.shape}, give {table.shape[1]} finite "
            "values, one per objective"
        )
    if not len(table):
        return 0.0
    return float(moocore.hypervolume(table, ref=corner))


def spans_decades(values: npt.ArrayLike) -> bool:
    """Whether values are all positive and span a factor of ten or more.

    Such an objective is read in ratios: its axis is logarithmic and the knee weighs its logarithm.
    """
    column = np.asarray(values, dtype=np.float64)
    return bool(column.size and column.min() > 0.0 and column.max() >= 10.0 * column.min())


def scaled(values: npt.ArrayLike) -> Values:
    """Each objective from 0 (best of the given points) to 1 (worst of them).

    Objectives that span decades are scaled by their logarithm (`spans_decades`); an objective in
    which all points agree becomes 0.

    Args:
        values: Shape (n, k), finite.

    Returns:
        Shape (n, k), within 0..1.
    """
    table = points(values).copy()
    for index in range(table.shape[1]):
        if spans_decades(table[:, index]):
            table[:, index] = np.log10(table[:, index])
    if not len(table):
        return table
    best = table.min(axis=0)
    # Halved first: the range of two finite floats may overflow.
    span = table.max(axis=0) / 2.0 - best / 2.0
    share: Values = np.where(
        span > 0.0, (table / 2.0 - best / 2.0) / np.where(span > 0.0, span, 1.0), 0.0
    )
    return share


def knee(values: npt.ArrayLike) -> int:
    """The balanced point of a front: the one furthest below the line between its extremes.

    Objectives are scaled to 0..1 over the non-dominated points (`scaled`: by their logarithm where
    they span decades); the knee has the smallest sum, which is the largest distance below the
    hyperplane through the extremes. Ties: the first.

    Args:
        values: Shape (n, k), n >= 1, minimised.

    Returns:
        Row index, of a non-dominated point.

    Raises:
        FrontError: If there is no point, or a value is NaN or infinite.

    Source: Das (1999), "On characterizing the knee of the Pareto curve".
    """
    table = points(values)
    if not len(table):
        raise FrontError("knee: no point is given, give at least one trained score")
    rows = np.flatnonzero(non_dominated(table))
    return int(rows[np.argmin(scaled(table[rows]).sum(axis=1))])
