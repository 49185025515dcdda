"""What groups have beyond their inputs: by hand, against a simulation, and in a training."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import TaskError
from nas.models.build import build
from nas.models.group_effects import group_effects
from nas.models.own_tasks import Data, own_task
from nas.models.recipe import Recipe
from nas.models.tasks import Splits, load_splits, load_test, task
from nas.models.train import predict, train
from search_spaces import space
from search_spaces.specs import TableSpec


def of(x, y, groups, kind="regression", spec=None):
    """Task and data whose target is standardised already."""
    x = np.asarray(x, np.float32)
    metric = "AUC" if kind == "binary" else None
    found = own_task("mine", Data(x, y, kind=kind, spec=spec, metric=metric))
    splits = Splits(x, np.asarray(y), x[:0], np.asarray(y)[:0], x.mean(0), x.std(0))
    return found, dataclasses.replace(splits, train_groups=np.asarray(groups))


def test_five_groups_of_five_by_hand():
    # Means 0, 2, 4, 6, 8; within each group y is its mean + (-2, -1, 0, 1, 2), so the squares sum
    # to 50 over 25 - 5 free rows: 2.5 a row, 0.5 a mean. The inputs are alike in every group and
    # tell nothing. Variance of the means 8, less the noise 7.5; shrunk by 7.5 / 8 = 15/16.
    y = np.ravel([mean + np.arange(-2, 3) for mean in (0, 2, 4, 6, 8)])
    found = group_effects(
        *of(np.tile([[-1], [1], [0], [2], [5]], (5, 1)), y, np.repeat(range(5), 5))
    )
    wanted = np.repeat([-4, -2, 0, 2, 4], 5) * 15 / 16
    assert found == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("size", [5, 10, 50])
def test_luck_of_rows_is_no_effect_of_their_group(size):
    rng = np.random.default_rng(size)
    x, y = rng.normal(size=(3000, 2)), rng.normal(size=3000)
    found = group_effects(*of(x, y, np.arange(3000) // size))
    assert found.std() < 0.15 / np.sqrt(size / 5)


def grouped(rng, groups=80, rows=60, spread=1.5):
    """Late or not by an hour, a season that a group shares, and luck that a group shares."""
    place = np.repeat(np.arange(groups), rows)
    season = rng.integers(4, size=groups)
    luck = spread * rng.normal(size=groups)
    hour = rng.normal(size=len(place))
    odds = hour + np.array([-1.0, -0.3, 0.3, 1.0])[season][place] + luck[place]
    y = (rng.random(len(place)) < 1 / (1 + np.exp(-odds))).astype(int)
    x = np.stack([hour, season[place]], 1)
    return x, y, place, luck


def test_a_known_luck_is_found_and_a_season_left_to_the_network():
    x, y, place, luck = grouped(np.random.default_rng(0))
    found = group_effects(*of(x, y, place, "binary", TableSpec(1, (4,))))
    of_group = found[np.arange(80) * 60]
    assert np.corrcoef(of_group, luck)[0, 1] > 0.9
    season = x[np.arange(80) * 60, 1]
    means = [of_group[season == one].mean() for one in range(4)]
    assert np.ptp(means) < 0.3  # of 2.0 between the seasons


@given(st.integers(0, 10**6))
def test_neither_order_nor_names_of_groups_matter(seed):
    rng = np.random.default_rng(seed)
    x, y, place, _ = grouped(rng, groups=6, rows=20)
    spec = TableSpec(1, (4,))
    plain = group_effects(*of(x, y, place, "binary", spec))
    order, names = rng.permutation(len(y)), rng.permutation(6) + 3
    turned = group_effects(*of(x[order], y[order], names[place][order], "binary", spec))
    assert turned == pytest.approx(plain[order], abs=1e-4)


def test_only_rows_that_are_trained_on_tell():
    x, y, place, _ = grouped(np.random.default_rng(1), groups=10, rows=10)
    found, splits = of(x, y, place, "binary", TableSpec(1, (4,)))
    first = group_effects(found, splits, 60)
    changed = dataclasses.replace(splits, train_y=np.r_[splits.train_y[:60], 1 - y[60:]])
    assert np.array_equal(first, group_effects(found, changed, 60))
    assert first.shape == (60,)


def test_a_network_trained_by_groups_does_not_learn_their_luck():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(40), 40)
    names, luck = rng.normal(size=40), 1.5 * rng.normal(size=40)  # a number that names the group
    hour = rng.normal(size=len(place))
    y = (rng.random(len(place)) < 1 / (1 + np.exp(-hour - luck[place]))).astype(int)
    found = own_task(
        "mine", Data(np.c_[names[place], hour], y, "binary", metric="AUC", group=place)
    )
    splits = load_splits(found)
    layers = space("mlp").layers(PLAIN, found.input_shape, 1, found.spec)

    def steepness(effects, column):
        recipe = Recipe(15, 32, 0.01, 0.0, 0.0, group_effects=effects)
        module = build(layers)
        module.load_state_dict(train(layers, found, splits, recipe, seed=0).state)
        x = np.zeros((41, 2), np.float32)
        x[:, column] = np.linspace(-1.5, 1.5, 41)
        return predict(module, x, splits).std()

    assert steepness(True, 0) < 0.5 * steepness(False, 0)
    assert steepness(True, 1) > 0.8 * steepness(False, 1)


PLAIN = {
    "numeric_embedding": 8, "numeric_function": "relu", "embedding": 4, "largest_table": 1000,
    "width": 32, "activation": "relu", "norm": "none", "members": 1, "depth": 2, "form": "taper",
}  # fmt: skip


@pytest.mark.parametrize("name", ["digits", "breast-cancer"])
def test_without_groups_it_is_refused(name):
    found = task(name)
    with pytest.raises(TaskError, match=f"{name}: recipe: group_effects is for .* set it to false"):
        group_effects(found, load_splits(found))


def test_groups_of_few_rows_and_probabilities_are_refused():
    x, y, _, _ = grouped(np.random.default_rng(0), groups=20, rows=20)
    found, splits = of(x, y, np.arange(400) // 4, "binary", TableSpec(1, (4,)))
    with pytest.raises(TaskError, match="400 rows are of 100 groups, and fewer than 5 a group"):
        group_effects(found, splits)
    with pytest.raises(TaskError, match="metric is log-loss; take AUC"):
        group_effects(dataclasses.replace(found, metric="log-loss"), splits)


def test_samples_of_a_group_are_divided_together():
    rng = np.random.default_rng(0)
    place = rng.integers(12, size=200)
    x = np.c_[place, rng.normal(size=200)]
    found = own_task(
        "mine", Data(x, np.arange(200) % 2, "binary", group=[f"day {n}" for n in place])
    )
    splits = load_splits(found)
    parts = [set(part[:, 0]) for part in (splits.train_x, splits.validation_x, load_test(found)[0])]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert len(splits.train_x) >= 100
    names = {}
    for group, column in zip(splits.train_groups, splits.train_x[:, 0], strict=True):
        assert names.setdefault(group, column) == column
    assert not set(splits.train_groups) & set(splits.validation_groups)
    assert "12 groups" in found.splits


ROWS = np.random.default_rng(0).normal(size=(30, 2))


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (np.arange(20), r"group has shape \(20,\); give one for each sample"),
        (np.arange(30) % 3, "group names 3 group.*give at least 5"),
        (np.where(np.arange(30) == 3, np.nan, np.arange(30)), "group holds NaN"),
        ([None, "a"] * 15, "groups are of several kinds"),
        (np.maximum(np.arange(30) - 24, 0), "one group holds 25 of 30 samples"),
    ],
)
def test_bad_groups_are_one_line(group, said):
    with pytest.raises(TaskError, match=said) as caught:
        own_task("mine", Data(ROWS, np.arange(30.0), "regression", group=group))
    assert "\n" not in str(caught.value)
