"""Recipe settings that a search chooses, as further choices of the space that it searches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from nas.errors import ConfigError
from nas.models.recipe import Recipe, recipe_from_dict, recipe_to_dict
from nas.runs.recipes import RECIPE_PREFIX, recipe_columns
from search_spaces.base import Architecture, Choice, SearchSpace, Value

__all__ = [
    "check_samples",
    "listed",
    "point_of",
    "recipe_choices",
    "split_point",
    "with_recipe_choices",
]

# Of the machine and its patience, not of what a candidate learns.
_FIXED = ("threads", "limit_s", "device")


def listed(given: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The settings that are lists, which a search chooses from; the others are fixed.

    Args:
        given: The part ``recipe`` or ``final_recipe`` of a configuration.
    """
    return {name: values for name, values in given.items() if isinstance(values, list)}


def recipe_choices(default: Recipe, given: Mapping[str, Any]) -> dict[str, list[Value]]:
    """The searched settings of a configuration with their values, each checked as a recipe's.

    Args:
        default: The recipe that they change.
        given: The part ``recipe`` of a configuration.

    Raises:
        ConfigError: If a setting is unknown or not searched, or a value is out of range, missing or
            given twice.
    """
    choices = listed(given)
    for name, values in choices.items():
        if name in _FIXED:
            raise ConfigError(f"recipe: {name}={values!r} is of the machine; give one value")
        if not values:
            raise ConfigError(f"recipe: {name}=[] leaves nothing to choose; give values, or one")
        for index, value in enumerate(values):
            if value is None:
                raise ConfigError(
                    f"recipe: {name}: null is not searched; write the number that it stands for"
                )
            recipe_from_dict({**recipe_to_dict(default), name: value})
            if value in values[:index]:
                raise ConfigError(f"recipe: {name}={values!r} has {value!r} twice; leave one out")
    return choices


def check_samples(choices: Mapping[str, Sequence[Value]], samples: int) -> None:
    """Refuse numbers of training samples that are more than there are, which all mean the same.

    Args:
        choices: Of `recipe_choices`.
        samples: Training samples of the task.

    Raises:
        ConfigError: If one is more.
    """
    for value in choices.get("train_images", ()):
        if int(value) > samples:
            raise ConfigError(
                f"recipe: train_images={value!r} is more than the {samples} training samples; "
                f"write {samples} for all"
            )


def with_recipe_choices(space: SearchSpace, choices: Mapping[str, Sequence[Value]]) -> SearchSpace:
    """The space of candidates: its points are those of `point_of`.

    Args:
        space: The space of architectures.
        choices: Of `recipe_choices`.

    Raises:
        SpaceError: If a choice of the space has the name of one of these.
    """
    more = (Choice(RECIPE_PREFIX + name, tuple(values)) for name, values in choices.items())
    return dataclasses.replace(space, choices=(*space.choices, *more))


def point_of(architecture: Mapping[str, Any], settings: Mapping[str, Any]) -> Architecture:
    """An architecture and the recipe settings that were chosen with it, as one point."""
    return {**architecture, **recipe_columns(settings)}


def split_point(
    point: Mapping[str, Any], choices: Mapping[str, Sequence[Value]]
) -> tuple[Architecture, dict[str, Value]]:
    """The architecture of a point, and its recipe settings by their name in a recipe."""
    settings = {name: point[RECIPE_PREFIX + name] for name in choices}
    chosen = {RECIPE_PREFIX + name for name in choices}
    return {name: value for name, value in point.items() if name not in chosen}, settings
