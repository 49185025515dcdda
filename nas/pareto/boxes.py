"""The region that a front leaves undominated, as boxes that do not overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nas.errors import FrontError
from nas.pareto.fronts import Values, points

__all__ = ["undominated_boxes"]

_Box = tuple[tuple[float, ...], tuple[float, ...]]


def undominated_boxes(values: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Values, Values]:
    """Disjoint boxes that fill what lies below the reference and no value dominates.

    Where a new value y falls, the hypervolume that it adds is the sum over the boxes of
    ``prod(max(0, upper - max(lower, y)))``.

    Args:
        values: Shape (n, k), minimised, n >= 0; values not below the reference count nothing.
        reference: Shape (k,), finite.

    Returns:
        ``(lower, upper)``, each (boxes, k); a lower bound may be minus infinity.

    Raises:
        FrontError: If the values are not finite, or the reference has another number of entries.

    Source: slabs between the successive values of the last objective, each divided in the others;
        a box that goes on through the next slab is one box (compare Lacour, Klamroth and Fonseca,
        Computers and Operations Research 79, 2017).
    """
    bound = np.asarray(reference, dtype=np.float64)
    if bound.ndim != 1 or not len(bound) or not np.isfinite(bound).all():
        raise FrontError(f"reference: {bound.tolist()} is not one finite value an objective")
    front = np.asarray(values, dtype=np.float64).reshape(-1, len(bound))
    if len(front):
        front = points(front, what="undominated boxes")
        front = np.unique(front[(front < bound).all(axis=1)], axis=0)
    boxes = _boxes([tuple(row) for row in front.tolist()], tuple(bound.tolist()))
    lower = np.array([box[0] for box in boxes], dtype=np.float64)
    upper = np.array([box[1] for box in boxes], dtype=np.float64)
    return lower, upper


def _boxes(front: list[tuple[float, ...]], bound: tuple[float, ...]) -> list[_Box]:
    if len(bound) == 1:
        best = min((value[0] for value in front), default=bound[0])
        return [((-np.inf,), (min(best, bound[0]),))]
    if len(bound) == 2:
        return _stairs(front, bound)
    edges = sorted({value[-1] for value in front})
    starts = [-np.inf, *edges]
    ends = [*edges, bound[-1]]
    rest = bound[:-1]
    open_since: dict[_Box, float] = {}
    closed: list[_Box] = []
    for start, _ in zip(starts, ends, strict=True):
        below = [value[:-1] for value in front if value[-1] <= start]
        here = set(_boxes(below, rest))
        for box in [box for box in open_since if box not in here]:
            closed.append(_extended(box, open_since.pop(box), start))
        for box in here:
            open_since.setdefault(box, start)
    closed.extend(_extended(box, start, bound[-1]) for box, start in open_since.items())
    return sorted(closed)


def _stairs(front: list[tuple[float, ...]], bound: tuple[float, ...]) -> list[_Box]:
    """Columns between the successive first values, each as high as the best second one so far."""
    boxes: list[_Box] = []
    left, height = -np.inf, bound[1]
    for first, second in sorted(front):
        if second >= height:
            continue
        if first > left:
            boxes.append(((left, -np.inf), (first, height)))
        left, height = first, second
    boxes.append(((left, -np.inf), (bound[0], height)))
    return boxes


def _extended(box: _Box, start: float, end: float) -> _Box:
    return (*box[0], start), (*box[1], end)
