"""What a traced value is: some of a layer's outputs, or of a parameter, in some order.

A traced network moves values about by views, transposes, splits and merges of axes. Instead of a
layer for each, their numbers are followed: a value is a layer's name and, for every element with
its batch, which of the layer's elements it is. Only an operation that needs a tensor lays it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from search_spaces.ops import Flatten, Op, Reshape, Select, Shape, Slice, Tokens, Transpose

__all__ = ["BATCH", "Held", "Scores", "View", "arrangement", "hidden_later", "one_sample"]

BATCH = 2
"""Samples in the traced batch: more than one, so that mixing them is seen."""


@dataclass(frozen=True, eq=False)
class View:
    """Elements of a layer's output.

    Attributes:
        layer: The layer's name.
        shape: Of the layer's output, without the batch.
        places: Which element of (batch, *shape), flattened, stands at each place; -1 is unknown,
            None is all in order.
        factor: By which every element is multiplied.
        modulus: Of which every element is the remainder; None leaves it whole.
    """

    layer: str
    shape: Shape
    places: Tensor | None = None
    factor: float = 1.0
    modulus: int | None = None

    @property
    def at(self) -> Tensor:
        """`places`, written out."""
        return _counted((BATCH, *self.shape)) if self.places is None else self.places

    def moved(self, at: Tensor) -> View:
        """The same elements elsewhere."""
        return replace(self, places=at)

    def shaped(self, *shape: int) -> View:
        """The same elements in order under another shape, the batch included."""
        if self.places is None and shape == (BATCH, *self.shape):
            return self
        return self.moved(self.at.reshape(shape))


@dataclass(frozen=True, eq=False)
class Held:
    """Elements of a parameter.

    Attributes:
        name: Of the parameter in its module.
        tensor: The parameter.
        places: Which of its elements, flattened, stands at each place; None is all in order.
    """

    name: str
    tensor: Tensor
    places: Tensor | None = None

    @property
    def at(self) -> Tensor:
        """`places`, written out."""
        return _counted(tuple(self.tensor.shape)) if self.places is None else self.places

    @property
    def shape(self) -> Shape:
        """Of the value."""
        return tuple((self.tensor if self.places is None else self.places).shape)

    @property
    def value(self) -> Tensor:
        """The numbers."""
        if self.places is None:
            return self.tensor.detach()
        return self.tensor.detach().flatten()[self.places]

    def moved(self, at: Tensor) -> Held:
        """The same elements elsewhere."""
        return replace(self, places=at)


@dataclass(frozen=True, eq=False)
class Scores:
    """Products of queries and keys on their way to an attention's weights.

    Attributes:
        queries: (batch, heads, T, features).
        keys: (batch, heads, S, features).
        factor: By which they are multiplied.
        causal: Whether a mask has hidden later tokens.
        weights: Whether the softmax was taken.
    """

    queries: View
    keys: View
    factor: float = 1.0
    causal: bool = False
    weights: bool = False

    def masked(self, mask: Any) -> Scores | None:
        """Under a constant mask; None where it hides other than later tokens."""
        shape = (int(self.queries.at.shape[-2]), int(self.keys.at.shape[-2]))
        hidden = hidden_later(mask, shape)
        return None if hidden is None or self.weights else replace(self, causal=hidden)


def hidden_later(mask: Any, shape: tuple[int, int]) -> bool | None:
    """Whether a mask hides the later tokens; False if it hides none, None if others.

    Args:
        mask: True where a token is seen, or what is added to its score; None hides none.
        shape: Queries and keys.
    """
    if mask is None:
        return False
    if not isinstance(mask, Tensor):
        return None
    seen = mask if mask.dtype == torch.bool else mask > -1e4
    if mask.dtype != torch.bool and bool((mask[seen] != 0).any()):
        return None
    try:
        whole = torch.zeros(shape, dtype=torch.bool)
        seen = (seen | whole).reshape(-1, *shape)
    except RuntimeError:
        return None
    if bool(seen.all()):
        return False
    causal = torch.ones(shape, dtype=torch.bool).tril()
    return True if bool((seen == causal).all()) else None


def one_sample(at: Tensor, size: int) -> Tensor | None:
    """Places within one sample, if every sample is treated alike and apart.

    Args:
        at: Places in the batch, (batch, ...).
        size: Elements of one sample of the layer.

    Returns:
        (...), or None where samples mix or elements are unknown.
    """
    if at.dim() == 0 or at.shape[0] != BATCH:
        return None
    first = at[0]
    if first.numel() == 0 or int(first.min()) < 0 or int(first.max()) >= size:
        return None
    return first if torch.equal(at[1], first + size) else None


def arrangement(wanted: Tensor, shape: Shape) -> list[Op] | None:
    """Operations that bring a layer's output into a wanted order.

    Args:
        wanted: For every place, which element of the output; without the batch.
        shape: Of the output.

    Returns:
        One after the other; None where no few operations do.
    """
    target: Shape = tuple(wanted.shape) or (1,)
    flat, size = wanted.flatten(), _counted(shape).numel()
    whole = torch.arange(size)
    if flat.numel() == size and torch.equal(flat, whole):
        return _reshaped(shape, target)
    for ops, made, result in _simple(shape, size):
        if made.numel() == flat.numel() and torch.equal(made.flatten(), flat):
            return ops + _reshaped(result, target)
    return _parts(flat, shape, target) or _swapped(flat, size, target)


def _simple(shape: Shape, size: int) -> list[tuple[list[Op], Tensor, Shape]]:
    at = _counted(shape)
    if len(shape) == 3:
        tokens = at.flatten(1).T
        return [([Tokens()], tokens, tuple(tokens.shape))]
    if len(shape) == 2:
        return [([Transpose()], at.T, tuple(at.T.shape))]
    return []


def _parts(  # noqa: PLR0911
    flat: Tensor, shape: Shape, target: Shape
) -> list[Op] | None:
    """Some entries of the first axis, or of the last one of two."""
    start, row = int(flat[0]), _counted(shape[1:]).numel() if len(shape) > 1 else 1
    count = flat.numel()
    if torch.equal(flat, torch.arange(start, start + count)):
        if start % row == 0 and count % row == 0:
            first, rows = start // row, count // row
            part: Op = Slice(first, first + rows)
            if rows == 1 and len(shape) > 1:
                part = Select(first)
                return [part, *_reshaped(shape[1:], target)]
            return [part, *_reshaped((rows, *shape[1:]), target)]
        ops: list[Op] = [Flatten()] if len(shape) > 1 else []
        return [*ops, Slice(start, start + count), *_reshaped((count,), target)]
    width = shape[-1]
    tall = _counted(shape).numel() // width
    if count % tall or len(shape) < 2:
        return None
    columns = count // tall
    if start + columns > width:
        return None
    table = _counted((tall, width))[:, start : start + columns]
    if not torch.equal(table.flatten(), flat):
        return None
    turned: list[Op] = [Transpose(), Slice(start, start + columns), Transpose()]
    return [*_reshaped(shape, (tall, width)), *turned, *_reshaped((tall, columns), target)]


def _swapped(flat: Tensor, size: int, target: Shape) -> list[Op] | None:
    """Two axes swapped, whatever the shape: from (rows, columns) to (columns, rows)."""
    if flat.numel() != size or size < 2 or int(flat[0]):
        return None
    columns = int(flat[1])
    if columns < 1 or size % columns:
        return None
    table = _counted((size // columns, columns))
    if not torch.equal(table.T.flatten(), flat):
        return None
    swapped: list[Op] = [Reshape((size // columns, columns)), Transpose()]
    return swapped + _reshaped((columns, size // columns), target)


def _reshaped(shape: Shape, target: Shape) -> list[Op]:
    if shape == target:
        return []
    return [Flatten() if len(target) == 1 else Reshape(target)]


@lru_cache(maxsize=8)  # one after the other, operators ask for the same few
def _counted(shape: Shape) -> Tensor:
    count = 1
    for size in shape:
        count *= size
    return torch.arange(count).view(shape)
