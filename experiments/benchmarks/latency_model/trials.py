"""Draws of measured rows, and what a fit to them predicts of all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from tables import Numbers, Rows, Table

from hardware_profiles.profile import HardwareProfile
from nas.cost.calibration import Networks, fit, modelled, picked, predict
from nas.cost.figures import Figures

_CAPS = (0.1, 0.25, 0.5, 0.75)  # quantiles of the table's latencies


def naive_s(networks: Networks, profile: HardwareProfile, figures: Figures) -> Numbers:
    """A roofline of the datasheet: every layer at the peak or at the full bandwidth."""
    peak = figures.seconds_per_mac.max(axis=1, keepdims=True)
    conv = profile.efficiency["conv"].value
    rates = np.where(figures.seconds_per_mac > 0.0, figures.seconds_per_mac[:, [0]] * conv, 0.0)
    plain = replace(
        figures,
        seconds_per_mac=np.minimum(rates, peak),
        half_rate_macs=figures.half_rate_macs * 0.0,
        dispatch_s=figures.dispatch_s * 0.0,
        move_dispatch_s=figures.move_dispatch_s * 0.0,
        cache_bytes=figures.cache_bytes * 0.0,
    )
    return modelled(networks, plain)[0]


def calibrated_trials(
    table: Table, figures: Figures, profile: HardwareProfile, size: int, draws: int
) -> list[dict[str, float]]:
    """Fit to `size` rows, draw by draw, and test on all others."""
    return [_trial(table, figures, profile, size, seed) for seed in range(draws)]


def _trial(
    table: Table, figures: Figures, profile: HardwareProfile, size: int, seed: int
) -> dict[str, float]:
    rows = np.random.default_rng(seed).choice(len(table.seconds), size, replace=False)
    others = np.setdiff1d(np.arange(len(table.seconds)), rows)
    found = fit(picked(table.networks, table.which[rows]), table.seconds[rows], figures, profile)
    middle, low, high = (part[table.which] for part in predict(found, table.networks))
    held = (table.seconds >= low) & (table.seconds <= high)
    linear = _linear(table, rows)
    scores = {
        "spearman": _rank(table, middle, others),
        "median_ape": _error(table, middle, others),
        "coverage_90": float(held[others].mean()),
        "linear_spearman": _rank(table, linear, others),
        "linear_median_ape": _error(table, linear, others),
    }
    return scores | _choices(table, middle, high)


def _linear(table: Table, rows: Rows) -> Numbers:
    """Least squares of relative errors on the counts, kept above a hundredth of the least row."""
    weights = 1.0 / table.seconds[rows]
    inputs = table.counts[rows] * weights[:, None]
    factors = np.linalg.lstsq(inputs, np.ones(len(rows)), rcond=None)[0]
    return np.maximum(table.counts @ factors, table.seconds[rows].min() / 100.0)


def _rank(table: Table, predicted: Numbers, rows: Rows) -> float:
    return float(
        spearmanr((predicted / table.batch)[rows], (table.seconds / table.batch)[rows]).statistic
    )


def _error(table: Table, predicted: Numbers, rows: Rows) -> float:
    return float(np.median(np.abs(predicted[rows] / table.seconds[rows] - 1.0)))


def _choices(table: Table, middle: Numbers, high: Numbers) -> dict[str, float]:
    """How often the most accurate model under a cap breaks it, and accuracy lost to the best."""
    if table.accuracy is None:
        return {}
    found: dict[str, list[float]] = {
        key: [] for key in ("breaks", "lost", "breaks_with_margin", "lost_with_margin")
    }
    for cap in np.quantile(table.seconds, _CAPS):
        best = table.accuracy[table.seconds <= cap].max()
        for ending, predicted in (("", middle), ("_with_margin", high)):
            allowed = np.flatnonzero(predicted <= cap)
            if not len(allowed):
                continue
            chosen = allowed[np.argmax(table.accuracy[allowed])]
            breaks = bool(table.seconds[chosen] > cap)
            found[f"breaks{ending}"].append(float(breaks))
            if not breaks:
                found[f"lost{ending}"].append(float(best - table.accuracy[chosen]))
    return {key: float(np.mean(values)) for key, values in found.items() if values}


def transferred(
    source: Table, target: Table, figures: tuple[Figures, Figures], profile: HardwareProfile
) -> dict[str, float]:
    """Predict a table from another device's and two profiles, with none of its own times.

    Factors are fitted on the source and applied to the target's peaks. A model that the source
    holds too is predicted as its time there, times the ratio of both predictions.
    """
    found = fit(source.networks, source.seconds, figures[0], profile)
    there = predict(found, source.networks)[0]
    here, low, high = predict(found, target.networks, figures[1])
    row_of = {model: row for row, model in enumerate(source.models)}
    predicted = here.copy()
    for row, model in enumerate(target.models):
        if model in row_of:
            predicted[row] *= source.seconds[row_of[model]] / there[row_of[model]]
    rows = np.arange(len(target.seconds))
    held = (target.seconds >= low) & (target.seconds <= high)
    scores: dict[str, Any] = {
        "median_ape": _error(target, predicted, rows),
        "spearman": _rank(target, predicted, rows),
        "model_median_ape": _error(target, here, rows),
        "model_coverage_90": float(held.mean()),
        "n": len(rows),
    }
    return scores
