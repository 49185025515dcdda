"""A Gaussian process over groups of features: Matern 5/2, one length scale a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

__all__ = ["GaussianProcess", "fit_process"]

Array = npt.NDArray[np.float64]
Groups = Sequence[Array]
"""One array (n, features) a group, features scaled so that distances are of order 1."""

_LENGTH_MEAN, _NOISE_MEAN = 0.3, -2.5  # of the natural logarithms; sd 1 each
_BOUNDS_LENGTH, _BOUNDS_NOISE = (-2.0, 4.0), (-4.5, 0.0)
_JITTER = 1e-8
_STEPS = 25
_FITTED_POINTS = 120
_BLOCK = 256  # points predicted at once, whose covariances stay in a core's cache


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """A fitted process; see `fit_process`.

    Attributes:
        settings: Natural logarithms: the length scale of each group, then the noise's deviation
            relative to the signal's.
        noise: Standard deviation of one observation, in the unit of the values.
    """

    settings: Array
    noise: float
    _points: Array
    _factor: Array
    _weights: Array
    _centre: float
    _scale: float
    _variance: float

    def predict(self, groups: Groups) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free value.

        Args:
            groups: Features of m points, as in `fit_process`.

        Returns:
            Two arrays of shape (m,).
        """
        half = _inverse(self._factor)
        means, variances = [np.empty(0)], [np.empty(0)]
        for kernel in self._kernels(groups):
            means.append(self._weights @ kernel)
            part = half @ kernel
            variances.append(1 - np.einsum("ij,ij->j", part, part))
        sd = np.sqrt(np.maximum(np.concatenate(variances), _JITTER) * self._variance)
        return np.concatenate(means) * self._scale + self._centre, sd * self._scale

    def expect(self, groups: Groups) -> Array:
        """The mean of `predict` alone, which costs less.

        Args:
            groups: Features of m points, as in `fit_process`.
        """
        means = [np.empty(0), *(self._weights @ kernel for kernel in self._kernels(groups))]
        return np.asarray(np.concatenate(means) * self._scale + self._centre)

    def _kernels(self, groups: Groups) -> Iterator[Array]:
        """Covariances with what was observed, some points at a time."""
        points = _scaled(self.settings, groups)
        for start in range(0, len(points), _BLOCK):
            yield _covariance(_squared(self._points, points[start : start + _BLOCK]))


def fit_process(groups: Groups, values: Array) -> GaussianProcess:
    """Fit a process to observations by its most probable settings.

    The settings are sought on the last `_FITTED_POINTS` and the best of the points at most, so
    that a fit stays some tens of milliseconds; all points make the prediction.

    Args:
        groups: Features of n points, one array (n, features) a group; n >= 2.
        values: Shape (n,), finite.

    Returns:
        The process; equal arguments give an equal one.

    Source: Rasmussen and Williams 2006, algorithm 2.1 and equations 5.8, 5.9; log-normal priors
        on length scales (median e^0.3) and noise (median e^-2.5 of the signal).
    """
    centre, scale = float(values.mean()), float(values.std()) or 1.0
    standard = (values - centre) / scale
    chosen = _told(standard)
    distances = [_squared(group[chosen], group[chosen]) for group in groups]
    start = np.array([_LENGTH_MEAN] * len(groups) + [_NOISE_MEAN])
    found = minimize(
        _misfit,
        start,
        args=(distances, standard[chosen], start),
        jac=True,
        method="L-BFGS-B",
        bounds=[_BOUNDS_LENGTH] * len(groups) + [_BOUNDS_NOISE],
        options={"maxiter": _STEPS},
    )
    settings: Array = found.x
    points = _scaled(settings, groups)
    kernel = _covariance(_squared(points, points))
    kernel[np.diag_indices(len(values))] += np.exp(2 * settings[-1]) + _JITTER
    factor = np.linalg.cholesky(kernel)
    weights = cho_solve((factor, True), standard)
    variance = max(float(standard @ weights) / len(values), _JITTER)
    return GaussianProcess(
        settings=settings,
        noise=float(np.exp(settings[-1]) * np.sqrt(variance) * scale),
        _points=points,
        _factor=np.asarray(factor),
        _weights=weights,
        _centre=centre,
        _scale=scale,
        _variance=variance,
    )


def _told(values: Array) -> npt.NDArray[np.intp]:
    """Half of the points by their values, the lowest, and half by age, the latest."""
    if len(values) <= _FITTED_POINTS:
        return np.arange(len(values))
    lowest = np.argsort(values, kind="stable")[: _FITTED_POINTS // 2]
    rest = np.setdiff1d(np.arange(len(values)), lowest)
    return np.sort(np.concatenate([lowest, rest[-(_FITTED_POINTS - len(lowest)) :]]))


def _scaled(settings: Array, groups: Groups) -> Array:
    """All features side by side, each group in units of its length scale."""
    return np.hstack(
        [group * np.exp(-length) for length, group in zip(settings, groups, strict=False)]
    )


def _inverse(factor: Array) -> Array:
    """Of a lower triangle."""
    inverse: Array = solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False)
    return inverse


def _squared(first: Array, second: Array) -> Array:
    distances: Array = first @ second.T
    distances *= -2
    distances += np.einsum("ij,ij->i", first, first)[:, None]
    distances += np.einsum("ij,ij->i", second, second)
    return np.maximum(distances, 0, out=distances)


def _covariance(squared: Array) -> Array:
    """The kernel alone, computed in place."""
    root = np.sqrt(np.multiply(squared, 5, out=squared))
    squared /= 3
    squared += root
    squared += 1
    squared *= np.exp(np.negative(root, out=root), out=root)
    return squared


def _matern(squared: Array) -> tuple[Array, Array]:
    """The kernel, and minus its derivative by the squared distance."""
    root = np.sqrt(5 * squared + 1e-12)
    decay = np.exp(-root)
    slope = (1 + root) * decay
    return slope + root * root / 3 * decay, (5 / 6) * slope


def _misfit(
    settings: Array, distances: Sequence[Array], values: Array, prior: Array
) -> tuple[float, Array]:
    """Minus the logarithm of the posterior, the signal's variance profiled out; its gradient."""
    count = len(values)
    scales = np.exp(-2 * settings[:-1])
    kernel, slope = _matern(np.tensordot(scales, np.asarray(distances), axes=1))
    noise = np.exp(2 * settings[-1])
    kernel[np.diag_indices(count)] += noise + _JITTER
    try:
        factor = np.linalg.cholesky(kernel)
    except np.linalg.LinAlgError:
        return 1e6, np.zeros_like(settings)
    half = _inverse(np.asarray(factor))
    inverse = half.T @ half
    weights = inverse @ values
    variance = max(float(values @ weights) / count, _JITTER)
    away = settings - prior
    misfit = 0.5 * count * np.log(variance) + np.log(np.diag(factor)).sum() + 0.5 * away @ away
    pull = 0.5 * (inverse - np.outer(weights, weights) / variance)
    by_length = [
        2 * np.exp(-2 * length) * float((pull * slope * distance).sum())
        for length, distance in zip(settings, distances, strict=False)
    ]
    gradient = np.array([*by_length, 2 * noise * float(np.trace(pull))]) + away
    return float(misfit), gradient
