"""Networks of NAS-Bench-201 as its tables of latency ran them, each distinct one built once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from nas.cost.stack import Stack, stack
from nas.cost.workload import Workload, workload
from search_spaces.nasbench201 import OPERATIONS, published_layers

CELLS = 5.0
_EDGES = ("edge_0_1", "edge_0_2", "edge_1_2", "edge_0_3", "edge_1_3", "edge_2_3")
_SHAPE, _CLASSES = (3, 32, 32), 100


def operation_counts(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How often each operation but ``none`` stands in a cell, with a constant, for a linear fit."""
    counts = [(codes == code).sum(axis=1) for code in range(1, len(OPERATIONS))]
    return np.stack([np.ones(len(codes)), *counts], axis=1)


@cache
def _cell(code: tuple[int, ...], folded: bool) -> tuple[Workload, npt.NDArray[np.float64]]:
    """A network with one cell a stage, and how often each kernel runs with all five."""
    names = (OPERATIONS[operation] for operation in code)
    architecture = dict(zip(_EDGES, names, strict=True))
    work = workload(published_layers(architecture, _SHAPE, _CLASSES, cells=1, folded=folded))
    repeats = np.array([CELLS if "_cell1" in name else 1.0 for name in work.names])
    whole = replace(
        work,
        stored_weight_elements=int(work.weight_elements @ repeats),
        stored_bias_elements=int(work.bias_elements @ repeats),
        total_macs=int(work.macs @ repeats),
    )
    return whole, repeats


def cell_networks(
    codes: npt.NDArray[np.int64], *, folded: bool
) -> tuple[Stack, npt.NDArray[np.intp]]:
    """The distinct networks of cells, and which of them each cell is.

    Args:
        codes: Operations by their codes, shape (W, 6), edges as the tables order them.
        folded: As `published_layers` has it.
    """
    known: dict[bytes, int] = {}
    built, which = [], np.empty(len(codes), dtype=np.intp)
    for row, code in enumerate(map(tuple, codes.tolist())):
        work, repeats = _cell(code, folded)
        columns = (work.kind_index, work.operations, work.read_elements, work.write_elements)
        rows = np.stack([*columns, repeats], axis=1)
        key = rows[np.lexsort(rows.T)].tobytes()
        if key not in known:
            known[key] = len(built)
            built.append((work, repeats))
        which[row] = known[key]
    return stack([work for work, _ in built], [repeats for _, repeats in built]), which


def computes_nothing(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Cells none of whose operations reaches the output other than through ``none``."""
    return np.asarray((codes[:, 3:] == 0).all(axis=1))
