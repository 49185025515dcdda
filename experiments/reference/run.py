"""How good the searched networks are on real data, beside a baseline that is well known.

    python experiments/reference/run.py [TASK ...] [--out runs/reference]

Of each task: search by `TASK.yaml` here, choice of the lowest error, export (full training on the
training and validation parts together, ONNX, verification, the test part opened once), then the
baseline of `baselines.py`, or the published figure in `PUBLISHED`. A search that was interrupted is
resumed and what is finished is not done again; `results/TASK.json` here is written at the end, and
tasks with such a file are only shown. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1]))

from baselines import gradient_boosting
from measured_on import measured_on

import nas
from nas.errors import CarbonNasError
from nas.models.tasks import task

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TASKS = (
    "diamonds", "breast-cancer", "japanese-vowels", "movielens", "flights", "fashion-mnist",
)  # fmt: skip
# Error that must be met where no baseline is run: of a publication, or of the question itself.
PUBLISHED = {
    "japanese-vowels": {
        "name": "signature kernel with a support vector machine, best of the 8 methods in the "
        "table of Toth, Oberhauser and Szabo 2023 (arXiv:2311.12214): accuracy 0.986",
        "test_error": 0.014,
    },
    "fashion-mnist": {"name": "the aim: 93 % with under 300,000 parameters", "test_error": 0.07},
}


def cpu_s() -> float:
    """Processor time of this process and of its children that have ended."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(path: Path, work: Any) -> dict[str, Any]:
    """What `work` gives, with seconds; kept in `path`, and read from there another time."""
    if not path.exists():
        began, cpu_began = perf_counter(), cpu_s()
        row = work()
        spent = {
            "seconds": round(perf_counter() - began, 1),
            "cpu_seconds": round(cpu_s() - cpu_began, 1),
        }
        path.write_text(json.dumps({**row, **spent}, indent=1) + "\n", encoding="utf-8")
    row = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(row, dict)
    return row


def search(name: str, folder: Path) -> dict[str, Any]:
    """Search, or go on with one that was interrupted."""
    run = folder / "run"
    if run.exists():
        subprocess.run([sys.executable, "-m", "nas", "resume", str(run)], check=True)
    else:
        nas.search(HERE / f"{name}.yaml", run)
    results = nas.load(run)
    chosen = results.select(prefer="error")
    trained = results.candidates().query("status == 'trained'")
    return {
        "trained": len(trained),
        "candidate": chosen.candidate,
        "deployment": chosen.deployment,
        "validation_error": float(chosen.row["error"]),
        "params": int(chosen.row["params"]),
    }


def export(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train the chosen network fully and measure its file on the test part."""
    nas.export(folder / "run", found["candidate"], found["deployment"], folder / "model")
    card = json.loads((folder / "model" / "card.json").read_text(encoding="utf-8"))
    return {
        "metric": card["measured"]["metric"],
        "test_error": card["measured"]["test_error"],
        "largest_difference": card["measured"]["largest_difference"],
        "architecture": card["search"]["architecture"],
        "recipe": card["training"],
    }


def run_task(name: str, folder: Path) -> dict[str, Any]:
    """All of one task."""
    folder.mkdir(parents=True, exist_ok=True)
    found = timed(folder / "search.json", lambda: search(name, folder))
    exported = timed(folder / "export.json", lambda: export(found, folder))
    baseline = PUBLISHED.get(name) or timed(
        folder / "baseline.json", lambda: gradient_boosting(task(name))
    )
    return {
        "task": name,
        "search": found,
        "export": exported,
        "baseline": baseline,
        "as_good": exported["test_error"] <= baseline["test_error"],
        **measured_on(),
    }


def line(row: dict[str, Any]) -> str:
    """A row of the table of README."""
    ours, other = row["export"], row["baseline"]
    spent = row["search"]["seconds"] + ours["seconds"]
    params = ours.get("params", row["search"]["params"])  # days.py exports another network
    return (
        f"| {row['task']} | {ours['metric']} | {ours['test_error']:.4f} | "
        f"{other['test_error']:.4f} | {'yes' if row['as_good'] else 'NO'} | "
        f"{params:,} | {row['search']['trained']} | {spent:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}")
    parser.add_argument("--out", type=Path, default=Path("runs/reference"))
    options = parser.parse_args()
    unknown = [name for name in options.tasks if name not in TASKS]
    if unknown:
        sys.exit(f"{unknown[0]}: no such task here; {', '.join(TASKS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in options.tasks or TASKS:
        told = RESULTS / f"{name}.json"
        if not told.exists():
            try:
                row = run_task(name, options.out / name)
            except CarbonNasError as error:
                print(f"{name}: FAILED: {error}", flush=True)
                continue
            told.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    print("| task | metric | test error | baseline | as good | parameters | trained | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for name in TASKS:
        told = RESULTS / f"{name}.json"
        if told.exists():
            rows.append(json.loads(told.read_text(encoding="utf-8")))
            print(line(rows[-1]))
    print(
        json.dumps(
            {
                "tasks": {row["task"]: row["as_good"] for row in rows},
                "missing": [name for name in TASKS if name not in {row["task"] for row in rows}],
            }
        )
    )


if __name__ == "__main__":
    main()
