"""Carbon by the hour: weighted means, carbon-free shares, the cleanest window."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hardware_profiles.hours import hourly_means
from hardware_profiles.traces import Trace
from nas.carbon.hourly import best_window, cfe_share, month_x_hour_means, weighted_gco2e_per_kwh
from nas.errors import StudyError

AMOUNTS = st.floats(0, 1e6)


def trace_of(values, start="2022-01-01T00"):
    values = np.asarray(values, dtype=float)
    hours = np.datetime64(start, "h") + np.arange(len(values))
    empty = hours[:0]
    return Trace("made", hours, values, "average", None, None, "made up", (), empty, False)


def test_a_load_in_the_clean_hours_weighs_them_only():
    trace = trace_of([100.0] * 6 + [400.0] * 18)
    assert weighted_gco2e_per_kwh(trace) == 325.0
    assert weighted_gco2e_per_kwh(trace, [1.0] * 6 + [0.0] * 18) == 100.0
    # (6 x 3 x 100 + 18 x 1 x 400) / (18 + 18) = 250
    mean = weighted_gco2e_per_kwh(trace, [3.0] * 6 + [1.0] * 18)
    assert mean == pytest.approx(250.0, rel=1e-12)


def test_gaps_are_left_out_load_and_all():
    assert weighted_gco2e_per_kwh(trace_of([100.0, math.nan, 300.0]), [1.0, 5.0, 3.0]) == 250.0
    with pytest.raises(StudyError, match="0 in every hour with a known intensity"):
        weighted_gco2e_per_kwh(trace_of([100.0, math.nan]), [0.0, 1.0])


def test_means_weigh_months_by_their_days():
    means = np.zeros((12, 24))
    means[1] = 365.0  # February alone: 28 of 365 days
    assert weighted_gco2e_per_kwh(means) == pytest.approx(28.0)
    assert weighted_gco2e_per_kwh(np.arange(24.0)) == pytest.approx(11.5)


def test_a_trace_of_a_year_is_told_its_months():
    load = np.zeros((12, 24))
    load[6, 20] = 1.0
    values = np.zeros(8760)
    values[np.arange(8760) % 24 == 20] = 7.0
    assert weighted_gco2e_per_kwh(trace_of(values), load) == 7.0


@given(arrays(float, 24, elements=AMOUNTS), arrays(float, 24, elements=AMOUNTS))
def test_a_weighted_mean_lies_within_and_keeps_units(values, load):
    if load.max() == 0.0:
        return
    mean = weighted_gco2e_per_kwh(values, load)
    assert values.min() * (1 - 1e-9) <= mean <= values.max() * (1 + 1e-9)
    assert weighted_gco2e_per_kwh(3.0 * values, load) == pytest.approx(3.0 * mean)
    assert weighted_gco2e_per_kwh(values, load * 1024.0) == pytest.approx(mean)


def test_cfe_by_hand():
    # Covered 1 + 2 + 0 of 6; what is left over in the second hour does not count in the third.
    assert cfe_share([2.0, 2.0, 2.0], [1.0, 9.0, 0.0]) == 0.5


@given(arrays(float, 24, elements=AMOUNTS), arrays(float, 24, elements=AMOUNTS))
def test_cfe_is_a_share_and_more_energy_never_lowers_it(load, free):
    if load.max() == 0.0:
        return
    share = cfe_share(load, free)
    assert 0.0 <= share <= 1.0 + 1e-12
    assert cfe_share(load, free + 1.0) >= share - 1e-12
    assert cfe_share(load, load) == pytest.approx(1.0)


@pytest.mark.parametrize("length", [1, 3, 8, 12, 23])
def test_the_best_window_of_a_sine_is_the_closed_form(length):
    hours = np.arange(24 * 14)
    trace = trace_of(300.0 + 100.0 * np.cos(2 * np.pi * hours / 24))
    found = best_window(trace, length)
    # n samples around the trough of a cosine of period 24 have the mean
    # -A sin(n pi / 24) / (n sin(pi / 24)); an even n puts the trough half an hour off.
    closed = 100.0 * math.sin(length * math.pi / 24) / (length * math.sin(math.pi / 24))
    offset = 1.0 if length % 2 else math.cos(math.pi / 24)
    assert found.saving_gco2e_per_kwh == pytest.approx(closed * offset)


@given(st.lists(st.floats(1, 1000), min_size=3, max_size=30), st.integers(1, 3))
def test_the_best_window_by_brute_force(values, length):
    found = best_window(trace_of(values), length)
    means = [np.mean(values[at : at + length]) for at in range(len(values) - length + 1)]
    assert found.gco2e_per_kwh == pytest.approx(min(means))
    first = int((found.start - np.datetime64("2022-01-01T00", "h")).astype(int))
    assert means[first] == pytest.approx(min(means))


def test_a_window_never_includes_a_gap():
    trace = trace_of([math.nan, 1.0, math.nan, 5.0, 5.0])
    assert best_window(trace, 2).gco2e_per_kwh == 5.0
    with pytest.raises(StudyError, match="every span of 3 hours has a gap"):
        best_window(trace, 3)


def test_means_of_a_trace_undo_its_making():
    means = hourly_means("us-pjm")
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    values = np.concatenate([np.tile(means[month], days[month]) for month in range(12)])
    assert month_x_hour_means(trace_of(values)) == pytest.approx(means)
    assert np.isnan(month_x_hour_means(trace_of([5.0]))[0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: weighted_gco2e_per_kwh([1.0, 2.0]), "got shape \\(2,\\)"),
        (lambda: weighted_gco2e_per_kwh([math.nan] * 24), "got nan"),
        (lambda: weighted_gco2e_per_kwh([1.0] * 24, [1.0] * 7), "load: got shape \\(7,\\)"),
        (lambda: weighted_gco2e_per_kwh([1.0] * 24, -1.0), "load: got -1"),
        (lambda: cfe_share([1.0], [1.0, 2.0]), "beside a load of \\(1,\\)"),
        (lambda: cfe_share([0.0], [1.0]), "0 in every hour"),
        (lambda: cfe_share([1.0], [-1.0]), "carbon_free_wh: got -1"),
        (lambda: best_window(trace_of([1.0]), 2), "the trace has 1"),
        (lambda: best_window(trace_of([1.0]), 0), "whole number of 1 or more"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(StudyError, match=message):
        call()
