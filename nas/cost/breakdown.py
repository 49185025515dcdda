"""Where the cost of a network is: its work, weights, traffic and time by group of operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hardware_profiles.deployment import Deployment
from nas.cost.figures import BIAS_BYTES, ELEMENT_BYTES, FLOAT_BYTES, Figures, figures_of
from nas.cost.latency import activation_elements, kernel_times
from nas.cost.workload import Counts, Workload, workload
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    Embedding,
    Flatten,
    Grams,
    LayerNorm,
    Linear,
    Multiply,
    Opaque,
    Positions,
    Recurrent,
    Reshape,
    RMSNorm,
    Select,
    Slice,
    Transpose,
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

``attention`` is its core and its projections: the linear layers that it reads or that read it, with
nothing but norms, moves, joined cores and unknown operators (such as rotary positions) between.
``feed-forward`` are all other linear layers but those that share the table of an embedding, which
are ``embedding``, as are positions and class tokens. ``other`` are pools, moves and interactions.
``unknown`` operators are costed by their bytes alone: where there are any, MACs and times are lower
bounds.
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
    figures = None if deployment is None else figures_of([deployment])
    moved = _bytes_moved(work, figures)
    times = None if figures is None else kernel_times(work, figures).time_s[0]
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
    groups = {layer.name: _GROUP_OF.get(type(layer.op), "other") for layer in layers}
    embedded = {layer.weights_name for layer in layers if isinstance(layer.op, Embedding)}
    projections = _projections(layers)
    for layer in layers:
        if layer.name in projections:
            groups[layer.name] = "attention"
        elif isinstance(layer.op, Linear) and layer.weights_name in embedded:
            groups[layer.name] = "embedding"
    return groups


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

_BETWEEN = (Flatten, LayerNorm, Opaque, Reshape, RMSNorm, Select, Slice, Transpose)


def _projections(layers: Sequence[Layer]) -> set[str]:
    """The linear layers whose output an attention takes, or that take its output."""
    by_name = {layer.name: layer for layer in layers}
    found = set()
    after: set[str] = set()
    for layer in layers:
        if isinstance(layer.op, Attention):
            after.add(layer.name)
            sources = (_behind(by_name[name], by_name) for name in layer.inputs)
            found |= {source.name for source in sources if isinstance(source.op, Linear)}
        elif after.issuperset(layer.inputs) and isinstance(layer.op, Linear):
            found.add(layer.name)
        elif after.issuperset(layer.inputs) and isinstance(layer.op, (*_BETWEEN, Concat)):
            after.add(layer.name)
    return found


def _behind(layer: Layer, by_name: Mapping[str, Layer]) -> Layer:
    while isinstance(layer.op, _BETWEEN) and len(layer.inputs) == 1:
        layer = by_name[layer.inputs[0]]
    return layer


def _parameters(layers: Sequence[Layer]) -> dict[str, int]:
    """Trainable parameters of every layer; 0 where an earlier one holds them."""
    seen: set[str] = set()
    counts = {}
    for layer in layers:
        counts[layer.name] = 0 if layer.weights_name in seen else layer.op.parameters()
        seen.add(layer.weights_name)
    return counts


def _bytes_moved(work: Workload, figures: Figures | None) -> Counts:
    elements = work.weight_elements + work.gathered_elements
    if figures is None:
        precision, elements = "fp32", elements + work.read_elements + work.write_elements
    else:
        precision = figures.deployments[0].precision
        elements = elements + activation_elements(work, figures)[0]
    moved = elements * ELEMENT_BYTES[precision] + work.bias_elements * BIAS_BYTES[precision]
    return moved + work.float_elements * FLOAT_BYTES[precision]
