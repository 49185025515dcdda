"""The one interpreter: layers become a module that computes exactly what was counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.errors import LayerError
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
    Op,
)

__all__ = ["Network", "build"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardswish": functional.hardswish,
    "silu": functional.silu,
    "hardsigmoid": functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
}


class Network(nn.Module):
    """A network run layer by layer.

    Parameters are named ``<layer>.weight`` and so on, or after ``weights`` where layers share
    them. It can be exported by ``torch.export`` and ``torch.onnx``.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        layer_shapes(layers)
        self.layers = tuple(layers)
        self._last_uses = _last_uses(self.layers)
        for layer in self.layers:
            name = layer.weights_name
            if name in self._modules:
                continue
            module = _module(layer.op)
            if module is None:
                continue
            if hasattr(self, name):
                raise LayerError(f"layer {name!r}: torch's modules keep this name, rename it")
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: Shape ``(batch, *input shape)``, floats.

        Returns:
            Shape ``(batch, *shape of the last layer)``.
        """
        values: dict[str, Tensor] = {}
        for layer, finished in zip(self.layers, self._last_uses, strict=True):
            if isinstance(layer.op, Input):
                values[layer.name] = x
            else:
                inputs = [values[name] for name in layer.inputs]
                values[layer.name] = self._run(layer, inputs)
            for name in finished:
                del values[name]
        return values[self.layers[-1].name]

    def _run(self, layer: Layer, inputs: list[Tensor]) -> Tensor:
        op = layer.op
        if isinstance(op, Conv2d | BatchNorm | Linear):
            result: Tensor = self._modules[layer.weights_name](inputs[0])  # type: ignore[misc]
            return result
        if isinstance(op, Activation):
            return _ACTIVATIONS[op.function](inputs[0])
        if isinstance(op, GlobalAveragePool):
            return inputs[0].mean((2, 3))
        if isinstance(op, Add):
            total = inputs[0]
            for other in inputs[1:]:
                total = total + other
            return total
        if isinstance(op, Multiply):
            whole, gate = inputs
            return whole * (gate if gate.dim() == whole.dim() else gate[:, :, None, None])
        raise LayerError(f"layer {layer.name!r}: {op} cannot be run, teach nas.models.build")


def build(layers: Sequence[Layer], *, seed: int | None = None) -> Network:
    """Build the module that the layers describe.

    Convolutions start at the normal initialisation of He et al. 2015 (arXiv:1502.01852) over
    their fan-in, linear layers at a variance of one over their fan-in, biases at zero.

    Args:
        layers: A network in topological order.
        seed: Of the initial parameters; the global state of torch is then neither read nor
            changed. None draws from that state.

    Returns:
        The module in training mode, in float32 on the CPU.

    Raises:
        LayerError: The layers do not connect, or torch's modules keep a name for themselves.
    """
    network = Network(layers)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    for module in network.children():
        _initialise(module, generator)
    return network


def _last_uses(layers: Sequence[Layer]) -> tuple[tuple[str, ...], ...]:
    """For each layer the names whose values nobody needs after it, so that memory is freed."""
    needed = {layers[-1].name}
    finished = []
    for layer in reversed(layers):
        mine = {layer.name, *layer.inputs} - needed
        finished.append(tuple(sorted(mine)))
        needed |= mine
    return tuple(reversed(finished))


def _module(op: Op) -> nn.Module | None:
    """The module that holds the op's parameters, not initialised; None where it has none."""
    if isinstance(op, Conv2d):
        return nn.Conv2d(
            op.in_channels,
            op.out_channels,
            op.kernel,
            stride=op.stride,
            padding=op.kernel // 2,
            groups=op.groups,
            bias=op.bias,
            device="meta",
        ).to_empty(device="cpu")
    if isinstance(op, Linear):
        linear = nn.Linear(op.in_features, op.out_features, bias=op.bias, device="meta")
        return linear.to_empty(device="cpu")
    if isinstance(op, BatchNorm):
        return nn.BatchNorm2d(op.channels)
    return None


def _initialise(module: nn.Module, generator: torch.Generator | None) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    elif isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear", generator=generator)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
