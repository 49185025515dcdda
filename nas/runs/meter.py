"""Energy that this machine itself counts: Intel's and AMD's RAPL, through the kernel's powercap.

Virtual machines mostly show none, and the kernel lets only root read it; then nothing is measured,
and a search's energy is modelled (`nas.runs.machine`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from hardware_profiles.rapl import POWERCAP, RaplZone, counted_uj, joules_between, rapl_zones

__all__ = ["EnergyMeter", "energy_meter"]

_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class _Reading:
    zones_uj: tuple[int, ...]
    busy_s: float
    own_s: float


class EnergyMeter:
    """Counts energy of all processor packages and charges this process with its share of it.

    The share is this process's processor time over that of all processes, so that idle power is
    shared by who works; of neighbours on the same processor outside a virtual machine it knows
    nothing.

    Args:
        zones: Counters.
        stat: The kernel's file of processor times.
    """

    name = "RAPL, by share of processor time"

    def __init__(self, zones: tuple[RaplZone, ...], stat: Path = _STAT) -> None:
        self._zones, self._stat = zones, stat
        self._last = self._read()

    def used_j(self) -> float | None:
        """Energy of this process since the last call, or since the meter was made [J].

        None where a counter can no longer be read. A counter may pass its end once in between;
        at full load that takes minutes, so ask after every epoch or training.
        """
        try:
            now = self._read()
        except (OSError, ValueError):
            return None
        before, self._last = self._last, now
        joules = joules_between(self._zones, before.zones_uj, now.zones_uj)
        busy, own = now.busy_s - before.busy_s, now.own_s - before.own_s
        return joules * min(1.0, own / busy) if busy > 0 else 0.0

    def _read(self) -> _Reading:
        counted = counted_uj(self._zones)
        # user nice system idle iowait irq softirq steal, in ticks, of all processors
        ticks = [int(word) for word in self._stat.read_text().split("\n", 1)[0].split()[1:9]]
        idle = ticks[3] + ticks[4]
        busy = (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")
        return _Reading(counted, busy, time.process_time())


def energy_meter(folder: Path = POWERCAP, stat: Path = _STAT) -> EnergyMeter | None:
    """The meter of this machine, or None where it has none that this user may read.

    Args:
        folder: The kernel's powercap folder.
        stat: Its file of processor times.
    """
    zones = rapl_zones(folder)
    try:
        return EnergyMeter(zones, stat) if zones else None
    except (OSError, ValueError):
        return None
