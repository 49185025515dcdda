"""Every exception that carbon-nas raises on purpose; the command line prints it as one line.

A message says what, what it got, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CarbonNasError",
    "ConfigError",
    "DeploymentError",
    "ExportError",
    "FrontError",
    "HardwareError",
    "LayerError",
    "RunError",
    "SelectionError",
    "SpaceError",
    "StorageError",
    "StudyError",
    "TaskError",
    "unknown_name",
]


class CarbonNasError(Exception):
    """Root of the tree: anything a user can mend."""


class ConfigError(CarbonNasError):
    """A search configuration that cannot be read or does not make sense."""


class SpaceError(CarbonNasError):
    """An unknown search space, or an architecture outside its space."""


class LayerError(SpaceError):
    """A layer graph that does not connect."""


class TaskError(CarbonNasError):
    """An unknown task, or data that are missing or damaged."""


class HardwareError(CarbonNasError):
    """An unknown or faulty hardware profile, grid or fab table."""


class DeploymentError(CarbonNasError):
    """A deployment that cannot be costed, such as a precision the device lacks."""


class CalibrationError(CarbonNasError):
    """Measurements of a device that cannot be read or fitted."""


class StudyError(CarbonNasError):
    """A demand, view or boundary that does not close or does not compare."""


class RunError(CarbonNasError):
    """A run folder that is missing, damaged, busy or of another format."""


class StorageError(RunError):
    """A record that could not be written, such as on a full disk."""


class FrontError(CarbonNasError):
    """Scores that make no front, or fronts that do not compare."""


class SelectionError(CarbonNasError):
    """Limits that no candidate meets."""


class ExportError(CarbonNasError):
    """A model that could not be exported or did not verify."""


def unknown_name(kind: str, name: str, known: Iterable[str], command: str) -> str:
    """One line for an unknown name: the nearest known one and the command that lists all.

    Args:
        kind: What the name was meant to be, such as ``"hardware"``.
        name: What was given.
        known: All valid names.
        command: The command that lists them.
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{kind}: {name!r} is unknown{hint} `{command}` lists all"
