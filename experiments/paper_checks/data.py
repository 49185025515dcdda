"""Where the shared data are, and the trend of a device table."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def data_folder() -> Path | None:
    """The folder that `CARBON_NAS_DATA` names, by default `../shared/data`; None if absent."""
    folder = Path(os.environ.get("CARBON_NAS_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def data_file(name: str) -> Path:
    """One file of it."""
    folder = data_folder()
    if folder is None:
        raise FileNotFoundError("CARBON_NAS_DATA: names no folder")
    return folder / name


@dataclass(frozen=True)
class Part:
    """One processor of a device table."""

    name: str
    year: int
    gflops_per_w: float
    watts: float


def parts(path: Path, *, kinds: Sequence[str]) -> list[Part]:
    """The parts of these kinds whose fp32 peak, power and year the table knows, by year."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            figures = [row[key] for key in ("release_year", "peak_fp32_gflops", "tdp_w")]
            if row["class"] in kinds and all(figures):
                year, gflops, watts = (float(figure) for figure in figures)
                found.append(Part(row["device_id"], int(year), gflops / watts, watts))
    return sorted(found, key=lambda part: (part.year, part.name))


def doubling_years(points: Sequence[Part]) -> float:
    """Years in which GFLOPS per watt double: least squares of its base-2 logarithm on the year."""
    years = np.array([part.year for part in points], dtype=float)
    doublings = np.log2([part.gflops_per_w for part in points])
    slope = np.polyfit(years - years.mean(), doublings, 1)[0]
    return float(1.0 / slope)
