"""A consequence: marginal rates, the whole of what is bought, nothing of what is owned."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles import Deployment, custom_grid
from nas.carbon import Baseline, Demand, Study, footprint
from nas.errors import DeploymentError, StudyError

ECF = (583 * 2.15 + 275 + 500) / 0.875 + 150
LIFE_S = 4 * 8760 * 3600.0
TODAY = Baseline("the model in use", 1e-3)
occupancy = st.floats(1e-4, 1.0)
energies = st.floats(1.0, 1e3)


def consequence(demand, **more):
    return Study(demand, view="consequence", baseline=TODAY, **more)


@pytest.fixture(scope="session")
def marginal(make_profile):
    return Deployment("toy", make_profile(), "int8", marginal_grid())


def marginal_grid():
    return custom_grid(600.0).model_copy(update={"rate": "marginal", "name": "made-up-marginal"})


@given(tau=occupancy, energy=energies, other=st.floats(0, 0.5))
def test_what_is_bought_is_charged_whole(tau, energy, other, marginal):
    # One device for 1e7 inferences, and all its idle time, whoever else uses it.
    study = consequence(Demand(4, inferences=1e7, other_busy_share=other))
    result = footprint([energy], [tau], [marginal], study)
    assert result.embodied_gco2e * 1e7 == pytest.approx(ECF)
    idle_s = LIFE_S * max(1.0 - other - 1e7 * tau / LIFE_S, 0.0)
    assert result.idle_energy_j * 1e7 == pytest.approx(0.755 * idle_s, abs=1e-3)
    assert result.active_gco2e == pytest.approx(energy * 600 / 3.6e6)
    assert result.change_gco2e == pytest.approx(result.carbon_gco2e - 1e-3)
    # kappa and idle energy hold the same grams
    per_busy_s = result.kappa_w * 600 / 3.6e6
    assert per_busy_s * tau == pytest.approx(result.embodied_gco2e)


@given(tau=occupancy, energy=energies, busy=st.floats(0.1, 0.9))
def test_what_is_owned_adds_energy_above_idle_alone(tau, energy, busy, marginal):
    for demand in (Demand(4, inferences=1e7), Demand(4, busy_share=busy)):
        result = footprint([energy], [tau], [marginal], consequence(demand, sunk=("toy",)))
        assert result.embodied_gco2e == result.idle_gco2e == 0.0
        assert result.carbon_gco2e == pytest.approx((energy - 0.755 * tau) * 600 / 3.6e6)
        assert result.sunk_gco2e == pytest.approx(ECF / result.demand.inferences)


def test_a_mixed_fleet_charges_each_by_its_own(marginal, make_profile):
    owned = dataclasses.replace(marginal, label="old", profile=make_profile(name="old"))
    study = consequence(Demand(4, inferences=1e7), sunk=("old",))
    result = footprint([1.0, 1.0], [0.02, 0.02], [marginal, owned], study)
    assert result.embodied_gco2e.tolist() == pytest.approx([ECF / 1e7, 0.0])
    assert result.idle_gco2e[0] > result.idle_gco2e[1] == 0.0


def test_it_never_mixes_marginal_electricity_with_allocated_embodied_carbon(marginal):
    volume = Demand(4, inferences=1e7)
    with pytest.raises(StudyError, match="marginal rate, which a footprint never mixes"):
        footprint([1.0], [0.02], [marginal], Study(volume))
    average = dataclasses.replace(marginal, grid=custom_grid(400.0))
    with pytest.raises(StudyError, match="has an average rate, and a consequence counts marginal"):
        footprint([1.0], [0.02], [average], consequence(volume))
    with pytest.raises(StudyError, match="a consequence at fixed time cannot charge a device"):
        footprint([1.0], [0.02], [marginal], consequence(Demand(4, busy_share=0.3)))


def test_a_contract_does_not_move_the_margin(marginal):
    with pytest.raises(DeploymentError, match="market_gco2e_per_kwh is of a contract, but grid"):
        dataclasses.replace(marginal, market_gco2e_per_kwh=10.0)
    contract = dataclasses.replace(marginal, grid=custom_grid(400.0), market_gco2e_per_kwh=10.0)
    with pytest.raises(StudyError, match="is of a contract, and a consequence counts marginal"):
        footprint([1.0], [0.02], [contract], consequence(Demand(4, inferences=1e7)))


def test_energy_below_idle_is_refused_where_it_is_taken_net(marginal):
    study = consequence(Demand(4, inferences=1e7), sunk=("toy",))
    with pytest.raises(StudyError, match=r"energy_j: got 0\.01, below idle power x occupancy"):
        footprint([0.01], [0.02], [marginal], study)
    exact = footprint([0.755 * 0.02], [0.02], [marginal], study)
    assert exact.carbon_gco2e == 0.0


def test_a_footprint_has_no_change(marginal):
    average = dataclasses.replace(marginal, grid=custom_grid(400.0))
    result = footprint([1.0], [0.02], [average], Study(Demand(4, inferences=1e7)))
    assert math.isnan(result.change_gco2e[0])
