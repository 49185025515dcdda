"""Powers of this machine where it counts energy: at rest and at work."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from hardware_profiles.rapl import POWERCAP, counted_uj, joules_between, rapl_zones

__all__ = ["gpu_power_w", "processor_powers_w", "read_watts"]

_QUERY = ("--query-gpu=power.draw", "--format=csv,noheader,nounits")
_LIMIT_S = 10


def processor_powers_w(
    rest: Callable[[], object],
    work: Callable[[], object],
    folder: Path = POWERCAP,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float] | None:
    """Mean power of processor packages and memory by RAPL while two functions run.

    Args:
        rest: Leaves the machine idle for a second or more.
        work: Keeps it busy as long.
        folder: The kernel's powercap folder.
        clock: Seconds of the same time that the counters go by.

    Returns:
        Both, in watts; None where no counter can be read, as in most virtual machines.
    """
    zones, powers = rapl_zones(folder), []
    if not zones:
        return None
    for run in (rest, work):
        try:
            before, began = counted_uj(zones), clock()
            run()
            after, took = counted_uj(zones), clock() - began
        except (OSError, ValueError):
            return None
        powers.append(joules_between(zones, before, after) / took)
    return powers[0], powers[1]


def gpu_power_w(index: int) -> float | None:
    """What an NVIDIA card draws now by its own counter, in watts; None where it does not tell.

    Args:
        index: Of the card, as nvidia-smi counts.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, f"--id={index}", *_QUERY],
            capture_output=True, text=True, check=False, timeout=_LIMIT_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return read_watts(done.stdout) if done.returncode == 0 else None


def read_watts(text: str) -> float | None:
    """The power in a line of nvidia-smi, such as ``71.30``; None of ``[N/A]`` and the like.

    Args:
        text: What it printed, of one card, without units.
    """
    try:
        watts = float(text.strip())
    except ValueError:
        return None
    return watts if 0.0 < watts < float("inf") else None
