"""The carbon part of a calculation: the device, the demand, its use, and the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hardware_profiles.deployment import Deployment
from hardware_profiles.figure import known
from hardware_profiles.materials import Memory
from nas.carbon.demand import EQUATION
from nas.carbon.embodied import Steps, capacities, device_embodied
from nas.carbon.study import Study
from nas.cost.figures import Figures
from nas.cost.lines import Line, digits, product, sum_of

__all__ = ["ONE_DEVICE", "carbon_formulas", "demand_lines", "device_lines", "use_lines"]

Row = Mapping[str, Any]
ONE_DEVICE = "embodied carbon of one device"
"""Label of the line that sums up the parts of a device before it."""
_PARTITION = "that share of the device (ISO/IEC 21031:2024)"


def device_lines(
    deployment: Deployment, study: Study, figures: Figures, row: Row
) -> Iterator[Line]:
    """Every part of one device, the memory that the study counts, and what is charged.

    Args:
        deployment: Where the network runs.
        study: Tables, memory rule, what is owned already.
        figures: Figures of the deployment.
        row: Its score.
    """
    profile, share = deployment.profile, deployment.resource_share
    whole = device_embodied(profile, table=study.fab_table, basis=study.embodied_basis)
    for part in whole.lines:
        label = part.phase.replace("_", " ")
        if part.name != label:
            label = f"{label}: {part.name}"
        yield Line(label, part.calculation, part.gco2e, "gCO2e", part.source)
    grams = [part.gco2e for part in whole.lines]
    owned = profile.name in study.sunk
    if study.memory != "as_built" and not owned:
        for line in _memory_lines(deployment, study, figures, row):
            yield line
            grams.append(line.value)
    total, formula, source = sum(grams), sum_of(grams), "sum of the lines above"
    if share != 1.0:
        total, formula, source = total * share, f"({formula}) * {digits(share)}", _PARTITION
    yield Line(ONE_DEVICE, formula, total, "gCO2e", source)
    if owned:
        why = "study: owned already, so sunk"
        yield Line("charged for one device", f"0 * {digits(total)}", 0.0, "gCO2e", why)
        yield Line("not charged, per inference", _share(total, deployment, study, row, owned=True),
                   float(row["sunk_gco2e"]), "gCO2e", why)  # fmt: skip


def _memory_lines(
    deployment: Deployment, study: Study, figures: Figures, row: Row
) -> Iterator[Line]:
    sizes, bill = (
        capacities(deployment.profile, table=study.fab_table),
        deployment.profile.bill_of_materials,
    )
    if bill is None:
        return
    for what, steps, parts, key, runtime in (
        ("memory", sizes.memory, bill.memories, "peak_memory_bytes", figures.taken_memory_bytes),
        ("storage", sizes.storage, bill.storages, "storage_bytes", figures.taken_storage_bytes),
    ):
        if steps is None:
            continue
        needed = (float(row[key]) + float(runtime[0, 0])) / deployment.resource_share
        if study.memory == "resident_share":
            yield _resident_line(what, steps, needed)
        elif len(steps.limits_bytes) > 1:
            yield _variant_line(what, steps, parts, needed)


def _resident_line(what: str, steps: Steps, needed: float) -> Line:
    share = min(needed / steps.built_bytes, 1.0)
    return Line(
        f"{what} that the model does not take",
        f"{digits(steps.built_gco2e)} * (min({digits(needed)} / {digits(steps.built_bytes)}, 1)"
        " - 1)",
        steps.built_gco2e * (share - 1.0),
        "gCO2e",
        "study: a model answers for its resident share of the memory built in",
    )


def _variant_line(what: str, steps: Steps, parts: tuple[Memory, ...], needed: float) -> Line:
    large = [index for index, limit in enumerate(steps.limits_bytes) if needed <= limit]
    index = large[0] if large else len(steps.limits_bytes) - 1
    sold = next(part for part in parts if part.variants_gb)
    size = sold.variants_gb[index - len(steps.limits_bytes)]
    return Line(
        f"{what} of {size:g} GB, the smallest that holds {needed / 1e6:.4g} MB, instead of"
        f" {sold.capacity_gb.value:g} GB",
        f"{digits(steps.grams[index])} - {digits(steps.built_gco2e)}",
        steps.grams[index] - steps.built_gco2e,
        "gCO2e",
        f"sold in these sizes: {sold.variants_source}",
    )


def demand_lines(deployment: Deployment, study: Study, row: Row) -> Iterator[Line]:
    """How the demand closes: occupancy, devices, inferences, busy shares.

    Args:
        deployment: Where the network runs.
        study: Its demand.
        row: The score.
    """
    demand, tau = study.demand, float(row["occupancy_s"])
    busy, inferences = float(row["busy_share"]), float(row["inferences"])
    yield Line(
        "occupancy",
        f"{digits(row['latency_s'])} / ({deployment.batch} * {deployment.streams})",
        tau, "s", "device seconds of one inference",
    )  # fmt: skip
    if demand.peak_per_s is not None:
        yield Line(
            "devices of the pool",
            f"ceil({digits(demand.peak_per_s)} * {digits(tau)} / {digits(demand.peak_busy_share)})"
            f" + {demand.spares}",
            float(row["devices"]), "1", "peak rate over what a device serves, plus spares",
        )  # fmt: skip
    life = f"({int(row['devices'])} * {digits(demand.life_h)} * 3600"
    other = _others(deployment, study)
    if demand.inferences is None:
        if other:
            yield Line("busy share", f"{digits(busy + other)} - {digits(other)}", busy, "1",
                       f"that of all work, less that of {_beside(deployment)}")  # fmt: skip
        yield Line("inferences over the life", f"{life} * {digits(busy)}) / {digits(tau)}",
                   inferences, "1", EQUATION)  # fmt: skip
        return
    yield Line("busy share", f"{digits(inferences)} * {digits(tau)} / {life})", busy, "1", EQUATION)
    if other:
        parts = [busy, *(share for share in (demand.other_busy_share,) if share),
                 *(model.busy_share for model in deployment.beside)]  # fmt: skip
        whose = [
            *(["as the demand has them"] if demand.other_busy_share else []),
            *([_beside(deployment)] if deployment.beside else []),
        ]
        yield Line("busy share by all work", sum_of(parts), busy + other, "1",
                   f"other models on the device, {' and '.join(whose)}")  # fmt: skip


def _others(deployment: Deployment, study: Study) -> float:
    """Share of the device's life that other models on it take."""
    return study.demand.other_busy_share + deployment.beside_busy_share


