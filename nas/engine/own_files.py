"""A space or task of one's own: a Python file, or a table of data without code.

What a run was made of is named with its SHA-256 in `frozen.json`; Python files are copied into the
run folder and read from there. A file that has changed since is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.errors import CarbonNasError, RunError, SpaceError, TaskError
from nas.models.own_tasks import Data, data_of_table, own_task
from nas.models.tasks import Task
from search_spaces.base import SearchSpace
from search_spaces.layers import Layer
from search_spaces.ops import Shape

__all__ = [
    "COPIES",
    "TracedBuild",
    "absolute",
    "check_sources",
    "check_unchanged",
    "copies_of",
    "fingerprint",
    "is_own",
    "own_source",
    "space_of",
    "task_of",
]

COPIES = "own"
"""Folder in a run's folder that holds its Python files."""

_TABLES = (".csv", ".npz", ".parquet")


def is_own(name: str) -> bool:
    """Whether a space or task is a file, and not the name of a shipped one."""
    return "/" in name or ".py:" in name or name.endswith((*_TABLES, ".py"))


def absolute(name: str, folder: Path) -> str:
    """A file named beside a configuration, wherever it is read from; other names as they are."""
    if not is_own(name):
        return name
    return str((folder / Path(name).expanduser()).resolve())


def fingerprint(name: str) -> dict[str, str]:
    """Path and SHA-256 of a file of one's own.

    Raises:
        RunError: There is no such file.
    """
    path, attribute = _parts(name)
    return {
        "path": str(path.expanduser().resolve()),
        "attribute": attribute,
        "sha256": _sha256(path),
    }


def own_source(found: Mapping[str, str], folder: Path | None) -> str:
    """The name under which a run's file is read: its copy, or a table where it lies.

    Args:
        found: Of `fingerprint`.
        folder: Of the run; None before it is made.

    Raises:
        RunError: The file has changed since, or is gone.
    """
    path = Path(found["path"])
    if folder is not None and found["attribute"]:
        path = folder / COPIES / path.name
    check_unchanged(path, found["sha256"])
    return f"{path}:{found['attribute']}" if found["attribute"] else str(path)


def copies_of(frozen: Mapping[str, Any]) -> dict[str, str]:
    """The Python files that a run keeps, by their path in its folder.

    Args:
        frozen: What the launch resolved.

    Raises:
        RunError: Two files of one name are not the same.
    """
    copies: dict[str, str] = {}
    for part in ("space", "task"):
        found = frozen[part].get("own")
        if found is None or not found["attribute"]:
            continue
        path = Path(found["path"])
        text, name = path.read_text(encoding="utf-8"), f"{COPIES}/{path.name}"
        if copies.setdefault(name, text) != text:
            raise RunError(f"{path}: space and task are two files of one name; rename one")
    return copies


def check_sources(frozen: Mapping[str, Any]) -> None:
    """Refuse to go on with a run whose user has changed the files that it was made of.

    A file that is gone is no fault: the run has its copy.

    Args:
        frozen: What the launch resolved.

    Raises:
        RunError: One has changed.
    """
    for part in ("space", "task"):
        found = frozen[part].get("own")
        if found is not None and Path(found["path"]).exists():
            check_unchanged(Path(found["path"]), found["sha256"])


def check_unchanged(path: Path, sha256: str) -> None:
    """Refuse a file other than the one that a run was made of.

    Raises:
        RunError: It has changed since, or is gone.
    """
    if _sha256(path) != sha256:
        raise RunError(
            f"{path}: has changed since the run was launched; restore it, or start a new run"
        )


def space_of(name: str) -> SearchSpace:
    """The `SearchSpace` of a Python file, with modules traced to layers.

    Args:
        name: ``path.py:attribute``.

    Raises:
        SpaceError: The file cannot be run, or the attribute is no `SearchSpace`.
    """
    found = _attribute(name, SpaceError)
    if not isinstance(found, SearchSpace):
        raise SpaceError(
            f"{name}: is a {type(found).__name__}, make it a search_spaces.SearchSpace"
        )
    return dataclasses.replace(found, build=TracedBuild(found))


