import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import (
    HOURS_PER_YEAR,
    Demand,
    Study,
    close_demand,
    share_gco2e,
    study_from_dict,
    study_to_dict,
)
from nas.errors import StudyError

ECF = (583 * 2.15 + 275 + 500) / 0.875 + 150
LIFE_H = 35_064.0
occupancies = st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=5)
shares = st.floats(0.01, 1.0)
years = st.floats(0.5, 10.0)
STUDY = Study(Demand(lifetime_years=4, inferences=1e9))


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


def test_a_study_comes_back_from_json():
    plain = json.loads(json.dumps(study_to_dict(STUDY)))
    assert study_from_dict(plain) == STUDY
    assert study_from_dict(plain).hash == STUDY.hash


def test_numbers_written_differently_are_the_same_study():
    again = study_from_dict({"demand": {"lifetime_years": 4.0, "inferences": 1000000000}})
    assert again == STUDY
    assert again.hash == STUDY.hash


def test_the_hash_is_short_stable_and_holds_every_field():
    other = {
        "functional_unit": "one batch of 8",
        "boundary": "use only",
        "fab_table": "act-2023",
        "grid_table": "grids-0",
    }
    hashes = {dataclasses.replace(STUDY, **{name: text}).hash for name, text in other.items()}
    demands = [
        Demand(lifetime_years=5, inferences=1e9),
        Demand(lifetime_years=4, inferences=2e9),
        Demand(lifetime_years=4, busy_share=0.3),
        Demand(lifetime_years=4, inferences=1e9, devices=2),
        Demand(lifetime_years=4, inferences=1e9, powered_share=0.5),
    ]
    hashes |= {Study(demand).hash for demand in demands} | {STUDY.hash}
    assert len(hashes) == len(other) + len(demands) + 1
    assert all(len(text) == 12 and int(text, 16) >= 0 for text in hashes)
    code = (
        "from nas.carbon import Demand, Study;"
        "print(Study(Demand(lifetime_years=4, inferences=1e9)).hash)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == STUDY.hash


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, r"study\.demand: missing"),
        ({"demand": {"inferences": 1e9}}, r"demand\.lifetime_years: missing"),
        ({"demand": {"lifetime": 4}}, "demand: 'lifetime' is unknown; the keys are lifetime_ye"),
        ({"demand": 4}, "demand: got 4; give a mapping"),
        ({"deman": {}}, "study: 'deman' is unknown"),
        (
            {"demand": {"lifetime_years": 4, "inferences": 1}, "view": "attributional"},
            r"study\.view: got 'attributional'; use footprint or consequence",
        ),
        (
            {"demand": {"lifetime_years": 4, "inferences": 1}, "functional_unit": " "},
            r"study\.functional_unit: got ' '; give a text",
        ),
    ],
)
def test_a_damaged_study_is_refused_in_one_line(plain, message):
    with pytest.raises(StudyError, match=message) as caught:
        study_from_dict(plain)
    assert "\n" not in str(caught.value)


def test_carbon_loads_neither_torch_nor_optuna():
    code = (
        "import sys, nas.carbon;"
        "print([m for m in ('torch', 'optuna', 'pandas', 'moocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
