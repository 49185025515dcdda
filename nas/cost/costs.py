"""The cost: workload x deployments to latency, energy, memory, and fits or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hardware_profiles.deployment import Deployment
from nas.cost.energy import inference_energy_j
from nas.cost.figures import Array, Figures, figures_of
from nas.cost.latency import kernel_times
from nas.cost.memory import activation_bytes, fit_reasons, stored_bytes
from nas.cost.workload import Workload

__all__ = ["Costs", "cost", "costs_with"]


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Costs of one network on D deployments; arrays are (D,).

    Attributes:
        latency_s: Response time of one inference.
        occupancy_s: Device seconds of one inference: ``T_batch / (batch * streams)``.
        energy_j: Energy of one inference at the device's boundary, gross of idle.
        peak_memory_bytes: Weights in memory plus peak live activations of all inferences under
            way; without the runtime.
        storage_bytes: Folded weights and biases, without the runtime.
        fits: Whether model and runtime fit the device, and the runtime runs all of the model.
        reasons: Why not, such as ``flash: needs 2.31 MB, has 2.00 MB``; None where it fits.
    """

    latency_s: Array
    occupancy_s: Array
    energy_j: Array
    peak_memory_bytes: Array
    storage_bytes: Array
    fits: npt.NDArray[np.bool_]
    reasons: tuple[str | None, ...]


def cost(workload: Workload, deployments: Sequence[Deployment]) -> Costs:
    """Cost a network on every deployment.

    Args:
        workload: Counts of the network.
        deployments: One or more.

    Returns:
        The costs, in the order of the deployments.

    Raises:
        DeploymentError: If there is no deployment.
    """
    return costs_with(workload, figures_of(deployments))


def costs_with(workload: Workload, figures: Figures) -> Costs:
    """Cost a network by figures that are at hand already; see `cost`.

    Args:
        workload: Counts of the network.
        figures: Figures of D deployments.
    """
    times = kernel_times(workload, figures)
    total_s, busy_s, moved_bytes = (
        column.sum(axis=1, keepdims=True)
        for column in (times.time_s, times.busy_s, times.main_memory_bytes)
    )
    latency_s = total_s[:, 0]
    stored = stored_bytes(workload, figures)
    memory = activation_bytes(workload, figures) + stored * figures.weights_in_memory
    reasons = fit_reasons(memory[:, 0], stored[:, 0], figures)
    reasons = _with_unsupported(_with_unmapped(reasons, workload, figures), workload, figures)
    on_chip = times.on_chip_j
    return Costs(
        latency_s=latency_s,
        occupancy_s=latency_s / figures.together[:, 0],
        energy_j=inference_energy_j(
            workload.total_macs,
            total_s,
            busy_s,
            moved_bytes,
            figures,
            on_chip_j=None if on_chip is None else on_chip.sum(axis=1, keepdims=True),
        )[:, 0],
        peak_memory_bytes=memory[:, 0],
        storage_bytes=stored[:, 0],
        fits=np.array([reason is None for reason in reasons]),
        reasons=reasons,
    )


def _with_unmapped(
    reasons: tuple[str | None, ...], workload: Workload, figures: Figures
) -> tuple[str | None, ...]:
    """The reasons, and on systolic arrays that of a network that cannot be mapped to them."""
    unknown = workload.products.kernel[np.isnan(workload.products.m)]
    if figures.designs is None or not len(unknown):
        return reasons
    names = ", ".join(dict.fromkeys(workload.names[kernel] for kernel in unknown))
    text = f"operators: no mapping to systolic arrays is known of {names}"
    rows = set(figures.designs.rows.tolist())
    return tuple(
        "; ".join(part for part in (reason, text if row in rows else None) if part) or None
        for row, reason in enumerate(reasons)
    )


def _with_unsupported(
    reasons: tuple[str | None, ...], workload: Workload, figures: Figures
) -> tuple[str | None, ...]:
    """The reasons, and those of networks with layers that the device's runtime does not run."""
    missing = figures.unsupported[:, workload.kind_index]
    if not missing.any():
        return reasons
    told = [_missing(row, workload, figures, index) for index, row in enumerate(missing)]
    return tuple(
        "; ".join(part for part in both if part) or None for both in zip(reasons, told, strict=True)
    )


def _missing(
    row: npt.NDArray[np.bool_], workload: Workload, figures: Figures, index: int
) -> str | None:
    found: dict[str, str] = {}
    for kernel in np.flatnonzero(row):
        found.setdefault(workload.kinds[kernel], workload.names[kernel])
    if not found:
        return None
    told = ", ".join(f"{kind} ({name})" for kind, name in found.items())
    return f"operators: {figures.deployments[index].profile.name} does not run {told}"
