"""Modules that write out what a layer stands for, as published transformers do, are traced."""

import torch
from torch import nn
from torch.nn import functional
from tracing import checked, ops

from nas.models.trace import check_traced, trace
from search_spaces.ops import Activation, Attention, Embedding, RMSNorm


class Windows(nn.Module):
    """Attention of two windows with a learned bias by place, which no layer stands for."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.table = nn.Parameter(torch.zeros(7, 2))
        place = torch.arange(4)
        self.register_buffer("place", (place[:, None] - place + 3).flatten())

    def forward(self, x):
        windows = functional.pad(x, (0, 0, 0, 0)).view(-1, 4, 8)
        q, k, v = self.qkv(windows).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4)
        bias = self.table[self.place].view(4, 4, 2).permute(2, 0, 1)[None]
        hidden = windows.new_zeros((4, 4))
        scores = (q * 0.5) @ k.transpose(-2, -1) + bias + hidden
        mixed = functional.softmax(scores, dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(x.shape[0], 8, 8)).flatten(1)


def test_attention_with_a_learned_bias_is_counted_and_named():
    module = Windows()
    traced = trace(module, torch.rand(2, 8, 8))
    check_traced(module, torch.rand(2, 8, 8), traced)
    # Two windows of four tokens, two heads of four features: 2 * 2 * 4 * 4 * 4 for the scores.
    products = [layer.op for layer in traced.layers if getattr(layer.op, "operator", "")]
    (scores,) = [op for op in products if op.operator.startswith("product")]
    assert scores.products == 256
    assert any(name.startswith("add") for name in traced.unknown)


class Scaled(nn.Module):
    """Queries that are scaled before a product that does not scale, as in Whisper."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8, bias=False)

    def forward(self, x):
        q, k, v = (y.unflatten(-1, (2, 4)).transpose(1, 2) for y in (self.q(x) * 0.5, self.k(x), x))
        y = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
        return y.transpose(1, 2).flatten(2).mean(1)


def test_queries_that_are_scaled_beforehand():
    traced = checked(Scaled(), torch.rand(2, 6, 8))
    assert Attention(2, 2, 4) in [layer.op for layer in traced.layers]
    assert not traced.unknown


class Sentences(nn.Module):
    """The vector of the first sentence on all tokens, as in BERT."""

    def __init__(self):
        super().__init__()
        self.words, self.kinds = nn.Embedding(9, 4), nn.Embedding(2, 4)

    def forward(self, ids):
        return (self.words(ids) + self.kinds(torch.zeros_like(ids))).flatten(1)


def test_one_vector_on_all_tokens():
    traced = checked(Sentences(), torch.randint(0, 9, (2, 5)))
    assert ops(traced).count(Embedding) == 2
    assert not traced.unknown


class Llama(nn.Module):
    """Normalisation, rotary positions and GELU by tanh, each written out."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))
        self.q, self.k, self.v = nn.Linear(8, 16), nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        x = self.scale * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))
        q, k, v = (f(x).unflatten(-1, (-1, 8)).transpose(1, 2) for f in (self.q, self.k, self.v))
        angles = torch.arange(6)[:, None] * 100.0 ** (-torch.arange(4) / 4)
        angles = torch.cat((angles, angles), -1)
        q, k = (
            y * angles.cos() + torch.cat((-y[..., 4:], y[..., :4]), -1) * angles.sin()
            for y in (q, k)
        )
        y = functional.scaled_dot_product_attention(q, k.expand(-1, 2, 6, 8), v.expand(-1, 2, 6, 8))
        y = y.transpose(1, 2).flatten(2).mean(1)
        return 0.5 * y * (1 + torch.tanh(0.7978845608028654 * (y + 0.044715 * torch.pow(y, 3))))


def test_layers_that_are_written_as_several_operators():
    module = Llama()
    traced = trace(module, torch.rand(2, 6, 8))
    check_traced(module, torch.rand(2, 6, 8), traced)
    assert {RMSNorm(8), Attention(2, 1, 8), Activation("gelu")} <= {
        layer.op for layer in traced.layers
    }
    assert traced.unknown == ("rotary positions, base 100",) * 2
    assert traced.notes == ("gelu by tanh is built as gelu by the error function",)
