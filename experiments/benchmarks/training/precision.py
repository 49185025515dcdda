"""Test accuracy after training in bf16 less that after float32, paired by architecture and seed."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats
from subjects import SPLITS, TASK, within_limits

from nas.models.build import build
from nas.models.metrics import error as error_of
from nas.models.recipe import Recipe
from nas.models.tasks import load_test
from nas.models.train import predict, train

ARCHITECTURES, SEEDS = 6, 3
RECIPE = Recipe(4, 32, 0.02, 0.05, 0.1, train_images=1536)
WORK = Path(__file__).parent / "results" / "precision_rows.json"


def accuracy(layers: tuple, seed: int, precision: str, test: tuple) -> float:
    """On all 10,000 test images, evaluated in the precision that was trained."""
    recipe = dataclasses.replace(RECIPE, precision=precision)
    training = train(layers, TASK, SPLITS_SHORT, recipe, seed=seed)
    module = build(layers)
    module.load_state_dict(training.state)
    return 1 - error_of(TASK, predict(module, test[0], SPLITS), test[1], SPLITS)


SPLITS_SHORT = dataclasses.replace(
    SPLITS, validation_x=SPLITS.validation_x[:500], validation_y=SPLITS.validation_y[:500]
)


def main() -> None:
    test = load_test(TASK)
    found = within_limits()
    chosen = [found[int(len(found) * (i + 0.5) / ARCHITECTURES / 2)] for i in range(ARCHITECTURES)]
    rows = json.loads(WORK.read_text(encoding="utf-8")) if WORK.exists() else {}
    for index, layers in enumerate(chosen):
        for seed in range(SEEDS):
            for precision in ("fp32", "bf16"):
                key = f"{index}/{seed}/{precision}"
                if key in rows:
                    continue
                rows[key] = accuracy(layers, seed, precision, test)
                WORK.parent.mkdir(exist_ok=True)
                WORK.write_text(json.dumps(rows, indent=1), encoding="utf-8")
                print(key, rows[key], file=sys.stderr, flush=True)
    points = 100 * np.array(
        [
            [rows[f"{i}/{s}/bf16"] - rows[f"{i}/{s}/fp32"] for s in range(SEEDS)]
            for i in range(ARCHITECTURES)
        ]
    )
    means = points.mean(axis=1)  # seeds of one architecture are not independent of one another
    half = stats.t.ppf(0.975, points.size - 1) * points.std(ddof=1) / points.size**0.5
    answer = {
        "mean_points": points.mean(),
        "interval_points": [points.mean() - half, points.mean() + half],
        "by_architecture": means.tolist(),
        "all": points.tolist(),
        "subset": "1,536 training images, 4 epochs; 10,000 test images",
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
