"""How many trainings a search needs: our sampler and the field on a table of NAS-Bench-201.

    python experiments/benchmarks/search_efficiency/run.py --table FILE --accuracy COLUMN
        --costs COLUMN[,COLUMN] [--methods NAME,NAME] [--seeds 20] [--trainings 200]
        [--noise none|cells] [--out DIR]

Cells that compute alike (`rep_arch_idx`) are one architecture: its error is their mean, its costs
their medians. Every method begins with the same six random cells of a seed and has a cache: only
distinct trainings count, and after 20 successive repeats an untrained cell is drawn. Hypervolume is
that of the useful region of data/nb201/README.md, as a share of the exact front's. One result file
a method and seed; finished ones are not run again. With ``--noise cells`` a search is shown one
random member cell, and what its front is truly worth stands beside what it appears to be.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from cells import Problem, read_problem
from methods import METHODS, SLOW, Trainer

from nas.pareto import hypervolume, non_dominated
from search_spaces.nasbench201 import SPACE

START = 6
MARKS = (50, 75, 100, 150, 200)
TARGETS = (0.9, 0.95, 0.99)
SLOW_SEEDS, SLOW_TRAININGS = 5, 100


def one_run(problem: Problem, name: str, seed: int, trainings: int, noisy: bool) -> dict[str, Any]:
    """Run one method once; shares of the exact hypervolume after every training."""
    rng = np.random.default_rng(seed)
    trainer = Trainer(problem, trainings, rng, noisy)
    start: dict[int, dict[str, Any]] = {}
    while len(start) < START:
        cell = SPACE.sample(rng)
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


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the seeds of one method."""
    length = min(len(run["shares"]) for run in runs)
    shares = np.array([run["shares"][:length] for run in runs])
    reached = {
        str(target): [next((n + 1 for n, s in enumerate(row) if s >= target), None)
                      for row in shares.tolist()]
        for target in TARGETS
    }  # fmt: skip
    return {
        "at": {str(m): _median(shares[:, m - 1]) if m <= length else None for m in MARKS},
        "worst_at_200": round(float(shares[:, 199].min()), 4) if length >= 200 else None,
        "to": {target: _middle(counts) for target, counts in reached.items()},
        "step_ms": _median(np.array([run["step_ms"] for run in runs])),
        "distinct": int(np.median([run["distinct"] for run in runs])),
        "suggestions": int(np.median([run["suggestions"] for run in runs])),
        "seeds": len(runs),
        "chosen_truly": _median(np.array([run["chosen_truly"] for run in runs])),
        "apparent": _median(np.array([run["apparent"] for run in runs])),
        "cheapest_quarter": _median(np.array([run["cheapest_quarter"] for run in runs])),
        "beyond_reference": _median(np.array([run["beyond_reference"] for run in runs])),
    }


def _median(values: np.ndarray) -> float:
    return round(float(np.median(values)), 4)


def _middle(counts: list[int | None]) -> float | None:
    """Median where the half of the seeds that includes it got there."""
    ordered = sorted(np.inf if count is None else count for count in counts)
    middle = float(np.median(ordered))
    return None if np.isinf(middle) else middle


def print_table(methods: dict[str, Any]) -> None:
    marks = [str(mark) for mark in MARKS]
    print(f"{'method':<22}" + "".join(f"{m:>7}" for m in marks)
          + f"{'worst':>7}{'to 90%':>8}{'95%':>6}{'99%':>6}{'ms':>8}{'truly':>7}{'seems':>7}"
          + f"{'cheap':>7}{'beyond':>7}")  # fmt: skip
    for name, row in methods.items():
        if row is None:
            print(f"{name:<22} not run")
            continue
        cells = [row["at"][m] for m in marks] + [row["worst_at_200"]]
        text = "".join(f"{'-' if v is None else format(v, '.3f'):>7}" for v in cells)
        to = [row["to"][str(target)] for target in TARGETS]
        text += "".join(f"{'-' if v is None else format(v, '.0f'):>{w}}"
                        for v, w in zip(to, (8, 6, 6), strict=True))  # fmt: skip
        print(f"{name:<22}{text}{row['step_ms']:>8.1f}{row['chosen_truly']:>7.3f}"
              f"{row['apparent']:>7.3f}{row['cheapest_quarter']:>7.2f}"
              f"{row['beyond_reference']:>7.2f}")  # fmt: skip


def jobs_of(args: argparse.Namespace) -> list[tuple[str, int, int]]:
    """Method, seed and trainings of every run."""
    jobs = []
    for name in args.methods.split(","):
        slow = name in SLOW
        seeds = min(args.seeds, SLOW_SEEDS) if slow else args.seeds
        trainings = min(args.trainings, SLOW_TRAININGS) if slow else args.trainings
        jobs += [(name, seed, trainings) for seed in range(seeds)]
    return jobs


def finish(args: argparse.Namespace, name: str, seed: int, trainings: int) -> None:
    """Run one method and seed, and keep the result."""
    problem = read_problem(args.table, args.accuracy, args.costs.split(","))
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
    waiting = [job for job in jobs if not file_of(args, *job).exists()]
    with ProcessPoolExecutor(args.processes) as pool:
        for done in [pool.submit(finish, args, *job) for job in waiting]:
            done.result()
    methods: dict[str, Any] = dict.fromkeys(METHODS)
    for name in args.methods.split(","):
        own = [json.loads(file_of(args, *job).read_text()) for job in jobs if job[0] == name]
        methods[name] = summary(own)
    print(f"{args.table.name}: {args.accuracy} against {args.costs}, noise {args.noise}")
    print_table(methods)
    print(json.dumps({"methods": methods}))


if __name__ == "__main__":
    main()
