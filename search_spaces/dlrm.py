"""Recommendation networks: tables of embeddings, two MLPs and their interaction.

After Naumov et al. 2019 (arXiv:1906.00091). The tables, which are nearly all parameters, may be
smaller than their columns have categories: hashed (ids modulo the rows), or two tables whose rows
are coprime, so that every id keeps a pair of its own (Shi et al. 2020, arXiv:1909.02107, the
Chinese remainder partition), and columns may share one table (Coleman et al. 2023,
arXiv:2305.12102). Without numeric columns there is no bottom MLP, without categorical ones there
is nothing but the MLPs.
"""

from __future__ import annotations

import math

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    Concat,
    Embedding,
    Flatten,
    Interaction,
    Linear,
    Multiply,
    Shape,
    Slice,
)
from search_spaces.specs import TableSpec

__all__ = ["SPACE"]

# A table of so few rows is never made smaller: it costs nothing, and collisions would hurt most.
_SMALL_TABLE = 64

_CHOICES = (
    Choice("dimension", (4, 8, 16, 32, 64)),
    Choice("table", ("full", "hashed", "remainders")),
    Choice("rows_share", (0.5, 0.2, 0.05), only_if=("table", ("hashed",))),
    Choice("combination", ("product", "sum"), only_if=("table", ("remainders",))),
    Choice("sharing", ("own", "one")),
    Choice("bottom_depth", (1, 2, 3)),
    Choice("bottom_width", (16, 32, 64, 128), only_if=("bottom_depth", (2, 3))),
    Choice("interaction", ("dot", "concat", "both")),
    Choice("top_depth", (1, 2, 3)),
    Choice("top_width", (16, 32, 64, 128, 256)),
)


def _rows(architecture: Architecture, categories: int) -> tuple[int, ...]:
    """Rows of the one or two tables that a column of so many categories looks up."""
    if architecture["table"] == "full" or categories <= _SMALL_TABLE:
        return (categories,)
    if architecture["table"] == "hashed":
        return (max(_SMALL_TABLE, math.ceil(float(architecture["rows_share"]) * categories)),)
    rows = math.isqrt(categories - 1) + 1
    # Neighbours are coprime and their product is at least `categories`.
    return rows, rows + 1


def _embed(chain: Chain, architecture: Architecture, spec: TableSpec) -> list[str]:
    """One vector a categorical column."""
    dimension = int(architecture["dimension"])
    most = max(spec.cardinalities, default=0)
    vectors = []
    for index, count in enumerate(spec.cardinalities):
        name, column = f"category{index + 1}", spec.numeric + index
        ids = chain.add(name, Slice(column, column + 1), "input")
        parts = []
        one = architecture["sharing"] == "one"
        for part, rows in enumerate(_rows(architecture, most if one else count), 1):
            owner = f"category1_embedding{part}" if one and index else None
            table = Embedding(rows, dimension)
            chain.add(f"{name}_embedding{part}", table, ids, weights=owner)
            parts.append(chain.add(f"{name}_vector{part}", Flatten()))
        if len(parts) > 1:
            joined = Multiply() if architecture["combination"] == "product" else Add()
            parts = [chain.add(f"{name}_vector", joined, *parts)]
        vectors += parts
    return vectors


def _mlp(chain: Chain, name: str, widths: list[int]) -> str:
    for number, width in enumerate(widths, 1):
        chain.add(f"{name}{number}", Linear(chain.shape[0], width))
        chain.add(f"{name}{number}_act", Activation("relu"))
    return chain.end


def _build(
    architecture: Architecture, input_shape: Shape, outputs: int, spec: TableSpec
) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    dense = []
    if spec.numeric:
        chain.add("numbers", Slice(0, spec.numeric))
        hidden = int(architecture["bottom_depth"]) - 1
        widths = [int(architecture["bottom_width"])] * hidden if hidden else []
        dense = [_mlp(chain, "bottom_feedforward", [*widths, int(architecture["dimension"])])]
    vectors = dense + _embed(chain, architecture, spec)
    kind = architecture["interaction"]
    joined = vectors if kind != "dot" or len(vectors) == 1 else dense
    if kind != "concat" and len(vectors) > 1:
        joined = [*joined, chain.add("interaction", Interaction(), *vectors)]
    chain.add("joined", Concat(0), *joined)
    _mlp(
        chain, "top_feedforward", [int(architecture["top_width"])] * int(architecture["top_depth"])
    )
    chain.add("head", Linear(chain.shape[0], outputs))
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="dlrm",
    version=1,
    label="embedding tables, two MLPs and their interaction, for clicks and ratings",
    choices=_CHOICES,
    build=_build,
    accepts=("table",),
)
