"""How many trainings a search needs: our sampler and the field on a table of NAS-Bench-201.

    python experiments/benchmarks/search_efficiency/run.py --table FILE --accuracy COLUMN
        --costs COLUMN[,COLUMN] [--methods NAME,NAME] [--seeds 20] [--trainings 200]
        [--noise none|cells] [--out DIR]

Cells that compute alike (`rep_arch_idx`) are one architecture: its error is their mean, its costs
their medians. Every method begins with the same six random cells of a seed and has a cache: only
distinct trainings count, and after 20 successive repeats an untrained cell is drawn. Hypervolume is
that of the useful region of data/nb201/README.md, as a share of the exact front's. One result file
a method and seed; finished ones are not run again, and the table shows what is there. BoTorch's
methods are run by the Python of an environment of their own (README.md), into the same folder.
With ``--noise cells`` a search is shown one random member cell, and what its front is truly worth
stands beside what it appears to be.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from cells import Problem, read_problem
from methods import METHODS, SLOW, Trainer, runnable
from report import OURS, ahead, print_ahead, print_table, summary

from nas.pareto import hypervolume, non_dominated

START = 6
SLOW_SEEDS, SLOW_TRAININGS = 5, 100


def one_run(problem: Problem, name: str, seed: int, trainings: int, noisy: bool) -> dict[str, Any]:
    """Run one method once; shares of the exact hypervolume after every training."""
    rng = np.random.default_rng(seed)
    trainer = Trainer(problem, trainings, rng, noisy)
    start: dict[int, dict[str, Any]] = {}
    while len(start) < START:
        cell = problem.space.sample(rng)
        start.setdefault(problem.at(cell), cell)
    spent = METHODS[name](trainer, list(start.values()), seed)
    order = trainer.order[:trainings]
    shares = [problem.share(order[: count + 1]) for count in range(len(order))]
    shown = np.array([trainer.shown[number] for number in order])
    chosen = [number for number, on in zip(order, non_dominated(shown), strict=True) if on]
    scaled = (shown - problem.ideal) / (problem.reference - problem.ideal)
    cheap = np.quantile(problem.values[problem.class_of, 1], 0.25)
    values = problem.values[order]
    return {
        "method": name,
        "seed": seed,
        "shares": [round(share, 5) for share in shares],
        "apparent": round(hypervolume(scaled, np.ones(problem.objectives)) / problem.exact, 5),
        "chosen_truly": round(problem.share(chosen), 5),
        "cheapest_quarter": round(float(np.mean(values[:, 1] <= cheap)), 4),
        "beyond_reference": round(float(np.mean(values[:, 0] > problem.reference[0])), 4),
        "step_ms": round(spent.step_ms, 2),
        "suggestions": spent.suggestions,
        "distinct": len(order),
    }


def jobs_of(args: argparse.Namespace) -> list[tuple[str, int, int]]:
    """Method, seed and trainings of every run."""
    jobs = []
    for name in args.methods.split(","):
        slow = name in SLOW
        seeds = min(args.seeds, SLOW_SEEDS) if slow else args.seeds
        trainings = min(args.trainings, SLOW_TRAININGS) if slow else args.trainings
        jobs += [(name, seed, trainings) for seed in range(seeds)]
    return jobs


@cache
def problem_of(table: Path, accuracy: str, costs: str) -> Problem:
    """The table, read once a process."""
    return read_problem(table, accuracy, costs.split(","))


def finish(args: argparse.Namespace, name: str, seed: int, trainings: int) -> None:
    """Run one method and seed, and keep the result."""
    problem = problem_of(args.table, args.accuracy, args.costs)
    result = one_run(problem, name, seed, trainings, args.noise == "cells")
    target = file_of(args, name, seed, trainings)
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(result))
    partial.rename(target)


def file_of(args: argparse.Namespace, name: str, seed: int, trainings: int) -> Path:
    facts = (args.accuracy, args.costs, args.noise, trainings)
    digest = hashlib.sha256(args.table.read_bytes() + repr(facts).encode()).hexdigest()[:10]
    folder: Path = args.out / f"{args.accuracy}-{args.costs}-{args.noise}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{seed}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--costs", required=True)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--noise", choices=("none", "cells"), default="none")
    parser.add_argument("--out", type=Path, default=Path("runs/search_efficiency"))
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    unknown = [name for name in args.methods.split(",") if name not in METHODS]
    if unknown:
        parser.error(f"--methods: {unknown[0]!r} is none of {', '.join(METHODS)}")
    jobs = jobs_of(args)
    waiting = [job for job in jobs if runnable(job[0]) and not file_of(args, *job).exists()]
    with ProcessPoolExecutor(args.processes) as pool:
        for done in [pool.submit(finish, args, *job) for job in waiting]:
            done.result()
    runs: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        if file_of(args, *job).exists():
            runs.setdefault(job[0], []).append(json.loads(file_of(args, *job).read_text()))
    methods: dict[str, Any] = dict.fromkeys(METHODS)
    for name, own in runs.items():
        methods[name] = summary(own)
        if OURS in runs and name != OURS:
            methods[name]["ours_ahead"] = ahead(runs[OURS], own)
    print(f"{args.table.name}: {args.accuracy} against {args.costs}, noise {args.noise}")
    print_table(methods)
    print_ahead(methods)
    print(json.dumps({"methods": methods}))


if __name__ == "__main__":
    main()