def _beside(deployment: Deployment) -> str:
    return " and ".join(
        f"{model.name} ({digits(model.occupancy_s)} s x {digits(model.inferences_per_s)}/s)"
        for model in deployment.beside
    )


def use_lines(deployment: Deployment, study: Study, row: Row) -> Iterator[Line]:
    """Energy and carbon of the inference and of idle time, and what is shown beside.

    Args:
        deployment: Where the network runs.
        study: View and demand.
        row: The score.
    """
    active_j, idle_j = float(row["energy_j"]), 0.0
    if study.view == "consequence" and deployment.profile.name in study.sunk:
        line = _energy_above_idle(deployment, row)
        active_j = line.value
    else:
        line = _idle_line(deployment, study, row)
        idle_j = line.value
    yield line
    grid = deployment.grid.gco2e_per_kwh
    source = f"grid: {grid.source}{_overhead_source(deployment)}"
    for label, joules, key in (
        ("carbon of the inference itself", active_j, "active_gco2e"),
        ("carbon of idle time", idle_j, "idle_gco2e"),
    ):
        formula = f"{digits(joules)} * {digits(deployment.overhead)} * {digits(grid.value)} / 3.6e6"
        yield Line(label, formula, float(row[key]), "gCO2e", source)
    if deployment.market_gco2e_per_kwh is not None:
        market = digits(deployment.market_gco2e_per_kwh)
        yield Line(
            "operational carbon, market-based",
            f"({sum_of([active_j, idle_j])}) * {digits(deployment.overhead)} * {market} / 3.6e6",
            float(row["operational_market_gco2e"]), "gCO2e",
            "beside the grid's: contract of the deployment; GHG Protocol, Scope 2",
        )  # fmt: skip
    if study.baseline is not None:
        yield Line(
            "change against the baseline",
            f"{digits(row['carbon_gco2e'])} - {digits(study.baseline.carbon_gco2e)}",
            float(row["change_gco2e"]), "gCO2e", f"baseline: {study.baseline.name}",
        )  # fmt: skip


