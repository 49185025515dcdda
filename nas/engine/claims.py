"""Who works on what: claims, the lock around an ask, and the workers of a run.

Three facts live in the study's own database, so that a worker needs nothing else: which
candidate is being trained by whom, who may ask the sampler now, and when each worker was last
seen. A claim whose process has died on this host is free as soon as the process that started it
has collected it; one of another host is free when its lease has run out for `GRACE_S`.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

__all__ = ["ASK_LOCK", "STUDY_NAME", "Claim", "Claims", "WorkerSpan", "make_tables"]

STUDY_NAME = "search"

LEASE_S = 60.0
GRACE_S = 180.0
BEAT_S = 5.0
ASK_LOCK = "ask"
_POLL_S = 0.02
_OTHERS = 20
_OTHERS_S = 0.1

_Made = TypeVar("_Made")

_metadata = sa.MetaData()

_claims = sa.Table(
    "claims",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("candidate_key", sa.String(64), primary_key=True),
    sa.Column("worker", sa.String(128), nullable=False),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_start", sa.Float, nullable=False),
    sa.Column("parent", sa.Integer, nullable=False),
    sa.Column("trial", sa.Integer),
    sa.Column("lease_until", sa.Float, nullable=False),
)

_workers = sa.Table(
    "workers",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("worker", sa.String(128), primary_key=True),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_start", sa.Float, nullable=False),
    sa.Column("parent", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("stopped", sa.Boolean, nullable=False),
)


def make_tables(make: Callable[[], _Made]) -> _Made:
    """Call what makes tables that are absent, again if another process was faster.

    Raises:
        SQLAlchemyError: If it fails whatever the others do.
    """
    for _ in range(_OTHERS):
        try:
            return make()
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if "exists" not in str(error) and "UNIQUE" not in str(error):
                raise
            time.sleep(_OTHERS_S)
    return make()


@dataclass(frozen=True)
class Claim:
    """One claim: the key, the worker that holds it, the trial it serves, if any."""

    key: str
    worker: str
    pid: int
    trial: int | None
    alive: bool


@dataclass(frozen=True)
class WorkerSpan:
    """One worker's time: from its start until it was last seen [s since the epoch]."""

    worker: str
    pid: int
    started_at: float
    seen_at: float
    alive: bool


class Claims:
    """The claims and workers of one run, as seen by one worker.

    Args:
        engine: Database of the study.
        study: Name of the study, since runs may share a database.
    """

    def __init__(self, engine: sa.Engine, study: str = STUDY_NAME) -> None:
        self._engine = engine
        self._study = study
        self._host = socket.gethostname()
        self._pid = os.getpid()
        self._pid_start = psutil.Process(self._pid).create_time()
        self._parent = os.getppid()
        self.worker = f"{self._host}-{self._pid}-{int(self._pid_start * 100)}"
        make_tables(lambda: _metadata.create_all(engine, checkfirst=True))

    def start(self) -> None:
        """Enter this process among the workers of the run."""
        now = time.time()
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(_workers).where(
                    _workers.c.study == self._study, _workers.c.worker == self.worker
                )
            )
            connection.execute(
                sa.insert(_workers).values(
                    study=self._study,
                    worker=self.worker,
                    host=self._host,
                    pid=self._pid,
                    pid_start=self._pid_start,
                    parent=self._parent,
                    started_at=self._pid_start,
                    seen_at=now,
                    stopped=False,
                )
            )

    def beat(self, *, stopped: bool = False) -> None:
        """Say that this worker lives (or has stopped), and renew its leases."""
        now = time.time()
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(_workers)
                .where(_workers.c.worker == self.worker)
                .values(seen_at=now, stopped=stopped)
            )
            connection.execute(
                sa.update(_claims)
                .where(_claims.c.worker == self.worker)
                .values(lease_until=now + LEASE_S)
            )

    def take(self, key: str, trial: int | None = None) -> bool:
        """Claim `key`; False if a living worker holds it."""
        row = {
            "study": self._study,
            "candidate_key": key,
            "worker": self.worker,
            "host": self._host,
            "pid": self._pid,
            "pid_start": self._pid_start,
            "parent": self._parent,
            "trial": trial,
            "lease_until": time.time() + LEASE_S,
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_claims).values(row))
        except IntegrityError:
            return False
        return True

    def free(self, key: str) -> None:
        """Give up this worker's claim on `key`; nothing happens if it holds none."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(_claims).where(
                    _claims.c.study == self._study,
                    _claims.c.candidate_key == key,
                    _claims.c.worker == self.worker,
                )
            )

    def all(self) -> list[Claim]:
        """Every claim on a candidate, each with whether its worker lives."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(_claims).where(
                    _claims.c.study == self._study, _claims.c.candidate_key != ASK_LOCK
                )
            ).all()
        return [
            Claim(
                r.candidate_key, r.worker, r.pid, r.trial, self._lives(r, r.lease_until + GRACE_S)
            )
            for r in rows
        ]

    def of_dead(self, pid: int) -> list[Claim]:
        """The claims of a process of this host that has died."""
        return [
            claim
            for claim in self.all()
            if claim.worker.startswith(f"{self._host}-{pid}-") and not claim.alive
        ]

    def remove_dead(self) -> list[Claim]:
        """Free the claims of dead workers and return them."""
        dead = [claim for claim in self.all() if not claim.alive]
        for claim in dead:
            self.remove(claim)
        return dead

    def remove(self, claim: Claim) -> None:
        """Free a claim, whoever holds it."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(_claims).where(
                    _claims.c.study == self._study,
                    _claims.c.candidate_key == claim.key,
                    _claims.c.worker == claim.worker,
                )
            )

    @contextmanager
    def ask_lock(self) -> Iterator[None]:
        """Hold the run's one lock: suggestions and decisions are made under it, one at a time."""
        while not self.take(ASK_LOCK):
            self._break_dead_lock()
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            self.free(ASK_LOCK)

    def workers(self) -> list[WorkerSpan]:
        """Every worker that ever entered, each with whether it lives."""
        with self._engine.connect() as connection:
            mine = sa.select(_workers).where(_workers.c.study == self._study)
            rows = connection.execute(mine.order_by(_workers.c.started_at)).all()
        return [
            WorkerSpan(
                r.worker,
                r.pid,
                r.started_at,
                r.seen_at,
                not r.stopped and self._lives(r, r.seen_at + LEASE_S + GRACE_S),
            )
            for r in rows
        ]

    def _break_dead_lock(self) -> None:
        with self._engine.begin() as connection:
            row = connection.execute(
                sa.select(_claims).where(
                    _claims.c.study == self._study, _claims.c.candidate_key == ASK_LOCK
                )
            ).one_or_none()
            if row is not None and not self._lives(row, row.lease_until + GRACE_S):
                connection.execute(
                    sa.delete(_claims).where(
                        _claims.c.study == self._study,
                        _claims.c.candidate_key == ASK_LOCK,
                        _claims.c.worker == row.worker,
                    )
                )

    def _lives(self, row: sa.Row[Any], until: float) -> bool:
        if row.host != self._host:
            return time.time() < until
        try:
            process = psutil.Process(row.pid)
            if abs(process.create_time() - row.pid_start) >= 1.0:
                return False
            if process.status() != psutil.STATUS_ZOMBIE:
                return True
            # Its supervisor, if that is not this process, has still to record what killed it.
            supervised = process.ppid() == row.parent != self._pid
            return bool(supervised and time.time() < until)
        except psutil.NoSuchProcess:
            return False
