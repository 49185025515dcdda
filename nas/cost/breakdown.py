"""Where the cost of a network is: its work, weights, traffic and time by group of operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hardware_profiles.deployment import Deployment
from nas.cost.figures import BIAS_BYTES, ELEMENT_BYTES, FLOAT_BYTES, figures_of
from nas.cost.latency import kernel_times
from nas.cost.workload import Counts, Workload, workload
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    ClassToken,
    Conv1d,
    Conv2d,
    Embedding,
    Grams,
    LayerNorm,
    Linear,
    Multiply,
    Opaque,
    Positions,
    Recurrent,
    RMSNorm,
)

__all__ = ["GROUPS", "BreakdownRow", "breakdown"]

GROUPS = (
    "convolution",
    "attention",
    "feed-forward",
    "embedding",
    "recurrent",
    "normalisation and elementwise",
    "other",
    "unknown",
)
"""Groups of operators in their order in a breakdown.

``attention`` is its core and the linear layers whose names hold "attention"; ``feed-forward`` all
other linear layers but those that share the table of an embedding, which are ``embedding``, as are
positions and class tokens. ``other`` are pools, moves and interactions. ``unknown`` operators are
costed by their bytes alone: where there are any, MACs and times are lower bounds.
"""


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One group of operators.

    Attributes:
        group: One of `GROUPS`.
        layers: How many layers it has.
        macs: Multiply-accumulates of one sample.
        params: Trainable parameters, shared ones counted where they are used first.
        bytes_moved: Weights read and activations read and written by one inference alone, at the
            precision of the deployment, at fp32 without one; of a kernel all that is fused into it.
        latency_s: Time of its kernels, as in `nas.cost.costs.Costs.latency_s`; None without a
            deployment.
        latency_share: Of the whole latency, 0 to 1; None without a deployment.
    """

    group: str
    layers: int
    macs: int
    params: int
    bytes_moved: float
    latency_s: float | None
    latency_share: float | None


def breakdown(
    layers: Sequence[Layer], deployment: Deployment | None = None
) -> tuple[BreakdownRow, ...]:
    """The cost of a network by group of operators; every column sums to the network's total.

    Args:
        layers: A network in topological order.
        deployment: Where it runs; None leaves out the times.

    Returns:
        A row for each group that the network has, in the order of `GROUPS`.

    Raises:
        LayerError: If the layers do not connect or hold nothing but the input.
    """
    work = workload(layers)
    groups = _groups(layers)
    moved = _bytes_moved(work, "fp32" if deployment is None else deployment.precision)
    times = None if deployment is None else kernel_times(work, figures_of([deployment])).time_s[0]
    params = _parameters(layers)
    kernel_groups = np.array([GROUPS.index(groups[name]) for name in work.names])
    rows = []
    for index, group in enumerate(GROUPS):
        members = [layer.name for layer in layers[1:] if groups[layer.name] == group]
        if not members:
            continue
        mine = kernel_groups == index
        latency_s = None if times is None else float(times[mine].sum())
        rows.append(
            BreakdownRow(
                group=group,
                layers=len(members),
                macs=int(work.macs[mine].sum()),
                params=sum(params[name] for name in members),
                bytes_moved=float(moved[mine].sum()),
                latency_s=latency_s,
                latency_share=None if times is None else float(times[mine].sum() / times.sum()),
            )
        )
    return tuple(rows)


def _groups(layers: Sequence[Layer]) -> dict[str, str]:
    embedded = {layer.weights_name for layer in layers if isinstance(layer.op, Embedding)}
    return {layer.name: _group(layer, embedded) for layer in layers}


_GROUP_OF: dict[type, str] = {
    Conv1d: "convolution",
    Conv2d: "convolution",
    Attention: "attention",
    Linear: "feed-forward",
    Embedding: "embedding",
    Grams: "embedding",
    Positions: "embedding",
    ClassToken: "embedding",
    Recurrent: "recurrent",
    **dict.fromkeys(
        (BatchNorm, LayerNorm, RMSNorm, Activation, Add, Multiply), "normalisation and elementwise"
    ),
    Opaque: "unknown",
}


def _group(layer: Layer, embedded: set[str]) -> str:
    if isinstance(layer.op, Linear):
        if "attention" in layer.name:
            return "attention"
        if layer.weights_name in embedded:
            return "embedding"
    return _GROUP_OF.get(type(layer.op), "other")


def _parameters(layers: Sequence[Layer]) -> dict[str, int]:
    """Trainable parameters of every layer; 0 where an earlier one holds them."""
    seen: set[str] = set()
    counts = {}
    for layer in layers:
        counts[layer.name] = 0 if layer.weights_name in seen else layer.op.parameters()
        seen.add(layer.weights_name)
    return counts


def _bytes_moved(work: Workload, precision: str) -> Counts:
    elements = work.weight_elements + work.gathered_elements
    elements = elements + work.read_elements + work.write_elements
    moved = elements * ELEMENT_BYTES[precision] + work.bias_elements * BIAS_BYTES[precision]
    return moved + work.float_elements * FLOAT_BYTES[precision]
