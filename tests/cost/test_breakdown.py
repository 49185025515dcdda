from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from op_cases import NETWORKS, chain

from hardware_profiles.deployment import Deployment
from nas.cost.breakdown import GROUPS, BreakdownRow, breakdown
from nas.cost.costs import cost
from nas.cost.kernels import KINDS
from nas.cost.workload import workload
from nas.errors import LayerError
from search_spaces.gpt import SPACE as GPT
from search_spaces.layers import Layer, mac_count, parameter_count
from search_spaces.mbconv import SPACE as MBCONV
from search_spaces.ops import (
    Activation,
    Add,
    Attention,
    BatchNorm,
    Concat,
    Embedding,
    Flatten,
    Input,
    LayerNorm,
    Linear,
    Opaque,
    Positions,
    Recurrent,
    Reshape,
    Select,
    Slice,
    Transpose,
    Zeros,
)
from search_spaces.specs import TextSpec

MakeDeployment = Callable[..., Deployment]

DECODER = (
    Layer("input", Input((6,))),
    Layer("tokens", Embedding(11, 8), ("input",)),
    Layer("places", Positions(9, 8), ("tokens",)),
    Layer("attention_norm", LayerNorm(8), ("places",)),
    Layer("attention_q", Linear(8, 8), ("attention_norm",)),
    Layer("attention_k", Linear(8, 4), ("attention_norm",)),
    Layer("attention_v", Linear(8, 4), ("attention_norm",)),
    Layer("attention", Attention(2, 1, 4, True), ("attention_q", "attention_k", "attention_v")),
    Layer("attention_out", Linear(8, 8), ("attention",)),
    Layer("sum", Add(), ("places", "attention_out")),
    Layer("feedforward_in", Linear(8, 16), ("sum",)),
    Layer("feedforward_act", Activation("gelu"), ("feedforward_in",)),
    Layer("feedforward_out", Linear(16, 8), ("feedforward_act",)),
    Layer("unembed", Linear(8, 11, bias=False), ("feedforward_out",), "tokens"),
)
NETWORK_CASES = [*NETWORKS.values(), DECODER]


def _by_group(rows: tuple[BreakdownRow, ...]) -> dict[str, BreakdownRow]:
    return {row.group: row for row in rows}


