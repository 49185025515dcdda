"""Grids: shipped figures against their sources, names, numbers given by users."""

import math

import pytest

from hardware_profiles.grid import custom_grid, grid, grid_names
from nas.errors import HardwareError


@pytest.mark.parametrize(
    ("name", "gco2e_per_kwh"),
    [
        # Our World in Data through codecarbon@b05965e4, 2023.
        ("fr", 56.039),
        ("no", 30.08),
        ("us", 369.473),
        ("cn", 582.317),
        ("world", 481),
        # Means over the hours of 2022 of the EIA bulk file.
        ("us-caiso", 256.19),
        ("us-pjm", 362.62),
        ("us-ercot", 347.2),
        # Means over the hours of 2022 of a regression on the same file.
        ("us-caiso-marginal", 358.77),
        ("us-pjm-marginal", 480.24),
        ("us-ercot-marginal", 540.52),
    ],
)
def test_figures_are_those_of_the_source(name, gco2e_per_kwh):
    assert grid(name).gco2e_per_kwh.value == gco2e_per_kwh


def test_every_grid_says_what_it_stands_for():
    assert len(grid_names()) > 50
    for name in grid_names():
        row = grid(name)
        assert name == name.lower()
        assert row.rate == ("marginal" if name.endswith("-marginal") else "average")
        direct = name.endswith("-direct")
        assert (row.flow, row.scope) == ("generation", "direct" if direct else "lifecycle")
        assert row.year is None if direct else 2020 <= row.year <= 2025
        assert row.gco2e_per_kwh.source


def test_a_marginal_rate_is_above_its_average_and_says_that_it_is_an_estimate():
    pairs = {name: grid(name).marginal for name in grid_names() if grid(name).marginal}
    assert sorted(pairs) == ["us-caiso", "us-ercot", "us-pjm"]
    for name, marginal in pairs.items():
        assert grid(marginal).gco2e_per_kwh.value > grid(name).gco2e_per_kwh.value
        assert grid(marginal).rate == "marginal" and grid(marginal).marginal is None
        assert "estimate by regression, not measured" in grid(marginal).label


def test_ranges_come_from_a_second_source_that_is_named():
    ranged = [name for name in grid_names() if grid(name).gco2e_per_kwh.low is not None]
    assert len(ranged) > 25
    for name in ranged:
        figure = grid(name).gco2e_per_kwh
        assert figure.low <= figure.value <= figure.high and figure.low < figure.high
        assert "range from" in figure.source or "low and high" in figure.source
        # Low and high of other tables seldom share the scope of the value; the source says so.
        if "range from" in figure.source:
            direct = ": direct)" in figure.source
            assert direct or "scope not given)" in figure.source
            spans = "spans" if direct else "may span"
            assert f"the range {spans} direct to life-cycle carbon" in figure.source
    # Taiwan by Our World in Data, and by Google as Cloud Carbon Footprint lists it.
    figure = grid("tw").gco2e_per_kwh
    assert (figure.low, figure.value, figure.high) == (541, 642.378, 642.378)


def test_an_unknown_grid_names_the_nearest():
    with pytest.raises(HardwareError, match="did you mean 'us-caiso'"):
        grid("us-ciso")


def test_a_number_makes_a_grid_that_knows_nothing_else():
    mine = custom_grid(37.5)
    assert mine.name == "37.5-gco2e-per-kwh"
    assert mine.gco2e_per_kwh.value == 37.5
    assert (mine.flow, mine.scope, mine.year) == (None, None, None)
    assert custom_grid(0).gco2e_per_kwh.value == 0


@pytest.mark.parametrize("number", [-1.0, math.nan, math.inf, "380", True, None])
def test_what_is_no_finite_number_of_0_or_more_is_refused(number):
    with pytest.raises(HardwareError, match="give a finite number"):
        custom_grid(number)
