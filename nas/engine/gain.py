"""Expected gain of hypervolume where some objectives are known and others only believed.

Objectives are independent given the candidate. With ``psi(x) = E[max(0, x - y)]`` of every
objective, the gain over a box is the product of ``psi(upper) - psi(lower)``: exact for what is
known, normal or log-normal alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

__all__ = ["Belief", "Known", "LogNormal", "Normal", "Shared", "expected_gain"]

Array = npt.NDArray[np.float64]
_TAIL = 1 / np.sqrt(2 * np.pi)


class Belief(Protocol):
    """What is believed of one objective of n candidates."""

    def shortfall(self, bounds: Array) -> Array:
        """``E[max(0, bound - y)]``: shape (n, len(bounds)); 0 at minus infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Exact values.

    Attributes:
        value: Shape (n,), minimised.
        until: Shape (n,): from where on another row of the same candidate has the region already;
            None is nowhere.
    """

    value: Array
    until: Array | None = None

    def shortfall(self, bounds: Array) -> Array:
        """See `Belief`."""
        room = np.maximum(bounds - self.value[:, None], 0)
        if self.until is not None:
            room -= np.maximum(bounds - self.until[:, None], 0)
        return room


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Normal values: mean and standard deviation > 0, shape (n,) each."""

    mean: Array
    sd: Array

    def shortfall(self, bounds: Array) -> Array:
        """See `Belief`. Source: Jones, Schonlau and Welch 1998, equation 15."""
        sd = self.sd[:, None]
        z = (bounds - self.mean[:, None]) / sd
        with np.errstate(invalid="ignore", over="ignore"):
            room = sd * (z * ndtr(z) + _TAIL * np.exp(-0.5 * z * z))
        return np.where(np.isneginf(z), 0.0, np.maximum(room, 0))


@dataclass(frozen=True, slots=True, eq=False)
class LogNormal:
    """Positive values: mean and standard deviation > 0 of the natural logarithm, (n,) each."""

    mean: Array
    sd: Array

    def shortfall(self, bounds: Array) -> Array:
        """See `Belief`. The price of a put: Black and Scholes 1973, without interest."""
        positive = np.maximum(bounds, np.finfo(float).tiny)
        mean, sd = self.mean[:, None], self.sd[:, None]
        z = (np.log(positive) - mean) / sd
        room = positive * ndtr(z) - np.exp(mean + sd * sd / 2) * ndtr(z - sd)
        return np.where(bounds > 0, np.maximum(room, 0), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What several candidates share.

    Attributes:
        belief: Of m candidates.
        index: Which of them each of the n is, (n,).
    """

    belief: Belief
    index: npt.NDArray[np.intp]

    def shortfall(self, bounds: Array) -> Array:
        """See `Belief`."""
        return self.belief.shortfall(bounds)[self.index]


def expected_gain(lower: Array, upper: Array, beliefs: Sequence[Belief]) -> Array:
    """Expected hypervolume that each candidate adds to a front.

    Args:
        lower: Lower corners of `nas.pareto.boxes.undominated_boxes`, (boxes, k).
        upper: Their upper corners.
        beliefs: One for each of the k objectives, all of the same n candidates.

    Returns:
        Shape (n,), in the product of the objectives' units, 0 or more.

    Source: expected hypervolume improvement (Emmerich 2006), as a sum over disjoint boxes.
    """
    gain: Array | None = None
    for column, belief in enumerate(beliefs):
        bounds, index = np.unique(
            np.stack([lower[:, column], upper[:, column]]), return_inverse=True
        )
        room = belief.shortfall(bounds)
        index = index.reshape(2, -1)
        width = room[:, index[1]] - room[:, index[0]]
        gain = width if gain is None else gain * width
    if gain is None:
        raise ValueError("expected_gain: no objective; give one belief an objective")
    total: Array = gain.sum(axis=1)
    return total
