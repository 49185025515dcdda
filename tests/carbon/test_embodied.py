import ast
import json
import operator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles import fab_table, fab_table_names
from hardware_profiles.catalog import hardware, hardware_names
from nas.carbon import (
    battery_embodied_gco2e,
    casing_embodied_gco2e,
    device_embodied,
    die_embodied_gco2e,
    memory_embodied_gco2e,
    operational_gco2e,
    package_embodied_gco2e,
    pcb_embodied_gco2e,
)
from nas.errors import HardwareError, StudyError

GOLDEN = Path(__file__).parents[1] / "golden"
ACT = json.loads((GOLDEN / "act_golden.json").read_text())["rows"]
CATRANSFORMERS = json.loads((GOLDEN / "catransformers_golden.json").read_text())["rows"]
NODES = sorted(fab_table("act-2022").nodes)
FAB = {"fab_gco2e_per_kwh": 583, "abatement_pct": 97, "fab_yield": 0.875}
OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _die(given_, area_cm2):
    return die_embodied_gco2e(
        area_cm2,
        node_nm=given_["node_nm"],
        fab_gco2e_per_kwh=given_["fab_ci_gCO2e_per_kwh"],
        abatement_pct=given_["gas_abatement_pct"],
        fab_yield=given_["fab_yield"],
    )


def _act_grams(kind, given_):
    if kind == "logic_die":
        return _die(given_, given_["area_cm2"])
    if kind == "packaged_logic":
        bare = _die(given_, given_["area_mm2"] / 100)
        return bare + package_embodied_gco2e(given_["packages"])
    if kind == "pcb":
        return pcb_embodied_gco2e(given_["area_cm2"], given_["layers"])
    if kind == "li_ion_battery":
        return battery_embodied_gco2e(given_["capacity_mwh"], given_["cathode"].lower())
    # HDD rows of v1 carry no yield, and none may be applied.
    good = given_.get("fab_yield", 0.875)
    return memory_embodied_gco2e(given_["technology"], given_["capacity_gb"], fab_yield=good)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("logic_die", 230),
        ("packaged_logic", 32),
        ("dram", 64),
        ("ssd", 72),
        ("hdd", 38),
        ("pcb", 3),
        ("li_ion_battery", 2),
    ],
)
def test_every_row_of_act(kind, count):
    rows = [row for row in ACT if row["kind"] == kind]
    assert len(rows) == count
    for row in rows:
        grams = _act_grams(kind, row["inputs"])
        assert grams == pytest.approx(row["output_gCO2e"], rel=1e-9), row["id"]


@pytest.mark.parametrize(("table", "source"), [("act-2022", "ACT v1"), ("act-2023", "22nmScaling")])
def test_fab_locations_of_each_table_are_those_that_act_used(table, source):
    rows = [
        r for r in ACT if source in r["source"] and r["inputs"].get("fab_ci_key", "")[:4] == "loc_"
    ]
    assert rows
    for row in rows:
        given_ = row["inputs"]
        location = given_["fab_ci_key"].removeprefix("loc_")
        assert fab_table(table).location(location).value == given_["fab_ci_gCO2e_per_kwh"]


def test_every_row_of_catransformers():
    assert len(CATRANSFORMERS) == 18
    for row in CATRANSFORMERS:
        given_, expected = row["inputs"], row["output_kgCO2e"]
        die = _die(given_, given_["die_area_um2"] / 1e8)
        memory = memory_embodied_gco2e(
            given_["memory_technology"], given_["memory_gb"], fab_yield=given_["fab_yield"]
        )
        use = operational_gco2e(
            given_["energy_per_inference_j"], grid_gco2e_per_kwh=given_["use_ci_gCO2e_per_kwh"]
        )
        total = use * given_["lifetime_inferences"] + die + memory
        assert die / 1e3 == pytest.approx(expected["embodied_die"], rel=1e-9)
        assert memory / 1e3 == pytest.approx(expected["embodied_memory"], rel=1e-9)
        assert use / 1e3 == pytest.approx(expected["operational_per_inference"], rel=1e-9)
        assert total / 1e3 == pytest.approx(expected["total_lifetime"], rel=1e-9)


def test_die_of_the_design():
    # (583 * 2.15 + 275 + 500) / 0.875 = 2318.23 g/cm2; with one package of 150 g 2468.23 g
    die = die_embodied_gco2e(1.0, node_nm=7, **FAB)
    assert die == pytest.approx(2318.23, abs=0.005)
    assert die + package_embodied_gco2e(1) == pytest.approx(2468.23, abs=0.005)


