"""Calibration: a device's few efficiencies from as few as ten measured models.

The model is that of `nas.cost.latency` (or of `nas.cost.totals`, where only totals are known); what
is fitted are the logarithms of the factors by which its figures are off. Before any measurement
each factor has a normal distribution around 1 whose spread is the range of its figure in the
profile, and all share one more, of the runtime as a whole. After the measurements the most probable
factors are taken (maximum a posteriori), and their covariance from the curvature there (Laplace),
so that ten measurements move what they tell of, and leave the rest where it was. Errors are taken
to be relative with the tails of Student's t, since published tables hold outliers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hardware_profiles.figure import Figure
from hardware_profiles.profile import HardwareProfile
from nas.cost.batch import latency_s
from nas.cost.figures import Array, Figures, efficiencies
from nas.cost.kernels import KINDS
from nas.cost.posterior import Posterior, linearised, most_probable
from nas.cost.stack import Stack
from nas.cost.totals import Totals, totals_latency_s
from nas.errors import CalibrationError

__all__ = [
    "COVERAGE",
    "Fit",
    "PARAMETERS",
    "fit",
    "modelled",
    "picked",
    "predict",
    "spread_left",
]

PARAMETERS = (
    "runtime",
    "conv",
    "pointwise",
    "grouped",
    "depthwise",
    "linear",
    "pool",
    "bandwidth",
    "dispatch",
    "half_rate",
    "output",
    "depthwise_output",
    "weight",
    "moves",
    "narrow",
    "activation",
)
"""What a fit may change: times of everything; of the operations of a kind of layer, of grouped
convolutions beside that of others; of a byte; of starting a kernel; the work at which half the rate
is reached; that of writing an element, of depthwise ones apart, and of reading a weight; the
start of a kernel without products beside that of others; convolutions of narrow inputs beside
others; fused activations."""

COVERAGE = 0.9
"""Share of further measurements that the interval of a prediction is to hold."""

_RUNTIME_SD = 1.0  # log; runtimes on one device differ by a factor of e
_KNOWN_SD = 0.1  # log; figures without a range
_FIXED_SD = 1e-5  # log
_RANGE_SDS = 2.0 * 1.645  # a range holds 90 %
_UNDETERMINED = 0.8
_FOLDS = 10
_BY_LAW = 2.1318468  # scales of Student's t with `nas.cost.posterior.TAILS` that hold `COVERAGE`
_PLANNED_ERROR = 0.05
_LAW_WORTH = 5.0  # measurements

Networks = Stack | Totals


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What measurements say of a device.

    Attributes:
        figures: The device's figures before the fit, in one row.
        prior_sd: Shape (P,), by `PARAMETERS`: spread of the logarithms of the factors before any
            measurement.
        log_factors: Shape (P,): logarithm of how much longer it takes.
        covariance: Shape (P, P), of those.
        error_scale: Scale of the logarithm of a measurement around the model.
        reach: Half the width of an interval, in its standard deviations.
        left_out_s: Shape (W,): latencies predicted from fits that had not seen them.
    """

    figures: Figures
    prior_sd: Array
    log_factors: Array
    covariance: Array
    error_scale: float
    reach: float
    left_out_s: Array

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Parameters that the measurements hardly narrowed: by less than a fifth of the spread."""
        wide = np.sqrt(np.diag(self.covariance)) > _UNDETERMINED * self.prior_sd
        return tuple(name for name, is_wide in zip(PARAMETERS, wide, strict=True) if is_wide)


def modelled(networks: Networks, figures: Figures) -> Array:
    """Latencies of networks by the model, in seconds, shape (D, W); of totals, of their batch.

    Args:
        networks: W networks by layers or by totals.
        figures: Figures of D deployments.
    """
    if isinstance(networks, Totals):
        return totals_latency_s(networks, figures)
    return latency_s(networks, figures)


def fit(
    networks: Networks, measured_s: npt.ArrayLike, figures: Figures, profile: HardwareProfile
) -> Fit:
    """Fit a device's factors to measured networks.

    Args:
        networks: W networks, two or more.
        measured_s: Their latencies, shape (W,), above 0.
        figures: Of the deployment they were measured on, one row.
        profile: Its device, whose ranges say how far each figure may be off.

    Raises:
        CalibrationError: If a latency is not above 0 and finite, there are fewer than two, or the
            device is a design with systolic arrays.

    Source:
        Intervals are as wide as errors on networks that a fit had not seen (as Barber, Candes,
        Ramdas and Tibshirani, Annals of Statistics 2021), in standard deviations of the fit. Ten
        folds, of one network each where there are ten.
    """
    seen = np.asarray(measured_s, dtype=np.float64)
    if not (np.isfinite(seen) & (seen > 0.0)).all():
        raise CalibrationError("calibration: a latency is not above 0; correct or remove it")
    if len(seen) < 2:
        raise CalibrationError("calibration: fewer than two networks; measure ten")
    if profile.systolic is not None:
        raise CalibrationError(
            f"calibration: {profile.name} is a design with systolic arrays, which a fit does not"
            " move; take a device"
        )
    start, log_seen = _with_pools(figures), np.log(seen)
    prior_sd = _prior_sd(profile)

    def model(some: Networks) -> Callable[[Array], Array]:
        return lambda factors: np.asarray(np.log(modelled(some, _scaled(start, factors))))

    first = np.zeros(len(PARAMETERS))
    first[0] = np.median(log_seen - model(networks)(first[None])[0])
    found = most_probable(model(networks), log_seen, first, prior_sd)
    left_out, errors = np.empty(len(seen)), np.empty(len(seen))
    folds = np.arange(len(seen)) % _FOLDS
    for fold in range(min(_FOLDS, len(seen))):
        rows, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        others = most_probable(
            model(picked(networks, rest)), log_seen[rest], found.parameters, prior_sd
        )
        middle, sd = _predicted(model(picked(networks, rows)), others)
        left_out[rows], errors[rows] = middle, np.abs(log_seen[rows] - middle) / sd
    return Fit(
        figures=start,
        prior_sd=prior_sd,
        log_factors=found.parameters,
        covariance=found.covariance,
        error_scale=found.error_scale,
        reach=_reach(errors),
        left_out_s=np.exp(left_out),
    )


def spread_left(
    networks: Networks, figures: Figures, profile: HardwareProfile, rows: npt.NDArray[np.intp]
) -> Array:
    """How uncertain latencies would stay if some networks were measured: which ones to measure.

    Args:
        networks: W networks.
        figures: Of the deployment to measure on, one row.
        profile: Its device.
        rows: Those that would be measured.

    Returns:
        Spread of the logarithm of every latency, shape (W,), by the ranges of the profile alone.
    """
    start, prior_sd = _with_pools(figures), _prior_sd(profile)
    _, slopes = linearised(
        lambda factors: np.asarray(np.log(modelled(networks, _scaled(start, factors)))),
        np.zeros(len(prior_sd)),
    )
    curvature = np.diag(prior_sd**-2) + slopes[rows].T @ slopes[rows] / _PLANNED_ERROR**2
    variance = np.einsum("wp,pq,wq->w", slopes, np.linalg.inv(curvature), slopes)
    spread: Array = np.sqrt(variance)
    return spread


def _reach(errors: Array) -> float:
    """Half the width of an interval: the order statistic that holds a further error.

    Of ten errors that is the greatest, and one outlier among them makes it as wide as it likes: it
    is drawn to the quantile of Student's t that the fit supposes, the fewer errors the more.
    """
    rank = int(np.ceil((len(errors) + 1) * COVERAGE))
    if rank > len(errors):
        return max(float(errors.max()), _BY_LAW)
    seen, share = float(np.sort(errors)[rank - 1]), len(errors) / (len(errors) + _LAW_WORTH)
    return seen if seen <= _BY_LAW else float(seen**share * _BY_LAW ** (1.0 - share))


def predict(found: Fit, networks: Networks, figures: Figures | None = None) -> tuple[Array, ...]:
    """Latencies of networks on the calibrated device, or on another by what was learnt of it.

    Args:
        found: The fit.
        networks: W networks by layers or by totals, as those that were measured.
        figures: Of another deployment, one row, whose shares of its peaks are taken to be off by
            the same factors; None for the one that was measured.

    Returns:
        Most probable latency and both ends of the interval that holds a further measurement with
        probability `COVERAGE`; seconds, three arrays of shape (W,).
    """
    base = found.figures if figures is None else _with_pools(figures)
    middle, sd = _predicted(
        lambda factors: np.asarray(np.log(modelled(networks, _scaled(base, factors)))),
        Posterior(found.log_factors, found.covariance, found.error_scale, 0.0),
    )
    return (
        np.exp(middle),
        np.exp(middle - found.reach * sd),
        np.exp(middle + found.reach * sd),
    )


def _predicted(model: Callable[[Array], Array], found: Posterior) -> tuple[Array, Array]:
    middle, slopes = linearised(model, found.parameters)
    variance = np.einsum("wp,pq,wq->w", slopes, found.covariance, slopes)
    return middle, np.sqrt(variance + found.error_scale**2)


def picked(networks: Networks, rows: npt.NDArray[np.intp]) -> Networks:
    """Some of the networks.

    Args:
        networks: W networks.
        rows: Which, in the order they are to have.
    """
    if isinstance(networks, Totals):
        return Totals(
            networks.macs[rows],
            networks.activations[rows],
            networks.params[rows],
            networks.batch[rows],
        )
    return networks.picked(rows)


def _with_pools(figures: Figures) -> Figures:
    """Pools that only move bytes get the rate of depthwise convolutions, as windows have."""
    rates = figures.seconds_per_mac.copy()
    pool, narrow = KINDS.index("pool"), KINDS.index("depthwise")
    rates[:, pool] = np.where(rates[:, pool] > 0.0, rates[:, pool], rates[:, narrow])
    return replace(figures, seconds_per_mac=rates)


def _prior_sd(profile: HardwareProfile) -> Array:
    known = efficiencies(profile)
    pool = known.get("pool")
    spread = {
        "runtime": _RUNTIME_SD,
        **{name: _spread(known[name]) for name in ("conv", "pointwise", "depthwise", "linear")},
        "grouped": _of_given(profile.efficiency.get("grouped")),
        "pool": _RUNTIME_SD if pool is None else _spread(pool),
        "bandwidth": _spread(profile.memory_bytes_per_s),
        "dispatch": _spread(profile.dispatch_s),
        "half_rate": _spread(profile.half_rate_macs),
        "output": _of_given(profile.output_macs),
        "depthwise_output": _of_given(profile.depthwise_output_macs),
        "weight": _of_given(profile.weight_macs),
        "moves": _of_given(profile.move_dispatch_s),
        "narrow": _of_given(profile.narrow_share),
        "activation": _of_given(profile.activation_s),
    }
    return np.array([spread[name] for name in PARAMETERS])


def _of_given(figure: Figure | None) -> float:
    """The spread of a figure that a profile may leave out, and then keeps."""
    return _FIXED_SD if figure is None else _spread(figure)


def _spread(figure: Figure | None) -> float:
    if figure is None or figure.low is None or figure.high is None or figure.low <= 0.0:
        return _KNOWN_SD if figure is None or figure.high is None else _RUNTIME_SD
    return max(float(np.log(figure.high / figure.low)) / _RANGE_SDS, _KNOWN_SD)


_KIND_PARAMETER = {"attention": "linear", "recurrent": "linear"}


def _scaled(figures: Figures, log_factors: Array) -> Figures:
    """One row of figures under D sets of factors, shape (D, P)."""
    by_name = {name: np.exp(log_factors[:, [i]]) for i, name in enumerate(PARAMETERS)}
    everything = by_name["runtime"]
    same = np.ones_like(everything)
    kinds = [by_name.get(_KIND_PARAMETER.get(kind, kind), same) for kind in KINDS]
    kinds[KINDS.index("grouped")] = by_name["grouped"] * by_name["conv"]
    return replace(
        figures,
        seconds_per_mac=figures.seconds_per_mac * np.hstack(kinds) * everything,
        half_rate_macs=figures.half_rate_macs * by_name["half_rate"],
        output_macs=figures.output_macs * by_name["output"],
        depthwise_output_macs=figures.depthwise_output_macs * by_name["depthwise_output"],
        weight_macs=figures.weight_macs * by_name["weight"],
        narrow_share=figures.narrow_share / by_name["narrow"],
        activation_s=figures.activation_s * by_name["activation"] * everything,
        dispatch_s=figures.dispatch_s * by_name["dispatch"] * everything,
        move_dispatch_s=figures.move_dispatch_s
        * by_name["moves"]
        * by_name["dispatch"]
        * everything,
        seconds_per_byte=figures.seconds_per_byte * by_name["bandwidth"] * everything,
        cache_seconds_per_byte=figures.cache_seconds_per_byte * by_name["bandwidth"] * everything,
        far_cache_seconds_per_byte=figures.far_cache_seconds_per_byte
        * by_name["bandwidth"]
        * everything,
    )
