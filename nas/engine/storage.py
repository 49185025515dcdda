"""The study's database: Optuna's tables and our claims, in SQLite, PostgreSQL or MySQL."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage

from nas.engine.claims import STUDY_NAME, make_tables
from nas.errors import StorageError
from nas.objectives import Objective

__all__ = ["STUDY_NAME", "database_faults", "open_storage", "open_study"]

_SQLITE_TIMEOUT_S = 60
_LOCKED_S = 0.01


def open_storage(url: str) -> RDBStorage:
    """Open the database at `url`, making its tables if they are absent.

    SQLite runs with a write-ahead log and `synchronous=NORMAL`: a killed process loses nothing,
    and a write costs no flush of its own.

    Raises:
        StorageError: If it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    sqlite = url.startswith("sqlite")
    engine_kwargs: dict[str, Any] = (
        {"connect_args": {"timeout": _SQLITE_TIMEOUT_S}} if sqlite else {"pool_pre_ping": True}
    )
    try:
        storage = make_tables(lambda: RDBStorage(url, engine_kwargs=engine_kwargs))
    except (sa.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise StorageError(f"database {_safe(url)}: cannot be opened: {reason}") from None
    if sqlite:
        sa.event.listen(storage.engine, "connect", _set_pragmas)
        storage.engine.dispose()
    return storage


def open_study(
    storage: RDBStorage, objectives: Sequence[Objective], name: str = STUDY_NAME
) -> optuna.Study:
    """The run's one study, created at the first call.

    Args:
        storage: Of `open_storage`.
        objectives: Of the run, all minimised; tools for studies show their labels and units.
        name: Of the study; unique where runs share a database.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        directions=["minimize"] * len(objectives),
        load_if_exists=True,
    )
    names = [row.label if row.unit == "1" else f"{row.label} [{row.unit}]" for row in objectives]
    if study.metric_names != names:
        try:
            study.set_metric_names(names)
        except optuna.exceptions.StorageInternalError:
            if study.metric_names != names:  # or another process wrote them at the same moment
                raise
    return study


@contextmanager
def database_faults(path: Path) -> Iterator[None]:
    """Turn what the database reports, such as a full disk, into one line.

    Args:
        path: The run folder, for the message.

    Raises:
        StorageError: If the block met a fault of the database.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise StorageError(
            f"{path}: the database failed: {reason}; see whether the disk is full, "
            f"then `carbon-nas resume {path}`"
        ) from error


def _set_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    deadline = time.monotonic() + _SQLITE_TIMEOUT_S
    while not _keeps_a_log(cursor, may_wait=time.monotonic() < deadline):
        time.sleep(_LOCKED_S)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _keeps_a_log(cursor: sqlite3.Cursor, *, may_wait: bool) -> bool:
    """Ask for a write-ahead log; for this, SQLite does not wait where another holds the file."""
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if not may_wait or "locked" not in str(error):
            raise
        return False
    return True


def _safe(url: str) -> str:
    return sa.engine.make_url(url).render_as_string(hide_password=True) if "@" in url else url
