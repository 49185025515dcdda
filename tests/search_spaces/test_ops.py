import pytest

from nas.errors import LayerError
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
)


def test_a_convolution_by_hand():
    # 3 -> 8 channels, 3x3, stride 2 on 7x5: positions 4x3, each 8 * 3 * 9 = 216 products.
    op = Conv2d(3, 8, 3, stride=2, bias=True)
    assert op.output_shape((3, 7, 5)) == (8, 4, 3)
    assert op.parameters() == 216 + 8
    assert op.macs((3, 7, 5)) == 216 * 12
    assert op.kind == "conv"


def test_a_depthwise_convolution_by_hand():
    # One 5x5 filter per channel: 16 * 25 weights, each used at 8x8 positions.
    op = Conv2d(16, 16, 5, groups=16)
    assert (op.parameters(), op.macs((16, 8, 8))) == (400, 400 * 64)
    assert op.kind == "depthwise"


def test_one_channel_or_few_groups_are_no_depthwise_convolution():
    assert Conv2d(1, 8, 3).kind == "conv"
    assert Conv2d(8, 8, 3, groups=4).kind == "conv"


def test_a_linear_layer_by_hand():
    op = Linear(64, 10)
    assert (op.output_shape((64,)), op.parameters(), op.macs((64,))) == ((10,), 650, 640)
    assert Linear(64, 10, bias=False).parameters() == 640


def test_batch_norm_has_scale_and_offset_and_costs_no_macs():
    op = BatchNorm(6)
    assert (op.output_shape((6, 2, 2)), op.parameters(), op.macs((6, 2, 2))) == ((6, 2, 2), 12, 0)


def test_what_has_no_parameters_keeps_or_reduces_the_shape():
    assert Input((1, 8, 8)).output_shape() == (1, 8, 8)
    assert Activation("relu").output_shape((4, 2, 2)) == (4, 2, 2)
    assert GlobalAveragePool().output_shape((4, 2, 2)) == (4,)
    assert Add().output_shape((4,), (4,), (4,)) == (4,)
    assert Multiply().output_shape((4, 2, 2), (4,)) == (4, 2, 2)
    assert Multiply().output_shape((4, 2, 2), (4, 2, 2)) == (4, 2, 2)
    assert Add().parameters() == Add().macs((4,), (4,)) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv2d(0, 8, 3), "in_channels=0"),
        (lambda: Conv2d(3, 8, 4), "kernel=4 is even"),
        (lambda: Conv2d(3, 8, 3, groups=2), "groups=2 does not divide"),
        (lambda: Conv2d(3, 8, 3, stride=True), "stride=True"),
        (lambda: Conv2d(3, 8, 3, bias=1), "bias=1"),
        (lambda: Linear(2.5, 8), "in_features=2.5"),
        (lambda: BatchNorm(-1), "channels=-1"),
        (lambda: Activation("swish"), "'swish' is not one of"),
        (lambda: Input(()), "shape=()"),
        (lambda: Input(8), "shape=8"),
        (lambda: Input((1, 0)), "shape[1]=0"),
    ],
)
def test_an_impossible_op_is_refused(make, says):
    with pytest.raises(LayerError) as caught:
        make()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("op", "inputs", "says"),
    [
        (Conv2d(3, 8, 3), [(4, 8, 8)], "expects (3, H, W)"),
        (Conv2d(3, 8, 3), [(3,)], "expects (3, H, W)"),
        (Conv2d(3, 8, 3), [], "got 0 inputs"),
        (BatchNorm(3), [(4, 8, 8)], "expects (3, H, W)"),
        (GlobalAveragePool(), [(4,)], "expects (C, H, W)"),
        (Linear(4, 2), [(5,)], "expects (4,)"),
        (Add(), [(4,), (5,)], "equal shapes"),
        (Add(), [], "equal shapes"),
        (Multiply(), [(4, 2, 2), (3,)], "expects (C, H, W) and (C,)"),
        (Input((4,)), [(4,)], "got 1 inputs"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(op, inputs, says):
    with pytest.raises(LayerError) as caught:
        op.output_shape(*inputs)
    assert says in str(caught.value)
