"""The sampler with known costs, in plain Optuna studies."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from nas.engine.domain import domain_of_space
from nas.engine.ehvi import STARTUP, EhviSampler
from nas.pareto import hypervolume
from search_spaces.base import Choice, SearchSpace

CHOICES = (
    Choice("depth", (1, 2, 3, 4)),
    Choice("width", (8, 16, 32, 64)),
    Choice("kernel", (3, 5)),
    Choice("expand", (2, 4), only_if=("kernel", (5,))),
)
SPACE = SearchSpace("toy", 1, "for tests", CHOICES, lambda *_: ())  # 4 * 4 * (1 + 2) = 48 points


def error(point):
    more = 0.1 * (point["kernel"] == 5) + 0.02 * point.get("expand", 0)
    return 0.5 / point["depth"] ** 0.5 + 2 / point["width"] - more + 0.3


def latency(point):
    return point["depth"] * point["width"] * point["kernel"] * point.get("expand", 1)


def costs(points):
    return np.array([[np.nan, latency(point)] for point in points])


def run(trials, *, directions=("minimize", "minimize"), seed=0, swap=False, sampler=None, **more):
    """Parameters in the order in which the sampler asked for them."""
    signs = [1 if d == "minimize" else -1 for d in directions]

    def told(points):
        table = costs(points) * signs
        return table[:, ::-1] if swap else table

    study = optuna.create_study(
        directions=directions[::-1] if swap else directions,
        sampler=sampler or EhviSampler(SPACE, told, seed=seed, **more),
    )
    asked = []
    for _ in range(trials):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        values = [error(point) * signs[0], latency(point) * signs[1]]
        study.tell(trial, values[::-1] if swap else values)
        asked.append(point)
    return asked


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_nothing_is_asked_twice_while_others_remain():
    asked = run(48)
    assert len({tuple(point.items()) for point in asked}) == 48


def test_what_is_infeasible_is_never_asked_while_others_remain():
    limit = 200
    feasible = {
        (d, w, k, e)
        for d in (1, 2, 3, 4) for w in (8, 16, 32, 64) for k, e in ((3, 1), (5, 2), (5, 4))
        if d * w * k * e <= limit
    }  # fmt: skip
    asked = run(
        len(feasible), constraints=lambda points: [[latency(point) - limit] for point in points]
    )
    assert max(map(latency, asked)) <= limit
    assert len({tuple(point.items()) for point in asked}) == len(feasible)


def test_the_order_of_objectives_changes_nothing():
    assert run(20) == run(20, swap=True)


def test_maximising_is_minimising_the_negative():
    def plain(points):
        return -costs(points)

    def run_negative(directions, sign):
        study = optuna.create_study(
            directions=directions,
            sampler=EhviSampler(SPACE, lambda points: sign * plain(points)),
        )
        asked = []
        for _ in range(20):
            trial = study.ask()
            point = SPACE.choose(trial.suggest_categorical)
            study.tell(trial, [-sign * error(point), -sign * latency(point)])
            asked.append(point)
        return asked

    assert run_negative(["maximize"] * 2, 1) == run_negative(["minimize"] * 2, -1)


def test_one_seed_asks_alike_and_another_does_not():
    assert run(15) == run(15)
    assert run(15) != run(15, seed=1)


def test_a_fresh_sampler_goes_on_as_the_old_one_would():
    study = optuna.create_study(directions=["minimize"] * 2)
    asked = []
    for _ in range(15):
        study.sampler = EhviSampler(SPACE, costs)
        trial = study.ask()
        asked.append(SPACE.choose(trial.suggest_categorical))
        study.tell(trial, [error(asked[-1]), latency(asked[-1])])
    assert asked == run(15)


def test_it_finds_the_front_in_fewer_evaluations_than_chance():
    every = [point for point in domain_of_space(SPACE).everything()]
    table = np.array([[error(point), latency(point)] for point in every])
    reference = table.max(axis=0)

    def share(asked):
        values = [[error(point), latency(point)] for point in asked]
        return hypervolume(values, reference) / hypervolume(table, reference)

    ours = [share(run(14, seed=seed)) for seed in range(5)]
    chance = [share(run(14, sampler=optuna.samplers.RandomSampler(seed=seed))) for seed in range(5)]
    assert np.median(ours) > 0.97
    assert np.median(ours) > np.median(chance) + 0.02


def test_what_is_pending_is_not_asked_again():
    study = optuna.create_study(directions=["minimize"] * 2, sampler=EhviSampler(SPACE, costs))
    for _ in range(STARTUP):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), latency(point)])
    open_points = [tuple(SPACE.choose(study.ask().suggest_categorical).items()) for _ in range(12)]
    assert len(set(open_points)) == 12


def test_an_evaluation_counts_for_every_free_value():
    speeds = {"slow": 1.0, "fast": 0.1}
    space = SearchSpace("toy", 1, "", (*CHOICES, Choice("device", tuple(speeds))), lambda *_: ())

    def told(points):
        return np.array([[np.nan, latency(point) * speeds[point["device"]]] for point in points])

    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=EhviSampler(space, told, free=("device",))
    )
    asked = []
    for _ in range(48):
        trial = study.ask()
        point = space.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), latency(point) * speeds[point["device"]]])
        asked.append(point)
    without = {tuple((k, v) for k, v in point.items() if k != "device") for point in asked}
    assert len(without) == 48
    assert {point["device"] for point in asked[STARTUP:]} == {"fast"}


def test_conditions_are_learnt_without_a_space():
    study = optuna.create_study(directions=["minimize"] * 2, sampler=EhviSampler(seed=3))
    for _ in range(25):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), latency(point)])
    seen = {tuple(trial.params.items()) for trial in study.trials}
    assert len(seen) >= 20


def test_numbers_are_chosen_too():
    def objective(trial):
        x = trial.suggest_float("x", 1e-3, 1.0, log=True)
        n = trial.suggest_int("n", 1, 64)
        return (np.log10(x) + 2) ** 2 + (n - 20) ** 2 / 400

    study = optuna.create_study(sampler=EhviSampler(seed=0))
    study.optimize(objective, n_trials=40)
    assert study.best_value < 0.05
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


def test_a_cost_that_is_the_same_for_all_hides_nothing():
    def told(points):
        return np.column_stack([costs(points), np.full(len(points), 7.0)])

    study = optuna.create_study(directions=["minimize"] * 3, sampler=EhviSampler(SPACE, told))
    for _ in range(14):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        study.tell(trial, [error(point), latency(point), 7.0])
    best = min(map(error, domain_of_space(SPACE).everything()))
    assert min(trial.values[0] for trial in study.trials) == pytest.approx(best)


def test_what_was_not_trained_teaches_nothing():
    study = optuna.create_study(directions=["minimize"] * 2, sampler=EhviSampler(SPACE, costs))
    for number in range(20):
        trial = study.ask()
        point = SPACE.choose(trial.suggest_categorical)
        trial.set_user_attr("trained", number % 2 == 0)
        worst = error(point) if number % 2 == 0 else 1e9
        study.tell(trial, [worst, latency(point)])
    asked = {tuple(trial.params.items()) for trial in study.trials}
    assert len(asked) == 20
