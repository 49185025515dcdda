"""The torch modules that hold the parameters of operations, and their first values."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from search_spaces.ops import (
    BatchNorm,
    ClassToken,
    Conv1d,
    Conv2d,
    Embedding,
    LayerNorm,
    Linear,
    Op,
    Positions,
    Recurrent,
    RMSNorm,
    Shape,
)

__all__ = ["NORM_EPSILON", "initialise", "module_of"]

NORM_EPSILON = 1e-5
"""Added to the variance or mean square by every normalisation."""


def module_of(op: Op, shape: Shape) -> nn.Module | None:
    """The module that holds the op's parameters, not initialised; None where it has none.

    Args:
        op: Of a layer.
        shape: Of its output, without the batch.
    """
    if isinstance(op, Linear):
        linear = nn.Linear(op.in_features, op.out_features, bias=op.bias, device="meta")
        return linear.to_empty(device="cpu")
    if isinstance(op, BatchNorm):
        return (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(op.channels)
    if isinstance(op, LayerNorm):
        return nn.LayerNorm(op.features, NORM_EPSILON)
    if isinstance(op, RMSNorm):
        return nn.RMSNorm(op.features, NORM_EPSILON)
    if isinstance(op, Recurrent):
        cell = nn.LSTM if op.cell == "lstm" else nn.GRU
        return cell(
            op.in_features,
            op.hidden,
            op.layers,
            bias=op.bias,
            batch_first=True,
            bidirectional=op.bidirectional,
            device="meta",
        ).to_empty(device="cpu")
    return _convolution(op) or _table(op)


def initialise(module: nn.Module, generator: torch.Generator | None) -> None:
    """Set the first values of a module's parameters.

    Convolutions: the normal distribution of He et al. 2015 (arXiv:1502.01852) over their fan-in;
    one that only multiplies every channel gives angles, with a deviation of a whole turn
    (Gorishniy et al. 2022, arXiv:2203.05556, whose scale is of the order of 1).
    Linear layers, tables and recurrent cells: a variance of one over the fan-in, for tables over
    their features, so that a vector begins at length one, or over their rows if there are more
    (after Naumov et al. 2019, arXiv:1906.00091): what was never seen stays near 0. Biases 0,
    scales 1.

    Args:
        module: Of `module_of`.
        generator: Source of chance; None is torch's global one.
    """
    if isinstance(module, nn.Conv1d) and module.weight[0].numel() == 1 and module.bias is None:
        nn.init.normal_(module.weight, std=2 * math.pi, generator=generator)
    elif isinstance(module, nn.Conv1d | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        _clear(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear", generator=generator)
        _clear(module.bias)
    elif isinstance(module, nn.Embedding):
        most = max(module.embedding_dim, module.num_embeddings)
        nn.init.normal_(module.weight, std=most**-0.5, generator=generator)
    elif isinstance(module, nn.LSTM | nn.GRU):
        for name, parameter in module.named_parameters():
            if name.startswith("weight"):
                nn.init.kaiming_normal_(parameter, nonlinearity="linear", generator=generator)
            else:
                nn.init.zeros_(parameter)


def _convolution(op: Op) -> nn.Module | None:
    if isinstance(op, Conv2d):
        return nn.Conv2d(
            op.in_channels,
            op.out_channels,
            op.kernel_hw,
            stride=op.stride_hw,
            padding=op.padding_hw,
            dilation=op.dilation,
            groups=op.groups,
            bias=op.bias,
            device="meta",
        ).to_empty(device="cpu")
    if isinstance(op, Conv1d):
        return nn.Conv1d(
            op.in_channels,
            op.out_channels,
            op.kernel,
            stride=op.stride,
            padding=op.padding_t,
            groups=op.groups,
            bias=op.bias,
            device="meta",
        ).to_empty(device="cpu")
    return None


def _table(op: Op) -> nn.Module | None:
    if isinstance(op, Embedding | Positions):
        rows = op.rows if isinstance(op, Embedding) else op.length
    elif isinstance(op, ClassToken):
        rows = 1
    else:
        return None
    return nn.Embedding(rows, op.features, device="meta").to_empty(device="cpu")


def _clear(bias: Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
