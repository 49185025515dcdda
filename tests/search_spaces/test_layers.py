import copy
import json

import pytest

from nas.errors import LayerError
from search_spaces.layers import (
    Activation,
    Add,
    Conv2d,
    GlobalAveragePool,
    Input,
    Layer,
    Linear,
    layer_shapes,
    layers_from_json,
    layers_to_json,
    mac_count,
    parameter_count,
)

NETWORK = (
    Layer("image", Input((1, 8, 8))),
    Layer("stem", Conv2d(1, 4, 3, stride=2), ("image",)),
    Layer("again", Conv2d(4, 4, 3), ("stem",), weights="shared"),
    Layer("more", Conv2d(4, 4, 3), ("again",), weights="shared"),
    Layer("sum", Add(), ("stem", "more")),
    Layer("pool", GlobalAveragePool(), ("sum",)),
    Layer("classes", Linear(4, 10), ("pool",)),
)


def test_shapes_follow_the_edges():
    shapes = layer_shapes(NETWORK)
    assert list(shapes) == [layer.name for layer in NETWORK]
    assert shapes["sum"] == (4, 4, 4)
    assert shapes["classes"] == (10,)


def test_shared_weights_count_once_as_parameters_and_twice_as_work():
    # stem 36 parameters, shared 144, classes 50; on 4x4 maps stem 576, shared 2 * 2304, classes 40.
    assert parameter_count(NETWORK) == 36 + 144 + 50
    assert mac_count(NETWORK) == 576 + 2 * 2304 + 40


def test_weights_may_be_those_of_another_layer():
    layers = list(NETWORK)
    layers[2] = Layer("again", Conv2d(4, 4, 3), ("stem",))
    layers[3] = Layer("more", Conv2d(4, 4, 3), ("again",), weights="again")
    assert parameter_count(layers) == parameter_count(NETWORK)


def _changed(index, layer):
    layers = list(NETWORK)
    layers[index] = layer
    return layers


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([], "begin with one"),
        (NETWORK[1:], "begin with one"),
        (_changed(1, Layer("a.b", NETWORK[1].op, ("image",))), "'a.b'"),
        (_changed(2, Layer("stem", NETWORK[2].op, ("stem",))), "used twice"),
        (_changed(1, Layer("stem", Input((4, 4, 4)))), "second Input"),
        (_changed(1, Layer("stem", NETWORK[1].op, ("sum",))), "not an earlier layer"),
        (_changed(3, Layer("more", Conv2d(4, 4, 5), ("again",), "shared")), "make the ops equal"),
        (_changed(6, Layer("classes", Linear(5, 10), ("pool",))), "layer 'classes': Linear: got"),
    ],
)
def test_layers_that_do_not_connect_are_refused(layers, says):
    with pytest.raises(LayerError) as caught:
        layer_shapes(layers)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_gives_back_the_layers():
    text = json.dumps(layers_to_json(NETWORK))
    assert layers_from_json(json.loads(text)) == NETWORK


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("op", "Dropout", "op 'Dropout' is not one of"),
        ("op", [], "op [] is not one of"),
        ("name", 3, "row 1"),
        ("inputs", "image", "row 1"),
        ("inputs", [3], "row 1"),
        ("weights", 4, "row 1"),
        ("arguments", {"kernel": 3}, "arguments of Conv2d are ['kernel']"),
        ("arguments", None, "row 1"),
        ("inputs", ["nowhere"], "not an earlier layer"),
    ],
)
def test_a_damaged_row_is_refused(key, value, says):
    rows = copy.deepcopy(layers_to_json(NETWORK))
    rows[1][key] = value
    with pytest.raises(LayerError) as caught:
        layers_from_json(rows)
    assert says in str(caught.value)


def test_rows_that_are_no_rows_are_refused():
    for rows in ([None], [{}], [{"name": "image"}], [["name", "op"]]):
        with pytest.raises(LayerError, match="row 0"):
            layers_from_json(rows)


def test_arguments_of_the_wrong_kind_are_refused():
    rows = layers_to_json(
        (Layer("image", Input((1, 8, 8))), Layer("a", Activation("relu"), ("image",)))
    )
    rows[0]["arguments"]["shape"] = "1x8x8"
    with pytest.raises(LayerError, match="1x8x8"):
        layers_from_json(rows)
