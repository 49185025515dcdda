import numpy as np
import pytest

from nas.errors import LayerError
from search_spaces import layer_shapes, mac_count, parameter_count, space
from search_spaces.graph import graph_key
from search_spaces.ops import Attention, Grams, Slice
from search_spaces.specs import TextSpec

SPACE = space("gpt")
TEXT = TextSpec(65, 64)
SMALLEST = SPACE.choose(lambda name, values: values[0])
GPT2 = {
    "depth": 12,
    "width": 768,
    "heads": 12,
    "queries_per_key": 1,
    "context": 1.0,
    "ratio": 4,
    "function": "gelu",
    "norm": "layer",
    "tied": True,
    "grams": 1,
}


def _layers(**changes):
    return SPACE.layers(SMALLEST | changes, (64,), 65, TEXT)


def test_the_size_by_hand():
    # depth, width, heads, queries per key, context, ratio, function, norm, tied; runs of ids up to
    # one, two, and three or four with two sizes of table.
    assert SPACE.size() == 5 * 5 * 2 * 3 * 3 * 4 * 2 * 2 * 2 * (1 + 1 + 2 * 2)


def test_gpt2_small_has_its_published_parameters():
    """Golden: 124,439,808 = 50257*768 + 1024*768 + 12 * 7,087,872 + 1536, embeddings tied.

    A block: 4 * (768^2 + 768) attention, 768*3072*2 + 3072 + 768 feed-forward, 2 * 1536 norms.
    Source: Radford et al. 2019, table 2, corrected to 124M in github.com/openai/gpt-2; the sum is
    what `transformers` counts for GPT2LMHeadModel.
    """
    spec = TextSpec(50257, 1024)
    layers = SPACE.build(GPT2, (1024,), 50257, spec)
    assert parameter_count(layers) == 124_439_808
    # All matrices at 1,024 positions, and 2 * 1024^2 * 768 in the attention of each block.
    matrices = 12 * 12 * 768 * 768 + 768 * 50257
    assert mac_count(layers) == 1024 * matrices + 12 * 2 * 1024**2 * 768


def test_the_smallest_decoder_by_hand():
    # Tables 65*32 + 64*32, block 4 * (32*32 + 32) + 2 * (32*32 + 32) + 2 * 64, norm 64, last 65*32.
    parameters = 65 * 32 + 64 * 32 + 6 * (32 * 32 + 32) + 128 + 64 + 65 * 32
    assert parameter_count(_layers()) == parameters
    # 64 positions; attention within four stretches of 16.
    macs = 64 * (6 * 32 * 32 + 65 * 32) + 4 * 2 * 16 * 16 * 32
    assert mac_count(_layers()) == macs


def test_grouped_queries_and_tied_embeddings_save_parameters():
    plain = parameter_count(_layers())
    assert parameter_count(_layers(tied=True)) == plain - 65 * 32
    # Four queries a key: keys and values shrink from 32 to 8 features.
    assert parameter_count(_layers(queries_per_key=4)) == plain - 2 * 24 * 33
    (core,) = {x.op for x in _layers(queries_per_key=4) if isinstance(x.op, Attention)}
    assert core == Attention(4, 1, 8, causal=True)


def test_a_shorter_context_costs_attention_in_proportion():
    costs = [mac_count(_layers(context=share)) for share in (0.25, 0.5, 1.0)]
    # 64, 32 and 16 keys a query: 2 * 64 * keys * 32 products.
    assert [cost - costs[0] for cost in costs] == [0, 2 * 64 * 16 * 32, 2 * 64 * 48 * 32]
    assert not [x for x in _layers(context=1.0) if isinstance(x.op, Slice)]


def test_a_context_that_does_not_divide_has_a_shorter_last_stretch():
    layers = SPACE.layers(SMALLEST, (10,), 65, TextSpec(65, 10))
    shapes = layer_shapes(layers)
    parts = [shapes[x.name][0] for x in layers if isinstance(x.op, Attention)]
    assert parts == [3, 3, 3, 1]


def test_a_gate_multiplies_a_second_projection():
    assert parameter_count(_layers(function="swiglu")) - parameter_count(_layers()) == 32 * 33
    names = [layer.name for layer in _layers(function="swiglu")]
    assert {"block1_feedforward_gate", "block1_feedforward_product"} <= set(names)


def test_names_tell_what_a_layer_belongs_to():
    for layer in _layers(depth=2, context=1.0):
        if isinstance(layer.op, Attention):
            assert "attention" in layer.name
    parts = {"attention": 8, "feedforward": 4, "embedding": 1}
    linear = [x.name for x in _layers(depth=2) if type(x.op).__name__ == "Linear"]
    assert {word: sum(word in name for name in linear) for word in parts} == parts


def test_outputs_are_the_ids():
    with pytest.raises(LayerError, match="gpt: outputs=10, give one for each of 65 ids"):
        SPACE.layers(SMALLEST, (64,), 10, TEXT)


def test_architectures_that_differ_are_networks_that_differ():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(150)]
    keys = {graph_key(SPACE.layers(architecture, (64,), 65, TEXT)) for architecture in drawn}
    assert len(keys) == len({tuple(architecture.items()) for architecture in drawn})


def test_runs_of_ids_have_tables_of_their_own():
    # Runs of two: 65^2 of them; of three and four 4,096 rows each; 32 features, no products.
    without, found = _layers(), _layers(grams=4, gram_rows=4096)
    assert parameter_count(found) - parameter_count(without) == (65**2 + 2 * 4096) * 32
    assert mac_count(found) == mac_count(without)
    with pytest.raises(LayerError, match="order=1"):
        Grams(1, 65, 100)
    with pytest.raises(LayerError, match="at most 2\\^24"):
        Grams(2, 65, 2**24 + 1)
    with pytest.raises(LayerError, match="expects identifiers"):
        Grams(2, 65, 100).output_shape((4, 8))
