"""Mean carbon intensity by month and hour of the day, for grids that have hourly records."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Facts, Text
from nas.errors import HardwareError

__all__ = ["DAYS_OF_MONTH", "hourly_means", "hourly_means_names", "hourly_means_text", "year_of"]

DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FOLDER = Path(__file__).with_name("data") / "hours"

_GramsPerKwh = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Day = Annotated[tuple[_GramsPerKwh, ...], Field(min_length=24, max_length=24)]
_Year = Annotated[tuple[_Day, ...], Field(min_length=12, max_length=12)]


class _Means(Facts):
    name: Text
    year: int
    meaning: Text
    source: Text
    average: _Year
    marginal: _Year


def hourly_means_names() -> tuple[str, ...]:
    """Names of the grids whose month x hour means come with the package, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def _means(name: str) -> _Means:
    if name not in hourly_means_names():
        raise HardwareError(
            f"grid {name!r}: has no hourly means; known for {', '.join(hourly_means_names())}, or"
            " give a trace"
        )
    path = _FOLDER / f"{name}.yaml"
    return parse_facts(_Means, read_yaml(path), path.name)


def hourly_means(
    name: str, rate: Literal["average", "marginal"] = "average"
) -> NDArray[np.float64]:
    """Mean carbon intensity for each month and hour of the day in UTC.

    Means of the hours of 2022, not a trace: `hourly_means_text` says what they are.

    Args:
        name: ``us-caiso``, ``us-pjm`` or ``us-ercot``.
        rate: Of all generation, or the estimate for the next kilowatt hour.

    Returns:
        Array (12, 24) in g CO2e/kWh, January and 00:00 UTC first.

    Raises:
        HardwareError: If the grid has none, or the rate is unknown.
    """
    if rate not in ("average", "marginal"):
        raise HardwareError(f"rate: got {rate!r}; use average or marginal")
    found = _means(name)
    return np.array(found.average if rate == "average" else found.marginal, dtype=np.float64)


def hourly_means_text(name: str) -> str:
    """What the means of that grid are and where they come from, in one line."""
    found = _means(name)
    return f"{found.meaning}; {found.source}"


def year_of(name: str) -> int:
    """The year that the means of that grid were taken over."""
    return _means(name).year
