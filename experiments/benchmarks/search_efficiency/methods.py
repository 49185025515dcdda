"""The methods that are compared. Each takes a `Trainer` and stops when it has trained enough."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from botorch_methods import AVAILABLE, our_model, plain_model, proposals
from cells import Problem
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from nas.engine.ehvi import EhviSampler
from nas.pareto import non_dominated

REPEATS_BEFORE_RANDOM = 20
Cell = dict[str, Any]


@dataclass(eq=False)
class Trainer:
    """Trains classes of cells, each once; a repeat is answered from the record and not counted.

    Attributes:
        problem: The table.
        budget: Distinct trainings.
        rng: Of the start and of random draws after repeats.
        noisy: Show the error of one random member cell, not the mean of the class.
        order: Classes trained, in order.
    """

    problem: Problem
    budget: int
    rng: np.random.Generator
    noisy: bool = False
    order: list[int] = field(default_factory=list)
    shown: dict[int, np.ndarray] = field(default_factory=dict)

    def done(self) -> bool:
        return len(self.order) >= self.budget

    def train(self, cell: Cell) -> np.ndarray:
        """Objectives of a cell as a search sees them."""
        number = self.problem.at(cell)
        if number not in self.shown:
            values = self.problem.values[number].copy()
            if self.noisy:
                values[0] = self.rng.choice(self.problem.members[number])
            self.shown[number] = values
            self.order.append(number)
        return self.shown[number]

    def knows(self, cell: Cell) -> bool:
        return self.problem.at(cell) in self.shown

    def untrained(self) -> Cell:
        """A random cell of a class that was not trained."""
        while True:
            cell = self.problem.space.sample(self.rng)
            if not self.knows(cell):
                return cell


@dataclass(frozen=True)
class Spent:
    """Median time of a step of the method itself, and how many suggestions it made."""

    step_ms: float
    suggestions: int


Method = Callable[[Trainer, list[Cell], int], Spent]


def of_sampler(make: Callable[[Trainer, int], BaseSampler]) -> Method:
    """A method that asks an Optuna sampler, as a search with a cache would."""

    def method(trainer: Trainer, start: list[Cell], seed: int) -> Spent:
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        directions = ["minimize"] * trainer.problem.objectives
        study = optuna.create_study(directions=directions, sampler=make(trainer, seed))
        for cell in start:
            study.enqueue_trial(cell)
        seconds, repeats = [], 0
        while not trainer.done():
            began = time.process_time()
            trial = study.ask()
            cell = trainer.problem.space.choose(trial.suggest_categorical)
            seconds.append(time.process_time() - began)
            repeats = repeats + 1 if trainer.knows(cell) else 0
            study.tell(trial, trainer.train(cell).tolist())
            if repeats >= REPEATS_BEFORE_RANDOM:
                study.enqueue_trial(trainer.untrained())
        return Spent(1e3 * float(np.median(seconds[len(start) :])), len(seconds))

    return method


def ehvi_sampler(
    trainer: Trainer, seed: int, *, known: bool = True, graph: bool = True, looks: int = 20_000
) -> EhviSampler:
    """Our sampler; without costs known before a training, features of the graph, enumeration."""
    problem = trainer.problem

    def costs(cells: list[Cell]) -> np.ndarray:
        table = problem.values[[problem.at(cell) for cell in cells]].copy()
        table[:, 0] = np.nan
        return table if known else np.full_like(table, np.nan)

    return EhviSampler(
        problem.space,
        costs,
        features=problem.features if graph else None,
        key=lambda cell: str(problem.at(cell)),
        looks=looks,
        seed=seed,
    )


def ehvi(**how: Any) -> Method:
    """A method that asks our sampler; arguments as `ehvi_sampler` takes them."""
    return of_sampler(lambda trainer, seed: ehvi_sampler(trainer, seed, **how))


def local_search(trainer: Trainer, start: list[Cell], seed: int) -> Spent:
    """Pareto local search: train a neighbour of a random member of the front."""
    rng = np.random.default_rng(seed)
    cells: list[Cell] = []

    def train(cell: Cell) -> None:
        trainer.train(cell)
        cells.append(cell)

    for cell in start:
        train(cell)
    while not trainer.done():
        values = np.array([trainer.train(cell) for cell in cells])
        on_front = np.flatnonzero(non_dominated(values))
        near = [
            there
            for index in rng.permutation(on_front)
            for there in rng.permutation(
                np.array(trainer.problem.space.neighbours(cells[index]), dtype=object)
            )
            if not trainer.knows(there)
        ]
        train(near[0] if near else trainer.untrained())
    return Spent(0.0, len(cells))


def regularised_evolution(trainer: Trainer, start: list[Cell], seed: int) -> Spent:
    """Ageing evolution of Real et al. 2019 on non-dominated rank: population 20, sample 5."""
    rng = np.random.default_rng(seed)
    population = list(start)
    for cell in start:
        trainer.train(cell)
    tries = len(start)
    while not trainer.done():
        tries += 1
        if len(population) < 20:
            child = trainer.untrained()
        else:
            picked = [population[index] for index in rng.integers(len(population), size=5)]
            values = np.array([trainer.train(cell) for cell in picked])
            beaten = (values[:, None] >= values[None]).all(axis=2).sum(axis=1)
            near = trainer.problem.space.neighbours(picked[int(beaten.argmin())])
            fresh = [cell for cell in near if not trainer.knows(cell)]
            child = fresh[rng.integers(len(fresh))] if fresh else trainer.untrained()
        trainer.train(child)
        population.append(child)
        population = population[-20:]
    return Spent(0.0, tries)


def botorch(model: Callable[..., Any]) -> Method:
    """BoTorch's qLogNEHVI over all untrained classes, with a model of the objectives."""

    def method(trainer: Trainer, start: list[Cell], seed: int) -> Spent:
        for cell in start:
            trainer.train(cell)
        seconds = []
        propose = proposals(trainer.problem, model, seed)
        while not trainer.done():
            began = time.process_time()
            number = propose(trainer.order, np.array([trainer.shown[n] for n in trainer.order]))
            seconds.append(time.process_time() - began)
            trainer.train(trainer.problem.first[number])
        return Spent(1e3 * float(np.median(seconds)), len(trainer.order))

    return method