def _overhead_source(deployment: Deployment) -> str:
    """Where PUE and supply efficiency come from; empty where there is no overhead."""
    profile, said = deployment.profile, ""
    for what, own, figure in (
        ("PUE", deployment.pue, profile.pue),
        ("supply efficiency", deployment.supply_efficiency, profile.supply_efficiency),
    ):
        if own is not None:
            said += f"; {what} {own:g}: as the deployment says"
        elif figure is not None:
            said += f"; {what} {figure.value:g}: {figure.source}"
    return said


def _energy_above_idle(deployment: Deployment, row: Row) -> Line:
    watts = known(deployment.profile.idle_w).value
    idle_w = product(watts, deployment.resource_share)
    idle_j = watts * deployment.resource_share * float(row["occupancy_s"])
    energy = float(row["energy_j"])
    return Line(
        "energy of the inference above idle",
        f"{digits(energy)} - {idle_w} * {digits(row['occupancy_s'])}",
        max(energy - idle_j, 0.0), "J", "a device that is owned idles all the same",
    )  # fmt: skip


def _idle_line(deployment: Deployment, study: Study, row: Row) -> Line:
    demand, profile, share = study.demand, deployment.profile, deployment.resource_share
    powered, sleep_w = demand.powered_share, profile.sleep_w
    idle_w = known(profile.idle_w)
    idle, sleep = idle_w.value, 0.0 if sleep_w is None else sleep_w.value
    tau, own = float(row["occupancy_s"]), float(row["busy_share"])
    total = own + _others(deployment, study)
    sharing = own if study.view == "consequence" else total
    watts = max(powered - total, 0.0) * idle * share + (1.0 - powered) * sleep * share
    return Line(
        "idle and asleep between inferences",
        f"{digits(tau)} * ({product(idle, share)} * max({digits(powered)} - {digits(total)}, 0)"
        f" + {product(sleep, share)} * (1 - {digits(powered)})) / {digits(sharing)}",
        tau * watts / sharing,
        "J",
        idle_w.source
        if powered == 1.0 or sleep_w is None
        else f"{idle_w.source}; asleep: {sleep_w.source}",
    )


def carbon_formulas(deployment: Deployment, study: Study, row: Row) -> dict[str, str]:
    """Formula by name of each objective that rests on carbon.

    Args:
        deployment: Where the network runs.
        study: What the score was computed under.
        row: The score.
    """
    t, e, n = digits(row["latency_s"]), digits(row["energy_j"]), digits(row["inferences"])
    operational, embodied = digits(row["operational_gco2e"]), digits(row["embodied_gco2e"])
    made = f"{digits(row['device_embodied_gco2e'])} * {int(row['devices'])}"
    return {
        "operational": f"{digits(row['active_gco2e'])} + {digits(row['idle_gco2e'])}",
        "embodied": _share(row["device_embodied_gco2e"], deployment, study, row, owned=False),
        "carbon": f"{operational} + {embodied}",
        "sci": f"({operational} + {embodied}) / 1",
        "edp": f"{e} * {t}",
        "cdp": f"{made} * {t}",
        "cep": f"{made} * {e}",
        "c2ep": f"({made}) ** 2 * {e}",
        "ce2p": f"{made} * {e} ** 2",
        "tcdp": f"({made} + {n} * {operational}) * {t}",
    }


def _share(
    device_gco2e: Any, deployment: Deployment, study: Study, row: Row, *, owned: bool
) -> str:
    """What one inference carries of devices; of shared ones the part that it keeps busy.

    A consequence charges what is bought as a whole, whoever else uses it.
    """
    formula = f"{digits(device_gco2e)} * {int(row['devices'])} / {digits(row['inferences'])}"
    other = _others(deployment, study)
    if not other or (study.view == "consequence" and not owned):
        return formula
    busy = float(row["busy_share"])
    return f"{formula} * {digits(busy)} / {digits(busy + other)}"
