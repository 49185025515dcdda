"""Transformers of image patches (Dosovitskiy et al. 2021, arXiv:2010.11929).

The image, or a convolution of it (Xiao et al. 2021, arXiv:2106.14881), is cut into patches, each
embedded by one convolution; blocks of attention and feed-forward follow, normalised before each,
and a linear head reads a class token or the mean of the tokens (Zhai et al. 2022,
arXiv:2106.04560). Heads and feed-forward ratio may differ between the early and the late half, as
in AutoFormer (Chen et al. 2021, arXiv:2107.00651). The published ViT-B/16 is a point of the same
construction.
"""

from __future__ import annotations

from search_spaces.base import Architecture, Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import (
    ClassToken,
    Conv2d,
    LayerNorm,
    Linear,
    Positions,
    Select,
    Shape,
    TokenMean,
    Tokens,
)
from search_spaces.transformer import add_attention, add_feed_forward

__all__ = ["SPACE"]

_CHOICES = (
    # A convolution before the patches helps where images are few.
    Choice("stem", ("patches", "conv3")),
    # Patches along the shorter side; where it is no multiple, patches are smaller and more.
    Choice("grid", (4, 7, 14)),
    Choice("width", (32, 48, 64, 96)),
    Choice("depth", (2, 3, 4, 6)),
    Choice("early_heads", (1, 2, 4)),
    Choice("late_heads", (1, 2, 4)),
    Choice("early_ratio", (1, 2, 4)),
    Choice("late_ratio", (1, 2, 4)),
    Choice("activation", ("gelu", "relu")),
    Choice("head", ("class_token", "mean")),
)


def _build(architecture: Architecture, input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    width, depth = int(architecture["width"]), int(architecture["depth"])
    patch = max(1, min(input_shape[1:]) // int(architecture["grid"]))
    if architecture["stem"] == "conv3":
        chain.conv("stem", width // 2, 3, activation="relu")
    chain.add("patches", Conv2d(chain.shape[0], width, patch, patch, bias=True, padding=0))
    chain.add("tokens", Tokens())
    by_class = architecture["head"] == "class_token"
    if by_class:
        chain.add("class_token", ClassToken(width))
    chain.add("positions", Positions(chain.shape[0], width))
    activation = str(architecture["activation"])
    for block in range(1, depth + 1):
        half = "early" if 2 * block <= depth + 1 else "late"
        heads, ratio = int(architecture[f"{half}_heads"]), int(architecture[f"{half}_ratio"])
        attention, feed_forward = (f"block{block}_{part}" for part in ("attention", "feedforward"))
        entry = chain.end
        chain.add(f"{attention}_norm", LayerNorm(width))
        add_attention(chain, attention, heads)
        entry = chain.merge(f"{attention}_sum", entry)
        chain.add(f"{feed_forward}_norm", LayerNorm(width))
        add_feed_forward(chain, feed_forward, ratio * width, activation)
        chain.merge(f"{feed_forward}_sum", entry)
    chain.add("last_norm", LayerNorm(width))
    chain.add("read", Select(0) if by_class else TokenMean())
    chain.add("classifier", Linear(width, outputs))
    return tuple(chain.layers)


SPACE = SearchSpace(
    name="vit",
    version=1,
    label="transformers of image patches",
    choices=_CHOICES,
    build=_build,
)
