"""Kernels as matrix products: the shapes that decide how well a systolic array is filled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.cost.workload import Counts, workload
from nas.errors import LayerError
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Attention, Conv1d, Conv2d, Linear, Shape

__all__ = ["Products", "products"]


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Matrix products of a network, ``groups`` times (m x k) by (k x n); one row per product.

    Attributes:
        kernel: Index of the kernel of the workload that each belongs to, ascending.
        m: Rows that stream through: places or tokens.
        k: Products in a sum.
        n: Output channels of a group.
        groups: Independent products of that shape: groups of a convolution, heads of attention.
    """

    kernel: npt.NDArray[np.intp]
    m: Counts
    k: Counts
    n: Counts
    groups: Counts


def products(layers: Sequence[Layer]) -> Products:
    """The matrix products of a network for one input, convolutions as im2col lays them out.

    Args:
        layers: A network in topological order.

    Returns:
        Their shapes; ``groups * m * k * n`` summed over a kernel's products are its MACs.

    Raises:
        LayerError: If the layers do not connect, or a kernel has MACs whose shape is not known:
            recurrent layers, interactions and unknown operators.

    Source:
        im2col: Chellapilla et al., 2006.
    """
    shapes, work = layer_shapes(layers), workload(layers)
    by_name = {layer.name: layer for layer in layers}
    rows: list[tuple[int, int, int, int, int]] = []
    for index, (name, macs) in enumerate(zip(work.names, work.macs.tolist(), strict=True)):
        if macs:
            layer = by_name[name]
            inputs = [shapes[given] for given in layer.inputs]
            rows += [(index, *row) for row in _shapes(layer, inputs, shapes[name])]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5).T.copy()
    return Products(table[0].astype(np.intp), *table[1:])


def _shapes(layer: Layer, inputs: list[Shape], output: Shape) -> list[tuple[int, int, int, int]]:
    op = layer.op
    if isinstance(op, (Conv2d, Conv1d)):
        window = math.prod(op.kernel_hw) if isinstance(op, Conv2d) else op.kernel
        depth, columns = op.in_channels // op.groups * window, op.out_channels // op.groups
        return [(math.prod(output[1:]), depth, columns, op.groups)]
    if isinstance(op, Linear):
        return [(math.prod(output) // op.out_features, op.in_features, op.out_features, 1)]
    if isinstance(op, Attention):
        queries, keys = inputs[0][0], inputs[1][0]
        scores = (queries, op.head_features, keys, op.heads)
        return [scores, (queries, keys, op.head_features, op.heads)]
    raise LayerError(
        f"{layer.name}: the matrix products of {type(op).__name__} are not known, which a systolic"
        " array needs; take a network without it, or another device"
    )
