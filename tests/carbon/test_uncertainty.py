"""Draws of figures, and what they say of a result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.figure import Figure
from hardware_profiles.grid import grid
from nas.carbon.supply import resolve_grid
from nas.carbon.uncertainty import (
    draws,
    interval,
    one_at_a_time,
    placed,
    positions,
    probability_less,
)
from nas.errors import StudyError

NUMBERS = st.floats(0.0, 1e6, allow_subnormal=False)
ARRAYS = st.lists(NUMBERS, min_size=1, max_size=40).map(np.array)


def figure(value, low=None, high=None):
    return Figure(value=value, source="made up", basis="derived", low=low, high=high)


def named(*names, one=None):
    """The same figure under several names."""
    return dict.fromkeys(names, one or figure(2.0, 1.0, 4.0))


@st.composite
def figures(draw):
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    return figure(value, draw(st.sampled_from([low, None])), draw(st.sampled_from([high, None])))


def test_positions_fill_the_range_with_half_of_them_on_either_side():
    at = positions(named("a"), 1000, 0)["a"]
    assert (np.abs(at) <= 1.0).all()
    assert (at < 0.0).sum() == 500
    # The density 1 - |x| has mean 0, variance 1/6 and quantile 1 - sqrt(0.1) at 95 %.
    assert at.mean() == pytest.approx(0.0, abs=2e-3)
    assert at.var() == pytest.approx(1 / 6, abs=2e-3)
    # One draw in each of 1,000 parts, which is 1 / (1000 sqrt(0.1)) wide there.
    assert np.quantile(at, 0.95) == pytest.approx(1.0 - np.sqrt(0.1), abs=4e-3)


@given(st.integers(1, 200), st.integers(0, 2**40))
def test_one_seed_gives_one_draw_whatever_else_is_drawn(count, seed):
    alone = positions(named("a"), count, seed)["a"]
    among = positions(named("b", "a", "c"), count, seed)
    assert alone.shape == (count,)
    assert (alone == among["a"]).all()
    assert not (among["a"] == among["b"]).all()


def test_other_seeds_and_other_names_draw_independently():
    drawn = positions(named("a", "b"), 2000, 1)
    assert abs(np.corrcoef(drawn["a"], drawn["b"])[0, 1]) < 0.08
    assert abs(np.corrcoef(drawn["a"], positions(named("a"), 2000, 2)["a"])[0, 1]) < 0.08


def test_rows_of_a_fab_table_move_together():
    materials = [f"act-2022.nodes.{node}.materials_gco2e_per_cm2" for node in (7, 28)]
    memories = ["act-2022.memories.lpddr4.gco2e_per_gb", "mine.memories.nand 3.5.gco2e_per_gb"]
    whole = [f"imec-netzero-public.whole_nodes_gco2e_per_cm2.{node}" for node in (8, 22)]
    others = ["act-2022.nodes.7.energy_kwh_per_cm2", "rpi4.bill_of_materials.memories.a.packages"]
    drawn = positions(
        named(*materials, *memories, *whole, *others, "act-2022.package_gco2e"), 50, 1
    )
    for one, other in (materials, memories, whole):
        assert (drawn[one] == drawn[other]).all()
    different = [materials[0], memories[0], whole[0], *others, "act-2022.package_gco2e"]
    assert len({drawn[name].tobytes() for name in different}) == len(different)


def test_hours_of_a_grid_move_with_the_grid():
    whole = grid("us-caiso")
    hours, months = {"hours": [9, 17]}, {"months": [6, 7]}
    weighted = {"load_w": [1.0] * 12 + [2.0] * 12}
    parts = [hours, months, hours | months, hours | months | weighted]
    names = [
        f"grid {resolve_grid({'name': 'us-caiso'} | part).name}.gco2e_per_kwh" for part in parts
    ]
    assert len({whole.name, *names}) == len(parts) + 1
    others = ["grid us-caiso-marginal.gco2e_per_kwh", "grid us-pjm.gco2e_per_kwh"]
    drawn = positions(named(f"grid {whole.name}.gco2e_per_kwh", *names, *others), 50, 1)
    first = drawn[f"grid {whole.name}.gco2e_per_kwh"]
    assert all((drawn[name] == first).all() for name in names)
    assert not any((drawn[name] == first).any() for name in others)


def test_a_tornado_moves_one_group_at_a_time():
    at = one_at_a_time([["a", "b"], ["c"]])
    assert {name: values.tolist() for name, values in at.items()} == {
        "a": [-1.0, 1.0, 0.0, 0.0],
        "b": [-1.0, 1.0, 0.0, 0.0],
        "c": [0.0, 0.0, -1.0, 1.0],
    }


def test_a_figure_at_its_ends_and_between():
    lopsided = figure(2.0, 1.0, 6.0)
    assert placed(lopsided, [-1.0, -0.5, 0.0, 0.5, 1.0]).tolist() == [1.0, 1.5, 2.0, 4.0, 6.0]
    assert placed(figure(2.0, low=1.0), [-1.0, 1.0]).tolist() == [1.0, 2.0]
    assert placed(figure(2.0), [-1.0, 1.0]).tolist() == [2.0, 2.0]


@given(figures(), st.integers(0, 1000))
def test_a_draw_stays_in_the_range_and_the_best_estimate_is_its_median(one, seed):
    drawn = draws({"x": one}, 20, seed)["x"]
    rounding = 1e-12 * one.value
    assert (drawn >= min(one.numbers()) - rounding).all()
    assert (drawn <= max(one.numbers()) + rounding).all()
    assert (drawn <= one.value).sum() >= 10
    assert (drawn >= one.value).sum() >= 10
    low, high = interval(drawn, one.value)
    assert low <= one.value <= high


@given(NUMBERS, st.integers(1, 50), st.integers(0, 9))
def test_without_a_range_the_interval_has_no_width(value, count, seed):
    low, high = interval(draws({"x": figure(value)}, count, seed)["x"], value)
    assert low == value == high


@given(ARRAYS, NUMBERS)
def test_an_interval_holds_the_nominal_value(values, nominal):
    low, high = interval(values, nominal)
    assert low <= nominal <= high


@given(ARRAYS, st.floats(0.01, 100.0))
def test_an_interval_scales_with_its_values(values, factor):
    nominal = float(np.median(values))
    expected = [factor * end for end in interval(values, nominal)]
    assert interval(factor * values, factor * nominal) == pytest.approx(expected, rel=1e-9)


def test_an_interval_by_hand():
    values = np.arange(101.0)
    assert interval(values, 50.0) == pytest.approx((5.0, 95.0))
    assert interval(values, 2.0) == pytest.approx((2.0, 95.0))
    table = np.column_stack([values, 2.0 * values])
    low, high = interval(table, [50.0, 100.0])
    assert low.tolist() == pytest.approx([5.0, 10.0])
    assert high.tolist() == pytest.approx([95.0, 190.0])
    assert np.isnan(interval([1.0, np.nan], 1.0)).all()


@given(ARRAYS, st.floats(1.01, 2.0))
def test_what_moves_both_alike_decides_nothing(values, factor):
    below = values + 1.0
    assert probability_less(below, factor * below) == 1.0
    assert probability_less(factor * below, below) == 0.0
    assert probability_less(below, below) == 0.0


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=40).map(np.array))
def test_below_above_and_equal_are_all_there_is(pairs):
    first, second = pairs.T
    equal = float((first == second).mean())
    total = probability_less(first, second) + probability_less(second, first) + equal
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, 100_001])
def test_a_count_of_draws_that_cannot_be(count):
    with pytest.raises(StudyError, match="draws: got"):
        positions(named("a"), count, 0)


def test_a_seed_that_cannot_be():
    with pytest.raises(StudyError, match="seed: got -1"):
        positions(named("a"), 10, -1)


def test_results_that_do_not_compare():
    with pytest.raises(StudyError, match="same draws"):
        probability_less([1.0], [1.0, 2.0])
    with pytest.raises(StudyError, match="unknown"):
        probability_less([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(StudyError, match="no draw"):
        interval([], 1.0)


def test_figures_of_one_fit_are_drawn_as_they_are_correlated():
    # Parts 0.6 and 0.8 along two directions: correlations 0.6, -0.8 and 0 with these.
    parts = {"a": (1.0, 0.0), "b": (0.6, 0.8), "c": (0.0, -1.0), "d": ()}
    given_figures = {
        name: figure(2.0 + index, 1.0, 9.0).model_copy(
            update={"follows": tuple((f"fit {i}", part) for i, part in enumerate(along))}
        )
        for index, (name, along) in enumerate(parts.items())
    }
    at = positions(given_figures, 4000, 0)
    table = np.corrcoef([at[name] for name in parts])
    expected = np.array([[1, 0.6, 0, 0], [0.6, 1, -0.8, 0], [0, -0.8, 1, 0], [0, 0, 0, 1]])
    assert np.abs(table - expected).max() < 0.05
    for values in at.values():  # each alone has the distribution of all others
        assert (values < 0.0).sum() == 2000
        assert values.var() == pytest.approx(1 / 6, abs=2e-3)
