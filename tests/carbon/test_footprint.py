import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_profiles import Deployment, custom_grid
from nas.carbon import Demand, Study, footprint, training_gco2e
from nas.errors import StudyError

ECF = (583 * 2.15 + 275 + 500) / 0.875 + 150
LIFE_YEARS = 35_064 / 8760
positive = st.floats(1e-6, 1e3)
occupancy = st.floats(1e-4, 1.0)
AT_TIME = Study(Demand(lifetime_years=LIFE_YEARS, busy_share=0.3))
AT_VOLUME = Study(Demand(lifetime_years=LIFE_YEARS, inferences=1e7))


@pytest.fixture(scope="session")
def deploy(make_profile):
    def _deploy(*, intensity=400.0, pue=None, **profile):
        return Deployment("toy", make_profile(**profile), "int8", custom_grid(intensity), pue=pue)

    return _deploy


def test_one_inference_by_hand(deploy):
    # u 0.3, tau 20 ms, 0.05 J, PUE 1.25, 400 g/kWh, idle 0.755 W:
    # active 0.05 * 1.25 * 400 / 3.6e6 = 6.944444e-6 g
    # idle 35.2333 mJ * 1.25 * 400 / 3.6e6 = 4.893519e-6 g
    # embodied 2468.2286 g * 0.02 / (35,064 * 3600 * 0.3) = 1.303557e-6 g
    result = footprint([0.05], [0.02], [deploy(pue=1.25)], AT_TIME)
    assert result.active_gco2e == pytest.approx([6.944444e-6], abs=1e-12)
    assert result.idle_gco2e == pytest.approx([4.893519e-6], abs=1e-12)
    assert result.embodied_gco2e == pytest.approx([1.303557e-6], abs=1e-12)
    assert result.operational_gco2e == result.active_gco2e + result.idle_gco2e
    assert result.carbon_gco2e == pytest.approx([13.141520e-6], abs=1e-11)
    assert result.device_embodied_gco2e == pytest.approx([ECF], rel=1e-12)
    # 2468.2286 * 3.6e6 / (35,064 * 3600 * 0.3 * 1.25 * 400) = 0.469281 W
    assert result.kappa_w == pytest.approx([0.469281], abs=1e-6)


def test_share_of_the_design_at_both_demands(deploy):
    # fixed time: 0.65178 and 0.32589 ug at 10 and 5 ms; fixed volume 1e7: 246.823 ug at both
    tau = np.array([[0.01], [0.005]])
    by_time = footprint(np.ones((2, 1)), tau, [deploy()], AT_TIME).embodied_gco2e
    by_volume = footprint(np.ones((2, 1)), tau, [deploy()], AT_VOLUME).embodied_gco2e
    assert by_time[:, 0] == pytest.approx([0.65178e-6, 0.32589e-6], abs=5e-12)
    assert by_volume[:, 0] == pytest.approx([246.823e-6] * 2, abs=5e-10)


def test_training_of_the_design():
    # 1800 s * 60 W = 0.03 kWh * 400 = 12.0 g; 300 kg * 0.5 h / (35,064 h * 0.5) = 8.556 g
    common = {"life_h": 35_064, "busy_share": 0.5, "overhead": 1.0, "grid_gco2e_per_kwh": 400}
    both = training_gco2e(1800 * 60, 0.5, embodied_gco2e=300e3, **common)
    assert training_gco2e(1800 * 60, 0.5, embodied_gco2e=0, **common) == pytest.approx(12.0)
    assert both - 12.0 == pytest.approx(8.556, abs=5e-4)
    half = training_gco2e(0, 0.5, embodied_gco2e=300e3, share=0.5, **common)
    assert half == pytest.approx(4.278, abs=5e-4)


@given(tau=occupancy, energy=positive, devices=st.integers(1, 50), powered=st.floats(0.4, 1.0))
def test_fixed_time_and_fixed_volume_agree_where_demand_closes(
    tau, energy, devices, powered, deploy
):
    target = [deploy(sleep_w=0.01)]
    demand = Demand(4, busy_share=0.3, devices=devices, powered_share=powered)
    by_time = footprint([energy], [tau], target, Study(demand))
    volume = dataclasses.replace(
        demand, busy_share=None, inferences=float(by_time.demand.inferences[0])
    )
    by_volume = footprint([energy], [tau], target, Study(volume))
    assert by_volume.demand.busy_share == pytest.approx(0.3, rel=1e-9)
    for part in ("active_gco2e", "idle_gco2e", "embodied_gco2e", "carbon_gco2e", "kappa_w"):
        assert getattr(by_volume, part) == pytest.approx(getattr(by_time, part), rel=1e-7)


