"""Fronts and comparisons over plain tables of scores."""

import math

import numpy as np
import pandas as pd
import pytest

from hardware_profiles import Deployment, custom_grid
from hardware_profiles.catalog import hardware
from nas.carbon import Demand, Study
from nas.comparison import compare, compare_fronts, front, front_of
from nas.errors import ConfigError, FrontError
from nas.report import front_text, report_html

NAN = math.nan


def scores(rows):
    """Rows of (candidate, deployment, error, latency_s, carbon_gco2e, feasible, trained)."""
    names = ["candidate", "deployment", "error", "latency_s", "carbon_gco2e", "feasible", "trained"]
    return pd.DataFrame(rows, columns=names).assign(kappa_w=5.0)


TABLE = scores(
    [
        ("a", "pi", 0.10, 0.010, 4e-6, True, True),
        ("a", "mcu", 0.10, 0.100, 1e-6, True, True),
        ("b", "pi", 0.20, 0.005, 2e-6, True, True),
        ("b", "mcu", 0.20, 0.050, 2e-6, True, True),
        ("c", "pi", 0.05, 0.020, 8e-6, False, True),
        ("c", "mcu", NAN, 0.200, 3e-6, True, True),
        ("d", "pi", 0.01, 0.001, 1e-7, True, False),
    ]
)


def pairs(rows):
    return list(zip(rows["candidate"], rows["deployment"], strict=True))


def test_front_pools_deployments_and_counts_what_it_left_out():
    rows = front_of(TABLE, ["error", "carbon"])
    # (0.1, 1e-6) dominates (0.1, 4e-6) and both rows of b.
    assert pairs(rows) == [("a", "mcu")]
    assert rows.attrs["rows"] == 7
    assert rows.attrs["candidates"] == 4
    assert rows.attrs["infeasible"] == 1
    assert rows.attrs["untrained"] == 1
    assert rows.attrs["unknown"] == 1
    assert rows.attrs["objectives"] == ["error", "carbon"]


def test_front_of_one_deployment_keeps_its_own():
    rows = front_of(TABLE, ["error", "carbon"], deployment="pi")
    assert pairs(rows) == [("a", "pi"), ("b", "pi")]
    # Both fall together: latency 10 and 5 ms, carbon 4 and 2 ug.
    assert rows.attrs["rank_agreement"] == {"pi": pytest.approx(1.0)}
    assert rows.attrs["kappa_w"] == {"pi": 5.0}


def test_three_objectives_keep_the_fast_device():
    rows = front_of(TABLE, ["error", "latency", "carbon"])
    assert pairs(rows) == [("a", "pi"), ("a", "mcu"), ("b", "pi")]


def test_ties_are_all_on_the_front():
    twins = scores(
        [("a", "pi", 0.1, 0.01, 1e-6, True, True), ("b", "pi", 0.1, 0.01, 1e-6, True, True)]
    )
    assert len(front_of(twins, ["error", "carbon"])) == 2


def test_no_scores_make_an_empty_front():
    assert front_of(pd.DataFrame(), ["error"]).empty
    none = front_of(TABLE.assign(feasible=False), ["error"])
    assert none.empty
    assert none.attrs["infeasible"] == 7


def test_unknown_names_are_refused():
    with pytest.raises(FrontError, match=r"'pie' is unknown; did you mean 'pi'"):
        front_of(TABLE, ["error"], deployment="pie")
    with pytest.raises(ConfigError, match="did you mean 'carbon'"):
        front_of(TABLE, ["carbn"])
    with pytest.raises(FrontError, match="no column of 'tcdp'"):
        front_of(TABLE, ["tcdp"])


def one_deployment(errors, carbons):
    return scores(
        [
            (f"k{i}", "pi", error, 0.01, carbon, True, True)
            for i, (error, carbon) in enumerate(zip(errors, carbons, strict=True))
        ]
    )


def fronts_of(**tables):
    return {name: front_of(table, ["error", "carbon"]) for name, table in tables.items()}


def test_a_dominating_run_wins_everywhere():
    good = one_deployment([0.1, 0.2], [2e-6, 1e-6])
    poor = one_deployment([0.3, 0.4], [4e-6, 3e-6])
    result = compare_fronts(fronts_of(good=good, poor=poor), ["error", "carbon"])
    table = result.runs.set_index("run")
    assert result.verdicts == ("good dominates poor",)
    assert table.loc["good", "hypervolume"] > table.loc["poor", "hypervolume"]
    assert table.loc["good", "epsilon"] == pytest.approx(0.0)
    assert table.loc["good", "igd_plus"] == pytest.approx(0.0)
    assert table["on_pooled"].tolist() == [2, 0]
    assert set(result.pooled["run"]) == {"good"}


