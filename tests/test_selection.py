"""Selections and their reasons over plain tables of scores."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import Demand, Study
from nas.errors import SelectionError
from nas.selection import select


def scores(rows):
    """Rows of (candidate, error, latency_s, carbon_gco2e)."""
    table = pd.DataFrame(rows, columns=["candidate", "error", "latency_s", "carbon_gco2e"])
    return table.assign(deployment="pi", feasible=True, trained=True)


TABLE = scores(
    [
        ("small", 0.30, 0.001, 1.0e-6),
        ("middle", 0.12, 0.002, 2.0e-6),
        ("large", 0.10, 0.004, 8.0e-6),
        ("waste", 0.30, 0.004, 9.0e-6),
    ]
)


def test_knee_is_the_balanced_one_and_says_why():
    # Scaled: small (1, 0), middle (0.1, 0.14), large (0, 1).
    choice = select(TABLE)
    assert (choice.candidate, choice.deployment) == ("middle", "pi")
    assert choice.row["carbon_gco2e"] == 2.0e-6
    assert choice.reasons == (
        "4 of 4 scores are feasible, trained and known",
        "3 of those are on the front of error, carbon",
        "it is the knee: most balanced between error, carbon",
        "error 0.12, best on that front 0.1",
        "carbon 2 µgCO2e, best on that front 1 µgCO2e",
    )


def test_limits_by_objective_or_column():
    assert select(TABLE, limits={"carbon": 1.5e-6}).candidate == "small"
    assert select(TABLE, limits={"latency_s": 0.002}, prefer=["error"]).candidate == "middle"
    said = select(TABLE, limits={"error": 0.11}).reasons[1]
    assert said == "1 of those meet error <= 0.11"


def test_lists_and_weights():
    assert select(TABLE, prefer=["error", "carbon"]).candidate == "large"
    assert select(TABLE, prefer=["carbon", "error"]).candidate == "small"
    assert select(TABLE, prefer={"error": 100.0, "carbon": 1.0}).candidate == "large"
    assert select(TABLE, prefer={"error": 0.01, "carbon": 1.0}).candidate == "small"


def test_a_list_breaks_ties_by_its_next_objective():
    twins = scores([("a", 0.1, 0.02, 1e-6), ("b", 0.1, 0.01, 2e-6)])
    assert select(twins, prefer=["error", "latency"]).candidate == "b"
    assert select(twins, prefer=["error", "carbon"]).candidate == "a"


def test_impossible_limits_name_the_hardest_and_what_would_do():
    with pytest.raises(SelectionError) as caught:
        select(TABLE, limits={"error": 0.2, "carbon": 0.5e-6})
    assert str(caught.value) == (
        "select: no score of 4 meets error <= 0.2 and carbon <= 500 ngCO2e; "
        "carbon <= 5e-07 excludes 4, the nearest is 2e-06 (2 µgCO2e); allow that"
    )


def test_the_value_that_would_do_does():
    choice = select(TABLE, limits={"error": 0.2, "carbon": 2e-6})
    assert choice.candidate == "middle"


def test_limits_that_fail_together_say_so():
    table = scores([("a", 0.1, 0.5, 9e-6), ("b", 0.5, 0.1, 9e-6)])
    with pytest.raises(SelectionError, match="breaks another limit; loosen more than one"):
        select(table, limits={"error": 0.2, "latency": 0.2, "carbon": 1e-6})


def test_unknown_values_meet_no_limit():
    table = TABLE.assign(latency_s=[None, 0.002, 0.004, None])
    assert select(table, limits={"latency": 1.0}, prefer=["carbon"]).candidate == "middle"
    with pytest.raises(SelectionError, match="as none has a known latency; drop that limit"):
        select(TABLE.assign(latency_s=float("nan")), limits={"latency": 1.0})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limits": {"carbn": 1.0}}, "did you mean 'carbon'"),
        ({"limits": {"carbon": float("nan")}}, "carbon is nan, give a finite number"),
        ({"limits": {"carbon": 1.0, "carbon_gco2e": 2.0}}, "given twice"),
        ({"prefer": "error=2,carbon"}, "give weights such as"),
        ({"prefer": "error=two"}, "error weighs 'two'; give a number"),
        ({"prefer": {"error": 0.0}}, "error weighs 0.0"),
    ],
)
def test_malformed_wishes_are_refused(options, said):
    with pytest.raises(SelectionError, match=said):
        select(TABLE, **options)


def test_wishes_may_be_texts():
    for text, plain in (
        ("error, carbon", ["error", "carbon"]),
        ("carbon", ["carbon"]),
        ("error=100,carbon=1", {"error": 100.0, "carbon": 1.0}),
    ):
        assert select(TABLE, prefer=text).candidate == select(TABLE, prefer=plain).candidate


def test_nothing_feasible_is_refused():
    with pytest.raises(SelectionError, match="none of 4 scores is feasible"):
        select(TABLE.assign(feasible=False))


rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12
)


@given(rows, st.integers(0, 9))
def test_what_is_selected_meets_the_limit_and_is_on_the_front(drawn, bound):
    table = scores([(f"k{i}", e / 10, t / 100, c * 1e-6) for i, (e, t, c) in enumerate(drawn)])
    limit = bound / 10
    allowed = table[table["error"] <= limit]
    if allowed.empty:
        with pytest.raises(SelectionError):
            select(table, limits={"error": limit})
        return
    row = select(table, limits={"error": limit}).row
    assert row["error"] <= limit
    better = (
        (allowed["error"] <= row["error"])
        & (allowed["carbon_gco2e"] <= row["carbon_gco2e"])
        & ((allowed["error"] < row["error"]) | (allowed["carbon_gco2e"] < row["carbon_gco2e"]))
    )
    assert not better.any()


def test_lifecycle_is_refused_at_fixed_time():
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    table = TABLE.assign(lifecycle_gco2e=1.0)
    with pytest.raises(SelectionError, match="select: lifecycle: at fixed time"):
        select(table, ["error", "lifecycle"], study=study)
    with pytest.raises(SelectionError, match="select: lifecycle: at fixed time"):
        select(table, limits={"lifecycle_gco2e": 2.0}, study=study)
    volume = Study(Demand(lifetime_years=4.0, inferences=1e8))
    assert select(table, ["error", "lifecycle"], study=volume).candidate == "large"


def test_tcdp_says_what_it_is_at_fixed_time():
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    chosen = select(TABLE.assign(tcdp_gco2e_s=TABLE["carbon_gco2e"]), ["tcdp"], study=study)
    assert chosen.reasons[-1].startswith("at fixed time tCDP is carbon per inference")


def test_one_deployment_can_be_named():
    other = TABLE.assign(deployment="gpu", error=0.01)
    table = pd.concat([TABLE, other], ignore_index=True)
    assert select(table, prefer=["error"]).deployment == "gpu"
    assert select(table, prefer=["error"], deployment="pi").candidate == "large"


def test_the_luckiest_seed_does_not_win():
    """Means of three trainings are not held against the best of one."""
    rows = TABLE.assign(seeds=[3, 3, 3, 1])
    lucky = rows.assign(error=[0.30, 0.12, 0.10, 0.05])
    choice = select(lucky, prefer=["error"])
    assert choice.candidate == "large"
    assert "3 of those were trained with 3 seeds" in choice.reasons
    only = select(lucky, prefer=["error"], limits={"error": 0.06})
    assert only.candidate == "waste"
    assert "none of those was trained with 3 seeds, so luck may decide" in only.reasons
