"""Every operation: counted as torch counts, and computing what its definition says."""

import math

import numpy as np
import pytest
import torch
from op_cases import EVERY_OP, NETWORKS, chain, ops_covered
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import LayerError
from nas.models.build import build
from search_spaces.layers import Layer, layer_shapes, mac_count, parameter_count
from search_spaces.mbconv import SPACE as MBCONV
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    Embedding,
    Grams,
    Input,
    Linear,
    Opaque,
    Recurrent,
    RMSNorm,
)

STEM, CLASSIFIER = (
    (-0.036130466, 0.16964978, -0.368646264),
    (-0.002679225, -0.07209041, 0.229844108),
)
RECURRENT = [name for name in NETWORKS if name.endswith(("lstm", "gru"))]


def test_every_operation_has_a_case():
    assert ops_covered() == EVERY_OP


@pytest.mark.parametrize("name", NETWORKS)
def test_torch_counts_the_same_parameters_and_gives_the_same_shapes(name):
    layers = NETWORKS[name]
    module = build(layers, seed=0).eval()
    shapes = layer_shapes(layers)
    result = module(torch.ones(2, *shapes["input"]))
    assert result.shape == (2, *shapes[layers[-1].name])
    assert sum(p.numel() for p in module.parameters()) == parameter_count(layers)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - set(RECURRENT)))
def test_torch_counts_the_same_multiplications(name):
    layers = NETWORKS[name]
    module = build(layers, seed=0).eval()
    x = torch.ones(1, *layer_shapes(layers)["input"])
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(x)
    assert counter.get_total_flops() == 2 * mac_count(layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_is_set_by_the_seed_and_gets_a_gradient(name):
    layers = NETWORKS[name]
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same = build(layers, seed=3), build(layers, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[key]), key
        assert value.isfinite().all()
    if any(p.requires_grad for p in one.parameters()):
        x = torch.rand(3, *layer_shapes(layers)["input"]) * 9
        one(x).square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in one.parameters())


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # of torch.nn.LSTM
@pytest.mark.parametrize("name", ["grouped attention", "tied embedding", "recommender", "lstm"])
def test_networks_of_new_operations_export(name):
    module = build(NETWORKS[name], seed=0).eval()
    x = torch.ones(2, *layer_shapes(NETWORKS[name])["input"])
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), module(x))


def test_recurrent_layers_by_hand():
    # LSTM: 4 gates of 5 cells over 8 features and 5 states: 4 * 5 * 13 = 260 products a step, and
    # two biases of 20. GRU, two layers: 3 * 5 * 13 + 3 * 5 * 10 = 345 a step, biases 2 * 2 * 15.
    lstm, gru = Recurrent("lstm", 8, 5), Recurrent("gru", 8, 5, 2)
    assert (lstm.parameters(), lstm.macs((6, 8))) == (260 + 40, 6 * 260)
    assert (gru.parameters(), gru.macs((6, 8))) == (345 + 60, 6 * 345)
    # Both directions, two layers: 2 * 20 * (8 + 5) + 2 * 20 * (10 + 5) = 1120, biases 2 * 80.
    both = Recurrent("lstm", 8, 5, 2, bidirectional=True)
    assert (both.parameters(), both.macs((6, 8))) == (1120 + 160, 6 * 1120)
    assert both.output_shape((6, 8)) == (6, 10)


def test_an_lstm_step_by_its_equations():
    layers = chain((1, 2), Recurrent("lstm", 2, 3))
    module = build(layers, seed=0)
    state = {key.removeprefix("layer0."): value for key, value in module.state_dict().items()}
    x = torch.randn(4, 1, 2)
    gates = x[:, 0] @ state["weight_ih_l0"].T + state["bias_ih_l0"] + state["bias_hh_l0"]
    enter, _, cell, out = gates.chunk(4, dim=1)
    wanted = out.sigmoid() * (enter.sigmoid() * cell.tanh()).tanh()
    torch.testing.assert_close(module(x)[:, 0], wanted)


def test_grouped_causal_attention_by_its_definition():
    heads, kv_heads, size = 6, 2, 4
    op = Attention(heads, kv_heads, size, causal=True)
    layers = NETWORKS["grouped attention"]
    module = build(layers, seed=0)
    x = torch.randn(1, 6, 8)
    q, k, v = (getattr(module, name)(x)[0] for name in ("queries", "keys", "values"))
    wanted = torch.zeros(6, heads * size)
    for head in range(heads):
        other = head // (heads // kv_heads)
        mine, theirs = (slice(n * size, n * size + size) for n in (head, other))
        for place in range(6):
            scores = k[: place + 1, theirs] @ q[place, mine] / math.sqrt(size)
            wanted[place, mine] = scores.softmax(0) @ v[: place + 1, theirs]
    torch.testing.assert_close(module(x)[0], wanted)
    assert op.macs((6, 24), (6, 8), (6, 8)) == 2 * 6 * 6 * 6 * 4


