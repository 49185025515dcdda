"""A space or task of one's own: a Python file; or a table, text or folder of images without code.

What a run was made of is named with its SHA-256 in `frozen.json`; Python files are copied into the
run folder, for when the original is gone. What has changed since is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from nas.errors import CarbonNasError, RunError, SpaceError, TaskError
from nas.models.own_images import folder_sha256, images_of_folder
from nas.models.own_tables import data_of_table
from nas.models.own_tasks import Data, own_task
from nas.models.own_text import text_task
from nas.models.tasks import Task, task
from nas.models.user_code import attribute_of, guarded
from search_spaces import space
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
    "find_space",
    "find_task",
    "fingerprint",
    "is_own",
    "own_source",
    "space_of",
    "space_of_run",
    "task_of",
    "task_of_run",
]

COPIES = "own"
"""Folder in a run's folder that holds its Python files."""

_FILES = (".csv", ".npz", ".parquet", ".txt", ".py")


def is_own(name: str) -> bool:
    """Whether a space or task is a file or folder, and not the name of a shipped one."""
    return "/" in name or ".py:" in name or name.endswith(_FILES)


def find_space(name: str) -> SearchSpace:
    """The space of that name, shipped or `space_of`.

    Raises:
        SpaceError: As those.
    """
    return space_of(name) if is_own(name) else space(name)


def find_task(name: str) -> Task:
    """The task of that name, shipped or `task_of`.

    Raises:
        TaskError: As those.
    """
    return task_of(name) if is_own(name) else task(name)


def space_of_run(frozen: Mapping[str, Any], folder: Path | None) -> SearchSpace:
    """The space that a run was made of.

    Args:
        frozen: What the launch resolved.
        folder: Of the run; None before it is made.

    Raises:
        RunError: It was a file of one's own, which has changed since.
        SpaceError: It is unknown, or its file cannot be run.
    """
    own = frozen["space"].get("own")
    return find_space(own_source(own, folder) if own else frozen["space"]["name"])


def task_of_run(frozen: Mapping[str, Any], folder: Path | None) -> Task:
    """The task that a run was made of; as `space_of_run`.

    Raises:
        RunError: Its file or folder has changed since.
        TaskError: It is unknown, or its data cannot be read.
    """
    own = frozen["task"].get("own")
    return find_task(own_source(own, folder) if own else frozen["task"]["name"])


def absolute(name: str, folder: Path) -> str:
    """A file named beside a configuration, wherever it is read from; other names as they are."""
    if not is_own(name):
        return name
    return str((folder / Path(name).expanduser()).resolve())


def fingerprint(name: str) -> dict[str, str]:
    """Path and SHA-256 of a file of one's own, or of all images in a folder.

    Raises:
        RunError: There is no such file.
        TaskError: The folder cannot be read.
    """
    path, attribute = _parts(name)
    return {
        "path": str(path.expanduser().resolve()),
        "attribute": attribute,
        "sha256": _sha256(path),
    }


def own_source(found: Mapping[str, str], folder: Path | None) -> str:
    """The name under which what a run was made of is read.

    A Python file is read where it lies, so that it finds data beside it; from the run's copy where
    it is gone or has changed.

    Args:
        found: Of `fingerprint`.
        folder: Of the run; None before it is made.

    Raises:
        RunError: The copy, or a file that has none, has changed since or is gone.
    """
    path, attribute = Path(found["path"]), found["attribute"]
    if not attribute:
        check_unchanged(path, found["sha256"])
        return str(path)
    copy = path if folder is None else folder / COPIES / path.name
    check_unchanged(copy, found["sha256"])
    same = path.is_file() and _sha256(path) == found["sha256"]
    return f"{path if same else copy}:{attribute}"


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
    path, attribute = _parts(name)
    if not attribute:
        raise SpaceError(f"{name}: is no Python file; give a space as ./my_space.py:space")
    found = attribute_of(path, attribute, SpaceError)
    if not isinstance(found, SearchSpace):
        raise SpaceError(
            f"{name}: is a {type(found).__name__}, make it a search_spaces.SearchSpace"
        )
    return dataclasses.replace(found, build=TracedBuild(found))


def task_of(name: str) -> Task:
    """The task of a Python file, of a CSV, Parquet, npz or text file, or of a folder of images.

    Args:
        name: ``path.py:attribute``, of `nas.models.own_tasks.Data` or a function that gives it; or
            a path that `images_of_folder`, `text_task` or `data_of_table` reads.

    Raises:
        TaskError: The file cannot be read or run, or its data do not make a task.
    """
    path, attribute = _parts(name)
    if not attribute:
        path = path.expanduser().resolve()
        return _task_without_code(path, _sha256(path) if path.exists() else "")
    found = attribute_of(path, attribute, TaskError)
    with guarded(name, TaskError):
        data = found() if callable(found) else found
    if not isinstance(data, Data):
        raise TaskError(
            f"{name}: gives a {type(data).__name__}, return nas.models.own_tasks.Data(x, y)"
        )
    return own_task(path.stem, data)


@lru_cache(maxsize=1)  # a launch asks for its task several times
def _task_without_code(path: Path, _sha256: str) -> Task:
    if path.is_dir():
        return own_task(path.name, images_of_folder(path))
    if path.suffix == ".txt":
        return text_task(path)
    return own_task(path.stem, data_of_table(path))


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
        _check_arguments(self.given, (architecture, input_shape, outputs, *spec))
        try:
            with guarded("build", SpaceError):
                built = self.given.build(dict(architecture), input_shape, outputs, *spec)
        except CarbonNasError as error:
            raise type(error)(f"{where}: {error}") from None
        if isinstance(built, tuple | list) and all(isinstance(row, Layer) for row in built):
            return tuple(built)
        from nas.models.trace import traced_layers

        ids = "text" in self.given.accepts or "translation" in self.given.accepts
        try:
            with guarded("build", SpaceError):
                return traced_layers(built, input_shape, ids=ids)
        except CarbonNasError as error:
            raise type(error)(f"{where}: {error}") from None


def _check_arguments(given: SearchSpace, arguments: tuple[Any, ...]) -> None:
    try:
        takes = inspect.signature(given.build)
    except (TypeError, ValueError):  # not callable, or of C: it fails where it is called
        return
    try:
        takes.bind(*arguments)
    except TypeError:
        names = ", ".join(("architecture", "input_shape", "outputs", "spec")[: len(arguments)])
        raise SpaceError(
            f"{given.name}: build takes {takes}; write build({names}) for these data"
        ) from None


def _parts(name: str) -> tuple[Path, str]:
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        if name.endswith(".py"):
            raise RunError(f"{name}: names no part of the file, write {name}:NAME")
        return Path(name), ""
    return Path(path), attribute


def _sha256(path: Path) -> str:
    if path.is_dir():
        return folder_sha256(path)
    if path.exists() and not path.is_file():  # a device or pipe, which may never end
        raise RunError(f"{path}: is neither a file nor a folder; name one of these")
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; name a file that can be read") from None
