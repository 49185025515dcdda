"""A network on all designs of a space as rows: names, costs, and which are on the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hardware_profiles.accelerator import Accelerator, AcceleratorSpace
from nas.cost.accelerator import cost_designs
from nas.cost.design_profile import design_name
from nas.errors import HardwareError
from nas.pareto.fronts import non_dominated
from search_spaces.layers import Layer

__all__ = ["design_rows"]

_FRONT = ("latency_s", "energy_j", "embodied_gco2e")
_LIMITED = ("latency_s", "energy_j", "area_mm2", "peak_tops", "peak_power_w")
_NUMBERS = (*_FRONT, "area_mm2", "peak_tops", "peak_power_w", "power_w", "utilisation")


def design_rows(
    layers: Sequence[Layer],
    space: AcceleratorSpace,
    changes: Mapping[str, float],
    limits: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Every design with what a network costs on it.

    Args:
        layers: The network.
        space: The designs, with the changes made.
        changes: As `nas.cost.design_profile.changed_space` made them, for the names.
        limits: Upper bounds of latency_s, energy_j, area_mm2, peak_tops or peak_power_w, beside
            those of the space.

    Returns:
        Rows in the order of ``space.table()``: ``name``, the columns of
        `nas.cost.accelerator.DesignCosts`, ``within_limits``, and ``on_front``: undominated in
        latency, energy and embodied carbon among those within the limits.

    Raises:
        HardwareError: If a limit is unknown, or as `nas.cost.accelerator.cost_designs`.
        LayerError: As `nas.cost.accelerator.cost_designs`.
    """
    costs = cost_designs(layers, space)
    within = costs.allowed & costs.fits
    for name, bound in limits.items():
        if name not in _LIMITED:
            raise HardwareError(f"--limit: {name!r} is unknown; use {', '.join(_LIMITED)}")
        within = within & (getattr(costs, name) <= bound)
    front = np.zeros(len(within), dtype=np.bool_)
    values = np.stack([getattr(costs, column) for column in _FRONT], axis=1)
    front[within] = non_dominated(values[within])
    sizes = zip(*space.table().values(), strict=True)
    return [
        {
            "name": design_name(space.name, Accelerator(*map(int, knobs)), changes),
            **{name: float(getattr(costs, name)[index]) for name in _NUMBERS},
            "within_limits": bool(within[index]),
            "on_front": bool(front[index]),
        }
        for index, knobs in enumerate(sizes)
    ]
