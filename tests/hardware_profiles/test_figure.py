"""Figures: sourced, finite, with an ordered range."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hardware_profiles.figure import Figure

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(numbers, min_size=3, max_size=3))
def test_a_range_around_the_value_is_kept_and_any_other_is_refused(three):
    low, value, high = three
    fields = {"value": value, "low": low, "high": high, "source": "s", "basis": "measured"}
    if low <= value <= high:
        assert Figure(**fields).numbers() == (value, low, high)
    else:
        with pytest.raises(ValidationError, match="order them"):
            Figure(**fields)


@pytest.mark.parametrize("value", [math.nan, math.inf, "3", True, None])
def test_a_value_is_a_finite_number(value):
    with pytest.raises(ValidationError):
        Figure(value=value, source="s", basis="measured")


@pytest.mark.parametrize("source", ["", "   "])
def test_a_source_is_not_blank(source):
    with pytest.raises(ValidationError):
        Figure(value=1.0, source=source, basis="measured")


def test_an_assumption_needs_a_range():
    with pytest.raises(ValidationError, match="give low and high"):
        Figure(value=1.0, source="s", basis="assumed")


def test_a_figure_cannot_change():
    figure = Figure(value=1.0, source="s", basis="measured")
    with pytest.raises(ValidationError):
        figure.value = 2.0
