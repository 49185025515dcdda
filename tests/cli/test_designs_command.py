"""`carbon-nas hardware designs`, and designs and files of one's own where devices are named."""

import json

import pytest
import yaml
from tiny_runs import one_line

from hardware_profiles.catalog import hardware, profile_to_dict
from nas.engine.config import read_config
from nas.engine.resolve import resolve

SIZES = {"clusters": 1, "pe_width": 32, "pe_depth": 8, "local_kib": 64,
         "local_bytes_per_cycle": 32, "global_mib": 2}  # fmt: skip


@pytest.fixture(scope="module")
def architecture():
    import numpy as np

    from search_spaces import space

    return json.dumps(dict(space("mbconv").sample(np.random.default_rng(0))))


def ask(in_process, *arguments):
    done = in_process(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def subject(architecture):
    return ("--space", "mbconv", "--task", "digits", "--architecture", architecture)


def test_json_holds_every_design_and_its_front_is_undominated(in_process, architecture):
    rows = json.loads(ask(in_process, "hardware", "designs", *subject(architecture), "--json"))
    assert len(rows) == 3240 and len({row["name"] for row in rows}) == 3240
    within = [row for row in rows if row["within_limits"]]
    front = [row for row in rows if row["on_front"]]
    keys = ("latency_s", "energy_j", "embodied_gco2e")
    for row in within[::50]:
        better = [
            one
            for one in front
            if all(one[key] <= row[key] for key in keys)
            and any(one[key] < row[key] for key in keys)
        ]
        assert row["on_front"] != bool(better)


def test_limits_hold_and_a_listed_design_is_a_device_with_the_same_costs(in_process, architecture):
    text = ask(
        in_process, "hardware", "designs", *subject(architecture),
        "--limit", "peak_power_w=0.5", "--limit", "area_mm2=12", "--change", "clock_hz=5e8",
    )  # fmt: skip
    name = text.splitlines()[1].split()[0]
    assert name.endswith("_f500")
    rows = json.loads(
        ask(in_process, "hardware", "designs", *subject(architecture), "--json",
            "--change", "clock_hz=5e8", "--limit", "peak_power_w=0.5", "--limit", "area_mm2=12")
    )  # fmt: skip
    row = next(row for row in rows if row["name"] == name)
    assert row["on_front"] and row["peak_power_w"] <= 0.5 and row["area_mm2"] <= 12
    (told,) = json.loads(
        ask(in_process, "estimate", *subject(architecture), "--hardware", f"{name}:int8",
            "--grid", "fr", "--inferences", "1e9", "--lifetime-years", "4", "--json")
    )  # fmt: skip
    for key in ("latency_s", "energy_j"):
        assert told[key] == pytest.approx(row[key], rel=1e-9)
    assert told["device_embodied_gco2e"] == pytest.approx(row["embodied_gco2e"], rel=1e-9)
    assert told["die_area_cm2"] == pytest.approx(row["area_mm2"] / 100, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--limit", "colour=1"), "--limit: 'colour' is unknown"),
        (("--limit", "area_mm2"), "--limit: got 'area_mm2'; give NAME=NUMBER"),
        (("--limit", "area_mm2=1"), "none of 3240 designs is within the limits"),
        (("--change", "colour=1"), "'colour' is no size"),
        (("--accelerator", "none"), "accelerator: 'none' is unknown"),
    ],
)
def test_what_is_wrong_is_one_line(in_process, architecture, options, message):
    done = in_process("hardware", "designs", *subject(architecture), *options)
    assert message in one_line(done)


def test_a_configuration_names_designs_and_files_of_its_own_folder(tmp_path):
    mine = profile_to_dict(hardware("rpi4")) | {"name": "my_board"}
    (tmp_path / "my_board.yaml").write_text(yaml.safe_dump(mine), encoding="utf-8")
    content = {
        "task": "digits",
        "space": "mbconv",
        "demand": {"inferences": 1e9, "lifetime_years": 4},
        "deployments": [
            {"hardware": {"accelerator": "default", **SIZES}, "precision": "int8", "grid": "fr"},
            {"hardware": "./my_board.yaml", "precision": "int8", "grid": "fr"},
        ],
        "sunk": ["my_board"],
        "search": {"on": {"hardware": "my_board.yaml", "grid": "fr"}},
        "budget": {"trainings": 1},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    frozen = resolve(read_config(path))
    labels = [row["label"] for row in frozen["deployments"]]
    assert labels == ["default_c1_w32_d8_l64_b32_g2-int8-fr", "my_board-int8-fr"]
    assert frozen["search"]["host"]["profile"]["name"] == "my_board"
    assert frozen["deployments"][0]["profile"]["systolic"]["pe_width"] == 32
