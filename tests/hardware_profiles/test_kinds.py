"""What a profile takes from its kind: which figures, over what range, and told as taken."""

from copy import deepcopy

import pytest

from hardware_profiles.catalog import hardware, hardware_names, profile_from_dict, profile_to_dict
from hardware_profiles.kinds import KINDS, completed, from_kind, kind_facts
from hardware_profiles.ranges import figures_in
from nas.errors import HardwareError


def figure(value, **more):
    return {"value": value, "source": "made up for a test", "basis": "datasheet", **more}


CARD = {
    "name": "card",
    "label": "A card",
    "kind": "desktop_gpu",
    "macs_per_s": {"fp32": figure(1e13)},
    "memory_peak_bytes_per_s": figure(1e12),
    "memory_limit_bytes": figure(16e9),
    "tdp_w": figure(300),
    "bill_of_materials": {
        "dies": [{"name": "gpu", "area_cm2": figure(5), "node_nm": 8, "node_source": "test"}]
    },
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "host"])
def test_every_default_has_a_source_and_every_assumption_a_range(kind):
    found = figures_in(kind_facts(kind))
    assert len(found) > 15
    for default in found.values():
        assert len(default.source) > 3
        assert default.basis != "assumed" or default.low < default.high


def test_power_follows_from_thermal_design_power_and_what_is_around():
    # kinds.yaml, desktop_gpu: 0.07 (0.03 to 0.15) of it and 45 W (25 to 90) idle; all of it
    # (0.7 to 1.1) and 110 W (60 to 200) at load, at the wall.
    card = profile_from_dict(CARD)
    assert (card.idle_w.value, card.idle_w.low, card.idle_w.high) == pytest.approx(
        (0.07 * 300 + 45, 0.03 * 300 + 25, 0.15 * 300 + 90)
    )
    assert (card.load_w.value, card.load_w.low, card.load_w.high) == pytest.approx(
        (300 + 110, 0.7 * 300 + 60, 1.1 * 300 + 200)
    )
    assert (card.energy_boundary, card.supply_efficiency, card.pue) == ("wall", None, None)


def test_bandwidth_and_filling_follow_from_the_datasheet():
    # kinds.yaml, desktop_gpu: 0.32 of the datasheet bandwidth, 0.6 us of the peak.
    card = profile_from_dict(CARD)
    assert card.memory_bytes_per_s.value == pytest.approx(0.32e12)
    assert card.half_rate_macs.value == pytest.approx(0.6e-6 * 1e13)
    assert card.memory_bytes_per_s.basis == "assumed"
    assert "made up for a test" in card.memory_bytes_per_s.source


def test_what_a_file_gives_is_never_replaced():
    content = deepcopy(CARD) | {
        "idle_w": figure(20),
        "load_w": figure(250),
        "energy_boundary": "board",
        "memory_bytes_per_s": figure(7e11),
        "efficiency": {"conv": figure(0.5), "pointwise": figure(0.4)},
        "lifetime_years": figure(9),
    }
    content["bill_of_materials"]["packages"] = figure(3)
    card = profile_from_dict(content)
    taken = from_kind(card.kind, figures_in(card))
    assert (card.idle_w.value, card.load_w.value, card.energy_boundary) == (20, 250, "board")
    assert card.memory_bytes_per_s.value == 7e11
    assert {name: share.value for name, share in card.efficiency.items()} == {
        "conv": 0.5,
        "pointwise": 0.4,
        "depthwise": 0.03,
        "linear": 0.6,
    }
    assert (card.lifetime_years.value, card.bill_of_materials.packages.value) == (9, 3)
    assert {"efficiency.depthwise", "half_rate_macs"} <= set(taken)
    given = {"idle_w", "load_w", "memory_bytes_per_s", "efficiency.conv", "lifetime_years"}
    assert not given & set(taken)


def test_what_no_default_can_tell_stays_unknown():
    content = {key: value for key, value in CARD.items() if key not in ("tdp_w",)}
    del content["bill_of_materials"], content["memory_peak_bytes_per_s"]
    card = profile_from_dict(content)
    unknown = (card.idle_w, card.load_w, card.energy_boundary, card.memory_bytes_per_s)
    assert unknown == (None,) * 4
    assert card.bill_of_materials is None
    assert card.supply_efficiency is None


@pytest.mark.parametrize("name", hardware_names())
def test_completing_twice_is_completing_once(name):
    plain = profile_to_dict(hardware(name))
    assert profile_to_dict(profile_from_dict(plain)) == plain


@pytest.mark.parametrize("given", [None, 3, [], {}, {"kind": "boat"}, {"kind": ["gpu"]}])
def test_what_is_no_profile_is_left_to_the_validation(given):
    assert completed(given) == given


def test_an_unknown_kind_is_one_line():
    with pytest.raises(HardwareError, match=r"kind: got 'gpus'; did you mean 'gpu'\?"):
        profile_from_dict(CARD | {"kind": "gpus"})
