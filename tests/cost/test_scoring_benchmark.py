from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_ends_with_its_figures() -> None:
    script = ROOT / "experiments" / "benchmarks" / "scoring" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--candidates", "2", "--rounds", "1"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    *report, last = done.stdout.splitlines()
    assert "ratio" in report[-1]
    figures = json.loads(last)
    assert set(figures) == {"costs_per_s", "footprints_per_s", "per_call_us"}
    assert all(value > 0 for value in figures.values())
