"""Layouts of hourly carbon intensity files: which columns hold time and values, in which unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import Literal

from hardware_profiles.sources import FactorSet, factor_set
from hardware_profiles.trace_cells import (
    Table,
    choose,
    eia_times,
    numbers,
    place_of,
    rows_of_zone,
    times,
)
from nas.errors import HardwareError

__all__ = ["LAYOUTS", "Layout", "Rows", "read_rows"]

Layout = Literal["electricitymaps", "watttime", "eia", "carbon-nas"]
Rate = Literal["average", "marginal"]
Flow = Literal["generation", "consumption"]
Scope = Literal["direct", "lifecycle"]

_KG_PER_LB = 0.45359237  # exact, international pound
_EIA_NAMES = {
    "coal": "coal",
    "natural gas": "gas",
    "nuclear": "nuclear",
    "all petroleum products": "oil",
    "geothermal": "geothermal",
    "other fuel sources": "other",
    "unknown fuel sources": "other",
}
_OWN_NAMES = {"hydro": "hydropower"}


@dataclass(slots=True)
class Rows:
    """What a layout gives: start of each row in UTC, its values, and what they stand for.

    Attributes:
        times: Start of the interval of each row, UTC.
        values: g CO2e/kWh, or kg CO2e/MWh, which is the same; NaN where the file has none.
        generation: Total net generation of each row in MWh; None where the file has none.
        lines: Line of each row in the file.
        column: The column read, or the factor set used.
        clean_is_plausible: Whether a provider of known unit may report next to nothing.
        notes: What was assumed or converted.
    """

    times: list[datetime]
    values: list[float]
    generation: list[float] | None
    lines: list[int]
    column: str
    rate: Rate
    flow: Flow | None
    scope: Scope | None
    clean_is_plausible: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wanted:
    column: str | None
    zone: str | None
    factors: str | Mapping[str, float] | None


def read_rows(
    table: Table,
    *,
    layout: Layout | None,
    column: str | None,
    zone: str | None,
    factors: str | Mapping[str, float] | None,
) -> tuple[Layout, Rows]:
    """Read a table by its layout, which the header tells.

    Args:
        table: The file.
        layout: Asked for; None takes the one that the header fits.
        column: Which intensity, where the file has several.
        zone: Which zone or balancing authority, where the file has several.
        factors: Factor set for files with net generation by source.

    Raises:
        HardwareError: If the header fits no layout, or a column, a time or a number is wrong.
    """
    names = {name.lower() for name in table.header}
    fitting = [key for key, (needs, _) in LAYOUTS.items() if needs(names)]
    if layout is not None and layout not in LAYOUTS:
        raise HardwareError(f"layout: got {layout!r}; use {' or '.join(LAYOUTS)}")
    chosen = layout or (fitting[0] if fitting else None)
    if chosen is None or chosen not in fitting:
        what = "no layout" if layout is None else f"not the layout {layout}"
        raise HardwareError(
            f"{table.name}: the header ({', '.join(table.header[:6])}) fits {what}; give columns"
            " hour_utc and NAME_gco2e_per_kwh, or an unchanged file of electricitymaps, watttime"
            " or eia (EIA930_BALANCE)"
        )
    return chosen, LAYOUTS[chosen][1](table, _Wanted(column, zone, factors))


def _electricitymaps(table: Table, wanted: _Wanted) -> Rows:
    found = {name: name for name in table.header if "intensity" in name.lower()}
    found |= {
        short: name
        for name in table.header
        for short, pattern in (("direct", r"\(direct\)"), ("lifecycle", r"\((life ?cycle|lca)\)"))
        if re.search(pattern, name, re.IGNORECASE)
    }
    column = choose(table, found, wanted.column)
    scope: Scope = "direct" if column == found.get("direct") else "lifecycle"
    rows = rows_of_zone(table, wanted.zone, ("zone id", "zone name", "zone"))
    estimated = place_of(table, "data estimated")
    notes = []
    if estimated is not None:
        count = sum(table.rows[row][estimated].strip().lower() in ("true", "1") for row in rows)
        if count:
            notes.append(f"{count} rows are marked as estimated by the provider")
    made = _simple(
        table, rows, "datetime (utc)", column, ("average", "consumption", scope), notes=notes
    )
    made.clean_is_plausible = True
    return made


def _watttime(table: Table, wanted: _Wanted) -> Rows:
    signals = ("moer", "co2_moer", "aoer", "co2_aoer", "value")
    found = {name.lower(): name for name in table.header if name.lower() in signals}
    column = choose(table, found, wanted.column)
    rate: Rate = "average" if "aoer" in column.lower() else "marginal"
    notes = ["lb/MWh times 0.45359237 g/kWh; carbon dioxide of power plant stacks"]
    if column.lower() == "value":
        notes.append("column value taken as co2_moer")
    time = "point_time" if place_of(table, "point_time") is not None else "timestamp"
    rows = rows_of_zone(table, wanted.zone, ("ba", "region", "balancing authority"))
    made = _simple(table, rows, time, column, (rate, None, "direct"), notes=notes, zoned=True)
    made.values = [value * _KG_PER_LB for value in made.values]
    return made


def _eia(table: Table, wanted: _Wanted) -> Rows:
    kind = wanted.column or "reported"
    if kind not in ("reported", "adjusted"):
        raise HardwareError(f"{table.name}: column is {kind!r}; use reported or adjusted")
    ending = " (adjusted)" if kind == "adjusted" else ""
    pattern = re.compile(rf"net generation \(mw\) from ([a-z ]+?){re.escape(ending)}$")
    sources: dict[int, str] = {}
    storage = []
    for place, name in enumerate(table.header):
        match = pattern.match(name.lower())
        if match is None:
            continue
        source = _eia_source(match[1])
        if source is None:
            storage.append(match[1])
        else:
            sources[place] = source
    notes = ["hours end in the file and begin here", f"net generation as {kind}"]
    if storage:
        notes.append(f"storage left out: {', '.join(storage)}")
    rows = rows_of_zone(table, wanted.zone, ("balancing authority",))
    starts = eia_times(table, rows)
    return _from_generation(table, rows, starts, sources, factors=wanted.factors, notes=notes)


def _eia_source(name: str) -> str | None:
    """Our name of a source; None for what only stores energy."""
    if "battery" in name and not name.startswith(("solar", "wind")):
        return None
    if "energy storage" in name or name.startswith("pumped"):
        return None
    for first, ours in (("solar", "solar"), ("wind", "wind"), ("hydropower", "hydropower")):
        if name.startswith(first):
            return ours
    return _EIA_NAMES.get(name, name)


def _own(table: Table, wanted: _Wanted) -> Rows:
    ending = "_gco2e_per_kwh"
    columns = [name for name in table.header if name.lower().endswith(ending)]
    heads = [name.lower().removesuffix("_mwh") for name in table.header]
    sources = {
        place: _OWN_NAMES.get(heads[place], heads[place])
        for place, name in enumerate(table.header)
        if name.lower().endswith("_mwh")
    }
    rows = rows_of_zone(table, wanted.zone, ("zone",))
    if sources and (wanted.factors is not None or not columns):
        if wanted.column is not None:
            raise HardwareError(
                f"{table.name}: column and factors are both given; factors compute the intensity"
                " from the generation columns, so leave one out"
            )
        starts = times(table, rows, "hour_utc", zoned=False)
        return _from_generation(table, rows, starts, sources, factors=wanted.factors, notes=[])
    found = {name[: -len(ending)]: name for name in columns} | {name: name for name in columns}
    column = choose(table, found, wanted.column)
    words = set(column.lower().split("_"))
    rate: Rate = "marginal" if words & {"marginal", "mer", "moer"} else "average"
    notes = []
    if not words & {"marginal", "mer", "moer", "average", "aer"}:
        notes.append(f"column {column} does not say average or marginal: taken as average")
    flow: Flow | None = "consumption" if "consumption" in words else None
    if "generation" in words or (sources and flow is None):
        flow = "generation"
    scope: Scope | None = "direct" if "direct" in words else None
    scope = "lifecycle" if "lifecycle" in words else scope
    made = _simple(table, rows, "hour_utc", column, (rate, flow, scope), notes=notes)
    if sources:
        columns_of = [numbers(table, rows, place) for place in sources]
        made.generation = [sum(hour) for hour in zip(*columns_of, strict=True)]
    return made


def _from_generation(
    table: Table,
    rows: Sequence[int],
    starts: list[datetime],
    sources: Mapping[int, str],
    *,
    factors: str | Mapping[str, float] | None,
    notes: list[str],
) -> Rows:
    """Average rate ``sum(generation x factor) / sum(generation)``, row by row."""
    used = factor_set("carbon-explorer" if factors is None else factors)
    cells = {place: numbers(table, rows, place) for place in sources}
    # A source that never reports is not there; one that reports now and then leaves gaps.
    cells = {place: column for place, column in cells.items() if not all(map(isnan, column))}
    if not cells:
        raise HardwareError(f"{table.name}: has no net generation; check the zone")
    weights = [_factor(used, sources[place], column) for place, column in cells.items()]
    values, totals = [], []
    for hour in zip(*cells.values(), strict=True):
        total = sum(hour)
        totals.append(total)
        grams = sum(factor * energy for factor, energy in zip(weights, hour, strict=True))
        values.append(grams / total if total > 0.0 else float("nan"))
    notes = [*notes, f"factors {used.name} by source: {used.source}", *_negative(cells, sources)]
    lines = [table.lines[row] for row in rows]
    return Rows(
        starts, values, totals, lines, f"factors {used.name}", "average", "generation", used.scope,
        notes=notes,
    )  # fmt: skip


def _factor(used: FactorSet, source: str, column: Sequence[float]) -> float:
    if source not in used.gco2e_per_kwh and not any(energy > 0 or energy < 0 for energy in column):
        return 0.0
    return used.factor(source)


def _negative(cells: Mapping[int, Sequence[float]], sources: Mapping[int, str]) -> list[str]:
    below = {
        sources[place]: sum(energy < 0 for energy in column) for place, column in cells.items()
    }
    return [
        f"{count} hours with negative net generation of {source}, counted as reported"
        for source, count in below.items()
        if count
    ]


def _simple(
    table: Table,
    rows: Sequence[int],
    time: str,
    column: str,
    kind: tuple[Rate, Flow | None, Scope | None],
    *,
    notes: list[str],
    zoned: bool = False,
) -> Rows:
    place = table.header.index(column)
    return Rows(
        times(table, rows, time, zoned=zoned),
        numbers(table, rows, place),
        None,
        [table.lines[row] for row in rows],
        column,
        *kind,
        notes=notes,
    )


def _has(*parts: str) -> Callable[[set[str]], bool]:
    """Whether each part is in some column's name; one that starts with `=` is the whole name."""

    def needs(names: set[str]) -> bool:
        return all(
            part[1:] in names if part.startswith("=") else any(part in name for name in names)
            for part in parts
        )

    return needs


def _is_watttime(names: set[str]) -> bool:
    signals = {"moer", "co2_moer", "aoer", "co2_aoer"}
    return bool(
        ("timestamp" in names and names & signals)
        or ("point_time" in names and names & {*signals, "value"})
    )


def _is_own(names: set[str]) -> bool:
    return "hour_utc" in names and any(name.endswith(("_gco2e_per_kwh", "_mwh")) for name in names)


LAYOUTS: dict[Layout, tuple[Callable[[set[str]], bool], Callable[[Table, _Wanted], Rows]]] = {
    "electricitymaps": (_has("=datetime (utc)", "carbon intensity gco"), _electricitymaps),
    "watttime": (_is_watttime, _watttime),
    "eia": (_has("=utc time at end of hour", "net generation (mw) from"), _eia),
    "carbon-nas": (_is_own, _own),
}
