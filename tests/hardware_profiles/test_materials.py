"""What a bill of materials and a published assessment may say, and what is wrong with others."""

from copy import deepcopy

import pytest

from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.materials import Reuse, YieldModel
from nas.errors import HardwareError

RPI4 = profile_to_dict(hardware("rpi4"))
IPHONE = profile_to_dict(hardware("iphone15pro"))


def figure(value, **more):
    return {"value": value, "source": "made up for a test", "basis": "derived", **more}


def edited(base, path, value):
    content = deepcopy(base)
    node = content
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return content


BILL = "bill_of_materials"
DIE = (BILL, "dies", 0)
RAM = (BILL, "memories", 0)
MURPHY = {"model": "murphy", "defects_per_cm2": figure(0.15)}
FAULTS = [
    (RPI4, (BILL, "fab_yield"), figure(0.0), r"fab_yield: is 0; it must be above 0 and at most 1"),
    (RPI4, (BILL, "fab_yield"), figure(1.2), r"fab_yield: is 1.2; it must be above 0 and at most"),
    (RPI4, (BILL, "fab_yield"), figure(float("nan")), r"fab_yield\.value: .*finite number"),
    (RPI4, (BILL, "fab_yield"), 0.9, r"fab_yield: got 0\.9; expected a mapping"),
    (RPI4, (BILL, "fab_yield"), MURPHY, r"has a yield model, which is about dies; add memory_yiel"),
    (
        RPI4,
        (BILL, "fab_yield"),
        {**MURPHY, "model": "murphi"},
        r"fab_yield\.model: got 'murphi'; did you mean 'murphy'",
    ),
    (
        RPI4,
        (BILL, "fab_yield"),
        {"model": "murphy", "defects": figure(0.1)},
        r"fab_yield\.defects: unknown key",
    ),
    (
        RPI4,
        (BILL, "fab_yield"),
        {"model": "murphy", "defects_per_cm2": figure(-1)},
        r"fab_yield\.defects_per_cm2: is -1; it must be at least 0",
    ),
    (RPI4, (BILL, "memory_yield"), figure(0), r"memory_yield: is 0; it must be above 0"),
    (RPI4, (*DIE, "node_nm"), "28", r"node_nm: got '28'"),
    (RPI4, (*DIE, "unused_share"), figure(1.1), r"unused_share: is 1\.1; .* at most 1"),
    (RPI4, (*DIE, "assembly_yield"), figure(0), r"assembly_yield: is 0; it must be above 0"),
    (RPI4, (*DIE, "fab_location"), "usa", r"dies\.0: has only one of fab_location and fab_source"),
    (RPI4, (*DIE, "area_mm2"), figure(65), r"dies\.0\.area_mm2: unknown key; .*'area_cm2'"),
    (
        RPI4,
        (*DIE, "reuse"),
        {"rule": "cutoff"},
        r"reuse\.rule: got 'cutoff'; did you mean 'cut_off",
    ),
    (RPI4, (*DIE, "reuse"), {"rule": "shared"}, r"reuse: is shared; give first_life_years and"),
    (
        RPI4,
        (*DIE, "reuse"),
        {"rule": "cut_off", "first_life_years": figure(2)},
        r"reuse: is cut_off, which needs no years",
    ),
    (RPI4, (*DIE, "lca_component"), "CPU", r"lca_component: 'CPU' is none of .*add them there"),
    (RPI4, (*RAM, "variants_gb"), [2, 1, 4], r"has variants_gb out of order or twice"),
    (RPI4, (*RAM, "variants_gb"), [1, 2, 8], r"has capacity_gb 4, which is none of variants_gb"),
    (RPI4, (*RAM, "variants_gb"), [-1, 4], r"variants_gb\.0: got -1"),
    (RPI4, (*RAM, "variants_source"), None, r"has only one of variants_gb and variants_source"),
    (
        RPI4,
        (BILL, "storages", 0, "reserved_gb"),
        None,
        r"storages: variants_gb without reserved_gb",
    ),
    (
        RPI4,
        (BILL, "storages", 0, "reserved_gb"),
        figure(32),
        r"has reserved_gb of up to 32, which leaves nothing of capacity_gb 32",
    ),
    (
        RPI4,
        (BILL, "memories"),
        RPI4[BILL]["memories"] * 2,
        r"has several memories with variants_gb",
    ),
    (RPI4, (BILL, "casings"), [{"mass": figure(3)}], r"casings\.0\.mass: unknown key; .*'mass_g'"),
    (RPI4, (BILL, "transport_gco2e"), figure(-1), r"transport_gco2e: is -1; it must be at least 0"),
    (RPI4, (BILL, "transport_kgco2e"), figure(1), r"transport_kgco2e: unknown key; did you mean"),
    (IPHONE, ("published_lca", "use_share"), figure(21), r"use_share: is 21; .* at most 1"),
    (IPHONE, ("published_lca", "use_share"), figure(0.5), r"has shares that sum to 1\.33"),
    (
        IPHONE,
        ("published_lca", "total_gco2e"),
        figure(1),
        r"total_gco2e: unknown key; .*total_kgco",
    ),
    (IPHONE, ("published_lca", "production_share"), None, r"only one of total_kgco2e and produc"),
    (IPHONE, ("published_lca",), {"year": 2023}, r"published_lca: says nothing; give total_kgco"),
]


@pytest.mark.parametrize(("base", "path", "value", "message"), FAULTS)
def test_a_fault_is_one_line_that_names_the_key(base, path, value, message):
    with pytest.raises(HardwareError, match=message) as caught:
        profile_from_dict(edited(base, path, value), origin="mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert "\n" not in str(caught.value)


def test_yield_is_a_figure_or_a_model():
    content = edited(RPI4, (BILL, "fab_yield"), MURPHY)
    content[BILL]["memory_yield"] = figure(0.9)
    bill = profile_from_dict(content).bill_of_materials
    assert isinstance(bill.fab_yield, YieldModel)
    assert bill.yield_of_memories.value == 0.9
    assert hardware("rpi4").bill_of_materials.yield_of_memories.value == 0.875


def test_all_of_it_survives_writing_and_reading():
    content = edited(RPI4, (BILL, "fab_yield"), MURPHY)
    content[BILL]["memory_yield"] = figure(0.9)
    years = {"first_life_years": figure(4), "second_life_years": figure(2)}
    content[BILL]["reuse"] = {"rule": "shared", **years}
    content[BILL]["casings"] = [{"material": "steel", "mass_g": figure(10)}]
    profile = profile_from_dict(content)
    assert profile_from_dict(profile_to_dict(profile)) == profile
    assert isinstance(profile.bill_of_materials.reuse, Reuse)


@pytest.mark.parametrize("name", ["dell_r740", "fairphone_3"])
def test_components_of_an_assessment_are_named_by_parts(name):
    profile = hardware(name)
    bill = profile.bill_of_materials
    parts = (*bill.dies, *bill.memories, *bill.storages)
    assert {part.lca_component for part in parts} == set(profile.published_lca.components)
