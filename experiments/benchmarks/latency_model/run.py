"""Predicted against published latency: from the profile alone, and after 10 and 50 measurements.

    python experiments/benchmarks/latency_model/run.py
        [--tables DIR] [--nb201 FILE] [--devices name=profile,...] [--draws 20]

Tables are those of timm (totals), HAT (transformers) and NAS-Bench-201 (cells), of any device and
precision; see tables.py, and devices.py for the profile of a device that the catalogue lacks.
Calibrated: each draw takes 10 or 50 rows, fits, and is tested on all others; means over the draws.
Beside it: a linear fit of counts on the same rows, and a roofline of peaks without efficiencies.
Two tables of one setting on two devices: each is predicted from the other's measurements and both
profiles. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from devices import Mapped, mapped
from energy import energy_of_boards
from scipy.stats import spearmanr
from tables import Numbers, Table, read_tables
from trials import calibrated_trials, naive_s, transferred

from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.cost.calibration import modelled
from nas.cost.figures import Figures, compiled_figures

DATA = Path(os.environ.get("CARBON_NAS_DATA", "../shared/data"))
SIZES = (10, 50)


def figures_for(table: Table, found: Mapped) -> Figures:
    """Figures of a table's deployment, in its precision or the nearest that the device has."""
    profile = found.profile
    precisions = profile.precisions
    used = table.precision if table.precision in precisions else precisions[0]
    threads = None if profile.cores is None else table.threads
    place = Deployment(
        table.device, profile, used, custom_grid(0.0), batch=table.run_batch, threads=threads
    )
    return compiled_figures([place])


def rank(predicted: Numbers, table: Table, rows: Any = slice(None)) -> float:
    """Spearman correlation of times per inference."""
    measured = table.seconds / table.batch
    return float(spearmanr((predicted / table.batch)[rows], measured[rows]).statistic)


def uncalibrated(table: Table, found: Mapped) -> dict[str, Any]:
    """How well the profile alone ranks a table."""
    figures = figures_for(table, found)
    predicted = modelled(table.networks, figures)[0][table.which]
    naive = naive_s(table.networks, found.profile, figures)[table.which]
    ratio = float(np.median(predicted / table.seconds))
    print(f"{table.name}: {table.device}, {found.note}; {table.note}")
    print(f"  uncalibrated: Spearman {rank(predicted, table):.4f} (peaks alone"
          f" {rank(naive, table):.4f}), predicted / measured {ratio:.2f}", flush=True)  # fmt: skip
    return {"spearman": round(rank(predicted, table), 4), "n": len(table.seconds)}


def calibrated(table: Table, found: Mapped, draws: int) -> dict[int, dict[str, float]]:
    """Means over draws of 10 and of 50 rows."""
    results = {}
    for size in SIZES:
        if len(table.seconds) <= size:
            continue
        trials = calibrated_trials(table, figures_for(table, found), found.profile, size, draws)
        keys = list(dict.fromkeys(key for trial in trials for key in trial))
        means = {
            key: float(np.mean([trial[key] for trial in trials if key in trial])) for key in keys
        }
        print(f"  {size} measured: Spearman {means['spearman']:.4f}, median error"
              f" {means['median_ape']:.2%}, 90 % interval holds {means['coverage_90']:.1%};"
              f" linear fit of counts {means['linear_spearman']:.4f},"
              f" {means['linear_median_ape']:.2%}", flush=True)  # fmt: skip
        if "breaks" in means:
            print(f"  chosen under a cap: breaks it in {means['breaks']:.0%} of the draws, with the"
                  f" interval as margin in {means['breaks_with_margin']:.0%}; accuracy lost"
                  f" {means['lost']:.2f} and {means['lost_with_margin']:.2f} points")  # fmt: skip
        results[size] = {key: round(value, 4) for key, value in means.items()}
    return results


def transfers(tables: list[Table], found: Mapping[str, Mapped]) -> dict[str, dict[str, float]]:
    """Each table from each other of the same setting on another device."""
    results = {}
    for source in tables:
        for target in tables:
            alike = source.setting and source.setting == target.setting
            if not alike or source.device == target.device:
                continue
            errors = transferred(
                source,
                target,
                (figures_for(source, found[source.name]), figures_for(target, found[target.name])),
                found[source.name].profile,
            )
            key = f"{source.name} -> {target.name}"
            print(f"{key}: median error {errors['median_ape']:.1%}, from the two profiles without"
                  f" the models' own times {errors['model_median_ape']:.1%}")  # fmt: skip
            results[key] = {name: round(value, 4) for name, value in errors.items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, default=DATA / "latency")
    parser.add_argument("--nb201", type=Path, default=DATA / "nb201" / "nb201_dev.csv.gz")
    parser.add_argument("--devices", nargs="*", default=[], help="name=profile, a name or a file")
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    given = dict(
        pair.split("=", 1) for text in options.devices for pair in text.split(",") if "=" in pair
    )
    folder = options.tables if options.tables.is_dir() else None
    tables, unknown = read_tables(folder, options.nb201 if options.nb201.is_file() else None)
    found = {table.name: mapped(table.device, given) for table in tables}
    result: dict[str, Any] = {"uncalibrated": {}, "calibrated_10": {}, "calibrated_50": {}}
    for table in tables:
        place = found[table.name]
        if place.profile is None:
            print(f"{table.name}: {table.device} cannot be mapped: {place.note}")
            result["uncalibrated"][table.name] = {"spearman": None, "n": len(table.seconds),
                                                  "unmapped": place.note}  # fmt: skip
            continue
        result["uncalibrated"][table.name] = uncalibrated(table, place)
        for size, means in calibrated(table, place, options.draws).items():
            result[f"calibrated_{size}"][table.name] = means
    usable = [table for table in tables if found[table.name].profile is not None]
    result["transfer"] = transfers(usable, found)
    boards = [] if folder is None else sorted(folder.glob("mlperf_tiny*.csv"))
    result["energy"] = {path.stem: energy_of_boards(path, given) for path in boards}
    for line in unknown:
        if not any(path.stem in line for path in boards):
            print(line)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
