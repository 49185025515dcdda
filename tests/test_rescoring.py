"""A run scored again: same numbers where nothing changed, no torch, and the right laws."""

import subprocess
import sys

import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid, grid
from nas.carbon import Demand, Study
from nas.comparison import compare, front, front_of
from nas.errors import DeploymentError, FrontError, RunError, StudyError
from nas.report import front_text
from nas.rescoring import as_consequence, at_marginal_rate, marginal_grid, rescore


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
    gpu = hardware("a100_sxm4_40")
    scores = rescore(run, [Deployment("a100-fp16", gpu, "fp16", grid("us"))])
    assert scores["error"].isna().all()
    best = front_of(scores, ["error", "carbon"])
    assert best.empty
    assert best.attrs["unknown"] == len(scores)


def test_the_marginal_rate_of_a_place():
    caiso = Deployment("pi", hardware("rpi4"), "int8", grid("us-caiso"), market_gco2e_per_kwh=0.0)
    found = at_marginal_rate(caiso)
    assert (found.label, found.grid.name) == ("pi", "us-caiso-marginal")
    assert found.market_gco2e_per_kwh is None
    assert at_marginal_rate(found) == found
    # Runs of before grids had pairs froze them without.
    old = caiso.grid.model_copy(update={"marginal": None})
    assert marginal_grid(old) == grid("us-caiso-marginal")
    assert marginal_grid(custom_grid(100.0)) is None
    with pytest.raises(StudyError, match="pi: no marginal rate of grid 'fr' is known"):
        at_marginal_rate(Deployment("pi", hardware("rpi4"), "int8", grid("fr")))


def test_a_baseline_is_counted_as_what_comes_after_it(run):
    key = run.scores()["candidate"].iloc[0]
    today = Deployment("pi", hardware("rpi4"), "int8", grid("us-caiso"))
    volume = Study(Demand(lifetime_years=4.0, inferences=1e8), sunk=("pixel3",))
    study = as_consequence(run, volume, key, today)
    assert (study.view, study.sunk) == ("consequence", ("pixel3", "rpi4"))
    assert study.baseline.name == f"{key} on pi"
    scores = rescore(run, [at_marginal_rate(today)], study).set_index("candidate")
    assert scores.loc[key, "carbon_gco2e"] == study.baseline.carbon_gco2e > 0
    assert scores.loc[key, "change_gco2e"] == 0.0
    with pytest.raises(RunError, match="baseline: 'nope' is unknown"):
        as_consequence(run, volume, "nope", today)
    busy = Study(Demand(lifetime_years=4.0, inferences=1e17))
    with pytest.raises(StudyError, match=r"on pi: it does not run there \(demand: needs"):
        as_consequence(run, busy, key, today)


def test_a_consequence_is_told_and_refuses_life_cycle_carbon(run):
    today = Deployment("pi", hardware("rpi4"), "int8", grid("us-caiso"))
    volume = Study(Demand(lifetime_years=4.0, inferences=1e8))
    key = run.scores()["candidate"].iloc[0]
    study = as_consequence(run, volume, key, today)
    scores = rescore(run, [at_marginal_rate(today)], study)
    best = front_of(scores, ["error", "carbon"], study=study)
    (note,) = best.attrs["notes"]
    assert note.startswith(f"consequence, at marginal rates: against {key} on pi, which emits ")
    text = front_text(best)
    assert text.splitlines()[0].endswith("change")
    assert "pi: owned already: carbon goes as the energy above idling" in text
    with pytest.raises(FrontError, match="lifecycle: trainings are counted at average rates"):
        front_of(scores, ["error", "lifecycle"], study=study)


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
    with pytest.raises(FrontError, match="one run is given; name two"):
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
