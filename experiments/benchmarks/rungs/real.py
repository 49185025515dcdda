"""Rungs against whole trainings on a part of Fashion-MNIST, trained by searches of the package.

    python experiments/benchmarks/rungs/real.py --work WORK [--seeds 2] [--trainings 24]

Each seed searches `mbconv` (at most 2 M MACs, 150,000 parameters) twice by the default sampler:
whole trainings of 9 epochs, and rungs of 1, 3 and 9 with a third of their epochs. Reference models
are not trained. A search that was stopped goes on. Hypervolume is of error and modelled latency on
rpi4, up to the median error of whole trainings, as a share of what all whole trainings of the seed
have on the same images; on test it is that of the networks chosen by validation. Seconds are of
training, on the machine as it was. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from fashion_small import TEST
from safetensors.torch import load_file
from scipy.stats import spearmanr

from nas.engine.plan import load_plan
from nas.models.build import build
from nas.models.metrics import error as error_of
from nas.models.tasks import load_splits, load_test
from nas.models.train import predict
from nas.pareto import hypervolume, non_dominated
from nas.runs import open_run
from nas.runs.tables import read_records

EPOCHS = 9
METHODS = ("full", "rungs")


@dataclass(frozen=True)
class Network:
    """A network that was trained whole: its errors and latency, and the curve by validation."""

    validation: float
    test: float
    latency_s: float
    curve: tuple[float, ...]


def config(seed: int, fidelity: str, trainings: int) -> dict[str, Any]:
    """Of a search; rungs have a third of the epochs."""
    epochs = EPOCHS * trainings
    return {
        "task": f"{Path(__file__).parent / 'fashion_small.py'}:task",
        "space": "mbconv",
        "demand": {"inferences": 1e9, "lifetime_years": 4},
        "deployments": [{"hardware": "rpi4", "grid": "fr"}],
        "objectives": ["error", "latency"],
        "constraints": {"macs": 2e6, "params": 15e4},
        "recipe": {
            **{"epochs": EPOCHS, "batch_size": 64, "learning_rate": 0.03},
            **{"weight_decay": 0.05, "label_smoothing": 0.0, "optimiser": "muon"},
        },
        "search": {
            **{"on": {"hardware": "rpi4", "grid": "fr"}, "workers": 1, "seed": seed},
            "fidelity": fidelity,
        },
        "budget": {"epochs": epochs if fidelity == "full" else epochs // 3},
        "finalists": {"extra_seeds": 0, "at_most": 0},
    }


def search(folder: Path, given: dict[str, Any]) -> None:
    """Search until the budget is spent; what comes after it, such as reference models, is left."""
    if (folder.parent / f"{folder.name}.ended").exists():
        return
    written = folder.parent / f"{folder.name}.yaml"
    written.write_text(yaml.safe_dump(given))
    how = ["resume", folder] if folder.exists() else ["search", written, "--out", folder]
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, how)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        if line.startswith(("finalists", "references", "done", "finished")):
            break
    process.terminate()
    process.wait()
    (folder.parent / f"{folder.name}.ended").touch()


def networks(folder: Path) -> tuple[list[Network], dict[str, float]]:
    """What was trained whole, and what the search spent."""
    run = open_run(folder)
    plan = load_plan(run)
    splits, (test_x, test_y) = load_splits(plan.task), load_test(plan.task)
    found, spent = [], {"begun": 0.0, "whole": 0.0, "epochs": 0.0, "seconds": 0.0}
    for record in read_records(run.artifacts):
        path = run.artifacts / record.candidate / "result.json"
        segments = [json.loads(p.read_text()) for p in sorted(path.parent.glob("rung-*.json"))]
        if path.exists():
            segments.append(json.loads(path.read_text()))
        if not segments:
            continue
        result = segments[-1]
        spent["begun"] += 1
        spent["epochs"] += len(result["curve"])
        spent["seconds"] += round(sum(segment["seconds"] for segment in segments), 1)
        if result["status"] != "trained":
            continue
        spent["whole"] += 1
        look = plan.look(record.architecture)
        module = build(look.layers, seed=0)
        module.load_state_dict(load_file(path.parent / "weights.safetensors"))
        outputs = predict(module, test_x[:TEST], splits)
        found.append(
            Network(
                result["errors"]["fp32"],
                error_of(plan.task, outputs, test_y[:TEST], splits),
                float(look.scores["latency_s"][0]),
                tuple(row[2] for row in result["curve"]),
            )
        )
    return found, spent


def shares(found: list[Network], whole: list[Network]) -> dict[str, float]:
    """Of the hypervolume of all whole trainings, by validation and on test."""
    by_validation = np.array([[row.validation, row.latency_s] for row in found])
    chosen = [row for row, on in zip(found, non_dominated(by_validation), strict=True) if on]
    return {
        name: _volume(chosen, whole, name) / _volume(whole, whole, name)
        for name in ("validation", "test")
    }


def _volume(found: list[Network], whole: list[Network], name: str) -> float:
    reference = [
        np.median([getattr(row, name) for row in whole]),
        1.05 * max(row.latency_s for row in whole),
    ]
    return hypervolume(np.array([[getattr(row, name), row.latency_s] for row in found]), reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--trainings", type=int, default=24)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    curves: list[tuple[float, ...]] = []
    for seed in range(args.seeds):
        for method in METHODS:
            search(args.work / f"{method}-{seed}", config(seed, method, args.trainings))
        whole, whole_spent = networks(args.work / f"full-{seed}")
        some, some_spent = networks(args.work / f"rungs-{seed}")
        curves += [row.curve for row in whole]
        for method, found, spent in (
            ("full", whole, whole_spent),
            ("full, a third", whole[: len(whole) // 3], {}),
            ("rungs", some, some_spent),
        ):
            rows.append({"seed": seed, "method": method, **spent, **shares(found, whole)})
            print(rows[-1])
    table = np.array(curves)
    orders = {
        epoch: round(float(spearmanr(table[:, epoch - 1], table[:, -1])[0]), 3)
        for epoch in range(1, EPOCHS)
    }
    print(json.dumps({"rows": rows, "networks": len(table), "order_with_the_last": orders}))


if __name__ == "__main__":
    main()
