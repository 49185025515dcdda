"""Data out of packages: refused when damaged; read and checked where their archives are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nas.errors import TaskError
from nas.models.archives import ARCHIVED, fetch, load_archived
from nas.models.metrics import guess_error
from nas.models.sequences import CHARACTERS
from nas.models.task_data import data_folder
from nas.models.tasks import Splits, load_splits, load_test, scaling, task
from search_spaces.specs import TableSpec


def splits_of(name: str) -> Splits:
    source = ARCHIVED[name]
    if not any((data_folder() / file).is_file() for file in (f"{name}.npz", source.archive.file)):
        pytest.skip(f"{name} is not in {data_folder()}; carbon-nas task fetch {name}")
    return load_splits(task(name))


@pytest.mark.parametrize("name", ARCHIVED)
def test_missing_data_name_the_command(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskError, match=f"carbon-nas task fetch {name} --to") as caught:
        load_splits(task(name), data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_another_archive_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / ARCHIVED["diamonds"].archive.file).write_bytes(b"another")
    with pytest.raises(TaskError, match=r"SHA-256 is .*, not 6fa2b311d8a3"):
        load_archived("diamonds", False, tmp_path)
    assert not (tmp_path / "diamonds.npz").exists()


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_a_damaged_conversion_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "diamonds.npz"
    if content is None:
        zero = np.zeros(1)
        np.savez(path, train_x=zero, train_y=zero, validation_x=zero, validation_y=zero)
    else:
        path.write_bytes(content)
    with pytest.raises(TaskError, match="delete it and fetch the task again"):
        load_archived("diamonds", False, tmp_path)


def test_pickled_arrays_are_not_loaded(tmp_path: Path) -> None:
    hidden = np.array([{"code": "runs"}], object)
    np.savez(tmp_path / "diamonds.npz", train_x=hidden)
    with pytest.raises(TaskError, match="allow_pickle"):
        load_archived("diamonds", False, tmp_path)


def test_data_of_scikit_learn_need_no_fetching(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="scikit-learn holds its data"):
        fetch("digits", tmp_path)


@pytest.mark.parametrize("name", ARCHIVED)
def test_splits_are_those_of_the_task(name: str) -> None:
    found, splits = task(name), splits_of(name)
    x, y = load_test(found)
    for inputs in (splits.train_x, splits.validation_x, x):
        assert inputs.shape[1:] == found.input_shape
        assert np.all(np.isfinite(inputs.astype(float)))
    assert f"{len(splits.train_x):,}" in found.splits or found.name == "japanese-vowels"
    assert len(x) == len(y)
    assert guess_error(found, splits) == pytest.approx(found.worst_error, rel=0.01)
    assert guess_error(found, splits) <= found.worst_error


@pytest.mark.parametrize("name", ["flights", "diamonds", "movielens"])
def test_categories_of_tables_are_within_their_columns(name: str) -> None:
    spec, splits = task(name).spec, splits_of(name)
    assert isinstance(spec, TableSpec)
    x = np.concatenate([splits.train_x, splits.validation_x, load_test(task(name))[0]])
    categories = x[:, spec.numeric :]
    assert np.array_equal(categories, categories.round())
    assert categories.min() == 0
    assert np.array_equal(categories.max(0) + 1, spec.cardinalities)
    mean, std = scaling(task(name), splits.train_x)
    assert not np.any(np.asarray(mean)[spec.numeric :])
    assert np.all(np.asarray(std)[spec.numeric :] == 1)


def test_a_conversion_by_an_earlier_version_is_made_again(tmp_path: Path) -> None:
    splits_of("flights")
    source = ARCHIVED["flights"]
    if not (data_folder() / source.archive.file).is_file():
        pytest.skip(f"flights is not in {data_folder()}; carbon-nas task fetch flights")
    (tmp_path / source.archive.file).symlink_to(data_folder() / source.archive.file)
    older = ("train_x", "train_y", "validation_x", "validation_y", "x", "y")
    np.savez(tmp_path / "flights.npz", **{name: np.zeros(1) for name in older})
    found = load_splits(task("flights"), data_dir=tmp_path)
    assert found.train_groups is not None
    assert found.validation_groups is not None
    assert not set(found.train_groups) & set(found.validation_groups)
    months = {group: month for group, month in zip(found.train_groups, found.train_x[:, 3])}  # noqa: B905
    assert [month for _, month in sorted(months.items())] == sorted(months.values())


def test_no_diamond_is_in_two_parts() -> None:
    splits = splits_of("diamonds")
    x, y = load_test(task("diamonds"))
    parts = (
        (splits.train_x, splits.train_y), (splits.validation_x, splits.validation_y), (x, y)
    )  # fmt: skip
    keys = [{(*row, price) for row, price in zip(*part, strict=True)} for part in parts]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


def test_what_went_before_a_rating_grows_with_time() -> None:
    splits = splits_of("movielens")
    x, _ = load_test(task("movielens"))
    earlier = [np.expm1(part[:, 3]).mean() for part in (splits.train_x, splits.validation_x, x)]
    assert earlier[0] < earlier[1]
    # A film's ratings are counted from none, one after another, over all three parts.
    films = np.concatenate([splits.train_x, splits.validation_x, x])[:, [26 - 1, 3]]
    film = films[films[:, 0] == films[0, 0]]
    counts = np.sort(np.expm1(film[:, 1].astype(float)).round().astype(int))
    assert np.array_equal(counts, np.arange(len(film)))


def test_the_successors_of_a_text_are_its_next_characters() -> None:
    splits = splits_of("shakespeare")
    assert np.array_equal(splits.train_x[:, 1:], splits.train_y[:, :-1])
    text = "".join(CHARACTERS[index] for index in splits.train_x[:2000].ravel())
    assert " the " in text
    assert text.count("#") < len(text) / 2000
    assert len(set(CHARACTERS)) == len(CHARACTERS) == task("shakespeare").outputs


def test_series_end_in_zeros_and_every_speaker_is_in_each_part() -> None:
    splits = splits_of("japanese-vowels")
    _, y = load_test(task("japanese-vowels"))
    assert np.bincount(y).min() >= 24  # as the file's head says, 24 to 88 a speaker
    assert np.bincount(y).max() == 88
    assert list(np.bincount(splits.train_y)) == [20] * 9
    assert list(np.bincount(splits.validation_y)) == [10] * 9
    assert np.asarray(splits.mean).shape == (12, 1)


def test_fetch_converts_an_archive_that_is_there_and_keeps_what_is_intact(tmp_path: Path) -> None:
    splits = splits_of("japanese-vowels")
    archive = data_folder() / ARCHIVED["japanese-vowels"].archive.file
    if not archive.is_file():
        pytest.skip(f"{archive} is not there")
    shutil.copy(archive, tmp_path)
    path = fetch("japanese-vowels", tmp_path)
    written = path.stat().st_mtime_ns
    assert fetch("japanese-vowels", tmp_path).stat().st_mtime_ns == written
    again = load_splits(task("japanese-vowels"), data_dir=tmp_path)
    assert np.array_equal(again.train_x, splits.train_x)
