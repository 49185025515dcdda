"""Figures that one fit moved together: how far each follows the fit's independent directions."""

from __future__ import annotations

import math

from pydantic import model_validator

from hardware_profiles.figure import Facts, Text

__all__ = ["FittedFigures"]

_SLACK = 1e-2


class FittedFigures(Facts):
    """Correlations of the figures of a profile that were fitted to the same measurements.

    Attributes:
        source: The measurements, with their hash; profiles of one source are drawn together.
        loads: Of each figure, by its name in `hardware_profiles.ranges.figures_in`, its parts along
            independent directions, as many for each; their squares sum to 1. The products of two
            figures' parts sum to the correlation of their logarithms.
    """

    source: Text
    loads: dict[str, tuple[float, ...]]

    @model_validator(mode="after")
    def _of_unit_length(self) -> FittedFigures:
        if len({len(parts) for parts in self.loads.values()}) > 1:
            raise ValueError("loads differ in length; give as many parts for each figure")
        for name, parts in self.loads.items():
            if not abs(math.hypot(*parts) - 1.0) <= _SLACK:
                raise ValueError(
                    f"loads of {name} have squares that sum to {math.hypot(*parts) ** 2:.4g};"
                    " they must sum to 1"
                )
        return self
