"""The most probable parameters of a model of logarithms, and how well they are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nas.cost.figures import Array

__all__ = ["TAILS", "Posterior", "linearised", "most_probable"]

TAILS = 4.0
"""Degrees of freedom of the errors: published tables hold outliers, which a normal law does not."""

_TYPICAL_ERROR = 0.005  # relative; what is taken of the errors before any is seen
_TYPICAL_WEIGHT = 1.0  # measurements that this is worth
_STEP = 1e-4
_STEPS = 60
_LEAST_STEP = 1e-4


class Posterior(NamedTuple):
    """What data say of parameters.

    Attributes:
        parameters: The most probable ones, shape (P,).
        covariance: Theirs, shape (P, P), by the curvature there (Laplace).
        error_scale: Of the errors.
        effective: How many parameters the data determined.
    """

    parameters: Array
    covariance: Array
    error_scale: float
    effective: float


def most_probable(
    model: Callable[[Array], Array], seen: Array, start: Array, prior_sd: Array
) -> Posterior:
    """Fit parameters with independent normal priors around 0 and errors of Student's t.

    Levenberg-Marquardt on the weighted squares; weights and scale of the errors follow each step
    (Lange, Little and Taylor, JASA 1989).

    Args:
        model: From sets of parameters, shape (D, P), to logarithms, shape (D, W).
        seen: Measured logarithms, shape (W,).
        start: Where to begin, shape (P,).
        prior_sd: Spread of each parameter before the data, shape (P,), above 0.
    """
    precision = np.diag(1.0 / prior_sd**2)
    at = start
    values, slopes = linearised(model, at)
    scale2, effective, damping = float(np.mean((seen - values) ** 2)) + 1e-12, 1.0, 1e-3
    for _ in range(_STEPS):
        residual = seen - values
        weights, scale2 = _errors(residual, scale2, effective)
        curvature = slopes.T @ (weights[:, None] * slopes) / scale2 + precision
        downhill = slopes.T @ (weights * residual) / scale2 - precision @ at
        loss = weights @ residual**2 / scale2 + at @ precision @ at
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), downhill)
        ahead = at + step
        tried, tried_slopes = linearised(model, ahead)
        if weights @ (seen - tried) ** 2 / scale2 + ahead @ precision @ ahead <= loss:
            at, values, slopes, damping = ahead, tried, tried_slopes, damping / 5.0
        else:
            damping *= 5.0
        covariance = np.linalg.inv(curvature)
        effective = len(at) - float(np.trace(covariance @ precision))
        if np.abs(step).max() < _LEAST_STEP:
            break
    return Posterior(
        at, np.asarray(covariance, dtype=np.float64), float(np.sqrt(scale2)), effective
    )


def _errors(residual: Array, scale2: float, effective: float) -> tuple[Array, float]:
    """Weight of each measurement and squared scale of the errors, by expectation and maximum."""
    weights = (TAILS + 1.0) / (TAILS + residual**2 / scale2)
    freedom = max(len(residual) - effective, 1.0)
    typical = _TYPICAL_WEIGHT * _TYPICAL_ERROR**2
    return weights, float(weights @ residual**2 + typical) / (freedom + _TYPICAL_WEIGHT)


def linearised(model: Callable[[Array], Array], at: Array) -> tuple[Array, Array]:
    """The model at a place, shape (W,), and its slopes there, shape (W, P)."""
    values = model(np.vstack([at, at + _STEP * np.eye(len(at))]))
    return values[0], (values[1:] - values[0]).T / _STEP
