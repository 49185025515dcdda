"""Keys of a grid that is written as a mapping, as `nas.carbon.supply.resolve_grid` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from hardware_profiles.figure import Facts
from hardware_profiles.trace_layouts import Layout
from nas.errors import HardwareError

__all__ = ["BatteryKeys", "GridKeys", "OnsiteKeys", "kind_of"]

Hourly = tuple[float, ...] | tuple[tuple[float, ...], ...]


class OnsiteKeys(Facts):
    """A plant beside the load: mean power by hour of the day, and its life-cycle carbon."""

    generation_w: Hourly
    source: str | None = None
    factors: str | dict[str, float] = "act-2022"
    gco2e_per_kwh: float | None = None


class BatteryKeys(Facts):
    """A battery between the plant and the load."""

    capacity_wh: float
    power_w: float
    round_trip: float
    life_years: float
    embodied_gco2e: float | None = None
    cathode: str | None = None


class GridKeys(Facts):
    """Keys of a grid written as a mapping."""

    name: str | None = None
    gco2e_per_kwh: float | None = None
    mix: dict[str, float] | None = None
    trace: str | None = None

    rate: Literal["average", "marginal"] | None = None
    flow: Literal["generation", "consumption"] | None = None
    scope: Literal["direct", "lifecycle"] | None = None
    year: int | None = None
    low: float | None = None
    high: float | None = None
    source: str | None = None
    marginal: str | None = None

    layout: Layout | None = None
    column: str | None = None
    zone: str | None = None
    factors: str | dict[str, float] | None = None
    drop_faulty: bool | None = None

    hours: tuple[int, int] | None = None
    months: tuple[int, ...] | None = None
    load_w: float | Hourly | None = None
    onsite: OnsiteKeys | None = None
    battery: BatteryKeys | None = None


# What each way to name a grid may be told besides when and behind what the load runs.
_ALONG: dict[str, tuple[str, ...]] = {
    "name": ("rate",),
    "gco2e_per_kwh": ("rate", "flow", "scope", "year", "low", "high", "source", "marginal"),
    "mix": ("factors",),
    "trace": ("layout", "column", "zone", "factors", "drop_faulty"),
}
_ALWAYS = ("hours", "months", "load_w", "onsite", "battery")


def kind_of(given: Mapping[str, Any]) -> str:
    """Which of the four ways names the grid.

    Raises:
        HardwareError: If there is none or more than one, or a key belongs to another.
    """
    kinds = [kind for kind in _ALONG if given.get(kind) is not None]
    if len(kinds) != 1:
        got = " and ".join(kinds) if kinds else "none of them"
        raise HardwareError(f"grid: got {got}; give one of name, gco2e_per_kwh, mix or trace")
    stray = sorted(set(given) - {kinds[0], *_ALONG[kinds[0]], *_ALWAYS})
    if stray:
        raise HardwareError(
            f"grid: {stray[0]} does not go with {kinds[0]}; leave it out"
            f" ({kinds[0]} takes {', '.join(_ALONG[kinds[0]])})"
        )
    return kinds[0]
