"""A run priced under other assumptions: every number is that of scoring it so."""

from dataclasses import replace

import pytest

from hardware_profiles import Deployment
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.carbon import Baseline, Demand, Study
from nas.rescoring import at_marginal_rate, rescore
from nas.sensitivity import sensitivity

CAISO = (
    Deployment("mcu", hardware("stm32l4r5"), "int8", grid("us-caiso")),
    Deployment("pi", hardware("rpi4"), "int8", grid("us-caiso")),
    Deployment("phone", hardware("pixel3"), "int8", grid("us-pjm")),
)
FIXED_TIME = Study(Demand(lifetime_years=4.0, busy_share=0.3))
PAIR = ["candidate", "deployment"]


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pricings") / "run"
    return make_run(folder, count=12, study=FIXED_TIME, deployments=CAISO)


@pytest.fixture(scope="module")
def found(run):
    return {row.name: row for row in sensitivity(run, ["error", "carbon"]).pricings}


def ranks_by_sorting(scores):
    """Rank of each candidate on each deployment by carbon, among feasible rows."""
    ranks = {}
    for label, rows in scores[scores["feasible"]].groupby("deployment"):
        for rank, key in enumerate(rows.sort_values("carbon_gco2e")["candidate"], 1):
            ranks[key, label] = rank
    return ranks


def test_each_assumption_is_named_and_counted(run, found):
    assert list(found) == ["act-2023", "imec-netzero-public", "2 years", "8 years", "consequence"]
    assert all(row.left_out == () for row in found.values())
    assert found["8 years"].study.demand.lifetime_years == 8.0
    assert found["act-2023"].study.fab_table == "act-2023"
    assert found["consequence"].study.view == "consequence"


@pytest.mark.parametrize("name", ["act-2023", "2 years", "8 years"])
def test_a_pricing_is_the_run_scored_so(run, found, name):
    assert found[name].scores.equals(rescore(run, run.deployments, found[name].study))


@pytest.mark.parametrize("name", ["act-2023", "imec-netzero-public", "2 years", "8 years"])
def test_ranks_are_those_of_sorting(run, found, name):
    before, after = ranks_by_sorting(run.scores()), ranks_by_sorting(found[name].scores)
    expected = {
        (*pair, before[pair], after[pair]) for pair in before if before[pair] != after[pair]
    }
    listed = {
        tuple(row)
        for place in found[name].change.ranks
        if place.where is not None
        for row in place.moved[[*PAIR, "before", "after"]].to_numpy().tolist()
    }
    assert listed == expected


def test_the_consequence_counts_against_what_the_run_chose(run, found):
    row = found["consequence"]
    key, _, label = row.study.baseline.name.partition(" on ")
    owned = next(d for d in CAISO if d.label == label).profile.name
    assert row.study.sunk == (owned,)
    assert key in row.said
    after = row.scores.set_index(PAIR)
    assert after.loc[(key, label), "change_gco2e"] == pytest.approx(0.0, abs=1e-18)
    # Owned hardware is charged nothing; of the rest the purchase, whole.
    mine = after.loc[after.index.get_level_values("deployment") == label]
    assert (mine["embodied_gco2e"] == 0.0).all()
    bought = after.loc[after.index.get_level_values("deployment") != label]
    share = bought["device_embodied_gco2e"] * bought["devices"] / bought["inferences"]
    assert bought["embodied_gco2e"].to_numpy() == pytest.approx(share.to_numpy())
    served = run.scores().set_index(PAIR).loc[(key, label), "inferences"]
    assert (after["inferences"] == served).all()


def test_use_is_at_the_marginal_rate(run, found):
    row = found["consequence"]
    footprint = replace(row.study, view="footprint", baseline=None)
    usual = rescore(run, CAISO, footprint).set_index(PAIR)["operational_gco2e"]
    now = row.scores.set_index(PAIR)["operational_gco2e"]
    for usually in CAISO:
        if usually.profile.name in row.study.sunk:
            continue  # net of idle, which a footprint is not
        average, marginal = (
            d.grid.gco2e_per_kwh.value for d in (usually, at_marginal_rate(usually))
        )
        assert marginal > average
        here = now.index.get_level_values("deployment") == usually.label
        assert (now[here] / usual[here]).to_numpy() == pytest.approx(marginal / average)