@given(tau=occupancy, energy=positive, inferences=st.floats(1e4, 1e8), devices=st.integers(1, 9))
def test_phases_times_volume_sum_to_the_whole_service(tau, energy, inferences, devices, deploy):
    study = Study(Demand(10, inferences=inferences, devices=devices))
    result = footprint([energy], [tau], [deploy(idle_w=0.755)], study)
    busy_s = inferences * tau
    life_s = devices * 10 * 8760 * 3600
    assert result.demand.keeps_up.all()
    joules = energy * inferences + 0.755 * (life_s - busy_s)
    whole = joules * 400 / 3.6e6 + devices * ECF
    assert result.carbon_gco2e * inferences == pytest.approx([whole], rel=1e-9)


@given(fast=occupancy, slow=occupancy, idle=st.floats(0.01, 5))
def test_the_idle_floor_at_fixed_volume_does_not_know_speed(fast, slow, idle, deploy):
    # Energy gross of idle, nothing above idle while busy: idle all life, however fast.
    target = [deploy(idle_w=idle, load_w=10.0)]
    tau = np.array([[fast], [slow]])
    result = footprint(idle * tau, tau, target, AT_VOLUME)
    floor = idle * LIFE_YEARS * 8760 * 3600 / 1e7 * 400 / 3.6e6
    assert result.operational_gco2e[:, 0] == pytest.approx([floor, floor], rel=1e-9)


@given(k=st.floats(0.1, 10), intensity=st.floats(1, 1000), tau=occupancy, energy=positive)
def test_operational_is_linear_in_grid_and_pue_and_embodied_knows_neither(
    k, intensity, tau, energy, deploy
):
    one = deploy(intensity=intensity, pue=1.1)
    targets = [one, dataclasses.replace(one, grid=custom_grid(k * intensity))]
    targets.append(dataclasses.replace(one, pue=2.2))
    result = footprint([energy] * 3, [tau] * 3, targets, AT_TIME)
    first, grid, pue = result.operational_gco2e
    assert grid == pytest.approx(k * first, rel=1e-9)
    assert pue == pytest.approx(2 * first, rel=1e-9)
    assert len(set(result.embodied_gco2e.tolist())) == 1


@given(energies=st.lists(positive, min_size=2, max_size=4), tau=occupancy)
def test_candidates_at_once_equal_one_by_one(energies, tau, deploy):
    targets = [deploy(), deploy(intensity=50.0, idle_w=0.1)]
    energy = np.outer(energies, [1.0, 2.0])
    taus = np.full(energy.shape, tau) * [1.0, 3.0]
    together = footprint(energy, taus, targets, AT_VOLUME)
    assert together.carbon_gco2e.shape == energy.shape
    for row, (e, t) in enumerate(zip(energy, taus, strict=True)):
        alone = footprint(e, t, targets, AT_VOLUME)
        assert np.array_equal(alone.carbon_gco2e, together.carbon_gco2e[row])


@settings(deadline=None, max_examples=25)  # a profile is made and checked for each part
@given(
    parts=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=4),
    packages=st.integers(0, 5),
    tau=occupancy,
)
def test_parts_of_a_device_add_up(parts, packages, tau, deploy, make_profile, figure):
    def bill(areas, count):
        return {"dies": [die(area) for area in areas], "packages": figure(float(count))}

    def die(area):
        return {"name": "d", "area_cm2": figure(area), "node_nm": 7, "node_source": "the test"}

    def grams(areas, count):
        target = dataclasses.replace(deploy(), profile=make_profile(bill=bill(areas, count)))
        return float(footprint([1.0], [tau], [target], AT_VOLUME).embodied_gco2e[0])

    whole = grams(parts, packages)
    assert whole == pytest.approx(sum(grams([x], 0) for x in parts) + grams([], packages))


