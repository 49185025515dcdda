"""A load behind its own solar or wind plant and battery: what it still takes from the grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.traces import Trace
from nas.carbon.demand import HOURS_PER_YEAR
from nas.carbon.hourly import clock_of, on_clock
from nas.carbon.quantity import Numbers, quantity
from nas.errors import StudyError

__all__ = ["Battery", "Supply", "net_supply"]


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery between an on-site plant and the load.

    Attributes:
        capacity_wh: Usable energy, above 0.
        power_w: Most it takes or gives, above 0.
        round_trip: Share of the energy put in that comes out, above 0 and at most 1; half of the
            loss is taken at each end.
        embodied_gco2e: Carbon of making it, 0 or more.
        life_years: Its service life, above 0; each hour carries its part.

    Raises:
        StudyError: If a number is out of its range.
    """

    capacity_wh: float
    power_w: float
    round_trip: float
    embodied_gco2e: float
    life_years: float

    def __post_init__(self) -> None:
        quantity("battery capacity_wh", self.capacity_wh, above=True)
        quantity("battery power_w", self.power_w, above=True)
        quantity("battery round_trip", self.round_trip, most=1.0, above=True)
        quantity("battery embodied_gco2e", self.embodied_gco2e)
        quantity("battery life_years", self.life_years, above=True)


@dataclass(frozen=True, slots=True)
class Supply:
    """Where the energy of a load came from, and its carbon, over all hours.

    ``load = direct + battery + grid`` and ``generation = direct + charged + curtailed``.

    Attributes:
        load_wh: Energy used.
        generation_wh: Energy of the on-site plant.
        direct_wh: Of it, used in the same hour.
        charged_wh: Of it, put into the battery.
        curtailed_wh: Of it, neither used nor stored.
        battery_wh: Energy that the battery gave.
        stored_wh: Energy still in the battery at the end.
        grid_wh: Energy from the grid.
        unpriced_wh: Of it, in hours without an intensity.
        grid_gco2e: Carbon of the grid energy in the hours that have an intensity.
        onsite_gco2e: Life-cycle carbon of the plant: all it generated, curtailed or not.
        battery_gco2e: The battery's embodied carbon of these hours.
        gco2e_per_kwh: Carbon of one kWh of load; grid energy without an intensity counts like
            that of the other hours.
    """

    load_wh: float
    generation_wh: float
    direct_wh: float
    charged_wh: float
    curtailed_wh: float
    battery_wh: float
    stored_wh: float
    grid_wh: float
    unpriced_wh: float
    grid_gco2e: float
    onsite_gco2e: float
    battery_gco2e: float
    gco2e_per_kwh: float

    @property
    def own_share(self) -> float:
        """Share of the load that came from the plant, at once or through the battery."""
        return (self.direct_wh + self.battery_wh) / self.load_wh


def net_supply(
    load_w: ArrayLike,
    intensity: Trace | ArrayLike,
    generation_w: ArrayLike,
    *,
    battery: Battery | None = None,
    onsite_gco2e_per_kwh: float = 0.0,
) -> Supply:
    """Run a load behind an on-site plant and, if given, a battery, hour by hour.

    The plant serves the load first; what is left charges the battery, then is curtailed; the
    battery, empty at the start, serves what the plant does not; the grid does the rest. Nothing
    is sold, and the battery never charges from the grid.

    Args:
        load_w: Mean power of each hour: one number, 24 (hour of the day, UTC), (12, 24) or one
            for each hour; 0 or more, not all 0.
        intensity: Of the grid: a trace, month x hour means (12, 24) or 24 hours, g CO2e/kWh.
        generation_w: Mean power of the plant, shaped like a load.
        battery: None for none.
        onsite_gco2e_per_kwh: Life-cycle carbon of what the plant generates.

    Raises:
        StudyError: If a shape does not fit, a number is negative or not finite, the load is 0, or
            the trace has no value in any hour that the grid serves.
    """
    values, clock = clock_of(intensity)
    load = on_clock("load_w", load_w, clock)
    made = on_clock("generation_w", generation_w, clock)
    factor = float(quantity("onsite_gco2e_per_kwh", onsite_gco2e_per_kwh))
    total = float(load.sum())
    if total == 0.0:
        raise StudyError("load_w: is 0 in every hour; give a load above 0")
    direct = np.minimum(load, made)
    given, charged, stored = _through(battery, made - direct, load - direct)
    grid = np.maximum(load - direct - given, 0.0)
    known = ~np.isnan(values)
    grams = float(grid[known] @ values[known]) / 1000.0
    priced = float(grid[known].sum())
    if priced == 0.0 and grid.sum() > 0.0:
        raise StudyError("intensity: is unknown in every hour that the grid serves; give a trace")
    onsite = float(made.sum()) * factor / 1000.0
    wear = 0.0
    if battery is not None:
        wear = battery.embodied_gco2e * len(load) / (battery.life_years * HOURS_PER_YEAR)
    # Where all hours are known the middle factor is exactly one.
    from_grid = grams * (float(grid.sum()) / priced) if priced else 0.0
    return Supply(
        load_wh=total,
        generation_wh=float(made.sum()),
        direct_wh=float(direct.sum()),
        charged_wh=float(charged.sum()),
        curtailed_wh=float((made - direct - charged).sum()),
        battery_wh=float(given.sum()),
        stored_wh=stored,
        grid_wh=float(grid.sum()),
        unpriced_wh=float(grid[~known].sum()),
        grid_gco2e=grams,
        onsite_gco2e=onsite,
        battery_gco2e=wear,
        gco2e_per_kwh=1000.0 * (from_grid + onsite + wear) / total,
    )


def _through(
    battery: Battery | None, surplus: Numbers, wanted: Numbers
) -> tuple[Numbers, Numbers, float]:
    """What the battery gives and takes each hour, and what it holds in the end."""
    given, charged = np.zeros(len(surplus)), np.zeros(len(surplus))
    if battery is None:
        return given, charged, 0.0
    one_way = math.sqrt(battery.round_trip)
    held = 0.0
    for hour in range(len(surplus)):
        if surplus[hour] > 0.0:
            room = max(battery.capacity_wh - held, 0.0) / one_way
            charged[hour] = min(surplus[hour], battery.power_w, room)
            held += charged[hour] * one_way
        elif wanted[hour] > 0.0:
            given[hour] = min(wanted[hour], battery.power_w, held * one_way)
            held = max(held - given[hour] / one_way, 0.0)
    return given, charged, held
