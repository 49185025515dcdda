"""Laws of intervals, stay shares, tornado and paired comparisons on made-up runs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.deployment import Deployment
from hardware_profiles.fab import fab_table
from hardware_profiles.grid import Grid, grid
from nas.carbon import Demand, Study
from nas.comparison import front
from nas.errors import ConfigError, FrontError, StudyError
from nas.robustness import compare_points, robustness, stay_shares
from nas.runs.scenarios import Scenarios, scenarios, subject

VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e8))
PAIR = ["candidate", "deployment"]


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("robust") / "first", count=8)


@pytest.fixture(scope="module")
def volume_run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("robust") / "volume", count=8, study=VOLUME)


@pytest.fixture(scope="module")
def found(run):
    return robustness(run, draws=40)


def without_ranges(plain):
    """The same plain data with every figure's range shut."""
    if isinstance(plain, dict):
        if "basis" in plain and "value" in plain:
            return {**plain, "low": plain["value"], "high": plain["value"]}
        return {key: without_ranges(value) for key, value in plain.items()}
    return [without_ranges(item) for item in plain] if isinstance(plain, list | tuple) else plain


def certain(place):
    profile = profile_from_dict(without_ranges(profile_to_dict(place.profile)))
    where = Grid.model_validate(without_ranges(place.grid.model_dump(mode="json")))
    return replace(place, profile=profile, grid=where)


def test_without_ranges_no_interval_has_a_width(make_run, tmp_path):
    table = tmp_path / "certain.yaml"
    plain = without_ranges(fab_table("act-2022").model_dump(mode="json"))
    table.write_text(yaml.safe_dump({**plain, "name": "certain"}))
    places = (
        certain(Deployment("a", hardware("rpi4"), "int8", grid("fr"))),
        certain(Deployment("b", hardware("pixel3"), "int8", grid("us"))),
    )
    study = replace(VOLUME, fab_table=str(table))
    run = make_run(tmp_path / "run", count=4, study=study, deployments=places)
    found = robustness(run, draws=10)
    others = found.intervals[found.intervals["column"] != "lifecycle_gco2e"].dropna()
    assert len(others) > 50
    assert (others["low"] == others["value"]).all()
    assert (others["high"] == others["value"]).all()
    assert set(found.on_front["share"]) <= {0.0, 1.0}
    assert (found.on_front["share"] == found.on_front["on_front"]).all()
    assert found.most["factor"].isna().all()
    assert found.tornado.empty


def test_the_best_estimates_are_those_of_the_scores(run, found):
    scores = run.scores()
    wide = found.intervals.pivot(index=PAIR, columns="column", values="value")
    expected = scores.set_index(PAIR)[wide.columns].astype("float64")
    pd.testing.assert_frame_equal(wide, expected.loc[wide.index], check_names=False)
    best = front(run, run.objectives)
    on = found.on_front[found.on_front["on_front"]]
    assert set(map(tuple, on[PAIR].to_numpy())) == set(map(tuple, best[PAIR].to_numpy()))


def test_every_interval_holds_its_value(found):
    rows = found.intervals.dropna()
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()
    carbon = rows[rows["column"] == "carbon_gco2e"]
    assert (carbon["high"] > 1.2 * carbon["low"]).all()
    errors = rows[rows["column"] == "error"]
    assert (errors["low"] == errors["high"]).all()


def test_one_seed_gives_one_result(run, found):
    again, other = robustness(run, draws=40), robustness(run, draws=40, seed=1)
    pd.testing.assert_frame_equal(found.intervals, again.intervals)
    pd.testing.assert_frame_equal(found.on_front, again.on_front)
    carbon = found.intervals["column"] == "carbon_gco2e"
    assert not np.allclose(found.intervals.loc[carbon, "low"], other.intervals.loc[carbon, "low"])
    pd.testing.assert_frame_equal(found.tornado, other.tornado)


def test_a_factor_of_the_fab_table_alone_leaves_the_order_of_a_device(volume_run):
    about = subject(volume_run, study=replace(VOLUME, memory="as_built"))
    made = [name for name in about.factors if name.startswith("act-2022.")]
    rng = np.random.default_rng(0)
    at = {name: rng.uniform(-1.0, 1.0, 30) for name in made}
    scores = scenarios(about, at, 30)
    for label in scores.rows["deployment"].unique():
        here = (scores.rows["deployment"] == label).to_numpy()
        carbon = scores.columns["carbon_gco2e"][:, here]
        assert np.ptp(carbon[:, 0]) > 0.0
        # At fixed volume a device's manufacture adds the same to all, so it cancels in pairs.
        apart = carbon - carbon[:, :1]
        scale = carbon.max() * 1e-12
        np.testing.assert_allclose(apart, np.broadcast_to(apart[0], apart.shape), atol=scale)
        assert (carbon.argsort(axis=1) == carbon[0].argsort()).all()


