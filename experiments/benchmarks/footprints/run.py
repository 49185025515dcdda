"""How fast footprints are: one call on arrays against a plain Python loop over rows.

    python experiments/benchmarks/footprints/run.py [--rows 1000000] [--looped 20000] [--rounds 15]
                                                    [--out result.json]

A row is one candidate on one deployment: energy, occupancy, memory and storage in, grams out, by
the default study (fixed volume, the smallest size of memory and storage that is sold). Energies
and occupancies are drawn log-uniformly (seed 0), and so are bytes, between those of a small network
and those of one that needs the largest size. Both ways run in one process on one thread, in turns,
and must agree; the loop takes the first rows only, and its time for all rows is extrapolated.
Rates are medians over the rounds. The last line is JSON; `result.json` beside this file holds it
with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study, capacities, device_embodied, footprint
from nas.carbon.embodied import Steps

STUDY = Study(Demand(lifetime_years=4.0, inferences=1e7))
AS_BUILT = Study(STUDY.demand, memory="as_built")
PLACES = (
    ("stm32l4r5", "fr"),
    ("rpi4", "us-caiso"),
    ("jetson_orin_nano_8gb", "us-pjm"),
    ("pixel3", "de"),
    ("a100_sxm4_40", "no"),
)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def make_deployments() -> list[Deployment]:
    return [Deployment(f"{name}-{where}", hardware(name), "int8", grid(where))
            for name, where in PLACES]  # fmt: skip


def draw_rows(candidates: int) -> Arrays:
    """Energy, occupancy, memory and storage of candidates, each (candidates, deployments)."""
    rng, shape = np.random.default_rng(0), (candidates, len(PLACES))
    ends = ((1e-4, 1.0), (1e-4, 1e-2), (3e7, 6e9), (1e7, 1e11))
    energy, tau, memory, storage = (
        np.exp(rng.uniform(np.log(low), np.log(high), shape)) for low, high in ends
    )
    return energy, tau, memory, storage


def size_gco2e(sizes: Steps | None, needed_bytes: float) -> float:
    """What the smallest size that holds the model adds to a device as built."""
    if sizes is None:
        return 0.0
    for limit, grams in zip(sizes.limits_bytes, sizes.grams, strict=True):
        if needed_bytes <= limit:
            return grams - sizes.built_gco2e
    return sizes.grams[-1] - sizes.built_gco2e


def loop_carbon(row: Sequence[float], deployment: Deployment, study: Study) -> float:
    """Grams of one row in plain floats."""
    energy_j, tau_s, memory_bytes, storage_bytes = row
    demand, profile = study.demand, deployment.profile
    life_s = demand.lifetime_years * 8760.0 * 3600.0
    devices = demand.devices or 1
    busy = demand.inferences * tau_s / (devices * life_s)
    idle = profile.idle_w.value * tau_s * max(demand.powered_share - busy, 0.0) / busy
    per_joule = deployment.overhead * deployment.grid.gco2e_per_kwh.value / 3.6e6
    made = device_embodied(profile, table=study.fab_table).total_gco2e
    if study.memory == "smallest_variant":
        sizes = capacities(profile, table=study.fab_table)
        made += size_gco2e(sizes.memory, memory_bytes) + size_gco2e(sizes.storage, storage_bytes)
    return (energy_j + idle) * per_joule + made * tau_s / (life_s * busy)


def loop(rows: Arrays, deployments: Sequence[Deployment], study: Study) -> np.ndarray:
    columns = zip(*(array.tolist() for array in rows), strict=True)
    return np.array(
        [
            [loop_carbon(row, d, study) for row, d in zip(zip(*four, strict=True), deployments,
                                                          strict=True)]
            for four in columns
        ]
    )  # fmt: skip


def arrays(rows: Arrays, deployments: Sequence[Deployment], study: Study) -> np.ndarray:
    energy, tau, memory, storage = rows
    return footprint(
        energy, tau, deployments, study, memory_bytes=memory, storage_bytes=storage
    ).carbon_gco2e


def timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def measure(ways: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each way in each round, taken in turns after one round of warming up."""
    for way in ways:
        way()
    rows = [[timed(way) for way in ways] for _ in range(rounds)]
    return [list(column) for column in zip(*rows, strict=True)]


def where() -> dict[str, object]:
    """Machine, versions and commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent,
    )  # fmt: skip
    model = [x for x in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
             if x.startswith("model name")] if Path("/proc/cpuinfo").exists() else []  # fmt: skip
    return {
        "processor": model[0].split(":", 1)[1].strip() if model else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "commit": commit.stdout.strip() or None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--looped", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    machine, deployments = where(), make_deployments()
    rows = draw_rows(max(1, options.rows // len(deployments)))
    few = tuple(array[: max(1, options.looped // len(deployments))] for array in rows)
    total, looped = rows[0].size, few[0].size
    for study in (STUDY, AS_BUILT):
        np.testing.assert_allclose(
            arrays(rows, deployments, study)[: len(few[0])],
            loop(few, deployments, study),
            rtol=1e-12,
        )
    seconds = measure(
        (
            lambda: arrays(rows, deployments, STUDY),
            lambda: arrays(rows, deployments, AS_BUILT),
            lambda: loop(few, deployments, STUDY),
        ),
        options.rounds,
    )
    counts = (total, total, looped)
    rates = [count / median(column) for count, column in zip(counts, seconds, strict=True)]
    spreads = [(max(column) - min(column)) / median(column) for column in seconds]
    print(f"{machine['system']}, Python {machine['python']}, numpy {machine['numpy']}")
    print(f"{total:,} footprints a call, {options.rounds} rounds in turns")
    for name, rate, spread in zip(
        ("one call", "one call, memory as built", "plain loop"), rates, spreads, strict=True
    ):
        print(f"{name}: {rate:,.0f} footprints/s (spread {spread:.0%})")
    print(f"plain loop: measured on {looped:,} rows; all {total:,} would take"
          f" {total / rates[2]:.1f} s against {total / rates[0]:.3f} s; ratio"
          f" {rates[0] / rates[2]:.0f}")  # fmt: skip
    result = {
        "footprints_per_s": round(rates[0]),
        "footprints_per_s_as_built": round(rates[1]),
        "loop_per_s": round(rates[2]),
        "ratio": round(rates[0] / rates[2], 1),
        "rows": total,
        "looped_rows": looped,
        "rounds": options.rounds,
        "spread": [round(spread, 3) for spread in spreads],
    }
    if options.out is not None:
        text = json.dumps(result | {"machine": machine}, indent=1)
        options.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
