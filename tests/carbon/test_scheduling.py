"""The cleanest hours before a deadline: by hand, against brute force, and as laws."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon.scheduling import Intensity, cleanest_shares, is_time_to_run, start_now_shares
from nas.errors import StudyError

HOURS = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=8)


def test_the_mean_of_steps_by_hand():
    steps = Intensity((0.0, 10.0, 30.0), (100.0, 400.0, 50.0))
    # 5 s at 100, 20 s at 400, 5 s at 50: (500 + 8000 + 250) / 30
    assert steps.mean(5, 35) == pytest.approx(8750 / 30)
    assert steps.mean(12, 12) == steps.at(12) == 400
    assert steps.at(-5) == 100
    assert steps.mean(40, 50) == 50


@pytest.mark.parametrize(
    ("moments", "values"), [((), ()), ((0.0, 0.0), (1.0, 1.0)), ((0.0,), (-1.0,))]
)
def test_steps_that_tell_nothing_are_refused(moments, values):
    with pytest.raises(StudyError, match="intensity: give one finite value"):
        Intensity(moments, values)


def test_the_cleanest_hours_are_filled_in_order():
    assert cleanest_shares([300, 100, 200, 100], 2.5).tolist() == [0, 1, 0.5, 1]
    assert start_now_shares([300, 100, 200, 100], 2.5).tolist() == [1, 1, 0.5, 0]
    assert cleanest_shares([np.nan, 900], 1).tolist() == [0, 1]
    with pytest.raises(StudyError, match="work: 3 h do not fit into 2 h"):
        cleanest_shares([1, 2], 3)


@given(HOURS, st.data())
def test_no_choice_of_whole_hours_emits_less(hours, data):
    work = data.draw(st.integers(0, len(hours)))
    shares = cleanest_shares(hours, work)
    best = min(sum(chosen) for chosen in itertools.combinations(hours, work))
    assert shares.sum() == work
    assert shares @ np.array(hours) == pytest.approx(best)
    assert shares @ np.array(hours) <= start_now_shares(hours, work) @ np.array(hours) + 1e-9


@given(HOURS, st.data())
def test_deciding_hour_by_hour_reaches_the_minimum(hours, data):
    left = data.draw(st.integers(0, len(hours)))
    best = float(cleanest_shares(hours, left) @ np.array(hours))
    emitted = 0.0
    for hour in range(len(hours)):
        if left and is_time_to_run(hours[hour:], left):
            emitted, left = emitted + hours[hour], left - 1
    assert left == 0
    assert emitted == pytest.approx(best)


def test_what_no_longer_fits_runs_at_once():
    assert is_time_to_run([900.0, 1.0], 5)
    assert is_time_to_run([], 1)
