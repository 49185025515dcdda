"""What memory and storage embody in the sizes that a device is sold with."""

import pytest

from hardware_profiles.catalog import hardware
from nas.carbon import capacities, device_embodied


def _memory(figure, gb, **more):
    return {
        "technology": "lpddr4",
        "technology_source": "made up for a test",
        "capacity_gb": figure(gb),
        **more,
    }


SOLD = {"variants_gb": [1.0, 2.0, 4.0], "variants_source": "made up for a test"}


def test_steps_by_hand(make_profile, figure):
    profile = make_profile(
        bill={"memories": [_memory(figure, 2.0, **SOLD)]},
        memory_limit_bytes=figure(1.5e9),
    )
    steps = capacities(profile).memory
    # The system keeps 0.5 GB of each; lpddr4 48 g/GB over 0.875.
    assert steps.limits_bytes == pytest.approx((0.5e9, 1.5e9, 3.5e9))
    assert steps.grams == pytest.approx((48 / 0.875, 96 / 0.875, 192 / 0.875))
    assert (steps.built_bytes, steps.built_gco2e) == (2e9, pytest.approx(96 / 0.875))
    assert capacities(profile).storage is None


def test_a_size_that_leaves_nothing_is_no_choice(make_profile, figure):
    profile = make_profile(
        bill={"memories": [_memory(figure, 2.0, **SOLD)]}, memory_limit_bytes=figure(0.8e9)
    )
    assert capacities(profile).memory.limits_bytes == pytest.approx((0.8e9, 2.8e9))


def test_other_memories_stay_as_they_are(make_profile, figure):
    fixed, sold = _memory(figure, 8.0), _memory(figure, 2.0, **SOLD)
    profile = make_profile(bill={"memories": [fixed, sold]}, memory_limit_bytes=figure(9.5e9))
    steps = capacities(profile).memory
    assert steps.grams == pytest.approx(tuple(48 * gb / 0.875 for gb in (9.0, 10.0, 12.0)))
    assert steps.limits_bytes == pytest.approx((8.5e9, 9.5e9, 11.5e9))


def test_one_size_is_one_step(make_profile, figure):
    profile = make_profile(bill={"memories": [_memory(figure, 4.0)]})
    steps = capacities(profile).memory
    assert (steps.limits_bytes, steps.built_bytes) == ((1e9,), 4e9)
    assert steps.grams == (steps.built_gco2e,)


def test_dram_inside_a_drive_stores_nothing_of_a_model(make_profile, figure):
    flash = _memory(figure, 100.0) | {"technology": "nand_tlc_v3"}
    profile = make_profile(bill={"storages": [flash, _memory(figure, 1.0)]})
    steps = capacities(profile).storage
    assert steps.built_bytes == 100e9
    assert steps.limits_bytes == (100e9,)
    assert steps.built_gco2e == pytest.approx((100 * 6.3 + 48) / 0.875)


def test_reused_memory_is_charged_in_every_size_by_its_rule(make_profile, figure):
    years = {"first_life_years": figure(3.0), "second_life_years": figure(1.0)}
    part = _memory(figure, 2.0, reuse={"rule": "shared", **years}, **SOLD)
    steps = capacities(make_profile(bill={"memories": [part]})).memory
    assert steps.grams == pytest.approx(tuple(48 * gb / 0.875 / 4 for gb in (2.0, 4.0)))


def test_a_raspberry_pi_is_sold_with_four_sizes_of_memory_and_five_of_card():
    sizes = capacities(hardware("rpi4"))
    assert len(sizes.memory.limits_bytes) == 4
    assert len(sizes.storage.limits_bytes) == 5
    assert sizes.memory.built_gco2e in sizes.memory.grams
    assert sizes.storage.built_gco2e in sizes.storage.grams


@pytest.mark.parametrize("table", ["act-2022", "act-2023", "imec-netzero-public"])
@pytest.mark.parametrize("name", ["rpi4", "pixel3", "jetson_orin_nano_8gb", "dell_r740"])
def test_what_is_built_in_is_what_the_device_counts(name, table):
    kinds = device_embodied(hardware(name), table=table).by_component
    sizes = capacities(hardware(name), table=table)
    assert sizes.memory.built_gco2e == pytest.approx(kinds["memory"])
    assert sizes.storage.built_gco2e == pytest.approx(kinds["storage"])