def test_disks_are_divided_by_yield_in_the_table_of_2023_only():
    # 1000 GB * 4.57 g/GB = 4570 g; / 0.875 = 5222.857 g
    disk = {"capacity_gb": 1000, "fab_yield": 0.875}
    assert memory_embodied_gco2e("BarraCuda", **disk) == pytest.approx(4570)
    later = memory_embodied_gco2e("BarraCuda", **disk, table="act-2023")
    assert later == pytest.approx(5222.857, abs=5e-4)


@given(
    area=st.floats(0.01, 10),
    more=st.floats(0.01, 10),
    node=st.sampled_from(NODES),
    abatement=st.floats(95, 99),
    good=st.floats(0.1, 1.0),
)
def test_die_grows_with_area_additively_and_shrinks_with_yield(area, more, node, abatement, good):
    def grams(cm2, good=good):
        return die_embodied_gco2e(
            cm2, node_nm=node, fab_gco2e_per_kwh=583, abatement_pct=abatement, fab_yield=good
        )

    assert grams(area + more) > grams(area) > 0
    assert grams(area + more) == pytest.approx(grams(area) + grams(more), rel=1e-9)
    assert grams(area, good=good / 2) == pytest.approx(2 * grams(area), rel=1e-9)


@given(
    table=st.sampled_from(fab_table_names()), fab=st.floats(0, 1000), abatement=st.floats(95, 99)
)
def test_a_newer_node_never_takes_less_for_an_area(table, fab, abatement):
    grams = [
        float(
            die_embodied_gco2e(
                1.0,
                node_nm=node,
                fab_gco2e_per_kwh=fab,
                abatement_pct=abatement,
                fab_yield=1.0,
                table=table,
            )
        )
        for node in fab_table(table).known_nodes_nm
    ]
    assert grams == sorted(grams, reverse=True)


@given(node=st.sampled_from(NODES), low=st.floats(95, 99), high=st.floats(95, 99))
def test_more_abatement_never_emits_more(node, low, high):
    low, high = sorted((low, high))
    grams = die_embodied_gco2e(
        1.0, node_nm=node, fab_gco2e_per_kwh=583, abatement_pct=[low, high], fab_yield=1.0
    )
    assert grams[1] <= grams[0]


def test_a_table_may_be_given_by_name_or_itself():
    table = fab_table("act-2023")
    for made in (
        lambda table: die_embodied_gco2e(1.0, node_nm=7, **FAB, table=table),
        lambda table: memory_embodied_gco2e("BarraCuda", 1.0, fab_yield=0.875, table=table),
        lambda table: package_embodied_gco2e(3, table=table),
        lambda table: pcb_embodied_gco2e(100, 5, table=table),
        lambda table: battery_embodied_gco2e(5000, "lfp", table=table),
        lambda table: casing_embodied_gco2e(200, "steel", table=table),
    ):
        assert made(table) == made("act-2023")


def test_arrays_broadcast():
    grams = die_embodied_gco2e(
        np.ones((3, 1)), node_nm=7, fab_gco2e_per_kwh=[0, 583], abatement_pct=97, fab_yield=1.0
    )
    assert grams.shape == (3, 2)
    assert memory_embodied_gco2e("BarraCuda", 1.0, fab_yield=[0.5, 1.0]).shape == (2,)


@pytest.mark.parametrize("table", fab_table_names())
def test_nodes_and_layers_may_be_arrays_too(table):
    nodes = np.array([[3, 28], [22, 7]])
    together = die_embodied_gco2e([1.0, 2.0], node_nm=nodes, table=table, **FAB)
    apart = [
        [
            die_embodied_gco2e(area, node_nm=int(nm), table=table, **FAB)
            for area, nm in zip((1.0, 2.0), row, strict=True)
        ]
        for row in nodes
    ]
    assert together.tolist() == apart
    assert die_embodied_gco2e(1.0, node_nm=np.array(7), table=table, **FAB).shape == ()
    layers = pcb_embodied_gco2e(10.0, [2, 4, 12, 4], table=table)
    assert layers.tolist() == [pcb_embodied_gco2e(10.0, n, table=table) for n in (2, 4, 12, 4)]


def test_what_is_no_node_no_layer_and_no_name_is_refused():
    for node, got in (("7", "'7'"), (None, "None"), (7.5, "7.5"), (-7, "-7")):
        with pytest.raises(StudyError, match=f"node_nm: got {got}; give a"):
            die_embodied_gco2e(1.0, node_nm=node, **FAB)
    with pytest.raises(HardwareError, match="16 nm has no row; nearest is 14 nm"):
        die_embodied_gco2e([1.0, 2.0], node_nm=[7, 16], **FAB)
    with pytest.raises(StudyError, match=r"layers: got 4\.5; give a whole number"):
        pcb_embodied_gco2e(10, 4.5)
    with pytest.raises(HardwareError, match="memory technology: got None; give one name"):
        memory_embodied_gco2e(None, 1.0, fab_yield=1)
    with pytest.raises(HardwareError, match="fab table: got None; give a name"):
        package_embodied_gco2e(1, table=None)


