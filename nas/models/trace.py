"""From any module to layers: traced by `torch.export`, checked against the module itself.

What the layers do not know is named and flagged as `Opaque`: it is costed by its bytes and the
products that torch counts, and cannot be built.
"""

from __future__ import annotations

import copy
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import LayerError
from nas.models import trace_attention, trace_elementwise  # noqa: F401  # rules by operator
from nas.models.build import build
from nas.models.trace_ops import Tracer
from nas.models.trace_values import BATCH, Held, View
from search_spaces.layers import Layer, layer_shapes, mac_count, parameter_count
from search_spaces.ops import Input, Opaque, Recurrent, Shape

__all__ = ["Traced", "check_traced", "quiet", "trace", "traced_layers"]


@dataclass(frozen=True, eq=False)
class Traced:
    """A module as layers.

    Attributes:
        layers: In topological order.
        state: The module's weights under the names of `nas.models.build.build` of the layers.
        notes: Where the layers compute slightly otherwise than the module, one line each.
    """

    layers: tuple[Layer, ...]
    state: dict[str, Tensor]
    notes: tuple[str, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The operators that no layer stands for."""
        return tuple(layer.op.operator for layer in self.layers if isinstance(layer.op, Opaque))


def trace(module: nn.Module, example: Tensor) -> Traced:
    """Follow a module's inference, as by `eval`, and write it as layers.

    Args:
        module: With one tensor in and one tensor out, both with the batch as their first axis;
            what it does must not depend on the values. It is left as it was.
        example: One or more samples, (N, *input shape); identifiers as whole numbers.

    Raises:
        LayerError: The module cannot be run or exported, mixes the samples of a batch, or gives
            something else than one tensor.
    """
    batch = example[:1].expand(BATCH, *example.shape[1:]).clone()
    program = _exported(module, batch)
    shape = tuple(example.shape[1:])
    given = Layer("input", Input(shape))
    tracer = Tracer(given)
    signature = program.graph_signature
    tensors = {**program.state_dict, **program.constants}
    parameters = dict(signature.inputs_to_parameters)
    others = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in parameters:
            name = parameters[node.name]
            tracer.values[node] = Held(name, tensors[name])
        elif node.op == "placeholder" and node.name in others:
            tracer.values[node] = tensors[others[node.name]]
        elif node.op == "placeholder":
            tracer.values[node] = View(given.name, shape)
        elif node.op == "get_attr":
            raise LayerError(
                f"{type(module).__name__}: holds a graph within ({node.name}), as of torch.cond; "
                "write it without steps that depend on values"
            )
        else:
            _follow(tracer, module, node)
    return Traced(tuple(tracer.layers), tracer.state, tuple(dict.fromkeys(tracer.notes)))


def check_traced(module: nn.Module, example: Tensor, traced: Traced) -> None:
    """Hold layers to the module: parameters exactly, multiplications exactly, outputs closely.

    Multiplications are not compared where there are recurrent layers, which torch does not count;
    outputs not where an operator is unknown or `Traced.notes` tell of a difference.

    Args:
        module: What was traced.
        example: One or more samples.
        traced: Of it.

    Raises:
        LayerError: They differ.
    """
    name = type(module).__name__
    own, counted = sum(p.numel() for p in module.parameters()), parameter_count(traced.layers)
    if own != counted:
        raise LayerError(
            f"{name}: has {own} parameters, its layers {counted}; remove parameters that forward "
            "does not use, or use operations of search_spaces.ops"
        )
    torch_macs = _torch_macs(module, example)
    recurrent = any(isinstance(layer.op, Recurrent) for layer in traced.layers)
    if not recurrent and torch_macs != mac_count(traced.layers):
        raise LayerError(
            f"{name}: torch counts {torch_macs} multiplications, its layers "
            f"{mac_count(traced.layers)}; write it with operations of search_spaces.ops"
        )
    if not (traced.unknown or traced.notes):
        _check_outputs(module, example, traced, part=1e-3, all_of=1e-4)


def _check_outputs(
    module: nn.Module, example: Tensor, traced: Traced, *, part: float, all_of: float
) -> None:
    """Refuse layers whose outputs are off by a part of each, and of the largest and 1."""
    name = type(module).__name__
    network = build(traced.layers).eval()
    network.load_state_dict(traced.state)
    with torch.inference_mode(), _inferring(module) as inferring:
        (expected,) = tree_leaves(inferring(example))  # one, as `_finish` found
        given = network(example.float())
    if given.numel() != expected.numel():
        raise LayerError(
            f"{name}: gives {tuple(expected.shape)} for {len(example)} samples, its layers "
            f"{tuple(given.shape)}; let it treat all samples of a batch alike and apart"
        )
    expected, given = expected.float(), given.reshape(expected.shape)
    size = 1 + float(expected.abs().max())
    if not torch.allclose(given, expected, rtol=part, atol=all_of * size):
        off = float((given - expected).abs().max())
        why = "".join(f" ({note})" for note in traced.notes)
        raise LayerError(
            f"{name}: its layers give outputs that differ by {off:.3g}{why}; write it with "
            "operations of search_spaces.ops"
        )


def traced_layers(module: object, input_shape: Shape, *, ids: bool = False) -> tuple[Layer, ...]:
    """The checked layers of a module that can be built and trained.

    Args:
        module: See `trace`.
        input_shape: One sample, without batch.
        ids: Whether inputs are identifiers, which the module takes as int64.

    Raises:
        LayerError: See `trace` and `check_traced`; it is no module, or an operator is unknown.
    """
    if not isinstance(module, nn.Module):
        raise LayerError(f"got a {type(module).__name__}, return layers or an nn.Module")
    generator = torch.Generator().manual_seed(0)
    example = torch.rand(BATCH, *input_shape, generator=generator)
    if ids:
        example = torch.zeros_like(example).long()
    traced = trace(module, example)
    if traced.unknown:
        raise LayerError(
            f"{type(module).__name__}: {traced.unknown[0]} is no operation that can be built; use "
            "those of search_spaces.ops"
        )
    check_traced(module, example, traced)
    if traced.notes:  # epsilons and GELUs of another kind are near enough, or are refused
        _check_outputs(module, example, traced, part=0.02, all_of=0.02)
    return traced.layers


def _follow(tracer: Tracer, module: nn.Module, node: fx.Node) -> None:
    try:
        if node.op == "output":
            _finish(tracer, module, node.args[0])
        else:
            tracer.follow(node)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise LayerError(
            f"{type(module).__name__}: {node.name} cannot be followed ({_line(error)}); let it "
            "treat all samples of a batch alike and apart"
        ) from error


def _finish(tracer: Tracer, module: nn.Module, outputs: Any) -> None:
    name = type(module).__name__
    if not isinstance(outputs, tuple | list) or len(outputs) != 1:
        raise LayerError(f"{name}: gives {len(outputs)} tensors, return one")
    result = tracer.plain(tracer.values[outputs[0]])
    if not isinstance(result, View):
        raise LayerError(f"{name}: its output does not depend on its input, use the input")
    tracer.end_with(tracer.place(result))
    layer_shapes(tracer.layers)


def _exported(module: nn.Module, batch: Tensor) -> torch.export.ExportedProgram:
    try:
        with quiet(), _inferring(module) as inferring:
            return torch.export.export(inferring, (batch,))
    except Exception as error:  # torch raises almost anything here, and user code too
        raise LayerError(
            f"{type(module).__name__}: cannot be traced with an input of "
            f"{tuple(batch.shape[1:])}: {_line(error)}; make it take that shape, and "
            "let no step depend on values"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch logs and warns of, while it exports or reads a program, from the user."""
    loggers = [logging.getLogger(f"torch.{name}") for name in ("export", "_subclasses")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()[:200]


def _torch_macs(module: nn.Module, example: Tensor) -> int:
    with (
        torch.no_grad(),
        _inferring(module) as inferring,
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        inferring(example)
    return int(counter.get_total_flops()) // 2 // len(example)


@contextmanager
def _inferring(module: nn.Module) -> Iterator[nn.Module]:
    """A copy at inference, with torch's fused encoder off: it is one unknown operator."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield copy.deepcopy(module).eval()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
