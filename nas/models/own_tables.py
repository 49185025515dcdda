"""A CSV, Parquet or npz file as a task without code."""

from __future__ import annotations

import csv
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from nas.errors import TaskError
from nas.models.own_tasks import Data, is_missing

__all__ = ["data_of_table"]

Pair = tuple[NDArray[Any], NDArray[Any]]
_MOST_CLASSES = 20
_NUMBER_BYTES = 8
_MOST_SHOWN = 40
_CSV_FAULTS = (
    ("unexpected end", "a quote is opened and never closed; close it"),
    ("field larger", "a cell has more than 131,072 characters; close its quote or shorten it"),
    ("expected after", "a cell goes on after its closing quote; double a quote within quotes"),
)


def data_of_table(path: Path) -> Data:
    """Data of a file without code.

    A CSV or Parquet file has named columns; the last is the target, the others numbers. What
    pandas marked as the index of a Parquet file is left out. An npz file holds the arrays ``x``
    and ``y``. Targets that are whole numbers of at most 20 kinds, or texts, are classes; other
    numbers are a regression.

    Raises:
        TaskError: The file is missing or of another form.
    """
    readers = {".csv": _read_csv, ".npz": _read_npz, ".parquet": _read_parquet}
    if path.suffix not in readers or not path.is_file():
        fault = "is of no known kind" if path.is_file() else "no such file"
        raise TaskError(
            f"{path}: {fault}; give a .csv, .parquet, .npz or .txt file, a folder of images, or "
            "my_task.py:task"
        )
    if not path.stat().st_size:
        raise TaskError(f"{path}: is empty; give a file with data")
    x, y = readers[path.suffix](path)
    numbers = y.dtype.kind in "iuf"
    whole = numbers and bool(np.all(np.isfinite(y))) and bool(np.all(y == np.round(y)))
    is_class = not numbers or (whole and len(np.unique(y)) <= _MOST_CLASSES)
    return Data(x, y, "classification" if is_class else "regression")


def _check_memory(path: Path, needed: int) -> None:
    free = psutil.virtual_memory().available
    if needed > free:
        raise TaskError(
            f"{path}: holds {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free; "
            "give fewer samples"
        )


def _read_npz(path: Path) -> Pair:
    remedy = "save it by np.savez(path, x=..., y=...)"
    try:
        with zipfile.ZipFile(path) as archive:
            needed = sum(part.file_size for part in archive.infolist())
        _check_memory(path, needed)
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"x", "y"}.difference(arrays)
            if missing:
                raise TaskError(f"{path}: holds no {' and no '.join(sorted(missing))}; {remedy}")
            return arrays["x"], arrays["y"]
    except MemoryError as error:
        raise TaskError(f"{path}: {error}; give fewer samples") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, TypeError, AttributeError):
        raise TaskError(f"{path}: is cut off, damaged or no npz file; {remedy}") from None
    except ValueError as error:  # of objects, which only unpickling would read
        raise TaskError(f"{path}: {error}; {remedy}") from None


def _read_csv(path: Path) -> Pair:
    """Row by row, because the texts of all cells would take ten to thirty times the file."""
    _check_memory(path, path.stat().st_size)
    values, lines, labels, widths = array("d"), array("q"), [], set()
    unlabelled, fault = None, None
    rows = _rows_of_csv(path)
    _, header = next(rows, (0, []))
    _check_columns(path, header)
    for line, row in rows:
        widths.add(len(row))
        lines.append(line)
        labels.append(row[-1].strip())
        if not labels[-1]:
            unlabelled = unlabelled or line
        try:
            values.extend([_number(text or "nan") for text in row[:-1]])
        except ValueError as error:
            fault = fault or f"line {line}: {error}"
    if not labels:
        raise TaskError(f"{path}: has no rows below its header; give samples")
    if widths != {len(header)} or len(header) < 2:
        found = sorted({*widths, len(header)})
        raise TaskError(f"{path}: rows have {found} columns; give a header and equal rows")
    if unlabelled:
        raise TaskError(
            f"{path}: line {unlabelled} has no label; fill the last column or drop the line"
        )
    if fault:
        raise TaskError(f"{path}: {fault}; write categories as numbers")
    x = np.frombuffer(values).reshape(len(labels), -1)
    numbers = [_number_or_none(text) for text in labels]
    if None not in numbers:
        return x, np.array(numbers)
    _check_strays(path, lines, labels, numbers)
    return x, np.array(labels)


