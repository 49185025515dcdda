"""Tasks of one's own: arrays of samples and targets, checked and divided."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError
from nas.models.task_data import Parts, stratified_order
from nas.models.tasks import Kind, Metric, Task
from search_spaces.specs import InputSpec, TableSpec

__all__ = ["Data", "data_of_table", "own_task"]

_METRICS: dict[str, tuple[Metric, str]] = {
    "classification": ("accuracy", "error (1 - accuracy)"),
    "binary": ("log-loss", "log-loss (nats)"),
    "regression": ("RMSE", "RMSE"),
}
_TEST_SHARE = _VALIDATION_SHARE = 0.2
_LEAST_OF_CLASS = 5


@dataclass(frozen=True, eq=False)
class Data:
    """Samples and targets; a fifth each becomes validation and test data.

    Attributes:
        x: (N, C, H, W) images, (N, C, T) series or (N, columns) tables; numbers.
        y: (N,): classes by name or number, or numbers to predict.
        kind: classification, binary or regression.
        spec: Columns of a table; None is numbers only.
        label: For titles.
        licence: Of the data.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    kind: Kind = "classification"
    spec: InputSpec | None = None
    label: str = ""
    licence: str = "not stated"


def own_task(name: str, data: Data) -> Task:
    """A task of checked data.

    Args:
        name: For people and records.
        data: Samples and targets.

    Raises:
        TaskError: Samples or labels are missing, not finite, of one class, or too few.
    """
    x, y, classes = _checked(name, data)
    order = _order(y, data.kind)
    test, validation = (round(len(x) * share) for share in (_TEST_SHARE, _VALIDATION_SHARE))
    if min(test, validation) < 1 or len(x) - test - validation < 2:
        raise TaskError(f"{name}: {len(x)} samples leave a split empty; give at least 5")
    opened, second, first = np.split(order, [test, test + validation])
    if classes and (few := np.bincount(y).min()) < _LEAST_OF_CLASS:
        rarest = classes[int(np.bincount(y).argmin())]
        raise TaskError(
            f"{name}: class {rarest!r} has {few} sample(s), which do not fill three splits; give "
            f"at least {_LEAST_OF_CLASS} of each class"
        )
    metric, error_label = _METRICS[data.kind]

    def parts(asked_test: bool, _data_dir: str | Path | None) -> Parts:
        if asked_test:
            return x[opened], y[opened], x[:0], y[:0]
        return x[first], y[first], x[second], y[second]

    return Task(
        name=name,
        label=data.label or name,
        input_shape=tuple(x.shape[1:]),
        outputs=len(classes) if data.kind == "classification" else 1,
        metric=metric,
        error_label=error_label,
        worst_error=_worst_error(data.kind, y[first], y[second]),
        best_error=0.0,
        classes=classes,
        source="the user's own file",
        licence=data.licence,
        kind=data.kind,
        unit="nats" if data.kind == "binary" else "",
        spec=data.spec or (TableSpec(x.shape[1]) if x.ndim == 2 else None),
        splits=f"{len(first)} / {len(second)} / {len(opened)}, fixed seed",
        parts=parts,
    )


def data_of_table(path: Path) -> Data:
    """Data of a file without code.

    A CSV or Parquet file has named columns; the last is the target, the others numbers. An npz
    file holds the arrays ``x`` and ``y``. Targets that are whole numbers of at most 20 kinds, or
    texts, are classes; other numbers are a regression.

    Raises:
        TaskError: The file is missing or of another form.
    """
    if not path.is_file():
        raise TaskError(
            f"{path}: no such file; give a .csv, .parquet or .npz file, or my_task.py:task"
        )
    readers = {".npz": _read_npz, ".parquet": _read_parquet}
    x, y = readers.get(path.suffix, _read_csv)(path)
    numbers = np.issubdtype(y.dtype, np.number)
    whole = numbers and bool(np.all(np.isfinite(y))) and bool(np.all(y == np.round(y)))
    is_class = not numbers or (whole and len(np.unique(y)) <= 20)
    return Data(x, y, "classification" if is_class else "regression")


def _read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["x"], arrays["y"]
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise TaskError(f"{path}: {error}; save it by np.savez(path, x=..., y=...)") from None