def test_what_the_table_does_not_hold_is_refused():
    with pytest.raises(HardwareError, match="6 nm"):
        die_embodied_gco2e(1.0, node_nm=6, **FAB)
    with pytest.raises(StudyError, match="abatement_pct: got 90; give a finite number at least 95"):
        die_embodied_gco2e(1.0, node_nm=7, **(FAB | {"abatement_pct": 90}))
    with pytest.raises(StudyError, match="fab_yield: got 0; give a finite number above 0"):
        memory_embodied_gco2e("lpddr4", 1.0, fab_yield=0)
    with pytest.raises(StudyError, match="layers: got 0"):
        pcb_embodied_gco2e(10, 0)
    with pytest.raises(HardwareError, match="act-1999"):
        package_embodied_gco2e(1, table="act-1999")


def _evaluate(text):
    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        assert isinstance(node, ast.BinOp)
        return OPERATORS[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(text, mode="eval").body)


def test_a_device_by_hand(make_profile, figure):
    # die 2 * 1.0 * 2318.23 = 4636.46; lpddr4 4 * 48 / 0.875 = 219.43; nand 64 * 15 / 0.875 =
    # 1097.14; 3 packages 450; board 100 * 0.043 = 4.30; battery 5000 * 0.087 = 435; case 120
    dies = [{"name": "soc", "area_cm2": figure(1.0), "node_nm": 7, "node_source": "x", "count": 2}]
    dram = {"technology": "lpddr4", "technology_source": "x", "capacity_gb": figure(4.0)}
    flash = {"technology": "nand_20nm", "technology_source": "x", "capacity_gb": figure(64.0)}
    profile = make_profile(
        bill={
            "dies": dies,
            "memories": [dram],
            "storages": [flash],
            "packages": figure(3.0),
            "pcb": {"area_cm2": figure(100.0), "layers": 4},
            "battery": {"capacity_mwh": figure(5000.0), "cathode": "nmc"},
            "other": [{"name": "case", "gco2e": figure(120.0)}],
        }
    )
    embodied = device_embodied(profile)
    grams = [line.gco2e for line in embodied.lines]
    assert grams == pytest.approx([4636.46, 219.43, 1097.14, 450, 4.30, 435, 120], abs=0.005)
    assert embodied.total_gco2e == pytest.approx(6962.33, abs=0.01)


def test_another_table_moves_the_dies(make_profile):
    # (642 * 2.15 + 275 + 500) / 0.875 + 150 = 2613.2 g
    later = device_embodied(make_profile(), table="act-2023").total_gco2e
    assert later == pytest.approx(2613.2, abs=0.005)


@pytest.mark.parametrize("name", [n for n in hardware_names() if hardware(n).bill_of_materials])
def test_every_shipped_device_adds_up_and_shows_its_arithmetic(name):
    embodied = device_embodied(hardware(name))
    assert embodied.total_gco2e == pytest.approx(sum(line.gco2e for line in embodied.lines))
    assert embodied.total_gco2e > 0
    for line in embodied.lines:
        assert _evaluate(line.calculation) == pytest.approx(line.gco2e, rel=1e-8), line
        assert line.source


def test_a_card_and_a_phone_of_the_catalogue_by_hand():
    # act-2022: electricity and gases (mean of 95 and 99 %, so 97 % abated) of a cm2, materials 500
    # g; Taiwan 583 and Korea 430 g/kWh; yield 0.875 for dies and memories; packages 150 g each.
    # rtx3090: 6.28 cm2 at 8 nm, 24 GB at 65 g, and from its kind 45 packages and 180 kg around.
    card = 6.28 * (583 * 1.52 + (240 + 150) / 2 + 500) / 0.875 + 24 * 65 / 0.875
    assert device_embodied(hardware("rtx3090")).total_gco2e == pytest.approx(
        card + 45 * 150 + 180e3
    )
    # pixel6: 1.08 cm2 at 5 nm and twenty chips of 0.1 cm2 at 28 nm, 8 GB at 48 g, 128 GB at 6.3 g,
    # 22 packages, 30 cm2 of ten layers at 0.13 kg/m2 each, 17.7 Wh at 87 kg/kWh.
    dies = 1.08 * (430 * 2.75 + (430 + 225) / 2 + 500) + 20 * 0.1 * (430 * 0.9 + 137.5 + 500)
    phone = (dies + 8 * 48 + 128 * 6.3) / 0.875 + 22 * 150 + 30 * 0.13 + 17.7 * 87
    assert device_embodied(hardware("pixel6")).total_gco2e == pytest.approx(phone)