@given(
    taus=st.lists(occupancy, min_size=1, max_size=4),
    counts=st.lists(st.floats(1e3, 1e8), min_size=4, max_size=4),
    energy=positive,
    devices=st.integers(1, 5),
)
def test_a_device_is_never_charged_twice_whatever_runs_on_it(taus, counts, energy, devices, deploy):
    # The shares of all models sum to the devices, and their idle energies to the idle time.
    life_s = 4 * 8760 * 3600.0
    busy = [n * tau / (devices * life_s) for n, tau in zip(counts, taus, strict=False)]
    scale = min(1.0, 0.9 / sum(busy))
    busy = [share * scale for share in busy]
    shared = kept = idle_j = 0.0
    for own, count, tau in zip(busy, counts, taus, strict=False):
        demand = Demand(
            4, inferences=count * scale, devices=devices, other_busy_share=max(sum(busy) - own, 0.0)
        )
        result = footprint([energy], [tau], [deploy()], Study(demand))
        shared += float(result.embodied_gco2e[0]) * count * scale
        idle_j += float(result.idle_energy_j[0]) * count * scale
        kept += float(result.demand.busy_share[0])
        assert result.phases_gco2e["manufacture"] == pytest.approx(result.embodied_gco2e)
    assert shared == pytest.approx(devices * ECF, rel=1e-9)
    assert idle_j == pytest.approx(0.755 * (1 - sum(busy)) * life_s * devices, rel=1e-9)
    assert kept == pytest.approx(sum(busy), rel=1e-9)


@given(tau=occupancy, energy=positive, share=st.floats(0.05, 1.0))
def test_partitions_of_a_device_sum_to_it(tau, energy, share, deploy):
    # Each part is busy as long as the whole: M = TE * TS * RS, and so is idle power.
    whole = footprint([energy], [tau], [deploy()], AT_TIME)
    parts = [dataclasses.replace(deploy(), resource_share=s) for s in (share, 1.0 - share) if s]
    split = footprint([energy] * len(parts), [tau] * len(parts), parts, AT_TIME)
    assert split.embodied_gco2e.sum() == pytest.approx(float(whole.embodied_gco2e[0]))
    assert split.idle_gco2e.sum() == pytest.approx(float(whole.idle_gco2e[0]))
    shares = np.array([part.resource_share for part in parts])
    assert split.device_embodied_gco2e == pytest.approx(ECF * shares)


@given(k=st.floats(0.1, 4.0), tau=occupancy, energy=positive, study=st.booleans())
def test_carbon_does_not_know_the_unit_of_time(k, tau, energy, study, deploy):
    # All times k fold and powers 1/k fold: the same joules, shares and grams.
    def at(years, idle_w, tau_s):
        asked = {"inferences": 1e6} if study else {"busy_share": 0.3}
        target = deploy(idle_w=idle_w, load_w=100.0)
        return footprint([energy], [tau_s], [target], Study(Demand(years, **asked)))

    one, other = at(4, 0.755, tau), at(4 * k, 0.755 / k, tau * k)
    for part in ("active_gco2e", "idle_gco2e", "embodied_gco2e", "carbon_gco2e"):
        assert getattr(other, part) == pytest.approx(getattr(one, part), rel=1e-9)
    assert other.kappa_w == pytest.approx(one.kappa_w / k, rel=1e-9)


@given(tau=occupancy, energy=positive, devices=st.integers(1, 9))
def test_phases_and_scopes_sum_to_the_carbon(tau, energy, devices, deploy, make_profile, figure):
    bill = {"transport_gco2e": figure(120.0), "end_of_life_gco2e": figure(30.0)}
    target = dataclasses.replace(deploy(), profile=make_profile(bill=bill))
    result = footprint([energy], [tau], [target], Study(Demand(4, 1e7, devices=devices)))
    for split in (result.phases_gco2e, result.scopes_gco2e):
        assert sum(split.values()) == pytest.approx(result.carbon_gco2e, rel=1e-12)
    assert list(result.phases_gco2e) == ["manufacture", "transport", "use", "end_of_life"]
    assert result.phases_gco2e["transport"] * 1e7 == pytest.approx(120.0 * devices)
    assert result.phases_gco2e["end_of_life"] * 1e7 == pytest.approx(30.0 * devices)
    assert result.device_embodied_gco2e == pytest.approx(ECF + 150.0)


