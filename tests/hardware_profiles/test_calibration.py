"""Modelled latencies against published ones, whose sources the tests name."""

import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
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
)


class Network:
    """A chain of layers that grows at its end."""

    def __init__(self, *shape):
        self.layers = [Layer("input", Input(shape))]
        self.channels = shape[0]

    @property
    def end(self):
        return self.layers[-1].name

    def add(self, op, *inputs):
        self.layers.append(Layer(f"l{len(self.layers)}", op, inputs or (self.end,)))
        return self.end

    def conv(self, out, kernel=3, stride=1, groups=1, *, activation=True, source=None):
        end, channels = source or (self.end, self.channels)
        self.add(Conv2d(channels, out, kernel, stride, groups), end)
        self.add(BatchNorm(out))
        self.channels = out
        if activation:
            self.add(Activation("relu"))
        return self.end

    def head(self, outputs):
        self.add(GlobalAveragePool())
        self.add(Linear(self.channels, outputs))
        return workload(tuple(self.layers))


def mobilenet_v1(width, pixels, outputs=1000):
    net = Network(3, pixels, pixels)
    net.conv(int(32 * width), 3, 2)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    for out, stride in [*blocks, *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        net.conv(net.channels, 3, stride, net.channels)
        net.conv(int(out * width), 1)
    return net.head(outputs)


def resnet8():
    net = Network(3, 32, 32)
    skip = net.conv(16)
    net.conv(16)
    skip = net.add(Add(), skip, net.conv(16, activation=False))
    for out in (32, 64):
        start = (skip, net.channels)
        net.conv(out, 3, 2)
        body = net.conv(out, activation=False)
        skip = net.add(Add(), body, net.conv(out, 1, 2, activation=False, source=start))
        net.add(Activation("relu"))
    return net.head(10)


def autoencoder():
    net = Network(640)
    for out in (128, 128, 128, 128, 8, 128, 128, 128, 128, 640):
        net.add(Linear(net.channels, out))
        net.channels = out
    return workload(tuple(net.layers))


def latency_ms(name, network, precision, batch=1):
    deployment = Deployment("d", hardware(name), precision, grid("fr"), batch=batch)
    return 1000 * cost(network, [deployment]).latency_s[0]


@pytest.mark.parametrize(
    ("network", "macs", "published_ms"),
    [
        # mlcommons/tiny_results_v1.2, STMicroelectronics NUCLEO_L4R5ZI: ic, vww, ad.
        (resnet8(), 12_501_632, 165.1),
        (mobilenet_v1(0.25, 96, 2), 7_489_664, 88.9),
        (autoencoder(), 264_192, 5.26),
    ],
)
def test_stm32l4r5_is_within_a_third_of_mlperf_tiny(network, macs, published_ms):
    assert network.total_macs == macs
    assert latency_ms("stm32l4r5", network, "int8") == pytest.approx(published_ms, rel=0.34)


@pytest.mark.parametrize(("precision", "published_ms"), [("fp32", 72.1), ("int8", 40.3)])
def test_rpi4_is_within_a_fifth_of_ncnn(precision, published_ms):
    # github.com/Tencent/ncnn/issues/3485: mobilenet, 4 threads, 1.5 GHz.
    modelled = latency_ms("rpi4", mobilenet_v1(1.0, 224), precision)
    assert modelled == pytest.approx(published_ms, rel=0.2)


def test_rpi4_takes_the_order_of_magnitude_of_nas_bench_201():
    # HW-NAS-Bench raspi4 (HayeonLee/HELP): 98.9 ms with a 3x3 convolution on all six edges of the
    # 15 cells, 220 MMACs; that runtime was slower than ncnn with four threads.
    net = Network(3, 32, 32)
    net.conv(16)
    for out in (16, 32, 64):
        for cell in range(5 * 6):
            net.conv(out, 3, 2 if out > 16 and cell == 0 else 1)
    assert 98.9 / 5 < latency_ms("rpi4", net.head(100), "fp32") < 98.9 * 2


@pytest.mark.parametrize(
    ("width", "pixels", "published_ms"),
    [(0.25, 128, 0.8), (0.25, 224, 2.3), (0.5, 224, 4.7), (0.75, 128, 3.1), (0.75, 192, 6.4)],
)
def test_pixel3_is_within_a_quarter_of_tensorflow_lite(width, pixels, published_ms):
    # tensorflow.org/lite/guide/hosted_models: MobileNetV1 int8, Pixel 3, CPU, 4 threads.
    modelled = latency_ms("pixel3", mobilenet_v1(width, pixels), "int8")
    assert modelled == pytest.approx(published_ms, rel=0.25)


def test_a100_lies_between_an_rtx_3090_and_five_of_them():
    # timm, RTX 3090, AMP, channels last, batch 1,024 (pytorch-image-models@aa4b5850):
    # mobilenetv1_100 takes 84.8 ms; an A100 has 4.4 times the tensor rate and 1.7 the bandwidth.
    modelled = latency_ms("a100_sxm4_40", mobilenet_v1(1.0, 224), "fp16", batch=1024)
    assert 84.8 / 5 < modelled < 84.8


def test_devices_rank_as_they_should():
    network = mobilenet_v1(1.0, 224)
    names = ("stm32l4r5", "rpi4", "pixel3", "jetson_orin_nano_8gb")
    modelled = [latency_ms(name, network, "int8") for name in names]
    assert modelled == sorted(modelled, reverse=True)
