"""How fast a network is trained on this machine by other settings, by a short measurement."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

from nas.models.recipe import Recipe
from nas.models.tasks import Splits, Task
from nas.models.train import train
from search_spaces.base import Value
from search_spaces.layers import Layer

__all__ = ["samples_per_s"]

_TURNS = 2
_WARM_UP = 1  # steps of a turn


def samples_per_s(
    layers: tuple[Layer, ...],
    task: Task,
    splits: Splits,
    recipe: Recipe,
    settings: Mapping[str, Sequence[Value]],
    *,
    seconds: float = 2.0,
) -> dict[str, dict[Value, float]]:
    """Training samples a second by each setting, in turns, so that other work slows all alike.

    By processor time where one thread trains, which other work does not slow; else by the clock.

    Args:
        layers: A network of the task.
        task: The task.
        splits: Its data.
        recipe: How it would be trained.
        settings: Values to try by the name of a setting, each with the rest as the recipe has it.
        seconds: Of all turns together; at least two steps are made in each.

    Returns:
        By setting and value; 0 where it cannot be trained here.
    """
    tried = [(name, value) for name, values in settings.items() for value in values]
    recipes = [dataclasses.replace(recipe, **{name: value}) for name, value in tried]  # type: ignore[arg-type]
    best = dict.fromkeys(recipes, 0.0)
    window = seconds / _TURNS / max(1, len(best))
    for _ in range(_TURNS):
        for this, so_far in list(best.items()):
            best[this] = max(so_far, _rate(layers, task, splits, this, window))
    found: dict[str, dict[Value, float]] = {name: {} for name in settings}
    for (name, value), this in zip(tried, recipes, strict=True):
        found[name][value] = best[this]
    return found


def _rate(
    layers: tuple[Layer, ...], task: Task, splits: Splits, recipe: Recipe, window_s: float
) -> float:
    times: list[float] = []
    alone = recipe.threads == 1 and recipe.device == "cpu"
    clock = time.process_time if alone else time.perf_counter

    def stop() -> bool:
        times.append(clock())
        return len(times) > _WARM_UP + 1 and times[-1] - times[_WARM_UP] > window_s

    # So many epochs that the window ends first.
    ended = train(
        layers, task, splits, dataclasses.replace(recipe, epochs=10_000), seed=0, should_stop=stop
    )
    if ended.status != "interrupted":
        return 0.0
    steps = len(times) - 1 - _WARM_UP
    return steps * min(recipe.batch_size, len(splits.train_y)) / (times[-1] - times[_WARM_UP])
