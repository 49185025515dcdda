"""Candidates trained by our trainer and by a textbook's loop, on the same data and architectures.

    python experiments/benchmarks/training/run.py [throughput|peak|step_cost|time|precision ...]
    python experiments/benchmarks/training/run.py overhead --run RUN

Each part measures and writes results/PART.json; without any, all but `overhead` are measured. The
last line joins what is there, as JSON; `supernet` comes from results/supernet.json. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NAMES = ("small", "middle", "large")
CORES = (0, 1)
WINDOW_S, REPEATS = 4.0, 3
MOST_EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []))
    parser.add_argument("--run", type=Path, help="folder of a search, for overhead")
    parser.add_argument("--architectures", nargs="+", default=NAMES, help="for time")
    given = parser.parse_args()
    chosen = given.parts or [name for name in PARTS if name != "overhead"]
    for name in chosen:
        if name == "overhead":
            found = overhead(given.run)
        elif name == "time":
            found = seconds_to_target(tuple(given.architectures))
        else:
            found = PARTS[name]()
        keep(name, found)
    print(json.dumps(contract()))


def keep(part: str, found: dict[str, Any]) -> None:
    """Write what a part found, with where and when."""
    command = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    where = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {_processor()}",
        "load_average": os.getloadavg(),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"where": where, **found}, indent=1)
    (RESULTS / f"{part}.json").write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def _child(*arguments: str) -> subprocess.Popen[str]:
    environment = dict(os.environ, PYTHONPATH=str(HERE.parents[2]))
    environment.pop("OMP_NUM_THREADS", None)
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=HERE)


def _answer(child: subprocess.Popen[str]) -> Any:
    out, _ = child.communicate()
    if child.returncode:
        raise SystemExit(f"a process of the benchmark failed with {child.returncode}")
    return json.loads(out.splitlines()[-1])


def _together(*arguments: str, seeds: tuple[int, ...] = (0, 0)) -> list[Any]:
    """Our processes side by side, one a core."""
    started = [
        _child("ours.py", *arguments, "--core", str(core), "--seed", str(seed))
        for core, seed in zip(CORES, seeds, strict=True)
    ]
    return [_answer(child) for child in started]


def throughput() -> dict[str, Any]:
    """Images a second of the whole machine, both in turns, by the wall: where it is quiet."""
    seen: dict[str, dict[str, list[float]]] = {n: {"textbook": [], "ours": []} for n in NAMES}
    for _ in range(REPEATS):
        for name in NAMES:
            window = ("throughput", name, "--seconds", str(WINDOW_S))
            seen[name]["textbook"].append(_answer(_child("textbook.py", *window))["wall"])
            ours = _together(*window)
            seen[name]["ours"].append(sum(row["wall"] for row in ours))
    rows = {name: {k: median(v) for k, v in row.items()} for name, row in seen.items()}
    ratios = {name: row["ours"] / row["textbook"] for name, row in rows.items()}
    found = {"images_per_s": rows, "all": seen, "ratio": ratios, "median": median(ratios.values())}
    return {**found, "optimiser": ours[0]["optimiser"]}


def by_processor() -> dict[str, Any]:
    """The same by processor time, where other work runs; an upper bound of the textbook's rate."""
    found = _answer(_child("by_processor.py"))
    return {**found, "median": median(found["ratio"].values())}


def _rates() -> Path:
    """The quiet measurement if there is one."""
    quiet = RESULTS / "throughput.json"
    return quiet if quiet.is_file() else RESULTS / "by_processor.json"


