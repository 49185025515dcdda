import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import idle_energy_j, operational_gco2e
from nas.errors import StudyError

GOLDEN = Path(__file__).parents[1] / "golden"
ACT = json.loads((GOLDEN / "act_golden.json").read_text())["rows"]
positive = st.floats(1e-6, 1e6)
share = st.floats(0.01, 1.0)


def test_every_operational_row_of_act():
    rows = [row for row in ACT if row["kind"] == "operational"]
    assert len(rows) == 57
    for row in rows:
        given_ = row["inputs"]
        energy_j = given_["power_w"] * given_["lifetime_hours"] * 3600 * given_["duty_cycle"]
        grams = operational_gco2e(energy_j, grid_gco2e_per_kwh=given_["use_ci_gCO2e_per_kwh"])
        assert grams == pytest.approx(row["output_gCO2e"], rel=1e-9), row["id"]


def test_supply_efficiency_of_the_edge():
    # design section 5: 1 kWh at supply efficiency 0.85 and 400 g/kWh: 400 / 0.85 = 470.588 g
    grams = operational_gco2e(3.6e6, grid_gco2e_per_kwh=400, overhead=1 / 0.85)
    assert grams == pytest.approx(470.6, abs=0.05)


def test_idle_energy_of_the_design():
    # section 5: 0.755 W * 0.02 s * (1 - 0.3) / 0.3 = 35.23 mJ; at p = 0.5: 0.2 / 0.3: 10.07 mJ
    always = idle_energy_j(0.02, idle_w=0.755, sleep_w=0, busy_share=0.3, powered_share=1.0)
    half = idle_energy_j(0.02, idle_w=0.755, sleep_w=0, busy_share=0.3, powered_share=0.5)
    assert always == pytest.approx(35.23e-3, abs=5e-6)
    assert half == pytest.approx(10.07e-3, abs=5e-6)


def test_sleep_takes_what_the_powered_share_leaves():
    # 0.1 W * 0.02 s * (1 - 0.5) / 0.25 = 4 mJ; idle: 0 W
    asleep = idle_energy_j(0.02, idle_w=0, sleep_w=0.1, busy_share=0.25, powered_share=0.5)
    assert asleep == pytest.approx(4e-3, rel=1e-12)


def test_a_device_busier_than_powered_has_no_idle_time():
    assert idle_energy_j(0.02, idle_w=1, sleep_w=0, busy_share=1.5, powered_share=1.0) == 0.0


@given(tau=positive, idle=positive, sleep=positive, busy=share, powered=share)
def test_busy_idle_and_sleep_add_up_to_the_life(tau, idle, sleep, busy, powered):
    busy = busy * powered
    life_s = 1e8
    inferences = life_s * busy / tau
    whole = life_s * (idle * (powered - busy) + sleep * (1 - powered))
    per_inference = idle_energy_j(
        tau, idle_w=idle, sleep_w=sleep, busy_share=busy, powered_share=powered
    )
    assert inferences * per_inference == pytest.approx(whole, rel=1e-9, abs=1e-6)


@given(a=positive, b=positive, grid=st.floats(0, 2000), overhead=st.floats(1, 3), k=positive)
def test_grams_are_additive_in_energy_and_linear_in_grid_and_overhead(a, b, grid, overhead, k):
    def grams(energy, grid=grid, overhead=overhead):
        return operational_gco2e(energy, grid_gco2e_per_kwh=grid, overhead=overhead)

    assert grams(a + b) == pytest.approx(grams(a) + grams(b), rel=1e-9)
    assert grams(a, grid=k * grid) == pytest.approx(k * grams(a), rel=1e-9)
    assert grams(a, overhead=2 * overhead) == pytest.approx(2 * grams(a), rel=1e-9)


def test_arrays_broadcast():
    grams = operational_gco2e(np.ones((3, 2)), grid_gco2e_per_kwh=[100.0, 400.0])
    assert grams.shape == (3, 2)
    assert grams[0, 1] == 4 * grams[0, 0]


def test_an_overhead_below_one_is_refused():
    with pytest.raises(StudyError, match=r"overhead: got 0\.9; give a finite number at least 1"):
        operational_gco2e(1.0, grid_gco2e_per_kwh=400, overhead=0.9)
