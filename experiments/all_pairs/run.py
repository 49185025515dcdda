"""Search every space on every task that it fits, and export a verified model of each pair.

    python experiments/all_pairs/run.py [--only SPACE/TASK] [--out runs/all_pairs]

Pairs are found by the form of their data (`SearchSpace.form`), none is listed by hand. Each is a
short search (8 trainings, one worker, one seed), then the front, the best error of it (among equals
the least carbon), and its export, which compares ONNX Runtime with torch and opens the test data
once; `predict.py` of the exported folder is run on three samples. The predictor to beat sees no
input: the most frequent class, the mean of the target, the share of the second class or the
frequencies of the characters of the training part (`nas.models.metrics.guess_error`), computed
here from the data.

To stay near two minutes a pair, architectures are held under the lower quartile of the space's
MACs, and a training sees no more samples than `_WORK` allows; the full training of the export is
as short. So the errors here are no measure of what a space can do.

Each pair has a folder in `--out` with its run, model and `result.json`; a pair that has that file
is not run again. `results.csv` there holds all rows. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
from measured_on import measured_on

import nas
from nas.errors import CarbonNasError, LayerError
from nas.models.metrics import guess_error
from nas.models.recipe import default_recipe
from nas.models.tasks import Task, load_splits, load_test, task, task_names
from search_spaces import SearchSpace, mac_count, space, space_names

TRAININGS = 8
_WORK = 6e10  # MACs of a training's forward and backward passes: some seconds of one core
_LEAST_IMAGES = 2_000
_SMALL = (("stm32l4r5", "int8"), ("rpi4", "int8"), ("rpi4", "fp32"))
_LARGE = (("rpi4", "int8"), ("rpi4", "fp32"), ("a100_sxm4_40", "fp32"))
_DEVICES = {"image": _SMALL, "series": _SMALL, "table": _LARGE, "text": _LARGE}
_COLUMNS = {
    "space": "space", "task": "task", "trained": "trained", "metric": "metric",
    "error": "best error", "predictor_error": "predictor", "margin": "margin",
    "front": "front", "test_error": "test error", "test_margin": "test margin",
    "seconds": "seconds",
}  # fmt: skip


def pairs() -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Every (space, task) that fits, and why the other spaces have none."""
    tasks = [task(name) for name in task_names()]
    found: list[tuple[str, str]] = []
    left: dict[str, str] = {}
    for name in space_names():
        fitting = [row.name for row in tasks if _fits(space(name), row)]
        found += [(name, row) for row in fitting]
        if not fitting:
            forms = " or ".join(space(name).accepts)
            left[name] = f"takes a {forms}, which no shipped task is: for costs only"
    return found, left


def _fits(chosen: SearchSpace, facts: Task) -> bool:
    try:
        chosen.form(facts.input_shape, facts.spec)
    except LayerError:
        return False
    return True


def configuration(space_name: str, facts: Task, images: int) -> dict[str, Any]:
    """A short search of one pair."""
    chosen, rng = space(space_name), np.random.default_rng(0)
    drawn = (chosen.sample(rng) for _ in range(64))
    macs = [
        mac_count(chosen.layers(one, facts.input_shape, facts.outputs, facts.spec)) for one in drawn
    ]
    limit = float(np.quantile(macs, 0.25))
    default = default_recipe(facts.name, space_name)
    affordable = int(_WORK / (3 * limit * default.epochs))
    shown = min(images, default.train_images or images, max(affordable, _LEAST_IMAGES))
    recipe = {"epochs": default.epochs, "threads": 1, "train_images": shown}
    return {
        "task": facts.name,
        "space": space_name,
        "demand": {"inferences": 1e8, "lifetime_years": 4},
        "deployments": [
            {"hardware": name, "precision": precision, "grid": "us-caiso"}
            for name, precision in _DEVICES[facts.form]
        ],
        "constraints": {"macs": limit},
        "recipe": recipe,
        "final_recipe": recipe,
        "search": {"on": {"hardware": "host", "grid": "us-caiso"}, "workers": 1},
        "budget": {"trainings": TRAININGS},
        "finalists": {"extra_seeds": 0, "at_most": 0},
    }


