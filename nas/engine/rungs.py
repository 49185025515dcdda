"""Rungs: which training that was stopped early goes on, and what its error would become.

Successive halving, asynchronous: of those that reached a rung one in three goes on to the next,
which has about three times the epochs. Who does is decided by the expected gain of hypervolume of
the extrapolated error, or by non-dominated rank with an epsilon-net.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nas.pareto import non_dominated

__all__ = [
    "FACTOR",
    "Climber",
    "Promotion",
    "extrapolated",
    "next_climber",
    "one_in",
    "promotions_allowed",
    "rung_epochs",
]

Array = npt.NDArray[np.float64]
Promotion = Literal["gain", "rank"]
Gains = Callable[[Sequence[int], Array, Array], Array]

FACTOR = 3
# Beliefs before any candidate has both rungs: an error keeps its place and falls by a quarter.
_FALL, _FALL_SD = -0.3, 0.4
_SLOPE, _SLOPE_SD = 1.0, 0.4
_NOISE, _NOISE_WEIGHT = 0.15, 4.0
_LEAST_ERROR = 1e-9


def rung_epochs(epochs: int) -> tuple[int, ...]:
    """Epochs of each rung, rising; the last is a whole training.

    Args:
        epochs: Of a whole training, 1 or more.
    """
    rungs = [epochs]
    while rungs[0] >= FACTOR:
        rungs.insert(0, max(1, round(rungs[0] / FACTOR)))
    return tuple(rungs)


@dataclass(frozen=True, slots=True, eq=False)
class Climber:
    """A candidate whose training has begun.

    Attributes:
        errors: Validation error at each rung that it reached, one or more.
        costs: Its known objectives, one row a deployment that it may run on, (rows, costs).
        climbing: Whether it is on its way to the next rung.
    """

    errors: tuple[float, ...]
    costs: Array
    climbing: bool = False


def one_in(rung: int, rungs: Sequence[int]) -> int:
    """Of how many that reached a rung one goes on, 2 or more."""
    return max(2, round(rungs[rung + 1] / rungs[rung]))


def promotions_allowed(climbers: Sequence[Climber], rung: int, rungs: Sequence[int]) -> int:
    """How many more may leave a rung: one in so many as the next one has times its epochs.

    Args:
        climbers: Of the run.
        rung: Index of the rung.
        rungs: Epochs of each.
    """
    reached = sum(len(climber.errors) > rung for climber in climbers)
    left = sum(
        len(climber.errors) > rung + 1 or (climber.climbing and len(climber.errors) == rung + 1)
        for climber in climbers
    )
    return reached // one_in(rung, rungs) - left


def next_climber(
    climbers: Sequence[Climber], rungs: Sequence[int], promotion: Promotion, gains: Gains
) -> int | None:
    """The index of the candidate that goes on to its next rung; None where none does.

    Higher rungs go first, since their trainings are nearest to an end.

    Args:
        climbers: In an order that does not depend on time, such as that of their decision.
        rungs: Epochs of each.
        promotion: How they are compared.
        gains: Expected gain of hypervolume of some climbers, by their index, given mean and
            standard deviation of the natural logarithm of their final error.
    """
    for rung in range(len(rungs) - 2, -1, -1):
        waiting = [
            index
            for index, climber in enumerate(climbers)
            if len(climber.errors) == rung + 1 and not climber.climbing
        ]
        if not waiting or promotions_allowed(climbers, rung, rungs) < 1:
            continue
        if promotion == "rank":
            return _by_rank(climbers, rung, waiting, one_in(rung, rungs))
        mean, sd = extrapolated([climber.errors for climber in climbers], len(rungs))
        gain = gains(waiting, mean[waiting], sd[waiting])
        if gain.max() > 0:
            return waiting[int(gain.argmax())]
    return None


def extrapolated(errors: Sequence[Sequence[float]], rungs: int) -> tuple[Array, Array]:
    """Natural logarithm of the error after the last rung: mean and standard deviation.

    Step by step: the logarithm at a rung is a line in that at the one before, learned from the
    candidates that have both (a conjugate prior; the noise of a step joins in what follows).

    Args:
        errors: At the rungs that each candidate reached, one or more, 0 or more each.
        rungs: How many rungs there are.

    Returns:
        Two arrays, one entry a candidate; where the last rung was reached the deviation is 0.
    """
    logs = [np.log(np.maximum(row, _LEAST_ERROR)) for row in errors]
    steps = [_step(logs, rung) for rung in range(rungs - 1)]
    mean, sd = np.empty(len(logs)), np.zeros(len(logs))
    for index, row in enumerate(logs):
        value, variance = float(row[-1]), 0.0
        for rung in range(len(row) - 1, rungs - 1):
            weights, covariance, noise, centre = steps[rung]
            told = np.array([1.0, value - centre])
            variance = weights[1] ** 2 * variance + noise + float(told @ covariance @ told)
            value = float(weights @ told) + centre
        mean[index], sd[index] = value, np.sqrt(variance)
    return mean, sd


def _step(logs: Sequence[Array], rung: int) -> tuple[Array, Array, float, float]:
    """Weights, their covariance, variance of the noise, and the centre, of one step."""
    pairs = np.array([row[rung : rung + 2] for row in logs if len(row) > rung + 1])
    pairs = pairs.reshape(-1, 2)
    centre = float(np.mean([row[rung] for row in logs if len(row) > rung] or [0.0]))
    told = np.column_stack([np.ones(len(pairs)), pairs[:, 0] - centre])
    wanted = pairs[:, 1] - centre
    prior = np.array([_FALL, _SLOPE])
    precision = np.diag([_FALL_SD**-2, _SLOPE_SD**-2])
    noise = _NOISE**2
    weights: Array = prior
    covariance = np.linalg.inv(precision)
    for _ in range(3 if len(pairs) else 0):  # the noise and the line depend on one another
        covariance = np.asarray(np.linalg.inv(precision + told.T @ told / noise))
        weights = np.asarray(covariance @ (precision @ prior + told.T @ wanted / noise))
        misfit = float(((wanted - told @ weights) ** 2).sum())
        noise = (_NOISE_WEIGHT * _NOISE**2 + misfit) / (_NOISE_WEIGHT + len(pairs))
    return weights, covariance, noise, centre


def _by_rank(
    climbers: Sequence[Climber], rung: int, waiting: Sequence[int], one_in: int
) -> int | None:
    """The first of those that wait which is in the best share of its rung.

    Source: Schmucker et al. 2021, multi-objective asynchronous successive halving: fronts in turn,
        within one by an epsilon-net, the farthest from those already chosen first.
    """
    reached = [index for index, climber in enumerate(climbers) if len(climber.errors) > rung]
    values = np.array(
        [
            [np.log(max(climbers[i].errors[rung], _LEAST_ERROR)), *_best(climbers[i].costs)]
            for i in reached
        ]
    )
    best = [reached[row] for row in _ordered(values)[: len(reached) // one_in]]
    return next((index for index in best if index in waiting), None)


def _best(costs: Array) -> Array:
    """One row for a candidate: the least of each cost, in logarithms."""
    least: Array = np.log(np.maximum(costs.min(axis=0), 1e-30))
    return least


def _ordered(values: Array) -> list[int]:
    spread = np.ptp(values, axis=0)
    unit = (values - values.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    left, order = list(range(len(values))), []
    while left:
        front = [left[row] for row in np.flatnonzero(non_dominated(values[left]))]
        left = [row for row in left if row not in front]
        chosen = [front.pop(int(np.argmin(unit[front, 0])))]
        while front:
            away = ((unit[front][:, None] - unit[chosen][None]) ** 2).sum(axis=2).min(axis=1)
            chosen.append(front.pop(int(away.argmax())))
        order += chosen
    return order
