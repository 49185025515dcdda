"""Shared weights against networks trained alone, on the table of trained truth.

    python experiments/benchmarks/training/supernet.py --work WORK [--epochs 12] [--randoms 3]

Trains one supernet of `mbconv` on the table's subset (goes on from WORK), scores the table's
architectures by it, and holds that against the table: rank agreement, what a score costs, a search
by it with finalists trained alone against one that trains everything, and three further devices.
Writes results/supernet.json, from which run.py reads. CPU seconds, since the machine is
shared; joules are these times the power of a core, for both sides alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch

from nas.models.metrics import error as error_of
from nas.models.supernet import Supernet
from nas.models.supernet_scoring import SupernetScorer
from nas.models.supernet_training import SupernetRecipe, train_supernet
from nas.models.tasks import load_splits
from nas.pareto import hypervolume, non_dominated, rank_agreement
from search_spaces.layers import mac_count, parameter_count

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tables"))
from trained_mbconv import (  # noqa: E402
    CYCLES,
    EPOCHS,
    LEAST_MACS,
    MOST_MACS,
    MOST_PARAMS,
    SPACE,
    TABLE,
    TASK,
)

FIRST, *FURTHER = "stm32l4r5:int8", "rpi4:int8", "pixel3:int8", "jetson_orin_nano_8gb:fp16"
PILOTS, DRAWS, RIDGE = (12, 25, 40, 60), 40, 10.0
SHARE = 0.99  # of the hypervolume of all trained, which counts as reached


def truth() -> pd.DataFrame:
    """A row an architecture: error alone (mean of seeds and of both splits), costs, CPU seconds."""
    table = pd.read_parquet(TABLE)
    last = table[(table["epoch"] == EPOCHS) & (table["status"] == "trained")].copy()
    last["error"] = (last["final_validation_error"] + last["final_test_error"]) / 2
    rows = last.groupby("index").first()
    seeds = last.pivot_table(index="index", columns="seed", values="error")
    rows["error"] = seeds.mean(axis=1)
    rows["first"], rows["second"] = seeds[0], seeds.get(1, np.nan)
    return rows


def scored(rows: pd.DataFrame, given: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Errors by shared weights, with the CPU seconds of making, training and scoring them."""
    splits = load_splits(TASK)
    began = time.process_time()
    supernet = Supernet(
        SPACE,
        TASK,
        seed=given.seed,
        admits=lambda layers: (
            parameter_count(layers) <= MOST_PARAMS and LEAST_MACS <= mac_count(layers) <= MOST_MACS
        ),
    )
    made_s = time.process_time() - began
    plain = dataclasses.replace(
        CYCLES[-1],
        epochs=given.epochs,
        optimiser=given.optimiser,
        train_images=given.images,
    )
    spent = given.work / f"spent-{given.seed}.json"
    began = time.process_time()
    weights = given.work / f"supernet-{given.seed}.safetensors"
    fresh = not weights.exists()
    recipe = SupernetRecipe(plain, randoms=given.randoms, distilled=given.distilled)
    train_supernet(supernet, splits, recipe, seed=given.seed, checkpoint=weights)
    if fresh or not spent.exists():
        spent.write_text(json.dumps({"train_s": time.process_time() - began}))
    scorer = SupernetScorer(supernet, splits, calibration=256, validation=given.validation)
    y = splits.validation_y[: given.validation]
    began, errors, losses = time.process_time(), [], []
    for text in rows["architecture"]:
        outputs = scorer.outputs(json.loads(text))
        errors.append(error_of(TASK, outputs, y, splits))
        logs = torch.log_softmax(torch.from_numpy(outputs), 1)
        losses.append(float(-logs[torch.arange(len(y)), torch.from_numpy(y).long()].mean()))
    score_s = (time.process_time() - began) / len(rows)
    costs = {"made_s": made_s, **json.loads(spent.read_text()), "score_s": score_s}
    return rows.assign(shared=errors, shared_loss=losses), costs


def by_regression(rows: pd.DataFrame) -> dict[str, float]:
    """Rank agreement of a ridge regression on as few trainings as a supernet costs, and on more.

    It takes the choices of an architecture and its MACs and parameters, learns errors of one seed
    of networks drawn at random, and is asked for the rest; means over draws. `leave_one_out` learns
    from all others. With `shared_loss` among the columns, that is one feature more.
    """
    described = [json.loads(text) for text in rows["architecture"]]
    columns = [np.log(rows["macs"]), np.log(rows["params"])]
    if "shared_loss" in rows:
        columns.append(np.log(rows["shared_loss"]))
    for choice in SPACE.choices:
        if isinstance(choice.values[0], str):
            columns.append([float(a.get(choice.name) == choice.values[-1]) for a in described])
        else:
            columns.append([np.log1p(float(a.get(choice.name, 0))) for a in described])
    table = np.array(columns, dtype=float).T
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-9)
    truth, first = np.log(rows["error"].to_numpy()), np.log(rows["first"].to_numpy())

    def predicted(known: Any, asked: Any) -> Any:
        x, y = table[known], first[known]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean()))
        return y.mean() + table[asked] @ weights

    rng, everyone = np.random.default_rng(0), np.arange(len(rows))
    found = {}
    for count in PILOTS:
        drawn = [np.split(rng.permutation(everyone), [count]) for _ in range(DRAWS)]
        ranks = [rank_agreement(truth[rest], predicted(known, rest)) for known, rest in drawn]
        found[str(count)] = float(np.mean(ranks))
    alone = [predicted(np.delete(everyone, i), [i])[0] for i in everyone]
    found["leave_one_out"] = rank_agreement(truth, np.array(alone))
    return found


