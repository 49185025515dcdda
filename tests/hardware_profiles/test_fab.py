"""Fab tables against the figures of ACT, and names they lack."""

import os

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


def test_every_table_says_its_version_and_scopes():
    scopes = {name: fab_table(name).scopes for name in fab_table_names()}
    assert scopes == {"act-2022": "1+2+3", "act-2023": "1+2+3", "imec-netzero-public": "1+2"}
    versions = [fab_table(name).version for name in fab_table_names()]
    assert len(set(versions[:2])) == 2


def test_interpolation_is_asked_for_and_then_said():
    table = fab_table("act-2022")
    # A quarter of the way from 14 to 10 nm: 1.2 + 0.25 * 0.275 kWh.
    node = table.node(13, interpolate=True)
    assert node.energy_kwh_per_cm2.value == pytest.approx(1.26875)
    assert node.energy_kwh_per_cm2.source.startswith("interpolated between 10 and 14 nm")
    assert node.energy_kwh_per_cm2.high == pytest.approx(1.385 + 0.25 * (1.535 - 1.385))
    assert table.node(14, interpolate=True) is table.node(14)
    assert table.interpolated_nodes == (22,)
    for outside in (2, 40):
        with pytest.raises(HardwareError, match=f"{outside} nm has no row; nearest is"):
            table.node(outside, interpolate=True)


def test_imec_gives_one_figure_a_node():
    table = fab_table("imec-netzero-public")
    assert table.whole_node(7).value == 1440
    assert table.whole_node(28).value == 910
    # Rows that imec does not have are interpolated in the file, and it says so.
    assert table.interpolated_nodes == (22, 8)
    assert table.whole_node(8).value == pytest.approx(1090 + (1440 - 1090) * 2 / 3)
    with pytest.raises(HardwareError, match="read whole_node"):
        table.node(7)
    with pytest.raises(HardwareError, match="9 nm has no row"):
        table.whole_node(9)
    assert table.memories == fab_table("act-2022").memories


def test_ranges_hold_the_value_and_the_other_source():
    table = fab_table("act-2022")
    for technology in ("ddr4_10nm", "lpddr4", "nand_tlc_v3"):
        factor = table.memory(technology).gco2e_per_gb
        assert factor.high > 5 * factor.value
    # 2.2 kg/cm2 at 1.25 GB/cm2 (Boavizta) = 1.76 kg/GB.
    assert table.memory("ddr4_10nm").gco2e_per_gb.high == pytest.approx(2200 / 1.25)
    # With the other electricity, scopes 1 and 2 of 5 nm in Taiwan are imec's 1,540 g.
    node = table.node(5)
    gases = (430 + 225) / 2
    assert 583 * node.energy_kwh_per_cm2.low + gases == pytest.approx(1540, abs=0.5)


MINE = """\
extends: act-2022
name: {name}
label: Mine
version: "1"
memories:
  my_dram: {{kind: dram, gco2e_per_gb: {{value: 70, source: my maker, basis: datasheet}}}}
{more}"""


def write(folder, more="", name="my_table"):
    path = folder / "my_table.yaml"
    path.write_text(MINE.format(name=name, more=more), encoding="utf-8")
    return str(path)


def test_a_table_of_a_user_adds_rows_to_a_shipped_one(tmp_path):
    table = fab_table(write(tmp_path))
    assert (table.name, table.version) == ("my_table", "1")
    assert table.memory("my_dram").gco2e_per_gb.value == 70
    assert table.memory("lpddr4") == fab_table("act-2022").memory("lpddr4")
    assert table != fab_table("act-2022")
    assert fab_table(table) is table


def test_a_table_of_a_user_is_read_again_when_it_changes(tmp_path):
    path = write(tmp_path)
    first = fab_table(path)
    assert fab_table(path) is first
    more = "package_gco2e: {value: 99, source: my maker, basis: datasheet}\n"
    write(tmp_path, more)
    os.utime(path, ns=(1, 1))
    assert fab_table(path).package_gco2e.value == 99


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("nodes: {}\n", "nodes and whole_nodes_gco2e_per_cm2: give rows to one of them"),
        ("scopes: '1'\n", "scopes: got '1'"),
        ("package_kgco2e: 3\n", "package_kgco2e: unknown key; did you mean 'package_gco2e'"),
        ("package_gco2e: {value: .nan, source: s, basis: measured}\n", "expected a finite number"),
        ("package_gco2e: {value: -3, source: s, basis: measured}\n", "package_gco2e: is -3"),
        ("casing_kgco2e_per_kg: {tin: {value: 3, basis: measured}}\n", "tin.source: missing"),
    ],
)
def test_a_faulty_table_names_file_and_key(tmp_path, more, message):
    with pytest.raises(HardwareError, match=message) as caught:
        fab_table(write(tmp_path, more))
    assert str(caught.value).startswith("my_table.yaml: ")


def test_a_table_has_the_name_of_its_file_and_none_of_a_shipped_one(tmp_path):
    with pytest.raises(HardwareError, match="write 'my_table' or rename the file"):
        fab_table(write(tmp_path, name="other"))
    path = tmp_path / "act-2022.yaml"
    path.write_text(MINE.format(name="act-2022", more=""), encoding="utf-8")
    with pytest.raises(HardwareError, match="is a shipped table; rename yours"):
        fab_table(str(path))
    with pytest.raises(HardwareError, match=r"none\.yaml: cannot be read"):
        fab_table(str(tmp_path / "none.yaml"))