def task_of(name: str) -> Task:
    """The task of a Python file, or of a CSV, Parquet or npz file.

    Args:
        name: ``path.py:attribute``, of `nas.models.own_tasks.Data` or a function that gives it; or
            a path that `nas.models.own_tasks.data_of_table` reads.

    Raises:
        TaskError: The file cannot be read or run, or its data do not make a task.
    """
    path, attribute = _parts(name)
    if not attribute:
        return own_task(path.stem, data_of_table(path))
    found = _attribute(name, TaskError)
    try:
        data = found() if callable(found) else found
    except CarbonNasError:
        raise
    except Exception as error:  # code of the user's
        raise TaskError(f"{name}: failed with {_line(error)}; mend the file") from error
    if not isinstance(data, Data):
        raise TaskError(
            f"{name}: gives a {type(data).__name__}, return nas.models.own_tasks.Data(x, y)"
        )
    return own_task(path.stem, data)


@dataclass(frozen=True, eq=False)
class TracedBuild:
    """Builds layers by a space that may give a module; each is traced once.

    Attributes:
        given: The user's space.
    """

    given: SearchSpace
    _known: dict[str, tuple[Layer, ...]] = field(default_factory=dict)

    def __call__(
        self, architecture: Mapping[str, Any], input_shape: Shape, outputs: int, *spec: Any
    ) -> tuple[Layer, ...]:
        """The layers of an architecture.

        Raises:
            SpaceError: The user's code fails, or gives neither layers nor a module.
            LayerError: The module cannot be written as layers that can be built.
        """
        key = json.dumps([dict(architecture), input_shape, outputs, repr(spec)])
        if key not in self._known:
            self._known[key] = self._built(architecture, input_shape, outputs, spec)
        return self._known[key]

    def _built(
        self, architecture: Mapping[str, Any], input_shape: Shape, outputs: int, spec: Any
    ) -> tuple[Layer, ...]:
        where = f"{self.given.name}: {dict(architecture)}"
        try:
            built = self.given.build(dict(architecture), input_shape, outputs, *spec)
        except CarbonNasError as error:
            raise SpaceError(f"{where}: {error}") from None
        except Exception as error:  # code of the user's
            raise SpaceError(f"{where}: build failed with {_line(error)}; mend it") from error
        if isinstance(built, tuple | list) and all(isinstance(row, Layer) for row in built):
            return tuple(built)
        from nas.models.trace import traced_layers

        ids = "text" in self.given.accepts or "translation" in self.given.accepts
        try:
            return traced_layers(built, input_shape, ids=ids)
        except CarbonNasError as error:
            raise SpaceError(f"{where}: {error}") from None


def _parts(name: str) -> tuple[Path, str]:
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        if name.endswith(".py"):
            raise RunError(f"{name}: names no part of the file, write {name}:NAME")
        return Path(name), ""
    return Path(path), attribute


def _attribute(name: str, error: type[CarbonNasError]) -> Any:
    path, attribute = _parts(name)
    if not path.is_file():
        raise error(f"{path}: no such file; give a path, as ./my_file.py:name")
    module_name = f"carbon_nas_own_{_sha256(path)[:16]}"
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise error(f"{path}: is not a Python file, give one")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except CarbonNasError:
            del sys.modules[module_name]
            raise
        except Exception as fault:  # code of the user's
            del sys.modules[module_name]
            raise error(f"{path}: cannot be run: {_line(fault)}; mend the file") from fault
    if not hasattr(module, attribute):
        raise error(f"{path}: has no {attribute!r}, give the name of something in it")
    return getattr(module, attribute)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; name a file that can be read") from None


def _line(error: Exception) -> str:
    return re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:200]
