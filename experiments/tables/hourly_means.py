"""Derive the month x hour means of hardware_profiles/data/hours/ from hourly files of 2022.

python experiments/tables/hourly_means.py [DATA] writes one YAML file a region, and prints the
range of the marginal estimate that data/grids.yaml carries. DATA holds grid/us_*_2022_hourly.csv.gz
(default ../shared/data). The files: US EIA bulk file EBA (public domain) through
HewlettPackard/dc-rl@a92b4755 (MIT); see the README beside them.
"""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[2]
TARGET = HERE / "hardware_profiles" / "data" / "hours"
REGIONS = {"caiso": -8, "pjm": -5, "ercot": -6}  # standard time, hours from UTC
LEAST_SHARE = 0.3  # of the mean generation; an hour below is a reporting fault
FACTORS = {  # life-cycle g/kWh, facebookresearch/CarbonExplorer@61d4cfd0
    "wind": 11, "solar": 41, "hydro": 24, "oil": 650,
    "gas": 490, "coal": 820, "nuclear": 12, "other": 230,
}  # fmt: skip
SOURCE = (
    "derived by experiments/tables/hourly_means.py; generation: US EIA bulk file EBA (public"
    " domain) through HewlettPackard/dc-rl@a92b4755 (MIT); life-cycle factors:"
    " facebookresearch/CarbonExplorer@61d4cfd0 (figures)"
)
MEANT = (
    "means over the days of 2022 for each month and hour of the day in UTC: not a trace, and not"
    " another year. average: sum(generation x factor) / sum(generation) inside the balancing"
    " authority. marginal: an estimate by regression (total emissions on dispatchable generation,"
    " hour to hour, one slope per month and local hour), not measured; it ignores imports, storage"
    " and curtailment"
)


def read(path):
    """Month and UTC hour of each row, generation by source, and both rates."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))

    def column(name):
        return np.array([float(row[name] or "nan") for row in rows])

    month = np.array([int(row["hour_utc"][5:7]) for row in rows])
    hour = np.array([int(row["hour_utc"][11:13]) for row in rows])
    generation = np.column_stack([column(f"{source}_mwh") for source in FACTORS])
    rates = column("aer_gco2e_per_kwh"), column("mer_estimate_gco2e_per_kwh")
    return month, hour, generation, *rates


def means(values, month, hour):
    """(12, 24) means of what is there."""
    return [
        [round(float(np.nanmean(values[(month == m) & (hour == h)])), 2) for h in range(24)]
        for m in range(1, 13)
    ]


def marginal_by(sources, generation, month, local_hour):
    """Mean over the hours of the slope of total emissions on the generation of these sources."""
    names = list(FACTORS)
    emissions = generation @ np.array([FACTORS[name] for name in names])
    moved = generation[:, [names.index(name) for name in sources]].sum(axis=1)
    de, dx = (np.diff(x, prepend=np.nan) for x in (emissions, moved))
    known = np.isfinite(de) & np.isfinite(dx)
    slopes = np.empty(len(month))
    for m in range(1, 13):
        for h in range(24):
            here = (month == m) & (local_hour == h)
            used = here & known
            slopes[here] = (de[used] @ dx[used]) / (dx[used] @ dx[used])
    return slopes.mean()


def write(name, content):
    lines = [f"{key}: {value}" for key, value in content.items() if not isinstance(value, list)]
    for rate in ("average", "marginal"):
        lines.append(f"{rate}:  # gCO2e/kWh; a row is a month, a column an hour in UTC")
        lines += [f"  - [{', '.join(f'{x:g}' for x in row)}]" for row in content[rate]]
    (TARGET / f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(data="../shared/data"):
    """Write the files, print the ranges."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for region, offset in REGIONS.items():
        path = Path(data) / "grid" / f"us_{region}_2022_hourly.csv.gz"
        month, hour, generation, average, marginal = read(path)
        total = generation.sum(axis=1)
        faulty = total < LEAST_SHARE * np.nanmean(total)
        gaps = int(np.isnan(average).sum())
        average[faulty], generation[faulty] = np.nan, np.nan
        left_out = f"{gaps} hours without data and {int(faulty.sum())} faulty hours left out"
        content = {
            "name": f"us-{region}",
            "year": 2022,
            "meaning": f'"{MEANT}; {left_out}"',
            "source": f'"{SOURCE}"',
            "average": means(average, month, hour),
            "marginal": means(marginal, month, hour),
        }
        write(content["name"], content)
        local = (hour + offset) % 24
        every = marginal_by(FACTORS, generation, month, local)
        fossil = marginal_by(("gas", "coal", "oil"), generation, month, local)
        print(f"us-{region}-marginal: {np.mean(marginal):.2f}, by all {every:.2f}, {fossil:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
