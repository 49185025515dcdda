"""Workloads of HAT's transformers from what the rows of its tables hold: averages over layers.

A row tells widths and depths, and of feed-forward widths, heads and attended encoder layers the
mean over layers. Each layer is counted with the mean, so counts are fractions; time is linear in
them but where a kernel changes from bound by arithmetic to bound by memory.

What was timed (Wang et al. 2020, arXiv:2005.14187; latency_dataset.py of
mit-han-lab/hardware-aware-transformers): the encoder once on one sentence of 30 tokens, then 30
steps of the decoder with a beam of 5, keys and values of earlier steps kept, those of the encoder
computed once. Heads are 512 wide together; the vocabulary of WMT'14 En-De has 32,768 entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nas.cost.kernels import KINDS
from nas.cost.products import products_of
from nas.cost.workload import Workload

TOKENS, STEPS, BEAM = 30, 30, 5
HEADS_WIDTH, VOCABULARY = 512, 32_768


class _Kernel(NamedTuple):
    name: str
    kind: str
    macs: float
    weights: float
    read: float
    write: float
    repeats: float


def _linear(name: str, tokens: float, wide: float, out: float, repeats: float) -> _Kernel:
    macs = tokens * wide * out
    return _Kernel(name, "linear", macs, wide * out, tokens * wide, tokens * out, repeats)


def _norm(name: str, tokens: float, width: float, repeats: float) -> _Kernel:
    return _Kernel(name, "other", 0.0, 0.0, tokens * width, tokens * width, repeats)


def _attention(name: str, queries: float, keys: float, heads: float, repeats: float) -> _Kernel:
    scores, width = heads * queries * keys, HEADS_WIDTH
    read = queries * width + 2 * keys * width + scores
    macs = 2 * queries * keys * width
    return _Kernel(name, "attention", macs, 0.0, read, queries * width + scores, repeats)


def _encoder(row: Mapping[str, float]) -> list[_Kernel]:
    width, depth = row["encoder_embed_dim"], row["encoder_layer_num"]
    hidden, heads = row["encoder_ffn_embed_dim_avg"], row["encoder_self_attention_heads_avg"]
    return [
        _linear("encoder_projections", TOKENS, width, 3 * HEADS_WIDTH, depth),
        _attention("encoder_attention", TOKENS, TOKENS, heads, depth),
        _linear("encoder_output", TOKENS, HEADS_WIDTH, width, depth),
        _linear("encoder_widen", TOKENS, width, hidden, depth),
        _linear("encoder_narrow", TOKENS, hidden, width, depth),
        _norm("encoder_norms", TOKENS, width, 2 * depth),
    ]


def _decoder(row: Mapping[str, float]) -> list[_Kernel]:
    width, depth = row["decoder_embed_dim"], row["decoder_layer_num"]
    hidden, runs = row["decoder_ffn_embed_dim_avg"], depth * STEPS
    seen = TOKENS * row["decoder_arbitrary_ende_attn_avg"]
    heads = row["decoder_self_attention_heads_avg"]
    cross_heads = row["decoder_ende_attention_heads_avg"]
    past = (STEPS + 1) / 2
    return [
        _linear("decoder_projections", BEAM, width, 3 * HEADS_WIDTH, runs),
        _attention("decoder_attention", BEAM, BEAM * past, heads, runs)._replace(
            macs=2 * BEAM * past * HEADS_WIDTH
        ),
        _linear("decoder_output", BEAM, HEADS_WIDTH, width, runs),
        _linear("cross_queries", BEAM, width, HEADS_WIDTH, runs),
        _linear("cross_memories", BEAM * seen, row["encoder_embed_dim"], 2 * HEADS_WIDTH, depth),
        _attention("cross_attention", BEAM, BEAM * seen, cross_heads, runs)._replace(
            macs=2 * BEAM * seen * HEADS_WIDTH
        ),
        _linear("cross_output", BEAM, HEADS_WIDTH, width, runs),
        _linear("decoder_widen", BEAM, width, hidden, runs),
        _linear("decoder_narrow", BEAM, hidden, width, runs),
        _norm("decoder_norms", BEAM, width, 3 * runs),
        _linear("unembedding", BEAM, width, VOCABULARY, STEPS),
    ]


def transformer(row: Mapping[str, float]) -> tuple[Workload, np.ndarray]:
    """The kernels of one row and how often each runs.

    Args:
        row: By the columns of HAT's tables.
    """
    kernels = [*_encoder(row), *_decoder(row)]
    columns = {key: np.array([getattr(k, key) for k in kernels]) for key in _Kernel._fields[2:]}
    macs, repeats = columns["macs"], columns["repeats"]
    stored = (columns["weights"] * repeats / np.where(repeats >= STEPS, STEPS, 1)).sum()
    none = np.zeros(len(kernels))
    work = Workload(
        names=tuple(kernel.name for kernel in kernels),
        fused=((),) * len(kernels),
        kinds=tuple(kernel.kind for kernel in kernels),
        kind_index=np.array([KINDS.index(kernel.kind) for kernel in kernels]),
        macs=macs,
        operations=macs,
        weight_elements=columns["weights"],
        bias_elements=none,
        float_elements=none,
        gathered_elements=none,
        read_elements=columns["read"],
        write_elements=columns["write"],
        score_elements=none,
        padded_macs=none,
        unmet_weights=none,
        smooth_elements=none,
        curved_elements=none,
        channels_in=none,
        channels_out=none,
        params=int(stored),
        total_macs=int((macs * repeats).sum()),
        stored_weight_elements=int(stored),
        stored_bias_elements=0,
        stored_float_elements=0,
        peak_activation_elements=int((columns["read"] + columns["write"]).max()),
        peak_unscored_elements=int((columns["read"] + columns["write"]).max()),
        products=products_of([()] * len(kernels)),
    )
    return work, repeats