def test_carbon_goes_as_the_grid_does(volume_run):
    about = subject(volume_run)
    name = "grid us.gco2e_per_kwh"
    figure = about.factors.get(name)
    if figure is None:
        pytest.fail("grid us has lost its range; take another that has one")
    scores = scenarios(about, {name: np.array([-1.0, 0.0, 1.0])}, 3)
    here = scores.rows["deployment"].str.endswith("us").to_numpy()
    used = scores.columns["operational_gco2e"]
    ratio = used[[0, 2]][:, here] / used[1, here]
    expected = np.array([figure.low, figure.high]) / figure.value
    np.testing.assert_allclose(ratio, np.broadcast_to(expected[:, None], ratio.shape), rtol=1e-12)
    assert (used[:, ~here] == used[1, ~here]).all()


def made_up(values, feasible=None):
    """Scenarios of shape (S, R) per column, of one deployment."""
    table = np.asarray(values, dtype=float)
    rows = pd.DataFrame({"candidate": list(map(str, range(table.shape[1]))), "deployment": "d"})
    columns = {"error": table[..., 0], "carbon_gco2e": table[..., 1]}
    columns["feasible"] = np.ones(table.shape[:2], bool) if feasible is None else feasible
    return Scenarios(len(table), rows, columns, np.ones(len(table)))


@given(st.integers(1, 12), st.integers(0, 1000))
def test_a_dominated_point_never_stays_and_a_lone_one_always(count, seed):
    rng = np.random.default_rng(seed)
    lone = rng.uniform(1.0, 2.0, (count, 1, 2))
    assert stay_shares(made_up(lone), ["error", "carbon"]).tolist() == [1.0]
    worse = lone + rng.uniform(0.1, 1.0, (count, 1, 2))
    both = np.concatenate([lone, worse], axis=1)
    assert stay_shares(made_up(both), ["error", "carbon"]).tolist() == [1.0, 0.0]


def test_shares_by_hand():
    values = [[[1, 5], [2, 3], [3, 4]], [[1, 5], [2, 6], [3, 4]]]
    assert stay_shares(made_up(values), ["error", "carbon"]).tolist() == [1.0, 0.5, 0.5]
    feasible = np.array([[True, False, True], [False, True, True]])
    scores = made_up(values, feasible)
    # Without the second in the first scenario the third is on; without the first in the other
    # both of the rest are.
    assert stay_shares(scores, ["error", "carbon"]).tolist() == [0.5, 0.5, 1.0]
    unknown = made_up(np.where(np.asarray(values) == 3, np.nan, values))
    assert stay_shares(unknown, ["error", "carbon"])[2] == 0.0


def test_the_tornado_ranks_what_moves_the_front(found):
    table = found.tornado
    assert (table["effect"].diff().dropna() <= 0.0).all()
    assert (table["effect"] == table[["at_low", "at_high"]].abs().max(axis=1)).all()
    assert set(table["factor"]) <= set(found.factors)
    assert (table["points"] <= found.on_front["on_front"].sum()).all()
    assert not table["factor"].str.startswith("pixel3").any()
    package = table[table["factor"] == "act-2022.package_gco2e"].iloc[0]
    assert package["at_low"] < 0.0 < package["at_high"]
    assert package["source"] == fab_table("act-2022").package_gco2e.source


def test_figures_that_are_wrong_together_are_one_bar(run, found):
    about = subject(run)
    bars = [name for name in found.tornado["factor"] if "bill_of_materials.fab_yield" in name]
    assert len(bars) == 1
    bar = found.tornado.set_index("factor").loc[bars[0]]
    assert "moved together: " in bar["source"]
    ends = np.array([-1.0, 0.0, 1.0])
    names = [name for name in about.factors if name.endswith("bill_of_materials.fab_yield")]
    carbon = scenarios(about, dict.fromkeys(names, ends), 3).columns["carbon_gco2e"]
    on = found.on_front["on_front"].to_numpy()
    low, high = (carbon[[0, 2]] / carbon[1] - 1.0)[:, on].mean(axis=1)
    assert bar[["at_low", "at_high"]].tolist() == pytest.approx([low, high])
    rows = found.tornado["factor"][found.tornado["factor"].str.contains("materials_gco2e_per_cm2")]
    assert len(rows) <= 1


