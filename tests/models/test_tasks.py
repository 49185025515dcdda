from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.errors import TaskError
from nas.models import tasks
from nas.models.task_data import download_fashion_mnist
from nas.models.tasks import load_splits, load_test, normalise, scaling, task


def test_unknown_task_names_the_nearest() -> None:
    with pytest.raises(TaskError, match="did you mean 'fashion-mnist'"):
        task("fashion_mnist")


@pytest.mark.parametrize("name", tasks.task_names())
def test_every_task_is_whole(name: str) -> None:
    row = task(name)
    names = {"classification": row.outputs, "language": row.outputs, "binary": 2, "regression": 0}
    assert len(row.classes) == names[row.kind]
    assert 0 <= row.best_error < row.worst_error
    assert row.form in ("image", "series", "table", "text")
    assert row.source and row.licence and row.splits
    shares = row.metric in ("accuracy", "AUC")
    assert not (shares and row.worst_error > 1)


def test_digits_splits_are_stratified_disjoint_and_fixed() -> None:
    digits = task("digits")
    splits, (test_x, test_y) = load_splits(digits), load_test(digits)
    parts = [splits.train_x, splits.validation_x, test_x]
    assert [part.shape for part in parts] == [(1077, 1, 8, 8), (360, 1, 8, 8), (360, 1, 8, 8)]
    for labels in (splits.train_y, splits.validation_y, test_y):
        shares = np.bincount(labels, minlength=10) / len(labels)
        assert np.all(np.abs(shares - 0.1) < 0.01)
    from sklearn.datasets import load_digits

    together = np.concatenate(parts)[:, 0].reshape(1797, -1)
    everything = load_digits().images.astype(np.uint8).reshape(1797, -1)
    assert sorted(map(bytes, together)) == sorted(map(bytes, everything))
    assert np.array_equal(splits.train_x, load_splits(digits).train_x)


def test_normalised_training_images_have_mean_zero_and_deviation_one() -> None:
    splits = load_splits(task("digits"))
    x = normalise(splits.train_x, splits)
    assert x.dtype == np.float32
    assert abs(float(x.mean())) < 1e-4
    assert abs(float(x.std()) - 1) < 1e-4


def test_missing_fashion_mnist_names_all_three_remedies(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        load_splits(task("fashion-mnist"), data_dir=tmp_path)
    for remedy in ("apt-get install", "data_dir", "carbon-nas task fetch"):
        assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"not packed", gzip.compress(b"other images", mtime=0)])
def test_damaged_fashion_mnist_is_refused(tmp_path: Path, content: bytes) -> None:
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(content)
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(TaskError, match=r"train-images.*fetch the file again"):
        load_splits(task("fashion-mnist"), data_dir=tmp_path)


def test_download_refuses_a_file_that_is_not_the_published_one(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"other images", mtime=0))
    with pytest.raises(TaskError, match="SHA-256"):
        download_fashion_mnist(tmp_path, base_url=mirror.as_uri())
    with pytest.raises(TaskError, match="apt-get install"):
        download_fashion_mnist(tmp_path / "new", base_url=(tmp_path / "none").as_uri())


def test_fashion_mnist_splits(fashion_mnist_dir: None) -> None:
    fashion = task("fashion-mnist")
    splits = load_splits(fashion, data_dir=fashion_mnist_dir)
    test_x, test_y = load_test(fashion, data_dir=fashion_mnist_dir)
    assert splits.train_x.shape == (55_000, 1, 28, 28)
    assert splits.validation_x.shape == (5_000, 1, 28, 28)
    assert test_x.shape == (10_000, 1, 28, 28)
    assert list(np.bincount(splits.train_y)) == [5_500] * 10
    assert list(np.bincount(splits.validation_y)) == [500] * 10
    assert list(np.bincount(test_y)) == [1_000] * 10


@settings(deadline=None)
@given(arrays(np.uint8, st.tuples(*(st.integers(1, 9),) * 4)))
def test_bytes_are_scaled_by_their_mean_and_deviation(x):
    mean, std = scaling(task("fashion-mnist"), x)
    assert mean == pytest.approx(float(x.mean()), abs=1e-12)
    assert std == pytest.approx(float(x.std()), abs=1e-9)
