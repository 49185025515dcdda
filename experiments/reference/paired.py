"""How sure the difference to gradient boosting on flights is: days drawn again, both on the same.

    python experiments/reference/paired.py MODEL [--draws 1000]

Of MODEL, the folder that `days.py` exported, and of the baseline of `results/flights.json`, every
day is judged by a fit that never saw it: the test days by the exported weights, those of each of
the four other parts by a training on the other three, test days never included. Days are drawn with
replacement (Efron's bootstrap, by clusters), since flights of one day share its weather. The last
line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from baselines import boosted_outputs
from days import SPACE, TASK, four_splits, test_splits
from numpy.typing import NDArray
from safetensors.torch import load_file

from nas.models.build import build
from nas.models.recipe import default_recipe
from nas.models.tasks import Splits
from nas.models.train import predict, train

Array = NDArray[Any]
RESULT = Path(__file__).parent / "results" / "flights.json"


def error_by_days(scores: Array, late: Array, day: Array, weight: Array) -> float:
    """1 - AUC where each flight counts as often as its day was drawn.

    Args:
        scores: Higher is later, (N,).
        late: 0 or 1, (N,).
        day: Of each flight, from 0.
        weight: Of each day.
    """
    order = np.argsort(scores, kind="stable")
    each, is_late = weight[day[order]], late[order]
    on_time = each * (1 - is_late)
    below = np.cumsum(on_time) - on_time / 2
    return 1 - float((each * is_late) @ below / ((each @ is_late) * on_time.sum()))


def judged(splits: Splits, told: dict[str, Any], weights: Path | None) -> tuple[Array, Array]:
    """Scores of the network and of the baseline on the validation part.

    Args:
        splits: One part beside the others.
        told: The content of `RESULT`.
        weights: Of the network; None trains it.
    """
    layers = SPACE.layers(told["export"]["architecture"], TASK.input_shape, TASK.outputs, TASK.spec)
    recipe = default_recipe(TASK.name, SPACE.name, final=True)
    module = build(layers)
    state = load_file(weights) if weights else train(layers, TASK, splits, recipe, seed=0).state
    assert state is not None
    module.load_state_dict(state)
    x = splits.validation_x
    return predict(module, x, splits)[:, 0], boosted_outputs(TASK, told["baseline"], splits, x)[
        :, 0
    ]


def interval(rows: list[tuple[Array, ...]], draws: int) -> dict[str, float]:
    """Mean difference over the parts, network less baseline, and where 95 % of the draws lie."""
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        each = []
        for ours, other, late, day in rows:
            days = int(day.max()) + 1
            weight = np.bincount(rng.integers(days, size=days), minlength=days).astype(float)
            each.append(
                error_by_days(ours, late, day, weight) - error_by_days(other, late, day, weight)
            )
        found.append(np.mean(each))
    low, high = np.quantile(found, (0.025, 0.975))
    return {"low": round(float(low), 4), "high": round(float(high), 4)}


def main() -> None:
    """Judge both on all five parts, draw the days again, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    told, rows = json.loads(RESULT.read_text(encoding="utf-8")), []
    weights = options.model / "weights.safetensors"
    for number, splits in enumerate([test_splits(), *four_splits()]):
        scores = judged(splits, told, weights if number == 0 else None)
        day = np.unique(splits.validation_groups, return_inverse=True)[1]
        rows.append((*scores, splits.validation_y, day))
        each = np.ones(int(day.max()) + 1)
        errors = [error_by_days(score, splits.validation_y, day, each) for score in scores]
        print(f"part {number}: {errors[0]:.4f}, boosting {errors[1]:.4f}", flush=True)
        rows[-1] = (*rows[-1], errors)
    means = np.mean([row[-1] for row in rows], 0)
    plain = [row[:-1] for row in rows]
    print(json.dumps({
        "test": rows[0][-1], "all_days": means.round(5).tolist(),
        "test_difference": interval(plain[:1], options.draws),
        "all_days_difference": interval(plain, options.draws),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
