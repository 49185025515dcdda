"""`carbon-nas hardware`: what it prints of devices and factor tables, and what it refuses."""

import json

import pytest
import yaml
from tiny_runs import one_line, run_command

from hardware_profiles.catalog import hardware, hardware_names, profile_to_dict

SECOND_LIFE = {"rule": "cut_off"}


@pytest.fixture
def said(in_process):
    def ask(*arguments):
        done = in_process("hardware", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return ask


@pytest.fixture
def my_board(tmp_path):
    """A function: a Raspberry Pi's file with changes of its bill of materials."""

    def write(**bill):
        content = profile_to_dict(hardware("rpi4")) | {"name": "my_board"}
        content["bill_of_materials"] |= bill
        path = tmp_path / "my_board.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def test_a_server_beside_its_assessment_in_a_process_of_its_own():
    done = run_command("hardware", "show", "dell_r740")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("embodied carbon with"))
    text = "\n".join(lines[start:])
    assert "act-2022 (alugupta/ACT@755bd52a, scopes 1+2+3 of dies)" in text
    assert "= 2 * 6.98 * (820 * 0.9 + 175 + 500) / 0.875" in text
    assert "not known: transport and end of life" in text
    for component, ratio in (("eight large SSDs", 0.44), ("small SSD", 0.98), ("DRAM", 0.62)):
        line = next(line for line in lines[start:] if line.strip().startswith(component))
        assert line.endswith(f"ratio {ratio}")


def test_json_holds_the_profile_and_its_embodied_carbon(said):
    content = json.loads(said("show", "fairphone_3", "--json"))
    embodied = content["embodied"]
    assert content["name"] == "fairphone_3"
    assert embodied["total_gco2e"] == pytest.approx(sum(x["gco2e"] for x in embodied["lines"]))
    assert embodied["fab_table"]["name"] == "act-2022"
    ratios = {row["name"]: round(row["ratio"], 2) for row in embodied["beside_published"]}
    assert ratios == {"CPU": 0.84, "other ICs": 1.07, "RAM and flash": 0.48}
    assert embodied["published_shares"] == {}


def test_text_shows_no_nulls_and_a_year_as_a_year(said):
    text = said("show", "rpi5")
    assert "null" not in text and "value: 2023\n" in text
    assert json.loads(said("show", "rpi5", "--json"))["launch_year"]["value"] == 2023


def test_another_table_changes_the_total_and_is_named(said):
    default, imec = (
        json.loads(said("show", "rpi4", "--json", *more))["embodied"]
        for more in ((), ("--fab-table", "imec-netzero-public"))
    )
    assert imec["fab_table"] == {
        "name": "imec-netzero-public",
        "version": "facebookresearch/ACT@abc9fbb7",
        "scopes": "1+2",
    }
    assert imec["total_gco2e"] < default["total_gco2e"]


def test_dark_silicon_reuse_and_phases_are_printed(said, my_board):
    text = said("show", my_board(reuse=SECOND_LIFE, end_of_life_gco2e=_figure(40.0)))
    assert "reused parts: 2,897.85 more, not charged to this life" in text
    assert "not known: transport\n" in text
    assert "40.00  end of life" in text
    dark = said("show", "rpi4")
    assert "dark silicon: 604.34 of it, 43 % of the dies' carbon and 21 % of the total" in dark
    assert "published life-cycle assessment: none known" in dark


def test_tables_are_listed_with_their_version(said):
    text = said("tables")
    assert "imec-netzero-public  facebookresearch/ACT@abc9fbb7  1+2" in text
    rows = json.loads(said("tables", "--json"))
    assert [row["name"] for row in rows] == ["act-2022", "act-2023", "imec-netzero-public"]
    assert rows[0]["interpolated"] == [22]


def test_a_file_of_a_user_is_checked_and_shown(said, my_board):
    path = my_board()
    assert said("check", path).splitlines()[0] == f"{path}: my_board is complete"
    assert said("show", path).startswith("name: my_board\n")


