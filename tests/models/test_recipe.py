from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nas.errors import ConfigError
from nas.models import recipe as recipes
from nas.models.recipe import Recipe, default_recipe, recipe_from_dict, recipe_to_dict
from nas.models.tasks import task, task_names
from search_spaces import space


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize("final", [False, True])
def test_every_task_has_recipes_that_survive_a_file(name: str, final: bool) -> None:
    recipe = default_recipe(name, final=final, threads=2, limit_s=60.0)
    assert recipe_from_dict(recipe_to_dict(recipe)) == recipe
    assert (recipe.threads, recipe.limit_s) == (2, 60.0)


@pytest.mark.parametrize("name", task_names())
def test_the_final_recipe_shows_no_fewer_samples_than_the_search_recipe(name: str) -> None:
    short, final = default_recipe(name), default_recipe(name, final=True)
    assert final.epochs >= short.epochs
    assert final.train_images is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("warm_up", 1.0),
        ("decay", "steep"),
        ("layout", "rows"),
        ("weight_decay", -0.1),
        ("label_smoothing", 1.0),
        ("precision", "fp8"),
        ("threads", 0),
        ("limit_s", 0.0),
        ("augmentation", "cutout"),
        ("train_images", 1),
        ("id_dropout", 1.0),
        ("huber_delta", 0.0),
        ("optimiser", "adam"),
        ("device", "tpu"),
    ],
)
def test_a_value_out_of_range_is_named(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"recipe: {key}="):
        dataclasses.replace(default_recipe("digits"), **{key: value})


def test_unknown_and_missing_keys_are_named() -> None:
    data = recipe_to_dict(default_recipe("digits"))
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        recipe_from_dict({**data, "epoch": 3})
    del data["learning_rate"]
    with pytest.raises(ConfigError, match="learning_rate missing"):
        recipe_from_dict(data)


def test_unknown_task_has_no_recipe() -> None:
    with pytest.raises(ConfigError, match="did you mean 'digits'"):
        default_recipe("digit")


def test_a_recipe_is_frozen() -> None:
    recipe = Recipe(1, 2, 0.1, 0.0, 0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 2  # type: ignore[misc]


def test_a_space_changes_the_recipes_of_its_task() -> None:
    """Transformers of digits want a rate at which convolutions learn little; see experiments."""
    for final in (False, True):
        task, changed = (default_recipe("digits", name, final=final) for name in (None, "vit"))
        assert changed.learning_rate < task.learning_rate
        assert dataclasses.replace(changed, learning_rate=task.learning_rate) == task
        assert default_recipe("digits", "mine", final=final) == task


def test_changes_are_of_tasks_and_spaces_that_fit() -> None:
    for task_name, space_name in recipes._CHANGES:
        chosen = task(task_name)
        space(space_name).form(chosen.input_shape, chosen.spec)
