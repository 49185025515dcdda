"""Energy of one inference of each model, where this machine counts energy."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hardware_profiles.rapl import POWERCAP, counted_uj, joules_between, rapl_zones

__all__ = ["Counter", "card_counter", "each_energy_j", "nvml_library", "processor_counter"]

_SPAN_S = 1.0
Counter = Callable[[], float]
"""Joules that were used since it was made; raises OSError or ValueError when it cannot be read."""


def processor_counter(folder: Path = POWERCAP) -> Counter | None:
    """What packages and memory use by RAPL; None where no counter can be read.

    A counter may pass its end once between two calls, which takes a minute or more.

    Args:
        folder: The kernel's powercap folder.
    """
    zones = rapl_zones(folder)
    if not zones:
        return None
    last, total = counted_uj(zones), 0.0

    def used_j() -> float:
        nonlocal last, total
        now = counted_uj(zones)
        total += joules_between(zones, last, now)
        last = now
        return total

    return used_j


def nvml_library(name: str = "libnvidia-ml.so.1") -> Any | None:
    """NVIDIA's management library, ready to be asked; None where there is none.

    Args:
        name: Of the shared library.
    """
    try:
        library = ctypes.CDLL(name)
        ready = library.nvmlInit_v2() == 0
    except (OSError, AttributeError):
        return None
    return library if ready else None


def card_counter(library: Any | None, index: int) -> Counter | None:
    """What an NVIDIA card uses by its own counter; None where it has none, as before Volta.

    Args:
        library: As `nvml_library` gives it.
        index: Of the card, as NVML counts.

    Source:
        NVML API reference, nvmlDeviceGetTotalEnergyConsumption: millijoules since the driver was
        loaded.
    """
    if library is None:
        return None
    card, counted_mj = ctypes.c_void_p(), ctypes.c_ulonglong()

    def used_j() -> float:
        failed = library.nvmlDeviceGetTotalEnergyConsumption(card, ctypes.byref(counted_mj))
        if failed:
            raise OSError(failed, "the card's energy counter cannot be read")
        return 1e-3 * counted_mj.value

    try:
        if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(card)):
            return None
        used_j()
    except (OSError, AttributeError):
        return None
    return used_j


def each_energy_j(
    works: Sequence[Callable[[], Any]],
    counter: Counter,
    *,
    span_s: float = _SPAN_S,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float] | None:
    """Energy of one call of each work, in joules, idle power of what is counted included.

    Args:
        works: Functions without arguments.
        counter: Of the processor or the card that they run on.
        span_s: How long each is repeated: counters go on in steps of up to a tenth of a second.
        clock: Seconds.

    Returns:
        One number a work; None where the counter could no longer be read.
    """
    found = []
    for work in works:
        work()
        try:
            before, began, calls = counter(), clock(), 0
            while clock() - began < span_s:
                work()
                calls += 1
            found.append((counter() - before) / max(calls, 1))
        except (OSError, ValueError):
            return None
    return found
