"""Modules traced to layers: counted as torch counts them, and computing the same."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from tracing import checked, ops

from nas.errors import LayerError
from nas.models.build import build
from nas.models.trace import check_traced, trace, traced_layers
from search_spaces import space
from search_spaces.layers import mac_count, parameter_count
from search_spaces.ops import (
    Attention,
    ClassToken,
    Embedding,
    GlobalAveragePool,
    Linear,
    Multiply,
    Opaque,
    Positions,
    Recurrent,
)
from search_spaces.specs import TableSpec, TextSpec


class Gated(nn.Module):
    """Convolutions of several kinds, a gate and a classifier."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 2), bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding="same", groups=8)
        self.pool = nn.MaxPool2d(2)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Sigmoid()
        )
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8 * 16, 5)

    def forward(self, x):
        x = functional.relu6(self.norm(self.stem(x)), inplace=True)
        x = x + functional.hardswish(self.depthwise(x))
        x = self.pool(x)
        x = x * self.gate(x)
        return self.head(self.drop(torch.flatten(x, 1)))


class Encoder(nn.Module):
    """Patches, a class token, positions, torch's own encoder layers."""

    def __init__(self, *, batch_first):
        super().__init__()
        self.patch = nn.Conv2d(1, 12, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, 12))
        self.places = nn.Parameter(torch.zeros(1, 17, 12))
        layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=batch_first, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.batch_first = batch_first
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        if not self.batch_first:
            return self.head(self.encoder(x.transpose(0, 1))[0])
        return self.head(self.encoder(x)[:, 0])


class Decoder(nn.Module):
    """Written as in many tutorials: one product for all heads, a mask, a tied output."""

    def __init__(self, *, fused):
        super().__init__()
        self.table, self.places = nn.Embedding(20, 16), nn.Embedding(12, 16)
        self.qkv = nn.Linear(16, 48, bias=False)
        self.out = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16)
        self.unembed = nn.Linear(16, 20, bias=False)
        self.unembed.weight = self.table.weight
        self.register_buffer("mask", torch.tril(torch.ones(10, 10)).view(1, 1, 10, 10))
        self.fused = fused

    def forward(self, ids):
        batch, length = ids.shape
        x = self.table(ids) + self.places(torch.arange(length))
        q, k, v = (
            y.view(batch, length, 4, 4).transpose(1, 2)
            for y in self.qkv(self.norm(x)).split(16, dim=2)
        )
        if self.fused:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(4)
            scores = scores.masked_fill(self.mask == 0, float("-inf"))
            y = functional.softmax(scores, dim=-1) @ v
        y = y.transpose(1, 2).contiguous().view(batch, length, 16)
        return self.unembed(x + self.out(y))


class Grouped(nn.Module):
    """Two query heads for each head of keys and values."""

    def __init__(self, *, repeats):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(8, 16), nn.Linear(8, 8), nn.Linear(8, 8)
        self.repeats = repeats

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (-1, 4)).transpose(1, 2) for f in (self.q, self.k, self.v))
        if self.repeats:
            k, v = (y.repeat_interleave(2, dim=1) for y in (k, v))
        y = functional.scaled_dot_product_attention(q, k, v, enable_gqa=not self.repeats)
        return y.transpose(1, 2).flatten(2).mean(1)


class Cells(nn.Module):
    """Recurrent cells, of which the last state is used."""

    def __init__(self, cell, *, both_ways=False, batch_first=True, layers=1):
        super().__init__()
        self.cell = cell(
            6, 5, layers, batch_first=batch_first, bidirectional=both_ways, dropout=0.1
        )
        self.batch_first = batch_first

    def forward(self, x):
        _, state = self.cell(x if self.batch_first else x.transpose(0, 1))
        hidden = state[0] if isinstance(state, tuple) else state
        return hidden[-1]


