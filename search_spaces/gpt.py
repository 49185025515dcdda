"""Decoders for text: each position predicts the id after it.

Pre-norm blocks of causal attention and feed-forward as in GPT-2 (Radford et al. 2019), with grouped
queries (Ainslie et al. 2023, arXiv:2305.13245), gated feed-forward (Shazeer 2020,
arXiv:2002.05202), tied embeddings (Press and Wolf 2017, arXiv:1608.05859) and, for a shorter
context, attention within stretches of it, which costs less (the local attention of Liu et al. 2018,
arXiv:1801.10198). With `grams` above 1 the runs of up to so many ids have vectors of their own,
which are added to those of the ids (Huang et al. 2025, arXiv:2501.16975): a look-up knows much, for
memory but hardly any time.
"""

from __future__ import annotations

import math

from nas.errors import LayerError
from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Add, Embedding, Grams, LayerNorm, Linear, Positions, RMSNorm, Shape
from search_spaces.specs import TextSpec
from search_spaces.transformer import add_attention, add_feed_forward

__all__ = ["SPACE"]

_CHOICES = (
    Choice("depth", (1, 2, 3, 4, 6)),
    Choice("width", (32, 64, 96, 128, 192)),
    Choice("heads", (4, 8)),
    Choice("queries_per_key", (1, 2, 4)),
    Choice("context", (0.25, 0.5, 1.0)),
    Choice("ratio", (1, 2, 3, 4)),
    Choice("function", ("gelu", "swiglu")),
    Choice("norm", ("layer", "rms")),
    Choice("tied", (False, True)),
    Choice("grams", (1, 2, 3, 4)),
    Choice("gram_rows", (4096, 16384), only_if=("grams", (3, 4))),
)


_PAIRS = 8192  # rows for runs of two, where the vocabulary has more


def _build(
    architecture: Architecture, input_shape: Shape, outputs: int, spec: TextSpec
) -> tuple[Layer, ...]:
    width, heads = int(architecture["width"]), int(architecture["heads"])
    norm = (LayerNorm if architecture["norm"] == "layer" else RMSNorm)(width)
    if outputs != spec.vocabulary:
        raise LayerError(f"gpt: outputs={outputs}, give one for each of {spec.vocabulary} ids")
    chain = Chain(input_shape)
    chain.add("token_embedding", Embedding(spec.vocabulary, width))
    _add_grams(chain, architecture, spec.vocabulary, width)
    chain.add("position_embedding", Positions(spec.context, width))
    for number in range(1, int(architecture["depth"]) + 1):
        block, entry = f"block{number}", chain.end
        chain.add(f"{block}_first_norm", norm)
        add_attention(
            chain,
            f"{block}_attention",
            heads,
            kv_heads=heads // int(architecture["queries_per_key"]),
            causal=True,
            window=math.ceil(float(architecture["context"]) * spec.context),
        )
        entry = chain.add(f"{block}_first_sum", Add(), entry, chain.end)
        chain.add(f"{block}_second_norm", norm)
        hidden = int(architecture["ratio"]) * width
        add_feed_forward(chain, f"{block}_feedforward", hidden, str(architecture["function"]))
        chain.add(f"{block}_second_sum", Add(), entry, chain.end)
    chain.add("last_norm", norm)
    weights = "token_embedding" if architecture["tied"] else None
    chain.add("unembedding", Linear(width, outputs, bias=False), weights=weights)
    return tuple(chain.layers)


def _add_grams(chain: Chain, architecture: Architecture, vocabulary: int, width: int) -> None:
    """Add the vectors of runs of two and more ids, up to the longest chosen, to those of ids."""
    parts = [chain.end]
    for order in range(2, int(architecture["grams"]) + 1):
        rows = min(vocabulary**order, int(architecture["gram_rows"]) if order > 2 else _PAIRS)
        name = f"grams{order}"
        chain.add(f"{name}_ids", Grams(order, vocabulary, rows), "input")
        parts.append(chain.add(f"{name}_embedding", Embedding(rows, width)))
    if len(parts) > 1:
        chain.add("embedding_sum", Add(), *parts)


SPACE = SearchSpace(
    name="gpt",
    version=2,
    label="decoders of attention and feed-forward, for text",
    choices=_CHOICES,
    build=_build,
    accepts=("text",),
)
