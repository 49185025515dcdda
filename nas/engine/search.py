"""Launch a run and see it through: start workers, watch them, restart what dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nas.engine.claims import Claims
from nas.engine.config import SearchConfig, config_to_yaml
from nas.engine.crashes import record_crash
from nas.engine.decide import Decider
from nas.engine.own_files import check_sources, copies_of
from nas.engine.pinning import pin
from nas.engine.plan import chosen, load_plan, plan_of
from nas.engine.probe import Expected, Probe, expected, probe
from nas.engine.progress import Progress, Watcher
from nas.engine.recipe_choices import check_samples
from nas.engine.resolve import resolve
from nas.engine.schedule import schedule_of
from nas.engine.shared_weights import WEIGHTS, WEIGHTS_OF
from nas.engine.storage import database_faults, open_storage, open_study
from nas.engine.warm_start import inherited
from nas.engine.worker import PAUSE_SIGNAL, STOPPED_CODE, SUPERVISOR_VARIABLE
from nas.errors import RunError
from nas.models.tasks import Splits, Task
from nas.runs import Run, create_run
from nas.runs.files import write_whole
from nas.runs.machine import worker_power
from nas.runs.tables import write_tables

__all__ = ["Outcome", "launch", "preview", "search", "supervise", "watch"]

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_POLL_S = 0.3
_PROGRESS_S = 1.5
_ORPHANS_S = 15.0
_RESTARTS_WITHOUT_RESULT = 5
_CRASHES = {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGILL,
    signal.SIGFPE,
}


@dataclass(frozen=True)
class Outcome:
    """How a run was left: finished and why, or interrupted."""

    finished: bool
    reason: str


def preview(config: SearchConfig) -> tuple[Probe, Expected | None]:
    """Look at a search without starting it: who fits, and what it is likely to use.

    Raises:
        CarbonNasError: If a name is unknown, nothing is feasible or data are missing.
    """
    frozen = _resolved(config)
    found = probe(plan_of(frozen))
    return found, _expected(config, frozen, found)


def _expected(config: SearchConfig, frozen: dict[str, Any], found: Probe) -> Expected | None:
    plan, images = plan_of(frozen), frozen["train_samples"]
    workers = config.search.workers
    return expected(plan, found, images=images, workers=workers, power=plan.power)


def launch(config: SearchConfig, path: str | Path) -> Run:
    """Freeze a configuration into a new run folder.

    Raises:
        CarbonNasError: If a name is unknown, nothing is feasible, data are missing, or the folder
            holds something already.
    """
    frozen, records = _resolved(config), dict[str, str]()
    if config.search.warm_start:
        told, records = inherited(config.search.warm_start, plan_of(frozen))
        frozen["warm_start"] = told
    found = probe(plan_of(frozen))
    corners = {"ideal": list(found.ideal), "reference": list(found.reference)}
    if frozen["search"]["schedule"] is not None:
        needed = _expected(config, frozen, found)
        frozen["search"]["schedule"]["work_s"] = needed and needed.seconds
    copies = {**records, **copies_of(frozen)}
    run = create_run(path, config_to_yaml(config), {**frozen, **corners}, copies)
    if WEIGHTS_OF in copies:
        _copy(Path(config.search.warm_start[0]) / WEIGHTS, run.path / WEIGHTS)
    return run


def _copy(source: Path, target: Path) -> None:
    def write(temporary: Path) -> None:
        shutil.copyfile(source, temporary)

    write_whole(target, write)


def _resolved(config: SearchConfig) -> dict[str, Any]:
    """What the launch resolves, with the number of training samples, which the data tell."""
    from nas.models.tasks import load_splits

    frozen = resolve(config)
    task = chosen(config)[1]
    splits = load_splits(task, data_dir=frozen["data_dir"])
    samples = len(splits.train_y)
    check_samples(frozen["recipe_choices"], samples)
    _check_groups(frozen, task, splits)
    return {**frozen, "train_samples": samples}


def _check_groups(frozen: dict[str, Any], task: Task, splits: Splits) -> None:
    """Refuse effects of groups that cannot be told here, not in the first training."""
    from nas.models.group_effects import group_effects

    searched = frozen["recipe_choices"]
    for recipe in (frozen["recipe"], frozen["final_recipe"]):
        if recipe.get("group_effects") or searched.get("group_effects"):
            images = [recipe.get("train_images"), *searched.get("train_images", ())]
            fewest = min((count for count in images if count is not None), default=None)
            group_effects(task, splits, fewest)


def search(config: SearchConfig, path: str | Path) -> Run:
    """Launch a run and see it to its end; the tables are written beside the records.

    Raises:
        CarbonNasError: As `launch` and `supervise`.
        KeyboardInterrupt: SIGINT or SIGTERM came; `carbon-nas resume` goes on.
    """
    run = launch(config, path)
    if not supervise(run, workers=config.search.workers).finished:
        raise KeyboardInterrupt(f"nothing is lost. Resume with: carbon-nas resume {path}")
    return run


def supervise(
    run: Run,
    *,
    workers: int,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Start workers for a run, fresh or interrupted, and wait until it is done.

    A worker that a candidate crashed (a signal such as SIGSEGV, or the kernel's out-of-memory
    killer) is recorded as that candidate's outcome; a worker killed otherwise loses its training,
    which is drawn again. Either way another worker takes its place.

    Args:
        run: The run.
        workers: How many processes to start.
        on_progress: Called a few times a second.

    Returns:
        Whether the run finished, and why it ended. SIGINT and SIGTERM interrupt it.

    Raises:
        RunError: If other workers are at work on the run, workers keep dying, or a file of the
            user's own has changed.
        StorageError: If the database or a record cannot be written.
    """
    check_sources(run.frozen)
    with database_faults(run.path):
        return _Supervisor(run, workers).see_through(on_progress)


