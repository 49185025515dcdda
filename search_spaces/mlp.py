"""Fully connected networks for tables.

Categorical columns are embedded (Guo and Berkhahn 2016, arXiv:1604.06737), or left out where they
have more categories than `largest_table`: an id that was seen a few times says little. Each number
may have a small learned vector beside it (Gorishniy et al. 2022, arXiv:2203.05556): hinges ("LR"
there), or made of sines and cosines at learned frequencies by one layer for all ("PLR lite").
Hidden layers may taper or stand in residual blocks (Gorishniy et al. 2021, arXiv:2106.11959).
Several members, each with hidden layers of its own upon the same vectors, may answer together:
their mean is what the network says (Lakshminarayanan et al. 2017, arXiv:1612.01474).
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


def _encode(chain: Chain, architecture: Architecture, spec: TableSpec) -> None:
    """The row as one vector: numbers, their vectors if any, then the vectors of categories."""
    parts = []
    if spec.numeric:
        parts.append(chain.add("numbers", Slice(0, spec.numeric)))
        features = int(architecture["numeric_embedding"])
        if features:
            embed = _waves if architecture["numeric_function"] == "periodic" else _hinges
            parts.append(embed(chain, spec.numeric, features))
    largest = int(architecture["largest_table"])
    if not parts and min(spec.cardinalities) > largest:
        largest = max(spec.cardinalities)  # nothing else would be left of the row
    for index, count in enumerate(spec.cardinalities):
        if count > largest:
            continue
        column = spec.numeric + index
        chain.add(f"category{index + 1}", Slice(column, column + 1), "input")
        table = Embedding(count, int(architecture["embedding"]))
        chain.add(f"category{index + 1}_embedding", table)
        parts.append(chain.add(f"category{index + 1}_vector", Flatten()))
    chain.add("row", Concat(0), *parts)


def _hinges(chain: Chain, numbers: int, features: int) -> str:
    """Of every number its own scales and offsets, then relu."""
    chain.add("numbers_series", Reshape((numbers, 1)))
    vectors = Conv1d(numbers, numbers * features, 1, groups=numbers, bias=True)
    chain.add("numbers_embedding", vectors)
    chain.add("numbers_vector", Flatten())
    return chain.add("numbers_act", Activation("relu"))


def _waves(chain: Chain, numbers: int, features: int) -> str:
    """Of every number sines and cosines at its own frequencies, joined by one layer for all."""
    chain.add("numbers_series", Reshape((numbers, 1)))
    chain.add("numbers_frequencies", Conv1d(numbers, numbers * _FREQUENCIES, 1, groups=numbers))
    entry = chain.add("numbers_phases", Reshape((numbers, _FREQUENCIES)))
    waves = [
        chain.add(f"numbers_{function}", Activation(function), entry) for function in ("sin", "cos")
    ]
    chain.add("numbers_waves", Concat(1), *waves)
    chain.add("numbers_embedding", Linear(2 * _FREQUENCIES, features))
    chain.add("numbers_vector", Flatten())
    return chain.add("numbers_act", Activation("relu"))


def _hidden(chain: Chain, name: str, entry: str, width: int, architecture: Architecture) -> str:
    chain.add(name, Linear(chain.shapes[entry][0], width), entry)
    if architecture["norm"] != "none":
        norm = BatchNorm if architecture["norm"] == "batch" else LayerNorm
        chain.add(f"{name}_norm", norm(width))
    return chain.add(f"{name}_act", Activation(str(architecture["activation"])))


def _answer(chain: Chain, architecture: Architecture, outputs: int, member: str = "") -> str:
    """Hidden layers and head upon the row."""
    width, form = int(architecture["width"]), architecture.get("form", "plain")
    end = "row"
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
    _encode(chain, architecture, spec)
    members = int(architecture["members"])
    if members == 1:
        _answer(chain, architecture, outputs)
        return tuple(chain.layers)
    answers = []
    for name in (f"member{number}_" for number in range(1, members + 1)):
        _answer(chain, architecture, outputs, name)
        answers.append(chain.add(f"{name}answer", Reshape((1, outputs))))
    chain.add("answers", Concat(0), *answers)
    chain.add("mean", MemberMean())
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="mlp",
    version=4,
    label="fully connected networks with embedded columns, for tables",
    choices=_CHOICES,
    build=_build,
    accepts=("table",),
)
