"""Re-scoring under other views, tables and fleets, and what-if, through the command line."""

import json

import pandas as pd
import pytest
from tiny_runs import one_line, run_command

from nas.carbon import Demand, Study
from nas.runs import open_run


@pytest.fixture(scope="module")
def first(tiny_run):
    """Key of a trained candidate."""
    return open_run(tiny_run).scores()["candidate"].iloc[0]


def answer(in_process, *arguments):
    done = in_process(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


CONSEQUENCE = ["--grid", "us-caiso", "--view", "consequence", "--baseline"]


def test_a_consequence_against_a_baseline(tiny_run, first, tmp_path):
    out = tmp_path / "scores.parquet"
    done = run_command(
        "rescore", tiny_run, *CONSEQUENCE, f"{first}@rpi4-fp32-us-caiso", "--json", "--out", out
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["about"]["view"] == "consequence"
    grids, against = found["about"]["notes"]
    assert grids.startswith("grid us-caiso (256.2 g/kWh) at its marginal rate, us-caiso-marginal")
    assert f"against {first} on rpi4-fp32-us-caiso" in against
    assert "owned already: rpi4, and" in against
    scores = pd.read_parquet(out).set_index(["candidate", "deployment"])
    assert scores.loc[(first, "rpi4-fp32-us-caiso-marginal"), "change_gco2e"] == 0.0


def test_the_options_make_the_study(tiny_run, in_process, tmp_path):
    out = tmp_path / "scores.csv"
    options = ["--fab-table", "act-2023", "--users", "10", "--sunk", "rpi4", "--memory", "as_built"]
    answer(in_process, "rescore", tiny_run, *options, "--out", out)
    base = open_run(tiny_run).study
    expected = Study(
        Demand(base.demand.lifetime_years, inferences=base.demand.inferences, users=10),
        boundary=base.boundary,
        fab_table="act-2023",
        sunk=("rpi4",),
        memory="as_built",
    )
    scores = pd.read_csv(out)
    assert set(scores["study"]) == {expected.hash}
    mine = scores["deployment"] == "rpi4-fp32-fr"
    assert (scores.loc[mine, "embodied_gco2e"] == 0.0).all()
    assert (scores.loc[mine, "sunk_gco2e"] > 0.0).all()
    assert (scores["devices"] == 10).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--view", "consequence"], "no marginal rate of grid 'fr' is known"),
        (["--view", "consequence", "--grid", "us-caiso"], "--baseline: is not given"),
        (["--view", "effect"], "study.view: got 'effect'"),
        (["--baseline", "a@b"], "--baseline: goes with --view consequence"),
        ([*CONSEQUENCE, "nope"], "give CANDIDATE@DEPLOYMENT"),
        ([*CONSEQUENCE, "nope@rpi4-fp32-fr"], "baseline: 'nope' is unknown"),
        (["--fab-table", "act-2024"], "act-2023"),
        (["--sunk", "rpi44"], "did you mean 'rpi4'"),
        (["--sunk", "dell_r740"], "--sunk: 'dell_r740' is the hardware of no deployment; use"),
        (["--memory", "small"], "study.memory: got 'small'"),
        (["--embodied-basis", "published"], "study.memory"),
        (["--inferences", "1e6", "--busy-share", "0.3"], "both of inferences"),
        (["--devices", "2", "--users", "2"], "devices and users given"),
        (["--spares", "2"], "spares"),
    ],
)
def test_rescore_refuses_views_and_fleets_in_one_line(options, said, tiny_run, in_process):
    assert said in one_line(in_process("rescore", tiny_run, *options))


def test_what_if_beside_a_front(tiny_run, in_process):
    text = answer(in_process, "front", tiny_run, "--what-if")
    assert "what if: the order by carbon, and the front, under other assumptions" in text
    assert "consequence: at marginal rates" in text
    assert "not counted: rpi4-fp32-fr: no marginal rate of grid fr is known" in text
    found = json.loads(answer(in_process, "front", tiny_run, "--what-if", "--json"))
    names = [row["name"] for row in found["what_if"]["assumptions"]]
    assert names == ["act-2023", "imec-netzero-public", "2 years", "8 years", "consequence"]
    assert found["front"] == json.loads(answer(in_process, "front", tiny_run, "--json"))["front"]


@pytest.mark.parametrize(
    "options", [["--csv"], ["--draws", "10"], ["--deployment", "rpi4-fp32-fr"]]
)
def test_what_if_stands_alone(options, tiny_run, in_process):
    line = one_line(in_process("front", tiny_run, "--what-if", *options))
    assert line.startswith("--what-if: goes with")


def test_a_precision_without_errors_is_named_with_the_remedy(tiny_run, in_process):
    text = answer(in_process, "rescore", tiny_run, "--hardware", "rpi4:int8", "--grid", "fr")
    assert "no score is on the front" in text
    assert (
        "rpi4-int8-fr: error is unknown, as the run measured none in int8; use rpi4:fp32\n" in text
    )
