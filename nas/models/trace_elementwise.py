"""Sums, gates, activations, pools and joins of ATen as layers, one function each."""

# ruff: noqa: PLR0917
# The arguments are those of ATen's operators.

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx

from nas.models.trace_ops import Tracer, handler
from nas.models.trace_rules import first_of, owner_of, sizes_of
from nas.models.trace_values import BATCH, Held, Scores, View
from search_spaces.ops import (
    Activation,
    Add,
    ClassToken,
    Concat,
    Embedding,
    GlobalAveragePool,
    Multiply,
    Opaque,
    Pool,
    Positions,
    TokenMean,
    Zeros,
)

__all__: list[str] = []


@handler("remainder")
def _remainder(_tracer: Tracer, _node: fx.Node, x: Any, y: Any) -> View | None:
    if isinstance(x, View) and isinstance(y, int) and x.factor == 1 and x.modulus is None:
        return replace(x, modulus=y)
    return None


@handler("cat", "concat")
def _cat(tracer: Tracer, node: fx.Node, items: Any, axis: int = 0) -> View | Held | None:
    views = [item for item in items if isinstance(item, View)]
    axis = axis % len(_shape(items[0]))
    if len(views) == len(items):
        if len({(view.layer, view.factor, view.modulus) for view in views}) == 1:
            return views[0].moved(torch.cat([view.at for view in views], axis))
        if axis == 0:
            return None
        return tracer.add(node, Concat(axis - 1), [tracer.place(view) for view in views])
    first, *others = items
    if not (isinstance(first, Held) and len(others) == 1 and views and axis == 1):
        return None
    one = first.at[:1].reshape(1, -1)
    tokens = tuple(views[0].at.shape)
    if len(tokens) != 3 or _shape(first) != (BATCH, 1, tokens[2]):
        return None
    token = first.moved(one)
    op, place = ClassToken(tokens[2]), tracer.place(views[0])
    return tracer.add(node, op, [place], {"weight": token.value}, owner_of(token))


@handler("add", "add_")
def _add(  # noqa: PLR0911
    tracer: Tracer, node: fx.Node, x: Any, y: Any, *, alpha: float = 1
) -> Any:
    if isinstance(y, View) and isinstance(x, Held):
        x, y = y, x
    if isinstance(x, Scores):
        return x.masked(y) if alpha == 1 else None
    if alpha != 1 or not isinstance(x, View):
        return None
    if isinstance(y, int | float) and y == 0:
        return x
    if isinstance(y, Held):
        return _positions(tracer, node, x, y)
    if not isinstance(y, View) or x.at.shape != y.at.shape:
        return None
    plain = x.factor == y.factor == 1 and _whole(x) and _whole(y)
    alike = x.shape == y.shape and x.layer != y.layer and torch.equal(x.at, y.at)
    if plain and alike:
        return tracer.add(node, Add(), [x.layer, y.layer]).moved(x.at)
    return tracer.add(node, Add(), [tracer.place(x), tracer.place(y)])


def _positions(tracer: Tracer, node: fx.Node, x: View, table: Held) -> View | None:
    shape = tuple(x.at.shape)
    if len(shape) != 3 or table.shape not in (shape, shape[1:], (1, *shape[1:])):
        return None
    first = table.at.expand(shape)[0]
    rows = table.tensor.numel() // shape[2]
    if table.tensor.shape[-1] != shape[2] or not torch.equal(table.at.expand(shape)[1], first):
        return None
    if not torch.equal(first.flatten(), torch.arange(first.numel())):
        return _first_row(tracer, node, x, table, first)
    op, whole = Positions(rows, shape[2]), Held(table.name, table.tensor)
    weights = {"weight": whole.value.reshape(rows, shape[2])}
    return tracer.add(node, op, [tracer.place(x)], weights, owner_of(whole))


def _first_row(tracer: Tracer, node: fx.Node, x: View, table: Held, added: Tensor) -> View | None:
    """The vector of identifier 0 for all tokens, such as that of the first of two sentences."""
    ids = tracer.layers[0].name
    same = torch.equal(added, torch.arange(added.shape[1]).expand_as(added))
    if not same or tracer.shape(ids) != added.shape[:1] or table.tensor.dim() != 2:
        return None
    zeros = tracer.add("zero_ids", Zeros(), [ids])
    op, whole = Embedding(*table.tensor.shape), Held(table.name, table.tensor)
    held = ({"weight": whole.value}, owner_of(whole, None))
    rows = tracer.add("zero_rows", op, [zeros.layer], *held)
    return tracer.add(node, Add(), [tracer.place(x), rows.layer])


@handler("rotary")
def _rotary(tracer: Tracer, node: fx.Node, x: View, base: float) -> View | None:
    if x.factor != 1 or x.at.numel() != BATCH * math.prod(x.shape):
        return None
    return tracer.add(node, Opaque(f"rotary positions, base {base:.0f}", x.shape), [x.layer]).moved(
        x.at
    )


@handler("mul", "mul_")
def _mul(tracer: Tracer, node: fx.Node, x: Any, y: Any) -> Any:
    if isinstance(x, int | float | Tensor):
        x, y = y, x
    number = _number(y)
    if isinstance(x, View | Scores) and number is not None and _whole(x):
        return replace(x, factor=x.factor * number)
    if not (isinstance(x, View) and isinstance(y, View)):
        return None
    if x.at.dim() < y.at.dim() or x.at.numel() < y.at.numel():
        x, y = y, x
    whole, gate = tuple(x.at.shape), tuple(y.at.shape)
    if gate == whole:
        return tracer.add(node, Multiply(), [tracer.place(x), tracer.place(y)])
    if gate != whole[:2] + (1,) * (len(whole) - 2):
        return None
    flat = tracer.fits(y, (whole[1],))
    return flat and tracer.add(node, Multiply(), [tracer.place(x), tracer.place(flat)])


