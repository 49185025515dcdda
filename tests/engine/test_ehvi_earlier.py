"""The sampler with known costs where an earlier search of the same space is known."""

import numpy as np
import optuna
import pytest

from nas.engine.domain import domain_of_space
from nas.engine.ehvi import EhviSampler
from nas.pareto import hypervolume
from search_spaces.base import Choice, SearchSpace

CHOICES = tuple(Choice(f"c{index}", (0, 1, 2, 3)) for index in range(4))
SPACE = SearchSpace("toy", 1, "", CHOICES, lambda *_: ())
WORTH = np.random.default_rng(4).normal(0, 0.15, (4, 4)) - 0.15 * np.arange(4)
REFERENCE = np.array([0.5, 32.0])
POINTS = domain_of_space(SPACE).everything()


def error(point):
    return float(np.exp(-1 + sum(WORTH[i, point[f"c{i}"]] for i in range(4))))


def cost(point):
    return 1.0 + sum((1 + index) * point[f"c{index}"] for index in range(4))


def share(earlier, trials=8, seed=0):
    """Of the hypervolume of all points, after so many trials."""
    sampler = EhviSampler(
        SPACE, lambda points: [[np.nan, cost(p)] for p in points], earlier=earlier, seed=seed
    )
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), cost(point)])
    values = np.array([trial.values for trial in study.trials])
    exact = hypervolume(np.array([[error(p), cost(p)] for p in POINTS]), REFERENCE)
    return hypervolume(values, REFERENCE) / exact


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def drawn(told, count=60):
    """What an earlier search told of so many points."""
    rows = np.random.default_rng(1).permutation(len(POINTS))[:count]
    return [(POINTS[row], told(POINTS[row])) for row in rows]


def test_a_harder_task_of_the_same_order_saves_trainings():
    """Its errors are twice as high and their logarithms spread less."""
    earlier = drawn(lambda point: 2 * error(point) ** 0.7)
    seeds = range(4)
    assert np.mean([share(earlier, seed=seed) for seed in seeds]) > 0.06 + np.mean(
        [share((), seed=seed) for seed in seeds]
    )


def test_an_earlier_search_that_says_nothing_does_little_harm():
    chance = np.random.default_rng(2)
    earlier = drawn(lambda _: float(chance.uniform(0.1, 0.9)))
    seeds = range(4)
    assert (
        np.mean([share(earlier, 14, seed) for seed in seeds])
        > np.mean([share((), 14, seed) for seed in seeds]) - 0.05
    )


def test_too_few_points_are_no_search():
    assert share(drawn(error, 2)[:0], seed=3) == share((), seed=3)
