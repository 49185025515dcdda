"""A design as a device: the same costs as in its space, alone, in a batch and explained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from hardware_profiles.accelerator import accelerator_space
from hardware_profiles.deployment import Deployment, deployment_from_dict, deployment_to_dict
from hardware_profiles.grid import custom_grid
from nas.carbon import Demand, Study, device_embodied
from nas.cost.accelerator import cost_designs, design_power_w
from nas.cost.batch import cost_many
from nas.cost.breakdown import breakdown
from nas.cost.costs import cost
from nas.cost.design_profile import changed_space, design_name, design_of_name, design_profile
from nas.cost.devices import device, find_space
from nas.cost.explain import explain
from nas.cost.stack import stack
from nas.cost.workload import workload
from nas.errors import HardwareError
from search_spaces import space
from search_spaces.layers import Layer
from search_spaces.ops import Input, Linear, Recurrent

SPACE = accelerator_space()
NAME = "default_c2_w64_d16_l256_b64_g4"
SIZES = {"clusters": 2, "pe_width": 64, "pe_depth": 16, "local_kib": 256,
         "local_bytes_per_cycle": 64, "global_mib": 4}  # fmt: skip


def network(name: str = "resnet", seed: int = 0) -> tuple[Layer, ...]:
    found = space(name)
    return found.layers(found.sample(np.random.default_rng(seed)), (3, 32, 32), 10)


def on(name: str, **more: object) -> Deployment:
    return Deployment(name, device(name), "int8", custom_grid(100.0), **more)


@pytest.mark.parametrize("index", [0, 777, 1500, 2222])
def test_a_design_costs_as_a_device_what_it_costs_in_its_space(index: int) -> None:
    layers, design = network(), SPACE.design(index)
    together, place = cost_designs(layers, SPACE), on(design_name("default", design, {}))
    alone = cost(workload(layers), [place])
    assert alone.latency_s[0] == pytest.approx(together.latency_s[index], rel=1e-12)
    assert alone.energy_j[0] == pytest.approx(together.energy_j[index], rel=1e-12)
    made = device_embodied(place.profile).total_gco2e
    assert made == pytest.approx(together.embodied_gco2e[index], rel=1e-12)
    assert place.profile.load_w.value == pytest.approx(together.peak_power_w[index], rel=1e-12)


def test_embodied_carbon_of_a_design_by_hand() -> None:
    # 2 x 64 x 16 elements of 3130 um2, 2 x 256 KiB + 4 MiB at 9.72 um2 a byte, times 0.239.
    um2 = (2048 * 3130 + (2 * 256 * 1024 + 4 * 1024**2) * 9.72) * 0.239
    # ACT 2022 in Taiwan, 22 nm, 95 %: (583 * 1.077 + 188.28 + 500) / 0.875 a cm2; DRAM 184 / 0.875.
    grams = um2 / 1e8 * (583 * 1.077 + 188.28 + 500) / 0.875 + 184 / 0.875
    assert device_embodied(device(NAME)).total_gco2e == pytest.approx(grams, rel=1e-9)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_golden_rows_of_catransformers_for_their_dies_and_memories(row: int) -> None:
    path = Path(__file__).parents[1] / "golden" / "catransformers_golden.json"
    golden = json.loads(path.read_text(encoding="utf-8"))["rows"][row]
    given, told = golden["inputs"], golden["output_kgCO2e"]
    assert (given["node_nm"], given["fab_ci_gCO2e_per_kwh"]) == (22, 642)  # Taiwan in ACT's 2023
    bill = device(NAME + f"_r{given['memory_gb']}").bill_of_materials
    assert bill.memories[0].technology == given["memory_technology"]
    area = bill.dies[0].area_cm2.model_copy(update={"value": given["die_area_um2"] / 1e8})
    die = bill.dies[0].model_copy(update={"area_cm2": area})
    profile = device(NAME).model_copy(
        update={"bill_of_materials": bill.model_copy(update={"dies": (die,)})}
    )
    found = {
        line.component: line.gco2e for line in device_embodied(profile, table="act-2023").lines
    }
    assert found["die"] / 1e3 == pytest.approx(told["embodied_die"], rel=1e-9)
    assert found["memory"] / 1e3 == pytest.approx(told["embodied_memory"], rel=1e-9)


def test_beside_other_devices_and_in_a_batch_of_networks_it_is_the_same() -> None:
    layers = [network(seed=seed) for seed in range(3)]
    works = [workload(some) for some in layers]
    places = [on("rpi4"), on(NAME), on("default_c4_w32_d64_l64_b32_g2")]
    many = cost_many(works, places)
    for row, work in enumerate(works):
        one = cost(work, places)
        np.testing.assert_allclose(many.latency_s[row], one.latency_s, rtol=1e-12)
        np.testing.assert_allclose(many.energy_j[row], one.energy_j, rtol=1e-12)
    swapped = stack(works).picked(np.array([2, 0]))
    again = np.concatenate([works[2].products.m, works[0].products.m])
    np.testing.assert_array_equal(swapped.products.m, again)
    kernels = np.concatenate(
        [works[2].products.kernel, works[0].products.kernel + len(works[2].macs)]
    )
    np.testing.assert_array_equal(swapped.products.kernel, kernels)


def test_a_batch_fills_the_arrays_better_and_half_a_device_takes_twice_as_long() -> None:
    work = workload(network())
    one, eight, half = (
        cost(work, [on(NAME)]),
        cost(work, [on(NAME, batch=8)]),
        on(NAME, resource_share=0.5),
    )
    assert eight.occupancy_s[0] < one.occupancy_s[0] < eight.latency_s[0] < 8 * one.latency_s[0]
    slow = cost(work, [half]).latency_s[0]
    assert one.latency_s[0] < slow <= 2 * one.latency_s[0] * (1 + 1e-12)


def test_the_explanation_adds_up_and_the_breakdown_has_the_same_time() -> None:
    layers, place = network("mbconv"), on(NAME)
    study = Study(demand=Demand(inferences=1e9, lifetime_years=3))
    lines = explain(workload(layers), place, study)
    for line in lines:
        told = eval(line.formula, {"__builtins__": {"max": max}})
        assert told == pytest.approx(line.value, rel=1e-8), line
    rows = breakdown(layers, place)
    latency = cost(workload(layers), [place]).latency_s[0]
    assert sum(row.latency_s or 0.0 for row in rows) == pytest.approx(latency)


def test_names_and_sizes_say_the_same_and_a_frozen_design_is_read_back() -> None:
    assert design_of_name(NAME) == ("default", SIZES, {})
    by_sizes = device({"accelerator": "default", **SIZES})
    assert by_sizes == device(NAME)
    changes = {"node_nm": 7.0, "clock_hz": 1e9, "dram_bytes_per_s": 25.6e9, "dram_gb": 4.0}
    changed = device({"accelerator": "default", **SIZES, **changes})
    assert changed.name == NAME + "_n7_f1000_m25600_r4"
    assert device(changed.name) == changed
    place = on(NAME)
    assert deployment_from_dict(deployment_to_dict(place)) == place


def test_another_node_shrinks_the_die_by_the_square() -> None:
    small = changed_space(SPACE, {"node_nm": 7})
    assert small.area_scale.value == pytest.approx((7 / 45) ** 2)
    assert small.energy_scale.value == pytest.approx(7 / 45)
    area = [device(name).bill_of_materials.dies[0].area_cm2.value for name in (NAME, NAME + "_n7")]
    assert area[1] / area[0] == pytest.approx((7 / 45) ** 2 / 0.239)
    faster = cost(workload(network()), [on(NAME), on(NAME + "_f1250")]).latency_s
    assert faster[1] < faster[0]


def test_a_limit_of_power_is_a_limit(tmp_path) -> None:
    content = SPACE.model_dump(mode="json") | {"name": "frugal"}
    content["max_power_w"] = {"value": 0.5, "basis": "derived", "source": "chosen for the test"}
    path = tmp_path / "frugal.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    frugal = find_space(str(path))
    allowed = cost_designs(network(), frugal).allowed
    expected = cost_designs(network(), SPACE).allowed & (design_power_w(SPACE) <= 0.5)
    np.testing.assert_array_equal(allowed, expected)
    assert 0 < allowed.sum() < SPACE.size
    with pytest.raises(HardwareError, match=r"peak power of this design is .* W, above"):
        device({"accelerator": str(path), **SIZES})


def test_a_network_that_cannot_be_mapped_does_not_fit_and_says_why() -> None:
    layers = [
        Layer("x", Input((5, 8))),
        Layer("r", Recurrent("lstm", 8, 8), ("x",)),
        Layer("y", Linear(8, 2), ("r",)),
    ]
    found = cost(workload(layers), [on(NAME)])
    assert np.isnan(found.latency_s[0]) and not found.fits[0]
    assert found.reasons[0] == "operators: no mapping to systolic arrays is known of r"
    assert not cost_many([workload(layers)], [on(NAME)]).fits[0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clusters": 3}, "clusters: got 3; give one of 1, 2, 4"),
        ({"clusters": None}, "clusters: got None"),
        (
            {"pe_width": 256, "pe_depth": 64, "clusters": 4},
            "area of this design is .* mm2, above the space's 31.99",
        ),
        ({"colour": 1.0}, "'colour' is no size; use node_nm"),
        ({"clock_hz": -1.0}, "clock_hz: got -1.0; give a number above 0"),
        ({"clock_hz": 1.5}, "clock_hz: got 1.5; give a multiple of 1e\\+06"),
        ({"accelerator": 3}, "a mapping without accelerator"),
        ({"accelerator": "none"}, "accelerator: 'none' is unknown; use default"),
        ({"node_nm": 9}, "process node 9 nm has no row"),
    ],
)
def test_what_is_no_design_is_refused_in_one_line(change, message) -> None:
    with pytest.raises(HardwareError, match=message) as refused:
        device_embodied(device({"accelerator": "default", **SIZES, **change}))
    assert "\n" not in str(refused.value)


def test_a_missing_size_is_named() -> None:
    with pytest.raises(HardwareError, match="global_mib is not given; add one of 2, 4, 8"):
        design_profile(SPACE, {k: v for k, v in SIZES.items() if k != "global_mib"})
