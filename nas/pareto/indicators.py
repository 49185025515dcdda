"""How far one front is from another, and whether two objectives rank alike."""

from __future__ import annotations

import moocore
import numpy as np
import numpy.typing as npt

from nas.errors import FrontError
from nas.pareto.fronts import Values, points

__all__ = ["coverage", "epsilon", "igd_plus", "kendall_tau", "rank_agreement"]


def _pair(values: npt.ArrayLike, against: npt.ArrayLike, what: str) -> tuple[Values, Values]:
    ours, theirs = points(values, what=what), points(against, what=what)
    if ours.shape[1] != theirs.shape[1]:
        raise FrontError(
            f"{what}: fronts have {ours.shape[1]} and {theirs.shape[1]} objectives, compare "
            "fronts of the same objectives"
        )
    if not len(ours) or not len(theirs):
        raise FrontError(f"{what}: a front is empty, give at least one trained score in each")
    return ours, theirs


def epsilon(values: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Additive epsilon: the least shift that makes the values weakly dominate the reference front.

    Args:
        values: Shape (n, k), minimised.
        reference: Shape (m, k), such as the pooled front.

    Returns:
        In the (shared) unit of the objectives, so scale them first; <= 0 where the values already
        dominate the reference, smaller is better.

    Raises:
        FrontError: If a front is empty or not finite, or the objectives differ in number.

    Source: Zitzler et al. (2003); computed by moocore.
    """
    ours, theirs = _pair(values, reference, "epsilon")
    return float(moocore.epsilon_additive(ours, ref=theirs))


def igd_plus(values: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Mean distance from the reference front to the values, counting only what is worse.

    Args:
        values: Shape (n, k), minimised.
        reference: Shape (m, k), such as the pooled front.

    Returns:
        >= 0 in the (shared) unit of the objectives, so scale them first; smaller is better.

    Raises:
        FrontError: If a front is empty or not finite, or the objectives differ in number.

    Source: Ishibuchi et al. (2015); computed by moocore.
    """
    ours, theirs = _pair(values, reference, "igd+")
    return float(moocore.igd_plus(ours, ref=theirs))


def coverage(values: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Share of the other front that the values weakly dominate: the C metric.

    Args:
        values: Shape (n, k), minimised.
        other: Shape (m, k).

    Returns:
        0..1. Not symmetric: ask both ways.

    Raises:
        FrontError: If a front is empty or not finite, or the objectives differ in number.

    Source: Zitzler and Thiele (1998).
    """
    ours, theirs = _pair(values, other, "coverage")
    covered = (ours[:, None, :] <= theirs[None, :, :]).all(axis=2).any(axis=0)
    return float(covered.mean())


def rank_agreement(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Spearman's rank correlation: 1 where two objectives order the candidates alike.

    Args:
        first: Shape (n,).
        second: Shape (n,), any unit.

    Returns:
        -1..1 with mean ranks for ties, or None where it is undefined: fewer than two values, or
        one side constant.

    Raises:
        FrontError: If the lengths differ or a value is NaN or infinite.

    Source: Spearman (1904).
    """
    table = points(np.column_stack(_same_length(first, second)), what="rank agreement")
    if len(table) < 2 or (table == table[0]).all(axis=0).any():
        return None
    ranks = np.column_stack([_mean_ranks(table[:, 0]), _mean_ranks(table[:, 1])])
    centred = ranks - ranks.mean(axis=0)
    value = (centred[:, 0] @ centred[:, 1]) / np.sqrt((centred**2).sum(axis=0).prod())
    return float(np.clip(value, -1.0, 1.0))


def kendall_tau(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Kendall's tau-b: pairs ordered alike minus pairs ordered otherwise, as a share of all.

    Args:
        first: Shape (n,).
        second: Shape (n,), any unit.

    Returns:
        -1..1, pairs tied on a side left out of that side's count; None where it is undefined:
        fewer than two values, or one side constant.

    Raises:
        FrontError: If the lengths differ or a value is NaN or infinite.

    Source: Kendall (1945), with the n log n count of Knight (1966).
    """
    table = points(np.column_stack(_same_length(first, second)), what="Kendall's tau")
    if len(table) < 2 or (table == table[0]).all(axis=0).any():
        return None
    x, y = table[np.lexsort((table[:, 1], table[:, 0]))].T
    pairs = len(x) * (len(x) - 1) // 2
    tied_x, tied_y = (_tied_pairs(side[:, None]) for side in (x, y))
    apart = pairs - tied_x - tied_y + _tied_pairs(table)
    value = (apart - 2 * _inversions(y)) / np.sqrt(float(pairs - tied_x) * float(pairs - tied_y))
    return float(np.clip(value, -1.0, 1.0))


def _tied_pairs(rows: Values) -> int:
    _, counts = np.unique(rows, axis=0, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def _inversions(values: Values) -> int:
    """Pairs in which the earlier value is the larger one."""
    if len(values) <= 64:
        return int(np.triu(values[:, None] > values[None, :], 1).sum())
    left, right = np.split(values, [len(values) // 2])
    across = len(left) * len(right) - np.searchsorted(np.sort(left), right, side="right").sum()
    return _inversions(left) + _inversions(right) + int(across)


def _same_length(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Values, Values]:
    ours = np.asarray(first, dtype=np.float64).ravel()
    theirs = np.asarray(second, dtype=np.float64).ravel()
    if ours.size != theirs.size:
        raise FrontError(
            f"ranks: {ours.size} values against {theirs.size}, give one pair a candidate"
        )
    return ours, theirs


def _mean_ranks(values: Values) -> Values:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Values = (last - (counts - 1) / 2.0)[inverse]
    return ranks
