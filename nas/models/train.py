"""Train one candidate: from layers, task and recipe to weights and a validation error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.models.build import build
from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Images, Labels, Splits, Task
from search_spaces.layers import Layer

__all__ = ["Epoch", "Recipe", "Training", "default_recipe", "predict", "train"]

Status = Literal["trained", "diverged", "out_of_memory", "failed", "time_limit", "interrupted"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of a training curve.

    Attributes:
        epoch: Number of the epoch, from 1.
        epochs: Epochs of the recipe.
        loss: Mean training loss of the epoch, nats.
        error: Validation error after it.
        seconds: Wall-clock time since the training began.
    """

    epoch: int
    epochs: int
    loss: float
    error: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What came of one training.

    Attributes:
        status: ``"trained"`` only if all epochs were run.
        error: Validation error after the last epoch; None unless trained.
        curve: Epochs that were completed, whatever the status.
        seconds: Wall-clock time, building and validation included.
        epochs_done: Length of the curve.
        state: `state_dict` of the module, float32; None unless trained.
        message: Why it was not trained, one line; empty if it was.
    """

    status: Status
    error: float | None
    curve: tuple[Epoch, ...]
    seconds: float
    epochs_done: int
    state: dict[str, Tensor] | None
    message: str


def train(
    layers: tuple[Layer, ...],
    task: Task,
    splits: Splits,
    recipe: Recipe,
    *,
    seed: int,
    on_epoch: Callable[[Epoch], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Training:
    """Train the network of `layers` on the training images and measure its validation error.

    The same arguments on the same machine give the same weights, bit for bit. No epoch is chosen
    by its validation error: the weights are those after the last epoch.

    Args:
        layers: Layers whose input is `task.input_shape` and whose output has `task.outputs`.
        task: The task.
        splits: Its data.
        recipe: How to train.
        seed: Of the first weights, the order of the images and their augmentation.
        on_epoch: Called after every epoch, in this process.
        should_stop: Asked before every step; True ends the training as ``"interrupted"``.
    """
    raise NotImplementedError


def predict(module: nn.Module, x: Images, splits: Splits) -> NDArray[np.int64]:
    """Classes that the module gives raw images (N, C, H, W), shape (N,)."""
    raise NotImplementedError
