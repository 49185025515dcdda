"""Tasks of one's own: what is made of good data, and one line for bad ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import TaskError
from nas.models.own_tasks import Data, own_task
from nas.models.tasks import load_splits, load_test
from search_spaces.specs import TableSpec

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), np.repeat(["no", "yes"], 25)


def test_a_table_with_two_classes():
    task = own_task("mine", Data(X, Y, kind="binary"))
    assert (task.input_shape, task.outputs, task.form) == ((4,), 1, "table")
    assert task.spec == TableSpec(4)
    assert task.classes == ("no", "yes")
    assert task.worst_error == pytest.approx(np.log(2), abs=0.01)
    splits = load_splits(task)
    test_x, test_y = load_test(task)
    assert (len(splits.train_x), len(splits.validation_x), len(test_x)) == (30, 10, 10)
    assert set(test_y) == {0, 1}
    every = np.concatenate([splits.train_x, splits.validation_x, test_x])
    assert np.array_equal(np.sort(every, axis=0), np.sort(X.astype(np.float32), axis=0))


def test_splits_are_the_same_every_time():
    first, again = (load_splits(own_task("mine", Data(X, Y))) for _ in range(2))
    assert np.array_equal(first.train_x, again.train_x)


def test_images_and_numbers():
    images = RNG.integers(0, 255, (40, 1, 6, 6)).astype(np.uint8)
    task = own_task("mine", Data(images, np.arange(40) / 7, kind="regression"))
    assert (task.form, task.metric, task.outputs) == ("image", "RMSE", 1)
    splits = load_splits(task)
    assert splits.train_x.dtype == np.uint8
    guess = np.sqrt(np.mean((splits.validation_y - splits.train_y.mean()) ** 2))
    assert task.worst_error == pytest.approx(guess)


CATEGORIES = np.where(np.arange(50)[:, None] == 3, [0, 9], [0, 1])


def with_nan(x):
    x = x.copy()
    x[7, 2] = np.nan
    return x


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Data(with_nan(X), Y), "1 of 50 samples hold NaN or infinity, the first is number 7"),
        (Data(X, Y[:40]), r"y has shape \(40,\) for 50 samples"),
        (Data(X, np.where(np.arange(50) == 3, None, Y)), "1 of 50 labels are missing"),
        (Data(X, np.where(np.arange(50) == 3, "", Y)), "labels are missing, the first is number 3"),
        (Data(X, np.where(np.arange(50) == 3, np.nan, 1.0)), "labels are missing"),
        (
            Data(X, np.where(np.arange(50) % 2, "NaN", Y)),
            r"25 of 50 .* number 1 \('NaN'\); fill, re",
        ),
        (Data(X, np.where(np.arange(50) == 3, "<NA>", Y)), "labels are missing"),
        (Data(X, np.where(np.arange(50) == 3, "NA", Y)), "labels are missing"),
        (Data(X, np.where(np.arange(50) == 3, "N/A", Y)), "labels are missing"),
        (Data(X, np.where(np.arange(50) == 3, "null", Y)), "labels are missing"),
        (Data(X, np.array([1j, 2j] * 25)), "y holds complex128; give numbers or texts"),
        (Data(X, np.array([b"a", b"b"] * 25)), "y holds bytes_; give numbers or texts"),
        (Data(X, np.array([b"a", "b"] * 25, object)), "y holds bytes; give numbers or texts"),
        (Data(X, np.array([1, 2] * 25, "M8[D]")), "y holds datetime64; give numbers or texts"),
        (Data(X, np.arange(50).astype("m8[s]"), "regression"), r"y holds timedelta64\[s\]; give"),
        (Data(X, np.zeros(50)), r"the labels are of 1 class\(es\)"),
        (Data(X, np.arange(50) % 3, kind="binary"), "give exactly two"),
        (Data(X[:3], Y[-3:] + np.array(["a", "b", "c"])), "leave a split empty"),
        (Data(X[:2], np.array([0, 1])), "leave a split empty"),
        (Data(X, np.array(["only"] + ["other"] * 49)), r"class 'only' has 1 sample\(s\)"),
        (Data(X, Y, kind="regression"), "a regression needs numbers"),
        (Data(X, np.ones(50), kind="regression"), "nothing to predict"),
        (Data(X[:, :0], Y), "give numbers"),
        (Data(np.array(["a"] * 50), Y), "give numbers"),
        (Data(X, Y, kind="language"), "kind 'language' is not one of"),
        (Data(X, Y, metric="AUC"), "'AUC' is not for a classification task; give accuracy or log"),
        (Data(X[:0], Y[:0]), "give numbers"),
        (Data(np.ones((50, 1, 4, 4), np.uint8), Y), "all numbers of x are equal"),
        (Data(X * 1e300, Y), r"column 0 of x holds .*, beyond the 3\.4e38 of float32; scale it"),
        (Data(X, np.array([0, "a"] * 25, object)), "labels are of several kinds"),
        (Data(X, Y, spec=TableSpec(3)), "let spec count the columns of x"),
        (Data(CATEGORIES, Y, spec=TableSpec(1, (7,))), "column 1 holds 9, sample 3"),
        (Data(-CATEGORIES, Y, spec=TableSpec(1, (10,))), "column 1 holds -1, sample 0"),
        (Data(CATEGORIES, Y, spec=TableSpec(1, (10**9,))), "hash the categories to fewer"),
        (Data(X, Y, part=np.array(["train"] * 50)), "part 'validation' is empty"),
        (Data(X, Y, part=np.array(["train"] * 49)), r"part has shape \(49,\)"),
        (Data(X, Y, part=np.repeat(["train", "validation", "test"], [25, 15, 10])), "class 'yes'"),
        (Data(X, Y, part=np.repeat(["test", "validation", "train"], [5, 5, 40])), "has one class"),
    ],
)
def test_bad_data_are_one_line(data, said):
    with pytest.raises(TaskError, match=said) as caught:
        own_task("mine", data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("what", ["x", "y", "group"])
def test_masked_values_are_refused(what):
    given = {"x": X, "y": np.arange(50.0), "group": np.arange(50) % 10}
    own_task("mine", Data(**given, kind="regression"))
    given[what] = np.ma.masked_where(given[what] > 0.9 * given[what].max(), given[what])
    with pytest.raises(TaskError, match=rf"{what} has \d+ masked value\(s\); fill them or drop"):
        own_task("mine", Data(**given, kind="regression"))
    given[what].mask = False
    own_task("mine", Data(**given, kind="regression"))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (
            X,
            1.7e9 + np.arange(50),
            r"moves y by up to 49, and its standard deviation is 14\.4; sub",
        ),
        (X, 1_700_000_000 + np.arange(50), "moves y by up to"),
        (X, np.geomspace(1, 6e38, 50), r"y holds .*e\+38, beyond the 3\.4e38 of float32; scale it"),
        (np.c_[X, 1.7e9 + np.arange(50)], Y, "moves column 4 of x by up to"),
        (np.stack([X, X + 1e8], 1), Y, "moves channel 1 of x by up to"),
    ],
)
def test_what_float32_does_not_tell_apart_is_refused(x, y, said):
    with pytest.raises(TaskError, match=said) as caught:
        own_task("mine", Data(x, y, "classification" if y is Y else "regression"))
    assert "\n" not in str(caught.value)


def test_what_float32_rounds_a_little_is_taken():
    constant, days = np.full(50, 0.1), 1.7e9 + 86_400 * np.arange(50)
    large = np.full(50, 2**53 + 1)
    sums = np.where(np.arange(50) % 2, 0.1 + 0.2, 0.3)  # a constant but for its last bit
    own_task("mine", Data(np.c_[X, constant, days, sums], days, "regression"))
    own_task("mine", Data(np.c_[np.arange(50), large], days, "regression"))


def test_parts_that_are_given_are_kept():
    part = np.array(["train", "train", "validation", "test", "train"] * 10)
    task = own_task("mine", Data(X, Y, part=part, metric="log-loss"))
    splits, (test_x, _) = load_splits(task), load_test(task)
    as_float = X.astype(np.float32)
    assert np.array_equal(splits.validation_x, as_float[part == "validation"])
    assert np.array_equal(test_x, as_float[part == "test"])
    assert len(splits.train_x) == 30


@pytest.mark.parametrize(
    ("kind", "metric", "worst"),
    [
        ("binary", "AUC", 0.5),  # all samples are ties
        ("binary", "accuracy", 0.5),
        ("classification", "log-loss", np.log(2)),
    ],
)
def test_a_metric_is_chosen_and_guessed(kind, metric, worst):
    task = own_task("mine", Data(X, Y, kind=kind, metric=metric))
    assert (task.metric, task.worst_error) == (metric, pytest.approx(worst, abs=0.01))


def shares_of_groups(sizes):
    """Samples of each part; no group lies in two."""
    place = np.repeat(np.arange(len(sizes)), sizes)
    x = np.c_[place, RNG.normal(size=len(place))]
    task = own_task("mine", Data(x, RNG.normal(size=len(place)), "regression", group=place))
    splits, (test_x, _) = load_splits(task), load_test(task)
    parts = [splits.train_x, splits.validation_x, test_x]
    assert sum(len(set(part[:, 0])) for part in parts) == len(sizes)
    return [len(part) for part in parts]


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([60] + [5] * 8, [60, 20, 20]),
        ([5] * 8 + [60], [60, 20, 20]),
        ([20] * 5, [60, 20, 20]),
        ([1] * 100, [60, 20, 20]),
        ([35, 35, 15, 10, 5], [70, 15, 15]),
        ([45, 35, 10, 5, 5], [80, 10, 10]),  # 35 of 100 have no room beside the training part
    ],
)
def test_whole_groups_are_divided_by_hand(sizes, wanted):
    assert shares_of_groups(sizes) == wanted


@given(st.lists(st.integers(5, 20), min_size=21, max_size=60))
def test_groups_of_no_great_size_are_near_the_shares(sizes):
    count = sum(sizes)
    train, validation, test = shares_of_groups(sizes)
    largest = max(sizes)
    assert abs(train - 0.6 * count) <= 2 * largest
    assert max(abs(validation - 0.2 * count), abs(test - 0.2 * count)) <= largest
    assert train > max(validation, test)


def test_small_groups_are_no_sign_of_a_part():
    sizes = np.repeat([1, 3], 200)
    place = np.repeat(np.arange(400), sizes)
    x = np.c_[place, RNG.normal(size=800)]
    found = own_task("mine", Data(x, RNG.normal(size=800), "regression", group=place))
    ours = np.unique(load_test(found)[0][:, 0].astype(int))
    assert 0.35 < np.mean(sizes[ours] == 3) < 0.65


@pytest.mark.parametrize("sizes", [[90, 4, 3, 2, 1], [40, 40, 18, 1, 1], [32, 32, 32, 2, 2]])
def test_groups_too_unequal_are_refused(sizes):
    with pytest.raises(TaskError, match=r"one group holds .* make parts of about 60, 20 and 20 %"):
        shares_of_groups(sizes)


def test_with_parts_a_group_may_lie_in_several():
    part = np.repeat(["train", "validation", "test"], [30, 10, 10])
    data = Data(X, np.arange(50.0), "regression", part=part, group=np.arange(50) % 5)
    splits = load_splits(own_task("mine", data))
    assert set(splits.train_groups) == set(splits.validation_groups)
