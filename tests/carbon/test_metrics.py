import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import (
    c2ep,
    cdp,
    ce2p,
    cep,
    edp,
    kappa_w,
    lifecycle_gco2e,
    operational_gco2e,
    sci,
    share_gco2e,
    tcdp,
)
from nas.errors import StudyError

positive = st.floats(1e-3, 1e6)
# design section 5: 1 cm2, 7 nm, Taiwan, abatement 97 %, yield 0.875, one package
ECF = (583 * 2.15 + 275 + 500) / 0.875 + 150


def test_embodied_of_the_example():
    assert pytest.approx(2468.23, abs=0.005) == ECF


def test_tcdp_and_cdp_of_the_design():
    # 1e7 * 0.5 J = 5e6 J = 1.38889 kWh * 380 = 527.78 g; (2468.23 + 527.78) * 0.01 = 29.96 g s
    per_run = operational_gco2e(0.5, grid_gco2e_per_kwh=380)
    assert per_run * 1e7 == pytest.approx(527.78, abs=0.005)
    assert tcdp(ECF, per_run, 1e7, 0.01) == pytest.approx(29.96, abs=0.005)
    assert cdp(ECF, 0.01) == pytest.approx(24.68, abs=0.005)


def test_carbon_and_tcdp_can_disagree():
    # A: 2468.23 g, 0.5 J, 10 ms; B: 3500 g, 0.45 J, 6 ms; 1e7 runs at 380 g/kWh
    # A: 2468.23 + 527.78 = 2996.0 g; B: 3500 + 475 = 3975.0 g; tCDP 29.96 against 23.85 g s
    embodied, energy, delay = np.array([[ECF, 3500.0], [0.5, 0.45], [0.01, 0.006]])
    per_run = operational_gco2e(energy, grid_gco2e_per_kwh=380)
    carbon = lifecycle_gco2e(
        training_gco2e=0,
        inferences=1e7,
        operational_gco2e=per_run,
        embodied_gco2e=embodied,
        devices=1,
    )
    assert carbon == pytest.approx([2996.0, 3975.0], abs=0.05)
    assert tcdp(embodied, per_run, 1e7, delay) == pytest.approx([29.96, 23.85], abs=0.005)


def test_products_by_hand():
    assert edp(3.0, 2.0) == 6.0
    assert cep(5.0, 3.0) == 15.0
    assert c2ep(5.0, 3.0) == 75.0
    assert ce2p(5.0, 3.0) == 45.0
    assert sci(8.0, 2.0, 4.0) == 2.5


def test_lifecycle_by_hand():
    # 100 g training + 1000 * 0.5 g + 2 * 300 g = 1200 g
    total = lifecycle_gco2e(
        training_gco2e=100, inferences=1000, operational_gco2e=0.5, embodied_gco2e=300, devices=2
    )
    assert total == 1200.0


def test_kappa_by_hand():
    # 2468.23 g * 3.6e6 / (35064 h * 3600 * 0.3 * 1.25 * 400 g/kWh) = 0.46928 W
    kappa = kappa_w(ECF, life_h=35064, busy_share=0.3, overhead=1.25, grid_gco2e_per_kwh=400)
    assert kappa == pytest.approx(0.46928, abs=5e-6)


def test_kappa_is_infinite_on_a_grid_without_carbon_and_zero_without_embodied_carbon():
    common = {"life_h": 1e4, "busy_share": 0.5, "overhead": 1.0}
    assert kappa_w(ECF, grid_gco2e_per_kwh=0, **common) == np.inf
    assert kappa_w(0.0, grid_gco2e_per_kwh=0, **common) == 0.0


@given(
    ecf=positive,
    life=positive,
    busy=st.floats(0.01, 1),
    overhead=st.floats(1, 3),
    grid=st.floats(1, 2000),
    energy=positive,
    tau=positive,
)
def test_carbon_is_proportional_to_energy_plus_kappa_tau(
    *, ecf, life, busy, overhead, grid, energy, tau
):
    carbon = operational_gco2e(energy, grid_gco2e_per_kwh=grid, overhead=overhead) + share_gco2e(
        ecf, occupancy_s=tau, life_h=life, busy_share=busy
    )
    kappa = kappa_w(ecf, life_h=life, busy_share=busy, overhead=overhead, grid_gco2e_per_kwh=grid)
    assert carbon == pytest.approx((energy + kappa * tau) * overhead * grid / 3.6e6, rel=1e-9)


@given(ecf=positive, per_run=positive, tau=positive)
def test_at_fixed_time_tcdp_is_carbon_per_inference_times_a_constant(ecf, per_run, tau):
    busy_s = 1e7
    runs = busy_s / tau
    carbon = per_run + ecf / runs
    assert tcdp(ecf, per_run, runs, tau) == pytest.approx(carbon * busy_s, rel=1e-9)


def test_a_negative_delay_is_refused():
    with pytest.raises(StudyError, match=r"delay_s: got -1; give"):
        edp(1.0, -1.0)


def test_a_tcdp_of_one_run_s_share_is_refused():
    share = share_gco2e(ECF, occupancy_s=0.01, life_h=35_064, busy_share=0.3)
    with pytest.raises(StudyError, match=r"tcdp: runs is not given, and the share of one run"):
        tcdp(share, 1e-6, None, 0.01)
