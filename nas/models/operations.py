"""What each operation computes, in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.errors import LayerError
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    Embedding,
    Flatten,
    GlobalAveragePool,
    Grams,
    Interaction,
    LayerNorm,
    Linear,
    MemberMean,
    Multiply,
    Op,
    Pool,
    Positions,
    Recurrent,
    Reshape,
    RMSNorm,
    Select,
    Slice,
    TokenMean,
    Tokens,
    Transpose,
    Zeros,
)

__all__ = ["run_op"]


def run_op(op: Op, module: nn.Module | None, inputs: Sequence[Tensor]) -> Tensor:
    """The output of an operation.

    Args:
        op: Of a layer other than the Input.
        module: What holds its parameters; None where it has none.
        inputs: With the batch as their first axis.

    Raises:
        LayerError: The operation is one that cannot be run.
    """
    found = _RUNS.get(type(op))
    if found is None:
        raise LayerError(f"{op} cannot be run; replace it by operations of search_spaces.ops")
    return found(op, module, *inputs)


def _call(_op: Op, module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = module(x)
    return result


def _linear(_op: Linear, module: nn.Module, x: Tensor) -> Tensor:
    if isinstance(module, nn.Linear):
        result: Tensor = module(x)
        return result
    return functional.linear(x, module.weight)  # type: ignore[arg-type]


def _embedding(op: Embedding, module: nn.Module, x: Tensor) -> Tensor:
    ids = x.long() % op.rows
    if isinstance(module, nn.Embedding):
        result: Tensor = module(ids)
        return result
    return functional.embedding(ids, module.weight)  # type: ignore[arg-type]


def _grams(op: Grams, _: object, x: Tensor) -> Tensor:
    ids = functional.pad(x.long(), (op.order - 1, 0))
    code = torch.zeros_like(x, dtype=torch.long)
    for place in range(op.order):
        code = (code * op.vocabulary + ids[:, place : place + x.shape[1]]) % op.rows
    return code.float()


def _positions(_op: Positions, module: nn.Module, x: Tensor) -> Tensor:
    table: Tensor = module.weight  # type: ignore[assignment]
    return x + table[: x.shape[1]]


def _class_token(_op: ClassToken, module: nn.Module, x: Tensor) -> Tensor:
    token: Tensor = module.weight  # type: ignore[assignment]
    return torch.cat([token.expand(x.shape[0], 1, -1), x], dim=1)


def _recurrent(_op: Recurrent, module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = module(x)[0]
    return result


def _attention(op: Attention, _: object, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    def split(x: Tensor, heads: int) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], heads, op.head_features).transpose(1, 2)

    groups = op.heads // op.kv_heads
    keys, values = split(k, op.kv_heads), split(v, op.kv_heads)
    if groups > 1:
        keys, values = (x.repeat_interleave(groups, dim=1) for x in (keys, values))
    mixed = functional.scaled_dot_product_attention(
        split(q, op.heads), keys, values, is_causal=op.causal
    )
    return mixed.transpose(1, 2).flatten(2)


def _interaction(_op: Interaction, _: object, *inputs: Tensor) -> Tensor:
    vectors = inputs[0] if len(inputs) == 1 else torch.stack(inputs, dim=1)
    count = vectors.shape[1]
    first, second = torch.triu_indices(count, count, 1, device=vectors.device)
    products = vectors @ vectors.transpose(1, 2)
    return products.flatten(1)[:, first * count + second]


def _add(_op: Add, _: object, *inputs: Tensor) -> Tensor:
    total = inputs[0]
    for other in inputs[1:]:
        total = total + other
    return total


def _multiply(_op: Multiply, _: object, whole: Tensor, gate: Tensor) -> Tensor:
    missing = whole.dim() - gate.dim()
    return whole * (gate if not missing else gate[(..., *(None,) * missing)])


def _global_average(_op: GlobalAveragePool, _: object, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())))


def _pool(op: Pool, _: object, x: Tensor) -> Tensor:
    kernel, stride, padding = (list(sizes) for sizes in zip(*op.axes(x.dim() - 2), strict=True))
    flat = x.dim() == 4
    if op.function == "max":
        greatest = functional.max_pool2d if flat else functional.max_pool1d
        result: Tensor = greatest(x, kernel, stride, padding)
        return result
    mean = functional.avg_pool2d if flat else functional.avg_pool1d
    return mean(x, kernel, stride, padding, count_include_pad=False)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardswish": functional.hardswish,
    "silu": functional.silu,
    "hardsigmoid": functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "gelu": functional.gelu,
    "tanh": torch.tanh,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "sin": torch.sin,
    "cos": torch.cos,
    "softmax": lambda x: functional.softmax(x, dim=-1),
}

_RUNS: dict[type, Callable[..., Tensor]] = {
    Conv2d: _call,
    Conv1d: _call,
    BatchNorm: _call,
    LayerNorm: _call,
    RMSNorm: _call,
    Linear: _linear,
    Embedding: _embedding,
    Grams: _grams,
    Positions: _positions,
    ClassToken: _class_token,
    Recurrent: _recurrent,
    Attention: _attention,
    Interaction: _interaction,
    Activation: lambda op, _, x: _ACTIVATIONS[op.function](x),
    Add: _add,
    Multiply: _multiply,
    GlobalAveragePool: _global_average,
    Pool: _pool,
    TokenMean: lambda _op, _, x: x.mean(1),
    MemberMean: lambda _op, _, *inputs: torch.stack(inputs).mean(0),
    Select: lambda op, _, x: x[:, op.index],
    Slice: lambda op, _, x: x[:, op.start : op.stop],
    Concat: lambda op, _, *inputs: torch.cat(inputs, dim=op.axis + 1),
    Flatten: lambda _op, _, x: x.flatten(1),
    Reshape: lambda op, _, x: x.reshape(x.shape[0], *op.shape),
    Transpose: lambda _op, _, x: x.transpose(1, 2),
    Tokens: lambda _op, _, x: x.flatten(2).transpose(1, 2),
    Zeros: lambda _op, _, x: torch.zeros_like(x),
}
