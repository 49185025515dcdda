"""Shipped month x hour means: their shape, their mean, and what they say they are."""

import numpy as np
import pytest

from hardware_profiles.grid import grid
from hardware_profiles.hours import (
    DAYS_OF_MONTH,
    hourly_means,
    hourly_means_names,
    hourly_means_text,
    year_of,
)
from nas.errors import HardwareError


@pytest.mark.parametrize("name", hourly_means_names())
@pytest.mark.parametrize("rate", ["average", "marginal"])
def test_the_mean_of_the_means_is_that_of_the_year(name, rate):
    means = hourly_means(name, rate)
    assert means.shape == (12, 24)
    row = grid(name) if rate == "average" else grid(grid(name).marginal)
    year = float(np.average(means.mean(axis=1), weights=DAYS_OF_MONTH))
    # Gaps and faulty hours make the two differ by a little.
    assert year == pytest.approx(row.gco2e_per_kwh.value, rel=2e-3)
    assert year_of(name) == row.year == 2022


def test_california_is_cleanest_when_the_sun_shines():
    may = hourly_means("us-caiso")[4]
    # 20:00 UTC is noon in standard time, 04:00 UTC eight in the evening.
    assert may[20] < 0.5 * may[4]


def test_marginal_is_above_average():
    for name in hourly_means_names():
        assert hourly_means(name, "marginal").mean() > hourly_means(name).mean()


def test_they_say_what_they_are():
    text = hourly_means_text("us-pjm")
    assert "not a trace" in text and "not measured" in text
    assert "23 hours without data and 5 faulty hours left out" in text


def test_other_grids_have_none():
    with pytest.raises(HardwareError, match="'fr': has no hourly means; known for us-caiso"):
        hourly_means("fr")
    with pytest.raises(HardwareError, match="use average or marginal"):
        hourly_means("us-caiso", "mean")
