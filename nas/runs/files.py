"""Files that are either whole or absent: written beside their place, flushed, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nas.errors import RunError, StorageError

__all__ = ["read_json", "write_json", "write_text", "write_whole"]


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to disk and rename it.

    Args:
        path: The file's final place; its folder is made if absent.
        write: Called with the temporary path.

    Raises:
        StorageError: If the disk is full or cannot be written; `path` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"{path}: could not be written: {reason}; free some space, then run the command again"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8, whole or not at all.

    Raises:
        StorageError: If the disk is full or cannot be written.
    """

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all.

    Raises:
        StorageError: If the disk is full or cannot be written.
        ValueError: If `value` holds NaN or infinity, which JSON lacks.
    """
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON file of a run.

    Raises:
        RunError: If the file is absent or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: is missing; is this a run folder, and is it whole?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path}: is damaged ({error}); restore it, or delete it and `carbon-nas resume`"
        ) from None
