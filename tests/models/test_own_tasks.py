"""Tasks of one's own: what is made of good data, and one line for bad ones."""

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from nas.errors import TaskError
from nas.models.own_tasks import Data, data_of_table, own_task
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
    ],
)
def test_bad_data_are_one_line(data, said):
    with pytest.raises(TaskError, match=said) as caught:
        own_task("mine", data)
    assert "\n" not in str(caught.value)


def test_a_csv_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,label\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(20)))
    data = data_of_table(path)
    assert data.x.shape == (20, 2)
    assert own_task("table", data).classes == ("x", "y")


def test_numbers_of_many_kinds_are_a_regression(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,price\n" + "".join(f"{i},{i / 3}\n" for i in range(30)))
    assert data_of_table(path).kind == "regression"


def test_a_parquet_file(tmp_path):
    columns = {"a": list(range(20)), "b": [0.5] * 20, "label": ["x", "y"] * 10}
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    data = data_of_table(tmp_path / "table.parquet")
    assert data.x.shape == (20, 2)
    assert own_task("table", data).classes == ("x", "y")


def test_a_parquet_file_with_a_missing_label(tmp_path):
    columns = {"a": list(range(20)), "label": ["x", None] * 10}
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    with pytest.raises(TaskError, match="10 of 20 labels are missing"):
        own_task("table", data_of_table(tmp_path / "table.parquet"))


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "table.parquet").write_text("no")
    with pytest.raises(TaskError, match="give a Parquet file of numbers"):
        data_of_table(tmp_path / "table.parquet")


def test_an_npz_file(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((9, 2, 5)), y=np.arange(9) % 3)
    data = data_of_table(tmp_path / "mine.npz")
    assert (data.x.shape, data.kind) == ((9, 2, 5), "classification")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,x\n2,\n", "line 3 has no label"),
        ("a,b\n1,x\n2\n", r"rows have \[1, 2\] columns"),
        ("a,b\nred,x\n", "write categories as numbers"),
        ("", "give a header"),
    ],
)
def test_a_bad_csv_file_is_one_line(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(TaskError, match=said):
        data_of_table(path)


def test_an_npz_file_without_targets(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((9, 2)))
    with pytest.raises(TaskError, match=r"save it by np\.savez"):
        data_of_table(tmp_path / "mine.npz")


def test_a_missing_value_of_a_csv_file_is_told_by_its_sample(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{i if i != 4 else ''},{'xy'[i % 2]}\n" for i in range(20)))
    with pytest.raises(TaskError, match="1 of 20 samples hold NaN"):
        own_task("table", data_of_table(path))
