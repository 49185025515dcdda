"""A load behind a plant and a battery: energy is conserved, carbon adds up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hardware_profiles.traces import Trace
from nas.carbon.onsite import Battery, net_supply
from nas.errors import StudyError

WATTS = st.just(0.0) | st.floats(1e-6, 1e4)
BATTERIES = st.builds(
    Battery,
    capacity_wh=st.floats(0.1, 1e5),
    power_w=st.floats(0.1, 1e4),
    round_trip=st.floats(0.3, 1.0),
    embodied_gco2e=st.floats(0, 1e6),
    life_years=st.floats(1, 20),
)


def trace_of(values):
    values = np.asarray(values, dtype=float)
    hours = np.datetime64("2022-01-01T00", "h") + np.arange(len(values))
    empty = hours[:0]
    return Trace("made", hours, values, "average", None, None, "made up", (), empty, False)


def test_three_hours_by_hand():
    # Load 10 W. Plant 0, 30, 0 W. Battery 8 Wh, 100 W, round trip 0.64 (0.8 each way).
    # Hour 1: grid 10. Hour 2: direct 10, room 8 / 0.8 = 10 charged, 10 curtailed, 8 held.
    # Hour 3: gives 8 x 0.8 = 6.4, grid 3.6.
    battery = Battery(8.0, 100.0, 0.64, embodied_gco2e=8760.0, life_years=1.0)
    found = net_supply(
        10.0,
        trace_of([500.0, 500.0, 1000.0]),
        [0.0, 30.0, 0.0],
        battery=battery,
        onsite_gco2e_per_kwh=40.0,
    )
    assert (found.load_wh, found.generation_wh) == (30.0, 30.0)
    assert (found.direct_wh, found.charged_wh, found.curtailed_wh) == (10.0, 10.0, 10.0)
    assert (found.battery_wh, found.grid_wh) == pytest.approx((6.4, 13.6))
    assert found.stored_wh == pytest.approx(0.0, abs=1e-12)
    assert found.grid_gco2e == pytest.approx(0.010 * 500 + 0.0036 * 1000)
    assert found.onsite_gco2e == pytest.approx(0.030 * 40)  # curtailed energy was made, too
    assert found.battery_gco2e == pytest.approx(3.0)  # 3 of 8,760 hours
    assert found.gco2e_per_kwh == pytest.approx((8.6 + 1.2 + 3.0) / 0.030)
    assert found.own_share == pytest.approx(16.4 / 30)


@settings(max_examples=60)
@given(
    arrays(float, 48, elements=WATTS),
    arrays(float, 48, elements=WATTS),
    st.none() | BATTERIES,
)
def test_energy_is_conserved(load, made, battery):
    if load.sum() == 0.0:
        return
    found = net_supply(load, trace_of(np.full(48, 300.0)), made, battery=battery)
    close = {"rel": 1e-9, "abs": 1e-6}
    assert found.direct_wh + found.battery_wh + found.grid_wh == pytest.approx(load.sum(), **close)
    assert found.direct_wh + found.charged_wh + found.curtailed_wh == pytest.approx(
        made.sum(), **close
    )
    one_way = math.sqrt(battery.round_trip) if battery else 1.0
    held = found.charged_wh * one_way - found.battery_wh / one_way
    assert found.stored_wh == pytest.approx(held, **close)
    parts = [found.direct_wh, found.charged_wh, found.curtailed_wh, found.battery_wh, found.grid_wh]
    assert min(parts) >= -1e-9
    if battery:
        assert found.stored_wh <= battery.capacity_wh * (1 + 1e-9)
    assert found.grid_gco2e == pytest.approx(0.3 * found.grid_wh, **close)


@settings(max_examples=60)
@given(
    arrays(float, 24, elements=WATTS), arrays(float, 24, elements=WATTS), BATTERIES,
    st.floats(0, 1000),
)  # fmt: skip
def test_own_energy_never_takes_more_from_the_grid(load, made, battery, intensity):
    if load.sum() == 0.0:
        return
    trace = trace_of(np.full(24, intensity))
    bare = net_supply(load, trace, 0.0)
    plant = net_supply(load, trace, made)
    both = net_supply(load, trace, made, battery=battery)
    assert bare.grid_wh == pytest.approx(load.sum())
    assert bare.gco2e_per_kwh == pytest.approx(intensity)
    assert plant.grid_wh <= bare.grid_wh * (1 + 1e-12)
    assert both.grid_wh <= plant.grid_wh * (1 + 1e-12)
    assert both.curtailed_wh <= plant.curtailed_wh + 1e-9


def test_the_battery_carries_its_own_carbon():
    used = {"capacity_wh": 50.0, "power_w": 20.0, "round_trip": 0.9, "life_years": 10.0}
    sun = [0.0] * 8 + [25.0] * 8 + [0.0] * 8
    light = net_supply(10.0, [400.0] * 24, sun, battery=Battery(embodied_gco2e=0.0, **used))
    heavy = net_supply(10.0, [400.0] * 24, sun, battery=Battery(embodied_gco2e=87e3, **used))
    # A year of 87 kg over ten years, on 87.6 kWh of load: 8.7 kg / 87.6 kWh.
    assert heavy.battery_gco2e == pytest.approx(8700.0)
    assert heavy.gco2e_per_kwh - light.gco2e_per_kwh == pytest.approx(8700.0 / 87.6)


def test_gaps_are_told_and_counted_like_the_other_hours():
    found = net_supply(10.0, trace_of([200.0, math.nan, 400.0, 600.0]), 0.0)
    assert found.unpriced_wh == 10.0
    assert found.grid_gco2e == pytest.approx(12.0)
    assert found.gco2e_per_kwh == pytest.approx(400.0)
    with pytest.raises(StudyError, match="unknown in every hour that the grid serves"):
        net_supply([0.0, 1.0], trace_of([200.0, math.nan]), 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_wh": 0.0}, "battery capacity_wh: got 0"),
        ({"power_w": -1.0}, "battery power_w"),
        ({"round_trip": 1.1}, "battery round_trip: got 1.1"),
        ({"embodied_gco2e": math.nan}, "battery embodied_gco2e: got nan"),
        ({"life_years": 0.0}, "battery life_years"),
    ],
)
def test_a_battery_out_of_range_is_refused(change, message):
    good = {
        "capacity_wh": 1.0,
        "power_w": 1.0,
        "round_trip": 0.9,
        "embodied_gco2e": 1.0,
        "life_years": 1.0,
    }
    with pytest.raises(StudyError, match=message):
        Battery(**(good | change))


def test_a_load_of_nothing_is_refused():
    with pytest.raises(StudyError, match="load_w: is 0 in every hour"):
        net_supply(0.0, [1.0] * 24, 5.0)
    with pytest.raises(StudyError, match="generation_w: got -1"):
        net_supply(1.0, [1.0] * 24, -1.0)