class Mixed(nn.Module):
    """A gated table: a slice of numbers and two columns of ids."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Embedding(7, 3), nn.Embedding(5, 3)
        self.head = nn.Linear(10, 1)

    def forward(self, x):
        ids = x[:, 4:].long()
        parts = [x[:, :4], self.first(ids[:, 0]), self.second(ids[:, 1])]
        return self.head(torch.cat(parts, 1))


def test_a_network_of_convolutions_with_a_gate():
    traced = checked(Gated(), torch.rand(3, 3, 16, 16))
    assert Multiply in ops(traced)
    assert GlobalAveragePool in ops(traced)
    assert not traced.unknown
    assert not traced.notes


@pytest.mark.parametrize("batch_first", [True, False])
def test_torchs_own_encoder(batch_first):
    traced = checked(Encoder(batch_first=batch_first), torch.rand(2, 1, 8, 8))
    assert ops(traced).count(Attention) == 2
    assert ClassToken in ops(traced)
    assert Positions in ops(traced)
    assert any("attention" in layer.name for layer in traced.layers)


@pytest.mark.parametrize("fused", [True, False])
def test_a_decoder_with_a_mask_and_a_tied_output(fused):
    traced = checked(Decoder(fused=fused), torch.randint(0, 20, (2, 10)))
    (attention,) = [layer.op for layer in traced.layers if isinstance(layer.op, Attention)]
    assert attention == Attention(4, 4, 4, causal=True)
    (table,) = [layer for layer in traced.layers if isinstance(layer.op, Embedding)]
    assert traced.layers[-1].weights == table.name


@pytest.mark.parametrize("repeats", [True, False])
def test_grouped_queries(repeats):
    traced = checked(Grouped(repeats=repeats), torch.rand(2, 6, 8))
    assert Attention(4, 2, 4) in [layer.op for layer in traced.layers]


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.filterwarnings("ignore:dropout option")
def test_the_last_state_of_recurrent_cells(cell, both_ways, batch_first, layers):
    module = Cells(cell, both_ways=both_ways, batch_first=batch_first, layers=layers)
    traced = checked(module, torch.rand(2, 7, 6))
    assert Recurrent in ops(traced)


def test_columns_of_a_table():
    example = torch.cat([torch.rand(2, 4), torch.tensor([[3.0, 1.0], [6.0, 4.0]])], 1)
    traced = checked(Mixed(), example)
    assert ops(traced).count(Embedding) == 2


def test_a_product_with_a_bare_parameter_is_linear():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(6, 4)), nn.Parameter(torch.zeros(4))

        def forward(self, x):
            return torch.addmm(self.bias, x.reshape(-1, 6), self.weight).view(-1, 5, 4).flatten(1)

    traced = checked(Bare(), torch.rand(2, 5, 6))
    assert Linear(6, 4) in [layer.op for layer in traced.layers]


def test_the_same_module_twice_shares_its_weights():
    inner = nn.Linear(4, 4)
    traced = checked(nn.Sequential(inner, nn.ReLU(), inner), torch.rand(2, 4))
    assert parameter_count(traced.layers) == 20
    assert [layer.weights for layer in traced.layers if type(layer.op) is Linear][1] is not None


SPACES = [
    ("mbconv", (1, 8, 8), 10, None),
    ("resnet", (1, 8, 8), 10, None),
    ("dscnn", (3, 24), 5, None),
    ("gpt", (12,), 11, TextSpec(11, 12)),
    ("mlp", (5,), 1, TableSpec(3, (7, 9))),
]


@pytest.mark.parametrize(("name", "shape", "outputs", "spec"), SPACES)
def test_what_a_space_builds_is_traced_back(name, shape, outputs, spec):
    chosen = space(name)
    layers = chosen.layers(chosen.sample(np.random.default_rng(1)), shape, outputs, spec)
    module, example = build(layers, seed=0), torch.randint(0, 5, (2, *shape)).float()
    traced = trace(module, example)
    assert not traced.unknown
    check_traced(module, example, traced)
    assert parameter_count(traced.layers) == parameter_count(layers)
    assert mac_count(traced.layers) == mac_count(layers)


def test_an_unknown_operator_is_named_costed_and_not_built():
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 2, 3), nn.LeakyReLU())
    example = torch.rand(2, 1, 6, 6)
    traced = trace(module, example)
    check_traced(module, example, traced)
    assert len(traced.unknown) == 2
    assert traced.unknown[0].startswith("conv_transpose2d")
    opaque = next(layer.op for layer in traced.layers if isinstance(layer.op, Opaque))
    assert opaque.shape == (2, 6, 6)
    assert opaque.weights == 4 * 2 * 9 + 2
    assert opaque.products == 4 * 4 * 4 * 2 * 9
    with pytest.raises(LayerError, match="conv_transpose2d"):
        traced_layers(module, (1, 6, 6))


def test_another_epsilon_is_noted():
    traced = trace(nn.LayerNorm(4, eps=1e-3), torch.rand(2, 4))
    assert "epsilon 0.001" in traced.notes[0]


def test_tracing_leaves_the_module_as_it_was():
    module = Gated().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trace(module, torch.rand(2, 3, 16, 16))
    assert module.training
    assert module.norm.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_parameters_that_forward_does_not_use():
    module = Gated()
    module.extra = nn.Linear(3, 3)
    example = torch.rand(2, 3, 16, 16)
    with pytest.raises(LayerError, match="forward does not use"):
        check_traced(module, example, trace(module, example))


def test_an_input_of_another_size():
    with pytest.raises(LayerError, match=r"cannot be traced with an input of \(3, 9, 9\)"):
        trace(Gated(), torch.rand(2, 3, 9, 9))


class Refused(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.inner, self._does = nn.Linear(4, 4), forward

    def forward(self, x):
        return self._does(self.inner, x)


def test_a_step_that_depends_on_values():
    module = Refused(lambda inner, x: inner(x) if x.sum() > 0 else x)
    with pytest.raises(LayerError, match="cannot be traced"):
        trace(module, torch.rand(2, 4))


def test_two_outputs():
    with pytest.raises(LayerError, match="gives 2 tensors, return one"):
        trace(Refused(lambda inner, x: (inner(x), x)), torch.rand(2, 4))


def test_an_output_that_does_not_depend_on_the_input():
    with pytest.raises(LayerError, match="does not depend on its input"):
        trace(Refused(lambda inner, x: torch.zeros(2, 4)), torch.rand(2, 4))


def test_a_module_that_mixes_samples_cannot_be_built():
    module = Refused(lambda inner, x: inner(x.flip(0)))
    assert "mixes samples" in trace(module, torch.rand(2, 4)).unknown[0]
