"""Well-known networks at the size of a task, to hold a run's choices against."""

from __future__ import annotations

from search_spaces.chain import Chain
from search_spaces.layers import Layer
from search_spaces.ops import Activation, GlobalAveragePool, Linear, Shape

__all__ = ["reference_models"]


def reference_models(input_shape: Shape, outputs: int) -> dict[str, tuple[Layer, ...]]:
    """LeNet-5 and MobileNetV2 x 0.25, fitted to images of any size.

    LeNet-5 (LeCun et al., 1998) keeps its widths, kernels and linear layers; strides stand for its
    pooling, a global mean for its flattening. MobileNetV2 (Sandler et al., 2018) at width 0.25 with
    channels in multiples of 8; on images below 64 pixels its stem and second stage do not stride,
    as is usual on small images.

    Args:
        input_shape: Channels, height, width.
        outputs: Number of classes.

    Returns:
        Layers by name; they train like any candidate. None for what is no image.
    """
    if len(input_shape) != 3:
        return {}
    return {
        "LeNet-5": _lenet(input_shape, outputs),
        "MobileNetV2 x 0.25": _mobilenet(input_shape, outputs),
    }


def _lenet(input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    chain = Chain(input_shape)
    for name, width, stride in (("conv1", 6, 1), ("conv2", 16, 2), ("conv3", 120, 2)):
        chain.conv(name, width, 5, stride, activation="relu")
    chain.add("pool", GlobalAveragePool())
    chain.add("linear1", Linear(120, 84))
    chain.add("linear1_act", Activation("relu"))
    chain.add("linear2", Linear(84, outputs))
    return tuple(chain.layers)


# Expansion, width at 1.0, repeats, stride: table 2 of Sandler et al. (2018).
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _mobilenet(input_shape: Shape, outputs: int) -> tuple[Layer, ...]:
    small = min(input_shape[1:]) < 64
    chain = Chain(input_shape)
    chain.conv("stem", _width(32), 3, 1 if small else 2, activation="relu6")
    for stage, (expansion, width, repeats, stride) in enumerate(_STAGES, start=1):
        for block in range(repeats):
            first = 1 if block or (small and stage == 2) else stride
            _block(chain, f"stage{stage}_{block + 1}", expansion, _width(width), first)
    chain.conv("head", 1280, 1, activation="relu6")
    chain.add("pool", GlobalAveragePool())
    chain.add("classifier", Linear(1280, outputs))
    return tuple(chain.layers)


def _width(channels: int) -> int:
    scaled = channels * 0.25
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


def _block(chain: Chain, name: str, expansion: int, width: int, stride: int) -> None:
    start, given = chain.end, chain.shape[0]
    wide = given * expansion
    if expansion > 1:
        chain.conv(f"{name}_expand", wide, 1, activation="relu6")
    chain.conv(f"{name}_depthwise", wide, 3, stride, depthwise=True, activation="relu6")
    chain.conv(f"{name}_project", width, 1)
    if stride == 1 and given == width:
        chain.merge(f"{name}_sum", start)
