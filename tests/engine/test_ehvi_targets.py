"""The sampler with known costs where each place has a front of its own."""

import numpy as np
import optuna
import pytest

from nas.engine.ehvi import EhviSampler
from nas.pareto import hypervolume
from search_spaces.base import Choice, SearchSpace

CHOICES = (Choice("depth", (1, 2, 3, 4, 5, 6)), Choice("width", (4, 8, 16, 32, 64, 128)))
PLACES = ("wide is dear", "deep is dear")
SPACE = SearchSpace("toy", 1, "", CHOICES, lambda *_: ())
JOINT = SearchSpace("toy", 1, "", (*CHOICES, Choice("place", PLACES)), lambda *_: ())
POINTS = [{"depth": d, "width": w} for d in CHOICES[0].values for w in CHOICES[1].values]


def error(point):
    return 0.2 + 0.3 / point["depth"] + 2 / point["width"]


def latency(point, place):
    return point["width"] if place == PLACES[0] else point["depth"]


def asked(trials, *, second=PLACES[1], scale=1.0, **more):
    """Points in the order in which they were asked for, with two places, the second one scaled."""
    places = {PLACES[0]: (PLACES[0], 1.0), PLACES[1]: (second, scale)}

    def costs(points):
        told = [(point, *places[point["place"]]) for point in points]
        return [[np.nan, times * latency(point, place)] for point, place, times in told]

    sampler = EhviSampler(JOINT, costs, free=("place",), apart=True, **more)
    return run(sampler, trials)


def run(sampler, trials):
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), latency(point, PLACES[0])])
    return [trial.params for trial in study.trials]


def share(points, place):
    """Of the hypervolume of all points at a place."""
    reference = np.array([0.8, 1.05 * max(latency(point, place) for point in POINTS)])

    def volume(some):
        return hypervolume(np.array([[error(p), latency(p, place)] for p in some]), reference)

    return volume(points) / volume(POINTS)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_trials_choose_no_place_and_none_repeats():
    points = asked(len(POINTS))
    assert sorted(map(str, points)) == sorted(map(str, POINTS))


def test_two_places_that_are_alike_ask_as_one_does():
    alone = run(
        EhviSampler(SPACE, lambda points: [[np.nan, latency(p, PLACES[0])] for p in points]), 14
    )
    assert asked(14, second=PLACES[0]) == alone


def test_the_unit_of_a_place_changes_nothing():
    assert asked(14, scale=1e3) == asked(14)


def test_every_place_gains():
    """One that is told the first place's costs alone misses what is good at the second."""
    both = [share(asked(14, seed=seed), PLACES[1]) for seed in range(3)]
    first = [share(asked(14, seed=seed, second=PLACES[0]), PLACES[1]) for seed in range(3)]
    assert min(both) > 0.97 > max(first)
    assert min(share(asked(14, seed=seed), PLACES[0]) for seed in range(3)) > 0.94
