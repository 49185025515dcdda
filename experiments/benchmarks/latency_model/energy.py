"""Energy of MLPerf Tiny boards, before and after two of the four models are measured.

A board draws its load power while it infers, so that its energy is that power times the time: a fit
of energies over load power is a fit of times, with the power in the factor of the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from devices import mapped
from mlperf_tiny import MACS, tiny_models

from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.cost.batch import cost_many
from nas.cost.calibration import fit, picked, predict, spread_left
from nas.cost.figures import compiled_figures
from nas.cost.stack import stack
from nas.cost.workload import workload

_LIMIT = 1.5
_ONE_SYSTEM = ["round", "submitter", "system"]


def energy_of_boards(path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Print every system before and after, and say how often energies are within a factor of 1.5.

    Args:
        path: MLPerf Tiny results: round, submitter, system, board, task, dtype, energy_uj.
        given: Profiles by board, from ``--devices``.

    Returns:
        Shares and factors over all systems with energies of three models or more: before, after
        the most telling pair of models, and after each pair; and the boards without a profile whose
        power is known, with the reason.
    """
    works = {task: workload(layers) for task, layers in tiny_models().items()}
    wrong = [task for task, work in works.items() if work.total_macs != MACS[task]]
    if wrong:
        raise SystemExit(f"mlperf_tiny.py: MACs of {wrong} are not those of the reference models")
    rows = pd.read_csv(path).dropna(subset=["energy_uj"])
    before: list[float] = []
    after: list[float] = []
    chosen: list[float] = []
    unmapped: dict[str, str] = {}
    for key, system in rows[rows["task"].isin(works)].groupby(_ONE_SYSTEM):
        if len(system) < 3:
            continue
        board = str(system["board"].iloc[0])
        found = mapped(board, given)
        if found.profile is None or found.profile.load_w is None:
            print(f"energy of {' '.join(key)}: {board}, {found.note}: its power is not known")
            unmapped[board] = f"{found.note}: its power is not known"
            continue
        tasks, joules = list(system["task"]), system["energy_uj"].to_numpy() * 1e-6
        mine = [works[task] for task in tasks]
        precision = "int8" if "int8" in found.profile.precisions else found.profile.precisions[0]
        place = Deployment(board, found.profile, precision, custom_grid(0.0))
        plain = cost_many(mine, [place]).energy_j[:, 0]
        first = np.maximum(plain / joules, joules / plain)
        before += first.tolist()
        factors, best, pair = _after(mine, joules, place)
        after += factors
        chosen += best
        told = zip(tasks, plain / joules, strict=True)
        print(f"energy of {' '.join(key)} ({found.note}): before"
              f" {', '.join(f'{task} x{ratio:.2f}' for task, ratio in told)};"
              f" after the pair that the profile calls most telling, {tasks[pair[0]]} and"
              f" {tasks[pair[1]]}: worst factor {max(best):.2f}; after any two:"
              f" within 1.5 in {np.mean(np.array(factors) <= _LIMIT):.0%},"
              f" worst {max(factors):.2f}")  # fmt: skip
    told = {"before": _told(before), "after_two": _told(chosen), "after_any_two": _told(after)}
    return {**told, "unmapped": unmapped}


def _after(
    works: list[Any], joules: np.ndarray, place: Deployment
) -> tuple[list[float], list[float], tuple[int, int]]:
    """How far off the other models are: each pair measured in turn, and the most telling pair.

    That pair leaves the least spread before anything is measured.
    """
    networks, figures = stack(works), compiled_figures([place])
    load_w = place.profile.load_w.value
    by_pair = {}
    for pair in combinations(range(len(works)), 2):
        chosen = np.array(pair)
        others = np.setdiff1d(np.arange(len(works)), chosen)
        found = fit(picked(networks, chosen), joules[chosen] / load_w, figures, place.profile)
        predicted = predict(found, picked(networks, others))[0] * load_w
        ratios = predicted / joules[others]
        by_pair[pair] = np.maximum(ratios, 1.0 / ratios).tolist()
    telling = min(
        by_pair,
        key=lambda pair: float(spread_left(networks, figures, place.profile, np.array(pair)).sum()),
    )
    return [factor for part in by_pair.values() for factor in part], by_pair[telling], telling


def _told(factors: list[float]) -> dict[str, float]:
    if not factors:
        return {}
    return {
        "within_1_5": round(float(np.mean(np.array(factors) <= _LIMIT)), 4),
        "median_factor": round(float(np.median(factors)), 3),
        "worst_factor": round(max(factors), 3),
        "n": len(factors),
    }