def by_size(rows: pd.DataFrame) -> dict[str, float]:
    """Rank agreement of the log-loss with the error alone, for thirds of the networks by MACs."""
    thirds = pd.qcut(rows["macs"], 3, labels=["least", "middle", "most"])
    parts = rows.groupby(thirds, observed=True)
    return {str(name): rank_agreement(part["error"], part["shared_loss"]) for name, part in parts}


def searches(rows: pd.DataFrame, costs: dict[str, Any], device: str) -> dict[str, Any]:
    """CPU seconds until the hypervolume of all trained is reached, both ways, on one device.

    By shared weights: candidates in fronts, one after another peeled off, are trained alone. The
    plain search trains in random orders, of which the median counts.
    """
    values = rows[["error", f"latency_s {device}"]].to_numpy()
    shared = rows[["shared", f"latency_s {device}"]].to_numpy()
    reference = values.max(axis=0) * 1.01
    whole = hypervolume(values, reference)
    left, order = list(range(len(rows))), []
    while left:
        front = np.flatnonzero(non_dominated(shared[left]))
        chosen = sorted((left[i] for i in front), key=lambda i: shared[i, 0])
        order += chosen
        left = [i for i in left if i not in set(chosen)]
    seconds = rows["cpu_s"].to_numpy()

    def until(sequence: list[int]) -> tuple[int, float]:
        for count in range(1, len(sequence) + 1):
            if hypervolume(values[sequence[:count]], reference) >= SHARE * whole:
                break
        return count, float(seconds[sequence[:count]].sum())

    rng = np.random.default_rng(0)
    plain = sorted(until(rng.permutation(len(rows)).tolist()) for _ in range(101))[50]
    ours = until(order)
    once = costs["made_s"] + costs["train_s"] + costs["score_s"] * len(rows)
    return {
        "plain_trainings": plain[0],
        "plain_s": plain[1],
        "all_trained_s": float(seconds.sum()),
        "finalists": ours[0],
        "finalists_s": ours[1],
        "with_supernet_s": ours[1] + once,
    }


def elsewhere(rows: pd.DataFrame, device: str, at_most: int) -> dict[str, Any]:
    """The front that shared weights name for a device, by true errors, against the true front."""
    began = time.perf_counter()
    shared = rows[["shared", f"latency_s {device}"]].to_numpy()
    named = np.flatnonzero(non_dominated(shared))[:at_most]
    seconds = time.perf_counter() - began
    values = rows[["error", f"latency_s {device}"]].to_numpy()
    reference = values.max(axis=0) * 1.01
    whole = hypervolume(values, reference)
    regret = 1 - hypervolume(values[named], reference) / whole
    return {
        "seconds": seconds,
        "front": [int(rows.index[i]) for i in named],
        "regret_of_hypervolume": regret,
        "best_error_regret": float(values[named, 0].min() - values[:, 0].min()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--regression", action="store_true", help="only that, which trains nothing")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--images", type=int, default=3072, help="of the training data")
    parser.add_argument("--randoms", type=int, default=3)
    parser.add_argument("--distilled", type=float, default=0.2)
    parser.add_argument("--validation", type=int, default=750)
    parser.add_argument("--optimiser", default="muon")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.regression:
        print(json.dumps(by_regression(truth())))
        return
    given.work.mkdir(parents=True, exist_ok=True)
    rows, costs = scored(truth(), given)
    both, by_loss = rows.dropna(subset=["first", "second"]), rows.assign(shared=rows["shared_loss"])
    training_s = float(rows["cpu_s"].mean())
    found = {
        "spearman": rank_agreement(rows["error"], rows["shared"]),
        "spearman_of_loss": rank_agreement(rows["error"], rows["shared_loss"]),
        "spearman_of_macs": rank_agreement(-rows["error"], rows["macs"]),
        "spearman_of_regression": by_regression(rows.drop(columns=["shared", "shared_loss"])),
        "spearman_of_regression_with_shared": by_regression(rows),
        "architectures": len(rows),
        "spearman_of_seeds": rank_agreement(both["first"], both["second"])
        if len(both) > 2
        else None,
        "architectures_with_two_seeds": len(both),
        "training_alone_s": training_s,
        **costs,
        "cost_in_trainings": 1000 * costs["score_s"] / training_s,
        "supernet_in_trainings": (costs["made_s"] + costs["train_s"]) / training_s,
        "mean_error": {
            "alone": float(rows["error"].mean()),
            "shared": float(rows["shared"].mean()),
        },
        "spearman_of_loss_by_macs": by_size(rows),
        "search": searches(rows, costs, FIRST),
        "search_by_loss": searches(by_loss, costs, FIRST),
        "further_devices": {device: elsewhere(rows, device, 30) for device in FURTHER},
        "further_devices_by_loss": {device: elsewhere(by_loss, device, 30) for device in FURTHER},
    }
    text = json.dumps(found, indent=1)
    (HERE / "results" / "supernet.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    print(json.dumps({name: found[name] for name in ("spearman", "cost_in_trainings")}))


if __name__ == "__main__":
    main()
