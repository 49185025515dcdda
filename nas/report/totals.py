"""The totals of a carbon statement, redone from its other fields by plain arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["field", "recompute"]

_SECONDS = 3600.0
_KWH = 3.6e6


def recompute(statement: Mapping[str, Any]) -> dict[str, float]:
    """Every total of a statement, from hours, powers, grids, parts and shares alone.

    Nothing but the statement is used, no figure of this package among it, so that a reader can
    redo it with pen and paper: electricity is ``hours x power x overhead x intensity``, a machine
    that searched is charged ``manufacture x hours x share / (life x busy share)``, an inference its
    share ``occupancy / (life x busy share)`` of a device.

    Args:
        statement: As `nas.report.carbon_statement` gives it, or read from its JSON file.

    Returns:
        Totals by their dotted name in the statement, such as ``search.gco2e``.

    Raises:
        KeyError: If a field is missing; the statement is then not one.
    """
    totals: dict[str, float] = {}
    for name in ("search", "final_training"):
        totals |= _machine(name, statement[name])
    parts = statement["device"]["parts"]
    held = statement["device"]["resource_share"] * statement["device"]["charged_share"]
    device = {
        phase: held * math.fsum(part["gco2e"] for part in parts if part["phase"] == phase)
        for phase in dict.fromkeys(part["phase"] for part in parts)
    }
    totals["device.embodied_gco2e"] = math.fsum(device.values())
    totals["device.overhead"] = _overhead(statement["device"])
    totals |= _inference(statement, device)
    if statement["service"] is not None:
        totals |= _service(statement, totals, device)
    return totals


def field(statement: Mapping[str, Any], path: str) -> Any:
    """What a dotted name stands for in a statement, such as ``device.parts.0.gco2e``."""
    found: Any = statement
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list | tuple) else found[key]
    return found


def _overhead(facts: Mapping[str, Any]) -> float:
    """PUE over supply efficiency; one that is not known is outside of what is counted."""
    pue, supply = facts["pue"], facts["supply_efficiency"]
    return (1.0 if pue is None else pue["value"]) / (1.0 if supply is None else supply["value"])


def _machine(name: str, facts: Mapping[str, Any]) -> dict[str, float]:
    energy_kwh = facts["hours"] * facts["mean_power_w"] / 1000.0
    overhead = _overhead(facts)
    bought_kwh = energy_kwh * overhead
    operational = bought_kwh * facts["grid"]["gco2e_per_kwh"]["value"]
    busy_h = facts["machine_life_h"] * facts["machine_busy_share"]["value"]
    held_h = facts["hours"] * facts["machine_share"]
    embodied = facts["machine_embodied_gco2e"] * held_h / busy_h
    totals = {
        "overhead": overhead,
        "energy_kwh": energy_kwh,
        "operational_gco2e": operational,
        "embodied_gco2e": embodied,
        "gco2e": operational + embodied,
    }
    if facts["market_gco2e_per_kwh"] is not None:
        totals["operational_market_gco2e"] = bought_kwh * facts["market_gco2e_per_kwh"]
    return {f"{name}.{key}": value for key, value in totals.items()}


def _inference(statement: Mapping[str, Any], device: Mapping[str, float]) -> dict[str, float]:
    facts, place = statement["inference"], statement["device"]
    powered, busy = facts["powered_share"], facts["total_busy_share"]
    between_w = place["idle_w"]["value"] * max(powered - busy, 0.0)
    if powered < 1.0:
        between_w += place["sleep_w"]["value"] * (1.0 - powered)
    held_w = place["resource_share"] * facts["idle_charged_share"] * between_w
    idle_j = facts["occupancy_s"] * held_w / facts["sharing_busy_share"]
    overhead = _overhead(place)
    per_joule = overhead * place["grid"]["gco2e_per_kwh"]["value"] / _KWH
    life_s = place["life_h"] * _SECONDS
    share = facts["occupancy_s"] / (facts["sharing_busy_share"] * life_s)
    active, idle = facts["charged_energy_j"] * per_joule, idle_j * per_joule
    embodied = math.fsum(device.values()) * share
    totals = {
        "idle_energy_j": idle_j,
        "device_share": share,
        "active_gco2e": active,
        "idle_gco2e": idle,
        "operational_gco2e": active + idle,
        **{f"{phase}_gco2e": grams * share for phase, grams in device.items()},
        "embodied_gco2e": embodied,
        "gco2e": active + idle + embodied,
    }
    if place["market_gco2e_per_kwh"] is not None:
        bought_j = (facts["charged_energy_j"] + idle_j) * overhead
        totals["operational_market_gco2e"] = bought_j * place["market_gco2e_per_kwh"] / _KWH
    baseline = (statement["study"]["baseline"] or {}).get("carbon_gco2e")
    if baseline is not None:
        totals["change_gco2e"] = totals["gco2e"] - baseline
    return {f"inference.{key}": value for key, value in totals.items()}


def _service(
    statement: Mapping[str, Any], totals: Mapping[str, float], phases: Iterable[str]
) -> dict[str, float]:
    """Search, one full training and every inference of the devices' life."""
    count = statement["inference"]["inferences"]
    inference = {
        key: count * totals[f"inference.{key}_gco2e"]
        for key in ("operational", "embodied", *phases)
    }
    machines = ("search", "final_training")
    use = math.fsum(totals[f"{name}.operational_gco2e"] for name in machines)
    made = math.fsum(totals[f"{name}.embodied_gco2e"] for name in machines)
    use += inference["operational"]
    found = {
        "by_part.search": totals["search.gco2e"],
        "by_part.final_training": totals["final_training.gco2e"],
        "by_part.inference": inference["operational"],
        "by_part.devices": inference["embodied"],
        "by_phase.use": use,
        **{f"by_phase.{phase}": inference[phase] for phase in phases},
        "by_scope.scope1": 0.0,
        "by_scope.scope2": use,
        "by_scope.scope3": made + inference["embodied"],
        "gco2e": use + made + inference["embodied"],
    }
    found["by_phase.manufacture"] = made + inference.get("manufacture", 0.0)
    return {f"service.{key}": value for key, value in found.items()}
