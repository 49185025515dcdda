"""Of a carbon statement: the chosen device, one inference on it, and what was assumed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from hardware_profiles import deployment_from_dict
from hardware_profiles.deployment import Deployment
from hardware_profiles.figure import known
from nas.carbon import close_demand, device_embodied, idle_energy_j
from nas.carbon.study import Study
from nas.cost.explain_carbon import ONE_DEVICE, device_lines
from nas.cost.figures import figures_of
from nas.report.chosen import Chosen
from nas.report.content import assumptions
from nas.report.statement_machine import figure_facts, grid_facts, overhead_facts
from nas.runs.machine import HOST_BUSY_SHARE

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = ["assumed_figures", "device_facts", "inference_facts"]

# What a machine that searches is modelled by; its rates only size the search, they emit nothing.
_HOST_FIGURES = ("load_w", "lifetime_years", "pue", "supply_efficiency", "bill_of_materials")
_BY_PRECISION = ("macs_per_s", "energy_per_mac_j")


def device_facts(study: Study, chosen: Chosen) -> dict[str, Any]:
    """The device as charged: what it is made of, its powers and its electricity."""
    place, profile = chosen.deployment, chosen.deployment.profile
    sunk = profile.name in study.sunk
    return {
        "hardware": profile.name,
        "label": profile.label,
        "runtime": profile.runtime,
        "precision": place.precision,
        "batch": place.batch,
        "streams": place.streams,
        "threads": "all" if place.threads is None else place.threads,
        "resource_share": place.resource_share,
        "beside": [asdict(model) for model in place.beside],
        "idle_w": figure_facts(known(profile.idle_w)),
        "load_w": figure_facts(known(profile.load_w)),
        "sleep_w": None if profile.sleep_w is None else figure_facts(profile.sleep_w),
        "power_boundary": profile.energy_boundary,
        **overhead_facts(place),
        "grid": grid_facts(place.grid),
        "market_gco2e_per_kwh": place.market_gco2e_per_kwh,
        "life_h": study.demand.life_h,
        "charged_share": 0.0 if sunk else 1.0,
        "charged": "owned already, so nothing; the share is shown beside" if sunk else "in full",
        "parts": list(_parts(study, chosen)),
        "embodied_gco2e": float(chosen.row["device_embodied_gco2e"]),
    }


def _parts(study: Study, chosen: Chosen) -> Iterator[dict[str, Any]]:
    """Lines of the bill as built, and what the study's memory rule takes off."""
    place = chosen.deployment
    made = device_embodied(place.profile, table=study.fab_table, basis=study.embodied_basis)
    for line in made.lines:
        yield {
            "name": line.name,
            "phase": line.phase,
            "gco2e": line.gco2e,
            "unused_silicon_gco2e": line.dark_gco2e,
            "earlier_life_gco2e": line.reused_gco2e,
            "calculation": line.calculation,
            "source": line.source,
        }
    lines = list(device_lines(place, study, figures_of([place]), chosen.row))
    for less in takewhile(lambda line: line.label != ONE_DEVICE, lines[len(made.lines) :]):
        yield {
            "name": less.label,
            "phase": "manufacture",
            "gco2e": less.value,
            "unused_silicon_gco2e": 0.0,
            "earlier_life_gco2e": 0.0,
            "calculation": less.formula,
            "source": less.source,
        }


def inference_facts(study: Study, chosen: Chosen) -> dict[str, Any]:
    """One inference on the device: energy, idle time, its share of manufacture, and their grams."""
    row, place, demand = chosen.row, chosen.deployment, study.demand
    profile, tau = place.profile, float(row["occupancy_s"])
    sunk = profile.name in study.sunk
    net = study.view == "consequence" and sunk
    bought = study.view == "consequence" and not sunk
    own, total = float(row["busy_share"]), _total_busy_share(study, place, tau)
    energy_j = float(row["energy_j"])
    idle_w = known(profile.idle_w).value * place.resource_share
    sharing = own if bought else total
    sleep_w = 0.0 if profile.sleep_w is None else profile.sleep_w.value
    idle_j = idle_energy_j(
        tau,
        idle_w=idle_w,
        sleep_w=sleep_w * place.resource_share,
        busy_share=total,
        powered_share=demand.powered_share,
    )
    share = tau / (sharing * demand.life_h * 3600.0)
    embodied, operational = float(row["embodied_gco2e"]), float(row["operational_gco2e"])
    made = embodied - float(row["transport_gco2e"]) - float(row["end_of_life_gco2e"])
    whole = device_embodied(profile, table=study.fab_table, basis=study.embodied_basis)
    return {
        "energy_j": energy_j,
        "energy_known": "modelled from the layers and the device's figures, idle power included",
        "charged_energy_j": max(energy_j - idle_w * tau, 0.0) if net else energy_j,
        "occupancy_s": tau,
        "devices": int(row["devices"]),
        "inferences": float(row["inferences"]),
        "busy_share": own,
        "total_busy_share": total,
        "sharing_busy_share": sharing,
        "powered_share": demand.powered_share,
        "idle_charged_share": 0.0 if net else 1.0,
        "idle_energy_j": 0.0 if net else float(idle_j) * total / sharing,
        "device_share": share,
        "active_gco2e": float(row["active_gco2e"]),
        "idle_gco2e": float(row["idle_gco2e"]),
        "operational_gco2e": operational,
        "operational_market_gco2e": _known(row["operational_market_gco2e"]),
        "manufacture_gco2e": made,
        **{
            f"{phase}_gco2e": float(row[f"{phase}_gco2e"]) if phase in whole.by_phase else None
            for phase in ("transport", "end_of_life")
        },
        "embodied_gco2e": embodied,
        "sunk_gco2e": float(row["sunk_gco2e"]),
        "gco2e": operational + embodied,
        "change_gco2e": _known(row["change_gco2e"]),
    }


def _total_busy_share(study: Study, place: Deployment, tau: float) -> float:
    beside = place.beside_busy_share
    return float(
        close_demand(study.demand, np.array(tau), beside_busy_share=beside).total_busy_share
    )


def _known(value: Any) -> float | None:
    return None if math.isnan(float(value)) else float(value)


def assumed_figures(run: Run, chosen: Chosen) -> list[dict[str, Any]]:
    """Every figure behind the statement that nobody measured, with its range and why."""
    host = deployment_from_dict(run.frozen["search"]["host"])
    rows = [
        row
        for place, keep in ((host, _of_host), (chosen.deployment, _of_device))
        for row in assumptions([place])
        if keep(place, row.where)
    ]
    found = [
        {
            "figure": f"{host.profile.name}: busy share of its life",
            "value": HOST_BUSY_SHARE.value,
            "low": HOST_BUSY_SHARE.low,
            "high": HOST_BUSY_SHARE.high,
            "source": HOST_BUSY_SHARE.source,
        }
    ]
    for row in rows:
        entry = {
            "figure": row.where,
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "source": row.source,
        }
        if entry not in found:
            found.append(entry)
    return found


def _of_host(place: Deployment, where: str) -> bool:
    thing, _, key = where.partition(": ")
    return thing != place.profile.name or key.split(".")[0] in _HOST_FIGURES


def _of_device(place: Deployment, where: str) -> bool:
    """Whether a figure of the device is used at the precision of the deployment."""
    first, _, rest = where.partition(": ")[2].partition(".")
    return first not in _BY_PRECISION or rest == place.precision
