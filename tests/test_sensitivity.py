"""Ranks, winners and fronts under other assumptions, over plain tables of scores."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import Demand, Study, cdp, operational_gco2e, tcdp
from nas.sensitivity import change, metrics, rank_changes

FIXED_VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e7))


def scores(rows):
    """Rows of (candidate, deployment, error, carbon_gco2e)."""
    table = pd.DataFrame(rows, columns=["candidate", "deployment", "error", "carbon_gco2e"])
    return table.assign(feasible=True, trained=True, latency_s=0.01)


BEFORE = scores(
    [
        ("a", "pi", 0.10, 1.0),
        ("b", "pi", 0.09, 2.0),
        ("c", "pi", 0.08, 3.0),
        ("a", "mcu", 0.10, 10.0),
        ("b", "mcu", 0.09, 20.0),
        ("c", "mcu", 0.08, 30.0),
    ]
)


def moved(found):
    return [tuple(row) for row in found.moved[["candidate", "before", "after"]].to_numpy()]


def test_ranks_that_change_are_listed_by_place():
    after = BEFORE.assign(carbon_gco2e=[1.0, 3.0, 2.0, 10.0, 20.0, 30.0])
    pi, mcu, together = rank_changes(BEFORE, after)
    assert (pi.where, mcu.where, together.where) == ("pi", "mcu", None)
    assert (pi.compared, together.compared) == (3, 6)
    assert moved(pi) == [("b", 2, 3), ("c", 3, 2)]
    assert pi.moved["value_after"].tolist() == [3.0, 2.0]
    # Of three pairs one turned over, of fifteen one.
    assert pi.tau == pytest.approx(1 / 3)
    assert together.tau == pytest.approx(13 / 15)
    assert (moved(mcu), mcu.tau) == ([], pytest.approx(1.0))


def test_a_common_factor_moves_nothing_in_one_place_but_across_places():
    after = BEFORE.assign(carbon_gco2e=[100.0, 200.0, 300.0, 10.0, 20.0, 30.0])
    pi, mcu, together = rank_changes(BEFORE, after)
    assert moved(pi) == moved(mcu) == []
    assert together.tau == pytest.approx(-3 / 15)  # 6 of 15 pairs keep their order
    assert len(together.moved) == 6


def test_equals_share_the_better_rank_and_rounding_is_no_change():
    alike = BEFORE.assign(carbon_gco2e=[0.1 + 0.2, 0.3, 0.9, 1.0, 1.0, 1.0])
    (pi, mcu) = rank_changes(alike, alike.assign(carbon_gco2e=[0.3, 0.1 + 0.2, 0.9, 1, 1, 1]))[:2]
    assert (moved(pi), pi.tau) == ([], pytest.approx(1.0))
    assert (moved(mcu), mcu.tau) == ([], None)
    broken = alike.assign(carbon_gco2e=[0.3, 0.4, 0.9, 1.0, 1.0, 1.0])
    assert moved(rank_changes(alike, broken)[0]) == [("b", 1, 2)]


def test_only_what_both_sides_hold_is_ranked():
    after = BEFORE.assign(feasible=[False, True, True, True, True, True])
    found = change(BEFORE, after, ["error", "carbon"])
    assert found.ranks[0].compared == 2
    assert moved(found.ranks[0]) == []
    assert (found.lost, found.gained) == ((("a", "pi"),), ())
    assert change(after, BEFORE, ["error", "carbon"]).gained == (("a", "pi"),)


def test_front_and_winner_of_a_change():
    # On another grid the microcontroller is the cleaner one.
    after = BEFORE.assign(carbon_gco2e=[1.0, 2.0, 3.0, 0.1, 0.2, 0.3])
    found = change(BEFORE, after, ["error", "carbon"])
    assert found.left == (("c", "pi"), ("b", "pi"), ("a", "pi"))
    assert found.joined == (("c", "mcu"), ("b", "mcu"), ("a", "mcu"))
    winner = {row.where: (row.candidate, row.deployment) for row in found.winners}
    before = {row.where: (row.candidate, row.deployment) for row in found.winners_before}
    assert before == {"pi": ("a", "pi"), "mcu": ("a", "mcu"), None: ("a", "pi")}
    assert winner[None] == ("a", "mcu")
    apart = change(BEFORE, after, ["error", "carbon"], apart=True)
    assert apart.joined == apart.left == ()
    assert [row.where for row in apart.ranks] == ["pi", "mcu"]


def test_a_deployment_that_is_left_out_is_not_compared():
    after = BEFORE[BEFORE["deployment"] == "mcu"]
    found = change(BEFORE, after, ["error", "carbon"])
    assert [row.where for row in found.ranks] == ["mcu"]
    assert (found.lost, found.joined, found.left) == ((), (), ())


def test_nothing_feasible_changes_nothing():
    none = BEFORE.assign(feasible=False)
    found = change(none, none, ["error", "carbon"])
    assert (found.ranks, found.winners, found.joined) == ((), (), ())
    assert metrics(none) == ()
    assert change(pd.DataFrame(), pd.DataFrame(), ["error"]).ranks == ()


@given(st.permutations(range(6)), st.integers(1, 5))
def test_ranks_are_those_of_sorting(order, different):
    after = np.array(order, dtype=float) // different
    table = BEFORE.assign(deployment="pi", candidate=list("abcdef"))
    (found,) = rank_changes(
        table.assign(carbon_gco2e=np.arange(6.0)), table.assign(carbon_gco2e=after)
    )
    expected = {
        (key, index + 1, 1 + int((after < after[index]).sum()))
        for index, key in enumerate("abcdef")
        if index != (after < after[index]).sum()
    }
    assert set(moved(found)) == expected


def designs(rows, inferences):
    """Rows of (candidate, embodied of the device, energy, latency) at 380 g/kWh."""
    table = pd.DataFrame(rows, columns=["candidate", "ecf", "energy_j", "latency_s"])
    use = operational_gco2e(table["energy_j"], grid_gco2e_per_kwh=380.0)
    ecf, delay = table["ecf"].to_numpy(), table["latency_s"].to_numpy()
    return table.assign(
        deployment="any",
        error=0.1,
        feasible=True,
        trained=True,
        operational_gco2e=use,
        carbon_gco2e=use + ecf / inferences,
        cdp_gco2e_s=cdp(ecf, delay),
        tcdp_gco2e_s=tcdp(ecf, use, inferences, delay),
    )


A, B = ("A", 2468.23, 0.5, 0.010), ("B", 3500.0, 0.45, 0.006)


def picks(table):
    return {
        row.winner.objective: row.winner.candidate for row in metrics(table, study=FIXED_VOLUME)
    }


def test_carbon_picks_one_design_and_tcdp_the_other():
    table = designs([A, B], 1e7)
    # design.md, section 5: 2996.0 < 3975.0 g over the life, but 29.96 > 23.85 g s.
    assert table["carbon_gco2e"].mul(1e7).tolist() == pytest.approx([2996.0, 3975.0], rel=1e-5)
    assert table["tcdp_gco2e_s"].tolist() == pytest.approx([29.96, 23.85], rel=1e-4)
    assert picks(table) == {
        "energy": "B", "latency": "B", "operational": "B", "cdp": "B", "tcdp": "B", "carbon": "A",
    }  # fmt: skip
    (found,) = rank_changes(table, table, second="tcdp")
    assert (moved(found), found.tau) == ([("A", 1, 2), ("B", 2, 1)], pytest.approx(-1.0))


@pytest.mark.parametrize(("inferences", "cdp_and_tcdp_agree"), [(1.2e6, True), (1.3e6, False)])
def test_cdp_and_tcdp_rank_two_designs_differently_from_a_known_volume_on(
    inferences, cdp_and_tcdp_agree
):
    # Against A: half the speed and two fifths of the manufacture, but four times the energy.
    # CDP: 1000 x 0.02 = 20 < 24.68 g s. tCDP turns at N = (24.6823 - 20) / (2.1111e-4 x 0.02 -
    # 5.2778e-5 x 0.01) = 1.267e6.
    table = designs([A, ("C", 1000.0, 2.0, 0.020)], inferences)
    (found,) = rank_changes(table, table, first="cdp", second="tcdp")
    assert picks(table)["cdp"] == "C"
    assert picks(table)["tcdp"] == ("C" if cdp_and_tcdp_agree else "A")
    assert found.moved.empty == cdp_and_tcdp_agree


def test_at_fixed_time_tcdp_is_not_shown_as_a_metric_of_its_own():
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    names = [row.winner.objective for row in metrics(designs([A, B], 1e7), study=study)]
    assert "tcdp" not in names
    assert "cdp" in names
