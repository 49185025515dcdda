"""``carbon-nas hardware measure``: a profile and a table of this machine, a folder for others."""

import csv
import importlib
import json
import subprocess
import sys

import pytest

from hardware_profiles.catalog import load_profile
from hardware_profiles.rapl import rapl_zones

FEW = ("--models", "3", "--rounds", "2")
ONLY = """
import importlib.abc, runpy, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Refuse())
sys.argv = ["measure.py", "--rounds", "2"]
runpy.run_path("measure.py", run_name="__main__")
"""
OURS = {"nas", "search_spaces", "hardware_profiles", "torch", "onnx", "yaml", "pydantic"}


@pytest.fixture
def calibrates(in_process):
    def calibrate(device, table):
        out = table.parent / "fitted.yaml"
        done = in_process("hardware", "calibrate", device, table, "--out", out, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert load_profile(out).efficiency["conv"].basis == "calibrated"
        return json.loads(done.stdout)["models"]

    return calibrate


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "pytorch"])
def test_the_profile_and_the_table_go_into_calibrate(tmp_path, in_process, calibrates, runtime):
    out = tmp_path / "mine.yaml"
    done = in_process("hardware", "measure", "--out", out, "--runtime", runtime, *FEW)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("by RAPL" if rapl_zones() else "energy: unknown, no counter") in done.stdout
    assert "load average" in done.stdout
    profile = load_profile(out)
    for figure in (*map(profile.macs_per_s.get, ("fp32", "bf16")), profile.memory_bytes_per_s):
        assert figure.basis == "measured" and figure.low <= figure.value <= figure.high
        assert "PyTorch" in figure.source and "threads: 1" in figure.source
    layers = [profile.dispatch_s, profile.move_dispatch_s, profile.output_macs, profile.weight_macs,
              profile.channel_block, profile.narrow_share, profile.activation_s]  # fmt: skip
    for figure in (*layers, *profile.efficiency.values()):
        assert figure.basis == "measured" and "single layers in chains" in figure.source
    int8 = profile.macs_per_s["int8"]
    assert int8.basis == "measured" and "ONNX Runtime" in int8.source
    counted = bool(rapl_zones())
    assert profile.load_w.basis == ("measured" if counted else "assumed")
    assert profile.energy_boundary == ("chip" if counted else "wall")
    assert calibrates(out, tmp_path / "mine.csv") == 3
    for name, column, least in (("mine", "energy_j", 3), ("mine_layers", "latency_s", 17)):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) >= least
        assert all(bool(row[column]) == (counted or name != "mine") for row in rows)


def run_folder(folder, refused):
    code = ONLY.format(refused=refused)
    return subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_folder_runs_alone_elsewhere_and_its_table_comes_back(tmp_path, in_process, calibrates):
    here, board = tmp_path / "here", tmp_path / "board"
    done = in_process("hardware", "measure", "--remote", here, *FEW)
    assert (done.returncode, done.stderr) == (0, "")
    here.rename(board)
    ran = run_folder(board, OURS)
    assert (ran.returncode, ran.stderr) == (0, "")
    with (board / "measurements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["space"] for row in rows] == ["mbconv", "resnet", "mbconv"]
    assert all(0 < float(row["latency_s"]) <= float(row["median_s"]) for row in rows)
    assert calibrates("host", board / "measurements.csv") == 3
    ran = run_folder(board, {"onnxruntime"})
    assert ran.returncode == 2 and "pip install onnxruntime numpy" in ran.stderr


def test_odd_and_even_rounds_that_differ_are_unstable():
    board = importlib.import_module("nas.models.board")
    assert board.disagreement([[1.0, 4.0], [2.0, 8.0]]) == pytest.approx(0.6931, abs=1e-4)  # ln 2
    assert board.verdict(0.69).startswith("unstable: machine is busy")
    assert board.verdict(0.02).startswith("stable")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "tpu"), "--device: got 'tpu'; give cpu or cuda"),
        (("--runtime", "tvm"), "--runtime: got 'tvm'; give onnxruntime or pytorch"),
        (("--out", "missing/a.yaml"), "name a place that can be written"),
        (("--out", "a.json"), "name a .yaml file"),
        (("--spaces", "mbcon"), "did you mean 'mbconv'"),
    ],
)
def test_bad_input_is_one_line(tmp_path, in_process, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    done = in_process("hardware", "measure", *options, *FEW)
    assert done.returncode == 2 and message in done.stderr
    assert list(tmp_path.iterdir()) == []
