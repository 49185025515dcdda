"""Which precision trains fastest on this machine, by a measurement of two seconds."""

from __future__ import annotations

import dataclasses
import time
from typing import get_args

from nas.models.recipe import Recipe, TrainingPrecision
from nas.models.tasks import Splits, Task
from nas.models.train import train
from search_spaces.layers import Layer

__all__ = ["samples_per_s"]

_TURNS = 2
_WARM_UP = 1  # steps of a turn


def samples_per_s(
    layers: tuple[Layer, ...], task: Task, splits: Splits, recipe: Recipe, *, seconds: float = 2.0
) -> dict[TrainingPrecision, float]:
    """Training samples a second in every precision, in turns, so that other work slows all alike.

    Args:
        layers: A network of the task.
        task: The task.
        splits: Its data.
        recipe: How it would be trained; its precision is not looked at.
        seconds: Of all turns together; at least two steps are made in each.

    Returns:
        By precision; 0 where it cannot be trained here.
    """
    found: dict[TrainingPrecision, float] = dict.fromkeys(get_args(TrainingPrecision), 0.0)
    window = seconds / _TURNS / len(found)
    for _ in range(_TURNS):
        for precision, best in list(found.items()):
            this = dataclasses.replace(recipe, precision=precision)
            found[precision] = max(best, _rate(layers, task, splits, this, window))
    return found


def _rate(
    layers: tuple[Layer, ...], task: Task, splits: Splits, recipe: Recipe, window_s: float
) -> float:
    times: list[float] = []

    def stop() -> bool:
        times.append(time.perf_counter())
        return len(times) > _WARM_UP + 1 and times[-1] - times[_WARM_UP] > window_s

    # So many epochs that the window ends first.
    ended = train(
        layers, task, splits, dataclasses.replace(recipe, epochs=10_000), seed=0, should_stop=stop
    )
    if ended.status != "interrupted":
        return 0.0
    steps = len(times) - 1 - _WARM_UP
    return steps * min(recipe.batch_size, len(splits.train_y)) / (times[-1] - times[_WARM_UP])
