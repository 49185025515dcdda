"""Hourly carbon intensity from a user's CSV file: gaps and faults are told, never filled."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.trace_cells import Table
from hardware_profiles.trace_layouts import Flow, Layout, Rate, Rows, Scope, read_rows
from nas.errors import HardwareError

__all__ = ["Summary", "Trace", "read_trace", "spans_of"]

Hours = NDArray[np.datetime64]

_MOST = 3000.0  # g/kWh; no power plant is as bad, lignite and oil shale stay below 1,500
_TINY = 3.0  # g/kWh; a whole trace below is rather kg/kWh or t/MWh
_LEAST_SHARE = 0.3  # of the mean generation; an hour below is a reporting fault
_MOST_YEARS = 50
_SPANS = 20


class Summary(NamedTuple):
    """Mean, deviation (sample, n - 1), least and most in g CO2e/kWh; hours known; gaps."""

    mean: float
    sd: float
    min: float
    max: float
    hours: int
    gaps: int


@dataclass(frozen=True, eq=False)
class Trace:
    """Carbon intensity hour by hour, without a break from the first to the last hour.

    Attributes:
        name: Of the file, without its ending.
        hours: Start of each hour in UTC, ``datetime64[h]``.
        gco2e_per_kwh: One value an hour, NaN in a gap.
        rate: Average over all generation, or marginal.
        flow: Whether imports are inside; None when the file does not say.
        scope: Direct or life-cycle; None when the file does not say.
        source: File, SHA-256, layout, column, and what was converted.
        problems: What is wrong with the file, one line each: gaps, faulty hours and so on.
        faulty: Hours whose total generation is below 30 % of the mean: reporting faults.
        dropped: Whether the faulty hours were made gaps.
    """

    name: str
    hours: Hours
    gco2e_per_kwh: NDArray[np.float64]
    rate: Rate
    flow: Flow | None
    scope: Scope | None
    source: str
    problems: tuple[str, ...]
    faulty: Hours
    dropped: bool

    @property
    def gaps(self) -> Hours:
        """Hours without a value."""
        return self.hours[np.isnan(self.gco2e_per_kwh)]

    @property
    def year(self) -> int | None:
        """The year of all hours; None when there are several."""
        years = np.unique(self.hours.astype("datetime64[Y]").astype(int)) + 1970
        return int(years[0]) if len(years) == 1 else None

    def summary(self) -> Summary:
        """Statistics over the hours that have a value."""
        known = self.gco2e_per_kwh[~np.isnan(self.gco2e_per_kwh)]
        return Summary(
            mean=float(known.mean()),
            sd=float(known.std(ddof=1)) if len(known) > 1 else 0.0,
            min=float(known.min()),
            max=float(known.max()),
            hours=len(known),
            gaps=len(self.hours) - len(known),
        )


def read_trace(
    path: str | Path,
    *,
    layout: Layout | None = None,
    column: str | None = None,
    zone: str | None = None,
    factors: str | Mapping[str, float] | None = None,
    drop_faulty: bool = False,
) -> Trace:
    """Read hourly carbon intensity from a CSV file, also a gzipped one.

    Units are converted to g CO2e/kWh and shorter intervals averaged to hours. Nothing is filled:
    missing hours stay NaN and are listed.

    Layouts, told by the header:
        ``electricitymaps``: ``Datetime (UTC)``, ``Carbon intensity gCO2eq/kWh (direct | Life
        cycle)``; `column` is ``direct`` or ``lifecycle``.
        ``watttime``: ``timestamp`` or ``point_time`` with its zone, ``MOER``, ``co2_moer`` or
        ``value`` in lb/MWh.
        ``eia``: EIA930_BALANCE files, net generation by source; `column` is ``reported``
        (default) or ``adjusted``; `factors` default to ``carbon-explorer``.
        ``carbon-nas``: ``hour_utc`` with ``NAME_gco2e_per_kwh`` columns and, if known,
        ``SOURCE_mwh``; with `factors` the rate is computed from the latter.

    Args:
        path: The file.
        layout: None takes the one that the header fits.
        column: Which intensity, where the file has several.
        zone: Which zone or balancing authority, where the file has several.
        factors: A factor set, or g CO2e/kWh by source, for files with generation by source.
        drop_faulty: Make hours with less than 30 % of the mean generation gaps; otherwise they
            are kept, and listed all the same.

    Raises:
        HardwareError: If the file is missing or empty, the header fits no layout, a time has no
            zone or comes twice, a number is negative or not a number, or the unit looks wrong.
    """
    place = Path(path)
    table, digest = _read_table(place)
    found, rows = read_rows(table, layout=layout, column=column, zone=zone, factors=factors)
    if not rows.values:
        raise HardwareError(f"{place.name}: has no rows; give at least one hour")
    grid = _Hourly.of(rows, place.name)
    notes = [*grid.notes]
    _check_range(place.name, grid.hours, grid.values)
    notes += _tiny(place.name, grid.values, plausible=rows.clean_is_plausible)
    faulty = grid.faulty()
    values = np.where(faulty, np.nan, grid.values) if drop_faulty else grid.values
    gaps = grid.hours[np.isnan(grid.values)]
    if len(gaps):
        notes.append(f"{len(gaps)} gaps, not filled: {spans_of(gaps)}")
    if faulty.any():
        done = "dropped" if drop_faulty else "kept (drop_faulty leaves them out)"
        notes.append(
            f"{int(faulty.sum())} faulty hours, generation below {_LEAST_SHARE:.0%} of the mean,"
            f" {done}: {spans_of(grid.hours[faulty])}"
        )
    if np.isnan(values).all():
        raise HardwareError(f"{place.name}: has no hour with a value; check the column and zone")
    told = [f"layout {found}", f"column {rows.column}", *([f"zone {zone}"] if zone else [])]
    return Trace(
        name=place.name.removesuffix(".gz").removesuffix(".csv"),
        hours=grid.hours,
        gco2e_per_kwh=values,
        rate=rows.rate,
        flow=rows.flow,
        scope=rows.scope,
        source=f"{place.name} (sha256 {digest}), {', '.join([*told, *rows.notes])}",
        problems=tuple(notes),
        faulty=grid.hours[faulty],
        dropped=drop_faulty and bool(faulty.any()),
    )


def spans_of(hours: Hours) -> str:
    """Hours as spans, such as ``2022-10-01T05..2022-10-01T08 (4 h)``.

    Args:
        hours: ``datetime64[h]``, sorted.
    """
    breaks = np.flatnonzero(np.diff(hours).astype(int) > 1) + 1
    spans = [span for span in np.split(hours, breaks) if len(span)]
    shown = [
        str(span[0]) if len(span) == 1 else f"{span[0]}..{span[-1]} ({len(span)} h)"
        for span in spans[:_SPANS]
    ]
    more = [f"and {len(spans) - _SPANS} more spans"] if len(spans) > _SPANS else []
    return ", ".join([*shown, *more])


def _read_table(path: Path) -> tuple[Table, str]:
    try:
        content = path.read_bytes()
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        text = plain.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise HardwareError(f"{path}: cannot be read ({error}); check the path") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = tuple(name.strip() for name in next(reader, []))
        twice = [name for name in header if name and header.count(name) > 1]
        if twice:
            raise HardwareError(f"{path.name}: has two columns {twice[0]!r}; remove or rename one")
        rows, lines = [], []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise HardwareError(
                    f"{path.name}, line {reader.line_num}: has {len(row)} cells, the header has"
                    f" {len(header)}; mend the row"
                )
            rows.append(tuple(row))
            lines.append(reader.line_num)
    except csv.Error as error:
        raise HardwareError(f"{path.name}: is no CSV file ({error}); give one") from error
    table = Table(path.name, header, tuple(rows), tuple(lines))
    return table, hashlib.sha256(content).hexdigest()


def _check_range(name: str, hours: Hours, values: NDArray[np.float64]) -> None:
    wrong = np.flatnonzero((values < 0.0) | (values > _MOST))
    if len(wrong):
        first = values[wrong[0]]
        what = "is negative" if first < 0 else f"is above {_MOST:g}: the unit looks wrong"
        raise HardwareError(
            f"{name}: {first:g} g CO2e/kWh at {hours[wrong[0]]}Z {what} ({len(wrong)} such hours);"
            " correct it, or leave the cell empty"
        )


def _tiny(name: str, values: NDArray[np.float64], *, plausible: bool) -> list[str]:
    """What is told of a trace next to zero, such as stacks only on a grid of hydropower."""
    known = values[~np.isnan(values)]
    if not len(known) or not 0.0 < known.max() < _TINY:
        return []
    what = f"all values are {known.min():g} to {known.max():g} g CO2e/kWh, which looks like kg/kWh"
    if not plausible:
        raise HardwareError(f"{name}: {what} or t/MWh; convert them")
    return [f"{what}: taken as they are"]


@dataclass(slots=True)
class _Hourly:
    """Rows on a whole grid of hours."""

    hours: Hours
    values: NDArray[np.float64]
    generation: NDArray[np.float64] | None
    notes: list[str]

    @classmethod
    def of(cls, rows: Rows, name: str) -> _Hourly:
        seconds = np.array([time.timestamp() for time in rows.times]).round().astype(np.int64)
        order = np.argsort(seconds, kind="stable")
        notes = []
        if (np.diff(order) < 0).any():
            notes.append("rows were not in the order of time: sorted")
        seconds = seconds[order]
        _check_times(name, seconds, [rows.lines[row] for row in order])
        step = int(np.diff(seconds).min()) if len(seconds) > 1 else 3600
        if step > 3600:
            raise HardwareError(
                f"{name}: rows are {step / 3600:g} h apart; give one row an hour or more"
            )
        if step == 3600 and (seconds % 3600).any():
            notes.append("times are not whole hours: each row is taken for the hour it begins in")
        number = seconds // 3600
        number -= number[0]
        values = np.array(rows.values, dtype=np.float64)[order]
        hours = np.datetime64(int(seconds[0] // 3600), "h") + np.arange(int(number[-1]) + 1)
        if step < 3600:
            notes.append(f"rows of {step / 60:g} minutes averaged to hours")
            full = 3600 // step
            count = np.bincount(number[~np.isnan(values)], minlength=len(hours))
            partly = hours[(count > 0) & (count < full)]
            if len(partly):
                notes.append(
                    f"{len(partly)} hours have fewer than {full} rows, averaged over those that"
                    f" are there: {spans_of(partly)}"
                )
        generation = None
        if rows.generation is not None:
            totals = np.array(rows.generation, dtype=np.float64)[order]
            generation = _means(totals, number, len(hours))
        return cls(hours, _means(values, number, len(hours)), generation, notes)

    def faulty(self) -> NDArray[np.bool_]:
        """Hours whose generation is known and far below the mean."""
        if self.generation is None or np.isnan(self.generation).all():
            return np.zeros(len(self.hours), dtype=np.bool_)
        return np.asarray(self.generation < _LEAST_SHARE * np.nanmean(self.generation))


def _check_times(name: str, seconds: NDArray[np.int64], lines: list[int]) -> None:
    twice = np.flatnonzero(np.diff(seconds) == 0)
    if len(twice):
        row = int(twice[0])
        when = np.datetime64(int(seconds[row]), "s")
        raise HardwareError(
            f"{name}, line {lines[row + 1]}: {when}Z comes a second time ({len(twice)} such rows);"
            " remove one, and check that times are UTC and not local"
        )
    years = (seconds[-1] - seconds[0]) / (8760 * 3600)
    if years > _MOST_YEARS:
        raise HardwareError(f"{name}: times span {years:.0f} years; correct the outlying ones")


def _means(
    values: NDArray[np.float64], number: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Mean of the known values of each hour, NaN where there is none."""
    known = ~np.isnan(values)
    sums = np.bincount(number[known], weights=values[known], minlength=count)
    counts = np.bincount(number[known], minlength=count)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
