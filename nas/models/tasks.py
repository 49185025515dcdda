"""The tasks a search can be run on: their data, fixed splits and metric.

Inputs are kept as their source gives them (images as whole numbers, ids of a text and categories of
a table too); `Splits.mean` and `Splits.std` are in the same units, and every consumer (training,
ONNX Runtime, an exported folder) computes `(x - mean) / std`. Ids have mean 0 and deviation 1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError, unknown_name
from nas.models import archives, task_data
from nas.models.task_data import Parts
from nas.models.task_rows import ROWS
from search_spaces.ops import Shape
from search_spaces.specs import InputSpec, TableSpec, form_of

__all__ = [
    "Inputs",
    "Kind",
    "Part",
    "Splits",
    "Targets",
    "Task",
    "load_splits",
    "load_test",
    "normalise",
    "scaling",
    "task",
    "task_names",
]

Inputs = NDArray[Any]
Targets = NDArray[Any]
Kind = Literal["classification", "binary", "regression", "language"]
Part = Literal["train", "validation", "test"]
Metric = Literal["accuracy", "AUC", "log-loss", "RMSE", "perplexity"]


@dataclass(frozen=True, slots=True)
class Task:
    """A data set with a metric; its `error` is what a search minimises.

    Attributes:
        name: The word users write.
        label: For titles.
        input_shape: One sample: an image (C, H, W), a series (C, T), a table (columns,) or a text
            (context,).
        outputs: Number of classes or tokens; 1 for binary and regression tasks.
        metric: What is reported; `error` is 1 - metric for accuracy and AUC, else the metric.
        error_label: For axes.
        worst_error: Error of a guess, recorded for candidates that are not trained.
        best_error: Lowest error any candidate is believed to reach (optimistic bound).
        classes: Names of the outputs, in order.
        source: Where the data come from.
        licence: Licence of the data.
        kind: What is predicted, which decides the loss: cross-entropy, binary cross-entropy of a
            logit, squared error of the standardised target, or cross-entropy of each next token.
        unit: Of the error; empty where it is a share.
        spec: Columns of a table or vocabulary of a text; None for images and series.
        splits: How the data are divided, for people.
        parts: Reads the data of a task of one's own, as the loaders here; None if it is shipped.
    """

    name: str
    label: str
    input_shape: Shape
    outputs: int
    metric: Metric
    error_label: str
    worst_error: float
    best_error: float
    classes: tuple[str, ...]
    source: str
    licence: str
    kind: Kind = "classification"
    unit: str = ""
    spec: InputSpec | None = None
    splits: str = ""
    parts: Callable[[bool, str | Path | None], Parts] | None = field(default=None, compare=False)

    @property
    def form(self) -> str:
        """The form of an input: image, series, table or text."""
        return form_of(self.input_shape, self.spec)

    @property
    def output_shape(self) -> Shape:
        """The shape of a network's output for one sample."""
        if self.kind == "language":
            return (*self.input_shape, self.outputs)
        return (self.outputs,)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Training and validation data, the same on every machine.

    Attributes:
        train_x: Raw training inputs, uint8 or float32, (N, *task.input_shape).
        train_y: Training targets: classes, 0 or 1, numbers, (N,); next tokens, (N, context).
        validation_x: Raw validation inputs, (M, *task.input_shape).
        validation_y: Validation targets.
        mean: Mean of the training inputs, in raw units; a number, or an array that broadcasts.
        std: Standard deviation of the training inputs, in raw units, > 0; as `mean`.
        target_mean: Mean of the training targets of a regression, else 0.
        target_std: Their standard deviation, else 1.
        train_groups: The group of each training sample, such as its day, whole numbers >= 0;
            samples of one group share what their inputs do not tell. None if there are none.
        validation_groups: As `train_groups`, numbered alike.
    """

    train_x: Inputs
    train_y: Targets
    validation_x: Inputs
    validation_y: Targets
    mean: float | NDArray[np.float32]
    std: float | NDArray[np.float32]
    target_mean: float = 0.0
    target_std: float = 1.0
    train_groups: NDArray[np.integer] | None = None
    validation_groups: NDArray[np.integer] | None = None


_TASKS = tuple(Task(**row) for row in ROWS)
_BY_NAME = {row.name: row for row in _TASKS}
_LOADERS: dict[str, Callable[[bool, str | Path | None], Parts]] = {
    "digits": task_data.digits,
    "fashion-mnist": task_data.fashion_mnist,
    "breast-cancer": task_data.breast_cancer,
    **{name: partial(archives.load_archived, name) for name in archives.ARCHIVED},
}


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        TaskError: If the name is unknown; names the nearest known one.
    """
    if name not in _BY_NAME:
        raise TaskError(unknown_name("task", name, _BY_NAME, "carbon-nas task list"))
    return _BY_NAME[name]


