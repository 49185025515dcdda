"""Grams of use that a search saves by working in clean hours before a deadline, on hourly traces.

    python experiments/carbon_aware/run.py --traces ../shared/data/grid [--out FILE]

Work of 4, 12 and 24 hours at constant power, deadlines of 1, 3 and 7 days, starts every 73 hours of
2022. Beside the schedule of `search.schedule` (the shipped month x hour means as its forecast): the
day before as the forecast, the trace itself as the forecast, one best span without a pause, and the
closed-form minimum. Windows with a gap of the trace are left out. Use only: manufacture is charged
by working time, which does not change.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hardware_profiles.hours import hourly_means
from hardware_profiles.traces import read_trace
from nas.carbon.hourly import clock_of
from nas.carbon.scheduling import cleanest_shares, is_time_to_run, start_now_shares

Array = npt.NDArray[np.float64]
Forecast = Callable[[int, int], Array]
WORK_H, DEADLINES_H, EVERY_H = (4, 12, 24), (24, 72, 168), 73
TRACES = {"us-caiso": "us_caiso_2022_hourly.csv.gz", "us-pjm": "us_pjm_2022_hourly.csv.gz"}
POLICIES = ("shipped_means", "day_before", "trace_known", "one_span", "closed_form")


def hour_by_hour(truth: Array, start: int, deadline: int, work: int, forecast: Forecast) -> float:
    """Mean intensity of the hours that a schedule takes, deciding at each from what it knows."""
    taken, left = [], work
    for hour in range(start, start + deadline):
        if left and is_time_to_run(forecast(hour, start + deadline).tolist(), left):
            taken.append(truth[hour])
            left -= 1
    assert left == 0
    return float(np.mean(taken))


def compared(truth: Array, means: Array, start: int, deadline: int, work: int) -> dict[str, float]:
    """Mean intensity of the work by each policy, and of the work that starts at once [g/kWh]."""
    window = truth[start : start + deadline]
    spans = np.convolve(window, np.ones(work) / work, mode="valid")

    def day_before(hour: int, end: int) -> Array:
        # The present is known; what comes repeats the last 24 hours.
        return truth[hour + 1 - 24 + (np.arange(end - hour) - 1) % 24]

    return {
        "start_now": float(start_now_shares(window, work) @ window) / work,
        "shipped_means": hour_by_hour(truth, start, deadline, work, lambda h, e: means[h:e]),
        "day_before": hour_by_hour(truth, start, deadline, work, day_before),
        "trace_known": hour_by_hour(truth, start, deadline, work, lambda h, e: truth[h:e]),
        "one_span": float(spans.min()),
        "closed_form": float(cleanest_shares(window, work) @ window) / work,
    }


def table_of(name: str, path: Path) -> list[dict[str, float | str]]:
    """One row a length of work and deadline: means over all starts, and the saved shares."""
    truth, _ = clock_of(read_trace(path, column="aer", drop_faulty=True))
    means, _ = clock_of(hourly_means(name))
    rows: list[dict[str, float | str]] = []
    for deadline in DEADLINES_H:
        for work in WORK_H:
            if work > deadline:
                continue
            found = [
                compared(truth, means, start, deadline, work)
                for start in range(24, len(truth) - deadline, EVERY_H)
                if np.isfinite(truth[start - 24 : start + deadline]).all()
            ]
            row: dict[str, float | str] = {"grid": name, "deadline_h": deadline, "work_h": work}
            row["starts"] = len(found)
            now = np.array([one["start_now"] for one in found])
            row["start_now_gco2e_per_kwh"] = round(float(now.mean()), 1)
            for policy in POLICIES:
                values = np.array([one[policy] for one in found])
                row[f"{policy}_gco2e_per_kwh"] = round(float(values.mean()), 1)
                row[f"{policy}_saved"] = round(1 - float(values.sum() / now.sum()), 4)
            worst = np.array([one["shipped_means"] / one["start_now"] for one in found])
            row["shipped_means_worse_than_now"] = round(float((worst > 1 + 1e-9).mean()), 3)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("saved.csv"))
    options = parser.parse_args()
    rows = [row for name, file in TRACES.items() for row in table_of(name, options.traces / file)]
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(row)
    saved = {
        f"{row['grid']}, {row['work_h']} h in {row['deadline_h']} h": {
            policy: row[f"{policy}_saved"] for policy in POLICIES
        }
        for row in rows
    }
    print(json.dumps({"saved_share": saved}))


if __name__ == "__main__":
    main()
