"""What a run has decided, as the records in its folder tell, and how a decision is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nas.engine.plan import Look
from nas.runs.files import read_json, write_json
from search_spaces.layers import layers_to_json

__all__ = [
    "has_key",
    "record_layers",
    "record_untrained",
    "skipped_keys",
    "trained_keys",
    "untrained_keys",
]


def record_layers(artifacts: Path, look: Look) -> None:
    """Write what a candidate is: its architecture, what was chosen of its recipe, its layers.

    Raises:
        StorageError: If the record cannot be written.
    """
    path = artifacts / look.candidate / "layers.json"
    if not path.exists():
        described = {
            "architecture": look.architecture,
            "recipe": look.settings,
            "layers": layers_to_json(look.layers),
        }
        write_json(path, described)


def record_untrained(
    artifacts: Path,
    look: Look,
    *,
    order: int,
    deployment: str,
    reason: str | None,
    skip: Mapping[str, Any] | None = None,
) -> None:
    """Write that a candidate is not trained.

    Args:
        artifacts: Folder of the run's records.
        look: The candidate.
        order: Its position among the decisions of the run.
        deployment: Label of the deployment that refused it.
        reason: Why.
        skip: By what bound, of a candidate that could be trained.

    Raises:
        StorageError: If the record cannot be written.
    """
    path = artifacts / look.candidate / "untrained.json"
    if not path.exists():
        record_layers(artifacts, look)
        known = {} if skip is None else {"skip": dict(skip)}
        write_json(path, {"order": order, "deployment": deployment, "reason": reason, **known})


def trained_keys(artifacts: Path) -> set[str]:
    """Keys of the candidates whose first training has ended."""
    return {path.parent.name for path in artifacts.glob("*/result.json")}


def skipped_keys(artifacts: Path) -> set[str]:
    """Keys of the candidates that could be trained and are not, for a bound.

    Raises:
        RunError: If a record is damaged.
    """
    return {
        path.parent.name
        for path in artifacts.glob("*/untrained.json")
        if has_key(path, "skip") and not (path.parent / "result.json").exists()
    }


@cache
def has_key(path: Path, key: str) -> bool:
    """Whether a record, which never changes, tells of `key`; it is read once a process.

    Raises:
        RunError: If it is damaged.
    """
    return key in read_json(path)


def untrained_keys(artifacts: Path) -> set[str]:
    """Keys of the candidates that were decided without training."""
    return {path.parent.name for path in artifacts.glob("*/untrained.json")}
