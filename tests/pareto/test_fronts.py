"""Laws and hand-worked values of fronts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.errors import FrontError
from nas.pareto import hypervolume, knee, non_dominated, spans_decades

small = st.integers(0, 6).map(float)
tables = st.tuples(st.integers(1, 12), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=small)
)


def _dominates(a, b):
    return bool((a <= b).all() and (a < b).any())


@given(tables)
def test_non_dominated_equals_the_definition(values):
    expected = [not any(_dominates(other, row) for other in values) for row in values]
    assert non_dominated(values).tolist() == expected


@given(tables)
def test_every_point_is_covered_by_the_front(values):
    front = values[non_dominated(values)]
    assert len(front)
    for row in values:
        assert (front <= row).all(axis=1).any()


def test_equal_points_are_all_kept_and_one_objective_works():
    assert non_dominated([[1, 2], [1, 2], [2, 2]]).tolist() == [True, True, False]
    assert non_dominated([[3.0], [1.0], [1.0]]).tolist() == [False, True, True]
    assert non_dominated(np.zeros((0, 3))).tolist() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_unknown_values_are_refused(bad):
    with pytest.raises(FrontError, match=r"1 of 2 points hold NaN.*row 1.*remove"):
        non_dominated([[0.0, 1.0], [bad, 2.0]])


def test_wrong_shape_is_refused():
    with pytest.raises(FrontError, match=r"shape \(3,\), give \(points, objectives\)"):
        non_dominated([1.0, 2.0, 3.0])


def test_hypervolume_by_hand():
    # Boxes to (4, 4): (1,2) -> 3 x 2 = 6; (0,3) adds a strip 1 x 1 = 1; (5,5) lies outside.
    assert hypervolume([[1, 2], [0, 3], [5, 5]], [4, 4]) == pytest.approx(7.0)
    assert hypervolume([[1.0], [3.0]], [4.0]) == pytest.approx(3.0)
    assert hypervolume(np.zeros((0, 2)), [4, 4]) == 0.0


def test_hypervolume_refuses_a_reference_of_another_size():
    with pytest.raises(FrontError, match="give 2 finite values"):
        hypervolume([[1, 2]], [4, 4, 4])


@given(tables, st.data())
def test_hypervolume_grows_with_points_and_ignores_dominated_ones(values, data):
    corner = np.full(values.shape[1], 7.0)
    whole = hypervolume(values, corner)
    keep = data.draw(st.integers(0, len(values)))
    assert hypervolume(values[:keep], corner) <= whole + 1e-9
    assert hypervolume(values[non_dominated(values)], corner) == pytest.approx(whole)


def test_spans_decades():
    assert spans_decades([1e-6, 1e-5])
    assert not spans_decades([1e-6, 9e-6])
    assert not spans_decades([0.0, 100.0])
    assert not spans_decades([])


def test_knee_by_hand():
    # Extremes (0, 1) and (1, 0); sums 1, 0.3, 0.9, 1. The dominated (0.5, 0.5) is not considered.
    assert knee([[0, 1], [0.1, 0.2], [0.85, 0.05], [1, 0], [0.5, 0.5]]) == 1


def test_knee_weighs_decades_by_their_logarithm():
    # Errors 0.5, 0.2, 0.1 cost 1, 10, 1000. Scaled linearly the second has sum 0.25 + 0.009; by
    # the logarithm 0.25 + 1/3; the extremes have 1.
    assert knee([[0.5, 1], [0.2, 10], [0.1, 1000]]) == 1
    # At 900 of 1000 the logarithm is 0.985: the extremes' sum 1 is the smaller one.
    assert knee([[0.5, 1], [0.2, 900], [0.1, 1000]]) == 0


@given(tables)
def test_knee_is_on_the_front_and_keeps_under_scaling(values):
    index = knee(values)
    assert non_dominated(values)[index]
    assert knee(values * 4.0) == index


def test_knee_needs_a_point():
    with pytest.raises(FrontError, match="no point"):
        knee(np.zeros((0, 2)))
