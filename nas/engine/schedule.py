"""Running when the grid is clean: what a launch freezes of it, and when a run pauses.

What is decided does not depend on the hours: a run that paused equals one that did not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles.hours import hourly_means_names
from hardware_profiles.traces import Trace
from nas.carbon.hourly import clock_of
from nas.carbon.scheduling import HOUR_S, Intensity, is_time_to_run
from nas.carbon.supply import hourly_of
from nas.engine.config import SearchConfig
from nas.errors import ConfigError, RunError
from nas.runs import Run
from nas.runs.files import read_json, write_json

__all__ = ["Schedule", "frozen_schedule", "intensity_of", "schedule_of"]

_SPARE = 1.2  # of the time that is left: estimates are off
_AFTER_H = 48
_DEFAULT_H = 1.0
_FILE = "schedule.json"


def frozen_schedule(config: SearchConfig, now_s: float) -> dict[str, Any] | None:
    """What a launch freezes of the schedule; None where there is none.

    Hours of a past year stand for the same hours of this one, and a gap for the mean.

    Args:
        config: The configuration.
        now_s: The time of the launch [s since the epoch].

    Raises:
        ConfigError: If the grid has no hours and there is no signal, or the signal cannot be read.
        CarbonNasError: If the grid's file is wrong.
    """
    given = config.search.schedule
    if given is None:
        return None
    frozen: dict[str, Any] = {
        "deadline_s": now_s + given.deadline_h * HOUR_S,
        "signal": None,
        "pause_above": given.pause_above,
        "work_s": None,
        "start_s": now_s - now_s % HOUR_S,
        "gco2e_per_kwh": [],
    }
    if given.signal is not None:
        path = Path(given.signal).absolute()
        if _read_signal(path) is None:
            raise ConfigError(
                f"search.schedule.signal: {path} does not hold one number, the present gCO2e/kWh; "
                "write it there, or leave signal out"
            )
        return {**frozen, "signal": str(path)}
    hourly = hourly_of(config.search.on.grid)
    if hourly is None:
        raise ConfigError(
            "search.schedule: the grid of search.on has one mean for all hours; name one with "
            f"hours ({', '.join(hourly_means_names())}), or give a trace or a signal"
        )
    hours = math.ceil(given.deadline_h) + _AFTER_H
    return {**frozen, "gco2e_per_kwh": _from(hourly, frozen["start_s"], hours)}


def _from(hourly: Trace | Any, start_s: float, hours: int) -> list[float]:
    values, _ = clock_of(hourly)
    values = np.where(np.isnan(values), np.nanmean(values), values)
    first = 0
    if isinstance(hourly, Trace):
        began = hourly.hours[0]
        first = int((began - began.astype("datetime64[Y]")).astype("timedelta64[h]").astype(int))
    start = datetime.fromtimestamp(start_s, UTC)
    now = round((start - datetime(start.year, 1, 1, tzinfo=UTC)).total_seconds() / HOUR_S)
    return [float(values[(now + hour - first) % len(values)]) for hour in range(hours)]


def _read_signal(path: Path) -> float | None:
    """The number in the file; None where there is none, such as while it is being written."""
    try:
        value = float(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def schedule_of(run: Run) -> Schedule | None:
    """The schedule of a run; None where it has none."""
    frozen = run.frozen["search"].get("schedule")
    return None if frozen is None else Schedule(run.path / _FILE, frozen)


def intensity_of(run: Run) -> Intensity | None:
    """Intensity of the grid over the time of a run; None where only its mean is known.

    Raises:
        RunError: If the run's record of its signal is damaged.
    """
    frozen = run.frozen["search"].get("schedule")
    if frozen is None:
        return None
    if frozen["signal"] is not None:
        seen = _state(run.path / _FILE)["seen"]
        return Intensity(*zip(*seen, strict=True)) if seen else None
    values = frozen["gco2e_per_kwh"]
    starts = (frozen["start_s"] + HOUR_S * hour for hour in range(len(values)))
    return Intensity(tuple(starts), tuple(values))


@dataclass
class Schedule:
    """Tells a run when to work, and keeps the record of its pauses.

    Attributes:
        file: Where that record is.
        frozen: What the launch froze.
    """

    file: Path
    frozen: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._decided: tuple[int, bool] | None = None

    def may_run(self, left_s: float | None) -> bool:
        """Whether to work now.

        Where the hours are known this is decided once an hour. When the time that is left only
        just suffices the run works whatever the grid.

        Args:
            left_s: Time at work that the run still needs [s]; None takes what the launch
                expected, or an hour.
        """
        now = time.time()
        expected_s = self.frozen["work_s"] or _DEFAULT_H * HOUR_S
        need_h = (expected_s if left_s is None else left_s) * _SPARE / HOUR_S
        if self.frozen["signal"] is None:
            hour = int(now // HOUR_S)
            if self._decided is None or self._decided[0] != hour:
                self._decided = hour, is_time_to_run(self.forecast(now), need_h)
            return self._decided[1]
        value = _read_signal(Path(self.frozen["signal"]))
        if value is not None:
            self._note(now, value)
        seen = _state(self.file)["seen"]
        clean = not seen or seen[-1][1] <= self.frozen["pause_above"]
        return clean or now + need_h * HOUR_S >= self.frozen["deadline_s"]

    def forecast(self, now_s: float) -> list[float]:
        """Intensity of each hour from now to the deadline [g/kWh]; empty after it."""
        values, start_s = self.frozen["gco2e_per_kwh"], self.frozen["start_s"]
        first = max(0, int((now_s - start_s) // HOUR_S))
        last = math.ceil((self.frozen["deadline_s"] - start_s) / HOUR_S)
        return list(values[first:last])

    def paused(self) -> bool:
        """Whether the run is paused, as its supervisor noted."""
        return bool(_state(self.file)["paused"])

    def note_paused(self, paused: bool) -> None:
        """Note that the run pauses or goes on, for `status`."""
        state = _state(self.file)
        pauses = state["pauses"] + int(paused and not state["paused"])
        write_json(self.file, {**state, "paused": paused, "pauses": pauses})

    def _note(self, now_s: float, value: float) -> None:
        state = _state(self.file)
        if not state["seen"] or state["seen"][-1][1] != value:
            write_json(self.file, {**state, "seen": [*state["seen"], [now_s, value]]})


def _state(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {"paused": False, "pauses": 0, "seen": []}
    state = read_json(file)
    seen = state.get("seen") if isinstance(state, dict) else None
    pairs = isinstance(seen, list) and all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(x, int | float) for x in row)
        for row in seen
    )
    if not pairs or not {"paused", "pauses"} <= set(state):
        raise RunError(f"{file}: is damaged; delete it, and the run goes on without its pauses")
    return dict(state)
