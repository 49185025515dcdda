"""The operators of ATen that layers stand for, one function each."""

# ruff: noqa: PLR0917
# The arguments are those of ATen's operators.

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn.modules.utils import _pair

from nas.models.modules import NORM_EPSILON
from nas.models.trace_ops import Tracer, handler
from nas.models.trace_values import BATCH, Held, View
from search_spaces.ops import (
    BatchNorm,
    Conv1d,
    Conv2d,
    Embedding,
    LayerNorm,
    Linear,
    Recurrent,
    RMSNorm,
)

__all__ = ["first_of", "linear", "owner_of", "sizes_of"]


def owner_of(*held: Held | None) -> tuple[object, ...]:
    """What tells parameters from others: which they are, and which part of each."""
    return tuple(
        None
        if item is None
        else (
            item.tensor.data_ptr(),
            None if item.places is None else item.places.numpy().tobytes(),
        )
        for item in held
    )


@handler("conv1d", "conv2d")
def _conv(
    tracer: Tracer,
    node: fx.Node,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *more: Any,
) -> View | None:
    if not isinstance(weight, Held) or not isinstance(x, View) or more:
        return None
    out_channels, narrow, *kernel = weight.shape
    dilations = list(_pair(first_of(dilation)))
    if isinstance(padding, str):
        spans = [d * (k - 1) for d, k in zip(dilations, kernel, strict=False)]
        if padding == "same" and any(span % 2 for span in spans):
            return None
        padding = [span // 2 if padding == "same" else 0 for span in spans]
    if len(set(dilations)) > 1 or not isinstance(bias, Held | None):
        return None
    flat = len(kernel) == 2
    if not flat and dilations[0] != 1:
        return None
    sizes = [sizes_of(item, flat) for item in (kernel, stride, padding)]
    names = (narrow * groups, out_channels)
    op: Conv1d | Conv2d
    if flat:
        op = Conv2d(*names, sizes[0], sizes[1], groups, bias is not None, sizes[2], dilations[0])
    else:
        op = Conv1d(*names, sizes[0], sizes[1], groups, bias is not None, sizes[2])
    weights = _weights(weight=weight, bias=bias)
    return tracer.add(node, op, [tracer.place(x)], weights, owner_of(weight, bias))


@handler("linear")
def linear(tracer: Tracer, node: fx.Node, x: Any, weight: Any, bias: Any = None) -> Any:
    """A product with a parameter (out, in) on the last axis; None where it is not one."""
    if not isinstance(weight, Held) or not isinstance(x, View) or not isinstance(bias, Held | None):
        return None
    if len(weight.shape) != 2:
        return None
    wide, narrow = weight.shape
    op = Linear(narrow, wide, bias is not None)
    held = (_weights(weight=weight, bias=bias), owner_of(weight, bias))
    return _by_last_axis(tracer, node, op, x, held)


@handler("addmm")
def _addmm(tracer: Tracer, node: fx.Node, bias: Any, x: Any, weight: Any) -> Any:
    if not isinstance(weight, Held) or not isinstance(bias, Held):
        return None
    return linear(tracer, node, x, weight.moved(weight.at.T.contiguous()), bias)


@handler("layer_norm")
def _layer_norm(
    tracer: Tracer,
    node: fx.Node,
    x: Any,
    axes: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = NORM_EPSILON,
    *_: Any,
) -> View | None:
    if not (isinstance(weight, Held) and isinstance(bias, Held) and isinstance(x, View)):
        return None
    if len(axes) != 1:
        return None
    _epsilon(tracer, "layer_norm", eps)
    held = (_weights(weight=weight, bias=bias), owner_of(weight, bias))
    return _by_last_axis(tracer, node, LayerNorm(axes[0]), x, held)


@handler("rms_norm")
def _rms_norm(
    tracer: Tracer, node: fx.Node, x: Any, axes: Any, weight: Any = None, eps: float | None = None
) -> View | None:
    if not (isinstance(weight, Held) and isinstance(x, View)) or len(axes) != 1:
        return None
    _epsilon(tracer, "rms_norm", torch.finfo(torch.float32).eps if eps is None else eps)
    held = (_weights(weight=weight), owner_of(weight))
    return _by_last_axis(tracer, node, RMSNorm(axes[0]), x, held)


@handler("batch_norm")
def _batch_norm(
    tracer: Tracer,
    node: fx.Node,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> View | None:
    if not (isinstance(weight, Held) and isinstance(bias, Held) and isinstance(mean, Tensor)):
        return None
    if training or not isinstance(x, View):
        return None
    _epsilon(tracer, "batch_norm", eps)
    weights = {
        **_weights(weight=weight, bias=bias),
        "running_mean": mean,
        "running_var": variance,
        "num_batches_tracked": torch.tensor(0),
    }
    op = BatchNorm(weight.shape[0])
    return tracer.add(node, op, [tracer.place(x)], weights, owner_of(weight, bias))


@handler("embedding")
def _embedding(
    tracer: Tracer, node: fx.Node, weight: Any, ids: Any, *_: Any, **__: Any
) -> View | Held | None:
    if isinstance(weight, Held) and isinstance(ids, Tensor):
        return weight.moved(torch.nn.functional.embedding(ids, weight.at))
    if not isinstance(weight, Held) or not isinstance(ids, View):
        return None
    given = tuple(ids.at.shape)
    if ids.modulus == weight.shape[0]:
        ids = replace(ids, modulus=None)  # Embedding takes identifiers modulo its rows
    flat = tracer.fits(ids, (ids.at.numel() // BATCH,))
    if flat is None:
        return None
    op = Embedding(*weight.shape)
    held = ({"weight": weight.value}, owner_of(weight, None))
    made = tracer.add(node, op, [tracer.place(flat)], *held)
    return made.shaped(*given, op.features)


@handler("lstm", "gru")
def _recurrent(
    tracer: Tracer,
    node: fx.Node,
    x: Any,
    states: Any,
    weights: Any,
    biases: bool,
    layers: int,
    _dropout: float,
    _train: bool,
    both_ways: bool,
    batch_first: bool,
) -> list[View] | None:
    cell = str(getattr(node.target, "__name__", "")).split(".")[0]
    begin = states if isinstance(states, tuple | list) else [states]
    zeros = all(isinstance(state, Tensor) and not state.any() for state in begin)
    names = [f"{kind}_l{layer}{way}" for layer in range(layers)
             for way in (("", "_reverse") if both_ways else ("",))
             for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 2 + 2 * biases]
             ]  # fmt: skip
    if not (zeros and isinstance(x, View) and len(names) == len(weights)):
        return None
    at = x.at if batch_first else x.at.transpose(0, 1)
    hidden = weights[1].shape[-1]
    op = Recurrent(cell, at.shape[2], hidden, layers, both_ways, biases)
    if weights[1].shape[0] != (4 if cell == "lstm" else 3) * hidden:
        return None
    given = dict(zip(names, (item.value for item in weights), strict=True))
    made = tracer.add(node, op, [tracer.place(x.moved(at))], given, owner_of(*weights))
    ends = [made.at[:, -1, :hidden]] + [made.at[:, 0, hidden:]] * both_ways
    unseen = [torch.full_like(ends[0], -1)] * (op.directions * (layers - 1))
    last = made.moved(torch.stack(unseen + ends))
    hidden_only = [last] if cell == "gru" else [last, last.moved(torch.full_like(last.at, -1))]
    return [made if batch_first else made.moved(made.at.transpose(0, 1)), *hidden_only]


def _by_last_axis(
    tracer: Tracer, node: fx.Node, op: Any, x: View, held: tuple[dict[str, Tensor], object]
) -> View | None:
    """An op on the last axis of whatever shape: on a vector or on tokens, and back."""
    given = tuple(x.at.shape)
    rows = x.at.numel() // BATCH // given[-1]
    width = given[-1]
    plain = x.places is None and len(x.shape) in (1, 2)
    base = tracer.fits(x, (width,) if rows == 1 else (rows, width))
    if (x.at.dim() and x.at.shape[0] != BATCH) or base is None:
        base = _by_samples(tracer, x, width)
    if base is None:
        return None
    made = tracer.add(node, op, [tracer.place(x if plain else base)], *held)
    if x.at.shape[0] == BATCH and tracer.fits(x, (rows, width)) is not None:
        return made.shaped(*given[:-1], made.shape[-1])
    return _back(made, x, base, given)


def _by_samples(tracer: Tracer, x: View, width: int) -> View | None:
    """Rows sorted by the sample that they are of."""
    rows = x.at.reshape(-1, width)
    order = torch.argsort(rows[:, 0] // math.prod(x.shape), stable=True)
    return tracer.fits(x.moved(rows[order].reshape(BATCH, -1, width)), (len(rows) // BATCH, width))


def _back(made: View, x: View, base: View, given: tuple[int, ...]) -> View:
    rows = x.at.reshape(-1, given[-1])
    order = torch.argsort(rows[:, 0] // math.prod(x.shape), stable=True)
    wide = made.shape[-1]
    at = torch.empty(len(rows), wide, dtype=torch.long)
    at[order] = made.at.reshape(-1, wide)
    return made.moved(at.reshape(*given[:-1], wide))


def _epsilon(tracer: Tracer, name: str, eps: float) -> None:
    if eps != NORM_EPSILON:
        tracer.notes.append(f"{name} with epsilon {eps:g} is built with {NORM_EPSILON:g}")


def _weights(**held: Held | None) -> dict[str, Tensor]:
    return {name: item.value for name, item in held.items() if item is not None}


def first_of(value: Any) -> Any:
    """The one number of all axes, or the numbers."""
    return value[0] if isinstance(value, tuple | list) and len(set(value)) == 1 else value


def sizes_of(value: Any, flat: bool) -> Any:
    """One number for a series; one number or a pair for a map."""
    items = tuple(value) if isinstance(value, tuple | list) else (value,)
    if flat and len(items) == 2:
        return items
    return items[0]