def test_hypervolume_by_hand():
    # Scaled to 0..1 (spans below a decade): a at (0, 1) and (1, 0), b at (0.5, 0.5).
    first = one_deployment([0.1, 0.3], [3e-6, 1e-6])
    second = one_deployment([0.2], [2e-6])
    result = compare_fronts(fronts_of(a=first, b=second), ["error", "carbon"])
    # Corner (1.1, 1.1): a = 1.1 * 0.1 + 0.1 * 1.0 = 0.21, b = 0.6 * 0.6, over 1.21.
    assert result.runs["hypervolume"].tolist() == pytest.approx([0.21 / 1.21, 0.36 / 1.21])
    assert result.verdicts == ("a and b: neither dominates; a covers 0% of b, b covers 0%",)
    assert np.array_equal(result.coverage.to_numpy(), np.eye(2))


def test_equal_fronts_are_called_equal():
    table = one_deployment([0.1, 0.2], [2e-6, 1e-6])
    result = compare_fronts(fronts_of(a=table, b=table), ["error", "carbon"])
    assert result.verdicts == ("a and b: equal fronts",)


def test_an_empty_front_is_refused():
    table = one_deployment([0.1], [1e-6])
    with pytest.raises(FrontError, match="b has no feasible trained score"):
        compare_fronts(fronts_of(a=table, b=table.assign(feasible=False)), ["error", "carbon"])


def test_targets_have_a_front_each(make_run, tmp_path):
    run = make_run(tmp_path / "run", count=8, deployments_as="targets")
    names = ["error", "latency", "carbon"]
    each = front(run, names)
    assert list(dict.fromkeys(each["deployment"])) == [d.label for d in run.deployments]
    for label in dict.fromkeys(each["deployment"]):
        own = front(run, names, deployment=label)
        assert pairs(own) == pairs(each[each["deployment"] == label])
    assert f"{len(each)} on the fronts of each deployment" in front_text(each)
    assert "of each deployment's own front" in report_html(run)


def test_idle_power_stands_beside_kappa(make_run, tmp_path):
    run = make_run(tmp_path / "run", count=2)
    told = front(run, ["error", "carbon"]).attrs
    # The board idles (1 - 0.3) / 0.3 seconds for each busy one.
    for deployment in run.deployments[1:]:
        idle_w = deployment.profile.idle_w.value * 0.7 / 0.3
        assert told["idle_w"][deployment.label] == pytest.approx(idle_w)
        assert told["kappa_w"][deployment.label] > 0


def test_grid_without_carbon_is_not_a_fixed_volume(make_run, tmp_path):
    clean = Deployment("pi", hardware("rpi4"), "fp32", custom_grid(0.0))
    best = front(make_run(tmp_path / "run", count=2, deployments=[clean]), ["error", "carbon"])
    assert best.attrs["kappa_w"] == {"pi": None}
    assert "same for all models" not in front_text(best)


def test_fixed_time_refuses_lifecycle_and_explains_tcdp(make_run, tmp_path):
    run = make_run(tmp_path / "run", count=2)
    with pytest.raises(FrontError, match="lifecycle: at fixed time it is not comparable"):
        front(run, ["error", "lifecycle"])
    assert "it ranks as carbon does" in front_text(front(run, ["error", "tcdp"]))
    volume = Study(Demand(lifetime_years=4.0, inferences=1e7))
    other = make_run(tmp_path / "volume", count=2, study=volume)
    best = front(other, ["error", "lifecycle", "tcdp"])
    assert best.attrs["notes"] == []
    assert set(best.attrs["kappa_w"].values()) == {None}


def test_a_run_is_not_compared_with_itself(make_run, tmp_path):
    run = make_run(tmp_path / "run", count=2)
    with pytest.raises(FrontError, match="is given twice; name different runs"):
        compare([run, run], ["error"])


def test_an_empty_front_says_why():
    rows = pd.DataFrame(
        {
            "candidate": ["a"], "deployment": ["pi"], "feasible": [False], "trained": [True],
            "reason": ["demand: needs 3 devices, has 1"], "error": [0.1],
        }
    )  # fmt: skip
    told = "such as a on pi: demand: needs 3 devices, has 1"
    assert front_of(rows, ["error"]).attrs["notes"] == [told]
    assert front_of(rows.assign(feasible=True), ["error"]).attrs["notes"] == []