def run_pair(space_name: str, task_name: str, folder: Path) -> dict[str, Any]:
    """Search, front, choice, export, verification; the row of the table."""
    began, facts = perf_counter(), task(task_name)
    splits = load_splits(facts)
    config = configuration(space_name, facts, len(splits.train_y))
    results = nas.search(config, folder / "run")
    trained = results.candidates().query("status == 'trained'")
    scores, front, chosen = results.scores(), results.front(), results.select(prefer="error,carbon")
    nas.export(results, chosen.candidate, chosen.deployment, folder / "model")
    card = json.loads((folder / "model" / "card.json").read_text(encoding="utf-8"))
    measured = card["measured"]
    test_x, test_y = load_test(facts)
    test = dataclasses.replace(splits, validation_x=test_x, validation_y=test_y)
    guess, test_guess = guess_error(facts, splits), guess_error(facts, test)
    best = float(scores["error"].min())
    return {
        "space": space_name,
        "task": task_name,
        "trained": len(trained),
        "metric": facts.metric,
        "error": best,
        "predictor_error": guess,
        "margin": guess - best,
        "front": len(front),
        "test_error": measured["test_error"],
        "test_predictor_error": test_guess,
        "test_margin": test_guess - measured["test_error"],
        "deployment": chosen.deployment,
        "params": card["model"]["params"],
        "largest_difference": measured["largest_difference"],
        "predicted": predict(folder / "model", test_x[:3]),
        "train_images": config["recipe"]["train_images"],
        "epochs": config["recipe"]["epochs"],
        "macs_limit": config["constraints"]["macs"],
        "seconds": round(perf_counter() - began, 1),
        **measured_on(),
    }


def predict(model: Path, samples: np.ndarray) -> int:
    """How many of the samples the folder's own script answers, away from this project."""
    with tempfile.TemporaryDirectory() as scratch:
        np.save(Path(scratch) / "inputs.npy", samples)
        words = [sys.executable, "-I", str(model.resolve() / "predict.py"), "inputs.npy"]
        done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


def holds(row: dict[str, Any]) -> bool:
    """Whether a pair shows what it must."""
    beaten = row["margin"] > 0 and row["test_margin"] > 0
    return row["trained"] >= TRAININGS and beaten and row["front"] >= 1 and row["predicted"] == 3


def cells(row: dict[str, Any]) -> list[str]:
    """A row for people."""
    return [f"{row[key]:.4g}" if isinstance(row[key], float) else str(row[key]) for key in _COLUMNS]


def finished(chosen: list[tuple[str, str]], out: Path) -> Iterator[dict[str, Any]]:
    """The row of each pair, run now unless it was before; a pair that fails is told and passed."""
    for names in chosen:
        folder = out / "-".join(names)
        told = folder / "result.json"
        if not told.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a pair that was interrupted
            folder.mkdir(parents=True)
            try:
                row = run_pair(*names, folder)
            except CarbonNasError as error:
                print("/".join(names), "FAILED:", error, flush=True)
                continue
            told.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
        row = json.loads(told.read_text(encoding="utf-8"))
        print("  ".join(cells(row)), "" if holds(row) else "  NOT SHOWN", flush=True)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="SPACE/TASK", default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/all_pairs"))
    options = parser.parse_args()
    found, left = pairs()
    wanted = [pair for pair in found if options.only in (None, "/".join(pair))]
    if not wanted:
        sys.exit(f"--only {options.only}: no such pair; {', '.join('/'.join(p) for p in found)}")
    for name, why in left.items():
        print(f"{name}: {why}")
    print("  ".join(_COLUMNS.values()))
    rows = list(finished(wanted, options.out))
    with (options.out / "results.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]) if rows else list(_COLUMNS))
        table.writeheader()
        table.writerows(rows)
    print(
        json.dumps(
            {
                "pairs": len(wanted),
                "shown": sum(holds(row) for row in rows),
                "not_shown": [
                    "/".join(pair)
                    for pair in wanted
                    if not any((r["space"], r["task"]) == pair and holds(r) for r in rows)
                ],
                "not_trainable": left,
                "seconds": round(sum(row["seconds"] for row in rows), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
