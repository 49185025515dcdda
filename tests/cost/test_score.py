from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from nas.carbon import Baseline, Demand, Study
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import DeploymentError
from nas.objectives import OBJECTIVES
from search_spaces.layers import Layer

MakeDeployment = Callable[..., Deployment]
VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e6))


def _row(layers: tuple[Layer, ...], deployment: Deployment, study: Study, **more: Any) -> Any:
    more = {"errors": None, "training_gco2e": None} | more
    columns = score(workload(layers), [deployment], study, **more)
    return {name: column[0] for name, column in columns.items()}


def test_there_is_a_column_for_every_objective(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    columns = score(
        workload(tiny), [deploy(), deploy(precision="fp32")], VOLUME, None, training_gco2e=None
    )
    assert {objective.column for objective in OBJECTIVES.values()} <= set(columns)
    assert {len(column) for column in columns.values()} == {2}


def test_a_tiny_network_by_hand(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    row = _row(tiny, deploy(), VOLUME, errors={"int8": 0.25}, training_gco2e=10.0)
    # latency and energy as in test_costs; 1 cm2 of 7 nm and a package: 2468.23 g (ACT)
    latency, energy, device = 6.662e-3, 11.986e-3, row["device_embodied_gco2e"]
    assert device == pytest.approx(2468.23, abs=0.005)
    # wall energy is 1 / 0.8 of the board's, at 360 g/kWh: 1.25e-4 g/J
    active = energy * 1.25e-4
    # 4 years are 126,144,000 s; all of it that the device is not busy it idles at 1 W
    idle = (126_144_000 - 1e6 * latency) / 1e6 * 1.25e-4
    operational, share = active + idle, device / 1e6
    expected = {
        "error": 0.25,
        "latency_s": latency,
        "energy_j": energy,
        "peak_memory_bytes": 146.0,
        "active_gco2e": active,
        "idle_gco2e": idle,
        "operational_gco2e": operational,
        "embodied_gco2e": share,
        "carbon_gco2e": operational + share,
        "lifecycle_gco2e": 10.0 + 1e6 * operational + device,
        "sci_gco2e_per_inference": operational + share,
        "edp_j_s": energy * latency,
        "cdp_gco2e_s": device * latency,
        "cep_gco2e_j": device * energy,
        "c2ep_gco2e2_j": device**2 * energy,
        "ce2p_gco2e_j2": device * energy**2,
        "tcdp_gco2e_s": (device + 1e6 * operational) * latency,
        "params": 49,
        "macs": 582,
        "die_area_cm2": 1.0,
        "busy_share": 1e6 * latency / 126_144_000,
        "kappa_w": device * 3.6e6 / (126_144_000 * (1e6 * latency / 126_144_000) * 1.25 * 360),
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert (row["feasible"], row["reason"]) == (True, None)
    assert (row["deployment"], row["precision"], row["study"]) == ("plain", "int8", VOLUME.hash)


def test_what_is_unknown_is_nan(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    row = _row(tiny, deploy(precision="fp32", memory_limit_bytes=1e6), VOLUME,
               errors={"int8": 0.1, "fp32": None})  # fmt: skip
    assert math.isnan(row["error"])
    assert math.isnan(row["lifecycle_gco2e"])
    assert math.isnan(_row(tiny, deploy(), VOLUME)["error"])


def test_a_device_that_is_too_small_or_too_slow_is_infeasible_and_says_why(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    # 1e11 inferences of 6.662 ms are 5.28 lives of 126,144,000 s
    busy = Study(Demand(lifetime_years=4.0, inferences=1e11, devices=2))
    small = _row(tiny, deploy(memory_limit_bytes=150.0), VOLUME)
    slow = _row(tiny, deploy(), busy)
    both = _row(tiny, deploy(memory_limit_bytes=150.0), busy)
    assert not (small["feasible"] or slow["feasible"] or both["feasible"])
    assert small["reason"] == "RAM: needs 0.25 kB, has 0.15 kB"
    assert slow["reason"] == "demand: needs 6 devices, has 2; add devices or a faster one"
    assert both["reason"] == f"{small['reason']}; {slow['reason']}"
    assert (small["fits"], small["keeps_up"]) == (False, True)
    assert (slow["fits"], slow["keeps_up"], slow["devices_needed"]) == (True, False, 6)


def test_metrics_take_all_devices_and_shares_add_up_to_them(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    three = _row(tiny, deploy(), Study(Demand(lifetime_years=4.0, inferences=1e6, devices=3)))
    one = _row(tiny, deploy(), VOLUME)
    assert three["cdp_gco2e_s"] == pytest.approx(3 * one["cdp_gco2e_s"])
    assert three["embodied_gco2e"] * 1e6 == pytest.approx(3 * one["device_embodied_gco2e"])
    assert three["device_embodied_gco2e"] == one["device_embodied_gco2e"]


def test_fixed_time_gives_what_the_fixed_volume_it_closes_to_gives(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    timed = _row(tiny, deploy(), Study(Demand(lifetime_years=4.0, busy_share=0.3)))
    volume = Study(Demand(lifetime_years=4.0, inferences=float(timed["inferences"])))
    again = _row(tiny, deploy(), volume)
    for objective in OBJECTIVES.values():
        assert again[objective.column] == pytest.approx(timed[objective.column], nan_ok=True)


def test_at_fixed_volume_speed_changes_neither_share_nor_idle_floor(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    slow = _row(tiny, deploy(load_w=1.0), VOLUME)
    fast = _row(tiny, deploy(load_w=1.0, dispatch_s=0.0), VOLUME)
    assert fast["latency_s"] < slow["latency_s"]
    assert fast["embodied_gco2e"] == pytest.approx(slow["embodied_gco2e"])
    # a device that always draws 1 W takes the same grams a life, whatever it computes
    assert fast["operational_gco2e"] == pytest.approx(slow["operational_gco2e"])


def test_rows_do_not_depend_on_their_neighbours(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    several = [deploy(label="a"), deploy(label="b", batch=4), deploy(label="c", precision="fp32")]
    columns = score(workload(tiny), several, VOLUME, {"int8": 0.5}, training_gco2e=1.0)
    for index, deployment in enumerate(several):
        alone = _row(tiny, deployment, VOLUME, errors={"int8": 0.5}, training_gco2e=1.0)
        for name, column in columns.items():
            np.testing.assert_equal(column[index], alone[name], err_msg=name)


def test_no_deployment_is_an_error(tiny: tuple[Layer, ...]) -> None:
    with pytest.raises(DeploymentError, match="none given"):
        score(workload(tiny), [], VOLUME, None, training_gco2e=None)


def _more(deployment: Deployment, **fields: Any) -> Deployment:
    return replace(deployment, **fields)


def test_what_stands_beside_the_carbon(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    plain = _row(tiny, deploy(), VOLUME)
    beside = ("operational_market_gco2e", "change_gco2e")
    assert all(math.isnan(plain[name]) for name in beside)
    assert plain["sunk_gco2e"] == plain["transport_gco2e"] == plain["end_of_life_gco2e"] == 0.0
    contract = _row(tiny, _more(deploy(), market_gco2e_per_kwh=36.0), VOLUME)
    assert contract["operational_market_gco2e"] == pytest.approx(plain["operational_gco2e"] / 10)
    assert contract["carbon_gco2e"] == plain["carbon_gco2e"]
    owned = _row(tiny, deploy(), replace(VOLUME, sunk=("plain",)))
    assert owned["sunk_gco2e"] == plain["embodied_gco2e"]
    assert owned["embodied_gco2e"] == owned["device_embodied_gco2e"] == owned["kappa_w"] == 0.0


def test_a_consequence_is_a_change_and_has_no_life_cycle(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    marginal = deploy().grid.model_copy(update={"rate": "marginal"})
    study = replace(VOLUME, view="consequence", baseline=Baseline("today", 1e-3))
    row = _row(tiny, _more(deploy(), grid=marginal), study, training_gco2e=10.0)
    assert row["change_gco2e"] == pytest.approx(row["carbon_gco2e"] - 1e-3)
    assert row["embodied_gco2e"] * 1e6 == pytest.approx(row["device_embodied_gco2e"])
    # the training is counted at average rates with an allocated share: never added to marginal ones
    assert math.isnan(row["lifecycle_gco2e"])


def test_devices_of_a_pool_differ_by_speed(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    # 1000 a second x 6.662 ms / 0.7 = 9.52: 10 devices; without dispatch 2.662 ms: 3.8: 4
    pool = Study(Demand(lifetime_years=4.0, inferences=1e9, peak_per_s=1000.0, spares=1))
    columns = score(
        workload(tiny),
        [deploy(), deploy(label="fast", dispatch_s=0.0)],
        pool,
        None,
        training_gco2e=None,
    )
    assert columns["devices"].tolist() == [11, 5]
    made = columns["device_embodied_gco2e"] * columns["devices"]
    assert columns["embodied_gco2e"] * 1e9 == pytest.approx(made)
    assert columns["cdp_gco2e_s"] == pytest.approx(made * columns["latency_s"])


def test_life_cycle_of_a_shared_device_holds_the_part_in_use(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    shared = Study(Demand(lifetime_years=4.0, inferences=1e6, other_busy_share=0.5))
    row = _row(tiny, deploy(), shared, training_gco2e=10.0)
    assert row["lifecycle_gco2e"] == pytest.approx(10.0 + 1e6 * row["carbon_gco2e"])


def test_half_a_device(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    whole = _row(tiny, deploy(dispatch_s=0.0), VOLUME)
    half = _row(tiny, _more(deploy(dispatch_s=0.0), resource_share=0.5), VOLUME)
    # half of the rates and bandwidths at half of the powers: twice the time, the same energy
    for name in ("latency_s", "occupancy_s"):
        assert half[name] == pytest.approx(2 * whole[name])
    assert half["energy_j"] == pytest.approx(whole["energy_j"])
    assert half["device_embodied_gco2e"] == pytest.approx(0.5 * whole["device_embodied_gco2e"])
    assert half["embodied_gco2e"] == pytest.approx(0.5 * whole["embodied_gco2e"])
    small = _row(tiny, _more(deploy(memory_limit_bytes=400.0), resource_share=0.5), VOLUME)
    assert small["reason"] == "RAM: needs 0.25 kB, has 0.20 kB"


def test_the_network_takes_the_smallest_size_that_is_sold(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    # 246 bytes with the runtime; of 1, 2 and 3 GB 100, 1e9 and 2e9 bytes are free
    bill = deploy().profile.bill_of_materials
    fact = {"source": "the test", "basis": "derived"}
    memory = {
        "technology": "lpddr4",
        "technology_source": "the test",
        "capacity_gb": {"value": 1.0, **fact},
        "variants_gb": [1, 2, 3],
        "variants_source": "the test",
    }
    sold = bill.model_validate(bill.model_dump() | {"memories": [memory]})
    small = deploy(memory_limit_bytes=101.0)
    profile = small.profile.model_copy(update={"bill_of_materials": sold})
    target = _more(small, profile=profile)
    row, built = (
        _row(tiny, target, study) for study in (VOLUME, replace(VOLUME, memory="as_built"))
    )
    assert (built["feasible"], built["reason"]) == (False, "RAM: needs 0.25 kB, has 0.10 kB")
    assert row["feasible"]
    # one gigabyte more of LPDDR4: 48 g over a yield of 0.875
    more = row["device_embodied_gco2e"] - built["device_embodied_gco2e"]
    assert more == pytest.approx(48 / 0.875)
