"""One set of weights for a whole search space: every architecture is a slice of it.

Of every layer the supernet keeps the largest weights that any architecture has. A sub-network
takes its leading channels, features, rows and heads, and the centre of its kernels (Cai et al.
2020, arXiv:1908.09791; Yu et al. 2020, arXiv:2003.11142; Chen et al. 2021, arXiv:2107.00651 for
transformers). It runs by the one interpreter, `nas.models.build.Network`, so that what is scored
is what would be trained alone.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas.errors import SpaceError
from nas.models.build import SHARE_OF_RUNS, Network
from nas.models.modules import initialise, module_of
from nas.models.tasks import Task
from search_spaces.base import Architecture, SearchSpace, Value
from search_spaces.layers import Layer, layer_shapes, mac_count, parameter_count
from search_spaces.ops import Conv1d, Conv2d, Grams, Op, Shape

__all__ = ["Supernet"]

# Choices that mean other features where they differ: layers of that prefix have weights of their
# own for every value. All else is shared.
_APART: dict[str, tuple[tuple[str, str], ...]] = {
    "mbconv": tuple((f"stage{stage}_block", f"stage{stage}_") for stage in (1, 2, 3)),
    "vit": (("stem", "patches"), ("grid", "patches"), ("grid", "positions"), ("head", "positions")),
    "gpt": (("gram_rows", "grams"),),
}
_POOL = 400
_MOST_DRAWS = 10_000
_LEAST_ADMITTED = 20
_KEPT_NETWORKS = 64


class Supernet(nn.Module):
    """The largest weights of every layer of a search space, by which all its networks run.

    Args:
        space: The space.
        task: The task, which gives input shape and outputs.
        seed: Of the first weights.
        admits: Whether a network may be chosen at all, by its layers; None admits all. Weights are
            kept, and trained, for those admitted.

    Attributes:
        largest: Of the architectures looked at, that of most parameters, then of fewest products.
        smallest: That of fewest products.

    Raises:
        SpaceError: Hardly any architecture is admitted.
        LayerError: It does not take the task's form of data.
    """

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        *,
        seed: int = 0,
        admits: Callable[[tuple[Layer, ...]], bool] | None = None,
    ) -> None:
        super().__init__()
        self.space, self.task = space, task
        self._apart = _APART.get(space.name, ())
        self._networks: OrderedDict[tuple[tuple[str, Value], ...], Network] = OrderedDict()
        self._pool = [] if admits is None else self._admitted(admits)
        members = self._pool or list(_corners(space, self._apart))
        known = [(architecture, self.layers(architecture)) for architecture in members]
        sizes = [(parameter_count(layers), mac_count(layers)) for _, layers in known]
        order = range(len(known))
        self.largest = members[max(order, key=lambda i: (sizes[i][0], -sizes[i][1]))]
        self.smallest = members[min(order, key=lambda i: sizes[i][1])]
        generator = torch.Generator().manual_seed(seed)
        for name, (op, shape, of_runs) in sorted(self._largest_ops(known).items()):
            module = module_of(op, shape)
            if module is None:
                continue
            initialise(module, generator)
            if of_runs:
                with torch.no_grad():
                    module.get_parameter("weight").mul_(SHARE_OF_RUNS)
            self.add_module(name, module)

    def draw(self, rng: np.random.Generator) -> Architecture:
        """One of the admitted architectures, all equally likely."""
        if not self._pool:
            return self.space.sample(rng)
        return self._pool[int(rng.integers(len(self._pool)))]

    def layers(self, architecture: Mapping[str, Any]) -> tuple[Layer, ...]:
        """The layers of an architecture for the task.

        Raises:
            SpaceError: It is not in the space.
        """
        task = self.task
        return self.space.layers(architecture, task.input_shape, task.outputs, task.spec)

    def slices(self, architecture: Mapping[str, Any]) -> dict[str, Tensor]:
        """The parameters of a sub-network, by their names in its `Network`; views of the weights.

        Args:
            architecture: A point of the space.

        Raises:
            SpaceError: It is not in the space, or is larger than the weights.
        """
        here = self.space.validate(architecture)
        network = self.network(here)
        taken: dict[str, Tensor] = {}
        for owner, layer in _owners(network.layers).items():
            module = network._modules.get(owner)
            if module is None:
                continue
            stored = self._modules.get(self._stored_name(owner, layer.op, here))
            centred = isinstance(layer.op, Conv1d | Conv2d)
            for name, wanted in module.named_parameters():
                whole = None if stored is None else stored.get_parameter(name)
                if whole is None or any(
                    a > b for a, b in zip(wanted.shape, whole.shape, strict=True)
                ):
                    have = None if whole is None else tuple(whole.shape)
                    raise SpaceError(
                        f"supernet: {owner}.{name} of shape {tuple(wanted.shape)} is not in its "
                        f"weights ({have}), since no such network was admitted; train it alone"
                    )
                taken[f"{owner}.{name}"] = _slice(whole, wanted.shape, centred)
        return taken

    def network(self, architecture: Mapping[str, Any]) -> Network:
        """The module of a sub-network, whose own parameters mean nothing; kept for further calls.

        Raises:
            SpaceError: It is not in the space.
        """
        key = tuple(sorted(self.space.validate(architecture).items()))
        if key not in self._networks:
            self._networks[key] = Network(self.layers(architecture))
            if len(self._networks) > _KEPT_NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(key)
        return self._networks[key]

    def forward(self, x: Tensor, architecture: Mapping[str, Any]) -> Tensor:
        """Run a sub-network in the mode of its `network`, gradients reaching the weights.

        Args:
            x: Normalised inputs, (batch, *task.input_shape).
            architecture: A point of the space.

        Returns:
            Shape (batch, *task.output_shape).
        """
        result: Tensor = functional_call(
            self.network(architecture), self.slices(architecture), (x,), strict=False
        )
        return result

    def extracted(self, architecture: Mapping[str, Any]) -> Network:
        """A stand-alone network that begins from the slices: a warm start for training alone.

        Args:
            architecture: A point of the space.
        """
        network = Network(self.layers(architecture))
        with torch.no_grad():
            for name, value in self.slices(architecture).items():
                network.get_parameter(name).copy_(value)
        return network

    def _admitted(self, admits: Callable[[tuple[Layer, ...]], bool]) -> list[Architecture]:
        """Admitted architectures, drawn at random; the same for every seed of the weights."""
        rng, found = np.random.default_rng(0), []
        for _ in range(_MOST_DRAWS):
            drawn = self.space.sample(rng)
            if admits(self.layers(drawn)):
                found.append(drawn)
            if len(found) == _POOL:
                break
        if len(found) < _LEAST_ADMITTED:
            raise SpaceError(
                f"{self.space.name}: {len(found)} of {_MOST_DRAWS} random architectures are "
                "admitted, too few to share weights; loosen the constraints"
            )
        return found

    def _largest_ops(
        self, corners: Sequence[tuple[Architecture, tuple[Layer, ...]]]
    ) -> dict[str, tuple[Op, Shape, bool]]:
        """For each stored name the largest op, a shape it gives, and whether it is of runs."""
        found: dict[str, tuple[Op, Shape, bool]] = {}
        for architecture, layers in corners:
            shapes = layer_shapes(layers)
            runs = {layer.name for layer in layers if isinstance(layer.op, Grams)}
            for owner, layer in _owners(layers).items():
                name = self._stored_name(owner, layer.op, architecture)
                of_runs = bool(runs.intersection(layer.inputs))
                op = _larger(found[name][0], layer.op) if name in found else layer.op
                found[name] = (op, shapes[layer.name], of_runs)
        return found

    def _stored_name(self, owner: str, op: Op, architecture: Mapping[str, Value]) -> str:
        apart = [
            str(architecture[choice])
            for choice, prefix in self._apart
            if owner.startswith(prefix) and choice in architecture
        ]
        return "__".join((owner, type(op).__name__, *apart)).replace(".", "_")


def _owners(layers: Sequence[Layer]) -> dict[str, Layer]:
    """The first layer of every set of parameters, as the interpreter builds them."""
    owners: dict[str, Layer] = {}
    for layer in layers:
        owners.setdefault(layer.weights_name, layer)
    return owners


def _corners(space: SearchSpace, apart: Sequence[tuple[str, str]]) -> Iterator[Architecture]:
    """Architectures which between them have the largest weights of every layer.

    For all values of the choices that keep weights apart: the rest at their smallest, at their
    largest, and with one of them changed.
    """
    names = {choice for choice, _ in apart}
    free = [choice for choice in space.choices if choice.name in names]
    for values in itertools.product(*(choice.values for choice in free)):
        fixed = dict(zip((choice.name for choice in free), values, strict=True))
        yield _completed(space, fixed, min)
        yield _completed(space, fixed)
        for changed in space.choices:
            for value in changed.values if changed.name not in fixed else ():
                yield _completed(space, {**fixed, changed.name: value})


def _completed(
    space: SearchSpace, wish: Mapping[str, Value], rest: Callable[..., Any] = max
) -> Architecture:
    """The architecture that has the wished values, and for the rest the largest or smallest."""
    return space.choose(lambda name, offered: wish.get(name, rest(offered)))


def _larger(first: Op, second: Op) -> Op:
    """The op whose every number is the larger one of the two."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, int) and isinstance(b, int):
            changed[field.name] = max(a, b)
        elif isinstance(a, tuple | int) and isinstance(b, tuple | int):
            pairs = np.broadcast_arrays(a, b)  # a kernel of 3 is one of (3, 3)
            changed[field.name] = tuple(np.maximum(*pairs).tolist())
    return dataclasses.replace(first, **changed)


def _slice(whole: Tensor, shape: torch.Size, centred: bool) -> Tensor:
    """Leading entries of the first two axes; of kernels, where ``centred``, the middle."""
    taken = whole
    for axis, wanted in enumerate(shape):
        have = whole.shape[axis]
        if wanted != have:
            start = (have - wanted) // 2 if centred and axis > 1 else 0
            taken = taken.narrow(axis, start, wanted)
    return taken