def test_more_of_the_owned_devices_is_no_choice(make_run, tmp_path):
    # At u = 1 a model that is slower than the baseline does not keep up on the one device owned.
    study = Study(Demand(lifetime_years=4.0, busy_share=1.0))
    made = make_run(tmp_path / "run", count=8, study=study, deployments=CAISO[1:2])
    (row,) = [p for p in sensitivity(made).pricings if p.name == "consequence"]
    tau = row.scores.set_index("candidate")["occupancy_s"]
    key = row.study.baseline.name.partition(" on ")[0]
    slower = set(tau.index[tau > tau[key] * (1.0 + 1e-9)])
    assert slower
    assert {candidate for candidate, _ in row.change.lost} == slower


def test_lives_keep_the_inferences_of_a_year(make_run, tmp_path):
    study = Study(Demand(lifetime_years=2.0, inferences=1e8))
    made = make_run(tmp_path / "run", count=3, study=study, deployments=CAISO)
    rows = {row.name: row for row in sensitivity(made).pricings}
    assert "2 years" not in rows
    assert rows["8 years"].study.demand.inferences == pytest.approx(4e8)
    assert "400,000,000 in all" in rows["8 years"].said
    base = made.scores()
    # A device that serves four times as many embodies a quarter for each, and idles alike.
    share = rows["8 years"].scores["embodied_gco2e"] / base["embodied_gco2e"]
    assert share.to_numpy() == pytest.approx(0.25)
    ratio = rows["8 years"].scores["operational_gco2e"] / base["operational_gco2e"]
    assert ratio.to_numpy() == pytest.approx(1.0)
    # A volume that is given stays what it is.
    assert rows["consequence"].study.demand == study.demand


def test_grids_without_a_marginal_rate_are_told(make_run, tmp_path):
    abroad = Deployment("abroad", hardware("rpi4"), "int8", grid("fr"))
    made = make_run(tmp_path / "run", count=4, deployments=(*CAISO[:1], abroad))
    row = sensitivity(made).pricings[-1]
    assert row.left_out == ("abroad: no marginal rate of grid fr is known",)
    assert set(row.scores["deployment"]) == {"mcu"}
    assert [place.where for place in row.change.ranks] == ["mcu"]
    only = sensitivity(make_run(tmp_path / "fr", count=4, deployments=(abroad,))).pricings[-1]
    assert (only.change, only.study) == (None, None)
    assert only.left_out[-1] == "no trained model is feasible where a marginal rate is known"


def test_the_other_tables_are_those_that_the_run_does_not_use(make_run, tmp_path):
    study = replace(FIXED_TIME, fab_table="act-2023")
    made = make_run(tmp_path / "run", count=2, study=study, deployments=CAISO)
    names = [row.name for row in sensitivity(made).pricings]
    assert names[:2] == ["act-2022", "imec-netzero-public"]


def test_a_consequence_is_not_made_one_again(make_run, tmp_path):
    study = Study(
        Demand(lifetime_years=4.0, inferences=1e9),
        view="consequence",
        baseline=Baseline("today", 1e-6),
        sunk=("rpi4",),
    )
    places = [at_marginal_rate(deployment) for deployment in CAISO]
    made = make_run(tmp_path / "run", count=3, study=study, deployments=places)
    found = sensitivity(made, ["error", "carbon"])
    assert "consequence" not in [row.name for row in found.pricings]
    assert all(row.change is not None for row in found.pricings)


def test_a_run_without_trainings_changes_nothing(make_run, tmp_path):
    made = make_run(tmp_path / "run", count=0, deployments=CAISO)
    found = sensitivity(made)
    assert found.metrics == ()
    assert all(row.change is None or row.change.ranks == () for row in found.pricings)
    assert all(row.left_out == () for row in found.pricings[:-1])