def seconds_to_target(names: tuple[str, ...]) -> dict[str, Any]:
    """Candidates an hour that reach the target; two cores busy on both sides.

    Epochs to the target come from trainings on one thread, whose time other work on the machine
    may disturb; an epoch's time is its images by the throughput that was measured in turns.
    """
    measured = json.loads(_rates().read_text(encoding="utf-8"))
    rates = measured["images_per_s"]
    if measured.get("optimiser") != "muon":  # that of the recipes
        costs = json.loads((RESULTS / "step_cost.json").read_text(encoding="utf-8"))["share"]
        rates = {n: {**row, "ours": row["ours"] * costs[n]} for n, row in rates.items()}
    path = RESULTS / "trainings.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found: dict[str, Any] = {"target": TARGET}
    for name in names:
        for seed in SEEDS:
            wanted = {
                f"{name}/ours/{seed}": ("ours.py", "candidate", name, "--seed", str(seed)),
                f"{name}/textbook/{seed}": (
                    *("textbook.py", "target", name, "--epochs", str(MOST_EPOCHS)),
                    *("--threads", "1", "--seed", str(seed)),
                ),
            }
            for key, command in wanted.items():
                if key not in rows:
                    rows[key] = _answer(_child(*command))
                    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        found[name] = _compared(name, rows, rates[name])
    return found


def step_cost() -> dict[str, Any]:
    """AdamW's time of a step over Muon's, by processor time, for rates measured by AdamW."""
    return dict(_answer(_child("step_cost.py")))


def _compared(name: str, rows: dict[str, Any], rates: dict[str, float]) -> dict[str, Any]:
    """Both sides of one architecture."""
    ours = [rows[f"{name}/ours/{seed}"] for seed in SEEDS]
    theirs = [rows[f"{name}/textbook/{seed}"] for seed in SEEDS]
    reached = sum(row["accuracy"] >= TARGET for row in ours) / len(ours)
    per_hour = {
        "ours": 3600 * reached * rates["ours"] / ours[0]["images"],
        "textbook": median(3600 * rates["textbook"] / _least_images(row) for row in theirs),
    }
    ratio = per_hour["ours"] / per_hour["textbook"]
    return {
        "candidates_per_hour": per_hour,
        "ratio": ratio,
        "energy_ratio": ratio,  # both sides keep the whole machine busy
        "accuracy": [row["accuracy"] for row in ours],
        "textbook_epochs": [len(row["curve"]) for row in theirs],
        "textbook_reached": [row["reached"] for row in theirs],
        "textbook_accuracy": [row["curve"][-1] for row in theirs],
    }


def _least_images(row: dict[str, Any]) -> float:
    """Until the target; where it was stopped before, one epoch more, as it looks once an epoch."""
    return float(row["images"] * (1 if row["reached"] else 1 + 1 / len(row["curve"])))


SEEDS = (0,)
TARGET = 0.90


def peak() -> dict[str, Any]:
    """Matrix peak and copy rate of one core, and what share of them training reached."""
    return dict(_answer(_child("peak.py", str(_rates()))))


def precision() -> dict[str, Any]:
    """Test accuracy of bf16 less that of float32, over architectures and seeds."""
    return dict(_answer(_child("precision.py")))


def overhead(run: Path | None) -> dict[str, Any]:
    """Shares of a search's wall time by its own records."""
    if run is None:
        raise SystemExit("overhead: give --run FOLDER of a finished search")
    return dict(_answer(_child("overhead.py", str(run.resolve()))))


PARTS: dict[str, Any] = {
    "throughput": throughput,
    "by_processor": by_processor,
    "peak": peak,
    "step_cost": step_cost,
    "time": seconds_to_target,
    "precision": precision,
    "overhead": overhead,
}


def contract() -> dict[str, Any]:
    """The line that is promised; None for what was not measured."""

    def read(part: str) -> dict[str, Any]:
        path = RESULTS / f"{part}.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    timed, weights = read("time"), read("supernet")
    return {
        "time_to_accuracy_ratio": {name: timed.get(name, {}).get("ratio") for name in NAMES},
        "throughput_ratio": json.loads(_rates().read_text(encoding="utf-8"))["median"]
        if _rates().is_file()
        else None,
        "peak_share": read("peak").get("fp32_share"),
        "supernet": {key: weights.get(key) for key in ("spearman", "cost_in_trainings")},
        "overhead_share": read("overhead").get("overhead_share"),
    }


if __name__ == "__main__":
    main()
