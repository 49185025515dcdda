"""The sampler where expensive objectives are told by oracles of different costs."""

from collections import Counter
from math import inf

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from nas.engine.domain import domain_of_space
from nas.engine.ehvi import STARTUP, EhviSampler
from nas.engine.oracles import ORACLE, Oracle
from nas.errors import ConfigError
from nas.pareto import hypervolume
from search_spaces.base import Choice, SearchSpace

CHOICES = tuple(Choice(f"c{index}", (0, 1, 2, 3)) for index in range(4))
SPACE = SearchSpace("toy", 1, "", CHOICES, lambda *_: ())
POINTS = domain_of_space(SPACE).everything()
SLOW = np.random.default_rng(3).normal(0.5, 0.3, (4, 4))
WORTH = np.random.default_rng(4).normal(0, 0.15, (4, 4)) - 0.15 * np.arange(4)
COSTS = {"train": 10.0, "measure": 1.0}


def error(point):
    return float(np.exp(-1 + sum(WORTH[i, point[f"c{i}"]] for i in range(4))))


def latency(point):
    """What the number of parameters does not tell."""
    return float(np.exp(sum(SLOW[i, point[f"c{i}"]] for i in range(4))))


def parameters(point):
    return 1.0 + sum(point.values())


def oracles(costs):
    return tuple(Oracle(name, (column,), costs[name]) for column, name in enumerate(COSTS))


def asked(trials, costs=COSTS, *, space=SPACE, sign=1.0, seed=0, given=None):
    """Points and names of oracles, in the order in which the sampler asked for them."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = EhviSampler(
        space,
        lambda points: [[np.nan, np.nan, sign * parameters(p)] for p in points],
        oracles=given or oracles(costs),
        seed=seed,
    )
    way = "minimize" if sign > 0 else "maximize"
    study = optuna.create_study(directions=[way] * 3, sampler=sampler)
    found = []
    for _ in range(trials):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        name = trial.suggest_categorical(ORACLE, list(COSTS))
        told = [error(point), inf] if name == "train" else [inf, latency(point)]
        study.tell(trial, [sign * value for value in (*told, parameters(point))])
        found.append((tuple(point.items()), name))
    return found


def test_nothing_is_asked_twice_and_the_first_are_asked_everything():
    found = asked(24)
    assert len(set(found)) == 24
    first = found[: 2 * STARTUP]
    assert Counter(name for _, name in first) == {"train": STARTUP, "measure": STARTUP}
    assert len({point for point, _ in first}) == STARTUP
    assert [name for _, name in first[:2]] == ["measure", "train"]  # the cheaper one first


def test_everything_is_asked_of_a_space_that_ends():
    small = SearchSpace("small", 1, "", CHOICES[:2], lambda *_: ())
    study = optuna.create_study(
        directions=["minimize"] * 2,
        sampler=EhviSampler(small, lambda p: np.full((len(p), 2), np.nan), oracles=oracles(COSTS)),
    )
    seen = set()
    for _ in range(32):
        trial = study.ask()
        point = small.choose(trial.suggest_categorical)
        name = trial.suggest_categorical(ORACLE, list(COSTS))
        value = float(np.exp(-point["c0"] + 0.3 * point["c1"] * (name == "train")))
        study.tell(trial, [value, inf] if name == "train" else [inf, value])
        seen.add((tuple(point.items()), name))
    assert len(seen) == 32


def test_a_trial_without_an_oracle_tells_everything():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    given = oracles(COSTS)
    sampler = EhviSampler(SPACE, lambda points: [[np.nan, np.nan]] * len(points), oracles=given)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    for point in POINTS[:STARTUP]:
        kinds = {choice.name: CategoricalDistribution(choice.values) for choice in CHOICES}
        values = [error(point), latency(point)]
        study.add_trial(create_trial(params=point, distributions=kinds, values=values))
    trial = study.ask()
    assert SPACE.choose(trial.suggest_categorical) not in POINTS[:STARTUP]
    assert trial.suggest_categorical(ORACLE, list(COSTS)) == "measure"


def test_only_ratios_of_costs_matter_and_equal_seeds_ask_the_same():
    tenfold = {name: 10 * cost for name, cost in COSTS.items()}
    assert asked(20) == asked(20) == asked(20, tenfold)


def test_costs_may_depend_on_the_point():
    by_point = {"train": lambda point: 10.0, "measure": lambda point: 1.0}
    assert asked(20, by_point) == asked(20)


def test_maximising_the_negation_asks_the_same():
    assert asked(20, sign=-1.0) == asked(20)


def test_a_dear_oracle_is_asked_less_often_than_a_cheap_one():
    after = Counter(name for _, name in asked(30)[2 * STARTUP :])
    dear = Counter(name for _, name in asked(30, {"train": 1.0, "measure": 10.0})[2 * STARTUP :])
    assert after["measure"] > after["train"]
    assert dear["train"] > dear["measure"]


def test_separate_questions_reach_more_where_answers_surprise(monkeypatch):
    """Beside the same sampler that asks both of every candidate: no feature tells the latency."""
    drawn = np.exp(np.random.default_rng(7).normal(2, 1, len(POINTS)))
    told = {tuple(point.items()): float(value) for point, value in zip(POINTS, drawn, strict=True)}
    monkeypatch.setitem(globals(), "latency", lambda point: told[tuple(point.items())])
    budget, trained = 154.0, []
    spent = 0.0
    for point, name in asked(36, seed=2):
        spent += COSTS[name]
        if name == "train" and spent <= budget:
            trained.append(dict(point))
    assert share(trained) > share(both(2, int(budget / sum(COSTS.values()))))


def both(seed, count):
    sampler = EhviSampler(
        SPACE, lambda points: [[np.nan, np.nan, parameters(p)] for p in points], seed=seed
    )
    study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
    points = []
    for _ in range(count):
        trial = study.ask()
        points.append(SPACE.choose(trial.suggest_categorical))
        study.tell(trial, [f(points[-1]) for f in (error, latency, parameters)])
    return points


def share(points):
    """Of the hypervolume of all points below the median error and latency."""
    reference = [*(np.median([f(p) for p in POINTS]) for f in (error, latency)), 14.0]
    own, every = (
        np.array([[error(p), latency(p), parameters(p)] for p in rows]) for rows in (points, POINTS)
    )
    return hypervolume(own, reference) / hypervolume(every, reference)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([Oracle("a", (0,), 1.0)], "give two or more"),
        ([Oracle("a", (0,), 1.0), Oracle("a", (1,), 1.0)], "give two or more different names"),
        ([Oracle("a", (0, 1), 1.0), Oracle("b", (1,), 1.0)], "let one oracle tell each"),
    ],
)
def test_oracles_that_cannot_be_told_apart_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        EhviSampler(SPACE, oracles=given)


def test_oracles_must_tell_what_the_costs_leave_unknown():
    given = [Oracle("train", (0,), 1.0), Oracle("measure", (2,), 1.0)]
    with pytest.raises(ConfigError, match="costs leave"):
        asked(14, given=given)
    with pytest.raises(ConfigError, match="give a number > 0"):
        asked(1, {"train": 0.0, "measure": 1.0})
    with pytest.raises(ConfigError, match="leave those out"):
        EhviSampler(SPACE, oracles=oracles(COSTS), spread=(0.0, 0.1, 0.0))
