"""The calculation of a score, line by line, in arithmetic that a reader can redo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hardware_profiles.deployment import Deployment
from nas.carbon.embodied import device_embodied
from nas.carbon.study import Study
from nas.cost.figures import Figures, figures_of
from nas.cost.latency import KernelTimes, kernel_times
from nas.cost.score import score
from nas.cost.workload import KINDS, Workload
from nas.objectives import OBJECTIVES

__all__ = ["Line", "explain"]

_NOT_EXPLAINED = ("error", "lifecycle")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the calculation.

    Attributes:
        label: What is computed.
        formula: Arithmetic in numbers, in the syntax of Python, that yields the value.
        value: The result.
        unit: Its unit.
        source: Where formula or figures come from.
    """

    label: str
    formula: str
    value: float
    unit: str
    source: str


def explain(workload: Workload, deployment: Deployment, study: Study) -> list[Line]:
    """Every step from the counts of a network to its objectives on one deployment.

    Args:
        workload: Counts of the network.
        deployment: Where it runs.
        study: Demand, boundary and factor tables.

    Returns:
        Kernel times, energy, memory, the device's embodied carbon and the demand; then one line
        for each objective in the order of `nas.objectives.OBJECTIVES`, with the values of
        `nas.cost.score.score`. Error and life-cycle carbon need a training and have no line.

    Raises:
        StudyError: As `nas.cost.score.score`.
        HardwareError: As `nas.cost.score.score`.
    """
    figures = figures_of([deployment])
    times = kernel_times(workload, figures)
    columns = score(workload, [deployment], study, None, training_gco2e=None)
    row = {name: column[0] for name, column in columns.items()}
    lines = [
        *_kernel_lines(workload, deployment, figures, times),
        *_energy_lines(workload, deployment, figures, times, row),
        *_memory_lines(workload, figures, row),
        *_device_lines(deployment, study, row),
        *_demand_lines(deployment, study, row),
    ]
    formulas = _carbon_formulas(study, row) | _cost_formulas(workload, figures, times, lines)
    dies = deployment.profile.bill_of_materials.dies
    area = " + ".join(f"{die.count} * {_n(die.area_cm2.value)}" for die in dies) or "0"
    return lines + _objective_lines(formulas | {"die_area": area}, row)


def _kernel_lines(
    workload: Workload, deployment: Deployment, figures: Figures, times: KernelTimes
) -> Iterator[Line]:
    profile = deployment.profile
    efficiency = {str(kind): figure for kind, figure in profile.efficiency.items()}
    peak = profile.macs_per_s[deployment.precision].value
    together, half = figures.together[0, 0], figures.half_rate_macs[0, 0]
    for index, kind in enumerate(workload.kinds):
        move = _move(workload, figures, times, index)
        if kind == "other":
            longest, source = move, f"bandwidth: {profile.memory_bytes_per_s.source}"
        else:
            source = f"rate: {efficiency[kind].source}; roofline, Williams et al., CACM 2009"
            rate = f"({_n(peak)} * {_n(efficiency[kind].value)})"
            longest = f"max(({_n(workload.macs[index] * together)} + {_n(half)}) / {rate}, {move})"
        yield Line(
            label=f"{workload.names[index]} ({kind})",
            formula=f"{longest} + {_n(profile.dispatch_s.value)}",
            value=float(times.time_s[0, index]),
            unit="s",
            source=source,
        )
    for kind_index, kind in enumerate(KINDS):
        part = times.time_s[0, workload.kind_index == kind_index]
        if len(part):
            yield Line(f"all {kind} kernels", _sum(part), float(part.sum()), "s", "lines above")


def _move(workload: Workload, figures: Figures, times: KernelTimes, index: int) -> str:
    """Traffic over bandwidth, main memory and cache apart where both serve the kernel."""
    element, bias = figures.element_bytes[0, 0], figures.bias_bytes[0, 0]
    activations = workload.read_elements[index] + workload.write_elements[index]
    weights = workload.weight_elements[index] * element + workload.bias_elements[index] * bias
    total = weights * figures.streams[0, 0] + activations * element * figures.together[0, 0]
    main = times.main_memory_bytes[0, index]
    slow, fast = 1.0 / figures.seconds_per_byte[0, 0], 1.0 / figures.cache_seconds_per_byte[0, 0]
    parts = [
        f"{_n(size)} / {_n(speed)}" for size, speed in ((main, slow), (total - main, fast)) if size
    ]
    return " + ".join(parts)


def _energy_lines(
    workload: Workload,
    deployment: Deployment,
    figures: Figures,
    times: KernelTimes,
    row: dict[str, Any],
) -> Iterator[Line]:
    profile, together = deployment.profile, figures.together[0, 0]
    total_s = float(row["latency_s"])
    yield Line("idle power while it runs", f"{_n(profile.idle_w.value)} * {_n(total_s)}",
               profile.idle_w.value * total_s, "J", profile.idle_w.source)  # fmt: skip
    per_mac, per_byte = figures.energy_per_mac_j[0, 0], figures.energy_per_byte_j[0, 0]
    if np.isnan(per_mac):
        busy_s = float(times.busy_s.sum())
        yield Line("time under load", _sum(times.busy_s[0]), busy_s, "s",
                   "kernels above without dispatch; on a GPU without filling")  # fmt: skip
        formula = f"({_n(profile.load_w.value)} - {_n(profile.idle_w.value)}) * {_n(busy_s)}"
        dynamic, source = float(figures.dynamic_w[0, 0]) * busy_s, profile.load_w.source
    else:
        moved = float(times.main_memory_bytes.sum())
        macs = workload.total_macs * float(together)
        formula = f"{_n(macs)} * {_n(per_mac)} + {_n(moved)} * {_n(per_byte)}"
        dynamic = macs * float(per_mac) + moved * float(per_byte)
        source = profile.energy_per_mac_j[deployment.precision].source
    yield Line("energy above idle", formula, dynamic, "J", source)


