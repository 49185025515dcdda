"""How sure the scores of one network are, on any deployments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hardware_profiles.deployment import Deployment
from nas.carbon.study import Study
from nas.carbon.uncertainty import interval, positions
from nas.cost.ensemble import ensemble_of, factors_of, moved_tables
from nas.cost.workload import Workload
from nas.objectives import OBJECTIVES
from nas.robustness.fronts import DRAWS, Array

__all__ = ["score_intervals"]


def score_intervals(
    workload: Workload,
    deployments: Sequence[Deployment],
    study: Study,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, tuple[Array, Array]]:
    """Intervals of the modelled scores of a network, under draws of every figure with a range.

    Args:
        workload: Counts of the network.
        deployments: D deployments, one or more.
        study: Demand, boundary and factor tables.
        draws: How many times, 1 to 100,000.
        seed: Any whole number, 0 or more.

    Returns:
        By column of `nas.cost.score.score`: lower and upper ends, each of shape (D,); NaN where the
        score is unknown.

    Raises:
        StudyError: If draws or seed is out of range, or a figure leaves what the formulas cover.
        HardwareError: If the fab table lacks a row that a profile names.
    """
    nominal = moved_tables(study.fab_table, {}, 1)
    drawn = positions(factors_of(deployments, nominal), draws, seed)
    at = {name: np.concatenate([[0.0], values]) for name, values in drawn.items()}
    tables = moved_tables(study.fab_table, at, draws + 1)
    columns = ensemble_of(deployments, study, at, tables).score(workload, None, training_gco2e=None)
    wanted = {row.column for row in OBJECTIVES.values() if row.kind == "modelled"}
    wanted |= {name for name in columns if "gco2e" in name}
    return {
        name: interval(values[1:], values[0]) for name, values in columns.items() if name in wanted
    }
