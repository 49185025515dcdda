"""Accelerators with free dimensions: the designs of a space, and the facts their costs follow from.

Formulas are in `nas.cost.accelerator`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Facts, NonNegative, Percent, Positive, Share, Text
from nas.errors import HardwareError

__all__ = ["Accelerator", "AcceleratorSpace", "accelerator_names", "accelerator_space"]

_FOLDER = Path(__file__).with_name("data") / "accelerators"
_Sizes = Annotated[tuple[Annotated[int, Field(strict=True, gt=0)], ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One design.

    Attributes:
        clusters: Systolic arrays, each with a local buffer; they share the global buffer.
        pe_width: Columns of an array: output channels at once.
        pe_depth: Rows of an array: products summed at once.
        local_kib: Local buffer of each cluster, in KiB.
        local_bytes_per_cycle: What each local buffer delivers in a cycle.
        global_mib: Global buffer, in MiB.
    """

    clusters: int
    pe_width: int
    pe_depth: int
    local_kib: int
    local_bytes_per_cycle: int
    global_mib: int


_KNOBS = tuple(field.name for field in fields(Accelerator))


class AcceleratorSpace(Facts):
    """The sizes that designs may have, and what all of them share.

    Energies and areas are at ``reference_node_nm``, times ``energy_scale`` and ``area_scale`` at
    ``node_nm``. DRAM is no part of the die and is not scaled.

    Attributes:
        sram_energy_per_byte_j: By capacity in bytes; at least two rows, rising.
        max_area_mm2: Largest die that the space allows.
        max_tops: Highest peak rate that it allows, in 1e12 operations a second, two to a MAC.
        max_power_w: Highest peak power of die and DRAM accesses that it allows; None for no limit.
    """

    name: Text
    label: Text
    node_nm: Annotated[int, Field(strict=True, gt=0)]
    reference_node_nm: Annotated[int, Field(strict=True, gt=0)]
    choices_source: Text
    clusters: _Sizes
    pe_width: _Sizes
    pe_depth: _Sizes
    local_kib: _Sizes
    local_bytes_per_cycle: _Sizes
    global_mib: _Sizes
    clock_hz: Positive
    energy_scale: Positive
    area_scale: Positive
    energy_per_mac_j: Positive
    pe_area_um2: Positive
    sram_area_um2_per_byte: Positive
    sram_energy_per_byte_j: dict[int, Positive] = Field(min_length=2)
    dram_energy_per_byte_j: Positive
    dram_bytes_per_s: Positive
    dram_technology: Text
    dram_gb: Positive
    leakage_w_per_mm2: NonNegative
    fab_location: Text
    fab_yield: Share
    abatement_pct: Percent
    max_area_mm2: Positive
    max_tops: Positive
    max_power_w: Positive | None = None

    @model_validator(mode="after")
    def _rising(self) -> AcceleratorSpace:
        rows = [(size, row.value) for size, row in self.sram_energy_per_byte_j.items()]
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in itertools.pairwise(rows)):
            raise ValueError("sram_energy_per_byte_j: order the rows by rising size and energy")
        return self

    @property
    def size(self) -> int:
        """Number of designs, constraints aside."""
        return math.prod(len(getattr(self, knob)) for knob in _KNOBS)

    def design(self, index: int) -> Accelerator:
        """The design of an index from 0 to ``size - 1``; the last knob varies fastest.

        Raises:
            HardwareError: If the index is outside.
        """
        if not 0 <= index < self.size:
            raise HardwareError(f"design: got {index}; {self.name} has 0 to {self.size - 1}")
        table = self.table()
        return Accelerator(*(int(table[knob][index]) for knob in _KNOBS))

    def table(self) -> dict[str, npt.NDArray[np.float64]]:
        """All designs: for each knob its values, float64 of shape ``(size,)``."""
        grids = np.meshgrid(*(getattr(self, knob) for knob in _KNOBS), indexing="ij")
        return {k: g.ravel().astype(np.float64) for k, g in zip(_KNOBS, grids, strict=True)}


def accelerator_names() -> tuple[str, ...]:
    """Names of the spaces that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def accelerator_space(name: str = "default") -> AcceleratorSpace:
    """The space of that name.

    Raises:
        HardwareError: If there is none, or its file is wrong.
    """
    if name not in accelerator_names():
        raise HardwareError(
            f"accelerator: {name!r} is unknown; use {' or '.join(accelerator_names())}"
        )
    path = _FOLDER / f"{name}.yaml"
    return parse_facts(AcceleratorSpace, read_yaml(path), path.name)
