"""The examples of CONTRIBUTING.md are true."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hardware_profiles.catalog import load_profile
from nas.carbon import device_embodied
from nas.cost.needs import refused_objectives
from search_spaces import mac_count
from search_spaces.base import SearchSpace

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[number]


def test_the_device_is_complete(tmp_path):
    path = tmp_path / "my_board.yaml"
    path.write_text(example("yaml"), encoding="utf-8")
    assert len(example("yaml").splitlines()) == 10
    profile = load_profile(path)
    assert profile.precisions == ("int8",)
    assert profile.load_w.value == 5.9
    # Defaults of kind sbc: 0.35 of the datasheet bandwidth, 20 us of the peak rate.
    assert profile.memory_bytes_per_s.value == pytest.approx(0.35 * 8.5e9)
    assert profile.half_rate_macs.value == pytest.approx(20e-6 * 64e9)
    # ACT, 14 nm in Taiwan, 97 % abated, yield 0.875: 0.8 * (583 * 1.2 + 162.5 + 500) / 0.875 g;
    # LPDDR4 48 g/GB over the yield; seven packages of 150 g.
    by_hand = 0.8 * (583 * 1.2 + 162.5 + 500) / 0.875 + 2 * 48 / 0.875 + 7 * 150
    assert device_embodied(profile).total_gco2e == pytest.approx(by_hand)
    assert refused_objectives(profile) == []


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_the_space_gives_networks(shape):
    names = {}
    exec(compile(example("python"), "CONTRIBUTING.md", "exec"), names)
    space = names["SPACE"]
    assert isinstance(space, SearchSpace)
    layers = space.layers(space.sample(np.random.default_rng(0)), shape, 10)
    assert mac_count(layers) > 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("nas", "hardware_profiles", "search_spaces"):
        leave = shutil.ignore_patterns("__pycache__", "__main__.pyc")
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    put_before(folder / "nas/objectives.py", ")  # fmt: skip", example("python", 1))
    return folder


def put_before(path, mark, lines):
    text = path.read_text(encoding="utf-8")
    assert text.count(mark) == 1
    path.write_text(text.replace(mark, lines + mark), encoding="utf-8")


def estimate(folder, *options):
    command = [
        sys.executable, "-m", "nas", "estimate", "--space", "mbconv", "--task", "digits",
        "--architecture", "architecture.json", "--hardware", "rpi4:int8", "--grid", "fr",
        "--inferences", "1e8", "--lifetime-years", "4", *options,
    ]  # fmt: skip
    write = (
        "import json, numpy; from search_spaces import space; print(json.dumps("
        "dict(space('mbconv').sample(numpy.random.default_rng(0)))))"
    )
    given = subprocess.run(
        [sys.executable, "-c", write], cwd=folder, capture_output=True, text=True, check=True
    )
    (folder / "architecture.json").write_text(given.stdout, encoding="utf-8")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_row_without_its_column_is_one_line(checkout):
    for options in ((), ("--explain",)):
        done = estimate(checkout, *options)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "'cldp'" in done.stderr
        assert "'cldp_gco2e_s'" in done.stderr


def test_one_faulty_device_is_listed_with_its_fault(checkout):
    faulty = checkout / "hardware_profiles/data/devices/my_board.yaml"
    try:
        faulty.write_text("name: my_board\nlabel: My board\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "nas", "hardware", "list"],
            cwd=checkout, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        faulty.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "rpi4" in rows
    assert "faulty: my_board.yaml: kind, runtime, macs_per_s," in rows["my_board"]
    assert "memory_limit_bytes, " in rows["my_board"]
    assert ": missing; add them" in rows["my_board"]


def test_the_objective_is_a_row_and_its_column(checkout):
    path = checkout / "nas/cost/score.py"
    text = path.read_text(encoding="utf-8")
    try:
        put_before(path, '        "sci_gco2e_per_inference":', example("python", 2))
        plain, explained = estimate(checkout), estimate(checkout, "--explain")
    finally:
        path.write_text(text, encoding="utf-8")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert re.search(r"^  CLDP +[0-9.]+ \S*gCO2e s", plain.stdout, re.MULTILINE)
    assert explained.returncode == 0
    assert re.search(r"^  CLDP = [0-9.e-]+ = .*\[carbon of one", explained.stdout, re.MULTILINE)


def test_paths_that_are_named_exist():
    for path in re.findall(r"`((?:nas|tests|docs|\.ci|hardware_profiles)/[^ `]*)`", TEXT):
        assert (ROOT / path).exists(), path
