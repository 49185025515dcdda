"""Energy counters of this machine: Intel's and AMD's RAPL, through the kernel's powercap folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["POWERCAP", "RaplZone", "counted_uj", "joules_between", "rapl_zones"]

POWERCAP = Path("/sys/class/powercap")
_MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class RaplZone:
    """One counter: a processor package, or memory where it is counted by itself.

    Attributes:
        path: Its folder, whose ``energy_uj`` counts microjoules.
        range_uj: Behind which it starts anew.
    """

    path: Path
    range_uj: int


def rapl_zones(folder: Path = POWERCAP) -> tuple[RaplZone, ...]:
    """The counters that this user may read; none where there are none, or only root may.

    Args:
        folder: The kernel's powercap folder.

    Source:
        Linux kernel documentation, "Power Capping Framework": ``energy_uj`` counts microjoules
        and starts anew behind ``max_energy_range_uj``.
    """
    zones = []
    try:
        for path in sorted(folder.glob("*-rapl:*")):
            kind = (path / "name").read_text().strip()
            if kind.startswith("package") or kind == "dram":  # cores are part of a package
                zones.append(RaplZone(path, int((path / "max_energy_range_uj").read_text())))
        counted_uj(zones)
    except (OSError, ValueError):
        return ()
    return tuple(zones)


def counted_uj(zones: Sequence[RaplZone]) -> tuple[int, ...]:
    """What counters show now.

    Args:
        zones: Counters.

    Raises:
        OSError: If one can no longer be read.
        ValueError: If one shows no number.
    """
    return tuple(int((zone.path / "energy_uj").read_text()) for zone in zones)


def joules_between(zones: Sequence[RaplZone], before: Sequence[int], after: Sequence[int]) -> float:
    """Energy of all counters between two readings; each may have passed its end once.

    Args:
        zones: Counters.
        before: As `counted_uj` returned.
        after: Likewise, later.
    """
    return _MICRO * sum(
        (end - start) % (zone.range_uj + 1)
        for zone, start, end in zip(zones, before, after, strict=True)
    )
