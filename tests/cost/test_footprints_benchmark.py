from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "benchmarks" / "footprints"


def test_the_benchmark_ends_with_its_figures_and_keeps_them(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), "--rows", "1000", "--looped", "100",
         "--rounds", "1", "--out", str(out)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    *report, last = done.stdout.splitlines()
    assert "all 1,000 would take" in report[-1]
    figures = json.loads(last)
    assert (figures["rows"], figures["looped_rows"]) == (1000, 100)
    assert min(figures["footprints_per_s"], figures["loop_per_s"], figures["ratio"]) > 0
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert kept.pop("machine")["numpy"]
    assert kept == figures


def test_the_kept_figures_are_of_a_million() -> None:
    kept = json.loads((FOLDER / "result.json").read_text(encoding="utf-8"))
    assert kept["rows"] == 1_000_000
    assert {"processor", "commit", "numpy"} <= set(kept["machine"])
