"""`carbon-nas hardware calibrate`: a measurement file to a profile, and bad files refused."""

import csv
import json

import numpy as np
import pytest
from tiny_runs import one_line, run_command

from hardware_profiles.catalog import hardware, load_profile
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.cost.figures import compiled_figures
from nas.cost.totals import Totals, totals_latency_s
from nas.cost.workload import workload
from search_spaces import space

TOTALS = ("macs", "activations", "params", "batch", "latency_s")


@pytest.fixture
def rows():
    """Twelve models three times as slow as the profile says."""
    rng = np.random.default_rng(0)
    macs, activations, params = (10 ** rng.uniform(6, 9, 12) for _ in range(3))
    totals = Totals(macs, activations, params, np.array([1.0, 4.0] * 6))
    place = Deployment("rpi4", hardware("rpi4"), "fp32", custom_grid(0.0))
    seconds = 3 * totals_latency_s(totals, compiled_figures([place]))[0]
    return list(zip(macs, activations, params, totals.batch, seconds, strict=True))


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_totals_make_a_profile_that_says_where_its_figures_are_from(tmp_path, rows):
    file = write(tmp_path / "mine.csv", TOTALS, rows)
    out = tmp_path / "my_pi.yaml"
    done = run_command("hardware", "calibrate", "rpi4", str(file), "--out", str(out), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["models"] == 12 and told["cross_validated_median_error"] < 0.1
    assert "pool" in told["undetermined"]
    fitted, before = load_profile(out), hardware("rpi4")
    assert fitted.efficiency["conv"].basis == "calibrated"
    assert "mine.csv (sha256 " in fitted.efficiency["conv"].source
    assert fitted.efficiency["conv"].value == pytest.approx(
        before.efficiency["conv"].value / 3, rel=0.2
    )
    assert fitted.load_w == before.load_w


def test_layers_are_named_by_space_task_and_architecture(tmp_path, in_process):
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    rows = []
    for _ in range(6):
        architecture = mbconv.sample(rng)
        macs = workload(mbconv.layers(architecture, (1, 8, 8), 10)).total_macs
        rows.append(("mbconv", "digits", json.dumps(architecture), macs * 1e-8))
    header = ("space", "task", "architecture", "latency_s")
    file = write(tmp_path / "mine.csv", header, rows)
    done = in_process("hardware", "calibrate", "rpi4", file, "--out", tmp_path / "a.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 models; each predicted by a fit that had not seen it" in done.stdout
    assert "fewer than 10 models" in done.stdout
    assert "not determined by these models" in done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("macs,params\n1,2\n", "no column latency_s"),
        ("latency_s,macs\n1,2\n", "give latency_s and either"),
        ("latency_s,macs,activations,params\n1,2,3,4\n", "has 1 rows"),
        ("latency_s,macs,activations,params\n1,2,3,4\n0,2,3,4\n", "line 3: latency_s is '0'"),
        ("latency_s,macs,activations,params\n1,2,3,4\n1,x,3,4\n", "line 3: macs is 'x'"),
        ("latency_s,macs,activations,params\n1,2,3,4\n1,2\n", "line 3: activations is None"),
        (
            "latency_s,space,task,architecture\n1,mbconv,digits,{}\n1,mbconv,digits,{}\n",
            "line 2: ",
        ),
    ],
)
def test_a_bad_file_is_one_line_and_writes_nothing(tmp_path, in_process, content, message):
    file, out = tmp_path / "bad.csv", tmp_path / "out.yaml"
    file.write_text(content)
    done = in_process("hardware", "calibrate", "rpi4", file, "--out", out)
    assert done.returncode == 2
    assert message in one_line(done)
    assert not out.exists()


def test_a_missing_file_is_one_line(tmp_path, in_process):
    done = in_process("hardware", "calibrate", "rpi4", tmp_path / "none.csv")
    assert "cannot be read" in one_line(done)
