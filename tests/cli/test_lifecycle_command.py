"""`carbon-nas lifecycle` as its own process, on a run with made-up errors."""

import json

import pytest
from tiny_runs import one_line, run_command

from nas.carbon import Demand, Study
from nas.service import service

STUDY = Study(Demand(lifetime_years=4.0, inferences=1e9, devices=2))


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    made = make_run(tmp_path_factory.mktemp("lifecycle") / "run", count=6, study=STUDY)
    path = made.reference_path("LeNet-5")
    path.parent.mkdir()
    errors = {"fp32": 0.5, "int8": 0.5}
    path.write_text(json.dumps({"errors": errors, "gco2e": 0.001}), encoding="utf-8")
    return made


def test_text_names_every_part_phase_and_scope(run):
    done = run_command("lifecycle", run.path, "--service-years", "6", "--retrainings-per-year", "2")
    assert (done.returncode, done.stderr) == (0, "")
    found = service(run, service_years=6, retrainings_per_year=2)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{found.candidate} on {found.deployment}: 1,500,000,000 inferences")
    assert "2 devices; 3 are used up in that time" in lines[0]
    rows = {line.split("  ")[0].strip() for line in lines}
    assert {"search", "training", "inference", "devices"} <= rows
    assert {"manufacture", "transport", "use", "end of life"} <= rows
    assert {"scope 1, on site", "scope 2, electricity", "scope 3, all else", "total"} <= rows
    assert any(
        line.startswith("training: one full training, and 12 retrainings; modelled")
        for line in lines
    )
    (search,) = (line for line in lines if line.startswith("search  "))
    assert "< 0.1 %" in search
    assert any(line.startswith("against LeNet-5") for line in lines)
    assert any(line.startswith("best time to replace a device") for line in lines)


def test_json_is_what_the_library_finds(run):
    done = run_command(
        "lifecycle", run.path, "--against", "LeNet-5@rpi4-int8-fr", "--elasticity", "1.5",
        "--deployment", "mcu-int8-fr", "--inferences", "1e8", "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    study = Study(Demand(lifetime_years=4.0, inferences=1e8, devices=2))
    found = service(
        run,
        deployment="mcu-int8-fr",
        against=("LeNet-5", "rpi4-int8-fr"),
        demand_elasticity=1.5,
        study=study,
    )
    assert (told["candidate"], told["study"]) == (found.candidate, study.hash)
    for view in ("total", "per_inference", "per_year", "per_device"):
        grams = told["gco2e"][view]
        for split in ("by_part", "by_phase", "by_scope"):
            known = [value for value in grams[split].values() if value is not None]
            assert sum(known) == pytest.approx(grams["total"])
    assert told["gco2e"]["total"]["total"] == pytest.approx(
        float(found.lifecycle.total.total_gco2e)
    )
    assert set(told["unknown"]) == {
        name for name, value in told["gco2e"]["total"]["by_phase"].items() if value is None
    }
    assert told["against"]["name"] == "LeNet-5"
    assert told["against"]["devices"]["verdict"] in ("strong", "weak", "none")
    assert told["warnings"] == list(found.warnings)


def test_other_device_is_told_in_words(run):
    options = ["--deployment", "mcu-int8-fr", "--against", "LeNet-5@rpi4-int8-fr"]
    text = run_command("lifecycle", run.path, *options).stdout
    found = service(run, deployment="mcu-int8-fr", against=("LeNet-5", "rpi4-int8-fr"))
    verdict = found.alternative.devices.verdict
    words = {"strong": "strongly sustainable", "weak": "weakly sustainable"}
    (line,) = (line for line in text.splitlines() if "(FOCAL)" in line)
    assert line.endswith(words.get(verdict, "not sustainable"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--against", "LeNet-5"], "--against: got 'LeNet-5'; give CANDIDATE@DEPLOYMENT"),
        (["--service-years", "-1"], "service_years: got -1"),
        (["--peak-per-s", "0.001"], "demand.peak_per_s: got 0.001, below the mean"),
        (["--candidate", "nobody"], "'nobody' is unknown"),
    ],
)
def test_bad_options_are_one_line(run, in_process, options, said):
    assert said in one_line(in_process("lifecycle", run.path, *options))
