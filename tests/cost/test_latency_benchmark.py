"""The benchmark of latencies on small tables made for the test, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "benchmarks" / "latency_model" / "run.py"
TIMM = ("first", "second", "third", "fourth")
HEAD = "model,img_size,params_m,gmacs,macts,batch_size,step_time_ms,device,dtype,layout,mode"


def timm(path: Path, device: str, speed: float) -> None:
    rng = np.random.default_rng(0)
    lines = [HEAD]
    for row in range(14):
        params, gmacs, macts = 10 ** rng.uniform(-1, 2, 3)
        time_ms = 256 * (gmacs + macts) * speed
        lines.append(
            f"m{row},224,{params},{gmacs},{macts},256,{time_ms},{device},amp_fp16,nchw,infer"
        )
    path.write_text("\n".join(lines))


def cells(path: Path) -> None:
    """Latencies that are a sum over edges, on one device measured of each cell, on the other once a
    class."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, (14, 6))
    cost = np.array([0.0, 0.0, 0.5, 1.5, 0.4])
    lines = ["arch_idx,rep_arch_idx,e0,e1,e2,e3,e4,e5,acc_x,lat_ms_fpga,lat_ms_pi5_onnx"]
    for row, code in enumerate(codes):
        each, once = (1.0 + cost[taken].sum() + 1e-3 * row for taken in (code, codes[row // 2]))
        lines.append(f"{row},{row // 2},{','.join(map(str, code))},{50 + row},{each},{once}")
    path.write_text("\n".join(lines))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("tables")
    timm(folder / "first.csv", "rtx3090", 1e-4)
    timm(folder / "second.csv", "rtx4090", 5e-5)
    timm(folder / "third.csv", "quux", 1e-4)
    timm(folder / "fourth.csv", "my_card", 1e-4)
    (folder / "other.csv").write_text("a,b\n1,2\n")
    cells(folder / "cells.csv")
    arguments = ["--tables", str(folder), "--nb201", "none", "--draws", "1"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, "--devices", "my_card=rtx2080ti"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_last_line_holds_every_table(report: list[str]) -> None:
    found = json.loads(report[-1])
    assert set(found["uncalibrated"]) == {*TIMM, "cells/fpga", "cells/pi5_onnx"}
    assert found["uncalibrated"]["first"]["n"] == 14
    assert found["uncalibrated"]["first"]["spearman"] > 0.7
    ten = found["calibrated_10"]["cells/fpga"]
    assert set(ten) >= {"spearman", "median_ape", "coverage_90", "breaks"}
    assert found["calibrated_50"] == {}


def test_what_a_source_documents_is_what_was_run(report: list[str]) -> None:
    told = {line.split(":")[0]: line for line in report if line.startswith("cells/")}
    assert "every edge runs; as documented" in told["cells/fpga"]
    assert "that of its representative; every edge runs; as documented" in told["cells/pi5_onnx"]
    assert json.loads(report[-1])["uncalibrated"]["cells/pi5_onnx"]["spearman"] > 0.8


def test_a_device_that_cannot_be_mapped_is_told(report: list[str]) -> None:
    found = json.loads(report[-1])
    assert found["uncalibrated"]["third"]["spearman"] is None
    assert any("quux cannot be mapped" in line for line in report)
    assert any("fpga, no profile: a generic one of the kind fpga" in line for line in report)
    assert any("profile rtx2080ti, as --devices says" in line for line in report)
    assert any(line.startswith("other: no latency table") for line in report)


def test_a_table_follows_from_another_device_with_equal_settings(report: list[str]) -> None:
    transfer = json.loads(report[-1])["transfer"]
    # Both tables are one law at two speeds: models' own times carry over but for a factor.
    assert transfer["first -> second"]["spearman"] > 0.97
    assert "first -> third" not in transfer