def task_names() -> tuple[str, ...]:
    """Names of all tasks, images first."""
    return tuple(_BY_NAME)


def load_splits(task: Task, *, data_dir: str | Path | None = None) -> Splits:
    """Training and validation data of a task; the test data stay closed.

    Args:
        task: A task of `task`.
        data_dir: Folder of the data files; None searches `$CARBON_NAS_DATA_DIR`, then
            ~/.cache/carbon-nas. Not used by data that are part of scikit-learn.

    Raises:
        TaskError: If the data are missing or damaged.
    """
    train_x, train_y, validation_x, validation_y, *groups = _loader(task)(False, data_dir)
    splits = Splits(train_x, train_y, validation_x, validation_y, *scaling(task, train_x))
    if groups:
        splits = dataclasses.replace(splits, train_groups=groups[0], validation_groups=groups[1])
    if task.kind != "regression":
        return splits
    target_mean, target_std = float(train_y.mean(dtype=float)), float(train_y.std(dtype=float))
    return dataclasses.replace(splits, target_mean=target_mean, target_std=target_std)


def load_test(task: Task, *, data_dir: str | Path | None = None) -> tuple[Inputs, Targets]:
    """The test inputs (raw) and targets; to be opened once, when a model is exported.

    Args:
        task: A task of `task`.
        data_dir: As in `load_splits`.

    Raises:
        TaskError: If the data are missing or damaged.
    """
    x, y, *_ = _loader(task)(True, data_dir)
    return x, y


def _loader(task: Task) -> Callable[[bool, str | Path | None], Parts]:
    return task.parts or _LOADERS[task.name]


def scaling(
    task: Task, x: Inputs
) -> tuple[float | NDArray[np.float32], float | NDArray[np.float32]]:
    """Mean and standard deviation of inputs, by which networks see them.

    One of each for images, one a channel for series (C, 1), one a column for tables (columns,);
    ids and categories keep mean 0 and deviation 1, and so does what never varies its deviation.

    Args:
        task: The task.
        x: Raw inputs, (N, *task.input_shape).
    """
    form = task.form
    if form == "image":
        return _counted(x) if x.dtype == np.uint8 else (float(x.mean()), float(x.std()))
    if form == "text":
        return 0.0, 1.0
    axes = (0, 2) if form == "series" else (0,)
    mean = x.mean(axes, dtype=np.float64).astype(np.float32)
    std = x.std(axes, dtype=np.float64).astype(np.float32)
    std[std == 0] = 1
    if isinstance(task.spec, TableSpec):
        mean[task.spec.numeric :], std[task.spec.numeric :] = 0, 1
    return (mean[:, None], std[:, None]) if form == "series" else (mean, std)


def _counted(x: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean and standard deviation of bytes by how often each occurs: exact, in little memory."""
    counts = sum(np.bincount(part.ravel(), minlength=256) for part in np.array_split(x, 64))
    values = np.arange(256.0)
    mean = float(counts @ values) / x.size
    return mean, math.sqrt(float(counts @ (values - mean) ** 2) / x.size)


def normalise(x: Inputs, splits: Splits) -> NDArray[np.float32]:
    """Raw inputs as a network takes them: `(x - mean) / std`, float32, same shape."""
    return ((x.astype(np.float32) - splits.mean) / splits.std).astype(np.float32)