METHODS: dict[str, Method] = {
    "ehvi": ehvi(),
    "ehvi-pool": ehvi(looks=1000),
    "ehvi-plain": ehvi(graph=False),
    "ehvi-blind": ehvi(known=False),
    "tpe": of_sampler(lambda _, seed: TPESampler(seed=seed)),
    "tpe-multivariate": of_sampler(lambda _, seed: TPESampler(seed=seed, multivariate=True)),
    "tpe-group": of_sampler(lambda _, seed: TPESampler(seed=seed, multivariate=True, group=True)),
    "nsga2": of_sampler(lambda _, seed: NSGAIISampler(seed=seed)),
    "nsga2-20": of_sampler(lambda _, seed: NSGAIISampler(seed=seed, population_size=20)),
    "nsga3": of_sampler(lambda _, seed: NSGAIIISampler(seed=seed)),
    "random": of_sampler(lambda _, seed: RandomSampler(seed=seed)),
    "gp": of_sampler(lambda _, seed: GPSampler(seed=seed, warn_independent_sampling=False)),
    "qmc": of_sampler(lambda _, seed: QMCSampler(seed=seed, warn_independent_sampling=False)),
    "brute-force": of_sampler(lambda _, seed: BruteForceSampler(seed=seed)),
    "local-search": local_search,
    "regularised-evolution": regularised_evolution,
    "qlognehvi": botorch(plain_model),
    "qlognehvi-ours": botorch(our_model),
}
SLOW = ("gp", "qlognehvi", "qlognehvi-ours")
"""Methods of half a second a step: 5 seeds to 100 trainings."""


def runnable(name: str) -> bool:
    """Whether this environment has what a method needs."""
    return AVAILABLE or not name.startswith("qlognehvi")
