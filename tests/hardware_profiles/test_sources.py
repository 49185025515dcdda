"""Grids from a mix of sources: factor sets of one source each, shares that sum to one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.sources import factor_set, factor_set_names, mix_grid
from nas.errors import HardwareError


@pytest.mark.parametrize(
    ("name", "source", "gco2e_per_kwh", "scope"),
    [
        # data/carbon/grid_by_source.csv, read from the repositories named there.
        ("act-2022", "coal", 820, "lifecycle"),
        ("act-2022", "gas", 490, "lifecycle"),
        ("act-2022", "wind", 11, "lifecycle"),
        ("carbon-explorer", "oil", 650, "lifecycle"),
        ("carbon-explorer", "other", 230, "lifecycle"),
        ("codecarbon", "gas", 743, None),
        ("codecarbon", "hydropower", 26, None),
    ],
)
def test_factors_are_those_of_the_source(name, source, gco2e_per_kwh, scope):
    assert factor_set(name).factor(source) == gco2e_per_kwh
    assert factor_set(name).scope == scope


def test_a_mix_is_the_sum_of_share_times_factor():
    # 0.6 x 11 + 0.4 x 490 = 202.6
    mix = mix_grid({"wind": 0.6, "gas": 0.4})
    assert mix.gco2e_per_kwh.value == pytest.approx(202.6, rel=1e-12)
    assert (mix.rate, mix.flow, mix.scope) == ("average", "generation", "lifecycle")
    assert "factors act-2022" in mix.gco2e_per_kwh.source
    assert mix_grid({"gas": 1.0}, factors="codecarbon").gco2e_per_kwh.value == 743
    own = mix_grid({"gas": 0.5, "tide": 0.5}, factors={"gas": 500, "tide": 20})
    assert own.gco2e_per_kwh.value == 260
    assert own.scope is None and "given by the user" in own.gco2e_per_kwh.source


@given(
    st.dictionaries(
        st.sampled_from(sorted(factor_set("act-2022").gco2e_per_kwh)),
        st.floats(0.01, 1.0),
        min_size=1,
    )
)
def test_a_mix_lies_between_its_cleanest_and_its_dirtiest_source(weights):
    total = math.fsum(weights.values())
    shares = {source: weight / total for source, weight in weights.items()}
    factors = [factor_set("act-2022").factor(source) for source in shares]
    value = mix_grid(shares).gco2e_per_kwh.value
    assert min(factors) * (1 - 1e-9) <= value <= max(factors) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("shares", "factors", "message"),
    [
        ({"wind": 0.5}, "act-2022", "sum to 0.5"),
        ({"wind": 1.5, "gas": -0.5}, "act-2022", "share from 0 to 1"),
        ({"wind": math.nan}, "act-2022", "share from 0 to 1"),
        ({"wind": "all"}, "act-2022", "share from 0 to 1"),
        ({}, "act-2022", "give shares by source"),
        ({"oil": 1.0}, "act-2022", "act-2022 has none; it has biomass"),
        ({"wind": 1.0}, "act-2021", "use act-2022 or"),
        ({"wind": 1.0}, {"wind": -1.0}, "factors: gco2e_per_kwh.wind"),
    ],
)
def test_what_is_no_mix_is_refused(shares, factors, message):
    with pytest.raises(HardwareError, match=message):
        mix_grid(shares, factors=factors)


def test_every_set_names_its_source():
    assert factor_set_names() == ("act-2022", "carbon-explorer", "codecarbon")
    assert all(factor_set(name).source for name in factor_set_names())
