"""Known networks at the size of a task."""

import pytest

from search_spaces.layers import layer_shapes, mac_count, parameter_count
from search_spaces.references import reference_models


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224)])
def test_references_connect_and_end_in_the_classes(shape):
    for layers in reference_models(shape, 7).values():
        assert layer_shapes(layers)[layers[-1].name] == (7,)


def test_sizes_are_those_of_their_papers():
    # LeNet-5 has 61,706 parameters; batch norms instead of biases add 142.
    lenet = reference_models((1, 28, 28), 10)["LeNet-5"]
    assert parameter_count(lenet) == 61_848
    # MobileNetV2 x 0.25 at 224 pixels and 1000 classes: 1.5 M parameters and 37 M MACs.
    mobilenet = reference_models((3, 224, 224), 1000)["MobileNetV2 x 0.25"]
    assert parameter_count(mobilenet) == pytest.approx(1.52e6, rel=0.01)
    assert mac_count(mobilenet) == pytest.approx(37.2e6, rel=0.01)
