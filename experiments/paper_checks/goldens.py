"""What ACT's own code gives (`tests/golden/act_golden.json`) beside what our functions give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from experiments.paper_checks.data import ROOT
from nas.carbon import (
    battery_embodied_gco2e,
    die_embodied_gco2e,
    memory_embodied_gco2e,
    operational_gco2e,
    package_embodied_gco2e,
    pcb_embodied_gco2e,
)

FILE = ROOT / "tests" / "golden" / "act_golden.json"


def act_rows() -> list[dict[str, Any]]:
    """Inputs and outputs of ACT's own code, run unmodified."""
    rows: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
    return rows


def ours(row: Mapping[str, Any]) -> float:
    """The same inputs through our functions, in g."""
    given = row["inputs"]
    match row["kind"]:
        case "logic_die":
            grams = _die(given, given["area_cm2"])
        case "packaged_logic":
            bare = _die(given, given["area_mm2"] / 100)
            grams = bare + float(package_embodied_gco2e(given["packages"]))
        case "pcb":
            grams = pcb_embodied_gco2e(given["area_cm2"], given["layers"])
        case "li_ion_battery":
            grams = battery_embodied_gco2e(given["capacity_mwh"], given["cathode"].lower())
        case "operational":
            hours = given["lifetime_hours"] * given["duty_cycle"]
            grams = operational_gco2e(
                given["power_w"] * hours * 3600, grid_gco2e_per_kwh=given["use_ci_gCO2e_per_kwh"]
            )
        case _:
            # Disks carry no yield in ACT 2022, and the function applies none.
            grams = memory_embodied_gco2e(
                given["technology"], given["capacity_gb"], fab_yield=given.get("fab_yield", 1.0)
            )
    return float(grams)


def _die(given: Mapping[str, Any], area_cm2: float) -> float:
    grams = die_embodied_gco2e(
        area_cm2,
        node_nm=given["node_nm"],
        fab_gco2e_per_kwh=given["fab_ci_gCO2e_per_kwh"],
        abatement_pct=given["gas_abatement_pct"],
        fab_yield=given["fab_yield"],
    )
    return float(grams)
