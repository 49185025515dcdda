"""The cells of NAS-Bench-201 (Dong and Yang, ICLR 2020, arXiv:2001.00326), in their order.

A cell has four nodes and on each of its six edges one of five operations. The published skeleton
is a 3x3 stem of 16 channels, three stages of five cells with 16, 32 and 64 channels, a residual
block of stride 2 before the second and the third stage, batch norm, ReLU, global mean and one
linear layer: its tables of accuracy and cost belong to `SPACE`. `skeleton` makes others.

Layers are what a cell computes and no more. An edge that is ``none``, leads nowhere or comes from
a node without edges is left out (in the last case with the constant that its norm would learn);
``skip_connect`` is its source; sums of sums are one sum; a pooling or ReLU that several
edges ask of one source is there once. So the 15,625 cells are 5,260 networks by
`search_spaces.graph.graph_key`. The published count of 6,466 is that of strings, `published_form`:
it tells cells apart by where a ``none`` stands, and takes a convolution whose output is used twice
for two convolutions, though these have other parameters.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product

from nas.errors import SpaceError
from search_spaces.base import Architecture, Choice, SearchSpace, Value
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Conv2d,
    GlobalAveragePool,
    Linear,
    Pool,
    Shape,
    Zeros,
)

__all__ = [
    "OPERATIONS",
    "SPACE",
    "architecture_at",
    "cell_string",
    "from_cell_string",
    "index_of",
    "published_form",
    "published_layers",
    "skeleton",
]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_OUTPUT = 3
_CELL = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")


def architecture_at(index: int) -> Architecture:
    """The cell of an index in the published tables.

    Args:
        index: 0 to 15,624.

    Raises:
        SpaceError: There is no such cell.

    Source:
        The tables list all combinations of operations, the last edge changing fastest, after one
        shuffle by Python's ``random`` seeded with 88 (repository D-X-Y/AutoDL-Projects).
    """
    cells = _published_order()
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(cells):
        raise SpaceError(f"nasbench201: index={index!r} is not a whole number from 0 to 15624")
    return dict(zip(_names(), cells[index], strict=True))


def index_of(architecture: Mapping[str, Value]) -> int:
    """The index of a cell in the published tables, 0 to 15,624.

    Args:
        architecture: A point of the space.

    Raises:
        SpaceError: The architecture is not in the space.
    """
    return _published_index()[_operations(architecture)]


def cell_string(architecture: Mapping[str, Value]) -> str:
    """A cell as the published tables write it: ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

    Args:
        architecture: A point of the space.

    Raises:
        SpaceError: The architecture is not in the space.
    """
    first, *others = _operations(architecture)
    second, third = others[:2], others[2:]
    nodes = ((first,), second, third)
    return "+".join(
        "|" + "".join(f"{operation}~{start}|" for start, operation in enumerate(node))
        for node in nodes
    )


def from_cell_string(text: str) -> Architecture:
    """Read what `cell_string` wrote.

    Args:
        text: Such as ``|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|``.

    Raises:
        SpaceError: It is no cell, or names an unknown operation.
    """
    found = _CELL.fullmatch(text)
    if found is None:
        raise SpaceError(
            f"nasbench201: {text!r} is no cell, write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
        )
    return SPACE.validate(dict(zip(_names(), found.groups(), strict=True)))


def published_form(architecture: Mapping[str, Value]) -> str:
    """The text by which the authors call two cells the same; there are 6,466 of them.

    Args:
        architecture: A point of the space.

    Returns:
        Every node written out as the sorted sum of its edges, ``0`` for the cell's input and
        ``#`` for an edge that gives zero.

    Raises:
        SpaceError: The architecture is not in the space.
    """
    nodes = {0: "0"}
    operations = dict(zip(_EDGES, _operations(architecture), strict=True))
    for node in range(1, _OUTPUT + 1):
        terms = []
        for start in range(node):
            operation, source = operations[start, node], nodes[start]
            if operation == "none" or source == "#":
                terms.append("#")
            else:
                terms.append(source if operation == "skip_connect" else f"({source})@{operation}")
        nodes[node] = "+".join(sorted(terms))
    return nodes[_OUTPUT]


def published_layers(
    architecture: Mapping[str, Value],
    shape: Shape,
    outputs: int,
    *,
    cells: int = 5,
    folded: bool = False,
) -> tuple[Layer, ...]:
    """The network as the published tables of latency ran it, with what its output does not need.

    Args:
        architecture: A point of the space.
        shape: Of the image, such as ``(3, 32, 32)``.
        outputs: Number of classes.
        cells: Per stage; published: 5.
        folded: Whether the runtime folds the products with zero that ``none`` is, and drops what
            then leads nowhere, as the converter of TensorFlow Lite does. What is computed from
            zeros alone still runs. Of a cell that does not use its input, only the last one is
            left. Without it every edge runs, as in eager PyTorch, in ONNX Runtime and in sums over
            operations.

    Raises:
        SpaceError: The architecture is not in the space.
    """
    operations = dict(zip(_EDGES, _operations(architecture), strict=True))
    if folded:
        needed = _needed(operations)
        operations = {
            (start, end): operation if end in needed else "none"
            for (start, end), operation in operations.items()
        }
        if all(op == "none" or start for (start, _), op in operations.items()):
            chain = Chain((64, *(length // 4 for length in shape[1:])))
            _published_cell(chain, "stage3_cell", operations, folded=True)
            return _classified(chain, outputs)

    def add_cell(chain: Chain, name: str) -> None:
        _published_cell(chain, name, operations, folded=folded)

    return _network(add_cell, shape, outputs, channels=16, cells=cells)


def _published_cell(
    chain: Chain, name: str, operations: Mapping[tuple[int, int], str], *, folded: bool
) -> None:
    nodes: dict[int, str | None] = {0: chain.end}  # None: zero, and folded away
    entry = chain.end
    for end in (1, 2, 3):
        terms: list[str] = []
        for start in range(end):
            operation, edge, source = operations[start, end], f"{name}_{start}{end}", nodes[start]
            if operation == "none":
                if not folded:
                    terms.append(chain.add(edge, Zeros(), source or entry))
            elif operation == "skip_connect":
                terms += [source] if source is not None else []
            else:
                source = source or chain.add(f"{edge}_zero", Zeros(), entry)
                terms.append(_published_edge(chain, edge, operation, source))
        whole = terms[0] if len(terms) == 1 else None
        nodes[end] = whole or (chain.add(f"{name}_node{end}", Add(), *terms) if terms else None)
    if nodes[_OUTPUT] is None:
        chain.add(f"{name}_zero", Zeros(), entry)
    elif chain.end != nodes[_OUTPUT]:
        chain.add(f"{name}_out", Add(), str(nodes[_OUTPUT]))


def _published_edge(chain: Chain, name: str, operation: str, source: str) -> str:
    if operation == "avg_pool_3x3":
        return chain.add(name, Pool("average", 3, 1, 1), source)
    width, kernel = chain.shapes[source][0], 1 if operation == "nor_conv_1x1" else 3
    chain.add(f"{name}_relu", Activation("relu"), source)
    chain.add(name, Conv2d(width, width, kernel))
    return chain.normalise(name)


def skeleton(name: str, channels: int, cells: int) -> SearchSpace:
    """The space of all cells in a network of another width and depth.

    Args:
        name: Of the space, which is that of its module.
        channels: Of the first stage, at least 1; doubled in each further one. Published: 16.
        cells: Per stage, at least 1. Published: 5.
    """

    def build(architecture: Architecture, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        return _network(
            lambda chain, name: _cell(chain, name, architecture), shape, outputs, channels, cells
        )

    return SearchSpace(
        name=name,
        version=1,
        label=f"the cells of NAS-Bench-201, {cells} per stage from {channels} channels, for images",
        choices=tuple(Choice(edge, OPERATIONS) for edge in _names()),
        build=build,
    )


def _names() -> tuple[str, ...]:
    return tuple(f"edge_{start}_{end}" for start, end in _EDGES)


def _operations(architecture: Mapping[str, Value]) -> tuple[str, ...]:
    here = SPACE.validate(architecture)
    return tuple(str(here[name]) for name in _names())


@cache
def _published_order() -> tuple[tuple[str, ...], ...]:
    cells = list(product(OPERATIONS, repeat=len(_EDGES)))
    random.Random(88).shuffle(cells)
    return tuple(cells)


@cache
def _published_index() -> dict[tuple[str, ...], int]:
    return {cell: index for index, cell in enumerate(_published_order())}


def _network(
    add_cell: Callable[[Chain, str], None],
    shape: Shape,
    outputs: int,
    channels: int,
    cells: int,
) -> tuple[Layer, ...]:
    chain = Chain(shape)
    chain.conv("stem", channels, 3)
    for stage in (1, 2, 3):
        if stage > 1:
            _halve(chain, f"stage{stage}_reduction")
        for cell in range(1, cells + 1):
            add_cell(chain, f"stage{stage}_cell{cell}")
    return _classified(chain, outputs)


def _classified(chain: Chain, outputs: int) -> tuple[Layer, ...]:
    chain.normalise("last", "relu")
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


def _halve(chain: Chain, name: str) -> None:
    """Residual block that doubles the channels and halves the map."""
    entry, (channels, *size) = chain.end, chain.shape
    width = 2 * channels
    chain.add(f"{name}_relu1", Activation("relu"))
    chain.conv(f"{name}_conv1", width, 3, stride=2)
    chain.add(f"{name}_relu2", Activation("relu"))
    branch = chain.conv(f"{name}_conv2", width, 3)
    # On maps of odd size the published 2x2 pooling ends one short of the convolution.
    odd = any(length % 2 for length in size)
    pool = Pool("average", 3, 2, 1) if odd else Pool("average", 2, 2, 0)
    chain.add(f"{name}_pool", pool, entry)
    chain.add(f"{name}_shortcut", Conv2d(channels, width, 1))
    chain.merge(f"{name}_sum", branch)


def _cell(chain: Chain, name: str, architecture: Architecture) -> None:
    """Append one cell; terms[n] are the layers whose sum is node n, none where it is zero."""
    operations = {edge: str(architecture[key]) for edge, key in zip(_EDGES, _names(), strict=True)}
    needed = _needed(operations)
    terms = {0: [chain.end]}
    for end in (1, 2, 3):
        terms[end] = []
        for start in range(end):
            operation = operations[start, end]
            if operation == "none" or end not in needed or not terms[start]:
                continue
            if operation == "skip_connect":
                terms[end] += terms[start]
            else:
                source = _sum(chain, f"{name}_node{start}", terms[start])
                terms[end].append(_edge(chain, f"{name}_{start}{end}", operation, source))
    if terms[_OUTPUT]:
        _sum(chain, f"{name}_out", terms[_OUTPUT])
    elif not isinstance(chain.layers[-1].op, Zeros):
        chain.add(f"{name}_zero", Zeros())


def _needed(operations: Mapping[tuple[int, int], str]) -> set[int]:
    """The nodes that the output depends on."""
    needed = {_OUTPUT}
    for start in (2, 1, 0):
        if any(operations[a, b] != "none" for a, b in _EDGES if a == start and b in needed):
            needed.add(start)
    return needed


def _sum(chain: Chain, name: str, terms: list[str]) -> str:
    if len(terms) == 1:
        return terms[0]
    return name if name in chain.shapes else chain.add(name, Add(), *terms)


def _edge(chain: Chain, name: str, operation: str, source: str) -> str:
    if operation == "avg_pool_3x3":
        pooled = f"{source}_pooled"
        return (
            pooled
            if pooled in chain.shapes
            else chain.add(pooled, Pool("average", 3, 1, 1), source)
        )
    relu = f"{source}_relu"
    if relu not in chain.shapes:
        chain.add(relu, Activation("relu"), source)
    width, kernel = chain.shapes[source][0], 1 if operation == "nor_conv_1x1" else 3
    chain.add(name, Conv2d(width, width, kernel), relu)
    return chain.normalise(name)


SPACE = skeleton("nasbench201", channels=16, cells=5)