def _check_strays(
    path: Path, lines: Sequence[int], labels: Sequence[str], numbers: Sequence[float | None]
) -> None:
    """Refuse what stands for a missing target, and a text among numbers that are no classes."""
    kinds = set(numbers) - {None}
    mostly = 2 * numbers.count(None) < len(numbers) and len(kinds) > _MOST_CLASSES
    for line, text, number in zip(lines, labels, numbers, strict=True):
        if number is None and (mostly or is_missing(text)):
            fault = "is no number, others are" if kinds else "stands for none"
            raise TaskError(
                f"{path}: line {line}: target {text[:_MOST_SHOWN]!r} {fault}; fill or drop the "
                "line, or let every class begin with a letter"
            )


def _number_or_none(text: str) -> float | None:
    try:
        return None if is_missing(text) else _number(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    try:
        return float("" if "_" in text else text)  # 1_0 is ten to Python, a code to its writer
    except ValueError:
        raise ValueError(f"could not convert string to float: {text[:_MOST_SHOWN]!r}") from None


def _rows_of_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, and the line on which it begins."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, strict=True)
            for row in rows:
                if row:
                    yield line, row
                line = rows.line_num + 1
    except csv.Error as error:
        said = next((ours for theirs, ours in _CSV_FAULTS if theirs in str(error)), str(error))
        raise TaskError(f"{path}: line {line}: {said}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise TaskError(f"{path}: {error}; save it as UTF-8 with commas") from None


def _check_columns(path: Path, header: Sequence[str]) -> None:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise TaskError(
            f"{path}: its columns stand between semicolons or tabs; save it with commas, and "
            "decimals with points"
        )
    unnamed = [place for place, name in enumerate(header, 1) if not name.strip()]
    if unnamed:
        raise TaskError(
            f"{path}: column {unnamed[0]} has no name; save it without an index (index=False), or "
            "name it"
        )
    _check_header(path, header)


def _check_header(path: Path, names: Sequence[str]) -> None:
    twice = [name for name in names if list(names).count(name) > 1]
    if twice:
        raise TaskError(
            f"{path}: column {twice[0][:_MOST_SHOWN]!r} is there twice; rename or drop one"
        )
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return
    if numbers:
        raise TaskError(f"{path}: line 1 holds numbers only; put the names of the columns there")


def _read_parquet(path: Path) -> Pair:
    from pyarrow import ArrowException, parquet, types

    try:
        about = parquet.read_metadata(path)
        _check_memory(path, about.num_rows * about.num_columns * _NUMBER_BYTES)
        table = parquet.read_table(path)
        index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    except (ArrowException, OSError, ValueError, TypeError) as error:
        line = str(error).splitlines()[0]
        raise TaskError(f"{path}: {line}; give a Parquet file of numbers") from None
    index = [name for name in index if isinstance(name, str)]  # a range is no column
    table = table.drop_columns([name for name in table.column_names if name in index])
    _check_header(path, table.column_names)
    if table.num_columns < 2 or not table.num_rows:
        raise TaskError(
            f"{path}: has {table.num_columns} column(s) and {table.num_rows} rows; give features "
            "and a target"
        )
    *columns, last = table.columns
    for name, column in zip(table.column_names, columns, strict=False):
        kind = column.type
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        if not number or column.null_count:
            fault = f"has {column.null_count} null(s)" if number else f"is of {kind}"
            raise TaskError(f"{path}: column {name!r} {fault}; fill it with numbers or drop it")
    kind = last.type.value_type if types.is_dictionary(last.type) else last.type
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if not (text or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        raise TaskError(
            f"{path}: target {table.column_names[-1][:_MOST_SHOWN]!r} is of {kind}; give numbers "
            "or texts in the last column"
        )
    x = np.stack([column.to_numpy().astype(float) for column in columns], 1)
    y = np.array(last.to_pylist())
    return x, y.astype(float) if y.dtype.kind in "biuf" else y
