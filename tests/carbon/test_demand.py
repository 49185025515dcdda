"""Demand: one equation, closed from volume or from time, for one device, a pool or a fleet."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import HOURS_PER_YEAR, Demand, allocate, close_demand, share_gco2e
from nas.errors import StudyError

ECF = (583 * 2.15 + 275 + 500) / 0.875 + 150
LIFE_H = 35_064.0
LIFE_S = 4 * 8760 * 3600.0
occupancies = st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=5)
shares = st.floats(0.01, 1.0)
years = st.floats(0.5, 10.0)


@pytest.mark.parametrize("both", [{}, {"inferences": 1e9, "busy_share": 0.3}])
def test_volume_and_time_together_or_neither_shows_the_equation(both):
    with pytest.raises(StudyError, match=r"N \* tau = D \* LT \* 3600 \* u"):
        Demand(lifetime_years=4, **both)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lifetime_years", 0),
        ("lifetime_years", float("nan")),
        ("lifetime_years", "4"),
        ("lifetime_years", None),
        ("inferences", 0),
        ("inferences", float("inf")),
        ("devices", 0),
        ("devices", 1.5),
        ("devices", True),
        ("powered_share", 1.2),
        ("powered_share", 0),
        ("powered_share", None),
    ],
)
def test_a_demand_out_of_range_names_its_key(name, value):
    plain = {"lifetime_years": 4, "inferences": 1e9} | {name: value}
    with pytest.raises(StudyError, match=rf"^demand\.{name}: got .*; give a"):
        Demand(**plain)


def test_a_device_cannot_be_busier_than_powered():
    with pytest.raises(StudyError, match=r"demand\.busy_share: got 0\.6; .*at most 0\.5"):
        Demand(lifetime_years=4, busy_share=0.6, powered_share=0.5)


def test_fixed_volume_by_hand():
    # 1e9 * 0.02 s / (4 * 8760 h * 3600) = 2e7 / 126,144,000 = 0.158549
    closed = close_demand(Demand(lifetime_years=4, inferences=1e9), 0.02)
    assert HOURS_PER_YEAR == 8760
    assert closed.busy_share == pytest.approx(0.158549, abs=1e-6)
    assert closed.keeps_up
    assert closed.devices_needed == 1


def test_fixed_time_by_hand():
    # 2 * 126,144,000 s * 0.3 / 0.02 s = 3.78432e9 inferences
    closed = close_demand(Demand(lifetime_years=4, busy_share=0.3, devices=2), 0.02)
    assert closed.inferences == pytest.approx(3.78432e9, rel=1e-12)
    assert closed.keeps_up
    assert closed.devices_needed == 2


def test_a_device_that_does_not_keep_up_says_how_many_would():
    # 1e9 * 0.5 s = 5e8 busy seconds of 126,144,000 each: u 3.96 on one device, 4 devices needed;
    # powered half the time, 7.93: 8 devices
    closed = close_demand(Demand(lifetime_years=4, inferences=1e9), [0.02, 0.5])
    assert closed.busy_share[1] == pytest.approx(3.9637, abs=1e-4)
    assert closed.keeps_up.tolist() == [True, False]
    assert closed.devices_needed.tolist() == [1, 4]
    half = close_demand(Demand(lifetime_years=4, inferences=1e9, powered_share=0.5), 0.5)
    assert half.devices_needed == 8
    assert close_demand(Demand(lifetime_years=4, inferences=1e9, devices=4), 0.5).keeps_up


@given(tau=occupancies, busy=shares, lifetime=years, devices=st.integers(1, 1000))
def test_demand_closes_and_fixed_time_equals_fixed_volume(tau, busy, lifetime, devices):
    tau = np.array(tau)
    by_time = close_demand(Demand(lifetime_years=lifetime, busy_share=busy, devices=devices), tau)
    life_s = lifetime * HOURS_PER_YEAR * 3600
    assert by_time.inferences * tau == pytest.approx(devices * life_s * busy, rel=1e-9)
    first = float(by_time.inferences[0])
    by_volume = close_demand(
        Demand(lifetime_years=lifetime, inferences=first, devices=devices), tau[:1]
    )
    assert by_volume.busy_share[0] == pytest.approx(busy, rel=1e-9)
    assert by_volume.keeps_up.all()
    assert by_volume.devices_needed[0] <= devices


@given(tau=st.floats(1e-6, 100.0), n=st.floats(1, 1e12), powered=shares)
def test_the_devices_needed_are_enough_and_one_less_is_not(tau, n, powered):
    def closed(devices):
        return close_demand(
            Demand(lifetime_years=4, inferences=n, devices=devices, powered_share=powered), tau
        )

    needed = int(closed(1).devices_needed)
    assert closed(needed).keeps_up
    if needed > 1:
        assert not closed(needed - 1).keeps_up


@pytest.mark.parametrize("tau", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_occupancy_is_refused(tau):
    with pytest.raises(StudyError, match="occupancy_s: got"):
        close_demand(Demand(lifetime_years=4, busy_share=0.3), tau)


def test_shares_of_the_design():
    # 2468.23 g * 0.01 s / (35,064 h * 3600 * 0.3) = 0.65178 ug; half of it at 5 ms
    ten, five = share_gco2e(ECF, occupancy_s=[0.01, 0.005], life_h=LIFE_H, busy_share=0.3)
    assert ten == pytest.approx(0.65178e-6, abs=5e-12)
    assert five == pytest.approx(0.32589e-6, abs=5e-12)


def test_share_at_fixed_volume_does_not_know_speed():
    # 2468.23 g / 1e7 = 246.823 ug at both speeds
    tau = np.array([0.01, 0.005])
    demand = Demand(lifetime_years=LIFE_H / HOURS_PER_YEAR, inferences=1e7)
    busy = close_demand(demand, tau).busy_share
    grams = share_gco2e(ECF, occupancy_s=tau, life_h=LIFE_H, busy_share=busy)
    assert grams == pytest.approx([246.823e-6] * 2, abs=5e-10)


@given(
    ecf=st.floats(1, 1e6),
    taus=st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=6),
    counts=st.lists(st.integers(1, 10**6), min_size=6, max_size=6),
)
def test_shares_of_all_models_on_a_device_sum_to_the_whole(ecf, taus, counts):
    tau, number = np.array(taus), np.array(counts[: len(taus)], dtype=float)
    busy_share = float((tau * number).sum()) / (LIFE_H * 3600)
    grams = share_gco2e(ecf, occupancy_s=tau, life_h=LIFE_H, busy_share=busy_share)
    assert float((grams * number).sum()) == pytest.approx(ecf, rel=1e-9)


def test_the_share_of_an_hour_of_a_server():
    # ISO/IEC 21031's own example: 1,000 kg over 4 years, one hour: 1e6 g / 35,040 = 28.5 g
    grams = share_gco2e(1e6, occupancy_s=3600, life_h=4 * HOURS_PER_YEAR, busy_share=1.0)
    assert grams == pytest.approx(28.5, abs=0.05)


def test_a_busy_share_in_percent_is_refused():
    with pytest.raises(StudyError, match="busy_share: got 30; give a finite number above 0"):
        share_gco2e(1e6, occupancy_s=3600, life_h=4 * HOURS_PER_YEAR, busy_share=30)


TWICE = [
    ({"inferences": 1e9, "busy_share": 0.3}, "both of inferences (N) and busy_share (u)"),
    ({"inferences": 1e9, "devices": 2, "users": 2}, "devices and users given"),
    ({"inferences": 1e9, "devices": 2, "peak_per_s": 50.0}, "devices and peak_per_s given"),
    ({"inferences": 1e9, "users": 2, "peak_per_s": 50.0}, "users and peak_per_s given"),
    ({"busy_share": 0.3, "peak_per_s": 50.0}, "busy_share (u) beside peak_per_s"),
    ({"busy_share": 0.3, "other_busy_share": 0.1}, "busy_share (u) beside other_busy_share"),
]


@pytest.mark.parametrize(("given_twice", "said"), TWICE)
def test_demand_given_twice_in_any_way_shows_the_equation(given_twice, said):
    with pytest.raises(StudyError) as caught:
        Demand(lifetime_years=4, **given_twice)
    message = str(caught.value)
    assert message.startswith("demand: ")
    assert said in message
    assert "N * tau = D * LT * 3600 * u" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"users": 0}, r"demand\.users: got 0; give a finite number at least 1"),
        ({"users": 2.5}, r"demand\.users: got 2\.5; give a whole number"),
        ({"users": [1, 2]}, r"demand\.users: got \[1, 2\]; give a whole number"),
        ({"inferences": [1e9, 2e9]}, r"demand\.inferences: got .*; give a number"),
        ({"peak_per_s": 0}, r"demand\.peak_per_s: got 0; give a finite number above 0"),
        ({"peak_per_s": float("nan")}, r"demand\.peak_per_s: got nan"),
        ({"peak_per_s": 50, "peak_busy_share": 1.2}, r"demand\.peak_busy_share: got 1\.2"),
        ({"peak_per_s": 50, "spares": -1}, r"demand\.spares: got -1"),
        ({"spares": 1}, r"demand\.spares: got 1 without peak_per_s"),
        ({"peak_busy_share": 0.5}, r"demand\.peak_busy_share: got 0\.5 without peak_per_s"),
        ({"other_busy_share": -0.1}, r"demand\.other_busy_share: got -0\.1"),
        ({"other_busy_share": 1}, r"demand\.other_busy_share: got 1, all of the powered_share"),
        ({"peak_per_s": 5}, r"demand\.peak_per_s: got 5, below the mean of 7\.927"),
        (
            {"peak_per_s": 50, "other_busy_share": 0.4},
            r"demand\.peak_busy_share: got 0\.7, which with the other work makes 1\.1",
        ),
    ],
)
def test_a_number_that_cannot_be_names_its_key(more, said):
    with pytest.raises(StudyError, match=said) as caught:
        Demand(**({"lifetime_years": 4, "inferences": 1e9} | more))
    assert "\n" not in str(caught.value)


def test_one_device_unless_told():
    assert Demand(lifetime_years=4, inferences=1e9) == Demand(4, inferences=1e9, devices=1)


def test_a_pool_by_hand():
    # 100 a second x 20 ms = 2 devices at full load, 2.857 at 70 %: 3, and one spare: 4
    # mean 1e9 / 126,144,000 s = 7.927 a second: u = 1e9 x 0.02 / (4 x 126,144,000) = 0.03964
    closed = close_demand(Demand(4, 1e9, peak_per_s=100.0, spares=1), [0.02, 0.001])
    assert closed.devices.tolist() == [4, 2]
    assert closed.devices_needed.tolist() == [4, 2]
    assert closed.busy_share[0] == pytest.approx(0.0396373, abs=1e-7)
    assert closed.keeps_up.all()


@given(
    tau=st.floats(1e-5, 10.0),
    n=st.floats(1e3, 1e12),
    peak=st.floats(1.0, 50.0),
    busiest=st.floats(0.1, 1.0),
    spares=st.integers(0, 3),
)
def test_a_pool_serves_its_peak_and_is_no_larger(tau, n, peak, busiest, spares):
    rate = peak * n / LIFE_S
    demand = Demand(4, n, peak_per_s=rate, peak_busy_share=busiest, spares=spares)
    closed = close_demand(demand, tau)
    working = int(closed.devices) - spares
    assert working * busiest * (1 + 1e-8) >= rate * tau
    assert working == 1 or (working - 1) * busiest < rate * tau
    assert closed.keeps_up
    assert closed.inferences * tau == pytest.approx(closed.devices * LIFE_S * closed.busy_share)


def test_a_fleet_has_one_device_a_user():
    # 1e9 / 1000 users = 1e6 each: at 200 s each user needs 1e6 x 200 / 126,144,000 = 1.59 devices
    closed = close_demand(Demand(4, 1e9, users=1000), [0.02, 200.0])
    assert closed.devices.tolist() == [1000, 1000]
    assert closed.keeps_up.tolist() == [True, False]
    assert closed.devices_needed.tolist() == [1000, 2000]
    assert close_demand(Demand(4, busy_share=0.3, users=1000), 0.02).inferences == pytest.approx(
        1000 * LIFE_S * 0.3 / 0.02
    )


@given(tau=st.floats(1e-5, 1e3), n=st.floats(1.0, 1e9), other=st.floats(0.0, 0.9))
def test_other_work_takes_its_time_from_the_device(tau, n, other):
    alone = close_demand(Demand(4, n), tau)
    closed = close_demand(Demand(4, n, other_busy_share=other), tau)
    assert closed.busy_share == alone.busy_share
    assert closed.total_busy_share == pytest.approx(float(alone.busy_share) + other)
    assert closed.keeps_up == (closed.devices_needed <= 1)
    left = float(closed.busy_share) / int(closed.devices_needed)
    assert left <= (1 - other) * (1 + 1e-8)


@given(busy=st.lists(st.floats(1e-6, 0.2), min_size=1, max_size=5))
def test_models_share_a_device_whole_and_by_time(busy):
    parts = allocate(busy)
    assert math.fsum(parts) == pytest.approx(1.0)
    assert parts * sum(busy) == pytest.approx(np.array(busy))
    assert allocate([busy, busy]) == pytest.approx(np.array([parts, parts]))


@pytest.mark.parametrize(
    ("busy", "said"),
    [
        ([0.7, 0.4], r"busy_shares: got 1\.1 together"),
        ([], r"busy_shares: got \[\]; give a list"),
        (0.5, r"busy_shares: got 0\.5; give a list"),
        ([0.5, 0.0], r"busy_shares: got 0"),
        ([float("nan")], r"busy_shares: got nan"),
    ],
)
def test_shares_that_cannot_be_are_refused(busy, said):
    with pytest.raises(StudyError, match=said):
        allocate(busy)
