"""Errors of candidates from weights that all of them share, trained once for a run."""

from __future__ import annotations

import dataclasses
import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np

from nas.engine.plan import Look, Plan, plan_of
from nas.engine.samplers import seed_of
from nas.errors import SpaceError
from nas.models.recipe import Recipe
from nas.models.tasks import Splits
from nas.pareto import rank_agreement
from nas.runs import Run
from nas.runs.files import read_json, write_json
from nas.runs.tables import Record
from search_spaces.layers import Layer

__all__ = [
    "AGREEMENT",
    "PILOTS",
    "WEIGHTS",
    "WEIGHTS_OF",
    "SharedWeights",
    "agreement",
    "doubt_of",
    "write_agreement",
]

PILOTS = 5
"""First candidates scored that are trained alone too, to see how far to trust the rest."""

WEIGHTS = "supernet.safetensors"
"""File of the weights in a run's folder."""
WEIGHTS_OF = "supernet_of.json"
"""What the run froze that trained them, where another run began with its weights."""
AGREEMENT = "supernet.json"
"""How errors by shared weights agree with those of trainings alone."""
VALIDATION = 1000
"""Validation samples on which a sub-network is scored."""
_CALIBRATION = 256


class SharedWeights:
    """Trains the run's supernet, or waits until another worker has, and scores candidates by it.

    Args:
        run: The run; the weights are `supernet.safetensors` in its folder.
        plan: Its plan.
        splits: The task's data.
    """

    def __init__(self, run: Run, plan: Plan, splits: Splits) -> None:
        self._path = run.path / WEIGHTS
        self._plan = plan
        others = run.path / WEIGHTS_OF
        self._of = plan_of(read_json(others), run.path) if others.exists() else plan
        self._splits = splits
        self._trained = False

    def ready(
        self, recipe: Recipe, stop: Callable[[], bool], wait: Callable[[float], None]
    ) -> bool:
        """Train the weights, from the last checkpoint on, or wait for who does.

        Args:
            recipe: Of the supernet.
            stop: Whether this worker is to end.
            wait: Sleeps so many seconds, less when asked to end.

        Returns:
            Whether they are trained; False where the worker was asked to end before.

        Raises:
            RunError: If the checkpoint is damaged or the training diverges.
        """
        from nas.models.supernet_training import SupernetRecipe, train_supernet

        while not self._trained and not stop():
            with _alone(self._path.with_suffix(".lock")) as mine:
                if not mine:
                    wait(0.2)
                    continue
                self._trained = train_supernet(
                    self._supernet,
                    self._splits,
                    SupernetRecipe(recipe),
                    seed=self._seed,
                    checkpoint=self._path,
                    should_stop=stop,
                )
        return self._trained

    def result(self, look: Look) -> dict[str, Any] | None:
        """What is recorded of a candidate; None where the weights do not hold it.

        Args:
            look: The candidate.
        """
        from nas.models.evaluate import errors_by_precision

        began = time.perf_counter()
        state = self.slices(look)
        if state is None:
            return None
        errors = errors_by_precision(
            state, look.layers, self._plan.task, self._few, self._plan.precisions
        )
        return {
            "status": "trained",
            "message": None,
            "accuracy": "supernet",
            "seed": self._seed,
            "errors": errors,
            "curve": [],
            "seconds": time.perf_counter() - began,
        }

    def slices(self, look: Look) -> Mapping[str, Any] | None:
        """Weights that a training alone of a candidate may begin from; None where there are none.

        Args:
            look: The candidate.
        """
        try:
            state: Mapping[str, Any] = self._scorer.state(look.architecture)
        except SpaceError:
            return None
        return state

    @property
    def _seed(self) -> int:
        return seed_of("supernet", self._of.seed) % 2**31

    @cached_property
    def _few(self) -> Splits:
        x, y = self._splits.validation_x, self._splits.validation_y
        return dataclasses.replace(
            self._splits, validation_x=x[:VALIDATION], validation_y=y[:VALIDATION]
        )

    @cached_property
    def _supernet(self) -> Any:
        from nas.models.supernet import Supernet

        plan = self._of

        def admits(layers: tuple[Layer, ...]) -> bool:
            return bool(np.any(plan.scores(layers, plan.recipe, None)["feasible"]))

        return Supernet(plan.space, plan.task, seed=self._seed, admits=admits)

    @cached_property
    def _scorer(self) -> Any:
        from nas.models.supernet_scoring import SupernetScorer

        return SupernetScorer(self._supernet, self._few, calibration=_CALIBRATION)


def agreement(records: list[Record]) -> dict[str, Any]:
    """How errors by shared weights agree with those of networks trained alone.

    Args:
        records: Of a run; those count that have both.

    Returns:
        `candidates`, how many have both, pilots and finalists; `spearman` of the two, None of fewer
        than three;
        `log_ratio_mean` and `log_ratio_deviation` of the natural logarithm of the error alone over
        that by shared weights, None of fewer than two.
    """
    pairs = []
    for record in records:
        shared = [t for t in record.trainings if t.get("accuracy") == "supernet"]
        alone = [t for t in record.trainings if t.get("accuracy") != "supernet"]
        for precision in shared[0]["errors"] if shared else ():
            first = shared[0]["errors"][precision]
            trained = [t["errors"] for t in alone if t["status"] == "trained"]
            others = [errors.get(precision) for errors in (shared[0].get("alone", {}), *trained)]
            known = [value for value in others if value is not None]
            if first is not None and known:
                pairs.append((first, float(np.mean(known))))
                break
    table = np.maximum(np.array(pairs, dtype=float).reshape(-1, 2), 1e-9)
    ratios = np.log(table[:, 1] / table[:, 0])
    return {
        "candidates": len(pairs),
        "spearman": rank_agreement(table[:, 0], table[:, 1]) if len(pairs) > 2 else None,
        "log_ratio_mean": float(ratios.mean()) if len(pairs) > 1 else None,
        "log_ratio_deviation": float(ratios.std(ddof=1)) if len(pairs) > 1 else None,
    }


def doubt_of(run: Run) -> float:
    """Standard deviation of the logarithm of the error alone over that by shared weights.

    Args:
        run: The run.

    Returns:
        By what was recorded so far; 0 where nothing was, as where all are trained alone.
    """
    path = run.path / AGREEMENT
    found = read_json(path)["log_ratio_deviation"] if path.exists() else None
    return 0.0 if found is None else float(found)


def write_agreement(run: Run, records: list[Record]) -> None:
    """Write `AGREEMENT` of a run: how its shared weights agree with trainings alone."""
    write_json(run.path / AGREEMENT, agreement(records))


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Hold a file's lock for the block, or give False where another process holds it."""
    handle: IO[bytes]
    with path.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
