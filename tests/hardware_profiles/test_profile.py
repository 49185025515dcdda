"""Derived properties of profiles and materials."""

import pytest

from hardware_profiles.catalog import hardware


def test_precisions_are_those_with_a_rate_widest_first():
    assert hardware("rpi4").precisions == ("fp32", "int8")
    assert hardware("a100_sxm4_40").precisions == ("fp32", "fp16", "bf16", "int8")


def test_die_area_adds_all_dies():
    # stm32l4r5.yaml: one die of 0.25 cm2. rpi4.yaml: 0.65 + 4 x 0.1 cm2.
    assert hardware("stm32l4r5").bill_of_materials.die_area_cm2 == 0.25
    assert hardware("rpi4").bill_of_materials.die_area_cm2 == pytest.approx(1.05)


def test_production_of_a_published_assessment_is_its_share():
    # Apple, iPhone 15 Pro report: 66 kg, 83 % of it production: 54.78 kg.
    assert hardware("iphone15pro").published_lca.production_gco2e.value == pytest.approx(54780)
