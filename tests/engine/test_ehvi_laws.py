"""Laws of the sampler with known costs: numbers of objectives, spreads, shifts, and the trap."""

from itertools import permutations

import numpy as np
import optuna
import pytest

from nas.engine.domain import domain_of_space
from nas.engine.ehvi import STARTUP, EhviSampler
from search_spaces.base import Choice, SearchSpace

CHOICES = (
    Choice("depth", (1, 2, 3, 4)),
    Choice("width", (8, 16, 32, 64)),
    Choice("kernel", (3, 5)),
    Choice("expand", (2, 4), only_if=("kernel", (5,))),
)
SPACE = SearchSpace("toy", 1, "for tests", CHOICES, lambda *_: ())  # 48 points


def error(point):
    more = 0.1 * (point["kernel"] == 5) + 0.02 * point.get("expand", 0)
    return 0.5 / point["depth"] ** 0.5 + 2 / point["width"] - more + 0.3


def noise(point):
    return 0.2 + 0.1 * point["depth"] / point["width"]


def latency(point):
    return float(point["depth"] * point["width"] * point["kernel"] * point.get("expand", 1))


def memory(point):
    return float(point["width"] ** 2 * point["kernel"] * point.get("expand", 1))


OBJECTIVES = {"error": error, "noise": noise, "latency": latency, "memory": memory}
EXPENSIVE = ("error", "noise")


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def run(names, trials, *, space=SPACE, told=None, **more):
    """Points in the order in which the sampler asked for them, and their values."""

    def costs(points):
        return np.array(
            [[np.nan if n in EXPENSIVE else OBJECTIVES[n](p) for n in names] for p in points]
        )

    study = optuna.create_study(
        directions=["minimize"] * len(names), sampler=EhviSampler(space, costs, **more)
    )
    asked = []
    for _ in range(trials):
        trial = study.ask()
        point = space.choose(trial.suggest_categorical)
        study.tell(trial, told(point) if told else [OBJECTIVES[name](point) for name in names])
        asked.append(point)
    return asked


@pytest.mark.parametrize(
    "names",
    [
        ("error",),
        ("error", "noise"),
        ("error", "latency", "memory"),
        ("error", "noise", "latency", "memory"),
    ],
)
def test_one_to_four_objectives_with_one_or_two_expensive_ones_reach_what_is_there(names):
    asked = run(names, 30)
    assert len({tuple(point.items()) for point in asked}) == 30
    for name in names:
        function = OBJECTIVES[name]
        best = min(map(function, domain_of_space(SPACE).everything()))
        assert min(map(function, asked)) == pytest.approx(best)


def test_no_order_of_three_objectives_changes_what_is_asked():
    orders = list(permutations(("error", "latency", "memory")))
    first = run(orders[0], 16)
    assert all(run(order, 16) == first for order in orders[1:])


def test_a_spread_that_vanishes_is_none():
    exact = run(("error", "latency"), 18)
    assert run(("error", "latency"), 18, spread=(0.0, 0.0)) == exact
    assert run(("error", "latency"), 18, spread=(0.0, 1e-9)) == exact


def test_a_wide_spread_asks_for_what_the_model_takes_for_dominated():
    asked = run(("error", "latency"), 24, spread=(0.0, 1.0))
    assert asked != run(("error", "latency"), 24)
    assert len({tuple(point.items()) for point in asked}) == 24


def test_few_looks_are_enough_to_go_on_without_repeats():
    looked = []

    def counted(points):
        looked.extend(points)
        return [[0.0] for _ in points]

    asked = run(("error", "latency"), 20, looks=30, constraints=counted)
    assert len({tuple(point.items()) for point in asked}) == 20
    assert len(looked) < 48  # not the whole space


