"""The kernels of many networks in one row, so that one call costs them all.

What belongs to a network as a whole is repeated for each of its kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.cost.products import Products
from nas.cost.workload import Counts, Workload
from nas.errors import LayerError

__all__ = ["Stack", "stack"]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Kernels of W networks in one row; `nas.cost.latency.kernel_times` takes them for one network.

    Attributes:
        starts: Shape (W,): where the kernels of each network begin.
        repeats: How often each kernel runs in its network.
        kind_index: As `nas.cost.workload.Workload` has it; likewise all further counts, of which
            those of a whole network are repeated for each of its kernels.
        products: The matrix products of all kernels, which they number in their row.
    """

    starts: npt.NDArray[np.intp]
    repeats: Counts
    kind_index: npt.NDArray[np.intp]
    operations: Counts
    macs: Counts
    weight_elements: Counts
    bias_elements: Counts
    float_elements: Counts
    gathered_elements: Counts
    read_elements: Counts
    write_elements: Counts
    score_elements: Counts
    padded_macs: Counts
    unmet_weights: Counts
    smooth_elements: Counts
    curved_elements: Counts
    channels_in: Counts
    channels_out: Counts
    total_macs: Counts
    stored_weight_elements: Counts
    stored_bias_elements: Counts
    stored_float_elements: Counts
    peak_activation_elements: Counts
    peak_unscored_elements: Counts
    products: Products

    def picked(self, rows: npt.NDArray[np.intp]) -> Stack:
        """The networks of the given rows, in their order."""
        ends = np.append(self.starts[1:], len(self.repeats))
        sizes = (ends - self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        kernels = np.arange(sizes.sum()) + np.repeat(self.starts[rows] - starts, sizes)
        columns = {key: getattr(self, key)[kernels] for key in (*_PER_KERNEL, *_PER_NETWORK)}
        return Stack(
            starts=starts,
            repeats=self.repeats[kernels],
            products=_picked(self.products, kernels),
            **columns,
        )


_PER_KERNEL = (
    "kind_index",
    "operations",
    "macs",
    "weight_elements",
    "bias_elements",
    "float_elements",
    "gathered_elements",
    "read_elements",
    "write_elements",
    "score_elements",
    "padded_macs",
    "unmet_weights",
    "smooth_elements",
    "curved_elements",
    "channels_in",
    "channels_out",
)
_PER_NETWORK = (
    "total_macs",
    "stored_weight_elements",
    "stored_bias_elements",
    "stored_float_elements",
    "peak_activation_elements",
    "peak_unscored_elements",
)


def stack(workloads: Sequence[Workload], repeats: Sequence[Counts] | None = None) -> Stack:
    """Put the kernels of networks in one row.

    Args:
        workloads: W networks, one or more.
        repeats: How often each kernel of each network runs; None for once.

    Raises:
        LayerError: If there is no network.
    """
    if not workloads:
        raise LayerError("stack: no network; give at least one")
    sizes = [len(work.macs) for work in workloads]
    return Stack(
        starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp),
        repeats=np.ones(sum(sizes)) if repeats is None else np.concatenate(repeats),
        products=_joined([work.products for work in workloads], sizes),
        **{key: np.concatenate([getattr(work, key) for work in workloads]) for key in _PER_KERNEL},
        **{
            key: np.repeat([float(getattr(work, key)) for work in workloads], sizes)
            for key in _PER_NETWORK
        },
    )


_SHAPE = ("m", "k", "n", "groups")


def _joined(tables: Sequence[Products], sizes: Sequence[int]) -> Products:
    """Tables of networks of so many kernels in one."""
    before = np.cumsum([0, *sizes[:-1]])
    kernel = [table.kernel + start for table, start in zip(tables, before, strict=True)]
    columns = (np.concatenate([getattr(table, key) for table in tables]) for key in _SHAPE)
    return Products(np.concatenate(kernel), *columns)


def _picked(table: Products, kernels: npt.NDArray[np.intp]) -> Products:
    """The products of the given kernels, one of which may be given twice."""
    first = np.searchsorted(table.kernel, kernels)
    counts = np.searchsorted(table.kernel, kernels, side="right") - first
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows = np.arange(counts.sum()) + np.repeat(first - before, counts)
    columns = (getattr(table, key)[rows] for key in _SHAPE)
    return Products(np.repeat(np.arange(len(kernels)), counts), *columns)
