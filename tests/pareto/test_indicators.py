"""Laws and hand-worked values of the indicators between fronts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from nas.errors import FrontError
from nas.pareto import coverage, epsilon, igd_plus, kendall_tau, rank_agreement

fronts = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.integers(0, 5))
columns = arrays(np.float64, 7, elements=st.integers(-3, 3))


def test_indicators_by_hand():
    ours, reference = [[1.0, 2.0], [0.0, 3.0]], [[0.0, 0.0]]
    # Shift both objectives of (1, 2) by 2 to reach the origin; (0, 3) would need 3.
    assert epsilon(ours, reference) == pytest.approx(2.0)
    # Distances from the origin: sqrt(1 + 4) and 3; the nearer counts.
    assert igd_plus(ours, reference) == pytest.approx(np.sqrt(5.0))
    assert coverage([[1, 2]], [[1, 2], [2, 2], [0, 9]]) == pytest.approx(2 / 3)


@given(fronts)
def test_a_front_is_at_no_distance_from_itself(front):
    assert epsilon(front, front) == pytest.approx(0.0)
    assert igd_plus(front, front) == pytest.approx(0.0)
    assert coverage(front, front) == 1.0


@given(fronts, fronts)
def test_coverage_and_epsilon_agree(ours, theirs):
    assert (coverage(ours, theirs) == 1.0) == (epsilon(ours, theirs) <= 0.0)


def test_empty_or_unlike_fronts_are_refused():
    with pytest.raises(FrontError, match="a front is empty"):
        coverage(np.zeros((0, 2)), [[1, 2]])
    with pytest.raises(FrontError, match="1 and 2 objectives"):
        epsilon([[1.0]], [[1, 2]])


def test_rank_agreement_by_hand():
    assert rank_agreement([1, 2, 3], [10, 100, 1000]) == pytest.approx(1.0)
    assert rank_agreement([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    # Ranks 1,2,3,4 against 2,1,4,3: 1 - 6 * 4 / (4 * 15) = 0.6.
    assert rank_agreement([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    # Ties get mean ranks: 1.5,1.5,3 against 1,2,3 -> 1.5 / sqrt(1.5 * 2).
    assert rank_agreement([5, 5, 9], [1, 2, 3]) == pytest.approx(1.5 / np.sqrt(3.0))


def test_rank_agreement_is_unknown_without_variation():
    assert rank_agreement([1.0], [2.0]) is None
    assert rank_agreement([1.0, 1.0], [2.0, 3.0]) is None
    with pytest.raises(FrontError, match="2 values against 1"):
        rank_agreement([1.0, 2.0], [1.0])


@given(columns, columns)
def test_rank_agreement_is_symmetric_and_ignores_monotone_maps(first, second):
    value = rank_agreement(first, second)
    assert rank_agreement(second, first) == pytest.approx(value)
    assert rank_agreement(np.exp(first), second) == pytest.approx(value)


def test_kendall_tau_by_hand():
    assert kendall_tau([1, 2, 3], [10, 100, 1000]) == pytest.approx(1.0)
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    # Of six pairs one is the other way: (5 - 1) / 6.
    assert kendall_tau([1, 2, 3, 4], [2, 1, 3, 4]) == pytest.approx(4 / 6)
    # One pair tied on the left, two ordered alike: 2 / sqrt((3 - 1) * 3).
    assert kendall_tau([5, 5, 9], [1, 2, 3]) == pytest.approx(2 / np.sqrt(6.0))


def test_kendall_tau_is_unknown_without_variation():
    assert kendall_tau([1.0], [2.0]) is None
    assert kendall_tau([1.0, 1.0], [2.0, 3.0]) is None
    with pytest.raises(FrontError, match="2 values against 1"):
        kendall_tau([1.0, 2.0], [1.0])


@given(st.integers(2, 300), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_kendall_tau_is_that_of_scipy(count, different, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, different, (2, count)).astype(float)
    expected = kendalltau(first, second).statistic
    found = kendall_tau(first, second)
    assert np.isnan(expected) if found is None else found == pytest.approx(expected)
