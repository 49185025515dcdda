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
        [sys.executable, str(script), "--candidates", "3", "--rounds", "1", "--looped", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    *report, last = done.stdout.splitlines()
    assert "ratio" in report[-2] and "3240 designs" in report[-1]
    figures = json.loads(last)
    assert set(figures) == {"costs_per_s", "designs_ms", "footprints_per_s"}
    assert figures["designs_ms"] > 0
    assert figures["costs_per_s"] > 0 and figures["footprints_per_s"] > 0
