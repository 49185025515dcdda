"""Cells of a CSV file of hours: columns by name, rows of a zone, times in UTC, numbers, gaps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nas.errors import HardwareError

__all__ = ["Table", "choose", "eia_times", "numbers", "place_of", "rows_of_zone", "times"]

_EMPTY = frozenset(("", "-", "na", "n/a", "nan", "null", "none"))
# A comma between other digits is a decimal comma, and dropping it would be wrong by a power of ten.
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_EIA_FORMS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: its name, its header, its rows of text and the line of each in the file."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


def place_of(table: Table, name: str) -> int | None:
    """Index of the column of that name, whatever its case; None where there is none."""
    return next((at for at, head in enumerate(table.header) if head.lower() == name), None)


def choose(table: Table, found: Mapping[str, str], asked: str | None) -> str:
    """The column of a short or full name; the only one where none is asked for.

    Args:
        table: The file, for messages.
        found: Columns by their short and full names.
        asked: The name given.

    Raises:
        HardwareError: If there are several and none is asked for, or the asked one is not there.
    """
    columns = sorted(set(found.values()))
    if asked is None and len(columns) == 1:
        return columns[0]
    shown = ", ".join(sorted(set(found) - set(columns)) or columns)
    if asked is None:
        raise HardwareError(f"{table.name}: has several intensities; give column, one of: {shown}")
    if asked not in found:
        raise HardwareError(f"{table.name}: has no column {asked!r}; give one of: {shown}")
    return found[asked]


def rows_of_zone(table: Table, zone: str | None, names: Sequence[str]) -> list[int]:
    """Rows of one zone, or all rows where the file has one zone only.

    Args:
        table: The file.
        zone: The zone given.
        names: Columns that may hold the zone, the first that is there counts.

    Raises:
        HardwareError: If there are several zones and none is given, or the given one is not there.
    """
    place = next((at for name in names if (at := place_of(table, name)) is not None), None)
    if place is None:
        if zone is not None:
            raise HardwareError(f"{table.name}: has no column of zones; leave zone out")
        return list(range(len(table.rows)))
    zones = sorted({row[place] for row in table.rows})
    if zone is None and len(zones) == 1:
        zone = zones[0]
    if zone not in zones:
        got = "several zones" if zone is None else f"no zone {zone!r}"
        more = f" and {len(zones) - 12} more" if len(zones) > 12 else ""
        raise HardwareError(
            f"{table.name}: has {got}; give zone, one of: {', '.join(zones[:12])}{more}"
        )
    return [row for row, cells in enumerate(table.rows) if cells[place] == zone]


def times(table: Table, rows: Sequence[int], name: str, *, zoned: bool) -> list[datetime]:
    """ISO times of a column in UTC.

    Args:
        table: The file.
        rows: Which rows.
        name: The column, lower case; it is there.
        zoned: Whether each time must name its zone; otherwise the column's name says UTC.

    Raises:
        HardwareError: If a text is no time, or may be local.
    """
    place = _known(table, name)
    found = []
    for row in rows:
        text = table.rows[row][place].strip()
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise _fault(
                table, row, f"{text!r} is no time; write it as 2022-01-31T23:00Z"
            ) from None
        if time.tzinfo is None and zoned:
            raise _fault(
                table,
                row,
                f"{text!r} has no time zone and may be local; write UTC, such as 2022-01-31T23:00Z",
            )
        try:
            found.append(time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC))
        except OverflowError:
            raise _fault(table, row, f"{text!r} is no time of this calendar; correct it") from None
    return found


def eia_times(table: Table, rows: Sequence[int]) -> list[datetime]:
    """Starts of the hours of an EIA-930 file, which writes their ends.

    Raises:
        HardwareError: If a text is no such time.
    """
    place = _known(table, "utc time at end of hour")
    return [_eia_time(table, row, place) for row in rows]


def _eia_time(table: Table, row: int, place: int) -> datetime:
    text = table.rows[row][place].strip()
    for form in _EIA_FORMS:
        try:
            end = datetime.strptime(text, form)
        except ValueError:
            continue
        try:
            return end.replace(tzinfo=UTC) - timedelta(hours=1)
        except OverflowError:
            break
    raise _fault(table, row, f"{text!r} is no time of EIA; expected 01/31/2022 11:00:00 PM")


def numbers(table: Table, rows: Sequence[int], place: int) -> list[float]:
    """Numbers of a column, NaN where a cell is empty; thousands may have commas.

    Raises:
        HardwareError: If a cell is neither empty nor a finite number.
    """
    found = []
    for row in rows:
        text = table.rows[row][place].strip()
        if text.lower() in _EMPTY:
            found.append(float("nan"))
            continue
        try:
            number = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
        except ValueError:
            number = float("inf")
        if abs(number) == float("inf"):
            raise _fault(
                table,
                row,
                f"{table.header[place]} is {text!r}; give a finite number, or leave it empty where"
                " it is not known",
            )
        found.append(number)
    return found


def _known(table: Table, name: str) -> int:
    place = place_of(table, name)
    assert place is not None  # the layout was chosen by it
    return place


def _fault(table: Table, row: int, what: str) -> HardwareError:
    return HardwareError(f"{table.name}, line {table.lines[row]}: {what}")
