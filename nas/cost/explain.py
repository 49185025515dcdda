"""The calculation of a score, line by line, in arithmetic that a reader can redo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hardware_profiles.deployment import Deployment
from hardware_profiles.figure import known
from nas.carbon.study import Study
from nas.cost.explain_carbon import carbon_formulas, demand_lines, device_lines, use_lines
from nas.cost.figures import RATE_OF, Figures, efficiencies, figures_of, runs_in
from nas.cost.kernels import KINDS
from nas.cost.latency import (
    KernelTimes,
    activation_elements,
    computed_operations,
    kernel_times,
    met_weights,
    overhead_macs,
    seconds_per_mac,
    smooth_s,
)
from nas.cost.lines import Line, digits, product, sum_of
from nas.cost.memory import activation_bytes
from nas.cost.needs import lacking
from nas.cost.score import score
from nas.cost.systolic import mapped
from nas.cost.workload import Workload
from nas.objectives import OBJECTIVES

__all__ = ["Line", "explain"]

_NOT_EXPLAINED = ("error", "lifecycle")


def explain(workload: Workload, deployment: Deployment, study: Study) -> list[Line]:
    """Every step from the counts of a network to its objectives on one deployment.

    Args:
        workload: Counts of the network.
        deployment: Where it runs.
        study: Demand, boundary and factor tables.

    Returns:
        Kernel times, energy, memory, the device's embodied carbon and the demand; then one line
        for each objective in the order of `nas.objectives.OBJECTIVES`, with the values of
        `nas.cost.score.score`, but none where the device lacks what it needs; of one without a
        formula here the line is its value and what it means. Error and life-cycle carbon need a
        training and have no line.

    Raises:
        StudyError: As `nas.cost.score.score`.
        HardwareError: As `nas.cost.score.score`.
    """
    figures = figures_of([deployment])
    times = kernel_times(workload, figures)
    columns = score(workload, [deployment], study, None, training_gco2e=None)
    row = {name: column[0] for name, column in columns.items()}
    unknown = lacking(deployment.profile, study.embodied_basis)
    timed, powered = "rates" not in unknown, not {"rates", "power"} & set(unknown)
    lines = [
        *(_kernel_lines(workload, deployment, figures, times) if timed else ()),
        *(_energy_lines(workload, deployment, figures, times, row) if powered else ()),
        *_memory_lines(workload, figures, row),
        *(device_lines(deployment, study, figures, row) if "bill" not in unknown else ()),
        *(demand_lines(deployment, study, row) if timed else ()),
        *(use_lines(deployment, study, row) if powered else ()),
    ]
    formulas = carbon_formulas(deployment, study, row) | _cost_formulas(
        workload, figures, times, lines
    )
    bill = deployment.profile.bill_of_materials
    dies = () if bill is None else bill.dies
    area = " + ".join(f"{die.count} * {digits(die.area_cm2.value)}" for die in dies) or "0"
    return lines + _objective_lines(formulas | {"die_area": area}, row)


def _kernel_lines(
    workload: Workload, deployment: Deployment, figures: Figures, times: KernelTimes
) -> Iterator[Line]:
    profile = deployment.profile
    efficiency = efficiencies(profile)
    together = figures.together[0, 0]
    if profile.systolic is not None:
        yield from _mapped_lines(workload, deployment, figures, times)
        return
    for index, kind in enumerate(workload.kinds):
        move = _move(workload, figures, times, index)
        if RATE_OF.get(kind) not in efficiency:
            longest, source = move, f"bandwidth: {known(profile.memory_bytes_per_s).source}"
        else:
            share = efficiency[RATE_OF[kind]]
            source = f"rate: {share.source}; roofline, Williams et al., CACM 2009"
            most = profile.macs_per_s.get(runs_in(kind, deployment.precision))
            used = (deployment.resource_share, deployment.working_share)
            peak = product(np.nan if most is None else most.value, *used)
            if profile.latency_factor is not None:
                peak += f" / {digits(profile.latency_factor.value)}"
            rate = f"({peak} * {digits(share.value)}{_narrow(workload, figures, index)})"
            macs = digits(np.ravel(computed_operations(workload, figures))[index] * together)
            half = figures.half_rate_macs[0, 0] if workload.macs[index] else 0.0
            extra = float(overhead_macs(workload, figures)[0, index])
            more = f" + {digits(extra)}" if extra else ""
            curved = float(workload.curved_elements[index] * together * figures.activation_s[0, 0])
            after = f" + {digits(curved)}" if curved else ""
            longest = f"max(({macs}{more} + {digits(half)}) / {rate}{after}, {move})"
        yield Line(
            label=f"{workload.names[index]} ({kind})",
            formula=f"{longest} + {_started(workload, figures, index)}",
            value=float(times.time_s[0, index]),
            unit="s",
            source=source,
        )
    for kind_index, kind in enumerate(KINDS):
        part = times.time_s[0, workload.kind_index == kind_index]
        if len(part):
            yield Line(f"all {kind} kernels", sum_of(part), float(part.sum()), "s", "lines above")


def _narrow(workload: Workload, figures: Figures, index: int) -> str:
    """The share of its rate that a convolution reaches whose inputs fill no block of channels."""
    full = figures.seconds_per_mac[0, workload.kind_index[index]]
    reached = full / seconds_per_mac(workload, figures)[0, index]
    return "" if reached == 1.0 else f" * {digits(reached)}"


def _started(workload: Workload, figures: Figures, index: int) -> str:
    """The dispatch of a kernel, and of an activation behind it that is not fused."""
    own = figures.dispatch_s if workload.macs[index] else figures.move_dispatch_s
    smooth = float(smooth_s(workload, figures)[0, index])
    return digits(own[0, 0]) + (f" + {digits(smooth)}" if smooth else "")


def _mapped_lines(
    workload: Workload, deployment: Deployment, figures: Figures, times: KernelTimes
) -> Iterator[Line]:
    designs, arrays = figures.designs, deployment.profile.systolic
    if designs is None or arrays is None:
        return
    taken = mapped(workload, designs.sizes, figures.together)
    clock = product(arrays.clock_hz.value, deployment.resource_share)
    per_byte = digits(1.0 / figures.seconds_per_byte[0, 0])
    for index, kind in enumerate(workload.kinds):
        cycles = [float(column[0, index]) for column in (taken.array_cycles, taken.local_cycles)]
        yield Line(
            label=f"{workload.names[index]} ({kind})",
            formula=f"max(max({digits(cycles[0])}, {digits(cycles[1])}) / ({clock}),"
            f" {digits(taken.dram_bytes[0, index])} / {per_byte})",
            value=float(times.time_s[0, index]),
            unit="s",
            source="cycles of arrays and local buffers, bytes of DRAM; SCALE-Sim, arXiv 1811.02883",
        )
    joules = [
        (float(taken.local_bytes.sum()), arrays.local_energy_per_byte_j),
        (float(taken.global_bytes.sum()), arrays.global_energy_per_byte_j),
    ]
    yield Line(
        "energy of buffers",
        " + ".join(f"{digits(size)} * {digits(each.value)}" for size, each in joules),
        sum(size * each.value for size, each in joules),
        "J",
        joules[0][1].source,
    )


def _move(workload: Workload, figures: Figures, times: KernelTimes, index: int) -> str:
    """Traffic over bandwidth, main memory and cache apart where both serve the kernel."""
    element, bias = figures.element_bytes[0, 0], figures.bias_bytes[0, 0]
    activations = activation_elements(workload, figures)[0, index]
    activations += workload.gathered_elements[index]
    weights = np.ravel(met_weights(workload, figures))[index] * element
    weights += workload.bias_elements[index] * bias
    weights += workload.float_elements[index] * figures.float_bytes[0, 0]
    total = weights * figures.streams[0, 0] + activations * element * figures.together[0, 0]
    main = times.main_memory_bytes[0, index]
    slow, fast = 1.0 / figures.seconds_per_byte[0, 0], 1.0 / figures.cache_seconds_per_byte[0, 0]
    far = total - main - times.near_bytes[0, index]
    middle = 1.0 / figures.far_cache_seconds_per_byte[0, 0]
    parts = [
        f"{digits(size)} / {digits(speed)}"
        for size, speed in ((main, slow), (far, middle), (total - main - far, fast))
        if size
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
    idle, load = known(profile.idle_w), known(profile.load_w)
    share, idle_w = deployment.resource_share, idle.value
    total_s = float(row["latency_s"])
    yield Line("idle power while it runs", f"{product(idle_w, share)} * {digits(total_s)}",
               idle_w * share * total_s, "J", idle.source)  # fmt: skip
    per_mac, per_byte = figures.energy_per_mac_j[0, 0], figures.energy_per_byte_j[0, 0]
    if np.isnan(per_mac):
        busy_s = float(times.busy_s.sum())
        yield Line("time under load", sum_of(times.busy_s[0]), busy_s, "s",
                   "kernels above without dispatch; on a GPU without filling")  # fmt: skip
        above = f"({product(load.value, share)} - {product(idle_w, share)})"
        formula = f"{above} * {product(busy_s, deployment.working_share)}"
        dynamic, source = float(figures.dynamic_w[0, 0]) * busy_s, load.source
    else:
        moved = float(times.main_memory_bytes.sum())
        macs = workload.total_macs * float(together)
        formula = f"{digits(macs)} * {digits(per_mac)} + {digits(moved)} * {digits(per_byte)}"
        dynamic = macs * float(per_mac) + moved * float(per_byte)
        source = profile.energy_per_mac_j[deployment.precision].source
    yield Line("energy above idle", formula, dynamic, "J", source)


def _memory_lines(workload: Workload, figures: Figures, row: dict[str, Any]) -> Iterator[Line]:
    element, bias = figures.element_bytes[0, 0], figures.bias_bytes[0, 0]
    floats = workload.stored_float_elements
    yield Line(
        "weights and biases",
        f"{workload.stored_weight_elements} * {digits(element)}"
        f" + {workload.stored_bias_elements} * {digits(bias)}"
        + (f" + {floats} * {digits(figures.float_bytes[0, 0])}" if floats else ""),
        float(row["storage_bytes"]), "bytes", "counted, batch norms folded",
    )  # fmt: skip
    activations = float(activation_bytes(workload, figures)[0, 0])
    alive = activations / float(element * figures.together[0, 0])
    yield Line(
        "peak of live activations",
        f"{digits(alive)} * {digits(element)}"
        f" * {digits(figures.together[0, 0])}",
        activations, "bytes", "liveness over the graph",
    )  # fmt: skip


def _cost_formulas(
    workload: Workload, figures: Figures, times: KernelTimes, lines: list[Line]
) -> dict[str, str]:
    found = {line.label: digits(line.value) for line in lines}
    weights = f"{found['weights and biases']} * {digits(figures.weights_in_memory[0, 0])}"
    parts = ("idle power while it runs", "energy above idle", "energy of buffers")
    joules = " + ".join(found[label] for label in parts if label in found)
    return {
        "latency": sum_of(times.time_s[0]),
        "energy": f"({joules}) / {digits(figures.together[0, 0])}",
        "peak_memory": f"{found['peak of live activations']} + {weights}",
        "params": str(workload.params),
        "macs": sum_of(workload.macs),
    }


def _objective_lines(formulas: dict[str, str], row: dict[str, Any]) -> list[Line]:
    return [
        Line(
            label=objective.label,
            formula=formulas.get(objective.name, digits(row[objective.column])),
            value=float(row[objective.column]),
            unit=objective.unit,
            source=objective.definition,
        )
        for objective in OBJECTIVES.values()
        if objective.name not in _NOT_EXPLAINED and not np.isnan(row[objective.column])
    ]
