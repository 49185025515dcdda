"""A worker: pulls jobs from a run, trains them, records them. It holds no state of its own."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from nas.engine.claims import BEAT_S, Claims
from nas.engine.decide import Decider
from nas.engine.job import Job
from nas.engine.ladder import checkpoint_path
from nas.engine.plan import Plan, load_plan
from nas.engine.rungs import rung_epochs
from nas.engine.samplers import seed_of
from nas.engine.shared_weights import SharedWeights, write_agreement
from nas.engine.storage import database_faults, open_storage, open_study
from nas.runs import Run
from nas.runs.files import write_whole
from nas.runs.machine import worker_power
from nas.runs.meter import EnergyMeter, energy_meter
from nas.runs.tables import read_records

if TYPE_CHECKING:
    from nas.models.checkpoint import Checkpoint
    from nas.models.model_energy import Counter

__all__ = ["PAUSE_SIGNAL", "STOPPED_CODE", "SUPERVISOR_VARIABLE", "work"]

STOPPED_CODE = 130
PAUSE_SIGNAL = signal.SIGUSR1
SUPERVISOR_VARIABLE = "CARBON_NAS_SUPERVISOR"
_POLL_S = 0.2


class Stop:
    """Whether the worker is to end, and the thread that keeps its claims alive.

    It ends on SIGINT and SIGTERM, and when the `carbon-nas search` that started it has gone.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.after_job = False
        self._supervisor = int(os.environ.get(SUPERVISOR_VARIABLE, "0"))

    def __call__(self) -> bool:
        if self._supervisor and os.getppid() != self._supervisor:
            self._event.set()
        return self._event.is_set()

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Ask the worker to end."""
        self._event.set()

    def on_pause(self, _number: int, _frame: FrameType | None) -> None:
        """Ask the worker to end after the training that it is at."""
        self.after_job = True

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a signal."""
        self._event.wait(seconds)


def work(run: Run) -> str:
    """Train for a run until it is done or this process is asked to stop.

    Returns:
        "done" when nothing is left for any worker, "stopped" when asked to stop.

    Raises:
        TaskError: If the task's data cannot be read.
        StorageError: If the database or a record cannot be written.
    """
    stop = Stop()
    signal.signal(signal.SIGINT, stop.on_signal)
    signal.signal(signal.SIGTERM, stop.on_signal)
    signal.signal(PAUSE_SIGNAL, stop.on_pause)
    with database_faults(run.path):
        return _work(run, stop)


def _work(run: Run, stop: Stop) -> str:
    plan = load_plan(run)
    storage = open_storage(run.database_url)
    study = open_study(storage, plan.objectives, run.study_name)
    claims = Claims(storage.engine, run.study_name)
    decider = Decider(run, plan, study, claims, worker_power(run.frozen))
    if decider.finished():  # then this process is none of its workers, and costs it nothing
        return "done"
    claims.start()
    with _beating(claims):
        done = _pull(run, plan, decider, stop)
    if not done:
        return "stopped"
    decider.record_spent()
    return "done"


def _pull(run: Run, plan: Plan, decider: Decider, stop: Stop) -> bool:
    """Do jobs until there are none, and whether that was the end."""
    trainer: _Trainer | None = None
    while not stop() and not stop.after_job:
        job = decider.next_job()
        if job == "done":
            return True
        if job == "wait":
            stop.wait(_POLL_S)
            continue
        trainer = trainer or _Trainer(run, plan, decider)
        trainer.do(job, stop)
    return False


class Epochs:
    """Time and, where the machine counts it, energy of every epoch.

    Args:
        meter: Of the processor; None where nothing counts.
        card: Counter of the whole card that it is trained on, all that runs there included.
    """

    def __init__(self, meter: EnergyMeter | None, card: Counter | None = None) -> None:
        self._meter, self._card = meter, card
        self._began = time.perf_counter()
        self.seconds: list[float] = []
        self.joules: list[float | None] = []
        self.card_j: list[float | None] = []
        self._card_before = self._counted()
        if meter is not None:
            meter.used_j()

    def ended(self, _epoch: object, _module: object) -> None:
        """Note what the epoch took, building and validation included."""
        now = time.perf_counter()
        self.seconds.append(now - self._began)
        self._began = now
        if self._meter is not None:
            self.joules.append(self._meter.used_j())
        if self._card is not None:
            before, after = self._card_before, self._counted()
            self._card_before = after
            self.card_j.append(None if before is None or after is None else after - before)

    def energy(self) -> dict[str, Any]:
        """What was measured, for the record."""
        return {
            "meter": None if self._meter is None else self._meter.name,
            "measured_epoch_j": self.joules if self._meter is not None else None,
            **({"card_epoch_j": self.card_j} if self._card is not None else {}),
        }

    def _counted(self) -> float | None:
        try:
            return None if self._card is None else self._card()
        except (OSError, ValueError):
            return None


