"""The shipped devices, and what is said about faulty files."""

import json
from copy import deepcopy

import pytest
import yaml
from pydantic import BaseModel

from hardware_profiles.catalog import (
    hardware,
    hardware_names,
    load_profile,
    profile_from_dict,
    profile_to_dict,
)
from hardware_profiles.fab import fab_table, fab_table_names
from hardware_profiles.figure import Figure
from hardware_profiles.kinds import KINDS
from nas.errors import HardwareError

DEVICES = [name for name in hardware_names() if name != "host"]


def figures(node):
    if isinstance(node, Figure):
        yield node
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from figures(getattr(node, name))
    elif isinstance(node, dict):
        for value in node.values():
            yield from figures(value)
    elif isinstance(node, tuple):
        for value in node:
            yield from figures(value)


def test_devices_of_every_kind_and_the_host_are_known():
    assert "host" in hardware_names()
    assert {hardware(name).kind for name in hardware_names()} == set(KINDS)


@pytest.mark.parametrize("name", hardware_names())
def test_every_figure_has_a_source_and_every_assumption_a_range(name):
    found = list(figures(hardware(name)))
    assert len(found) >= 12
    for figure in found:
        assert len(figure.source) > 3
        assert figure.basis != "assumed" or figure.low < figure.high


@pytest.mark.parametrize("table_name", fab_table_names())
@pytest.mark.parametrize("name", hardware_names())
def test_every_material_has_a_row_in_every_fab_table(name, table_name):
    table, materials = fab_table(table_name), hardware(name).bill_of_materials
    if materials is None:
        return
    assert table.location(materials.fab_location).value > 0
    for die in materials.dies:
        assert die.node_nm in table.known_nodes_nm
    for memory in materials.memories:
        assert table.memory(memory.technology).kind == "dram"
    kinds = [table.memory(storage.technology).kind for storage in materials.storages]
    assert not kinds or {"ssd", "hdd"} & set(kinds)
    if materials.battery is not None:
        assert table.battery(materials.battery.cathode).value > 0


@pytest.mark.parametrize("name", hardware_names())
def test_a_profile_survives_json(name):
    profile = hardware(name)
    again = profile_from_dict(json.loads(json.dumps(profile_to_dict(profile))))
    assert again == profile
    assert hash(again) == hash(profile)


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(HardwareError, match="did you mean 'rpi4'"):
        hardware("rpi_4")


