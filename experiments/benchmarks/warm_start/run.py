"""What a warm start gains on a table: from another device's run, or from another recipe's errors.

    python experiments/benchmarks/warm_start/run.py device --table FILE --accuracy COLUMN
        --costs COLUMN --earlier-costs COLUMN [--seeds 10]
    python experiments/benchmarks/warm_start/run.py recipe [--seeds 10]

`device`: an earlier search trained 100 networks for another device. A search for the new one takes
them over, as `search.warm_start` does: they are scored on it for nothing. `recipe`: on the trained
`mbconv` table 40 random networks are known after one epoch, and the search for four begins from
what that tells of the error. Median share of the exact hypervolume by further trainings, with and
without, and the mean difference on the same seeds with its interval of 95 %. Last line JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "search_efficiency"))

import numpy as np
import optuna
import pandas as pd
from cells import Problem, read_problem

from nas.engine.ehvi import EhviSampler

TABLES = Path(__file__).parents[2] / "tables"
LATENCY = "latency_s rpi4:int8"
EARLIER_TRAININGS, KNOWN, LOOKS = 100, 40, 1000


def search(
    problem: Problem,
    seed: int,
    trainings: int,
    taken: Sequence[int] = (),
    earlier: Sequence[tuple[dict[str, Any], float]] = (),
) -> list[int]:
    """Classes that a search trains, in order.

    Args:
        problem: The table.
        seed: Of the sampler.
        trainings: How many, all distinct.
        taken: Classes whose training was taken over.
        earlier: As the sampler takes it.
    """

    def costs(points: list[dict[str, Any]]) -> np.ndarray:
        rows = problem.values[[problem.at(point) for point in points]].copy()
        rows[:, 0] = np.nan
        return rows

    sampler = EhviSampler(
        problem.space,
        costs,
        features=problem.features,
        key=lambda point: str(problem.at(point)),
        earlier=earlier,
        looks=LOOKS,
        seed=seed,
    )
    study = optuna.create_study(directions=["minimize"] * problem.objectives, sampler=sampler)
    for number in taken:
        study.enqueue_trial(problem.first[number])
    order: list[int] = []
    for count in range(len(taken) + trainings):
        trial = study.ask()
        number = problem.at(problem.space.choose(trial.suggest_categorical))
        study.tell(trial, problem.values[number].tolist())
        if count >= len(taken):
            order.append(number)
    return order


def compared(
    problem: Problem,
    cold: list[list[int]],
    warm: list[tuple[list[int], list[int]]],
    marks: list[int],
) -> dict[str, Any]:
    """Shares of both sides at every mark.

    Args:
        problem: The table.
        cold: What each seed trained without.
        warm: What each seed took over, and what it trained.
        marks: Numbers of trainings.
    """
    rows = {}
    for mark in marks:
        without = np.array([problem.share(order[:mark]) if mark else 0.0 for order in cold])
        with_it = np.array([problem.share([*taken, *order[:mark]]) for taken, order in warm])
        ahead = with_it - without
        drawn = np.random.default_rng(0).choice(ahead, (4000, len(ahead))).mean(axis=1)
        rows[str(mark)] = {
            "cold": round(float(np.median(without)), 4),
            "warm": round(float(np.median(with_it)), 4),
            "ahead": [
                round(float(v), 4) for v in (ahead.mean(), *np.quantile(drawn, (0.025, 0.975)))
            ],
        }
    return rows


def of_device(args: argparse.Namespace) -> dict[str, Any]:
    """From the trainings of a search for another device."""
    problem = read_problem(args.table, args.accuracy, args.costs.split(","))
    before = read_problem(args.table, args.accuracy, args.earlier_costs.split(","))
    cold, warm = [], []
    for seed in range(args.seeds):
        cold.append(search(problem, seed, 100))
        taken = search(before, 1000 + seed, EARLIER_TRAININGS)
        warm.append((taken, search(problem, seed, 100, taken)))
    return compared(problem, cold, warm, [0, 25, 50, 100])


def of_recipe(args: argparse.Namespace) -> dict[str, Any]:
    """From errors after one epoch of some networks of the trained table."""
    table = TABLES / "trained_mbconv.parquet"
    problem = read_problem(table, "final_test_error", [LATENCY])
    rows = pd.read_parquet(table)
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "one.parquet"
        rows[rows["epoch"] == 1].to_parquet(one)
        before = read_problem(one, "validation_error", [LATENCY])
    cold, warm = [], []
    for seed in range(args.seeds):
        known = np.random.default_rng(seed).permutation(len(before.first))[:KNOWN]
        earlier = [(before.first[number], float(before.values[number, 0])) for number in known]
        cold.append(search(problem, seed, 50))
        warm.append(([], search(problem, seed, 50, earlier=earlier)))
    return compared(problem, cold, warm, [10, 25, 50])


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    device, recipe = kinds.add_parser("device"), kinds.add_parser("recipe")
    for own in (device, recipe):
        own.add_argument("--seeds", type=int, default=10)
    device.add_argument("--table", type=Path, required=True)
    for name in ("--accuracy", "--costs", "--earlier-costs"):
        device.add_argument(name, required=True)
    args = parser.parse_args()
    rows = of_device(args) if args.kind == "device" else of_recipe(args)
    for mark, row in rows.items():
        print(f"{mark:>4} trainings  {row}")
    print(json.dumps({"kind": args.kind, "seeds": args.seeds, "at": rows}))


if __name__ == "__main__":
    main()
