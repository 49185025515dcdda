"""Encoder-decoder transformers for translation, as in HAT: for costs, no task trains them here.

Widths of encoder and decoder, feed-forward widths and heads by layer, and for every decoder layer
to how many of the last encoder layers it attends. The choices are those that HAT's latencies were
measured on (Wang et al. 2020, arXiv:2005.14187; configs/wmt14.en-de/latency_dataset of
mit-han-lab/hardware-aware-transformers): all heads together are 512 wide whatever the width.
Positions are learned here and not sinusoidal, which adds parameters and no multiplications.
"""

from __future__ import annotations

from nas.errors import LayerError
from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Add, Concat, Embedding, LayerNorm, Linear, Positions, Shape, Slice
from search_spaces.specs import TranslationSpec
from search_spaces.transformer import add_attention, add_feed_forward

__all__ = ["SPACE"]

_DEPTH = 6
_WIDTHS = (512, 640)
_FEED_FORWARD = (512, 1024, 2048, 3072)
_HEADS = (2, 4, 8)
_HEADS_WIDTH = 512


def _choices() -> tuple[Choice, ...]:
    choices = [Choice("encoder_width", _WIDTHS), Choice("decoder_width", _WIDTHS)]
    for number in range(1, _DEPTH + 1):
        choices += [
            Choice(f"encoder{number}_feedforward", _FEED_FORWARD),
            Choice(f"encoder{number}_heads", _HEADS),
        ]
    choices.append(Choice("decoder_depth", tuple(range(1, _DEPTH + 1))))
    for number in range(1, _DEPTH + 1):
        there = ("decoder_depth", tuple(range(number, _DEPTH + 1)))
        choices += [
            Choice(f"decoder{number}_feedforward", _FEED_FORWARD, there),
            Choice(f"decoder{number}_heads", _HEADS, there),
            Choice(f"decoder{number}_cross_heads", _HEADS, there),
            Choice(f"decoder{number}_encoder_layers", (1, 2, 3), there),
        ]
    return tuple(choices)


def _close(chain: Chain, name: str, entry: str) -> str:
    """The sum with what went into a part, then its norm."""
    chain.add(f"{name}_sum", Add(), entry, chain.end)
    return chain.add(f"{name}_norm", LayerNorm(chain.shape[1]))


def _encode(chain: Chain, architecture: Architecture) -> list[str]:
    """The encoder; the names of its layers' outputs."""
    ends = []
    for number in range(1, _DEPTH + 1):
        block, entry = f"encoder{number}", chain.end
        heads = int(architecture[f"{block}_heads"])
        add_attention(chain, f"{block}_attention", heads, width=_HEADS_WIDTH)
        entry = _close(chain, f"{block}_first", entry)
        hidden = int(architecture[f"{block}_feedforward"])
        add_feed_forward(chain, f"{block}_feedforward", hidden, "relu")
        ends.append(_close(chain, f"{block}_second", entry))
    return ends


def _memories(chain: Chain, architecture: Architecture, encoded: list[str]) -> dict[int, str]:
    """What decoder layers attend to: outputs of the last so many encoder layers, one by one."""
    layers = range(1, int(architecture["decoder_depth"]) + 1)
    counts = {int(architecture[f"decoder{number}_encoder_layers"]) for number in layers}
    memories = {1: encoded[-1]}
    for count in sorted(counts - {1}):
        memories[count] = chain.add(f"memory{count}", Concat(0), *encoded[-count:])
    return memories


def _decode(chain: Chain, architecture: Architecture, memories: dict[int, str]) -> None:
    for number in range(1, int(architecture["decoder_depth"]) + 1):
        block, entry = f"decoder{number}", chain.end
        heads = int(architecture[f"{block}_heads"])
        add_attention(chain, f"{block}_attention", heads, width=_HEADS_WIDTH, causal=True)
        entry = _close(chain, f"{block}_first", entry)
        heads = int(architecture[f"{block}_cross_heads"])
        memory = memories[int(architecture[f"{block}_encoder_layers"])]
        name = f"{block}_cross_attention"
        add_attention(chain, name, heads, width=_HEADS_WIDTH, memory=memory)
        entry = _close(chain, f"{block}_second", entry)
        hidden = int(architecture[f"{block}_feedforward"])
        add_feed_forward(chain, f"{block}_feedforward", hidden, "relu")
        _close(chain, f"{block}_third", entry)


def _build(
    architecture: Architecture, input_shape: Shape, outputs: int, spec: TranslationSpec
) -> tuple[Layer, ...]:
    if outputs != spec.vocabulary:
        raise LayerError(f"seq2seq: outputs={outputs}, give one for each of {spec.vocabulary} ids")
    wide, narrow = int(architecture["encoder_width"]), int(architecture["decoder_width"])
    chain = Chain(input_shape)
    chain.add("source", Slice(0, spec.source))
    chain.add("source_embedding", Embedding(spec.vocabulary, wide))
    chain.add("source_position_embedding", Positions(spec.source, wide))
    memories = _memories(chain, architecture, _encode(chain, architecture))
    chain.add("target", Slice(spec.source, spec.source + spec.target), "input")
    shared = "source_embedding" if wide == narrow else None
    chain.add("target_embedding", Embedding(spec.vocabulary, narrow), weights=shared)
    chain.add("target_position_embedding", Positions(spec.target, narrow))
    _decode(chain, architecture, memories)
    table = shared or "target_embedding"
    chain.add("unembedding", Linear(narrow, outputs, bias=False), weights=table)
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="seq2seq",
    version=1,
    label="encoder and decoder with attention between them, for costs of translation",
    choices=_choices(),
    build=_build,
    accepts=("translation",),
)