class _Trainer:
    """Holds the task's data; loads torch when the first job comes."""

    def __init__(self, run: Run, plan: Plan, decider: Decider) -> None:
        from nas.models.tasks import load_splits

        self._run = run
        self._plan = plan
        self._decider = decider
        self._splits = load_splits(plan.task, data_dir=plan.data_dir)
        self._meter = energy_meter()
        self._card = _card() if plan.recipe.device == "cuda" else None
        self._shared = SharedWeights(run, plan, self._splits)

    def do(self, job: Job, stop: Stop) -> None:
        recipe = self._plan.supernet_recipe
        result: dict[str, Any] | None = None
        if recipe is not None and job.trial is not None:
            if not self._shared.ready(recipe, stop, stop.wait):
                self._decider.abandon(job)
                return
            result = self._shared.result(job.look)
        if result is None:
            result = self._trained(job, stop)
        elif job.pilot:
            result = _with_pilot(result, self._trained(job, stop))
        if result is None:
            self._decider.abandon(job)
            return
        worker = self._decider.claims.worker
        self._decider.record(job, _finite({**result, "worker": worker}))
        if job.rung:
            self._checkpoint(job, job.rung - 1).unlink(missing_ok=True)
        if recipe is not None and (job.training or job.pilot):
            write_agreement(self._run, read_records(self._run.artifacts))

    def _trained(self, job: Job, stop: Stop) -> dict[str, Any] | None:
        """How the training of a job ended; None where this worker was asked to end."""
        from nas.models.evaluate import errors_by_precision
        from nas.models.train import Training, train, train_in_cycles

        plan = self._plan
        seed = seed_of("train", plan.seed, job.look.candidate, job.training)
        look = job.look
        until, begun = self._segment(job)
        weights = self._slices(job, stop)
        epochs = Epochs(self._meter, self._card)
        run: Callable[..., Training] = partial(train, until=until, begun=begun, weights=weights)
        if plan.rungs and job.rung is None and weights is None:
            # Finalists and references are trained as those that climbed.
            run = partial(train_in_cycles, ends=rung_epochs(look.recipe.epochs)[:-1])
        training = run(
            look.layers,
            plan.task,
            self._splits,
            look.recipe,
            seed=seed,
            should_stop=stop,
            on_epoch=epochs.ended,
        )
        if training.status == "interrupted":
            return None
        errors: dict[str, float | None] = {}
        error_s: dict[str, float] = {}
        if training.state is not None:
            for precision in plan.precisions:
                began = time.perf_counter()
                if precision == "fp32" and look.recipe.device == "cpu":
                    errors[precision] = training.error  # of these weights, by the same kernels
                else:
                    errors |= errors_by_precision(
                        training.state, look.layers, plan.task, self._splits, [precision]
                    )
                error_s[precision] = time.perf_counter() - began
            self._save_weights(job, training.state)
        if training.checkpoint is not None and job.rung is not None:
            # Precisions are told apart where a training is whole.
            errors = dict.fromkeys(plan.precisions, training.error)
            self._save_checkpoint(training.checkpoint, job)
        return {
            "status": training.status,
            "message": training.message or None,
            "seed": seed,
            **({"begun_from": "supernet"} if weights is not None else {}),
            "errors": errors,
            "curve": [[e.epoch, e.loss, e.error] for e in training.curve],
            "seconds": training.seconds,
            "epoch_s": epochs.seconds,
            "error_s": error_s,
            **epochs.energy(),
        }

    def _slices(self, job: Job, stop: Stop) -> Mapping[str, Any] | None:
        """What a finalist begins from, where the run wants it to begin from the shared weights."""
        recipe = self._plan.supernet_recipe
        if recipe is None or not self._plan.finalists_from_slices or not job.training:
            return None
        if not self._shared.ready(recipe, stop, stop.wait):
            return None  # asked to end, as the training then is
        return self._shared.slices(job.look)

    def _segment(self, job: Job) -> tuple[int | None, Checkpoint | None]:
        """The epoch at which to stop, and from where to go on; None for a whole training."""
        from nas.models.checkpoint import read_checkpoint

        if job.rung is None:
            return None, None
        last = job.rung == len(self._plan.rungs) - 1
        begun = read_checkpoint(self._checkpoint(job, job.rung - 1)) if job.rung else None
        return None if last else self._plan.rungs[job.rung], begun

    def _checkpoint(self, job: Job, rung: int) -> Path:
        return checkpoint_path(self._run.artifacts, job.look.candidate, rung)

    def _save_checkpoint(self, checkpoint: Checkpoint, job: Job) -> None:
        from nas.models.checkpoint import write_checkpoint

        path = self._checkpoint(job, job.rung or 0)
        write_whole(path, lambda temporary: write_checkpoint(checkpoint, temporary))

    def _save_weights(self, job: Job, state: Mapping[str, Any]) -> None:
        if job.trial is None:
            return
        from nas.models.weights import save_weights

        path = self._run.artifacts / job.look.candidate / "weights.safetensors"
        write_whole(path, lambda temporary: save_weights(state, temporary))


def _card() -> Counter | None:
    """What counts the energy of the card that is trained on."""
    from nas.models.gpu_profile import gpu_device
    from nas.models.model_energy import card_counter, nvml_library

    return card_counter(nvml_library(), gpu_device().index or 0)


def _with_pilot(
    shared: Mapping[str, Any], alone: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The result by shared weights with the errors of a training alone; None without that."""
    if alone is None:
        return None
    seconds = shared["seconds"] + alone["seconds"]
    return {**shared, "alone": alone["errors"], "seconds": seconds}


@contextmanager
def _beating(claims: Claims) -> Iterator[None]:
    """Renew this worker's leases from a thread until the block ends."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_S):
            try:
                claims.beat()
            except SQLAlchemyError:
                # The next write of the main thread meets the same fault and reports it.
                continue

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        claims.beat(stopped=True)


def _finite(value: Any) -> Any:
    """NaN and infinity as None, since JSON has neither and an unknown is None."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
