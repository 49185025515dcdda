"""What `frozen.json` must hold, so that a damaged one is one line and not a traceback later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.errors import RunError

__all__ = ["check_frozen", "check_spent"]

# Keys within a part; an empty tuple where the part's own parser checks, or where any key may be.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "task": (
        "name",
        "label",
        "metric",
        "error_label",
        "worst_error",
        "best_error",
        "input_shape",
        "classes",
        "source",
        "licence",
    ),
    "space": ("name", "label", "version", "size"),
    "study": ("demand",),
    "constraints": (),
    "recipe": (),
    "final_recipe": (),
    "search": ("sampler", "seed", "workers", "threads", "cores", "host"),
    "budget": ("trainings", "seconds", "gco2e"),
    "finalists": ("extra_seeds", "at_most"),
}
_PLAIN = ("deployments_as", "storage", "data_dir")
_ROWS = ("deployments", "objectives")
# One number an objective, found before the search begins.
_CORNERS = ("ideal", "reference")
_SPENT = ("seconds", "energy_j", "gco2e")


def check_frozen(path: Path, frozen: Mapping[str, Any]) -> None:
    """Refuse facts of a launch that lack something that every reader of them needs.

    Args:
        path: Named in the message.
        frozen: What the file holds.

    Raises:
        RunError: If a key is gone, or its value is not of the kind that belongs there.
    """
    for key in (*_PARTS, *_ROWS, *_PLAIN):
        if key not in frozen:
            raise RunError(f"{path}: is damaged, {key!r} is gone; restore it")
    for part, keys in _PARTS.items():
        _check_part(path, part, frozen[part], keys)
    for key in _ROWS:
        if not isinstance(frozen[key], list) or not frozen[key]:
            raise RunError(f"{path}: is damaged, {key!r} is not a list of at least one; restore it")
    for index, row in enumerate(frozen["deployments"]):
        _check_part(path, f"deployments[{index}]", row, ("label", "profile", "precision", "grid"))
    _check_part(path, "search.host", frozen["search"]["host"], ("profile", "grid"))
    for key in _CORNERS:
        corner = frozen.get(key, [0.0] * len(frozen["objectives"]))
        numbers = isinstance(corner, list) and all(isinstance(x, int | float) for x in corner)
        if not numbers or len(corner) != len(frozen["objectives"]):
            raise RunError(
                f"{path}: is damaged, {key!r} is not one number an objective; restore it"
            )


def check_spent(path: Path, spent: Any) -> None:
    """Refuse a `spent.json` that does not tell what the search used.

    Args:
        path: Named in the message.
        spent: What the file holds.

    Raises:
        RunError: If a key is gone, or is not a number.
    """
    _check_part(path, "", spent, _SPENT)
    for key in _SPENT:
        if isinstance(spent[key], bool) or not isinstance(spent[key], int | float):
            raise RunError(f"{path}: is damaged, {key!r} is not a number; restore it")


def _check_part(path: Path, part: str, value: Any, keys: tuple[str, ...]) -> None:
    where = f"{part}." if part else ""
    if not isinstance(value, Mapping):
        raise RunError(f"{path}: is damaged, {part or 'it'} is not a mapping; restore it")
    for key in keys:
        if key not in value:
            raise RunError(f"{path}: is damaged, '{where}{key}' is gone; restore it")