def test_a_rate_in_another_unit_is_one_line(in_process, tmp_path):
    content = profile_to_dict(hardware("rpi4")) | {"name": "slow"}
    content["macs_per_s"]["int8"] |= {"value": 2e3, "low": 2e3, "high": 2e3}
    path = tmp_path / "slow.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    said = one_line(in_process("hardware", "check", path))
    assert f"{path}: macs_per_s.int8: is 2000, as no device has it; give MACs a second" in said


def test_all_shipped_devices_are_complete_in_every_table(said):
    for table in ("act-2022", "act-2023", "imec-netzero-public"):
        lines = said("check", "--all", "--fab-table", table).splitlines()
        assert len(lines) == len(hardware_names())


def _figure(value, **more):
    return {"value": value, "source": "made up for a test", "basis": "derived", **more}


def _dies(**changes):
    die = {"name": "soc", "area_cm2": _figure(1.0), "node_nm": 7, "node_source": "test"}
    return [{**die, **changes}]


@pytest.mark.parametrize(
    ("bill", "message"),
    [
        ({"dies": _dies(node_nm=12)}, "process node 12 nm has no row; nearest is 14 nm"),
        ({"dies": _dies(area_cm2=_figure(float("nan")))}, "finite number"),
        ({"dies": _dies(area_mm2=_figure(100))}, "area_mm2: unknown key; did you mean 'area_cm2'?"),
        ({"fab_yield": _figure(0)}, "fab_yield: is 0; it must be above 0 and at most 1"),
        ({"fab_yield": _figure(1.5)}, "fab_yield: is 1.5; it must be above 0 and at most 1"),
        ({"fab_location": "taiwann"}, "'taiwann' has no row; did you mean 'taiwan'?"),
        ({"abatement_pct": _figure(50)}, "abatement_pct: got 50; give a finite number at least 95"),
    ],
)
def test_bad_materials_are_one_line(in_process, my_board, bill, message):
    assert message in one_line(in_process("hardware", "check", my_board(**bill)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "dell_r741"), "did you mean 'dell_r740'?"),
        (("show", "rpi4", "--fab-table", "imec-public"), "did you mean 'imec-netzero-public'?"),
        (("show", "rpi4", "--fab-table", "none.yaml"), "none.yaml: cannot be read"),
        (("show", "none.yaml"), "none.yaml: cannot be read"),
    ],
)
def test_unknown_names_are_one_line(in_process, arguments, message):
    assert message in one_line(in_process("hardware", *arguments))


def test_the_list_says_what_each_device_lacks(said):
    head, *lines = said("list").splitlines()
    assert head.split() == ["name", "kind", "year", "precisions", "peak", "memory", "lacks"]
    assert len(lines) == len(hardware_names())
    rows = {line.split()[0]: line.split() for line in lines}
    assert rows["rtx3090"][1:3] == ["desktop_gpu", "2020"]
    assert rows["rtx3090"][-1] == "-"
    assert rows["hailo_8"][-2:] == ["memory_bytes_per_s", "bill_of_materials"]
    found = {row["name"]: row for row in json.loads(said("list", "--json"))}
    assert found["coral_usb"]["lacks"] == ["bill_of_materials"]
    assert "carbon" in found["coral_usb"]["refused_objectives"]
    assert found["rtx3090"]["peak_macs_per_s"] == 142e12


def test_a_partial_profile_is_valid_and_says_what_it_is_refused_for(said, tmp_path):
    content = {
        "name": "chip", "label": "Chip", "kind": "npu", "macs_per_s": {"int8": _figure(1e12)},
        "memory_limit_bytes": _figure(1e9), "tdp_w": _figure(2.0),
    }  # fmt: skip
    path = tmp_path / "chip.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    first, second = said("check", path).splitlines()
    assert "chip is valid without memory_bytes_per_s, bill_of_materials, and refused for" in first
    assert second.startswith("  as the defaults of kind npu have it: efficiency.conv, ")
    assert "embodied carbon: unknown" in said("show", path)
