"""What skipping saves: searches on NAS-Bench-201 that skip what is surely dominated, or do not.

    python experiments/benchmarks/skipping/run.py --table FILE --accuracy COLUMN --costs COLUMN
        [--methods NAME,NAME] [--seeds 10] [--trainings 200] [--out DIR]

The engine's rule (`nas.engine.skipping.skip_of`, from the 20th training on, costs of 10 % spread,
audits of one in fifty, one reconsidered after each training) over the tables of the benchmark
`search_efficiency`. Both sides begin with the same six cells, and only distinct trainings count.
`wrong` are skipped classes that the exact front holds, of it all. One result file a method and
seed; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "search_efficiency"))

import numpy as np
import optuna
from cells import Problem, read_problem
from methods import REPEATS_BEFORE_RANDOM, Trainer, ehvi_sampler
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from report import interval

from nas.engine.candidates import standardised
from nas.engine.domain import domain_of_space
from nas.engine.gaussian import fit_process
from nas.engine.skipping import is_audited, skip_of
from nas.pareto import non_dominated

START, MARKS = 6, (50, 100, 200)
WORST_ERROR = 90.0
SAMPLERS: dict[str, Callable[[Trainer, int], BaseSampler]] = {
    "random": lambda _, seed: RandomSampler(seed=seed),
    "nsga2": lambda _, seed: NSGAIISampler(seed=seed, population_size=20),
    "tpe": lambda _, seed: TPESampler(seed=seed, multivariate=True, group=True),
    "ehvi": ehvi_sampler,
}


@dataclass(frozen=True)
class Row:
    """A class of cells as the rule sees a candidate."""

    candidate: str
    scores: np.ndarray
    error: float

    @property
    def look(self) -> Row:
        return self


@dataclass(eq=False)
class Table:
    """What a run's evidence would tell of a table; the names are those of `nas.engine.evidence`."""

    problem: Problem
    trainer: Trainer
    groups: list[np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        problem = self.problem
        named = problem.features(problem.first)
        names = sorted(set().union(*named))
        graph = np.array([[row.get(name, 0.0) for name in names] for row in named])
        marks = np.hstack(domain_of_space(problem.space).encode(problem.first))
        self.groups = [marks, graph, np.log(problem.values[:, 1:])]

    def row(self, number: int) -> Row:
        return Row(str(number), self.problem.values[number], float(self.problem.values[number, 0]))

    def trained(self) -> list[Row]:
        return [self.row(number) for number in self.trainer.order]

    def values(self, scores: np.ndarray, _places: Sequence[int]) -> np.ndarray:
        return scores[None].copy()

    def believed(self, looks: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        seen = self.trainer.order
        rows = [*seen, *(int(look.candidate) for look in looks)]
        groups = standardised([group[rows] for group in self.groups])
        values = np.log(self.problem.values[seen, 0])
        process = fit_process([group[: len(seen)] for group in groups], values)
        return process.predict([group[len(seen) :] for group in groups])


def plan_of(problem: Problem, seed: int) -> Any:
    """The facts of a plan that the rule reads."""
    kinds = ["trained", *["modelled"] * (problem.objectives - 1)]
    return SimpleNamespace(
        seed=seed,
        deployments=(None,),
        deployments_as="alternatives",
        objectives=tuple(SimpleNamespace(kind=kind) for kind in kinds),
        task=SimpleNamespace(best_error=0.0),
    )


def one_run(problem: Problem, name: str, seed: int, trainings: int, skips: bool) -> dict[str, Any]:
    """Shares of the exact hypervolume after every training, and what was skipped."""
    trainer = Trainer(problem, trainings, np.random.default_rng(seed))
    table, plan = Table(problem, trainer), plan_of(problem, seed)
    sampler = SAMPLERS[name](trainer, seed)
    study = optuna.create_study(directions=["minimize"] * problem.objectives, sampler=sampler)
    start: dict[int, dict[str, Any]] = {}
    while len(start) < START:
        cell = problem.space.sample(trainer.rng)
        start.setdefault(problem.at(cell), cell)
    for cell in start.values():
        study.enqueue_trial(cell)
    skipped: dict[int, dict[str, Any]] = {}
    ever: set[int] = set()
    repeats = audited = 0
    while not trainer.done():
        trial = study.ask()
        cell = problem.space.choose(trial.suggest_categorical)
        number, before = problem.at(cell), len(trainer.order)
        fresh = not trainer.knows(cell)
        look = table.row(number)
        skip = skip_of(plan, table, [look])[0] if skips and fresh else None
        if skip is not None and is_audited(plan, look.candidate):
            audited, skip = audited + 1, None
        repeats = 0 if fresh and number not in skipped else repeats + 1
        if skip is not None:
            skipped.setdefault(number, cell)
            ever.add(number)
            trial.set_user_attr("trained", False)
            study.tell(trial, [WORST_ERROR, *look.scores[1:]])
        else:
            study.tell(trial, trainer.train(cell).tolist())
        if repeats >= REPEATS_BEFORE_RANDOM:
            study.enqueue_trial(trainer.untrained())
        if len(trainer.order) > before:
            skipped.pop(number, None)
            _reconsider(plan, table, study, skipped)
    front = set(np.flatnonzero(non_dominated(problem.values)).tolist())
    return {
        "method": name,
        "seed": seed,
        "shares": [round(problem.share(trainer.order[: n + 1]), 5) for n in range(trainings)],
        "skipped": len(ever),
        "audited": audited,
        "wrong": len(set(skipped) & front),
        "front": len(front),
    }


def _reconsider(plan: Any, table: Table, study: optuna.Study, skipped: dict[int, Any]) -> None:
    """Queue one that no bound refuses any more."""
    numbers = sorted(skipped)
    found = skip_of(plan, table, [table.row(number) for number in numbers])
    for number, skip in zip(numbers, found, strict=True):
        if skip is None:
            study.enqueue_trial(skipped.pop(number))
            return


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians; with skipping also the difference on the same seeds, mean and interval of 95 %.

    `trainings_to_plain_end` are the least, median and most after which a seed has what it has
    without skipping at the end; one more than all, where it has not.
    """
    rows: dict[str, Any] = {}
    for name, own in runs.items():
        shares = np.array([run["shares"] for run in own])
        marks = [mark for mark in MARKS if mark <= shares.shape[1]]
        rows[name] = {
            "seeds": len(own),
            "at": {str(m): round(float(np.median(shares[:, m - 1])), 4) for m in marks},
            **{k: float(np.median([run[k] for run in own])) for k in ("skipped", "audited")},
            "wrong": [run["wrong"] for run in own],
        }
        plain = runs.get(name.removesuffix("+skip"), own)
        if plain is own:
            continue
        differs = shares - np.array([run["shares"] for run in plain])
        rows[name]["ahead"] = {str(m): interval(differs[:, m - 1]) for m in marks}
        target = np.array([run["shares"][-1] for run in plain])
        needed = (shares < target[:, None]).sum(axis=1) + 1
        rows[name]["trainings_to_plain_end"] = np.quantile(needed, (0, 0.5, 1)).tolist()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--costs", required=True)
    parser.add_argument("--methods", default=",".join(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("runs/skipping"))
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    args.out.mkdir(parents=True, exist_ok=True)
    problem = read_problem(args.table, args.accuracy, args.costs.split(","))
    runs: dict[str, list[dict[str, Any]]] = {}
    for name in args.methods.split(","):
        for skips in (False, True):
            label = f"{name}+skip" if skips else name
            for seed in range(args.seeds):
                kept = args.out / f"{args.costs}-{args.trainings}-{label}-{seed}.json"
                if not kept.exists():
                    run = one_run(problem, name, seed, args.trainings, skips)
                    kept.write_text(json.dumps(run))
                runs.setdefault(label, []).append(json.loads(kept.read_text()))
    rows = summary(runs)
    for label, row in rows.items():
        print(label, row)
    print(json.dumps({"methods": rows}))


if __name__ == "__main__":
    main()
