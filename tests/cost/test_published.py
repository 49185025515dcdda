"""Costs against published measurements: MLPerf Tiny v1.2, closed division (Apache-2.0).

mlcommons/tiny_results_v1.2, summary.csv, STMicroelectronics, NUCLEO-L4R5ZI, X-CUBE-AI, int8.
Networks and their MACs as in the MLPerf Tiny reference models.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.cost import cost
from nas.cost.workload import workload
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Shape,
)


class _Net:
    def __init__(self, shape: Shape) -> None:
        self.layers = [Layer("x", Input(shape))]

    def conv(self, name: str, op: Conv2d, source: str, *, relu: bool = True) -> str:
        self.layers.append(Layer(name, op, (source,)))
        self.layers.append(Layer(f"{name}_norm", BatchNorm(op.out_channels), (name,)))
        if relu:
            self.layers.append(Layer(f"{name}_relu", Activation("relu"), (f"{name}_norm",)))
        return self.layers[-1].name

    def head(self, features: int, outputs: int, source: str) -> tuple[Layer, ...]:
        self.layers.append(Layer("pool", GlobalAveragePool(), (source,)))
        self.layers.append(Layer("classifier", Linear(features, outputs), ("pool",)))
        return tuple(self.layers)


def _image_classification() -> tuple[Layer, ...]:
    """ResNet-8 on 3 x 32 x 32."""
    net = _Net((3, 32, 32))
    end = net.conv("stem", Conv2d(3, 16, 3), "x")
    for index, (channels, width, stride) in enumerate([(16, 16, 1), (16, 32, 2), (32, 64, 2)]):
        inner = net.conv(f"a{index}", Conv2d(channels, width, 3, stride), end)
        inner = net.conv(f"b{index}", Conv2d(width, width, 3), inner, relu=False)
        if stride == 2:
            end = net.conv(f"skip{index}", Conv2d(channels, width, 1, 2), end, relu=False)
        net.layers.append(Layer(f"sum{index}", Add(), (inner, end)))
        net.layers.append(Layer(f"out{index}", Activation("relu"), (f"sum{index}",)))
        end = f"out{index}"
    return net.head(64, 10, end)


def _visual_wake_words() -> tuple[Layer, ...]:
    """MobileNetV1 x0.25 on 3 x 96 x 96."""
    net = _Net((3, 96, 96))
    end = net.conv("stem", Conv2d(3, 8, 3, 2), "x")
    blocks = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2)]
    blocks += [(128, 128, 1)] * 5 + [(128, 256, 2), (256, 256, 1)]
    for index, (channels, width, stride) in enumerate(blocks):
        depthwise = Conv2d(channels, channels, 3, stride, groups=channels)
        end = net.conv(f"depthwise{index}", depthwise, end)
        end = net.conv(f"point{index}", Conv2d(channels, width, 1), end)
    return net.head(256, 2, end)


def _anomaly_detection() -> tuple[Layer, ...]:
    """Autoencoder 640-128-128-128-128-8-128-128-128-128-640, its norms folded."""
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    layers = [Layer("x", Input((640,)))]
    for index, (wide, next_wide) in enumerate(pairwise(widths)):
        layers.append(Layer(f"linear{index}", Linear(wide, next_wide), (layers[-1].name,)))
        if index < len(widths) - 2:
            layers.append(Layer(f"relu{index}", Activation("relu"), (layers[-1].name,)))
    return tuple(layers)


# name: layers, MACs, latency_s, energy_j
PUBLISHED = {
    "ic": (_image_classification(), 12_501_632, 0.1651255, 6.919375e-3),
    "vww": (_visual_wake_words(), 7_489_664, 0.0889284, 3.894566e-3),
    "ad": (_anomaly_detection(), 264_192, 0.0052608, 0.203368e-3),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_macs_are_those_of_the_reference_models(name: str) -> None:
    layers, macs, _, _ = PUBLISHED[name]
    assert workload(layers).total_macs == macs


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_microcontroller_takes_the_published_time_and_energy_within_a_factor_of_two(
    name: str,
) -> None:
    layers, _, latency_s, energy_j = PUBLISHED[name]
    deployment = Deployment("mcu", hardware("stm32l4r5"), "int8", custom_grid(380.0))
    costs = cost(workload(layers), [deployment])
    assert 0.5 < costs.latency_s[0] / latency_s < 2.0
    assert 0.5 < costs.energy_j[0] / energy_j < 2.0
    assert costs.fits[0]
