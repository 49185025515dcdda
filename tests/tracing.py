"""What tests of tracing share."""

import torch
from torch import nn

from nas.models.trace import check_traced, trace


def ops(traced):
    return [type(layer.op) for layer in traced.layers]


def checked(module, example):
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    traced = trace(module, example)
    check_traced(module, example, traced)
    return traced
