"""The commands after a search, each as its own process on one small real run."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tiny_runs import command, one_line, run_command

from nas.objectives import OBJECTIVES
from nas.runs import open_run


def answer(*arguments):
    done = run_command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def strict_json(text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_the_run_holds_what_it_should(tiny_run):
    run = open_run(tiny_run)
    candidates, scores = run.candidates(), run.scores()
    trained = candidates[candidates["status"] != "untrained"]
    assert len(trained) == 6
    assert trained["candidate"].is_unique
    assert candidates["macs"][candidates["status"] != "untrained"].le(3e5).all()
    assert candidates["message"][candidates["status"] == "untrained"].notna().all()
    assert set(scores["deployment"]) == {d.label for d in run.deployments}
    assert scores["seeds"].max() == 2
    assert run.spent()["trainings"] == 6
    assert run.environment["packages"]["torch"]
    pd.testing.assert_frame_equal(pd.read_parquet(tiny_run / "candidates.parquet"), candidates)
    pd.testing.assert_frame_equal(pd.read_parquet(tiny_run / "scores.parquet"), scores)
    assert not list(tiny_run.rglob("*.tmp"))


def test_status(tiny_run):
    found = strict_json(answer("status", tiny_run, "--json"))
    assert (found["phase"], found["trainings"], found["running"]) == ("done", 6, 0)
    assert found["workers"] == []
    assert 0 < found["hypervolume"] < 1
    assert 0 < found["best_error"] < 0.9
    assert "budget: 6 trainings" in answer("status", tiny_run)


def test_status_names_the_training_that_ended_last(tiny_run):
    latest = strict_json(answer("status", tiny_run, "--json"))["latest"]["candidate"]
    trainings = [*(tiny_run / "artifacts").glob("*/result.json")]
    trainings += (tiny_run / "artifacts").glob("*/seed-*.json")
    last = max(trainings, key=lambda path: path.stat().st_mtime_ns)
    assert latest == last.parent.name


def test_front(tiny_run):
    found = strict_json(answer("front", tiny_run, "--json"))
    rows = list(csv.DictReader(io.StringIO(answer("front", tiny_run, "--csv"))))
    assert len(found["front"]) == len(rows) >= 1
    assert found["about"]["objectives"] == ["error", "latency", "carbon"]
    assert rows[0]["candidate"] in answer("front", tiny_run)


def test_front_of_every_objective(tiny_run):
    options = [word for name in OBJECTIVES for word in ("-o", name)]
    assert strict_json(answer("front", tiny_run, "--json", *options))["front"]


def test_front_of_one_deployment(tiny_run):
    label = open_run(tiny_run).deployments[0].label
    rows = strict_json(answer("front", tiny_run, "--json", "--deployment", label))["front"]
    assert {row["deployment"] for row in rows} == {label}
    line = one_line(run_command("front", tiny_run, "--deployment", label[:-1]))
    assert f"did you mean {label!r}" in line


def test_compare(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "other")
    found = strict_json(answer("compare", tiny_run, tmp_path / "other", "--json"))
    assert found
    assert "hypervolume" in answer("compare", tiny_run, tmp_path / "other").lower()


def test_select(tiny_run):
    found = strict_json(answer("select", tiny_run, "--json", "--prefer", "error"))
    scores = open_run(tiny_run).scores()
    assert found["row"]["error"] == scores["error"].min()
    assert found["candidate"] in answer("select", tiny_run, "--prefer", "error=2,carbon=1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "error"], "give OBJECTIVE=VALUE"),
        (["--limit", "error=low"], "give a number"),
        (["--limit", "eror=0.1"], "did you mean 'error'"),
        (["--limit", "error=1e-9"], "the nearest is"),
        (["--prefer", "carbn"], "did you mean 'carbon'"),
        (["--prefer", "error=-1"], "give a finite weight > 0"),
        (["-o", "latencyy"], "did you mean 'latency'"),
        (["--prefer", "error=2,error=5"], "prefer: 'error' is given twice"),
        (["--limit", "error=1", "--limit", "error=2"], "--limit: 'error' is given twice"),
        (["--prefer", "error,error"], "'error' is given twice"),
        (["--deployment", "rpi4-fp32-f"], "did you mean 'rpi4-fp32-fr'"),
    ],
)
def test_select_refuses_in_one_line(options, said, tiny_run, in_process):
    assert said in one_line(in_process("select", tiny_run, *options))


def test_estimate_equals_the_scores(tiny_run):
    run = open_run(tiny_run)
    row = run.scores().iloc[0]
    rows = strict_json(
        answer(
            "estimate", "--run", tiny_run, "--candidate", row["candidate"], "--grid", "fr", "--json"
        )
    )
    assert {r["deployment"] for r in rows} == {d.label for d in run.deployments}
    mine = next(r for r in rows if r["deployment"] == row["deployment"])
    assert mine["carbon_gco2e"] == row["carbon_gco2e"]
    text = answer("estimate", "--run", tiny_run, "--candidate", row["candidate"], "--explain")
    assert "carbon" in text


def test_estimate_of_an_architecture(tiny_run):
    architecture = open_run(tiny_run).candidates()["architecture"][0]
    options = ["--space", "mbconv", "--task", "digits", "--architecture", architecture]
    devices = ["--hardware", "rpi4:int8", "--grid", "400", "--inferences", "1e8"]
    rows = strict_json(answer("estimate", *options, *devices, "--lifetime-years", "4", "--json"))
    assert rows[0]["error"] is None
    assert rows[0]["carbon_gco2e"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --space, --task and --architecture, or --run and --candidate"),
        (["--run", "RUN"], "--candidate: is not given"),
        (["--run", "RUN", "--candidate", "nope"], "candidate: 'nope' is unknown"),
        (["--run", "RUN", "--candidate", ".."], "candidate: '..' is unknown"),
        (["--run", "RUN", "--candidate", "../../etc"], "candidate: '../../etc' is unknown"),
        (["--space", "mbconv", "--task", "digits", "--architecture", "{"], "not JSON"),
        (["--space", "mbconv", "--task", "digits", "--architecture", "{}"], "is missing"),
        (["--space", "mbconv", "--task", "digits", "--architecture", "no.yaml"], "cannot be read"),
    ],
)
def test_estimate_refuses_in_one_line(options, said, tiny_run, in_process):
    given = [str(tiny_run) if word == "RUN" else word for word in options]
    assert said in one_line(in_process("estimate", *given))


def test_rescore_answers_without_torch(tiny_run):
    arguments = ["rescore", tiny_run, "--hardware", "pixel3", "--grid", "in", "--grid", "fr"]
    python, *words = command(*arguments, "--json")
    done = subprocess.run(
        [python, "-X", "importtime", *words], capture_output=True, text=True, check=True
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "nas" in loaded
    assert not loaded & {"torch", "optuna", "sklearn", "onnxruntime"}
    grids = {row["deployment"] for row in strict_json(done.stdout)["front"]}
    assert grids == {"pixel3-fp32-fr"}  # dominates the same phone on India's grid


def test_rescore_writes_all_scores(tiny_run, tmp_path):
    out = tmp_path / "scores.parquet"
    answer("rescore", tiny_run, "--grid", "no", "--lifetime-years", "8", "--out", out)
    assert len(pd.read_parquet(out)) == len(open_run(tiny_run).scores())


def test_rescore_writes_csv_and_keeps_the_deployments(tiny_run, in_process, tmp_path):
    out = tmp_path / "scores.csv"
    done = in_process("rescore", tiny_run, "--lifetime-years", "8", "--out", out)
    assert done.returncode == 0
    labels = [d.label for d in open_run(tiny_run).deployments]
    assert list(dict.fromkeys(pd.read_csv(out)["deployment"])) == labels


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--hardware", "rpi44", "--grid", "fr"], "did you mean 'rpi4'"),
        (["--hardware", "rpi4:int7", "--grid", "fr"], "int7"),
        (["--grid", "frr"], "did you mean 'fr'"),
        (["--inferences", "-1"], "inferences"),
        (["--lifetime-years", "0"], "lifetime_years"),
        (["--out", "scores.xlsx"], "give a name that ends in .csv or .parquet"),
        (["--out", "/proc/none/x.csv"], "run the command again"),
    ],
)
def test_rescore_refuses_in_one_line(options, said, tiny_run, in_process):
    assert said in one_line(in_process("rescore", tiny_run, *options))


def test_report_is_one_page(tiny_run, tmp_path):
    out = tmp_path / "page.html"
    answer("report", tiny_run, "--out", out)
    assert out.read_text().lstrip().lower().startswith("<!doctype html")


def test_a_full_output_is_one_line(tiny_run):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("front", tiny_run), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "carbon-nas: output: No space left on device; mend it and run again\n"


def test_reading_leaves_the_run_as_it_is(tiny_run):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*.json")}
    for name in ("status", "front", "select"):
        answer(name, tiny_run)
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*.json")} == before


def test_python_module_and_script_are_one(tiny_run):
    script = [str(Path(sys.executable).with_name("carbon-nas")), "--version"]
    assert (
        subprocess.run(script, capture_output=True, check=True).stdout
        == subprocess.run(command("--version"), capture_output=True, check=True).stdout
    )
