"""An optimiser whose steps of a matrix of weights are made orthogonal first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonalised", "steps_orthogonally"]

_MOMENTUM = 0.9
_ROUNDS = 4
_QUINTIC = (3.4445, -4.7750, 2.0315)


def steps_orthogonally(module: nn.Module) -> set[int]:
    """The `id` of each parameter that is a matrix to `Muon`.

    Args:
        module: Of which tables, depthwise kernels and what has one axis are none: their rows do not
            mix.
    """
    tables = {id(m.weight) for m in module.modules() if isinstance(m, nn.Embedding)}
    return {
        id(p)
        for p in module.parameters()
        if p.dim() > 1 and p[0].numel() > 1 and p.shape[1] > 1 and id(p) not in tables
    }


def orthogonalised(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values near one (0.7 to 1.2).

    Args:
        matrix: Two axes, not all zeros.

    Source:
        The iteration and its numbers: K. Jordan and others, Muon: an optimizer for hidden layers in
        neural networks, 2024, https://kellerjordan.github.io/posts/muon/ (five rounds there).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.t() if tall else matrix
    x = x / (x.norm() + 1e-7)
    first, second, third = _QUINTIC
    for _ in range(_ROUNDS):
        square = x.mm(x.t())
        x = torch.addmm(
            x, torch.addmm(square, square, square, beta=second, alpha=third), x, beta=first
        )
    return x.t() if tall else x


class Muon(torch.optim.AdamW):
    """AdamW, but for groups with ``orthogonal``: momentum, made orthogonal, times the rate.

    Args:
        groups: Of parameters, as torch's optimisers take them.
        lr: Rate of all groups.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, lr=lr, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Change the parameters by their slopes."""
        kept: list[tuple[Tensor, Tensor]] = []
        for group in self.param_groups:
            for weights in group["params"] if group.get("orthogonal") else ():
                slope = weights.grad
                if slope is None:
                    continue
                weights.grad = None  # AdamW lets be what has none
                kept.append((weights, slope))
                self._turn(weights, slope, group["lr"], group["weight_decay"])
        found = super().step(closure)
        for weights, slope in kept:
            weights.grad = slope
        return found

    def _turn(self, weights: Tensor, slope: Tensor, rate: float, decay: float) -> None:
        state = self.state[weights]
        if not state:
            state["momentum"] = torch.zeros_like(weights)
        state["momentum"].lerp_(slope, 1 - _MOMENTUM)
        step = orthogonalised(slope.lerp(state["momentum"], _MOMENTUM).flatten(1))
        longer = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
        weights.mul_(1 - rate * decay).sub_(step.view_as(weights), alpha=rate * longer)
