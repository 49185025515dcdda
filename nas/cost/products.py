"""Kernels as matrix products: the shapes that decide how well a systolic array is filled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_spaces.ops import Attention, Conv1d, Conv2d, Linear, Op, Shape

__all__ = ["Products", "product_shapes", "products_of"]

ProductShape = tuple[float, float, float, float]
_UNKNOWN: ProductShape = (math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Matrix products of a network, ``groups`` times (m x k) by (k x n); one row per product.

    Attributes:
        kernel: Index of the kernel of the workload that each belongs to, ascending.
        m: Rows that stream through: places or tokens; NaN, as the next, where the shape of a
            kernel's products is not known.
        k: Products in a sum.
        n: Output channels of a group.
        groups: Independent products of that shape: groups of a convolution, heads of attention.
    """

    kernel: npt.NDArray[np.intp]
    m: npt.NDArray[np.float64]
    k: npt.NDArray[np.float64]
    n: npt.NDArray[np.float64]
    groups: npt.NDArray[np.float64]


def products_of(shapes: Sequence[Sequence[ProductShape]]) -> Products:
    """The products of kernels in one table.

    Args:
        shapes: Of each kernel its products as (m, k, n, groups), often one or none.
    """
    rows = [(index, *row) for index, some in enumerate(shapes) for row in some]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5).T.copy()
    table.setflags(write=False)
    return Products(table[0].astype(np.intp), *table[1:])


def product_shapes(op: Op, inputs: Sequence[Shape], output: Shape) -> tuple[ProductShape, ...]:
    """The matrix products of a layer with MACs, convolutions as im2col lays them out.

    Args:
        op: The layer's operator.
        inputs: Shapes of its inputs.
        output: Of its output.

    Returns:
        Rows of (m, k, n, groups), whose product summed is the layer's MACs; one row of NaN for
        recurrent layers, interactions and unknown operators.

    Source:
        im2col: Chellapilla et al., 2006.
    """
    if isinstance(op, (Conv2d, Conv1d)):
        window = math.prod(op.kernel_hw) if isinstance(op, Conv2d) else op.kernel
        depth, columns = op.in_channels // op.groups * window, op.out_channels // op.groups
        return ((math.prod(output[1:]), depth, columns, op.groups),)
    if isinstance(op, Linear):
        return ((math.prod(output) // op.out_features, op.in_features, op.out_features, 1),)
    if isinstance(op, Attention):
        queries, keys = inputs[0][0], inputs[1][0]
        scores = (queries, op.head_features, keys, op.heads)
        return (scores, (queries, keys, op.head_features, op.heads))
    return (_UNKNOWN,)
