"""Every sampler by name copes with conditional choices and constraints, and asks alike again."""

from typing import get_args

import optuna
import pytest

from nas.engine.config import SamplerName
from nas.engine.samplers import SAMPLERS, make_sampler, seed_of
from search_spaces import space


def conditional(trial):
    """Two objectives and a constraint over a space in which `expansion` is not always open."""
    block = trial.suggest_categorical("block", ("ds", "mb"))
    width = trial.suggest_categorical("width", (8, 16, 32, 64))
    expansion = trial.suggest_categorical("expansion", (2, 4, 6)) if block == "mb" else 1
    cost = width * expansion
    trial.set_constraint("cost", cost / 200 - 1)
    return 1 / (cost + 1), float(cost)


def asked(name, n):
    """What a fresh sampler suggests after n trials, and the trials."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    for number in range(n):
        study.sampler = make_sampler(name, seed_of("ask", 0, number))
        trial = study.ask()
        study.tell(trial, conditional(trial))
    return [trial.params for trial in study.trials]


def test_names_are_those_of_the_configuration():
    assert {*SAMPLERS, "ehvi"} == set(get_args(SamplerName))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_asks_alike_after_equal_histories(name):
    n = 12 if name == "gp" else 30
    first = asked(name, n)
    assert first == asked(name, n)
    assert len({tuple(sorted(params.items())) for params in first}) > 3
    assert all(("expansion" in params) == (params["block"] == "mb") for params in first)


@pytest.mark.parametrize("name", [*SAMPLERS, "ehvi"])
def test_a_sampler_asks_for_architectures_of_mbconv(name, engine_run):
    made = engine_run(search={"sampler": name}, finalists={"extra_seeds": 0, "at_most": 0})
    jobs = made.finish()
    for job in jobs:
        if job.trial is not None:
            assert space("mbconv").validate(job.look.architecture) == job.look.architecture


def test_seeds_depend_on_every_part():
    parts = [("ask", 0, 1), ("ask", 1, 0), ("ask", 0, 11), ("train", 0, 1), ("ask", "0", 1, 0)]
    seeds = [seed_of(*part) for part in parts]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert seed_of("ask", 0, 1) == seed_of("ask", 0, 1)