def test_market_based_carbon_stands_beside_the_grid_s(deploy):
    targets = [deploy(), dataclasses.replace(deploy(), market_gco2e_per_kwh=40.0)]
    result = footprint([0.05] * 2, [0.02] * 2, targets, AT_TIME)
    market = result.operational_market_gco2e
    assert np.isnan(market[0])
    assert market[1] == pytest.approx(result.operational_gco2e[1] / 10)
    assert result.carbon_gco2e[0] == result.carbon_gco2e[1]


def test_hardware_already_owned_is_charged_nothing_and_shown_beside(deploy):
    owned = dataclasses.replace(AT_VOLUME, sunk=("toy",))
    bought, sunk = (footprint([0.05], [0.02], [deploy()], s) for s in (AT_VOLUME, owned))
    assert sunk.embodied_gco2e == sunk.device_embodied_gco2e == sunk.kappa_w == 0.0
    assert sunk.sunk_gco2e == bought.embodied_gco2e
    assert sunk.sunk_device_gco2e == bought.device_embodied_gco2e
    assert bought.sunk_gco2e == 0.0
    assert sunk.carbon_gco2e == sunk.operational_gco2e == bought.operational_gco2e


def test_a_pool_carries_its_spares(deploy):
    # 100 a second x 20 ms / 0.7 = 3 devices and one spare: 4 x 2468.23 g / 1e8
    demand = Demand(4, 1e8, peak_per_s=100.0, spares=1)
    result = footprint([0.05], [0.02], [deploy()], Study(demand))
    assert result.devices == 4
    assert result.embodied_gco2e * 1e8 == pytest.approx(4 * ECF)


def test_a_device_that_does_not_keep_up_is_said_so(deploy):
    study = Study(Demand(lifetime_years=4, inferences=1e9))
    result = footprint([0.1, 0.1], [0.02, 0.5], [deploy(), deploy()], study)
    assert result.demand.keeps_up.tolist() == [True, False]
    assert result.demand.devices_needed.tolist() == [1, 4]
    assert result.idle_gco2e[1] == 0.0


def test_unknown_sleep_power_is_never_taken_for_zero(deploy):
    study = Study(Demand(lifetime_years=4, busy_share=0.3, powered_share=0.5))
    with pytest.raises(StudyError, match=r"^toy: sleep_w of toy is unknown .* set powered_share"):
        footprint([0.1], [0.02], [deploy()], study)
    # 0.02 s * (0.755 * 0.2 + 0.1 * 0.5) / 0.3 = 13.4 mJ
    result = footprint([0.1], [0.02], [deploy(sleep_w=0.1)], study)
    assert result.idle_energy_j == pytest.approx([13.4e-3], abs=5e-8)


def test_marginal_rates_and_mixed_scopes_are_refused(deploy):
    base = deploy()
    marginal = base.grid.model_copy(update={"rate": "marginal"})
    with pytest.raises(StudyError, match="marginal rate, which a footprint never mixes"):
        footprint([1], [1], [dataclasses.replace(base, grid=marginal)], AT_TIME)
    both = [
        dataclasses.replace(base, grid=base.grid.model_copy(update={"scope": scope}))
        for scope in ("direct", "lifecycle")
    ]
    with pytest.raises(StudyError, match="use grids of one scope"):
        footprint([1, 1], [1, 1], both, AT_TIME)


def test_shapes_that_do_not_end_in_the_deployments_are_refused(deploy):
    with pytest.raises(StudyError, match="whose last axis is the 1 deployments"):
        footprint([1, 1], [1, 1], [deploy()], AT_TIME)
    with pytest.raises(StudyError, match="no deployment given"):
        footprint([], [], [], AT_TIME)
    for wrong in (float("nan"), float("inf"), -0.1):
        with pytest.raises(StudyError, match=f"energy_j: got {wrong}; give a finite number"):
            footprint([wrong], [1], [deploy()], AT_TIME)
    with pytest.raises(StudyError, match="occupancy_s: got 0"):
        footprint([1.0], [0.0], [deploy()], AT_TIME)
