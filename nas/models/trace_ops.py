"""What each operator of a traced program is, as layers."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import LayerError
from nas.models.trace_patterns import ENDS, NOTHING, matched, operator_of
from nas.models.trace_values import BATCH, Held, Scores, View, arrangement, one_sample
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Activation, Add, Op, Opaque, Shape

__all__ = ["HANDLERS", "Tracer", "handler"]

Handler = Callable[..., Any]
HANDLERS: dict[str, Handler] = {}
"""By operator of ATen: called with the tracer, the node and its arguments; None is unknown."""

# fmt: off
_MOVES = frozenset((
    "view", "reshape", "_unsafe_view", "permute", "transpose", "t", "unsqueeze", "squeeze",
    "flatten", "unflatten", "expand", "expand_as", "slice", "select", "split",
    "split_with_sizes", "chunk", "contiguous", "clone", "alias", "detach", "movedim", "roll",
    "flip", "repeat", "repeat_interleave", "unbind", "swapaxes", "narrow", "tensor_split",
    "unfold", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "index", "index_select",
))
_COPIES = frozenset(("contiguous", "clone", "alias", "detach"))
_CONSTANTS = frozenset((
    "new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like",
))
# fmt: on


def handler(*names: str) -> Callable[[Handler], Handler]:
    """Say for which operators a function finds the layers.

    Args:
        names: Of ATen, without overload.
    """

    def keep(function: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = function
        return function

    return keep


class Tracer:
    """Layers found so far, and what every node of the program stands for.

    Attributes:
        layers: In topological order.
        state: Weights by the names of the built module.
        notes: Where layers compute slightly otherwise.
        values: By node: `View`, `Held`, `Scores`, a constant, or a tuple of these.
    """

    def __init__(self, given: Layer) -> None:
        self.layers = [given]
        self.state: dict[str, Tensor] = {}
        self.notes: list[str] = []
        self.values: dict[fx.Node, Any] = {}
        self._shapes = {given.name: layer_shapes([given])[given.name]}
        self._placed: dict[object, str] = {}
        self._owners: dict[object, str] = {}
        self._products: dict[Scores, View] = {}

    def follow(self, node: fx.Node) -> None:
        """Find what a node stands for and keep it in `values`."""
        args = fx.map_arg(node.args, self.values.__getitem__)
        kwargs = dict(fx.map_arg(node.kwargs, self.values.__getitem__))
        name = operator_of(node)
        if node.meta.get("val") is None:  # an assertion
            return
        result = self._known(node, name, args, kwargs)
        if result is None and _any_of((args, kwargs), Scores):
            args, kwargs = self.plain(args), self.plain(kwargs)
            result = self._known(node, name, args, kwargs)
        if result is None:
            result = self.unknown(node, name, args, kwargs)
        self.values[node] = result
        if name.endswith("_") and isinstance(node.args[0], fx.Node):
            self.values[node.args[0]] = result  # in place: who reads it later reads this

    def _known(  # noqa: PLR0911
        self, node: fx.Node, name: str, args: Any, kwargs: Any
    ) -> Any:
        """What a node stands for; None where nobody knows."""
        if node.target is operator.getitem:
            return args[0][args[1]]
        if not _any_of((args, kwargs), View | Held | Scores):
            return node.target(*args, **kwargs)  # type: ignore[operator]
        if name in _CONSTANTS:
            return node.target(_empty_as(node.args[0]), *args[1:], **kwargs)  # type: ignore[operator]
        if name in NOTHING or (name == "pad" and not any(args[1])):
            return args[0]
        if name in _MOVES and isinstance(args[0], View | Held):
            return self._move(node, args, kwargs)
        found = matched(node, self.values) if name in ENDS else None
        if found is not None:
            name, args, kwargs = found
        if name in HANDLERS:
            return HANDLERS[name](self, node, *args, **kwargs)
        return None

    def plain(self, value: Any) -> Any:
        """The same with products of queries and keys as values of layers.

        Args:
            value: Of nodes, in tuples, lists and mappings.
        """
        if isinstance(value, Scores):
            return self._product(value)
        if isinstance(value, tuple | list):
            return type(value)(self.plain(item) for item in value)
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        return value

    def add(
        self,
        node: fx.Node | str,
        op: Op,
        inputs: Sequence[str],
        weights: dict[str, Tensor] | None = None,
        owner: object = None,
    ) -> View:
        """Append a layer.

        Args:
            node: That it stands for, or a name.
            op: What it does.
            inputs: Names of layers.
            weights: By name within its module.
            owner: What tells its weights from others; layers of one owner share them.

        Raises:
            LayerError: The shapes do not fit.
        """
        name = self._free_name(node if isinstance(node, str) else _layer_name(node))
        shared = None
        if weights and owner is not None:
            shared = self._owners.setdefault(owner, name)
            shared = None if shared == name else shared
        shape = op.output_shape(*(self._shapes[item] for item in inputs))
        self.layers.append(Layer(name, op, tuple(inputs), shared))
        self._shapes[name] = shape
        if weights and shared is None:
            kept = {key: value.detach().clone() for key, value in weights.items()}
            self.state |= {f"{name}.{key}": value for key, value in kept.items()}
        return View(name, shape)

    def shape(self, name: str) -> Shape:
        """Of a layer's output."""
        return self._shapes[name]

    def place(self, value: View) -> str:
        """The name of a layer that gives exactly this value, made if need be."""
        if value.factor != 1:
            scaled = self.place(replace(value, factor=1.0))
            op = Opaque(f"mul by {value.factor:.6g}", self._shapes[scaled])
            return self.add("scaled", op, [scaled]).layer
        if value.modulus is not None:
            whole = self.place(replace(value, modulus=None))
            op = Opaque(f"remainder of {value.modulus}", self._shapes[whole])
            return self.add("remainder", op, [whole]).layer
        if value.places is None:
            return value.layer
        key = (value.layer, tuple(value.places.shape), value.places.numpy().tobytes())
        if key not in self._placed:
            self._placed[key] = self._laid_out(value)
        return self._placed[key]

    def fits(self, value: View, shape: Shape) -> View | None:
        """The value with each sample in a shape; None where samples mix."""
        if value.places is None and value.shape == shape:
            return value
        at = value.at
        if at.numel() != BATCH * math.prod(shape):
            return None
        if at.dim() and at.shape[0] != BATCH:
            at = at.reshape(-1)
        at = at.reshape(BATCH, *shape)
        if one_sample(at, math.prod(value.shape)) is None:
            return None
        same = value.shape == shape and torch.equal(at, View("", shape).at)
        return replace(value, places=None if same else at)

    def unknown(self, node: fx.Node, name: str, args: Any, kwargs: Any) -> Any:
        """A layer that says that nobody knows the operator."""
        given = [item for item in _leaves((args, kwargs)) if isinstance(item, View)]
        held = {item.name: item.tensor.numel() for item in _leaves((args, kwargs))
                if isinstance(item, Held)}  # fmt: skip
        if not given:
            raise LayerError(f"{name} of parameters alone cannot be written as layers, remove it")
        outputs = node.meta["val"]
        first = outputs[0] if isinstance(outputs, tuple | list) else outputs
        shape = _without_batch(tuple(first.shape))
        new = sum(count for key, count in held.items() if ("held", key) not in self._owners)
        self._owners |= {("held", key): node.name for key in held}
        plain = [item for item in _leaves((args[1:], kwargs)) if isinstance(item, _PLAIN)]
        told = f"{name}{tuple(plain)}" if plain else name
        if len(given) == 1 and _pointwise(node, given[0]):
            op = Opaque(told, given[0].shape, new)
            made = self.add(node, op, [self.place(replace(given[0], places=None))])
            return made.moved(given[0].at)
        inputs = [self.place(item) for item in given]
        op = Opaque(told, shape, new, _products(node))
        made = self.add(node, op, list(dict.fromkeys(inputs)))
        at = made.at.reshape(tuple(first.shape)) if made.at.numel() == first.numel() else None
        made = made if at is None else made.moved(at)
        return [made] * len(outputs) if isinstance(outputs, tuple | list) else made

    def end_with(self, name: str) -> None:
        """Let the output be that of this layer, and drop what does not lead to it."""
        live = {name, self.layers[0].name}
        for layer in reversed(self.layers):
            if layer.name in live:
                live.update(layer.inputs)
        kept = [layer for layer in self.layers if layer.name in live and layer.name != name]
        last = next(layer for layer in self.layers if layer.name == name)
        if name == self.layers[0].name:
            kept, last = [last], Layer(self._free_name("output"), Add(), (name,))
        self.layers = [*kept, last]

    def _product(self, scores: Scores) -> View:
        if scores not in self._products:
            q, k = scores.queries, scores.keys
            *rows, features = q.at.shape
            shape = (*rows, k.at.shape[-2])
            products = math.prod(shape) * features // BATCH
            op = Opaque("product of queries and keys", _without_batch(shape), 0, products)
            made = self.add("scores", op, list(dict.fromkeys([self.place(q), self.place(k)])))
            if scores.weights:
                made = self.add("scores", Activation("softmax"), [self.place(made)])
            made = made.shaped(*shape)
            self._products[scores] = replace(made, factor=1 if scores.weights else scores.factor)
        return self._products[scores]

    def _move(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _any_of((args[1:], kwargs), View | Held | Scores):
            return None
        if operator_of(node) in _COPIES and args[0].places is None:
            return args[0]
        result = node.target(args[0].at, *args[1:], **kwargs)  # type: ignore[operator]
        if isinstance(result, tuple | list):
            return [args[0].moved(item) for item in result]
        return args[0].moved(result)

    def _laid_out(self, value: View) -> str:
        assert value.places is not None
        at = value.places
        if at.dim() and at.shape[0] != BATCH and at.numel() % BATCH == 0:
            at = at.reshape(BATCH, -1)
        wanted = one_sample(at, math.prod(value.shape))
        if wanted is None:
            shape = _without_batch(tuple(value.places.shape))
            op = Opaque("a view that mixes samples", shape)
            return self.add("mixed", op, [value.layer]).layer
        ops = arrangement(wanted, value.shape)
        if ops is None:
            digest = int(wanted.flatten().mul(torch.arange(1, wanted.numel() + 1)).sum())
            ops = [Opaque(f"copy in another order ({digest})", tuple(wanted.shape) or (1,))]
        name = value.layer
        for step in ops:
            name = self.add(f"{value.layer}_{type(step).__name__.lower()}", step, [name]).layer
        return name

    def _free_name(self, wanted: str) -> str:
        name = re.sub(r"\W", "_", wanted)
        if not re.match(r"[A-Za-z]", name):
            name = f"layer_{name}"
        taken = {*self._shapes}
        base, number = name, 1
        while name in taken or name == "layers" or hasattr(_EMPTY, name):
            number += 1
            name = f"{base}_{number}"
        return name


_EMPTY = nn.Module()
_PLAIN = (int, float, str)


def _layer_name(node: fx.Node) -> str:
    """After the module that it is in, with words that the breakdown of costs knows."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in stack.values() if path]
    path = paths[-1] if paths else ""
    path = re.sub(r"^L\['self'\]\.?|^L__self___", "", path)
    words = [word for word in re.split(r"[.\[\]'\"]+", path) if word]
    text = "_".join([*words, "" if _has_weights(node) else operator_of(node)]).strip("_")
    text = re.sub(r"(?<![a-z])(self_)?attn(?![a-z])", "attention", text or node.name)
    return re.sub(r"(?<![a-z])(ffn|feed_forward|mlp)(?![a-z])", "feedforward", text)


def _has_weights(node: fx.Node) -> bool:
    given = [arg.name for arg in node.all_input_nodes if arg.op == "placeholder"]
    return any(name.startswith("p_") for name in given)


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    else:
        yield value


def _any_of(value: Any, kinds: Any) -> bool:
    return any(isinstance(item, kinds) for item in _leaves(value))


def _empty_as(node: Any) -> Tensor:
    value = node.meta["val"]
    return torch.empty(tuple(value.shape), dtype=value.dtype)


def _pointwise(node: fx.Node, x: View) -> bool:
    """Whether it does the same to every element, wherever it stands, and all are there."""
    tags = getattr(node.target, "tags", ())
    same = tuple(getattr(node.meta["val"], "shape", ())) == tuple(x.at.shape)
    return torch.Tag.pointwise in tags and same and x.at.numel() == BATCH * math.prod(x.shape)


def _without_batch(shape: Shape) -> Shape:
    if shape and shape[0] == BATCH:
        return shape[1:] or (1,)
    return (max(1, math.prod(shape) // BATCH),)


def _products(node: fx.Node) -> int:
    """Multiplications of one sample as torch counts them; 0 where it counts none."""

    def meta(item: fx.Node) -> Any:
        value = item.meta["val"]
        if isinstance(value, Tensor):
            return torch.empty(value.shape, dtype=value.dtype, device="meta")
        return value

    args, kwargs = fx.map_arg(node.args, meta), fx.map_arg(node.kwargs, meta)
    try:
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            node.target(*args, **kwargs)  # type: ignore[operator]
    except (RuntimeError, NotImplementedError, TypeError):
        return 0
    return int(counter.get_total_flops()) // 2 // BATCH
