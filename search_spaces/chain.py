"""Writing layers in a row: each new one consumes the last unless told otherwise."""

from __future__ import annotations

from search_spaces.layers import Layer
from search_spaces.ops import Activation, Add, BatchNorm, Conv2d, Input, Op, Shape

__all__ = ["Chain"]


class Chain:
    """Layers written one after the other, with their shapes.

    Attributes:
        layers: What was written, in order.
        shapes: Output shape of each layer without batch, by name.
    """

    def __init__(self, input_shape: Shape) -> None:
        self.layers: list[Layer] = []
        self.shapes: dict[str, Shape] = {}
        self.add("input", Input(input_shape))

    @property
    def end(self) -> str:
        """The name of the last layer."""
        return self.layers[-1].name

    @property
    def shape(self) -> Shape:
        """The output shape of the last layer."""
        return self.shapes[self.end]

    def add(self, name: str, op: Op, *inputs: str, weights: str | None = None) -> str:
        """Append a layer.

        Args:
            name: Unique in the network.
            op: What it does.
            inputs: Names of what it consumes; none means the last layer.
            weights: The layer whose parameters it shares; None means its own.

        Returns:
            The name.

        Raises:
            LayerError: The shapes do not fit.
        """
        if not inputs and self.layers:
            inputs = (self.end,)
        self.shapes[name] = op.output_shape(*(self.shapes[source] for source in inputs))
        self.layers.append(Layer(name, op, inputs, weights))
        return name

    def normalise(self, name: str, activation: str | None = None) -> str:
        """Append ``<name>_norm``, a batch norm, and ``<name>_act`` where a function is given."""
        self.add(f"{name}_norm", BatchNorm(self.shape[0]))
        if activation is not None:
            self.add(f"{name}_act", Activation(activation))
        return self.end

    def conv(
        self,
        name: str,
        width: int,
        kernel: int,
        stride: int = 1,
        *,
        depthwise: bool = False,
        activation: str | None = None,
    ) -> str:
        """Append a convolution of images with batch norm and, where given, an activation.

        Args:
            name: Of the convolution; the others are ``<name>_norm`` and ``<name>_act``.
            width: Output channels.
            kernel: Odd.
            stride: In both directions.
            depthwise: Whether every channel is its own group; ``width`` is then as before it.
            activation: Its function.

        Returns:
            The name of the last layer written.
        """
        channels = self.shape[0]
        groups = channels if depthwise else 1
        self.add(name, Conv2d(channels, width, kernel, stride, groups))
        return self.normalise(name, activation)

    def merge(self, name: str, *inputs: str) -> str:
        """Append the sum of the last layer and others of its shape."""
        return self.add(name, Add(), self.end, *inputs)