def test_identifiers_beyond_the_rows_are_hashed():
    module = build(chain((4,), Embedding(3, 2)), seed=0)
    got = module(torch.tensor([[0.0, 4.0, 2.0, 16_777_215.0]]))[0]
    assert torch.equal(got, module.layer0.weight[[0, 1, 2, 0]])


def test_a_tied_layer_multiplies_by_the_table():
    layers = NETWORKS["tied embedding"]
    module = build(layers, seed=0)
    assert "unembed.weight" not in module.state_dict()
    assert parameter_count(layers) == 11 * 8 + 7 * 8 + 2 * 8
    torch.testing.assert_close(module(torch.zeros(1, 5)).shape, torch.Size((1, 5, 11)))


def test_rms_norm_and_interaction_by_hand():
    x = torch.randn(3, 4, 5)
    mean_square = x.square().mean(-1, keepdim=True)
    norm = build(chain((4, 5), RMSNorm(5)))
    torch.testing.assert_close(norm(x), x / (mean_square + 1e-5).sqrt())
    pairs = build(NETWORKS["interaction of tokens"])(torch.arange(96.0).reshape(2, 6, 8))
    rows = torch.arange(96.0).reshape(2, 6, 8)[1]
    wanted = [rows[i] @ rows[j] for i in range(6) for j in range(i + 1, 6)]
    torch.testing.assert_close(pairs[1], torch.stack(wanted))


@pytest.mark.parametrize("function", ["gelu", "tanh", "elu", "softplus", "sin", "cos", "softmax"])
def test_newer_activations_by_hand(function):
    x = torch.tensor([[-4.0, 0.5, 3.0]])
    by_hand = {
        "gelu": 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
        "tanh": (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
        "elu": torch.where(x > 0, x, x.exp() - 1),
        "softplus": (1 + x.exp()).log(),
        "sin": torch.tensor([[0.7568025, 0.4794255, 0.1411200]]),
        "cos": torch.tensor([[-0.6536436, 0.8775826, -0.9899925]]),
        "softmax": x.exp() / x.exp().sum(),
    }
    torch.testing.assert_close(build(chain((3,), Activation(function)))(x), by_hand[function])


def test_a_classifier_on_a_sum_of_tied_embeddings_shares_one_gradient():
    layers = (
        Layer("input", Input((2,))),
        Layer("one", Embedding(4, 3), ("input",), weights="table"),
        Layer("two", Embedding(4, 3), ("input",), weights="table"),
        Layer("sum", Add(), ("one", "two")),
        Layer("out", Linear(3, 4, bias=False), ("sum",), weights="table"),
    )
    module = build(layers, seed=0)
    module(torch.zeros(1, 2)).sum().backward()
    assert list(dict(module.named_parameters())) == ["table.weight"]
    assert module.table.weight.grad.abs().sum() > 0


def test_an_unknown_operator_cannot_be_built():
    with pytest.raises(LayerError, match=r"aten\.fft_rfft is unknown and cannot be built"):
        build(chain((3,), Opaque("aten.fft_rfft", (2,))))


def test_the_first_weights_of_an_image_network_stay_what_they_are():
    # A run that is resumed, or repeated from its seed, must begin at the same weights.
    first = MBCONV.choose(lambda name, values: values[0])
    state = build(MBCONV.layers(first, (1, 8, 8), 10), seed=3).state_dict()
    begin = {key: state[key].flatten()[:3].numpy() for key in ("stem.weight", "classifier.weight")}
    np.testing.assert_allclose(begin["stem.weight"], STEM, rtol=1e-5)
    np.testing.assert_allclose(begin["classifier.weight"], CLASSIFIER, rtol=1e-5)


def test_a_run_is_its_number_or_its_remainder_and_zeros_stand_before_it():
    # ((2 * 10 + 3) * 10 + 4) = 234; before the first id zeros: 2, 23; 347 and 479 follow.
    ids = torch.tensor([[2.0, 3, 4, 7, 9]])
    whole = build(chain((5,), Grams(3, 10, 1000)))(ids)
    assert whole.tolist() == [[2, 23, 234, 347, 479]]
    hashed = build(chain((5,), Grams(3, 10, 100)))(ids)
    assert hashed.tolist() == [[2, 23, 34, 47, 79]]
