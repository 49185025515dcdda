"""Settings of a recipe that are of the machine, chosen by measuring a network of the space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias, get_args

import numpy as np

from nas.engine.config import SearchConfig
from nas.models.recipe import Layout, Recipe, TrainingPrecision
from nas.models.tasks import Task
from search_spaces.base import SearchSpace, Value
from search_spaces.layers import mac_count

__all__ = ["MEASURED", "Rates", "asked_for", "chosen_value", "measured_rates"]

MEASURED = ("precision", "layout", "threads")
"""Settings that may be ``measured``."""
Rates: TypeAlias = dict[str, dict[str, float]]

_ASKED = "measured"
_NETWORKS = 15  # drawn, of which the median stands for the space
_AT_LEAST = 1.1  # times as fast, or a second launch on this machine might choose otherwise


def asked_for(given: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The settings that a recipe wants measured, and the recipe without them.

    Args:
        given: The part ``recipe`` of a configuration.
    """
    asked = [name for name in MEASURED if given.get(name) == _ASKED]
    return asked, {name: value for name, value in given.items() if name not in asked}


def measured_rates(config: SearchConfig, task: Task, space: SearchSpace, recipe: Recipe) -> Rates:
    """Samples a second that one worker trains on, of the median network, setting by setting.

    Batches are measured too, to be looked at: another batch would be another training.

    Args:
        config: Its seed draws the networks, its workers share the cores.
        task: The task.
        space: The space of architectures.
        recipe: How they would be trained; each setting is changed by itself.

    Returns:
        By setting and value, in about two seconds; 0 where it cannot be trained here.
    """
    from nas.models.pace import samples_per_s  # loads torch, which no other launch needs
    from nas.models.tasks import load_splits

    rng = np.random.default_rng(config.search.seed)
    drawn = [
        space.layers(space.sample(rng), task.input_shape, task.outputs, task.spec)
        for _ in range(_NETWORKS)
    ]
    batch = recipe.batch_size
    settings: dict[str, tuple[Value, ...]] = {
        "precision": get_args(TrainingPrecision),
        "layout": get_args(Layout),
        "threads": tuple(sorted({1, recipe.threads, *_powers_of_two(_cores())})),
        "batch_size": tuple(sorted({max(2, batch // 2), batch, 2 * batch})),
    }
    found = samples_per_s(
        sorted(drawn, key=mac_count)[_NETWORKS // 2],
        task,
        load_splits(task, data_dir=config.data_dir),
        recipe,
        settings,
    )
    return {name: {str(v): rate for v, rate in rates.items()} for name, rates in found.items()}


def chosen_value(rates: Rates, name: str, recipe: Recipe, workers: int) -> Value:
    """The fastest value of a setting, or the recipe's where none is a tenth faster.

    Args:
        rates: Of `measured_rates`.
        name: Of the setting.
        recipe: What it would be without measurement.
        workers: Side by side; of threads that count which gives most of all of them on the cores.
    """

    def worth(value: str) -> float:
        rate = rates[name][value]
        if name != "threads":
            return rate
        return rate * min(workers, max(1, _cores() // int(value)))

    usual = str(getattr(recipe, name))
    fastest = max(rates[name], key=worth)
    if worth(fastest) < _AT_LEAST * worth(usual):
        fastest = usual
    return int(fastest) if name == "threads" else fastest


def _cores() -> int:
    return os.cpu_count() or 1


def _powers_of_two(most: int) -> list[int]:
    return [2**power for power in range(most.bit_length()) if 2**power <= most]
