"""Totals of a carbon statement against worked numbers, and as laws of plain arithmetic."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.report import recompute
from nas.report.totals import field


def machine(**changes):
    """1,800 s at 60 W and 400 g/kWh; 300 kg over 35,064 h, busy half of it (design.md, 5)."""
    facts = {
        "hours": 0.5,
        "mean_power_w": 60.0,
        "pue": None,
        "supply_efficiency": None,
        "grid": {"gco2e_per_kwh": {"value": 400.0}},
        "market_gco2e_per_kwh": None,
        "machine_embodied_gco2e": 300_000.0,
        "machine_life_h": 35_064.0,
        "machine_busy_share": {"value": 0.5},
        "machine_share": 1.0,
    }
    return {**facts, **changes}


def made_up(**changes):
    """2,468.23 g over 35,064 h at u = 0.3 and 10 ms; idle at 0.755 W (design.md, 5)."""
    parts = [("die", 2318.23, "manufacture"), ("package", 150.0, "manufacture")]
    device = {
        "parts": [{"name": n, "gco2e": g, "phase": phase} for n, g, phase in parts],
        "resource_share": 1.0,
        "charged_share": 1.0,
        "idle_w": {"value": 0.755},
        "sleep_w": None,
        "pue": None,
        "supply_efficiency": None,
        "grid": {"gco2e_per_kwh": {"value": 380.0}},
        "market_gco2e_per_kwh": None,
        "life_h": 35_064.0,
    }
    inference = {
        "charged_energy_j": 0.5,
        "occupancy_s": 0.01,
        "total_busy_share": 0.3,
        "sharing_busy_share": 0.3,
        "powered_share": 1.0,
        "idle_charged_share": 1.0,
        "inferences": 1e7,
    }
    said = {
        "study": {"baseline": None},
        "search": machine(),
        "final_training": machine(hours=0.25),
        "device": {**device, **changes.pop("device", {})},
        "inference": {**inference, **changes.pop("inference", {})},
        "service": {},
    }
    return {**said, **changes}


def test_a_search_by_hand():
    totals = recompute(made_up())
    assert totals["search.energy_kwh"] == pytest.approx(0.03)
    assert totals["search.operational_gco2e"] == pytest.approx(12.0)
    assert totals["search.embodied_gco2e"] == pytest.approx(8.556, abs=5e-4)
    assert totals["search.gco2e"] == pytest.approx(20.556, abs=5e-4)
    assert totals["final_training.gco2e"] == pytest.approx(totals["search.gco2e"] / 2)


def test_a_share_of_a_device_by_hand():
    totals = recompute(made_up())
    assert totals["device.embodied_gco2e"] == pytest.approx(2468.23)
    assert totals["inference.embodied_gco2e"] == pytest.approx(0.65178e-6, rel=1e-5)
    assert totals["inference.active_gco2e"] == pytest.approx(0.5 * 380 / 3.6e6)


@pytest.mark.parametrize(("powered", "millijoules"), [(1.0, 35.23), (0.5, 10.07)])
def test_idle_energy_by_hand(powered, millijoules):
    said = made_up(
        inference={"occupancy_s": 0.02, "powered_share": powered},
        device={"sleep_w": {"value": 0.0}},
    )
    assert recompute(said)["inference.idle_energy_j"] == pytest.approx(millijoules / 1e3, rel=1e-3)


def test_supply_efficiency_by_hand():
    # 1 kWh at 0.85 and 400 g/kWh: 470.6 g.
    said = made_up(
        search=machine(hours=1.0, mean_power_w=1000.0, supply_efficiency={"value": 0.85})
    )
    assert recompute(said)["search.operational_gco2e"] == pytest.approx(470.6, abs=0.05)


def test_market_based_stands_beside_and_changes_no_total():
    plain = recompute(made_up())
    said = made_up(search=machine(market_gco2e_per_kwh=40.0), device={"market_gco2e_per_kwh": 38.0})
    found = recompute(said)
    assert found["search.operational_market_gco2e"] == pytest.approx(1.2)
    operational = plain["inference.operational_gco2e"]
    assert found["inference.operational_market_gco2e"] == pytest.approx(operational / 10)
    assert {key: found[key] for key in plain} == plain


def test_what_is_owned_already_is_not_charged():
    found = recompute(made_up(device={"charged_share": 0.0}))
    assert found["device.embodied_gco2e"] == 0.0
    assert found["service.by_part.devices"] == 0.0


def test_a_phase_without_parts_has_no_total():
    assert "service.by_phase.transport" not in recompute(made_up())
    said = made_up()
    said["device"]["parts"].append({"name": "ship", "gco2e": 100.0, "phase": "transport"})
    found = recompute(said)
    assert found["service.by_phase.transport"] == pytest.approx(
        1e7 * found["inference.transport_gco2e"]
    )


def test_a_consequence_has_a_change_and_no_service():
    said = made_up(study={"baseline": {"carbon_gco2e": 1e-4}}, service=None)
    found = recompute(said)
    assert found["inference.change_gco2e"] == pytest.approx(found["inference.gco2e"] - 1e-4)
    assert not any(key.startswith("service") for key in found)


def test_a_field_by_its_dotted_name():
    assert field(made_up(), "device.parts.1.gco2e") == 150.0


def test_a_missing_field_is_not_passed_over():
    said = made_up()
    del said["search"]["hours"]
    with pytest.raises(KeyError, match="hours"):
        recompute(said)


positive = st.floats(1e-3, 1e3)


@given(hours=positive, watts=positive, intensity=positive, overhead=st.floats(1.0, 3.0))
def test_every_split_of_the_service_sums_to_it(hours, watts, intensity, overhead):
    grid, pue = {"gco2e_per_kwh": {"value": intensity}}, {"value": overhead}
    said = made_up(
        search=machine(hours=hours, mean_power_w=watts, grid=grid, pue=pue),
        device={"grid": grid, "pue": pue},
    )
    found = recompute(said)
    for split in ("part", "phase", "scope"):
        parts = [value for key, value in found.items() if key.startswith(f"service.by_{split}.")]
        assert sum(parts) == pytest.approx(found["service.gco2e"], rel=1e-12)


@given(factor=positive)
def test_electricity_is_linear_in_the_grid(factor):
    before, said = made_up(), made_up()
    said["search"]["grid"]["gco2e_per_kwh"]["value"] *= factor
    known = copy.deepcopy(said)
    found = recompute(said)
    assert said == known
    assert found["search.operational_gco2e"] == pytest.approx(
        factor * recompute(before)["search.operational_gco2e"], rel=1e-12
    )
