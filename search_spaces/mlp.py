"""Fully connected networks for tables.

Categorical columns are embedded (Guo and Berkhahn 2016, arXiv:1604.06737), or left out where they
have more categories than `largest_table`: an id that was seen a few times says little. Each number
may have a small learned vector beside it (Gorishniy et al. 2022, arXiv:2203.05556): hinges ("LR"
there), or made of sines and cosines at learned frequencies by one layer for all ("PLR lite").
Hidden layers may taper or stand in residual blocks (Gorishniy et al. 2021, arXiv:2106.11959).
Several members, each a network of its own that learns from batches of its own, may answer
together: their mean is what the network says (Lakshminarayanan et al. 2017, arXiv:1612.01474).
"""

from __future__ import annotations

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv1d,
    Embedding,
    Flatten,
    LayerNorm,
    Linear,
    MemberMean,
    Reshape,
    Shape,
    Slice,
)
from search_spaces.specs import TableSpec

__all__ = ["SPACE"]

_FREQUENCIES = 32
_CHOICES = (
    Choice("numeric_embedding", (0, 4, 8, 16)),
    Choice("numeric_function", ("relu", "periodic"), only_if=("numeric_embedding", (4, 8, 16))),
    Choice("embedding", (4, 8, 16, 32)),
    Choice("largest_table", (100_000, 1_000)),
    Choice("width", (16, 32, 64, 128, 256, 512)),
    Choice("activation", ("relu", "gelu", "silu")),
    Choice("norm", ("none", "batch", "layer")),
    Choice("members", (1, 4)),
    Choice("depth", (1, 2, 3, 4, 5, 6)),
    Choice("form", ("plain", "taper", "residual"), only_if=("depth", (2, 3, 4, 5, 6))),
)


def _encode(chain: Chain, architecture: Architecture, spec: TableSpec, member: str) -> None:
    """The row as one vector: numbers, their vectors if any, then the vectors of categories."""
    parts = []
    if spec.numeric:
        numbers = chain.add(f"{member}numbers", Slice(0, spec.numeric), "input")
        parts.append(numbers)
        features = int(architecture["numeric_embedding"])
        if features:
            embed = _waves if architecture["numeric_function"] == "periodic" else _hinges
            parts.append(embed(chain, numbers, spec.numeric, features))
    largest = int(architecture["largest_table"])
    if not parts and min(spec.cardinalities) > largest:
        largest = max(spec.cardinalities)  # nothing else would be left of the row
    for index, count in enumerate(spec.cardinalities):
        if count > largest:
            continue
        column, name = spec.numeric + index, f"{member}category{index + 1}"
        chain.add(name, Slice(column, column + 1), "input")
        chain.add(f"{name}_embedding", Embedding(count, int(architecture["embedding"])))
        parts.append(chain.add(f"{name}_vector", Flatten()))
    chain.add(f"{member}row", Concat(0), *parts)


def _hinges(chain: Chain, name: str, numbers: int, features: int) -> str:
    """Of every number its own scales and offsets, then relu."""
    chain.add(f"{name}_series", Reshape((numbers, 1)))
    vectors = Conv1d(numbers, numbers * features, 1, groups=numbers, bias=True)
    chain.add(f"{name}_embedding", vectors)
    chain.add(f"{name}_vector", Flatten())
    return chain.add(f"{name}_act", Activation("relu"))


def _waves(chain: Chain, name: str, numbers: int, features: int) -> str:
    """Of every number sines and cosines at its own frequencies, joined by one layer for all."""
    chain.add(f"{name}_series", Reshape((numbers, 1)))
    chain.add(f"{name}_frequencies", Conv1d(numbers, numbers * _FREQUENCIES, 1, groups=numbers))
    entry = chain.add(f"{name}_phases", Reshape((numbers, _FREQUENCIES)))
    waves = [
        chain.add(f"{name}_{function}", Activation(function), entry) for function in ("sin", "cos")
    ]
    chain.add(f"{name}_waves", Concat(1), *waves)
    chain.add(f"{name}_embedding", Linear(2 * _FREQUENCIES, features))
    chain.add(f"{name}_vector", Flatten())
    return chain.add(f"{name}_act", Activation("relu"))


def _hidden(chain: Chain, name: str, entry: str, width: int, architecture: Architecture) -> str:
    chain.add(name, Linear(chain.shapes[entry][0], width), entry)
    if architecture["norm"] != "none":
        norm = BatchNorm if architecture["norm"] == "batch" else LayerNorm
        chain.add(f"{name}_norm", norm(width))
    return chain.add(f"{name}_act", Activation(str(architecture["activation"])))


def _answer(chain: Chain, architecture: Architecture, outputs: int, member: str) -> str:
    """Hidden layers and head upon the row."""
    width, form = int(architecture["width"]), architecture.get("form", "plain")
    end = f"{member}row"
    for number in range(1, int(architecture["depth"]) + 1):
        name, entry = f"{member}feedforward{number}", end
        narrow = max(8, width // 2 ** (number - 1)) if form == "taper" else width
        end = _hidden(chain, name, entry, narrow, architecture)
        if form == "residual" and number > 1:
            end = chain.add(f"{name}_sum", Add(), entry, end)
    return chain.add(f"{member}head", Linear(chain.shapes[end][0], outputs), end)


def _build(
    architecture: Architecture, input_shape: Shape, outputs: int, spec: TableSpec
) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    count = int(architecture["members"])
    answers = []
    for member in [""] if count == 1 else [f"member{number}_" for number in range(1, count + 1)]:
        _encode(chain, architecture, spec, member)
        answers.append(_answer(chain, architecture, outputs, member))
    if count > 1:
        chain.add("mean", MemberMean(), *answers)
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="mlp",
    version=5,
    label="fully connected networks with embedded columns, for tables",
    choices=_CHOICES,
    build=_build,
    accepts=("table",),
)
