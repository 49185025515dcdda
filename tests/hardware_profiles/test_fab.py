"""Fab tables against the figures of ACT, and names they lack."""

import pytest

from hardware_profiles.fab import fab_table, fab_table_names
from nas.errors import HardwareError


def test_names():
    assert fab_table_names() == ("act-2022", "act-2023", "imec-netzero-public")


def test_a_node_has_the_figures_of_act_table_1():
    # Gupta et al., ISCA 2022, 7 nm: 2.15 kWh, 350 g and 200 g of gases, 500 g of materials.
    node = fab_table("act-2022").node(7)
    assert node.energy_kwh_per_cm2.value == 2.15
    assert node.gases_gco2e_per_cm2_abated_95.value == 350
    assert node.gases_gco2e_per_cm2_abated_99.value == 200
    assert node.materials_gco2e_per_cm2.value == 500


def test_the_tables_differ_in_locations_and_in_the_yield_of_disks():
    old, new = fab_table("act-2022"), fab_table("act-2023")
    assert old.location("taiwan").value == 583
    assert new.location("taiwan").value == 642
    assert old.yield_divided == ("dram", "ssd")
    assert new.yield_divided == ("dram", "ssd", "hdd")
    assert (old.nodes, old.memories) == (new.nodes, new.memories)
    assert (old.name, new.name) == ("act-2022", "act-2023")


def test_memory_package_board_and_battery():
    table = fab_table("act-2022")
    assert table.memory("lpddr4").gco2e_per_gb.value == 48
    assert table.memory("nand_tlc_v3").kind == "ssd"
    assert table.memory("BarraCuda Pro").kind == "hdd"
    assert table.package_gco2e.value == 150
    assert table.pcb_kgco2e_per_m2[6].value == 0.71
    assert table.pcb_kgco2e_per_m2_layer.value == 0.13
    assert table.battery("lfp").value == 61.5


def test_nothing_is_interpolated_the_nearest_node_is_named():
    with pytest.raises(HardwareError, match="12 nm has no row; nearest is 14 nm"):
        fab_table("act-2022").node(12)


@pytest.mark.parametrize(
    ("method", "name", "message"),
    [
        ("location", "mars", "fab location 'mars' has no row; use one of world"),
        ("memory", "hbm9", "memory technology 'hbm9' has no row"),
        ("battery", "lead", "battery cathode 'lead' has no row; use one of nmc, lfp"),
    ],
)
def test_a_missing_row_is_named_with_those_that_exist(method, name, message):
    with pytest.raises(HardwareError, match=message):
        getattr(fab_table("act-2022"), method)(name)


def test_an_unknown_table_names_the_nearest():
    with pytest.raises(HardwareError, match="did you mean 'act-2023'"):
        fab_table("act-203")
