import pytest

from nas.errors import LayerError
from search_spaces.chain import Chain
from search_spaces.layers import Conv2d, GlobalAveragePool, Layer, layer_shapes


def test_each_layer_consumes_the_last_and_knows_its_shape():
    chain = Chain((3, 8, 8))
    entry = chain.conv("wide", 4, 3, stride=2, activation="relu")
    chain.conv("deep", 4, 5, depthwise=True)
    chain.merge("sum", entry)
    chain.add("pool", GlobalAveragePool())
    names = ["input", "wide", "wide_norm", "wide_act", "deep", "deep_norm", "sum", "pool"]
    assert [layer.name for layer in chain.layers] == names
    assert chain.layers[4] == Layer("deep", Conv2d(4, 4, 5, groups=4), ("wide_act",))
    assert chain.layers[6].inputs == ("deep_norm", "wide_act")
    assert chain.shapes == layer_shapes(chain.layers)
    assert (chain.end, chain.shape) == ("pool", (4,))


def test_what_does_not_fit_is_refused_when_it_is_written():
    chain = Chain((3, 8, 8))
    with pytest.raises(LayerError, match=r"expects \(4, H, W\)"):
        chain.add("conv", Conv2d(4, 4, 3))
