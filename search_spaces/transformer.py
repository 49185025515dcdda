"""Parts of transformers on a chain of tokens: attention with its projections, and feed-forward."""

from __future__ import annotations

from search_spaces.chain import Chain
from search_spaces.ops import Activation, Attention, Concat, Linear, Multiply, Slice

__all__ = ["add_attention", "add_feed_forward"]


def add_attention(
    chain: Chain,
    name: str,
    heads: int,
    *,
    kv_heads: int | None = None,
    width: int | None = None,
    memory: str | None = None,
    causal: bool = False,
    window: int | None = None,
) -> str:
    """Append projections, attention and output projection; the last layer gives the queries.

    Args:
        chain: Ends in tokens (T, C).
        name: Of the block.
        heads: Of the queries; divides ``width``.
        kv_heads: Of keys and values; None means as many as queries.
        width: All heads together; None means C.
        memory: Layer of tokens that keys and values come from; None means the same tokens.
        causal: Whether a token sees only itself and those before it.
        window: Tokens are cut into stretches of at most so many, which see only themselves; None
            means one stretch.

    Returns:
        The name of the output projection, (T, C).

    Raises:
        LayerError: The shapes do not fit.
    """
    source = chain.end
    tokens, features = chain.shape
    kv_heads = heads if kv_heads is None else kv_heads
    width = features if width is None else width
    head = width // heads
    seen = source if memory is None else memory
    memory_features = chain.shapes[seen][1]
    sides = [
        chain.add(f"{name}_queries", Linear(features, heads * head), source),
        chain.add(f"{name}_keys", Linear(memory_features, kv_heads * head), seen),
        chain.add(f"{name}_values", Linear(memory_features, kv_heads * head), seen),
    ]
    core = Attention(heads, kv_heads, head, causal)
    if window is None or window >= tokens:
        chain.add(name, core, *sides)
    else:
        parts = []
        for part, start in enumerate(range(0, tokens, window), 1):
            cut = Slice(start, min(start + window, tokens))
            cuts = [chain.add(f"{side}_part{part}", cut, side) for side in sides]
            parts.append(chain.add(f"{name}_part{part}", core, *cuts))
        chain.add(name, Concat(0), *parts)
    return chain.add(f"{name}_output", Linear(heads * head, features))


def add_feed_forward(chain: Chain, name: str, hidden: int, function: str) -> str:
    """Append a feed-forward block to the last layer.

    Args:
        chain: Ends in tokens (T, C).
        name: Of the block; it should hold "feedforward".
        hidden: Its inner width.
        function: An activation, or ``swiglu``, silu times a second projection (Shazeer 2020,
            arXiv:2002.05202).

    Returns:
        The name of its last layer, (T, C).
    """
    source = chain.end
    features = chain.shape[1]
    chain.add(f"{name}_widen", Linear(features, hidden), source)
    if function == "swiglu":
        gate = chain.add(f"{name}_silu", Activation("silu"))
        other = chain.add(f"{name}_gate", Linear(features, hidden), source)
        chain.add(f"{name}_product", Multiply(), gate, other)
    else:
        chain.add(f"{name}_{function}", Activation(function))
    return chain.add(f"{name}_narrow", Linear(hidden, features))