@handler("div", "div_", "true_divide")
def _div(tracer: Tracer, node: fx.Node, x: Any, y: Any, **more: Any) -> Any:
    number = _number(y)
    if more or not number or not isinstance(x, View | Scores) or not _whole(x):
        return None
    return replace(x, factor=x.factor / number)


def _activation(name: str) -> None:
    def follow(tracer: Tracer, node: fx.Node, x: Any, *more: Any, **__: Any) -> View | None:
        return _elementwise(tracer, node, name, x) if isinstance(x, View) else None

    handler(name, f"{name}_")(follow)


for _name in ("relu", "relu6", "hardswish", "silu", "hardsigmoid", "sigmoid", "tanh", "sin", "cos"):
    _activation(_name)


@handler("elu", "elu_", "softplus", "gelu", "hardtanh", "hardtanh_")
def _other_activation(tracer: Tracer, node: fx.Node, x: Any, *more: Any, **named: Any) -> Any:
    name = str(getattr(node.target, "__name__", "")).split(".")[0].rstrip("_")
    if not isinstance(x, View):
        return None
    if named.get("approximate", "none") == "tanh":
        return _gelu_by_tanh(tracer, node, x)
    if name == "hardtanh":
        if tuple(more) != (0.0, 6.0):
            return None
        name = "relu6"
    elif more:
        return None
    return _elementwise(tracer, node, name, x)


@handler("gelu_by_tanh")
def _gelu_by_tanh(tracer: Tracer, node: fx.Node, x: View) -> View:
    tracer.notes.append("gelu by tanh is built as gelu by the error function")
    return _elementwise(tracer, node, "gelu", x)


def _elementwise(tracer: Tracer, node: fx.Node, name: str, x: View) -> View:
    """On the layer itself where all of it is used, in whatever order."""
    if x.factor == 1 and x.modulus is None and x.at.numel() == BATCH * math.prod(x.shape):
        return tracer.add(node, Activation(name), [x.layer]).moved(x.at)
    return tracer.add(node, Activation(name), [tracer.place(x)])


@handler("max_pool2d", "max_pool1d", "avg_pool2d", "avg_pool1d")
def _pool(
    tracer: Tracer,
    node: fx.Node,
    x: Any,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    *more: Any,
    **named: Any,
) -> View | None:
    name = str(getattr(node.target, "__name__", ""))
    function, flat = ("max" if name.startswith("max") else "average"), "2d" in name
    stride = stride or kernel
    sizes = [sizes_of(item, flat) for item in (kernel, stride, padding)]
    count_pad = function == "average" and sizes[2] != 0
    dilated = function == "max" and more and first_of(more[0]) != 1
    ceil = (more[1:2] if function == "max" else more[:1]) or [named.get("ceil_mode", False)]
    counted = (more[1:2] or [named.get("count_include_pad", True)])[0]
    if not isinstance(x, View) or dilated or ceil[0] or (count_pad and counted):
        return None
    return tracer.add(node, Pool(function, *sizes), [tracer.place(x)])


@handler("adaptive_avg_pool2d", "adaptive_avg_pool1d")
def _adaptive(tracer: Tracer, node: fx.Node, x: Any, sizes: Any) -> View | None:
    if not isinstance(x, View) or x.at.shape[0] != BATCH:
        return None
    given, wanted = tuple(x.at.shape[2:]), tuple(sizes)
    if given == wanted:
        return x
    if set(wanted) == {1}:
        made = tracer.add(node, GlobalAveragePool(), [tracer.place(x)])
        return made.shaped(BATCH, *made.shape, *wanted)
    if any(size % parts for size, parts in zip(given, wanted, strict=True)):
        return None
    kernel = tuple(size // parts for size, parts in zip(given, wanted, strict=True))
    window = sizes_of(kernel, len(kernel) == 2)
    return tracer.add(node, Pool("average", window, window), [tracer.place(x)])


@handler("mean")
def _mean(
    tracer: Tracer, node: fx.Node, x: Any, axes: Any = None, keep: bool = False, **more: Any
) -> View | None:
    if not isinstance(x, View) or axes is None or (more.get("dtype") is not None):
        return None
    at = x.at
    gone = sorted(axis % at.dim() for axis in ([axes] if isinstance(axes, int) else axes))
    if 0 in gone or at.shape[0] != BATCH or not gone:
        return None
    left = [axis for axis in range(1, at.dim()) if axis not in gone]
    kept = tuple(1 if axis in gone else int(at.shape[axis]) for axis in range(at.dim()))
    shape = kept if keep else tuple(int(at.shape[axis]) for axis in [0, *left])
    if left == [1] and at.dim() in (3, 4):
        made = tracer.add(node, GlobalAveragePool(), [tracer.place(x)])
    elif left:
        order = at.permute(0, *gone, *left).reshape(BATCH, math.prod(at.shape[a] for a in gone), -1)
        made = tracer.add(node, TokenMean(), [tracer.place(x.moved(order))])
    else:
        return None
    return made.shaped(*shape)


def _whole(x: View | Scores) -> bool:
    return isinstance(x, Scores) or x.modulus is None


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shape(item: Any) -> tuple[int, ...]:
    return tuple(item.at.shape)
