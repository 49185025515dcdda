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
    gflops: float
    watts: float
    megahertz: float
    die_mm2: float
    node_nm: float

    @property
    def gflops_per_w(self) -> float:
        """Peak in fp32 over the power of the board."""
        return self.gflops / self.watts


_COLUMNS = (
    "release_year",
    "peak_fp32_gflops",
    "tdp_w",
    "clock_mhz",
    "die_area_mm2",
    "process_node_nm",
)


def parts(path: Path, *, kinds: Sequence[str]) -> list[Part]:
    """The parts of these kinds of which the table knows every figure, by year."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            figures = [row[column] for column in _COLUMNS]
            if row["class"] in kinds and all(figures):
                year, *others = (float(figure) for figure in figures)
                found.append(Part(row["device_id"], int(year), *others))
    return sorted(found, key=lambda part: (part.year, part.name))


def doubling_years(points: Sequence[Part], quantity: str = "gflops_per_w") -> float:
    """Years in which a figure doubles: least squares of its base-2 logarithm on the year."""
    years = np.array([part.year for part in points], dtype=float)
    doublings = np.log2([getattr(part, quantity) for part in points])
    slope = np.polyfit(years - years.mean(), doublings, 1)[0]
    return float(1.0 / slope)
