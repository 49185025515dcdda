"""Architecture, precision and accelerator searched together: ours beside rivals that score freely.

    python experiments/benchmarks/joint_search/run.py --table FILE --accuracy COLUMN
        [--methods NAME,NAME] [--seeds 20] [--trainings 200] [--inferences 1e9] [--out DIR]

6,466 classes of cells of NAS-Bench-201, 2 precisions, 3,240 accelerator designs; objectives error
and grams of carbon of an inference, embodied share included; limits on latency, memory and area
(joint.py). A training tells the error in both precisions. Every method begins with the same six
cells, never trains a class twice, and is given what it trained on every design and in every
precision for nothing (`shares`); `asked` counts only the pairs that a black box asked for, as
CATransformers does. One result file a method and seed; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "search_efficiency"))

import numpy as np
import optuna
from cells import read_problem
from joint import PRECISIONS, Joint, read_joint
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from report import interval

from hardware_profiles.accelerator import accelerator_space
from nas.engine.ehvi import EhviSampler
from nas.pareto import non_dominated
from search_spaces.base import Choice
from search_spaces.nasbench201 import SPACE

START, MARKS = 6, (50, 100, 200)
REPEATS_BEFORE_RANDOM = 20
LOOKS = 1000  # as in a search of ours: random cells and ones near the best, not all
WORST_ERROR = 90.0
KNOBS = ("clusters", "pe_width", "pe_depth", "local_kib", "local_bytes_per_cycle", "global_mib")
Point = dict[str, Any]


@dataclass(eq=False)
class Trainer:
    """Trains classes, each once.

    Attributes:
        joint: The table.
        budget: Distinct trainings.
        rng: Of the start and of draws after repeats.
        order: Classes trained, in order.
        asked: Rows (error, carbon) that the method asked for, with how many were trained by then.
    """

    joint: Joint
    budget: int
    rng: np.random.Generator
    order: list[int] = field(default_factory=list)
    asked: list[tuple[int, float, float]] = field(default_factory=list)

    def done(self) -> bool:
        return len(self.order) >= self.budget

    def at(self, cell: Point) -> int:
        return self.joint.cells.at({name: cell[name] for name in _EDGES})

    def train(self, number: int) -> np.ndarray:
        """Errors in each precision."""
        if number not in self.order:
            self.order.append(number)
        errors: np.ndarray = self.joint.errors[number]
        return errors

    def untrained(self) -> int:
        """A random class that was not trained and that some design serves."""
        while True:
            number = self.at(SPACE.sample(self.rng))
            if number not in self.order and np.isfinite(self.joint.best[number]).any():
                return number

    def serve(self, number: int, precision: int, carbon: float) -> list[float]:
        """Objectives of a pair of a network and a design; beyond a limit it is not recorded."""
        error = float(self.train(number)[precision])
        if np.isfinite(carbon):
            self.asked.append((len(self.order), error, carbon))
        return [error, carbon]


_EDGES = tuple(choice.name for choice in SPACE.choices)
_KINDS = tuple(PRECISIONS)
Method = Callable[[Trainer, int], None]


def random_search(trainer: Trainer, seed: int) -> None:
    """Random classes, scored on everything."""
    while not trainer.done():
        trainer.train(trainer.untrained())


def local_search(trainer: Trainer, seed: int) -> None:
    """Pareto local search over architectures: neighbours of what is on the front of all scores."""
    rng, joint = np.random.default_rng(seed), trainer.joint
    while not trainer.done():
        rows, owners = [], []
        for number in trainer.order:
            scored = joint.everywhere([number])
            rows.append(scored)
            owners += [number] * len(scored)
        on_front = sorted(set(np.array(owners)[non_dominated(np.vstack(rows))].tolist()))
        near = [
            there
            for number in rng.permutation(on_front)
            for cell in rng.permutation(
                np.array(SPACE.neighbours(joint.cells.first[number]), dtype=object)
            )
            for there in [trainer.at(cell)]
            if there not in trainer.order and np.isfinite(joint.best[there]).any()
        ]
        trainer.train(near[0] if near else trainer.untrained())


def black_box(make: Callable[[int], BaseSampler], fixed: bool = False) -> Method:
    """An Optuna sampler over architecture, precision and all six knobs of the accelerator.

    Args:
        make: From a seed.
        fixed: Hardware first: the best design for the start, held while architectures are sought.
    """

    def method(trainer: Trainer, seed: int) -> None:
        joint = trainer.joint
        space = accelerator_space()
        values = {} if fixed else {knob: getattr(space, knob) for knob in KNOBS}
        design = _first_hardware(trainer) if fixed else 0
        study = optuna.create_study(directions=["minimize"] * 2, sampler=make(seed))
        for number in list(trainer.order):
            study.enqueue_trial({**joint.cells.first[number]})
        repeats = 0
        while not trainer.done():
            trial = study.ask()
            cell = SPACE.choose(trial.suggest_categorical)
            precision = _KINDS.index(trial.suggest_categorical("precision", _KINDS))
            chosen = {knob: trial.suggest_categorical(knob, row) for knob, row in values.items()}
            index = _index_of(joint, chosen) if chosen else design
            number, before = trainer.at(cell), len(trainer.order)
            carbon = float(joint.carbon(number, precision)[index])
            trial.set_constraint("limits", 0.0 if np.isfinite(carbon) else 1.0)
            if np.isfinite(carbon):
                study.tell(trial, trainer.serve(number, precision, carbon))
            else:
                study.tell(trial, [WORST_ERROR, joint.region[1][1]])
            repeats = repeats + 1 if len(trainer.order) == before else 0
            if repeats >= REPEATS_BEFORE_RANDOM:
                study.enqueue_trial(joint.cells.first[trainer.untrained()])
                repeats = 0

    return method


def ours(*, fixed: bool = False) -> Method:
    """Known costs over all designs; the precision is free and shifts the error."""

    def method(trainer: Trainer, seed: int) -> None:
        joint = trainer.joint
        design = _first_hardware(trainer) if fixed else None
        space = type(SPACE)(
            "joint", 1, "", (*SPACE.choices, Choice("precision", _KINDS)), lambda *_: ()
        )

        def grams(points: list[Point]) -> np.ndarray:
            kinds = [_KINDS.index(point["precision"]) for point in points]
            rows = zip(points, kinds, strict=True)
            if design is None:
                return np.array([joint.best[trainer.at(point), kind] for point, kind in rows])
            return np.array([joint.carbon(trainer.at(point), kind)[design] for point, kind in rows])

        sampler = EhviSampler(
            space,
            lambda points: [[np.nan, g if np.isfinite(g) else joint.region[1][1]]
                            for g in grams(points)],
            lambda points: [[0.0 if np.isfinite(g) else 1.0] for g in grams(points)],
            features=lambda points: joint.cells.features(
                [{name: point[name] for name in _EDGES} for point in points]
            ),
            key=lambda point: str(trainer.at(point)),
            free=("precision",),
            shift=lambda point: str(point["precision"]),
            looks=LOOKS,
            seed=seed,
        )  # fmt: skip
        study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        for number in list(trainer.order):
            either = [{**joint.cells.first[number], "precision": kind} for kind in _KINDS]
            study.enqueue_trial(either[int(np.argmin(grams(either)))])
        while not trainer.done():
            trial = study.ask()
            point = space.choose(trial.suggest_categorical)
            kind, carbon = _KINDS.index(point["precision"]), float(grams([point])[0])
            told = trainer.serve(trainer.at(point), kind, carbon)
            study.tell(trial, [told[0], min(carbon, float(joint.region[1][1]))])

    return method


def _first_hardware(trainer: Trainer) -> int:
    """The design of least carbon over the six cells of the start, of those that serve the most."""
    rows = np.array(
        [
            trainer.joint.carbon(number, precision)
            for number in trainer.order
            for precision in range(len(_KINDS))
        ]
    )
    served = np.isfinite(rows)
    mean = np.where(served, rows, 0).sum(axis=0) / np.maximum(served.sum(axis=0), 1)
    return int(np.lexsort((mean, -served.sum(axis=0)))[0])


def _index_of(joint: Joint, chosen: dict[str, Any]) -> int:
    matches = [joint.designs[knob] == value for knob, value in chosen.items()]
    return int(np.flatnonzero(np.all(matches, axis=0))[0])


METHODS: dict[str, Method] = {
    "ours": ours(),
    "random": random_search,
    "local-search": local_search,
    "nsga2-20": black_box(lambda seed: NSGAIISampler(seed=seed, population_size=20)),
    "tpe-group": black_box(lambda seed: TPESampler(seed=seed, multivariate=True, group=True)),
    "hardware-first-nsga2": black_box(
        lambda seed: NSGAIISampler(seed=seed, population_size=20), fixed=True
    ),
    "hardware-first-ours": ours(fixed=True),
}


def one_run(joint: Joint, name: str, seed: int, trainings: int) -> dict[str, Any]:
    """Shares of the exact hypervolume at every mark."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trainer = Trainer(joint, trainings, np.random.default_rng(seed))
    while len(trainer.order) < START:
        trainer.train(trainer.untrained())
    METHODS[name](trainer, seed)
    marks = [mark for mark in MARKS if mark <= trainings]
    scored = {m: joint.volume(joint.everywhere(trainer.order[:m])) / joint.exact for m in marks}
    asked = {
        m: joint.volume(np.array([row[1:] for row in trainer.asked if row[0] <= m])) / joint.exact
        for m in marks
        if trainer.asked
    }
    return {
        "method": name,
        "seed": seed,
        "shares": {str(m): round(scored[m], 5) for m in marks},
        "asked": {str(m): round(asked[m], 5) for m in marks} if asked else None,
    }


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians, and ours less each rival on the same seeds: mean and interval of 95 %."""
    rows: dict[str, Any] = {}
    for name, own in runs.items():
        marks = own[0]["shares"]
        rows[name] = {
            "at": {m: round(float(np.median([r["shares"][m] for r in own])), 4) for m in marks},
            "asked": {m: round(float(np.median([r["asked"][m] for r in own])), 4) for m in marks}
            if own[0]["asked"]
            else None,
            "seeds": len(own),
        }
        if name == "ours" or "ours" not in runs:
            continue
        rows[name]["ours_ahead"] = {}
        for m in marks:
            both = [a["shares"][m] - b["shares"][m] for a, b in zip(runs["ours"], own, strict=True)]
            rows[name]["ours_ahead"][m] = interval(np.array(both))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--inferences", type=float, default=1e9)
    parser.add_argument("--out", type=Path, default=Path("runs/joint_search"))
    args = parser.parse_args()
    unknown = [name for name in args.methods.split(",") if name not in METHODS]
    if unknown:
        parser.error(f"--methods: {unknown[0]!r} is none of {', '.join(METHODS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    cells = read_problem(args.table, args.accuracy, [])
    joint = read_joint(cells, args.out / "costs.npz", args.inferences)
    told = f"{args.accuracy}-{args.inferences:g}-{args.trainings}"
    runs: dict[str, list[dict[str, Any]]] = {}
    for name in args.methods.split(","):
        for seed in range(args.seeds):
            kept = args.out / f"{told}-{name}-{seed}.json"
            if not kept.exists():
                kept.write_text(json.dumps(one_run(joint, name, seed, args.trainings)))
            runs.setdefault(name, []).append(json.loads(kept.read_text()))
    rows = summary(runs)
    for name, row in rows.items():
        text = "  ".join(f"{m}: {v:.3f}" for m, v in row["at"].items())
        ahead = row.get("ours_ahead", {})
        text += "".join(f"  [{a[0]:+.3f} {a[1]:+.3f} {a[2]:+.3f}]" for a in ahead.values())
        print(f"{name:<22} {text}  as asked {row['asked']}")
    print(json.dumps({"exact": joint.exact, "methods": rows}))


if __name__ == "__main__":
    main()