def _read_csv(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    with path.open(encoding="utf-8", newline="") as lines:
        _, *rows = [row for row in csv.reader(lines) if row] or [[]]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or min(widths) < 2:
        raise TaskError(f"{path}: rows have {sorted(widths)} columns; give a header and equal rows")
    features, labels = [row[:-1] for row in rows], [row[-1].strip() for row in rows]
    if not all(labels):
        line = labels.index("") + 2
        raise TaskError(f"{path}: line {line} has no label; fill the last column or drop the line")
    try:
        x = np.array([[float(text or "nan") for text in row] for row in features], np.float32)
    except ValueError as error:
        raise TaskError(f"{path}: {error}; write categories as numbers") from None
    try:
        return x, np.array([float(text) for text in labels])
    except ValueError:
        return x, np.array(labels)


def _read_parquet(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    from pyarrow import ArrowException, parquet

    try:
        columns = list(parquet.read_table(path).to_pydict().values())
        if len(columns) < 2:
            raise TaskError(f"{path}: has {len(columns)} column(s); give features and a target")
        x = np.array(columns[:-1], np.float32).T
    except (ArrowException, OSError, ValueError, TypeError) as error:
        line = str(error).splitlines()[0]
        raise TaskError(f"{path}: {line}; give a Parquet file of numbers") from None
    y = np.array(columns[-1])
    return x, y.astype(float) if y.dtype.kind in "biuf" else y


def _checked(name: str, data: Data) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    x, y = np.asarray(data.x), np.asarray(data.y)
    if data.kind not in _METRICS:
        raise TaskError(f"{name}: kind {data.kind!r} is not one of {tuple(_METRICS)}")
    if x.ndim not in (2, 3, 4) or x.dtype.kind not in "biuf" or 0 in x.shape[1:]:
        raise TaskError(
            f"{name}: x is {x.dtype} of shape {x.shape}; give numbers (N, C, H, W), (N, C, T) or "
            "(N, columns), samples all of one size"
        )
    if y.shape != (len(x),):
        raise TaskError(f"{name}: y has shape {y.shape} for {len(x)} samples; give one label each")
    x = x if x.dtype == np.uint8 else x.astype(np.float32)
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(1)
    if bad.any():
        raise TaskError(
            f"{name}: {int(bad.sum())} of {len(x)} samples hold NaN or infinity, the first is "
            f"number {int(bad.argmax())}; fill or drop them"
        )
    missing = np.array(
        [value is None or value == "" or str(value) == "nan" for value in y.tolist()]
    )
    if missing.any():
        raise TaskError(
            f"{name}: {int(missing.sum())} of {len(y)} labels are missing, the first is number "
            f"{int(missing.argmax())}; fill or drop them"
        )
    if data.kind == "regression":
        return x, _numbers(name, y), ()
    known = np.unique(y)
    if len(known) < 2 or (data.kind == "binary" and len(known) != 2):
        wanted = "exactly two" if data.kind == "binary" else "two or more"
        raise TaskError(f"{name}: the labels are of {len(known)} class(es); give {wanted}")
    return x, np.searchsorted(known, y).astype(np.int64), tuple(str(value) for value in known)


def _numbers(name: str, y: NDArray[Any]) -> NDArray[np.float32]:
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        raise TaskError(f"{name}: y holds what is no finite number; a regression needs numbers")
    if np.ptp(y.astype(float)) == 0:
        raise TaskError(f"{name}: all targets are equal; there is nothing to predict")
    return y.astype(np.float32)


def _order(y: NDArray[Any], kind: Kind) -> NDArray[np.intp]:
    if kind == "regression":
        return np.random.default_rng(0).permutation(len(y))
    return stratified_order(y, seed=0)


def _worst_error(kind: Kind, train_y: NDArray[Any], y: NDArray[Any]) -> float:
    """Of the best guess that looks at no sample."""
    if kind == "regression":
        return float(np.sqrt(np.mean((y.astype(float) - float(train_y.mean(dtype=float))) ** 2)))
    share = np.bincount(train_y) / len(train_y)
    if kind == "classification":
        return float(1 - share.max())
    return float(-np.sum(share * np.log(share)))
