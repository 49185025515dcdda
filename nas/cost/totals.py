"""Latency of a network of which only totals are known, by the figures that layers are costed with.

Published tables often hold no layers, only multiply-accumulates (MACs), activations and parameters.
With ``peak`` the rate of large convolutions:

- A layer that sums K products for each element it writes reaches ``K / (K + K0)`` of the peak.
  Depthwise 3x3 convolutions have K = 9, so that their efficiency tells K0; over a network, time to
  compute is ``(MACs + K0 * activations) / peak``.
- Every activation moves four times: as it is written, as the next layer reads it, and in and out of
  one pass for a norm, sum or activation function, which totals do not count. Weights are read once
  a run.
- Some kernels wait for arithmetic and some for memory, so that the times add up.

How many kernels there are is not known; a network has at least one, and its dispatch is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.cost.figures import Array, Figures
from nas.cost.kernels import KINDS
from nas.cost.workload import Counts

__all__ = ["Totals", "totals_latency_s", "totals_of"]

_DEPTHWISE_PRODUCTS = 9.0
_MOVES = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """What is known of W networks; arrays are (W,).

    Attributes:
        macs: Multiply-accumulates of one inference.
        activations: Elements that the layers with MACs write in one inference.
        params: Parameters.
        batch: Inferences of one run.
    """

    macs: Counts
    activations: Counts
    params: Counts
    batch: Counts


def totals_of(
    macs: Sequence[float],
    activations: Sequence[float],
    params: Sequence[float],
    batch: Sequence[float],
) -> Totals:
    """Totals from plain numbers; see `Totals`."""
    return Totals(*(np.array(row, dtype=np.float64) for row in (macs, activations, params, batch)))


def totals_latency_s(totals: Totals, figures: Figures) -> Array:
    """Response time of a run of every network on every deployment.

    Args:
        totals: W networks.
        figures: Figures of D deployments; their batches are not used.

    Returns:
        Seconds of one batch, shape (D, W).

    Source:
        Roofline without overlap (Williams, Waterman and Patterson, CACM 2009) over totals; checked
        against the timm tables by experiments/benchmarks/latency_model.
    """
    full = figures.seconds_per_mac[:, [KINDS.index("conv")]]
    narrow = figures.seconds_per_mac[:, [KINDS.index("depthwise")]]
    per_activation = _DEPTHWISE_PRODUCTS * (narrow - full)
    per_activation = per_activation.clip(min=0.0)
    moved = _MOVES * totals.activations * totals.batch + totals.params
    time_s: Array = (
        totals.batch * (totals.macs * full + totals.activations * per_activation)
        + moved * figures.element_bytes * figures.seconds_per_byte
        + figures.dispatch_s
    )
    return time_s