@pytest.mark.parametrize("layers", NETWORK_CASES, ids=[*NETWORKS, "decoder"])
def test_counts_of_every_operation_add_up(
    layers: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    work = workload(layers)
    assert work.total_macs == work.macs.sum() == mac_count(layers)
    assert work.params == parameter_count(layers)
    assert set(work.kinds) <= set(KINDS)
    place = deploy(precision="fp32")
    rows = breakdown(layers, place)
    assert [row.group for row in rows] == sorted((r.group for r in rows), key=GROUPS.index)
    assert sum(row.macs for row in rows) == work.total_macs
    assert sum(row.params for row in rows) == work.params
    assert sum(row.layers for row in rows) == len(layers) - 1
    costs = cost(work, [place])
    assert sum(row.latency_s or 0 for row in rows) == pytest.approx(costs.latency_s[0])
    assert sum(row.latency_share or 0 for row in rows) == pytest.approx(1)


@pytest.mark.parametrize("layers", NETWORK_CASES, ids=[*NETWORKS, "decoder"])
def test_weights_are_stored_as_they_are_but_for_folded_norms(layers: tuple[Layer, ...]) -> None:
    work = workload(layers)
    kept = work.stored_weight_elements + work.stored_bias_elements + work.stored_float_elements
    if not any(isinstance(layer.op, BatchNorm | Positions) for layer in layers):
        assert kept == work.params
    assert kept <= work.params


def test_a_decoder_by_hand() -> None:
    groups = _by_group(breakdown(DECODER))
    # Projections of 6 tokens: 8 x (8 + 4 + 4 + 8) each; scores and mix of 2 heads: 2 * 2 * 36 * 4.
    attention = groups["attention"]
    assert attention.macs == 6 * 8 * 24 + 2 * 2 * 36 * 4
    assert attention.params == 72 + 36 + 36 + 72
    assert groups["feed-forward"].macs == 6 * 2 * 128
    assert groups["feed-forward"].params == 8 * 16 + 16 + 16 * 8 + 8
    assert groups["embedding"].macs == 6 * 8 * 11  # the tied last layer
    assert groups["embedding"].params == 11 * 8 + 9 * 8
    assert groups["normalisation and elementwise"].params == 16
    assert attention.latency_s is attention.latency_share is None


def test_projections_are_known_by_the_graph_and_not_by_their_names() -> None:
    layers = (
        Layer("input", Input((6, 8))),
        Layer("attention_like", Linear(8, 8), ("input",)),
        Layer("a", LayerNorm(8), ("attention_like",)),
        Layer("b", Linear(8, 24), ("a",)),  # queries, keys and values in one
        Layer("across", Transpose(), ("b",)),
        *(Layer(f"part{i}", Slice(8 * i, 8 * i + 8), ("across",)) for i in range(3)),
        *(Layer(f"back{i}", Transpose(), (f"part{i}",)) for i in range(3)),
        Layer("turned", Opaque("rotary", (6, 8)), ("back0",)),
        Layer("core", Attention(2, 2, 4), ("turned", "back1", "back2")),
        Layer("c", Linear(8, 8), ("core",)),
        Layer("d", Add(), ("attention_like", "c")),
        Layer("e", Linear(8, 5), ("d",)),
    )
    groups = _by_group(breakdown(layers))
    # 6 tokens: 8 x (24 + 8) and the core's 2 x 2 heads x 36 x 4; before and after 8 x (8 + 5).
    assert groups["attention"].macs == 6 * 8 * 32 + 2 * 2 * 36 * 4
    assert groups["feed-forward"].macs == 6 * 8 * 13


def test_projections_of_attention_within_stretches_are_attention() -> None:
    rng, spec = np.random.default_rng(0), TextSpec(60, 64)
    seen = set()
    for _ in range(20):
        layers = GPT.layers(GPT.sample(rng), (64,), 60, spec)
        seen |= {type(layer.op) for layer in layers}
        named = [x for x in layers if "_attention" in x.name and isinstance(x.op, Linear)]
        cores = [x for x in layers if isinstance(x.op, Attention)]
        row = _by_group(breakdown(layers))["attention"]
        assert row.layers == len(named) + len(cores)
    assert Concat in seen


def test_an_embedding_moves_its_rows_and_stores_its_table() -> None:
    work = workload(chain((6,), Embedding(1000, 8)))
    assert work.kinds == ("embedding",)
    assert work.weight_elements.tolist() == [0]
    assert work.gathered_elements.tolist() == [48]
    assert (work.read_elements.tolist(), work.write_elements.tolist()) == ([6], [48])
    assert (work.stored_weight_elements, work.total_macs) == (8000, 0)


def test_every_inference_of_a_batch_gathers_rows_of_its_own(deploy: MakeDeployment) -> None:
    # 1 B an element, 1e5 B/s, no cache: 48 + 6 + 48 bytes for each of the batch, 1 ms dispatch.
    work = workload(chain((6,), Embedding(1000, 8)))
    alone, four = cost(work, [deploy(), deploy(batch=4)]).latency_s
    np.testing.assert_allclose([alone, four], [102e-5 + 1e-3, 4 * 102e-5 + 1e-3])


def test_an_attention_core_by_hand(deploy: MakeDeployment) -> None:
    layers = (
        Layer("input", Input((6, 8))),
        Layer("attention", Attention(2, 2, 4), ("input", "input", "input")),
    )
    work = workload(layers)
    # Scores of 2 heads: 2 * 6 * 6, written and read; queries, keys and values are one tensor.
    assert (work.read_elements.tolist(), work.write_elements.tolist()) == ([48 + 72], [48 + 72])
    assert work.macs.tolist() == [2 * 2 * 36 * 4]
    assert work.peak_activation_elements == 48 + 48 + 72
    # 576 MACs at half of 1e6 a second take 1.152 ms, 240 bytes at 1e5 B/s take 2.4 ms.
    assert cost(work, [deploy()]).latency_s[0] == pytest.approx(2.4e-3 + 1e-3)
    fast = deploy(memory_bytes_per_s=1e9)
    assert cost(work, [fast]).latency_s[0] == pytest.approx(1.152e-3 + 1e-3)


def test_an_io_aware_kernel_moves_no_scores(deploy: MakeDeployment) -> None:
    layers = (
        Layer("input", Input((6, 8))),
        Layer("attention", Attention(2, 2, 4), ("input", "input", "input")),
    )
    places = [deploy(), deploy(attention_score_share=0.5), deploy(attention_score_share=0.0)]
    found = cost(workload(layers), places)
    # 48 elements read and 48 written at 1e5 B/s, and twice the share of 72 scores; the MACs stay.
    np.testing.assert_allclose(found.latency_s, [2.4e-3 + 1e-3, 1.68e-3 + 1e-3, 1.152e-3 + 1e-3])
    np.testing.assert_allclose(
        found.peak_memory_bytes - found.peak_memory_bytes[2], [72.0, 36.0, 0.0]
    )
    rows = [breakdown(layers, place)[0].bytes_moved for place in places]
    assert rows == [240.0, 168.0, 96.0]


def test_views_cost_nothing_and_keep_what_is_behind_them() -> None:
    work = workload(
        (
            Layer("input", Input((4, 8))),
            Layer("wide", Linear(8, 16), ("input",)),
            Layer("flat", Reshape((8, 8)), ("wide",)),
            Layer("last", Select(-1), ("flat",)),
            Layer("narrow", Linear(8, 2), ("last",)),
            Layer("again", Activation("relu"), ("flat",)),
            Layer("vector", Flatten(), ("again",)),
        )
    )
    assert work.names == ("wide", "narrow", "again")
    assert work.read_elements.tolist() == [32, 8, 64]
    # "wide" lives on for "again": 64 + 2 beside it, then 64 + 64 with the unused 2 gone.
    assert work.peak_activation_elements == 128


def test_views_alone_are_no_workload() -> None:
    with pytest.raises(LayerError, match="nothing but views"):
        workload(chain((3, 4), Flatten()))


def test_norms_of_tokens_keep_their_scales_and_those_of_vectors_are_folded() -> None:
    tokens = workload(chain((6, 8), Linear(8, 5), BatchNorm(6)))
    vector = workload(chain((8,), Linear(8, 5), BatchNorm(5)))
    assert tokens.stored_bias_elements == 5 + 12
    assert vector.stored_bias_elements == 5
    assert tokens.fused == vector.fused == (("layer1",),)


def test_a_softmax_is_a_kernel_of_its_own() -> None:
    layers = chain((8,), Linear(8, 5), Activation("softmax"))
    assert workload(layers).names == ("layer0", "layer1")


def test_recurrent_layers_stay_in_float32_beside_int8(deploy: MakeDeployment) -> None:
    work = workload(chain((6, 8), Recurrent("lstm", 8, 5)))
    assert work.kinds == ("recurrent",)
    # 4 gates of 5 x (8 + 5) weights and two biases of 5
    assert (work.float_elements.tolist(), work.stored_float_elements) == ([300], 300)
    assert work.weight_elements.tolist() == work.bias_elements.tolist() == [0]
    slow, fast = ({"memory_bytes_per_s": 1e5}, {"memory_bytes_per_s": 1e6})
    places = [deploy(**slow), deploy(**fast), deploy(precision="fp32", **slow)]
    costs = cost(work, places)
    # 6 x 8 + 6 x 5 activations of 1 byte and 300 weights of 4, at 1e5 B/s, and 1 ms of dispatch;
    # with faster memory 6 x 260 MACs at half of the 5e5 MACs/s of float32; in fp32 all have 4 bytes
    assert costs.latency_s == pytest.approx([0.01278 + 0.001, 0.00624 + 0.001, 0.01512 + 0.001])
    assert costs.storage_bytes.tolist() == [1200, 1200, 1200]


def test_recurrent_layers_beside_int8_need_a_rate_in_float32(deploy: MakeDeployment) -> None:
    place = deploy(macs_per_s={"int8": 1e6})
    assert np.isnan(cost(workload(chain((6, 8), Recurrent("gru", 8, 5))), [place]).latency_s[0])


def test_zeros_are_written_and_nothing_is_read() -> None:
    work = workload(chain((3, 4), Zeros()))
    assert (work.read_elements.tolist(), work.write_elements.tolist()) == ([0], [12])


def test_an_unknown_operator_is_costed_by_its_bytes_and_named() -> None:
    layers = chain((16,), Opaque("aten.fft_rfft", (18,), 7), Linear(18, 2))
    row = _by_group(breakdown(layers))["unknown"]
    assert (row.layers, row.macs, row.params) == (1, 0, 7)
    assert row.bytes_moved == 4 * (16 + 18 + 7)


def test_an_image_network_is_convolution_first_of_all(deploy: MakeDeployment) -> None:
    layers = MBCONV.layers(MBCONV.sample(np.random.default_rng(0)), (1, 28, 28), 10)
    rows = _by_group(breakdown(layers, deploy()))
    assert rows["convolution"].macs > 0.9 * mac_count(layers)
    assert "attention" not in rows
