"""Axes: where values land and which ticks they get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import FrontError
from nas.report.axes import axis_for, short_unit


def test_decades_are_drawn_logarithmically():
    axis = axis_for([1e-6, 1e-3], "carbon", "gCO2e")
    assert axis.log
    assert [text for _, text in axis.ticks] == ["1 µg", "10 µg", "100 µg", "1 mg"]
    middle = axis.place(10**-4.5)
    assert float(middle) == pytest.approx(0.5)


def test_two_decades_get_ticks_between():
    texts = [text for _, text in axis_for([0.001, 0.02], "latency", "s").ticks]
    assert texts == ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"]


def test_less_than_a_decade_is_linear():
    axis = axis_for([0.1, 0.4], "error", "1", tick=lambda value: f"{100 * value:g} %")
    assert not axis.log
    assert [text for _, text in axis.ticks] == ["10 %", "20 %", "30 %", "40 %"]


def test_zero_among_decades_has_a_place_below_the_rest():
    axis = axis_for([0.0, 0.01, 0.5], "error", "1")
    assert axis.log
    assert axis.ticks[0][1] == "0"
    places = axis.place([0.0, 0.01, 0.5])
    assert 0.0 <= places[0] < places[1] < places[2] <= 1.0


def test_one_value_and_negative_values_have_an_axis():
    assert float(axis_for([3.0], "x", "1").place(3.0)) == pytest.approx(0.5)
    assert float(axis_for([0.0], "x", "1").place(0.0)) < 1.0
    assert not axis_for([-1.0, 500.0], "x", "1").log


def test_linear_can_be_asked_for():
    assert not axis_for([1.0, 500.0], "trainings", "1", linear=True).log


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")]])
def test_nothing_to_draw_is_refused(values):
    with pytest.raises(FrontError, match="no finite values"):
        axis_for(values, "carbon", "gCO2e")


@given(st.lists(st.floats(1e-15, 1e15) | st.just(0.0), min_size=1, max_size=20))
def test_values_and_ticks_are_inside(values):
    axis = axis_for(values, "x", "1")
    places = axis.place(values)
    assert ((places >= -1e-9) & (places <= 1 + 1e-9)).all()
    for tick, _ in axis.ticks:
        assert -1e-9 <= float(axis.place(tick)) <= 1 + 1e-9


def test_units_on_ticks_are_short():
    assert short_unit("2 µgCO2e") == "2 µg"
    assert short_unit("3 tCO2e") == "3 t"
