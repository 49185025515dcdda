"""Test accuracy after training in bf16 less that after float32, paired by architecture and seed.

python experiments/benchmarks/training/precision.py [PAIRS]    # goes on where it stopped
"""

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

ARCHITECTURES, SEEDS = 6, 10
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
    most = int(sys.argv[1]) if len(sys.argv) > 1 else ARCHITECTURES * SEEDS
    pairs = [(index, seed) for seed in range(SEEDS) for index in range(ARCHITECTURES)][:most]
    for index, seed in pairs:
        for precision in ("fp32", "bf16"):
            key = f"{index}/{seed}/{precision}"
            if key in rows:
                continue
            rows[key] = accuracy(chosen[index], seed, precision, test)
            WORK.parent.mkdir(exist_ok=True)
            WORK.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            print(key, rows[key], file=sys.stderr, flush=True)
    points = np.array([100 * (rows[f"{i}/{s}/bf16"] - rows[f"{i}/{s}/fp32"]) for i, s in pairs])
    half = stats.t.ppf(0.975, points.size - 1) * points.std(ddof=1) / points.size**0.5
    of = np.array([index for index, _ in pairs])
    answer = {
        "pairs": points.size,
        "mean_points": points.mean(),
        "interval_points": [points.mean() - half, points.mean() + half],
        "by_architecture": [points[of == i].mean() for i in range(ARCHITECTURES)],
        "all": points.tolist(),
        "subset": "1,536 training images, 4 epochs; 10,000 test images",
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
