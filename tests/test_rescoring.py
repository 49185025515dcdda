"""A run scored again: same numbers where nothing changed, no torch, and the right laws."""

import subprocess
import sys

import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid, grid
from nas.carbon import Demand, Study
from nas.comparison import compare, front
from nas.errors import DeploymentError, FrontError
from nas.rescoring import rescore


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("rescoring") / "base", count=12)


def test_the_same_deployments_give_the_same_scores(run):
    again = rescore(run, run.deployments)
    assert again.equals(run.scores())


def test_operational_carbon_follows_the_grid_and_embodied_does_not(run):
    board = hardware("rpi4")
    low = Deployment("low", board, "int8", custom_grid(100.0))
    high = Deployment("high", board, "int8", custom_grid(300.0))
    scores = rescore(run, [low, high])
    first = scores[scores["deployment"] == "low"].reset_index()
    second = scores[scores["deployment"] == "high"].reset_index()
    ratio = second["operational_gco2e"] / first["operational_gco2e"]
    assert ratio.to_numpy() == pytest.approx(3.0)
    assert second["embodied_gco2e"].to_numpy() == pytest.approx(first["embodied_gco2e"].to_numpy())


def test_another_study_changes_the_hash_and_the_share(run):
    longer = Study(Demand(lifetime_years=8.0, busy_share=0.3))
    scores, base = rescore(run, run.deployments, longer), run.scores()
    assert set(scores["study"]) == {longer.hash} != set(base["study"])
    ratio = scores["embodied_gco2e"] / base["embodied_gco2e"]
    assert ratio.to_numpy() == pytest.approx(0.5)


def test_an_unmeasured_precision_is_unknown_and_on_no_front(run):
    from nas.comparison import front_of

    gpu = hardware("a100_sxm4_40")
    scores = rescore(run, [Deployment("a100-fp16", gpu, "fp16", grid("us"))])
    assert scores["error"].isna().all()
    best = front_of(scores, ["error", "carbon"])
    assert best.empty
    assert best.attrs["unknown"] == len(scores)


def test_labels_are_checked(run):
    with pytest.raises(DeploymentError, match="no deployment is given"):
        rescore(run, [])
    with pytest.raises(DeploymentError, match="is given twice"):
        rescore(run, [run.deployments[0], run.deployments[0]])


def test_runs_compare_under_one_study_only(run, make_run, tmp_path):
    other = make_run(tmp_path / "other", count=8, seed=1)
    result = compare([run, other], ["error", "carbon"])
    assert result.runs["run"].tolist() == ["base", "other"]
    assert result.study == run.study.hash
    longer = make_run(
        tmp_path / "longer", count=3, study=Study(Demand(lifetime_years=8.0, busy_share=0.3))
    )
    with pytest.raises(
        FrontError, match=r"differ in study.demand.lifetime_years: base has 4.0, longer 8.0"
    ):
        compare([run, longer], ["error", "carbon"])
    fashion = make_run(tmp_path / "fashion", count=3, task="fashion-mnist")
    with pytest.raises(FrontError, match="base has task 'digits', fashion 'fashion-mnist'"):
        compare([run, fashion], ["error", "carbon"])
    with pytest.raises(FrontError, match="got 1 runs, name at least two"):
        compare([run], ["error"])


def test_front_of_a_run_holds_nothing_that_is_dominated(run):
    best = front(run, ["error", "latency", "carbon"])
    columns = ["error", "latency_s", "carbon_gco2e"]
    values = best[columns].to_numpy()
    for row in values:
        worse = (values <= row).all(axis=1) & (values < row).any(axis=1)
        assert not worse.any()
    # Of twelve candidates one diverged, on three deployments.
    assert best.attrs["candidates"] == 11


def test_nothing_after_the_search_loads_torch_or_optuna():
    code = (
        "import sys, nas.comparison, nas.rescoring, nas.selection, nas.report, nas.runs.tables\n"
        "print([name for name in ('torch', 'optuna', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
