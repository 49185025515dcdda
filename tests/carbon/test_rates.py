"""Memory that a model answers for: sizes a device is sold in, its resident share, or as built."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hardware_profiles import Deployment, custom_grid
from hardware_profiles.catalog import hardware
from nas.carbon import Demand, Study, capacities, device_embodied, footprint, rates_of
from nas.errors import HardwareError, StudyError

VOLUME = Study(Demand(4, inferences=1e7))
RESIDENT = dataclasses.replace(VOLUME, memory="resident_share")
AS_BUILT = dataclasses.replace(VOLUME, memory="as_built")


@pytest.fixture(scope="session")
def sold(make_profile, figure):
    """A device with 4 GB of LPDDR4, 3 of them free, sold with 2, 4 and 8: 48 g/GB over 0.875."""
    memory = {
        "technology": "lpddr4",
        "technology_source": "made up for a test",
        "capacity_gb": figure(4.0),
        "variants_gb": [2, 4, 8],
        "variants_source": "made up for a test",
    }
    return Deployment(
        "sold",
        make_profile(name="sold", bill={"memories": [memory]}, memory_limit_bytes=figure(3e9)),
        "int8",
        custom_grid(400.0),
    )


def device_gco2e(target, study, needed):
    result = footprint([[0.1]], [[0.02]], [target], study, memory_bytes=[[needed]])
    grams = result.device_embodied_gco2e.item()
    assert result.embodied_gco2e * 1e7 == pytest.approx(np.array([[grams]]))
    return grams


@pytest.mark.parametrize(
    ("needed", "size_gb"), [(0.0, 2), (1e9, 2), (1.000001e9, 4), (3e9, 4), (6e9, 8), (9e9, 8)]
)
def test_the_smallest_size_that_holds_the_model(needed, size_gb, sold):
    # of 4 GB 3 are free, so of 2 GB 1 is and of 8 GB 7
    without = device_embodied(sold.profile).total_gco2e - 4 * 48 / 0.875
    assert device_gco2e(sold, VOLUME, needed) == pytest.approx(without + size_gb * 48 / 0.875)


def test_the_resident_share_and_the_device_as_built(sold):
    built = device_embodied(sold.profile).total_gco2e
    half = built - 0.5 * 4 * 48 / 0.875
    assert device_gco2e(sold, RESIDENT, 2e9) == pytest.approx(half)
    assert device_gco2e(sold, RESIDENT, 8e9) == pytest.approx(built)
    assert device_gco2e(sold, AS_BUILT, 1.0) == pytest.approx(built)
    owned = dataclasses.replace(VOLUME, sunk=("sold",))
    result = footprint([0.1], [0.02], [sold], owned)
    assert result.sunk_device_gco2e == pytest.approx(built)


@given(needed=st.lists(st.floats(0, 1e10), min_size=2, max_size=5), rule=st.sampled_from(
    ["smallest_variant", "resident_share", "as_built"]))  # fmt: skip
def test_more_memory_never_embodies_less(needed, rule, sold):
    study = dataclasses.replace(VOLUME, memory=rule)
    column = np.sort(needed)[:, None]
    grams = footprint(
        np.full_like(column, 0.1), np.full_like(column, 0.02), [sold], study, memory_bytes=column
    ).embodied_gco2e[:, 0]
    assert (np.diff(grams) >= 0).all()


@given(needed=st.floats(0, 6e9), share=st.floats(0.05, 1.0))
def test_a_partition_has_its_share_of_every_size(needed, share, sold):
    assume(all(abs(needed - limit) > 1.0 for limit in (1e9, 3e9)))
    part = dataclasses.replace(sold, resource_share=share)
    for study in (VOLUME, RESIDENT):
        whole = device_gco2e(sold, study, needed)
        assert device_gco2e(part, study, needed * share) == pytest.approx(whole * share, rel=1e-6)


def test_sizes_of_devices_side_by_side():
    names = ("stm32l4r5", "rpi4", "pixel3")
    targets = [Deployment(name, hardware(name), "int8", custom_grid(400.0)) for name in names]
    memory, storage = np.full((4, 3), 1e8), np.geomspace(1e6, 2e11, 12).reshape(4, 3)
    result = footprint(
        np.ones((4, 3)),
        np.full((4, 3), 0.01),
        targets,
        VOLUME,
        memory_bytes=memory,
        storage_bytes=storage,
    )
    for column, target in enumerate(targets):
        sizes = capacities(target.profile)
        for row in range(4):
            expected = device_embodied(target.profile).total_gco2e
            for steps, needed in ((sizes.memory, memory), (sizes.storage, storage)):
                if steps is not None:
                    fits = [g for g, limit in zip(steps.grams, steps.limits_bytes, strict=True)
                            if needed[row, column] <= limit]  # fmt: skip
                    expected += (fits or steps.grams[-1:])[0] - steps.built_gco2e
            assert result.device_embodied_gco2e[row, column] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("study", [VOLUME, RESIDENT])
def test_memory_that_is_not_told_is_asked_for(study, sold):
    with pytest.raises(StudyError, match=r"memory_bytes is not given, and study\.memory is"):
        footprint([0.1], [0.02], [sold], study)
    with pytest.raises(StudyError, match=r"memory_bytes has shape \(2,\); give an array"):
        footprint([0.1], [0.02], [sold], study, memory_bytes=[1.0, 2.0])
    with pytest.raises(StudyError, match="memory_bytes: got nan"):
        footprint([0.1], [0.02], [sold], study, memory_bytes=[float("nan")])


def test_one_size_needs_no_memory(make_profile):
    target = Deployment("toy", make_profile(), "int8", custom_grid(400.0))
    assert footprint([0.1], [0.02], [target], VOLUME).carbon_gco2e.shape == (1,)
    assert rates_of([target], VOLUME).memory is None


def test_the_published_basis_takes_the_production_phase(make_profile):
    study = dataclasses.replace(AS_BUILT, embodied_basis="published")
    phone = Deployment("phone", hardware("iphone15pro"), "int8", custom_grid(400.0))
    lca = hardware("iphone15pro").published_lca
    made = footprint([0.1], [0.02], [phone], study).device_embodied_gco2e
    assert made == pytest.approx(lca.production_gco2e.value)
    toy = Deployment("toy", make_profile(), "int8", custom_grid(400.0))
    with pytest.raises(HardwareError, match="toy: nothing is published"):
        footprint([0.1], [0.02], [toy], study)


@given(scale=st.lists(st.floats(0.5, 2.0), min_size=3, max_size=3))
def test_drawn_rates_take_the_place_of_those_known(scale, sold):
    # three draws of one grid and one bill: shape (3, 1) beside (1,) energies
    known = rates_of([sold], VOLUME)
    draws = np.array(scale)[:, None]
    moved = dataclasses.replace(
        known,
        grid_gco2e_per_kwh=known.grid_gco2e_per_kwh * draws,
        manufacture_gco2e=known.manufacture_gco2e * draws,
        memory=dataclasses.replace(known.memory, gco2e=known.memory.gco2e * draws[..., None]),
    )
    args = ([0.1], [0.02], [sold], VOLUME)
    one = footprint(*args, memory_bytes=[1e9])
    drawn = footprint(*args, memory_bytes=[1e9], rates=moved)
    assert drawn.carbon_gco2e == pytest.approx(one.carbon_gco2e * draws)
    assert drawn.carbon_gco2e.shape == (3, 1)