@pytest.mark.parametrize(("before", "most"), [(0, 24), (60, 9)])
def test_a_further_proposal_looks_at_few_new_points(before, most):
    """Four random ones and 20 near each new one, of later ones off the front 5; not the space."""
    choices = tuple(Choice(f"c{index}", (0, 1, 2, 3)) for index in range(10))
    looked = []

    def counted(points):
        looked.append(len(points))
        return [[np.nan, float(sum(point.values()))] for point in points]

    space = SearchSpace("wide", 1, "", choices, lambda *_: ())
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=EhviSampler(space, counted, looks=1000)
    )
    best = {choice.name: 0 for choice in choices}  # where errors are 1 + the cost
    drawn = np.random.default_rng(0)
    for index in range(before):
        study.enqueue_trial(space.sample(drawn) if index else best)
    for _ in range(before + 12):
        looked.append(0)
        trial = study.ask()
        point = space.choose(trial.suggest_categorical)
        cost = float(sum(point.values()))
        study.tell(trial, [1 + cost if before else np.exp(-point["c0"] / 4), cost])
    asked = [sum(part) for part in _parts(looked)][before:]
    assert asked[0] > 280
    assert max(asked[1:]) <= most


def _parts(counts):
    """Of each proposal, which begins with a 0."""
    begins = [index for index, count in enumerate(counts) if count == 0]
    ends = [*begins[1:], len(counts)]
    return [counts[begin:end] for begin, end in zip(begins, ends, strict=True)]


def test_the_shift_of_a_precision_is_learnt():
    """int8 costs a fifth and errs by half more: both ends of the front are asked for."""
    precision = Choice("precision", ("fp32", "int8"))
    space = SearchSpace("toy", 1, "", (*CHOICES, precision), lambda *_: ())

    def told(point):
        int8 = point["precision"] == "int8"
        return [error(point) * (1.5 if int8 else 1.0), latency(point) * (0.2 if int8 else 1.0)]

    def costs(points):
        return np.array([[np.nan, told(point)[1]] for point in points])

    def precisions(**more):
        study = optuna.create_study(
            directions=["minimize"] * 2,
            sampler=EhviSampler(space, costs, free=("precision",), **more),
        )
        asked = []
        for _ in range(20):
            trial = study.ask()
            asked.append(space.choose(trial.suggest_categorical))
            study.tell(trial, told(asked[-1]))
        architectures = {tuple((k, v) for k, v in p.items() if k != "precision") for p in asked}
        assert len(architectures) == 20
        return [point["precision"] for point in asked[STARTUP:]]

    assert set(precisions()) == {"int8"}  # taken for as good and cheaper
    assert set(precisions(shift=lambda point: point["precision"])) == {"fp32", "int8"}


def test_knowing_costs_is_no_trap():
    """A third of the space is cheap and hopeless: known costs draw no more trainings there."""
    edges = tuple(Choice(f"edge{number}", ("none", "skip", "conv")) for number in range(6))
    space = SearchSpace("cells", 1, "", edges, lambda *_: ())

    def cost(point):
        return 1.0 + sum((0, 1, 9)[("none", "skip", "conv").index(op)] for op in point.values())

    def hopeless(point):
        return list(point.values()).count("none") >= 3

    def truth(point):
        convolutions = list(point.values()).count("conv")
        return 60.0 if hopeless(point) else 20.0 / (1 + convolutions) + 5.0

    def share(known, seed):
        def costs(points):
            return [[np.nan, cost(point) if known else np.nan] for point in points]

        study = optuna.create_study(
            directions=["minimize"] * 2, sampler=EhviSampler(space, costs, seed=seed)
        )
        for _ in range(30):
            trial = study.ask()
            point = space.choose(trial.suggest_categorical)
            study.tell(trial, [truth(point), cost(point)])
        return np.mean([hopeless(trial.params) for trial in study.trials[STARTUP:]])

    known = np.mean([share(True, seed) for seed in range(3)])
    unknown = np.mean([share(False, seed) for seed in range(3)])
    assert known <= unknown + 0.1
    assert known < 0.32  # chance
