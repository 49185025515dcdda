"""Another model on the device of a deployment: what it takes of memory, storage and time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from nas.errors import DeploymentError

__all__ = ["ModelBeside", "beside_from_dict"]


@dataclass(frozen=True, slots=True)
class ModelBeside:
    """A model that a device holds and runs beside the one that is scored.

    The numbers are those that `carbon-nas estimate --json` prints of it on the device.

    Attributes:
        name: What it is called in labels and messages.
        peak_memory_bytes: Memory that it takes, without the runtime, >= 0.
        storage_bytes: Storage of its weights, >= 0.
        occupancy_s: Device seconds of one of its inferences, >= 0.
        inferences_per_s: Of them on one device, in the mean over its service life, >= 0.

    Raises:
        DeploymentError: If the name is empty, or a number is not finite or below 0.
    """

    name: str
    peak_memory_bytes: float
    storage_bytes: float
    occupancy_s: float
    inferences_per_s: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise DeploymentError(f"beside: name is {self.name!r}; name the model, such as kws")
        for key in _NUMBERS:
            number = getattr(self, key)
            real = isinstance(number, Real) and not isinstance(number, bool)
            if not (real and math.isfinite(number) and number >= 0.0):
                raise DeploymentError(
                    f"beside {self.name}: {key} is {number!r}; give a finite number of 0 or more"
                )
            object.__setattr__(self, key, float(number))

    @property
    def busy_share(self) -> float:
        """Share of the device's life that it computes."""
        return self.occupancy_s * self.inferences_per_s


_KEYS = tuple(field.name for field in fields(ModelBeside))
_NUMBERS = _KEYS[1:]


def beside_from_dict(content: Mapping[str, Any]) -> ModelBeside:
    """The model that a mapping of the attributes describes.

    Args:
        content: As read from JSON or YAML.

    Raises:
        DeploymentError: If a key is unknown or missing, or a number is out of range.
    """
    unknown = sorted(set(content) - set(_KEYS))
    if unknown:
        raise DeploymentError(f"beside: unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise DeploymentError(f"beside: {missing[0]!r} is missing; add it")
    return ModelBeside(**content)
