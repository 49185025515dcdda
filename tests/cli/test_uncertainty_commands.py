"""Fronts with intervals and models compared draw by draw, from the command line."""

import csv
import io
import json
import re

import pytest
from tiny_runs import one_line, run_command

from nas.api import load


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("uncertain") / "run", count=6)


@pytest.fixture(scope="module")
def points(run):
    label = run.deployments[0].label
    return [f"{key}@{label}" for key in run.scores()["candidate"].unique()[:2]]


def test_front_with_draws_in_a_process_of_its_own(run):
    done = run_command("front", run.path, "--draws", 20, "--seed", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 draws (seed 3)" in done.stdout
    assert "at low" in done.stdout
    again = run_command("front", run.path, "--draws", 20, "--seed", 3)
    assert again.stdout == done.stdout


def test_front_with_draws_as_json_and_csv(run, in_process):
    told = json.loads(in_process("front", run.path, "--draws", 10, "--json").stdout)
    found = load(run.path).robustness(draws=10)
    assert told["robustness"]["draws"] == 10
    for row in told["front"]:
        share = found.share(row["candidate"], row["deployment"])
        ends = found.interval(row["candidate"], row["deployment"], "carbon_gco2e")
        assert row["on_front_share"] == share
        assert [row["carbon_gco2e_low"], row["carbon_gco2e_high"]] == pytest.approx(ends)
    text = in_process("front", run.path, "--draws", 10, "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["candidate"] for row in rows] == [row["candidate"] for row in told["front"]]
    assert {"latency_s_low", "carbon_gco2e_high", "on_front_share"} <= set(rows[0])


def test_front_of_one_deployment_is_drawn_on_it_alone(run, in_process):
    label = run.deployments[1].label
    arguments = ("front", run.path, "--deployment", label, "--draws", 5, "--json")
    told = json.loads(in_process(*arguments).stdout)
    assert {row["deployment"] for row in told["robustness"]["on_front"]} == {label}


def test_two_models_are_compared_draw_by_draw(run, points, in_process):
    arguments = ["--point", points[0], "--point", points[1], "--draws", 20]
    text = in_process("compare", run.path, *arguments).stdout
    assert "P(A < B)" in text
    told = json.loads(in_process("compare", run.path, *arguments, "--json").stdout)
    carbon = next(row for row in told["objectives"] if row["objective"] == "carbon")
    assert carbon["first_low"] <= carbon["first"] <= carbon["first_high"]
    assert 0.0 <= carbon["less"] <= 1.0
    two = in_process("compare", run.path, run.path, *arguments, "--json").stdout
    assert json.loads(two) == told


def test_a_selection_says_how_sure_it_is(run, in_process):
    told = json.loads(in_process("select", run.path, "--draws", 20, "--json").stdout)
    low, high = told["uncertainty"]["intervals"]["carbon_gco2e"]
    assert low <= told["row"]["carbon_gco2e"] <= high
    text = in_process("select", run.path, "--draws", 20).stdout
    assert "in 90 % of 20 draws (seed 0)" in text
    assert "on the front in" in text
    assert "uncertainty" not in json.loads(in_process("select", run.path, "--json").stdout)


def test_an_estimate_says_how_sure_it_is_and_a_run_says_the_same(run, points, in_process):
    key, label = points[0].split("@")
    arguments = ("estimate", "--run", run.path, "--candidate", key)
    rows = json.loads(in_process(*arguments, "--draws", 20, "--json").stdout)
    row = next(row for row in rows if row["deployment"] == label)
    found = load(run.path).robustness(draws=20)
    ends = [row["carbon_gco2e_low"], row["carbon_gco2e_high"]]
    assert ends == pytest.approx(found.interval(key, label, "carbon_gco2e"))
    text = in_process(*arguments, "--draws", 20).stdout
    assert "ranges hold 90 % of 20 draws (seed 0)" in text
    explained = in_process(*arguments, "--draws", 20, "--explain").stdout
    assert set(text.splitlines()) < set(explained.splitlines())
    assert re.search(r"carbon +[\d.]+ \S+, [\d.]+ \S+ to [\d.]+ \S+  \(modelled\)", text)
    assert " to " not in in_process(*arguments).stdout


def test_grids_without_a_range_are_named_where_intervals_are_printed(run, points, in_process):
    certain = "taken as certain, since no range is known: grid 100-gco2e-per-kwh"
    arguments = ("estimate", "--run", run.path, "--candidate", points[0].split("@")[0])
    arguments += ("--hardware", "rpi4:int8", "--grid", "100")
    assert certain in in_process(*arguments, "--draws", 5).stdout.splitlines()
    assert "certain" not in in_process(*arguments).stdout
    select = in_process("select", run.path, "--draws", 5).stdout
    assert "certain" not in select


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["front", "RUN", "--seed", 1], "--seed: goes with --draws"),
        (["front", "RUN", "--draws", 0], "draws: got 0"),
        (["front", "RUN", "--draws", 5, "--seed", -1], "seed: got -1"),
        (["compare", "RUN", "--draws", 5], "go with two --point"),
        (["compare", "RUN", "--point", "a@b"], "--point: got 1 with 1 runs"),
        (["compare", "RUN", "--point", "a", "--point", "b"], "--point: got 'a'"),
        (["compare", "RUN", "--point", "a@b", "--point", "c@d"], "--point: 'b' is unknown"),
        (["compare", "RUN", "--point", "a@LABEL", "--point", "b@LABEL"], "compare: a@"),
    ],
)
def test_what_cannot_be_drawn_or_compared(run, in_process, arguments, said):
    label = run.deployments[0].label
    words = [run.path if word == "RUN" else str(word).replace("LABEL", label) for word in arguments]
    assert said in one_line(in_process(*words))
