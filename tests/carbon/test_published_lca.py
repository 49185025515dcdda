"""Devices beside what their makers published, and ACT's own ratios to it."""

import pytest

from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.lca import PublishedLca
from nas.carbon import beside_published, device_embodied
from nas.errors import HardwareError

# ACT v1, its own runs against the assessments (facebookresearch/ACT@7cdffa3 exps/dellr740 and
# exps/fairphone3): kg CO2e of the assessment, and the ratio it reaches.
RATIOS = {
    "dell_r740": {
        "eight large SSDs": (3373, 0.44),
        "small SSD": (64.1, 0.98),
        "DRAM": (533, 0.62),
        "two CPUs": (47, 0.49),
    },
    "fairphone_3": {"RAM and flash": (11, 0.48), "CPU": (1.07, 0.84), "other ICs": (5.3, 1.07)},
}


@pytest.mark.parametrize("name", RATIOS)
def test_act_s_own_ratios_are_reproduced(name):
    components = [row for row in beside_published(hardware(name)) if row.name != "production"]
    assert {row.name for row in components} == set(RATIOS[name])
    for row in components:
        published, ratio = RATIOS[name][row.name]
        assert row.published_gco2e == pytest.approx(1000 * published)
        assert round(row.ratio, 2) == ratio


def test_components_by_hand():
    rows = {row.name: row.bottom_up_gco2e for row in beside_published(hardware("dell_r740"))}
    # 8 * (3840 * 31 / 0.875 + 68 * 600 / 0.875 + 13 * 150) g
    assert rows["eight large SSDs"] == pytest.approx(1476994.29, abs=0.01)
    # 12 * (36 * 600 / 0.875 + 19 * 150) g
    assert rows["DRAM"] == pytest.approx(330428.57, abs=0.01)
    # 2 * (6.98 * (820 * 0.9 + 175 + 500) / 0.875 + 150) g
    assert rows["two CPUs"] == pytest.approx(22843.41, abs=0.01)
    rows = {row.name: row.bottom_up_gco2e for row in beside_published(hardware("fairphone_3"))}
    # 4 * 600 / 0.875 + 64 * 31 / 0.875 + 2 * 150 g
    assert rows["RAM and flash"] == pytest.approx(5310.29, abs=0.01)


@pytest.mark.parametrize(
    ("name", "dram", "expected"),
    [
        ("dell_r740", "ddr4_10nm", {"DRAM": 0.12, "eight large SSDs": 0.08, "small SSD": 0.15}),
        ("fairphone_3", "lpddr4", {"RAM and flash": 0.09}),
    ],
)
def test_the_newest_factors_count_far_less_than_the_assessment(name, dram, expected):
    # As the notes of both profiles say.
    content = profile_to_dict(hardware(name))
    bill = content["bill_of_materials"]
    for part in (*bill["memories"], *bill["storages"]):
        part["technology"] = dram if part["technology"] == "ddr3_50nm" else "nand_tlc_v3"
    rows = {row.name: row.ratio for row in beside_published(profile_from_dict(content))}
    assert {key: round(rows[key], 2) for key in expected} == expected


def test_the_published_basis_is_the_production_phase():
    embodied = device_embodied(hardware("iphone15pro"), basis="published")
    # Apple: 66 kg, 83 % of it production.
    assert embodied.total_gco2e == pytest.approx(54780)
    assert [line.phase for line in embodied.lines] == ["manufacture"]
    for name in ("rpi4", "fairphone_3"):  # of the latter only components are published
        with pytest.raises(HardwareError, match=rf"{name}: nothing is published .*bottom_up"):
            device_embodied(hardware(name), basis="published")


def test_nothing_published_leaves_nothing_beside():
    assert beside_published(hardware("rpi4")) == ()


def test_shares_of_a_phone_like_the_iphone_15_pro(figure):
    # Wu et al. 2024, sections II and IV: 83 % manufacture, 15 % use, the rest both others.
    lca = PublishedLca(
        total_kgco2e=figure(1.0), production_share=figure(0.83), use_share=figure(0.15)
    )
    assert lca.shares == pytest.approx(
        {"manufacture": 0.83, "use": 0.15, "transport and end_of_life": 0.02}
    )


@pytest.mark.parametrize("name", ["dell_r740", "fairphone_4", "iphone15pro", "a100_sxm4_40"])
def test_shares_sum_to_the_whole(name):
    assert sum(hardware(name).published_lca.shares.values()) == pytest.approx(1.0)


def test_an_unknown_basis_is_refused():
    with pytest.raises(HardwareError, match="embodied basis: got 'publishd'; use bottom_up or"):
        device_embodied(hardware("pixel3"), basis="publishd")


def test_components_alone_have_no_shares_and_no_production():
    assert hardware("fairphone_3").published_lca.shares == {}
    assert "production" not in {row.name for row in beside_published(hardware("fairphone_3"))}
    assert beside_published(hardware("dell_r740"))[0].name == "production"
