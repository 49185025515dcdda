"""Choose among networks for flights by four splits of days, since one split chooses its own days.

    python experiments/reference/days.py RUN [--out runs/reference/flights]

The days that are not test days are parted into four by the hash of their date; each part validates
what the other three train. Judged so are the two best networks of the run of `flights.yaml` and
`EARLIER`, the choice of an earlier search, each with one member and with four. That of the lowest
mean 1 - AUC is exported as `carbon-nas export` would do it: trained on all but the test part, which
is opened once. What is finished is not done again; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from nas.models import archives, task_data
from nas.models.export import export_model
from nas.models.frames import flight_rows
from nas.models.recipe import default_recipe
from nas.models.tasks import Splits, scaling, task
from nas.models.train import train
from nas.runs.tables import read_records
from search_spaces import parameter_count, space

EARLIER: dict[str, Any] = {
    "numeric_embedding": 8, "numeric_function": "relu", "embedding": 4, "largest_table": 1000,
    "width": 128, "activation": "relu", "norm": "none", "depth": 3, "form": "residual",
}  # fmt: skip
PARTS = ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0))  # of hashes; below 0.2 are the test days
TASK, SPACE = task("flights"), space("mlp")


def four_splits() -> list[Splits]:
    """Each part of the days but the test days as the validation part of the others."""
    return [_split(low, high) for low, high in PARTS]


def test_splits() -> Splits:
    """The test days as the validation part of all others; to be opened when all is chosen."""
    return _split(0.0, PARTS[0][0])


def _split(low: float, high: float) -> Splits:
    archive = task_data.data_folder() / archives.ARCHIVED[TASK.name].archive.file
    x, y, part, day = flight_rows(archive)
    held = (part >= low) & (part < high)
    fit = np.flatnonzero(~held & (part >= PARTS[0][0]))
    fit = np.random.default_rng(0).permutation(fit)
    return Splits(
        x[fit], y[fit], x[held], y[held], *scaling(TASK, x[fit]),
        train_groups=day[fit], validation_groups=day[held],
    )  # fmt: skip


def architectures(run: Path) -> list[dict[str, Any]]:
    """What is judged."""
    trained = [one for one in read_records(run / "artifacts") if one.status == "trained"]
    best = sorted(trained, key=lambda record: record.errors("fp32"))[:2]
    different = [*(dict(record.architecture) for record in best), EARLIER]
    return [SPACE.validate({**one, "members": count}) for one in different for count in (1, 4)]


def judged(architecture: dict[str, Any], splits: list[Splits]) -> list[float]:
    """1 - AUC on each part."""
    layers = SPACE.layers(architecture, TASK.input_shape, TASK.outputs, TASK.spec)
    recipe = default_recipe(TASK.name, SPACE.name)
    errors = [train(layers, TASK, split, recipe, seed=0).error for split in splits]
    return [np.inf if error is None else error for error in errors]


def export(architecture: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Full training and the one look at the test part."""
    layers = SPACE.layers(architecture, TASK.input_shape, TASK.outputs, TASK.spec)
    recipe = default_recipe(TASK.name, SPACE.name, final=True)
    exported = export_model(
        layers, TASK, recipe, folder, seed=0, precision="fp32",
        card={"scores": {}, "assumptions": [], "reasons": ["least mean error of four splits"]},
    )  # fmt: skip
    return {"test_error": 1 - exported.test_metric, "params": parameter_count(layers)}


def main() -> None:
    """Judge, choose, export, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/reference/flights"))
    options = parser.parse_args()
    told = options.out / "days.json"
    rows = json.loads(told.read_text(encoding="utf-8")) if told.exists() else []
    splits = four_splits()
    began = time.process_time()
    for architecture in architectures(options.run)[len(rows) :]:
        errors = judged(architecture, splits)
        rows.append(
            {
                "architecture": architecture,
                "mean": round(float(np.mean(errors)), 5),
                "errors": np.round(errors, 5).tolist(),
                "cpu_seconds": round(time.process_time() - began, 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
        told.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    chosen = min(rows, key=lambda row: row["mean"])
    exported = export(chosen["architecture"], options.out / "chosen_by_days")
    print(json.dumps({"judged": rows, "chosen": chosen, "export": exported}))


if __name__ == "__main__":
    main()
