"""How one candidate of a run was trained, and how its full training is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["RECIPE_PREFIX", "final_recipe", "recipe_columns", "search_recipe"]

RECIPE_PREFIX = "recipe."
"""Before the name of a recipe setting that the search chose, among choices and columns."""


def recipe_columns(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that the search chose, as columns of a table or choices of a point.

    Args:
        settings: `Record.recipe`.
    """
    return {RECIPE_PREFIX + name: value for name, value in settings.items()}


def search_recipe(frozen: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a candidate in the search, as plain data.

    Args:
        frozen: `Run.frozen`.
        settings: `Record.recipe`.
    """
    return {**frozen["recipe"], **settings}


def final_recipe(frozen: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a candidate's full training, as plain data.

    A setting that was searched belongs to the candidate, whose error and carbon are those of it, so
    it is kept, unless the configuration gives another for the final recipe.

    Args:
        frozen: `Run.frozen`.
        settings: `Record.recipe`.
    """
    kept = {name: settings[name] for name in frozen.get("final_from_candidate", ())}
    return {**frozen["final_recipe"], **kept}
