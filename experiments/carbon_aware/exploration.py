"""Whether a search should explore more while the grid is clean, simulated on a table and a trace.

    python experiments/carbon_aware/exploration.py --traces ../shared/data/grid --table FILE
        --accuracy COLUMN --costs COLUMN [--seeds 20] [--trainings 100]

A training an hour from a random start of 2022 on CAISO, without pauses. In the cleanest third of
the hours, by the shipped month x hour means of that day, a share of the proposals is a random
network that was not trained; else all are the sampler's. Every policy trains in the same hours,
hence for the same grams: what differs is the hypervolume that they buy. `ahead` is the mean of
that less that of no exploration on the same seeds, between the ends of its interval of 95 %. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "search_efficiency"))

import numpy as np
import optuna
from cells import Problem, read_problem
from report import interval

from hardware_profiles.hours import hourly_means
from hardware_profiles.traces import read_trace
from nas.carbon.hourly import clock_of
from nas.engine.ehvi import EhviSampler

TRACE = "us_caiso_2022_hourly.csv.gz"
SHARES, CLEAN, LOOKS, DAY_H = (0.0, 0.25, 0.5), 1 / 3, 1000, 24


def is_clean(means: np.ndarray, hour: int) -> bool:
    """Whether an hour is in the cleanest third of its day by the forecast."""
    day = means[hour // DAY_H * DAY_H :][:DAY_H]
    return bool(means[hour] <= np.quantile(day, CLEAN))


def found(problem: Problem, clean: list[bool], share: float, seed: int) -> list[float]:
    """Shares of the exact hypervolume after every training."""
    rng = np.random.default_rng(seed)

    def costs(points: list[dict[str, object]]) -> np.ndarray:
        rows = problem.values[[problem.at(point) for point in points]].copy()
        rows[:, 0] = np.nan
        return np.asarray(rows)

    sampler = EhviSampler(
        problem.space,
        costs,
        features=problem.features,
        key=lambda point: str(problem.at(point)),
        looks=LOOKS,
        seed=seed,
    )
    study = optuna.create_study(directions=["minimize"] * problem.objectives, sampler=sampler)
    order: list[int] = []
    for now in clean:
        if now and rng.random() < share:
            fresh = [point for point in map(problem.space.sample, [rng] * 20)]
            study.enqueue_trial(next(p for p in fresh if problem.at(p) not in order))
        trial = study.ask()
        number = problem.at(problem.space.choose(trial.suggest_categorical))
        study.tell(trial, problem.values[number].tolist())
        order.append(number)
    return [problem.share(order[:count]) for count in range(1, len(order) + 1)]


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("--traces", "--table"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--accuracy", "--costs"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=100)
    args = parser.parse_args()
    problem = read_problem(args.table, args.accuracy, args.costs.split(","))
    truth, _ = clock_of(read_trace(args.traces / TRACE, column="aer", drop_faulty=True))
    means, _ = clock_of(hourly_means("us-caiso"))
    rows: dict[str, list[list[float]]] = {str(share): [] for share in SHARES}
    grams, in_clean = [], []
    for seed in range(args.seeds):
        start = int(np.random.default_rng(seed).integers(len(truth) - args.trainings))
        hours = range(start, start + args.trainings)
        clean = [is_clean(means, hour) for hour in hours]
        grams.append(float(np.nanmean(truth[start : start + args.trainings])))
        in_clean.append(float(np.mean(clean)))
        for share in SHARES:
            rows[str(share)].append(found(problem, clean, share, seed))
    told = {"gco2e_per_kwh": round(float(np.mean(grams)), 1), "clean": round(np.mean(in_clean), 3)}
    marks = [mark for mark in (25, 50, 100) if mark <= args.trainings]
    at = {
        share: {mark: round(float(np.mean([row[mark - 1] for row in own])), 4) for mark in marks}
        for share, own in rows.items()
    }
    plain = np.array(rows[str(SHARES[0])])
    ahead = {
        share: {mark: interval((np.array(own) - plain)[:, mark - 1]) for mark in marks}
        for share, own in rows.items()
        if share != str(SHARES[0])
    }
    for name, row in at.items():
        print(f"{name:>5} random in clean hours: {row} {ahead.get(name, '')}")
    print(json.dumps({**told, "seeds": args.seeds, "mean_share_at": at, "ahead": ahead}))


if __name__ == "__main__":
    main()