def edited(tmp_path, edit, name="rpi4"):
    content = deepcopy(profile_to_dict(hardware("rpi4")))
    edit(content)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def put(*path, value):
    def edit(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return edit


def drop(*path):
    def edit(content):
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return edit


def figure(value, **more):
    return {"value": value, "source": "s", "basis": "measured", **more}


FAULTS = [
    (put("idle_mw", value=figure(2100)), "idle_mw: unknown key; did you mean 'idle_w'"),
    (
        put("bill_of_materials", "dies", 0, "area_mm2", value=figure(65)),
        r"bill_of_materials\.dies\.0\.area_mm2: unknown key; did you mean 'area_cm2'",
    ),
    (put("idle_w", value=figure(-1)), "idle_w: is -1; it must be at least 0"),
    (put("load_w", value=figure(0)), "load_w: is 0; it must be above 0"),
    (put("load_w", value=figure(1.0)), "load_w: 1 W is below idle_w 2.1 W"),
    (put("sleep_w", value=figure(3.0)), "sleep_w: 3 W is above idle_w"),
    (put("efficiency", "conv", value=figure(9.0)), r"efficiency\.conv: is 9; .* at most 8"),
    (put("macs_per_s", "int4", value=figure(1e9)), r"macs_per_s\.int4: got 'int4'"),
    (put("macs_per_s", value={}), "macs_per_s: "),
    (drop("idle_w", "source"), r"idle_w\.source: missing; name where"),
    (put("idle_w", "source", value=""), r"idle_w\.source: .*is empty"),
    (put("idle_w", "value", value="2 W"), r"idle_w\.value: got '2 W'; expected a number"),
    (put("idle_w", "value", value=True), r"idle_w\.value: got True; expected a number"),
    (put("idle_w", value=2.1), r"idle_w: got 2\.1; expected a mapping"),
    (put("idle_w", "basis", value="guess"), r"idle_w\.basis: got 'guess'"),
    (put("idle_w", value=figure(2, low=3, high=4)), "idle_w: has low 3, value 2, high 4"),
    (drop("idle_w"), "idle_w: missing although other powers are given; add it or tdp_w"),
    (put("energy_boundary", value="wall"), "supply_efficiency: counted already"),
    (put("pue", value=figure(0.9)), "pue: is 0.9; it must be at least 1"),
    (drop("cache_bytes"), "only one is given; give both or neither"),
    (put("runtime_memory_bytes", value=figure(1e10)), "runtime_memory_bytes: leaves no memory"),
    (put("energy_per_mac_j", value={"fp16": figure(1e-12)}), "energy_per_mac_j: fp16 has no rate"),
]


@pytest.mark.parametrize(("edit", "message"), FAULTS)
def test_a_fault_names_file_key_and_remedy(tmp_path, edit, message):
    with pytest.raises(HardwareError, match=message) as caught:
        load_profile(edited(tmp_path, edit))
    assert str(caught.value).startswith("rpi4.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_the_file_s_is_refused(tmp_path):
    with pytest.raises(HardwareError, match=r"other\.yaml: name: got 'rpi4'; write 'other'"):
        load_profile(edited(tmp_path, lambda content: None, name="other"))


def test_a_good_file_of_a_user_loads(tmp_path):
    path = edited(tmp_path, put("name", value="mine"), name="mine")
    assert load_profile(str(path)).name == "mine"


def test_an_assumption_without_a_range_is_refused(tmp_path):
    edit = put("idle_w", value={"value": 2.0, "source": "s", "basis": "assumed"})
    with pytest.raises(HardwareError, match="idle_w: is assumed without a range"):
        load_profile(edited(tmp_path, edit))


# Merged mappings repeat a source; long lines are the point.
# ruff: noqa: E501
TEN_LINES = """\
{name: my_board, label: My board, kind: sbc, runtime: "ONNX Runtime, 4 threads", energy_boundary: board,
macs_per_s: {fp32: {value: 32e9, basis: derived, source: &d datasheet}, int8: {value: 64e9, basis: derived, source: *d}},
efficiency: {conv: &fit {value: 0.4, basis: measured, source: my run}, depthwise: {<<: *fit, value: 0.1}, linear: {<<: *fit, value: 0.2}},
half_rate_macs: {<<: *fit, value: 5e5}, dispatch_s: {<<: *fit, value: 30e-6}, memory_bytes_per_s: {<<: *fit, value: 5e9},
memory_limit_bytes: &size {value: 3e9, basis: datasheet, source: *d}, runtime_memory_bytes: {<<: *size, value: 3e7}, runtime_storage_bytes: {<<: *size, value: 1e7},
idle_w: &power {value: 2.4, basis: measured, source: my meter}, load_w: {<<: *power, value: 6.8},
supply_efficiency: {value: 0.85, basis: assumed, low: 0.75, high: 0.9, source: usual adapter}, lifetime_years: {value: 4, basis: assumed, low: 2, high: 8, source: as servers},
bill_of_materials: {fab_location: taiwan, fab_source: &act ACT default, fab_yield: &a {value: 0.875, basis: derived, source: *act}, abatement_pct: {<<: *a, value: 97}, packages: {<<: *size, value: 6},
  dies: [{name: SoC, area_cm2: {<<: *size, value: 0.8}, node_nm: 14, node_source: *d}],
  memories: [{technology: lpddr4, technology_source: *d, capacity_gb: {<<: *size, value: 4}}]}}
"""


def test_ten_lines_describe_a_device(tmp_path):
    path = tmp_path / "my_board.yaml"
    path.write_text(TEN_LINES, encoding="utf-8")
    assert len(TEN_LINES.splitlines()) == 10
    assert load_profile(path).precisions == ("fp32", "int8")
