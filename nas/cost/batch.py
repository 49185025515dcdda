"""Costs of many networks on many deployments in one call, by the formulas for one network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hardware_profiles.deployment import Deployment
from nas.cost.energy import inference_energy_j
from nas.cost.figures import Array, Figures, compiled_figures
from nas.cost.latency import kernel_times
from nas.cost.memory import activation_bytes, stored_bytes
from nas.cost.stack import Stack, stack
from nas.cost.workload import Workload

__all__ = ["BatchCosts", "cost_many", "latency_s"]

_KERNELS_AT_ONCE = 1024  # arrays of so many kernels x deployments stay in a processor's cache


def latency_s(networks: Stack, figures: Figures) -> Array:
    """Response time of every network on every deployment, as `nas.cost.costs.Costs` has it.

    Args:
        networks: W networks.
        figures: Figures of D deployments.

    Returns:
        Seconds, shape (D, W).
    """
    times = kernel_times(networks, figures).time_s * networks.repeats
    total: Array = np.add.reduceat(times, networks.starts, axis=1)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class BatchCosts:
    """Costs of W networks on D deployments; arrays are (W, D), as `nas.cost.costs.Costs` has them.

    Attributes:
        latency_s: Response time of one inference.
        energy_j: Energy of one inference.
        peak_memory_bytes: Weights in memory and live activations.
        storage_bytes: Folded weights and biases.
        fits: Whether model and runtime fit the device, and the runtime runs all of the model.
    """

    latency_s: Array
    energy_j: Array
    peak_memory_bytes: Array
    storage_bytes: Array
    fits: npt.NDArray[np.bool_]


def cost_many(workloads: Sequence[Workload], deployments: Sequence[Deployment]) -> BatchCosts:
    """Cost networks on deployments; as `nas.cost.costs.cost` on each, in less time.

    Args:
        workloads: W networks, one or more.
        deployments: D deployments, one or more.

    Raises:
        LayerError: If there is no network.
        DeploymentError: If there is no deployment.
    """
    figures = compiled_figures(deployments)
    parts = [_costs(stack(some), figures) for some in _in_parts(workloads)]
    return BatchCosts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _in_parts(workloads: Sequence[Workload]) -> Iterator[Sequence[Workload]]:
    begin = kernels = 0
    for end, work in enumerate(workloads):
        kernels += len(work.macs)
        if kernels >= _KERNELS_AT_ONCE:
            yield workloads[begin : end + 1]
            begin, kernels = end + 1, 0
    if begin < len(workloads) or not workloads:
        yield workloads[begin:]


def _costs(networks: Stack, figures: Figures) -> tuple[npt.NDArray[Any], ...]:
    times = kernel_times(networks, figures)
    total_s = np.add.reduceat(times.time_s, networks.starts, axis=1)
    energy = inference_energy_j(
        networks.total_macs[networks.starts],
        total_s,
        np.add.reduceat(times.busy_s, networks.starts, axis=1),
        np.add.reduceat(times.main_memory_bytes, networks.starts, axis=1),
        figures,
        on_chip_j=None
        if times.on_chip_j is None
        else np.add.reduceat(times.on_chip_j, networks.starts, axis=1),
    )
    stored = stored_bytes(networks, figures)[:, networks.starts]
    live = activation_bytes(networks, figures)[:, networks.starts]
    memory = live + stored * figures.weights_in_memory
    fits = (memory + figures.taken_memory_bytes <= figures.memory_limit_bytes) & (
        stored + figures.taken_storage_bytes <= figures.storage_limit_bytes
    )
    # Where systolic arrays cannot be mapped to, there is no time.
    if figures.designs is not None:
        fits = fits & ~np.isnan(total_s)
    if figures.unsupported.any():
        missing = figures.unsupported[:, networks.kind_index] & (networks.repeats > 0.0)
        fits = fits & ~np.logical_or.reduceat(missing, networks.starts, axis=1)
    return total_s.T, energy.T, memory.T, stored.T, fits.T
