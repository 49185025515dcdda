"""Search spaces as plain data: choices, architectures and the layers that they stand for.

A space is a module of this package that holds a `SearchSpace` named ``SPACE``; the name of the
module is the name of the space.
"""

from __future__ import annotations

import importlib
import pkgutil

from nas.errors import SpaceError, unknown_name
from search_spaces.base import Architecture, Choice, SearchSpace, Value
from search_spaces.layers import Layer, layer_shapes, mac_count, parameter_count

__all__ = [
    "Architecture",
    "Choice",
    "Layer",
    "SearchSpace",
    "Value",
    "layer_shapes",
    "mac_count",
    "parameter_count",
    "space",
    "space_names",
]


def space(name: str) -> SearchSpace:
    """The search space of that name.

    Args:
        name: One of `space_names`.

    Raises:
        SpaceError: There is none.
    """
    if name not in space_names():
        raise SpaceError(unknown_name("space", name, space_names(), "carbon-nas space list"))
    found: SearchSpace = importlib.import_module(f"{__name__}.{name}").SPACE
    return found


def space_names() -> list[str]:
    """The names of all search spaces, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [
        name for name in names if hasattr(importlib.import_module(f"{__name__}.{name}"), "SPACE")
    ]