def test_what_moves_a_point_most_moves_it_at_least_as_far_as_all_else(run, found):
    about = subject(run)
    nominal = found.intervals[found.intervals["column"] == "carbon_gco2e"]["value"].to_numpy()
    effect = np.abs(found.most[["at_low", "at_high"]].sub(nominal, axis=0)).max(axis=1).to_numpy()
    for name in list(about.factors)[::9]:
        ends = scenarios(about, {name: np.array([-1.0, 1.0])}, 2).columns["carbon_gco2e"]
        assert (np.abs(ends - nominal).max(axis=0) <= effect * (1.0 + 1e-12)).all()


def test_the_search_moves_with_its_machine_and_only_life_cycle_carbon_with_it(run):
    about = subject(run)
    busy = {"search machine.busy_share": np.array([-1.0, 0.0, 1.0])}
    scores = scenarios(about, busy, 3).columns
    assert (np.diff(scores["lifecycle_gco2e"], axis=0) < 0.0).all()
    np.testing.assert_array_equal(scores["carbon_gco2e"][0], scores["carbon_gco2e"][2])


def test_targets_have_fronts_of_their_own(make_run, tmp_path):
    apart = make_run(tmp_path / "apart", count=6, deployments_as="targets")
    found = robustness(apart, draws=10)
    on = found.on_front[found.on_front["on_front"]]
    assert set(on["deployment"]) == {place.label for place in apart.deployments}
    assert len(on) == len(front(apart, apart.objectives))


def test_an_unfinished_run_has_nothing_to_be_sure_of(make_run, tmp_path):
    found = robustness(make_run(tmp_path / "empty", count=0), draws=5)
    assert found.intervals.empty
    assert found.on_front.empty
    assert found.most.empty
    assert found.tornado.empty
    assert found.search_gco2e is None
    assert found.interval("x", "y", "carbon_gco2e") is None
    assert found.share("x", "y") is None
    assert found.mover("x", "y") is None


def test_a_model_against_itself_and_another(run, found):
    label = run.deployments[1].label
    keys = found.on_front["candidate"].unique()
    same = compare_points((run, keys[0], label), (run, keys[0], label), draws=30).table
    assert (same["difference_low"] == 0.0).all()
    assert (same["difference_high"] == 0.0).all()
    assert (same["less"] == 0.0).all()
    assert (same["equal"] == 1.0).all()
    one = compare_points((run, keys[0], label), (run, keys[1], label), draws=30).table
    other = compare_points((run, keys[1], label), (run, keys[0], label), draws=30).table
    total = (one["less"] + other["less"] + one["equal"]).tolist()
    assert total == pytest.approx([1.0] * len(total))
    assert one["difference_low"].to_numpy() == pytest.approx(-other["difference_high"].to_numpy())
    interval = found.intervals.set_index([*PAIR, "column"]).loc[(keys[0], label, "carbon_gco2e")]
    carbon = one[one["objective"] == "carbon"].iloc[0]
    assert carbon["first"] == pytest.approx(interval["value"])


def test_a_run_knows_which_of_two_has_less_carbon_as_their_comparison_does(run, found):
    pairs = [tuple(row) for row in found.on_front[PAIR].to_numpy()][:5]
    for first in pairs:
        for second in pairs[:2]:
            table = compare_points((run, *first), (run, *second), ["carbon"], draws=40).table
            assert found.less(first, second) == table["less"].iloc[0]
    assert found.less(pairs[0], ("0000", "nowhere")) is None


def test_runs_are_paired_too(make_run, run, tmp_path, found):
    label = run.deployments[0].label
    copy = make_run(tmp_path / "copy", count=8)
    key = found.on_front["candidate"].iloc[0]
    table = compare_points((run, key, label), (copy, key, label), draws=20).table
    assert (table["equal"] == 1.0).all()


def test_what_cannot_be_compared_is_refused(make_run, run, volume_run, found):
    label, key = run.deployments[0].label, found.on_front["candidate"].iloc[0]
    with pytest.raises(FrontError, match=r"studies differ in study\.demand"):
        compare_points((run, key, label), (volume_run, key, label))
    with pytest.raises(FrontError, match="nowhere is no trained candidate on a deployment"):
        compare_points((run, key, label), (run, key, "nowhere"))
    with pytest.raises(FrontError, match="0000@"):
        compare_points((run, "0000", label), (run, key, label))
    with pytest.raises(FrontError, match="lifecycle"):
        robustness(run, ["lifecycle"], draws=2)
    with pytest.raises(ConfigError, match="objective"):
        robustness(run, ["speed"], draws=2)
    with pytest.raises(StudyError, match="draws: got 0"):
        robustness(run, draws=0)
