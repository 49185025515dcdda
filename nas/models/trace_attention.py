"""Attention in a traced program: torch's own, or products and a softmax that come to the same."""

# ruff: noqa: PLR0917
# The arguments are those of ATen's operators.

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from torch import Tensor, fx

from nas.models.trace_ops import Tracer, handler
from nas.models.trace_rules import linear
from nas.models.trace_values import BATCH, Held, Scores, View, hidden_later
from search_spaces.ops import Activation, Attention

__all__: list[str] = []


@handler("scaled_dot_product_attention")
def _fused(
    tracer: Tracer,
    node: fx.Node,
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    _dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> View | None:
    if not all(isinstance(item, View) for item in (q, k, v)):
        return None
    shape = (q.at.shape[-2], k.at.shape[-2])
    hidden = hidden_later(mask, shape)
    usual = q.at.shape[-1] ** -0.5
    factor = (usual if scale is None else scale) * q.factor * k.factor
    if hidden is None or not math.isclose(factor, usual, rel_tol=1e-4):
        return None
    q, k = replace(q, factor=1.0), replace(k, factor=1.0)
    return _attention(tracer, node, q, k, v, is_causal or hidden)


@handler("matmul", "bmm", "mm")
def _matmul(tracer: Tracer, node: fx.Node, x: Any, y: Any) -> Any:
    if isinstance(x, View) and isinstance(y, Held) and len(y.shape) == 2:
        return linear(tracer, node, x, y.moved(y.at.T.contiguous()))
    if isinstance(x, View) and isinstance(y, View) and _by_head(x) and _by_head(y):
        if x.at.shape[-1] == y.at.shape[-2] and x.at.shape[:-2] == y.at.shape[:-2]:
            turned = y.moved(y.at.transpose(-1, -2))
            factor = x.factor * y.factor
            return Scores(replace(x, factor=1.0), replace(turned, factor=1.0), factor)
        return None
    if not (isinstance(x, Scores) and x.weights and isinstance(y, View)):
        return None
    if not math.isclose(x.factor, x.queries.at.shape[-1] ** -0.5, rel_tol=1e-4):
        return None
    return _attention(tracer, node, x.queries, x.keys, y, x.causal)


@handler("softmax", "_softmax")
def _softmax(_tracer: Tracer, node: fx.Node, x: Any, axis: int, *_: Any, **__: Any) -> Any:
    if isinstance(x, Scores) and axis in (-1, len(x.queries.at.shape) - 1):
        return replace(x, weights=True)
    if isinstance(x, View) and axis in (-1, x.at.dim() - 1):
        return _tracer.add(node, Activation("softmax"), [_tracer.place(x)])
    return None


@handler("masked_fill", "masked_fill_")
def _masked_fill(_tracer: Tracer, _node: fx.Node, x: Any, mask: Any, value: Any) -> Any:
    if not isinstance(x, Scores) or not isinstance(mask, Tensor) or float(value) > -1e4:
        return None
    return x.masked(~mask.bool())


@handler("where")
def _where(_tracer: Tracer, _node: fx.Node, mask: Any, x: Any, other: Any = None) -> Any:
    if not isinstance(x, Scores) or not isinstance(mask, Tensor) or not isinstance(other, Tensor):
        return None
    return x.masked(mask.bool()) if float(other.max()) < -1e4 else None


def _by_head(x: View) -> bool:
    return x.at.dim() in (3, 4)


def _attention(
    tracer: Tracer, node: fx.Node, q: View, k: View, v: View, causal: bool
) -> View | None:
    """One layer over tokens (T, heads * features), of whatever made heads of them."""
    heads = [_heads(item) for item in (q, k, v)]
    if any(item is None for item in heads) or q.at.shape[-1] != v.at.shape[-1]:
        return None
    queries, keys, values = (item for item in heads if item is not None)
    features, groups = queries.shape[-1], _repeats(keys, values)
    keys, values = keys[:, ::groups], values[:, ::groups]
    op = Attention(queries.shape[1], keys.shape[1], features, causal)
    inputs = []
    for value, at in ((q, queries), (k, keys), (v, values)):
        tokens = at.transpose(1, 2).flatten(2)
        flat = tracer.fits(value.moved(tokens), tuple(tokens.shape[1:]))
        if flat is None:
            return None
        inputs.append(tracer.place(flat))
    made = tracer.add(node, op, inputs)
    out = made.at.reshape(BATCH, queries.shape[2], queries.shape[1], features).transpose(1, 2)
    return made.moved(out.reshape(*q.at.shape[:-1], features))


def _heads(x: View) -> Tensor | None:
    """Places as (batch, heads, T, features)."""
    at = x.at
    if at.dim() == 3:
        at = at.reshape(BATCH, -1, *at.shape[1:]) if at.shape[0] % BATCH == 0 else at
    return at if at.dim() == 4 and at.shape[0] == BATCH else None


def _repeats(keys: Tensor, values: Tensor) -> int:
    """How many heads in a row are the same, of keys and of values."""
    count = keys.shape[1]
    for groups in range(count, 1, -1):
        if count % groups:
            continue
        split = [
            item.reshape(item.shape[0], count // groups, groups, *item.shape[2:])
            for item in (keys, values)
        ]
        if all(bool((item == item[:, :, :1]).all()) for item in split):
            return groups
    return 1
