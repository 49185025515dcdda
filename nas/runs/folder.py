"""A run folder: frozen configuration, records, derived tables, environment."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hardware_profiles.deployment import Deployment, deployment_from_dict
from nas.carbon.study import Study, study_from_dict
from nas.errors import RunError, StorageError
from nas.runs.files import read_json, write_json, write_text
from nas.runs.frozen import check_frozen, check_spent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMAT", "Run", "create_run", "open_run", "taken"]

FORMAT = 1

_PACKAGES = ("carbon-nas", "numpy", "onnxruntime", "optuna", "pandas", "scikit-learn", "torch")


@dataclass(frozen=True)
class Run:
    """An opened run folder.

    Attributes:
        path: The folder.
        config: The configuration as frozen at launch, every default written out.
        frozen: What the launch resolved: study, deployments with their profiles and grids
            inside, task facts, recipe, the machine that searches.
    """

    path: Path
    config: Mapping[str, Any]
    frozen: Mapping[str, Any]

    @cached_property
    def study(self) -> Study:
        """Functional unit, demand, boundary and factor tables of every score."""
        return study_from_dict(self.frozen["study"])

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        """The deployments of the run, in the order of its configuration."""
        return tuple(deployment_from_dict(row) for row in self.frozen["deployments"])

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the objectives that were searched."""
        return tuple(self.frozen["objectives"])

    @property
    def artifacts(self) -> Path:
        """The folder that holds one folder a candidate."""
        return self.path / "artifacts"

    def reference_path(self, name: str) -> Path:
        """The file with the result of a reference model's training."""
        return self.path / "references" / f"{name.replace(' ', '-')}.json"

    @property
    def database_url(self) -> str:
        """The study's database; a file in the folder unless the launch named a server.

        Raises:
            RunError: If the launch named an environment variable that is not set here.
        """
        storage = self.frozen["storage"]
        if storage is None:
            return f"sqlite:///{self.path / 'study.db'}"
        name = str(storage).removeprefix("env:")
        if name == storage:
            return name
        if name not in os.environ:
            raise RunError(f"{self.path}: its database is in ${name}, which is not set; set it")
        return os.environ[name]

    @property
    def study_name(self) -> str:
        """Name of the study in that database."""
        return str(self.frozen.get("study_name", "search"))

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions and machine at launch."""
        value: Mapping[str, Any] = read_json(self.path / "environment.json")
        return value

    def spent(self) -> Mapping[str, float] | None:
        """What the whole search used: `seconds`, `energy_j`, `gco2e`; None while unknown.

        Raises:
            RunError: If the file is damaged.
        """
        path = self.path / "spent.json"
        if not path.exists():
            return None
        found: Mapping[str, float] = read_json(path)
        check_spent(path, found)
        return found

    def candidates(self) -> pd.DataFrame:
        """One row a decided candidate, built from the records, in the order of decision."""
        from nas.runs.tables import candidate_table, read_records

        return candidate_table(read_records(self.artifacts))

    def scores(self) -> pd.DataFrame:
        """One row a trained candidate and deployment, with a column for every objective."""
        from nas.runs.tables import read_records, score_table

        return score_table(
            read_records(self.artifacts), self.deployments, self.study, self.frozen["constraints"]
        )


def open_run(path: str | Path) -> Run:
    """Open an existing run folder.

    Raises:
        RunError: If it is missing, damaged, or of another format.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run folder; `carbon-nas search` makes one")
    if not (folder / "frozen.json").is_file():
        raise RunError(f"{folder}: has no frozen.json, so it is not a run folder or is damaged")
    frozen = read_json(folder / "frozen.json")
    if not isinstance(frozen, dict) or frozen.get("format") != FORMAT:
        got = frozen.get("format") if isinstance(frozen, dict) else None
        raise RunError(
            f"{folder}: format {got!r} is not {FORMAT}; open it with the carbon-nas that wrote it"
        )
    check_frozen(folder / "frozen.json", frozen)
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{folder / 'config.yaml'}: is missing; restore it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).replace("\n", " ")
        raise RunError(f"{folder / 'config.yaml'}: is damaged ({line}); restore it") from None
    if not isinstance(config, dict):
        raise RunError(f"{folder / 'config.yaml'}: is damaged, it holds no keys; restore it")
    return Run(folder.resolve(), config, frozen)


def create_run(
    path: str | Path,
    config_text: str,
    frozen: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
) -> Run:
    """Make a run folder, whole or not at all: it is filled beside its place, then renamed.

    Args:
        path: Where; must not hold a run already.
        config_text: The configuration as YAML, every default written out.
        frozen: The facts that the launch resolved, as plain JSON values.
        files: Texts by path within the folder, such as copies of the user's own files.

    Raises:
        RunError: If a run or another file is there already.
        StorageError: If the disk is full or cannot be written.
    """
    folder = Path(path)
    if fault := taken(folder):
        raise RunError(fault)
    place = folder.resolve()
    half_made = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        write_text(half_made / "config.yaml", config_text)
        for name, text in (files or {}).items():
            write_text(half_made / name, text)
        write_json(half_made / "environment.json", _environment())
        write_json(half_made / "frozen.json", {"format": FORMAT, **frozen})
        if place.exists():  # and is empty; it may be where someone stands, so it stays
            for part in sorted(half_made.iterdir()):  # frozen.json is the last
                part.rename(place / part.name)
        else:
            half_made.rename(place)
    except (OSError, StorageError) as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise StorageError(
            f"{folder}: could not be made: {reason}; free some space or name another folder"
        ) from error
    finally:
        shutil.rmtree(half_made, ignore_errors=True)
    return open_run(folder)


def taken(path: Path) -> str | None:
    """Why no run can be made in a folder, in one line; None if one can."""
    if (path / "frozen.json").exists():
        return f"{path}: holds a run already; `carbon-nas resume {path}`, or name another folder"
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        return f"{path}: exists and is not empty; name another folder"
    return None


def _environment() -> dict[str, Any]:
    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": versions,
    }
