"""What a profile may say of its runtime beside the roofline: by hand, and against plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from nas.cost.costs import cost
from nas.cost.figures import figures_of
from nas.cost.latency import kernel_times, smooth_s
from nas.cost.padding import padded_macs
from nas.cost.workload import workload
from search_spaces.layers import Layer
from search_spaces.ops import Activation, Conv1d, Conv2d, GlobalAveragePool, Input, Linear

MakeDeployment = Callable[..., Deployment]

FAST = {"memory_bytes_per_s": 1e12, "dispatch_s": 0.0}


def one(op: object, *shape: int) -> tuple[Layer, ...]:
    return (Layer("x", Input(shape)), Layer("y", op, ("x",)))


def test_outputs_and_weights_take_the_time_of_macs(deploy: MakeDeployment) -> None:
    # 1 x 4 x 4 to 2 channels by 3 x 3: 2 * 16 * 9 = 288 MACs, 32 outputs, 18 weights, 5e5 MACs/s.
    work = workload(one(Conv2d(1, 2, 3), 1, 4, 4))
    place = deploy(output_macs=3.0, weight_macs=5.0, **FAST)
    assert cost(work, [place]).latency_s[0] == pytest.approx((288 + 96 + 90) / 5e5)
    batch = deploy(output_macs=3.0, weight_macs=5.0, batch=4, **FAST)
    assert cost(work, [batch]).latency_s[0] == pytest.approx((4 * (288 + 96) + 90) / 5e5)
    # Of depthwise ones the outputs alone: 2 * 16 * 9 MACs and 32 outputs at 2.5e5 MACs/s.
    depthwise = workload(one(Conv2d(2, 2, 3, groups=2), 2, 4, 4))
    assert cost(depthwise, [place]).latency_s[0] == pytest.approx(288 / 2.5e5)
    window = deploy(output_macs=3.0, depthwise_output_macs=7.0, **FAST)
    assert cost(depthwise, [window]).latency_s[0] == pytest.approx((288 + 224) / 2.5e5)


@pytest.mark.parametrize(
    ("op", "filled", "narrow"),
    [
        (Conv2d(8, 8, 1), 1.0, False),
        (Conv2d(9, 10, 1), (16 / 9) * (16 / 10), False),
        (Conv2d(5, 10, 1), 16 / 10, True),  # inputs of less than a block are read as they are
        (Conv1d(9, 8, 3), 16 / 9, False),
        (Conv2d(9, 9, 3, groups=9), 16 / 9, False),
        (Conv2d(4, 6, 3, groups=2), 1.0, False),
    ],
)
def test_channels_are_computed_in_whole_blocks(
    deploy: MakeDeployment, op: Conv2d | Conv1d, filled: float, narrow: bool
) -> None:
    shape = (op.in_channels, *((4, 4) if isinstance(op, Conv2d) else (4,)))
    work = workload(one(op, *shape))
    plain = cost(work, [deploy(**FAST)]).latency_s[0]
    blocks = deploy(channel_block=8.0, narrow_share=0.25, **FAST)
    assert cost(work, [blocks]).latency_s[0] == pytest.approx(
        plain * filled * (4.0 if narrow else 1.0)
    )


def test_outputs_and_weights_of_filled_channels_take_time(deploy: MakeDeployment) -> None:
    # 9 to 10 channels at 4 x 4 by one place, in blocks of 8: 16 x 16 x 16 MACs, 256 outputs and
    # weights.
    place = deploy(channel_block=8.0, output_macs=3.0, weight_macs=5.0, **FAST)
    work = workload(one(Conv2d(9, 10, 1), 9, 4, 4))
    assert cost(work, [place]).latency_s[0] == pytest.approx((4096 + 768 + 1280) / 5e5)


def test_fused_activations_take_time(deploy: MakeDeployment) -> None:
    # 288 MACs, and 32 elements at 1e-4 s; for a batch of 3 three times that.
    for function, each in (("hardswish", 1e-4), ("hardsigmoid", 1e-4), ("relu", 0.0)):
        layers = (*one(Conv2d(1, 2, 3), 1, 4, 4), Layer("act", Activation(function), ("y",)))
        for batch in (1, 3):
            place = deploy(activation_s=1e-4, batch=batch, **FAST)
            taken = batch * (288 / 5e5 + 32 * each)
            assert cost(workload(layers), [place]).latency_s[0] == pytest.approx(taken)


@pytest.mark.parametrize(
    ("op", "size", "met"),
    [(Conv2d(2, 3, 3), 1, 1), (Conv2d(2, 3, 3), 2, 9), (Conv2d(2, 3, 5), 2, 9),
     (Conv2d(2, 3, 3, 2), 2, 4), (Conv1d(2, 3, 5), 1, 1)],
)  # fmt: skip
def test_weights_that_meet_padding_alone_are_not_read(
    deploy: MakeDeployment, op: Conv2d | Conv1d, size: int, met: int
) -> None:
    # Of a 3 x 3 window on one place the middle tap alone; on two places an axis, all three.
    work = workload(one(op, 2, *((size, size) if isinstance(op, Conv2d) else (size,))))
    assert work.weight_elements[0] - work.unmet_weights[0] == 6 * met
    places = [deploy(padding_share=share, weight_macs=1e6, **FAST) for share in (0.0, 1.0)]
    read, every = cost(work, places).latency_s
    assert read / every == pytest.approx(6 * met / work.weight_elements[0], rel=1e-4)


def test_products_with_padding_are_left_out_by_their_share(deploy: MakeDeployment) -> None:
    # On a 4 x 4 map 10 of 12 taps an axis lie inside: 288 * 100 / 144 = 200 MACs.
    work = workload(one(Conv2d(1, 2, 3), 1, 4, 4))
    assert work.padded_macs[0] == 88
    for share, macs in ((0.0, 200.0), (0.5, 244.0), (1.0, 288.0)):
        place = deploy(padding_share=share, **FAST)
        assert cost(work, [place]).latency_s[0] == pytest.approx(macs / 5e5)


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Conv2d(3, 4, 3), (3, 1, 1)),
        (Conv2d(3, 4, 5, 2), (3, 7, 4)),
        (Conv2d(4, 4, (3, 1), (1, 2), groups=2), (4, 5, 6)),
        (Conv2d(2, 2, 3, padding=3, dilation=2), (2, 6, 5)),
        (Conv1d(2, 6, 5, 2), (2, 9)),
        (Conv1d(2, 2, 2, padding=0), (2, 9)),
    ],
)
def test_padding_is_counted_as_windows_meet_it(op: Conv2d | Conv1d, shape: tuple[int, ...]) -> None:
    output = op.output_shape(shape)
    if isinstance(op, Conv2d):
        axes = list(zip(op.kernel_hw, op.stride_hw, op.padding_hw, strict=True))
        step = op.dilation
    else:
        axes, step = [(op.kernel, op.stride, op.padding_t)], 1
    met = 0
    for place in itertools.product(*map(range, output[1:])):
        for tap in itertools.product(*(range(kernel) for kernel, _, _ in axes)):
            at = [
                where * stride - padding + offset * step
                for where, offset, (_, stride, padding) in zip(place, tap, axes, strict=True)
            ]
            met += all(0 <= x < size for x, size in zip(at, shape[1:], strict=True))
    channels = op.out_channels * (op.in_channels // op.groups)
    macs = op.macs(shape)
    assert macs - padded_macs(op, shape, output, macs) == met * channels


def test_kernels_without_products_start_apart(deploy: MakeDeployment) -> None:
    layers = (*one(Conv2d(1, 2, 3), 1, 4, 4), Layer("mean", GlobalAveragePool(), ("y",)))
    plain, apart = deploy(dispatch_s=1e-3), deploy(dispatch_s=1e-3, move_dispatch_s=7e-3)
    times = kernel_times(workload(layers), figures_of([plain, apart])).time_s
    np.testing.assert_allclose(times[1] - times[0], [0.0, 6e-3])


def test_a_smooth_activation_that_is_not_fused_takes_a_pass(deploy: MakeDeployment) -> None:
    host = one(Conv2d(1, 2, 3), 1, 4, 4)
    smooth = (*host, Layer("act", Activation("silu"), ("y",)))
    relu = (*host, Layer("act", Activation("relu"), ("y",)))
    place = deploy(dispatch_s=1e-3, smooth_share=1.0, output_macs=2.0)
    plain, more = (cost(workload(layers), [place]).latency_s[0] for layers in (relu, smooth))
    # A dispatch; 32 bytes read and written at 1e5 bytes a second; 64 MACs at 5e5 a second.
    assert more - plain == pytest.approx(1e-3 + 64 / 1e5 + 64 / 5e5)
    assert not smooth_s(workload(smooth), figures_of([deploy()])).any()


def test_a_far_cache_stands_between_cache_and_memory(deploy: MakeDeployment) -> None:
    work = workload(one(Linear(100, 100, bias=False), 100))  # 10,000 bytes of weights, 200 others
    sizes = {"cache_bytes": 500.0, "cache_bytes_per_s": 1e7, "memory_bytes_per_s": 1e4}
    rates = {"macs_per_s": {"int8": 1e12}, "dispatch_s": 0.0, "memory_limit_bytes": 1e6}
    far = {"far_cache_bytes": 2e4, "far_cache_bytes_per_s": 1e5}
    near, middle = (cost(work, [deploy(**sizes, **rates, **more)]).latency_s[0]
                    for more in ({}, far))  # fmt: skip
    assert near == pytest.approx(10_200 / 1e4)
    assert middle == pytest.approx(10_200 / 1e5)
    small = far | {"far_cache_bytes": 1e4}
    assert cost(work, [deploy(**sizes, **rates, **small)]).latency_s[0] == pytest.approx(near)


def test_grouped_convolutions_have_an_efficiency_of_their_own(deploy: MakeDeployment) -> None:
    kinds = {
        Conv2d(8, 8, 3, groups=2): "grouped",
        Conv2d(32, 32, 3, groups=2): "conv",
        Conv2d(8, 8, 1, groups=2): "grouped",
        Conv2d(8, 8, 3, groups=8): "depthwise",
    }
    for op, kind in kinds.items():
        assert workload(one(op, op.in_channels, 4, 4)).kinds == (kind,)
    work = workload(one(Conv2d(8, 8, 3, groups=2), 8, 4, 4))
    shares = {"conv": 0.5, "depthwise": 0.25, "linear": 0.5}
    as_conv, slow = (
        cost(work, [deploy(efficiency=given, **FAST)]).latency_s[0]
        for given in (shares, shares | {"grouped": 0.05})
    )
    assert slow == pytest.approx(10 * as_conv)
