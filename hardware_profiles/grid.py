"""Electricity grids: grams of CO2e for one kilowatt hour, each with what the figure stands for."""

from __future__ import annotations

import math
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Literal

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Facts, Figure, NonNegative, Text
from nas.errors import HardwareError, unknown_name

__all__ = ["GRID_TABLE", "Grid", "custom_grid", "grid", "grid_names"]

GRID_TABLE = "grids-2"
"""Version of the shipped table of grids; it enters the hash of a study."""


class Grid(Facts):
    """One grid and its annual mean carbon intensity.

    Attributes:
        name: ``fr``, ``us-caiso``: country (ISO 3166-1 alpha-2) or balancing authority.
        label: For tables and plots.
        gco2e_per_kwh: Carbon intensity, 0 or more.
        rate: ``average`` over all generation, or ``marginal``: of the next kilowatt hour.
        flow: Whether imports and exports are inside (``consumption``) or not (``generation``).
        scope: ``direct`` stack emissions or ``lifecycle``, plants and fuel supply included;
            None when the source does not say.
        year: Year of the figure; None when it is not of a year.
        marginal: Name of the grid with the marginal rate of the same place; None where there
            is none, and for a grid that is marginal itself.
    """

    name: Text
    label: Text
    gco2e_per_kwh: NonNegative
    rate: Literal["average", "marginal"]
    flow: Literal["generation", "consumption"] | None
    scope: Literal["direct", "lifecycle"] | None
    year: int | None
    marginal: Text | None = None


class _Grids(Facts):
    version: Literal["grids-2"]
    attribution: Text
    grids: tuple[Grid, ...]


@cache
def _table() -> dict[str, Grid]:
    path = Path(__file__).with_name("data") / "grids.yaml"
    facts = parse_facts(_Grids, read_yaml(path), path.name)
    return {row.name: row for row in facts.grids}


def grid_names() -> tuple[str, ...]:
    """Names of all grids that come with the package, sorted."""
    return tuple(sorted(_table()))


def grid(name: str) -> Grid:
    """The grid of that name.

    Args:
        name: Lower case, such as ``fr`` or ``us-caiso``; `custom_grid` takes a number.

    Raises:
        HardwareError: If the name is unknown; the nearest known one is named.
    """
    table = _table()
    if name not in table:
        raise HardwareError(unknown_name("grid", name, table, "carbon-nas grid list"))
    return table[name]


def custom_grid(gco2e_per_kwh: float) -> Grid:
    """A grid with an intensity that the user gives.

    Args:
        gco2e_per_kwh: Average carbon intensity in g CO2e/kWh, finite, 0 or more.

    Raises:
        HardwareError: If the number is negative or not finite.
    """
    number = isinstance(gco2e_per_kwh, Real) and not isinstance(gco2e_per_kwh, bool)
    if not (number and math.isfinite(gco2e_per_kwh) and gco2e_per_kwh >= 0):
        raise HardwareError(
            f"grid: got {gco2e_per_kwh} g CO2e/kWh; give a finite number of 0 or more"
        )
    return Grid(
        name=f"{gco2e_per_kwh:g}-gco2e-per-kwh",
        label=f"{gco2e_per_kwh:g} g CO2e/kWh",
        gco2e_per_kwh=Figure(
            value=float(gco2e_per_kwh),
            source="given by the user",
            basis="assumed",
            low=float(gco2e_per_kwh),
            high=float(gco2e_per_kwh),
        ),
        rate="average",
        flow=None,
        scope=None,
        year=None,
    )
