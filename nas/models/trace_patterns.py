"""Layers that programs write as several operators: found where the last of them stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

from nas.models.trace_values import Held, View

__all__ = ["ENDS", "NOTHING", "matched", "operator_of"]

# fmt: off
NOTHING = frozenset((
    "dropout", "dropout_", "feature_dropout", "alpha_dropout", "to", "_to_copy", "type_as",
    "float",
))
"""Operators that change no value at inference."""
# fmt: on

ENDS = frozenset(("mul", "add"))
"""Operators that a pattern can end with."""

_GELU = ("mul", ("mul", "X", 0.5), ("add", ("tanh", ("mul", ("add", "X", ("mul", ("pow", "X", 3),
         0.044715)), math.sqrt(2 / math.pi))), 1))  # fmt: skip
_RMS_NORM = ("mul", "W", ("mul", "X", ("rsqrt", ("add", ("mean", ("pow", "X", 2), [-1], True),
             "E"))))  # fmt: skip
_ROTARY = ("add", ("mul", "X", "C"), ("mul", ("cat", [("neg", ("slice", "X", "A", "H", "B")),
           ("slice", "X", "A", 0, "H")], -1), "S"))  # fmt: skip


def operator_of(node: fx.Node) -> str:
    """The operator's name in ATen, without overload."""
    target: Any = node.target
    return str(getattr(target, "__name__", target)).split(".")[0]


def matched(
    node: fx.Node, values: Mapping[fx.Node, Any]
) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
    """The one operator that a node and those before it come to.

    GELU by tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415), the normalisation of Zhang and
    Sennrich 2019 (arXiv:1910.07467) and rotary positions by halves (Su et al. 2021,
    arXiv:2104.09864).

    Args:
        node: Of a traced program.
        values: What the nodes before it stand for.

    Returns:
        Name and arguments of a handler; None where there is no pattern.
    """
    found = _fit(_GELU, node, {})
    if found is not None and isinstance(values[found["X"]], View):
        return "gelu_by_tanh", (values[found["X"]],), {}
    found = _fit(_RMS_NORM, node, {})
    if found is not None and isinstance(found["W"], fx.Node):
        x, weight = values[found["X"]], values[found["W"]]
        if isinstance(weight, Held) and isinstance(x, View):
            return "rms_norm", (x, list(weight.shape), weight, found["E"]), {}
    found = _fit(_ROTARY, node, {})
    if found is None or 2 * found["H"] != int(node.meta["val"].shape[-1]):
        return None
    x, cosines, sines = (values.get(found[key]) for key in "XCS")
    if isinstance(x, View) and isinstance(cosines, Tensor) and isinstance(sines, Tensor):
        return "rotary", (x, _base(cosines, sines)), {}
    return None


def _base(cosines: Tensor, sines: Tensor) -> float:
    """Of the powers that are the angles of rotary positions; 0 where there is one position."""
    angles = torch.atan2(sines, cosines).reshape(-1, cosines.shape[-1])
    half = angles.shape[-1] // 2
    if len(angles) < 2 or half < 2 or float(angles[1, 1]) <= 0:
        return 0.0
    return float(angles[1, 1]) ** -half


def _fit(pattern: Any, value: Any, found: dict[str, Any]) -> dict[str, Any] | None:  # noqa: PLR0911
    """What the capitals of a pattern stand for, if it fits."""
    while isinstance(value, fx.Node) and operator_of(value) in NOTHING:
        value = value.args[0]
    if isinstance(pattern, str):
        return found | {pattern: value} if found.get(pattern, value) == value else None
    if isinstance(pattern, bool | int | float):
        fits = isinstance(value, bool | int | float) and math.isclose(value, pattern, rel_tol=1e-6)
        return found if fits else None
    if isinstance(pattern, list):
        fits = isinstance(value, list | tuple) and len(value) == len(pattern)
        return _fit_all(pattern, value, found) if fits else None
    name, *wanted = pattern
    if not isinstance(value, fx.Node) or operator_of(value) != name:
        return None
    given = list(value.args)
    if len(given) != len(wanted) or value.kwargs:
        return None
    straight = _fit_all(wanted, given, found)
    if straight is None and name in ENDS:
        return _fit_all(wanted, given[::-1], found)
    return straight


def _fit_all(patterns: Any, values: Any, found: dict[str, Any]) -> dict[str, Any] | None:
    fitted: dict[str, Any] | None = found
    for pattern, value in zip(patterns, values, strict=True):
        if fitted is None:
            return None
        fitted = _fit(pattern, value, fitted)
    return fitted
