"""Predicted against measured latency of sampled models on this machine, in ONNX Runtime.

Fit and test models are drawn apart and timed in turn, twice; the first measurement is predicted,
the second says how well the first repeats. Predictions are from measured peaks alone and from the
fit. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.cost.calibration import fit, modelled, predict
from nas.cost.figures import compiled_figures
from nas.cost.stack import stack
from nas.cost.workload import workload
from nas.models import board
from nas.models.profiling import drawn_models, measured_host, write_remote_folder
from nas.models.tasks import task
from search_spaces import space

SPACES = ("mbconv", "resnet", "nasbench201_small")


def main() -> None:
    """Measure, predict, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--fitted", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--task", default="fashion-mnist")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    spaces = {name: space(name) for name in SPACES}
    count = given.models + given.fitted
    models = drawn_models(spaces, given.task, task(given.task), count=count, seed=given.seed)
    profile = measured_host(1, given.rounds, "host").profile
    with tempfile.TemporaryDirectory() as folder:
        rows = write_remote_folder(models, Path(folder))
        works = board.session_works([Path(folder) / row["file"] for row in rows], 1)
        passes = [board.timings(works, given.rounds, 1) for _ in range(2)]
    first, second = (np.percentile(seen, 10, axis=0) for seen in passes)
    works_of = [workload(model.layers) for model in models]
    tests, others = works_of[: given.models], works_of[given.models :]
    figures = compiled_figures([Deployment("host", profile, "fp32", custom_grid(0.0))])
    found = fit(stack(others), first[given.models :], figures, profile)
    seen, again = first[: given.models], second[: given.models]
    calibrated, low, high = predict(found, stack(tests))
    result: dict[str, Any] = {
        "models": given.models,
        "fitted_on": given.fitted,
        "peaks_alone": compared(modelled(stack(tests), figures)[0], seen),
        "calibrated": compared(calibrated, seen),
        "coverage_90": float(np.mean((low <= seen) & (seen <= high))),
        "measured_again": compared(again, seen),
        "verdict": board.verdict(board.disagreement(passes[0])),
        "seconds": round(time.perf_counter() - began, 1),
    }
    for name in SPACES:
        rows_of = [i for i, model in enumerate(models[: given.models]) if model.space == name]
        print(name, compared(calibrated[rows_of], seen[rows_of]))
    print(json.dumps(result))


def compared(told: Any, seen: Any) -> dict[str, float]:
    """Rank agreement and median absolute error of predicted or repeated times."""
    return {
        "spearman": round(float(spearmanr(told, seen).statistic), 4),
        "median_ape": round(float(np.median(np.abs(told / seen - 1.0))), 4),
    }


if __name__ == "__main__":
    main()
