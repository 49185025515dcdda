"""Rungs: their epochs, who goes on, and what a curve is expected to become."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.engine.evidence import gains_of
from nas.engine.rungs import Climber, extrapolated, next_climber, promotions_allowed, rung_epochs


@pytest.mark.parametrize(
    ("epochs", "rungs"),
    [(1, (1,)), (2, (2,)), (3, (1, 3)), (9, (1, 3, 9)), (12, (1, 4, 12)), (30, (1, 3, 10, 30))],
)
def test_epochs_of_rungs(epochs, rungs):
    assert rung_epochs(epochs) == rungs


def climber(*errors, cost=1.0, climbing=False):
    return Climber(errors, np.array([[cost]]), climbing)


def gains_on(climbers, reached=()):
    corners = np.array([0.0, 0.0]), np.array([1.0, 10.0])
    known = np.array(reached).reshape(-1, 2)

    def gains(indices, mean, sd):
        rows = [np.array([[np.nan, climbers[i].costs[0, 0]]]) for i in indices]
        return gains_of(known, rows, (mean, sd), corners=corners, trained=[True, False])

    return gains


def test_one_in_three_goes_on():
    climbers = [climber(0.5), climber(0.4)]
    assert next_climber(climbers, (1, 3, 9), "gain", gains_on(climbers)) is None
    climbers += [climber(0.3)]
    assert promotions_allowed(climbers, 0, (1, 3, 9)) == 1
    assert next_climber(climbers, (1, 3, 9), "gain", gains_on(climbers)) == 2
    climbers[2] = climber(0.3, climbing=True)
    assert next_climber(climbers, (1, 3, 9), "gain", gains_on(climbers)) is None
    climbers[2] = climber(0.3, 0.2)
    assert next_climber(climbers, (1, 3, 9), "gain", gains_on(climbers)) is None


def test_one_in_four_goes_on_to_four_times_the_epochs():
    climbers = [climber(0.3), climber(0.4), climber(0.5)]
    assert next_climber(climbers, (1, 4), "gain", gains_on(climbers)) is None
    climbers += [climber(0.6)]
    assert next_climber(climbers, (1, 4), "gain", gains_on(climbers)) == 0


def test_higher_rungs_go_first():
    climbers = [climber(0.5, 0.4), climber(0.4, 0.3), climber(0.3, 0.2)]
    climbers += [climber(0.2 + 0.1 * index) for index in range(9)]
    assert promotions_allowed(climbers, 0, (1, 3, 9)) == 1
    assert next_climber(climbers, (1, 3, 9), "gain", gains_on(climbers)) == 2


@pytest.mark.parametrize("promotion", ["gain", "rank"])
def test_the_cheap_and_the_accurate_go_before_the_dominated(promotion):
    climbers = [climber(0.5, cost=1.0), climber(0.2, cost=8.0), climber(0.6, cost=9.0)] * 2
    first = next_climber(climbers, (1, 3), promotion, gains_on(climbers))
    assert first in (0, 1, 3, 4)
    assert next_climber([climber(0.9)] * 2, (1, 3), promotion, gains_on(climbers)) is None


def test_what_can_gain_nothing_does_not_go_on():
    climbers = [climber(0.5, cost=5.0) for _ in range(3)]
    assert next_climber(climbers, (1, 3), "gain", gains_on(climbers, [[1e-9, 0.5]])) is None
    assert next_climber(climbers, (1, 3), "rank", gains_on(climbers)) == 0


def test_the_net_takes_ends_before_the_middle():
    # one front: least error first, then the farthest from it
    climbers = [climber(0.3, cost=3.0), climber(0.1, cost=9.0), climber(0.5, cost=1.0)] * 3
    order = []
    for _ in range(3):
        order.append(next_climber(climbers, (1, 3), "rank", gains_on(climbers)))
        climbers[order[-1]] = Climber(
            climbers[order[-1]].errors, climbers[order[-1]].costs, climbing=True
        )
    assert {climbers[index].errors[0] for index in order[:2]} <= {0.1, 0.5}


def test_extrapolation_learns_the_fall_of_errors():
    rng = np.random.default_rng(0)
    starts = rng.uniform(0.1, 0.6, 40)
    curves = [(e, 0.5 * e**1.2, 0.5 * (0.5 * e**1.2) ** 1.1) for e in starts]
    told = [curve if index < 20 else curve[:1] for index, curve in enumerate(curves)]
    mean, sd = extrapolated(told, 3)
    truth = np.log([curve[-1] for curve in curves])
    assert np.abs(mean - truth)[20:].max() < 0.1
    assert (sd[:20] == 0).all()
    assert (sd[20:] > 0).all()
    assert sd[20:].max() < 0.25
    blind, wide = extrapolated([(0.4,)], 3)
    assert wide[0] > sd[20:].max()
    assert blind[0] == pytest.approx(np.log(0.4) - 0.6)


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=1, max_size=8))
def test_extrapolation_is_finite_and_more_rungs_say_more(errors):
    mean, sd = extrapolated(errors, 3)
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()
    for row, deviation in zip(errors, sd, strict=True):
        assert (deviation == 0) == (len(row) == 3)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=30),
    st.sampled_from(["gain", "rank"]),
)
def test_never_more_than_a_third_of_a_rung_leaves_it(drawn, promotion):
    climbers = [climber(0.5) for _ in drawn]
    for _ in range(60):
        chosen = next_climber(climbers, (1, 3, 9), promotion, gains_on(climbers))
        if chosen is None:
            break
        climbers[chosen] = climber(*climbers[chosen].errors, 0.4)
    for rung in (0, 1):
        reached = sum(len(c.errors) > rung for c in climbers)
        assert sum(len(c.errors) > rung + 1 for c in climbers) <= reached // 3
