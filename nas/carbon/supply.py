"""The grid that a user means: a name, a number, a mix, a trace, some hours, behind a solar roof."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Figure
from hardware_profiles.grid import Grid, custom_grid, grid, grid_names
from hardware_profiles.hours import hourly_means, hourly_means_names, hourly_means_text
from hardware_profiles.sources import factor_set, mix_grid
from hardware_profiles.traces import Trace, read_trace
from nas.carbon.grid_keys import BatteryKeys, GridKeys, OnsiteKeys, kind_of
from nas.carbon.hourly import weighted_gco2e_per_kwh
from nas.carbon.onsite import Battery, Supply, net_supply
from nas.carbon.parts import battery_embodied_gco2e
from nas.carbon.quantity import Numbers, quantity
from nas.errors import HardwareError, StudyError

__all__ = ["hourly_of", "resolve_grid"]


@dataclass(frozen=True, slots=True)
class _Place:
    """A grid and, where known, its hours and what these are."""

    grid: Grid
    hourly: Trace | Numbers | None = None
    text: str = ""


def resolve_grid(given: str | float | Mapping[str, Any], *, folder: Path | None = None) -> Grid:
    """The grid that a user's text, number or mapping stands for.

    A mapping has one of:
        ``name``, with ``rate: marginal`` for the marginal rate there;
        ``gco2e_per_kwh``, with ``rate, flow, scope, year, low, high, source, marginal`` as known;
        ``mix``, shares by source that sum to 1, with ``factors``;
        ``trace``, a CSV file, with ``layout, column, zone, factors, drop_faulty`` as
        `hardware_profiles.traces.read_trace` takes them;
    and may have:
        ``hours: [9, 17]``, from the first to before the second, UTC, over midnight if the second
        is lower; ``months: [6, 7, 8]``; ``load_w``, mean power as one number, 24 (hour of the
        day, UTC) or (12, 24);
        ``onsite: {generation_w, source | gco2e_per_kwh, factors}``, which needs ``load_w``, and
        ``battery: {capacity_wh, power_w, round_trip, life_years, embodied_gco2e | cathode}``.
    Hours are those of the trace, or of the shipped month x hour means of a name.

    Args:
        given: Text is a name, or a .yaml file with the keys of a mapping; a number is g CO2e/kWh.
        folder: Where paths start; None takes the working folder, and a .yaml file its own.

    Returns:
        A grid whose source says what was done: gaps, the file's SHA-256, hours, shares.

    Raises:
        HardwareError: If a name, key or file is wrong.
        StudyError: If a load or a plant is wrong, or direct and life-cycle carbon, or marginal
            and allocated, would mix.
    """
    if isinstance(given, str) and given.endswith((".yaml", ".yml")):
        path = (folder or Path()) / given
        return resolve_grid(read_yaml(path), folder=path.parent)
    if isinstance(given, str):
        return grid(given)
    if isinstance(given, Mapping):
        choice = parse_facts(GridKeys, dict(given), "grid")
        place = _place(choice, kind_of(given), folder or Path())
        return _run(place, choice)
    if isinstance(given, int | float) and not isinstance(given, bool):
        return custom_grid(float(given))
    raise HardwareError(f"grid: got {given!r}; give a name, g CO2e/kWh or a mapping")


def hourly_of(
    given: str | float | Mapping[str, Any], *, folder: Path | None = None
) -> Trace | Numbers | None:
    """The hours behind the grid that `resolve_grid` gives, at its own load.

    Args:
        given: As `resolve_grid` takes it.
        folder: Where paths start.

    Returns:
        A trace, or month x hour means (12, 24), g CO2e/kWh; None where only one mean is known.

    Raises:
        HardwareError: As `resolve_grid`.
        StudyError: If hours, a load or a plant change what the grid is.
    """
    if isinstance(given, str) and given.endswith((".yaml", ".yml")):
        path = (folder or Path()) / given
        return hourly_of(read_yaml(path), folder=path.parent)
    mapping = {"name": given} if isinstance(given, str) else given
    if not isinstance(mapping, Mapping):
        return None
    choice = parse_facts(GridKeys, dict(mapping), "grid")
    for key in ("hours", "months", "load_w", "onsite"):
        if getattr(choice, key) is not None:
            raise StudyError(f"grid: {key} changes the hours of the grid; leave it out")
    return _place(choice, kind_of(mapping), folder or Path()).hourly


def _place(choice: GridKeys, kind: str, folder: Path) -> _Place:
    if kind == "name":
        return _named(str(choice.name), choice)
    if kind == "mix":
        factors = "act-2022" if choice.factors is None else choice.factors
        return _Place(mix_grid(choice.mix or {}, factors=factors))
    if kind == "trace":
        return _traced(choice, folder)
    return _Place(_own_number(choice))


def _named(name: str, choice: GridKeys) -> _Place:
    found = grid(name)
    if choice.rate is not None and choice.rate != found.rate:
        if choice.rate == "average":
            average = [row for row in grid_names() if grid(row).marginal == name]
            raise HardwareError(f"grid: {name} is marginal; name {' or '.join(average)} instead")
        if found.marginal is None:
            known = [row for row in grid_names() if grid(row).marginal is not None]
            raise HardwareError(
                f"grid: {name} has no marginal rate; known for {', '.join(known)}; or give"
                " {gco2e_per_kwh: ..., rate: marginal}"
            )
        found = grid(found.marginal)
    for key in hourly_means_names():
        if found.name in (key, grid(key).marginal):
            return _Place(found, hourly_means(key, found.rate), hourly_means_text(key))
    return _Place(found)


def _own_number(choice: GridKeys) -> Grid:
    plain = custom_grid(choice.gco2e_per_kwh or 0.0)
    value = plain.gco2e_per_kwh.value
    low = value if choice.low is None else choice.low
    high = value if choice.high is None else choice.high
    content = plain.model_dump() | {
        "rate": choice.rate or "average",
        "flow": choice.flow,
        "scope": choice.scope,
        "year": choice.year,
        "marginal": choice.marginal and grid(choice.marginal).name,
        "gco2e_per_kwh": {
            "value": value,
            "source": choice.source or plain.gco2e_per_kwh.source,
            "basis": "assumed",
            "low": low,
            "high": high,
        },
    }
    if choice.rate == "marginal":
        content |= {"name": f"{plain.name}-marginal", "label": f"{plain.label}, marginal"}
    return parse_facts(Grid, content, "grid")


def _traced(choice: GridKeys, folder: Path) -> _Place:
    trace = read_trace(
        folder / str(choice.trace),
        layout=choice.layout,
        column=choice.column,
        zone=choice.zone,
        factors=choice.factors,
        drop_faulty=bool(choice.drop_faulty),
    )
    tags = [choice.column, choice.zone, "dropped" if trace.dropped else None]
    told = f"; {'; '.join(trace.problems)}" if trace.problems else ""
    found = Grid(
        name=_slug("-".join([trace.name, *(tag for tag in tags if tag)])),
        label=f"{trace.name}, {trace.rate}, {len(trace.hours)} hours from {trace.hours[0]}Z",
        gco2e_per_kwh=Figure(
            value=trace.summary().mean,
            source=f"mean over the hours of {trace.source}{told}",
            basis="derived",
        ),
        rate=trace.rate,
        flow=trace.flow,
        scope=trace.scope,
        year=trace.year,
    )
    return _Place(found, trace, found.gco2e_per_kwh.source)


def _run(place: _Place, choice: GridKeys) -> Grid:
    """The grid as the load sees it."""
    if choice.onsite is not None and place.grid.rate == "marginal":
        raise StudyError(
            f"grid: {place.grid.name} has a marginal rate, which is never mixed with a share of"
            " what making the plant and its battery emitted; take the average rate, or leave"
            " onsite out"
        )
    timed = [key for key in ("hours", "months", "load_w") if getattr(choice, key) is not None]
    if choice.battery is not None and choice.onsite is None:
        raise StudyError("grid: battery is given without onsite, which charges it; add onsite")
    if choice.onsite is not None:
        if choice.load_w is None:
            raise StudyError("grid: onsite needs load_w, the power that the plant serves; add it")
        return _behind(place, choice, choice.onsite)
    if not timed:
        return place.grid
    if place.hourly is None:
        raise HardwareError(
            f"grid: {timed[0]} needs hours, and {place.grid.name} has one mean of a year; use"
            f" {' or '.join(hourly_means_names())}, or a trace"
        )
    value = weighted_gco2e_per_kwh(place.hourly, _load(choice))
    old = place.grid.gco2e_per_kwh.value
    weighting = "" if choice.load_w is None else ", weighted by load_w"
    return _derived(
        place.grid,
        choice,
        suffix=_digest(choice.load_w),
        told=f"mean {_when(choice)}{weighting}: {place.text}",
        value=value,
        ratio=value / old if old else 1.0,
    )


def _behind(place: _Place, choice: GridKeys, onsite: OnsiteKeys) -> Grid:
    factor, factor_text = _plant_factor(onsite, place.grid)
    hourly = place.hourly
    if hourly is None:
        hourly = np.full((12, 24), place.grid.gco2e_per_kwh.value)
    battery = None if choice.battery is None else _battery(choice.battery)
    supply = net_supply(
        _load(choice), hourly, np.array(onsite.generation_w), battery=battery,
        onsite_gco2e_per_kwh=factor,
    )  # fmt: skip
    hours = place.text or f"one mean for all hours: {place.grid.gco2e_per_kwh.source}"
    plant = [choice.load_w, onsite.model_dump(), choice.battery and choice.battery.model_dump()]
    return _derived(
        place.grid,
        choice,
        suffix=f"-onsite{'-battery' if battery else ''}{_digest(plant)}",
        told=f"{_supply_text(supply, factor_text, choice)}; grid: {hours}",
        value=supply.gco2e_per_kwh,
        ratio=None,
    )


def _plant_factor(onsite: OnsiteKeys, where: Grid) -> tuple[float, str]:
    if (onsite.source is None) == (onsite.gco2e_per_kwh is None):
        raise StudyError("grid: onsite needs either source, such as solar, or gco2e_per_kwh")
    if onsite.source is None:
        factor = float(quantity("onsite gco2e_per_kwh", onsite.gco2e_per_kwh or 0.0))
        return factor, f"{factor:g} g/kWh given by the user"
    used = factor_set(onsite.factors)
    if used.scope is not None and where.scope is not None and used.scope != where.scope:
        raise StudyError(
            f"grid: {where.name} is {where.scope} and the plant's factors {used.name} are"
            f" {used.scope}; take a {used.scope} grid, or give onsite its gco2e_per_kwh"
        )
    factor = used.factor(onsite.source)
    return factor, f"{onsite.source} at {factor:g} g/kWh, {used.name}: {used.source}"


def _battery(given: BatteryKeys) -> Battery:
    if (given.embodied_gco2e is None) == (given.cathode is None):
        raise StudyError("grid: battery needs either embodied_gco2e or cathode, such as nmc")
    grams = given.embodied_gco2e
    if grams is None:
        grams = float(battery_embodied_gco2e(1000.0 * given.capacity_wh, str(given.cathode)))
    return Battery(given.capacity_wh, given.power_w, given.round_trip, grams, given.life_years)


def _supply_text(supply: Supply, factor_text: str, choice: GridKeys) -> str:
    kwh = supply.load_wh / 1000.0
    parts = [
        f"load behind an on-site plant, {_when(choice)}: {supply.own_share:.1%} of the load from"
        f" the plant, {supply.grid_wh / supply.load_wh:.1%} from the grid",
        f"per kWh {supply.grid_gco2e / kwh:.4g} g from the grid, {supply.onsite_gco2e / kwh:.4g} g"
        f" plant ({factor_text}), {supply.battery_gco2e / kwh:.4g} g making the battery",
    ]
    if supply.unpriced_wh:
        share = supply.unpriced_wh / supply.grid_wh
        parts.append(f"{share:.2%} of the grid energy in gaps, counted like the other hours")
    return "; ".join(parts)


def _load(choice: GridKeys) -> Numbers:
    """Mean power, (12, 24), zero outside the hours and months."""
    given = 1.0 if choice.load_w is None else choice.load_w
    try:
        load = quantity("load_w", np.array(given, dtype=np.float64))
        full = np.broadcast_to(load, (12, 24)).copy()
    except ValueError:
        raise StudyError("load_w: give one number, 24 numbers or 12 rows of 24") from None
    runs = np.ones(24, dtype=np.bool_)
    if choice.hours is not None:
        first, end = choice.hours
        if not (0 <= first <= 23 and 0 <= end <= 24 and first != end):
            raise StudyError(
                f"grid: hours are {[first, end]}; give the first (0 to 23) and the one after the"
                " last (0 to 24), UTC"
            )
        clock = np.arange(24)
        within = (clock >= first) & (clock < end)
        runs = within if first < end else (clock >= first) | (clock < end)
    full[:, ~runs] = 0.0
    if choice.months is not None:
        if not choice.months or not all(1 <= month <= 12 for month in choice.months):
            raise StudyError(f"grid: months are {list(choice.months)}; give numbers from 1 to 12")
        full[[month not in choice.months for month in range(1, 13)]] = 0.0
    return full


def _when(choice: GridKeys) -> str:
    first, end = choice.hours or (0, 24)
    months = "" if choice.months is None else f", months {' '.join(map(str, choice.months))}"
    return f"{first:02d}:00 to {end:02d}:00 UTC{months}"


def _derived(
    base: Grid, choice: GridKeys, *, suffix: str, told: str, value: float, ratio: float | None
) -> Grid:
    """A grid like the base with another figure; its range is the base's in proportion."""
    old = base.gco2e_per_kwh
    # Round-off must not put an end of the range on the wrong side.
    low = None if ratio is None or old.low is None else min(old.low * ratio, value)
    high = None if ratio is None or old.high is None else max(old.high * ratio, value)
    tags = [
        *([f"h{choice.hours[0]}-{choice.hours[1]}utc"] if choice.hours else []),
        *([f"m{'-'.join(map(str, choice.months))}"] if choice.months else []),
    ]
    return base.model_copy(
        update={
            "name": "-".join([base.name, *tags]) + suffix,
            "label": f"{base.label}; {_when(choice)}{', own plant' if choice.onsite else ''}",
            "gco2e_per_kwh": Figure(value=value, source=told, basis="derived", low=low, high=high),
            "marginal": None,
        }
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def _digest(content: object) -> str:
    """Tells apart grids whose loads or plants differ."""
    if content is None:
        return ""
    text = json.dumps(content, sort_keys=True)
    return f"-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