def watch(run: Run) -> tuple[Progress, list[int]]:
    """How far a run is, and the process ids of the workers that live.

    Raises:
        RunError: If the database or a record is damaged.
    """
    local = run.path / "study.db"
    if run.frozen["storage"] is None and not local.exists():
        raise RunError(f"{local}: is missing; `carbon-nas resume {run.path}` starts it again")
    with database_faults(run.path):
        plan = load_plan(run)
        storage = open_storage(run.database_url)
        study = open_study(storage, plan.objectives, run.study_name)
        claims = Claims(storage.engine, run.study_name)
        decider = Decider(run, plan, study, claims, worker_power(run.frozen))
        alive = [worker.pid for worker in claims.workers() if worker.alive]
        return Watcher(run, plan, decider).progress(), alive


class _Supervisor:
    def __init__(self, run: Run, workers: int) -> None:
        self._run = run
        self._count = workers
        self._plan = load_plan(run)
        storage = open_storage(run.database_url)
        self._study = open_study(storage, self._plan.objectives, run.study_name)
        self._claims = Claims(storage.engine, run.study_name)
        self._decider = Decider(
            run, self._plan, self._study, self._claims, worker_power(run.frozen)
        )
        self._watcher = Watcher(run, self._plan, self._decider)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._schedule = schedule_of(run)
        self._paused = False
        self._pausing: set[int] = set()  # slots that were asked to pause and not started since
        self._interrupted = False
        self._done = False
        self._restarts = 0
        self._results_seen = -1
        self._oom_kills = _oom_kills()

    def see_through(self, on_progress: Callable[[Progress], None] | None) -> Outcome:
        before = [signal.signal(number, self._on_signal) for number in _STOPPING]
        try:
            self._wait_for_orphans()
            # A worker without work would still be charged to the run.
            self._done = self._decider.finished()
            if not self._done:
                self._start_or_pause()
            told_at = 0.0
            while self._processes or (self._pausing and not self._done):
                time.sleep(_POLL_S)
                if self._interrupted:
                    self._stop_workers()
                    break
                for slot, process in list(self._processes.items()):
                    if _has_ended(process):
                        del self._processes[slot]
                        self._on_exit(slot, process)
                if time.monotonic() - told_at > _PROGRESS_S:
                    self._start_or_pause()
                    if on_progress is not None:
                        on_progress(self._watcher.progress())
                    told_at = time.monotonic()
        finally:
            self._stop_workers()
            for number, handler in zip(_STOPPING, before, strict=True):
                signal.signal(number, handler)
        write_tables(self._run.path, self._run.candidates(), self._run.scores())
        self._decider.record_spent()
        if on_progress is not None:
            on_progress(self._watcher.progress())
        if not self._done:
            return Outcome(False, "interrupted")
        return Outcome(True, str(self._study.user_attrs["stop_reason"]))

    def _start_or_pause(self) -> None:
        """Have all workers at work; or none, where the grid has it so, once each has trained."""
        if self._done:
            return
        if self._schedule is not None:
            paused = not self._schedule.may_run(self._watcher.progress().left_s)
            if self._paused != paused:
                self._paused = paused
                self._schedule.note_paused(paused)
        if self._paused:
            self._pausing = set(range(self._count))
            for process in self._processes.values():
                process.send_signal(PAUSE_SIGNAL)
            return
        for slot in range(self._count):
            if slot not in self._processes:
                self._start(slot)

    def _start(self, slot: int) -> None:
        threads = str(self._run.frozen["search"]["threads"])
        environment = {
            **os.environ,
            SUPERVISOR_VARIABLE: str(os.getpid()),
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
        }
        with self._log(slot).open("ab") as log:
            self._pausing.discard(slot)
            process = subprocess.Popen(
                [sys.executable, "-m", "nas", "worker", str(self._run.path)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes[slot] = process
        pin(process.pid, slot, self._count, int(threads))

    def _on_exit(self, slot: int, process: subprocess.Popen[bytes]) -> None:
        try:
            with self._claims.ask_lock():
                code = process.wait()
                if code < 0:
                    self._record_crash(process.pid, signal.Signals(-code))
        finally:
            process.wait()
        if code == 0:
            self._done = True
        elif code < 0:
            if not self._paused:  # else it was killed before it could take the pause
                self._count_restart(slot)
                self._start(slot)
        elif code != STOPPED_CODE:
            raise RunError(_last_line(self._log(slot)) or f"worker {slot}: exit code {code}")

    def _record_crash(self, pid: int, killed: signal.Signals) -> None:
        out_of_memory = _oom_kills() > self._oom_kills
        self._oom_kills = _oom_kills()
        if killed in _CRASHES or out_of_memory:
            status = "out_of_memory" if out_of_memory else "crashed"
            message = f"the worker was killed by {killed.name}"
            record_crash(self._decider, pid, status, message)

    def _count_restart(self, slot: int) -> None:
        results = self._watcher.results()
        self._restarts = self._restarts + 1 if results == self._results_seen else 1
        self._results_seen = results
        if self._restarts > _RESTARTS_WITHOUT_RESULT:
            raise RunError(
                f"{self._run.path}: workers died {self._restarts} times without a result; "
                f"see {self._log(slot)}, then `carbon-nas resume {self._run.path}`"
            )

    def _wait_for_orphans(self) -> None:
        """Workers whose supervisor was killed end within seconds; others are at work."""
        deadline = time.monotonic() + _ORPHANS_S
        while alive := [worker for worker in self._claims.workers() if worker.alive]:
            if self._interrupted:
                return
            if time.monotonic() > deadline:
                pids = ", ".join(str(worker.pid) for worker in alive)
                raise RunError(
                    f"{self._run.path}: workers are at work on it (pid {pids}); "
                    f"`carbon-nas status {self._run.path}` shows them"
                )
            time.sleep(_POLL_S)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._interrupted = True

    def _stop_workers(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            self._done = process.wait() == 0 or self._done
        self._processes.clear()

    def _log(self, slot: int) -> Path:
        folder = self._run.path / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"worker-{slot}.log"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without collecting it: until then its claims stand."""
    try:
        return bool(psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("carbon-nas: ") if lines else ""


def _oom_kills() -> int:
    """How many processes the kernel has killed for memory since it started; 0 if unknown."""
    try:
        text = Path("/proc/vmstat").read_text(encoding="utf-8")
    except OSError:
        return 0
    rows = dict(line.split() for line in text.splitlines())
    return int(rows.get("oom_kill", 0))