def _memory_lines(workload: Workload, figures: Figures, row: dict[str, Any]) -> Iterator[Line]:
    element, bias = figures.element_bytes[0, 0], figures.bias_bytes[0, 0]
    yield Line(
        "weights and biases",
        f"{workload.stored_weight_elements} * {_n(element)}"
        f" + {workload.stored_bias_elements} * {_n(bias)}",
        float(row["storage_bytes"]), "bytes", "counted, batch norms folded",
    )  # fmt: skip
    activations = float(workload.peak_activation_elements * element * figures.together[0, 0])
    yield Line(
        "peak of live activations",
        f"{workload.peak_activation_elements} * {_n(element)} * {_n(figures.together[0, 0])}",
        activations, "bytes", "liveness over the graph",
    )  # fmt: skip


def _device_lines(deployment: Deployment, study: Study, row: dict[str, Any]) -> Iterator[Line]:
    parts = device_embodied(deployment.profile, table=study.fab_table).lines
    for part in parts:
        yield Line(f"manufacture: {part.name}", part.calculation, part.gco2e, "gCO2e", part.source)
    total = float(row["device_embodied_gco2e"])
    yield Line("manufacture of one device", _sum([part.gco2e for part in parts]), total, "gCO2e",
               "ACT, Gupta et al., ISCA 2022")  # fmt: skip


def _demand_lines(deployment: Deployment, study: Study, row: dict[str, Any]) -> Iterator[Line]:
    demand, profile = study.demand, deployment.profile
    tau, latency = float(row["occupancy_s"]), float(row["latency_s"])
    busy, inferences = float(row["busy_share"]), float(row["inferences"])
    yield Line("occupancy", f"{_n(latency)} / ({deployment.batch} * {deployment.streams})", tau,
               "s", "device seconds of one inference")  # fmt: skip
    life = f"({demand.devices} * {_n(demand.life_h)} * 3600"
    source = "N * tau = D * LT * 3600 * u"
    if demand.inferences is None:
        yield Line("inferences over the life", f"{life} * {_n(busy)}) / {_n(tau)}", inferences,
                   "1", source)  # fmt: skip
    else:
        yield Line("busy share", f"{_n(inferences)} * {_n(tau)} / {life})", busy, "1", source)
    sleep = 0.0 if profile.sleep_w is None else profile.sleep_w.value
    powered = demand.powered_share
    idle = max(powered - busy, 0.0) * profile.idle_w.value + (1.0 - powered) * sleep
    idle_j = tau * idle / busy
    yield Line(
        "idle and asleep between inferences",
        f"{_n(tau)} * ({_n(profile.idle_w.value)} * max({_n(powered)} - {_n(busy)}, 0)"
        f" + {_n(sleep)} * (1 - {_n(powered)})) / {_n(busy)}",
        idle_j, "J", profile.idle_w.source,
    )  # fmt: skip
    grid = deployment.grid.gco2e_per_kwh
    for label, joules, key in (
        ("carbon of the inference itself", float(row["energy_j"]), "active_gco2e"),
        ("carbon of idle time", idle_j, "idle_gco2e"),
    ):
        formula = f"{_n(joules)} * {_n(deployment.overhead)} * {_n(grid.value)} / 3.6e6"
        yield Line(label, formula, float(row[key]), "gCO2e", f"grid: {grid.source}")


def _cost_formulas(
    workload: Workload, figures: Figures, times: KernelTimes, lines: list[Line]
) -> dict[str, str]:
    known = {line.label: _n(line.value) for line in lines}
    weights = f"{known['weights and biases']} * {_n(figures.weights_in_memory[0, 0])}"
    joules = f"{known['idle power while it runs']} + {known['energy above idle']}"
    return {
        "latency": _sum(times.time_s[0]),
        "energy": f"({joules}) / {_n(figures.together[0, 0])}",
        "peak_memory": f"{known['peak of live activations']} + {weights}",
        "params": str(workload.params),
        "macs": _sum(workload.macs),
    }


def _carbon_formulas(study: Study, row: dict[str, Any]) -> dict[str, str]:
    t, e, n = _n(row["latency_s"]), _n(row["energy_j"]), _n(row["inferences"])
    operational, embodied = _n(row["operational_gco2e"]), _n(row["embodied_gco2e"])
    made = f"{_n(row['device_embodied_gco2e'])} * {study.demand.devices}"
    return {
        "operational": f"{_n(row['active_gco2e'])} + {_n(row['idle_gco2e'])}",
        "embodied": f"{made} / {n}",
        "carbon": f"{operational} + {embodied}",
        "sci": f"({operational} + {embodied}) / 1",
        "edp": f"{e} * {t}",
        "cdp": f"{made} * {t}",
        "cep": f"{made} * {e}",
        "c2ep": f"({made}) ** 2 * {e}",
        "ce2p": f"{made} * {e} ** 2",
        "tcdp": f"({made} + {n} * {operational}) * {t}",
    }


def _objective_lines(formulas: dict[str, str], row: dict[str, Any]) -> list[Line]:
    return [
        Line(
            label=objective.label,
            formula=formulas[objective.name],
            value=float(row[objective.column]),
            unit=objective.unit,
            source=objective.definition,
        )
        for objective in OBJECTIVES.values()
        if objective.name not in _NOT_EXPLAINED
    ]


def _sum(values: Any) -> str:
    return " + ".join(_n(value) for value in values)


def _n(value: Any) -> str:
    """A number with ten digits: enough to redo the arithmetic."""
    return f"{float(value):.10g}"
