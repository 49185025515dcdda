"""Systolic arrays inside a profile: what the mapping of layers needs beside the profile's rates."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hardware_profiles.figure import Facts, Positive

__all__ = ["SystolicArrays"]

_Count = Annotated[int, Field(strict=True, gt=0)]


class SystolicArrays(Facts):
    """Arrays with a local buffer each, and a global buffer that they share.

    Attributes:
        clusters: Number of arrays.
        pe_width: Columns of an array: output channels at once.
        pe_depth: Rows of an array: products summed at once.
        local_bytes: Local buffer of each array.
        local_bytes_per_cycle: What each local buffer delivers in a cycle.
        global_bytes: Global buffer.
        clock_hz: Cycles in a second.
        local_energy_per_byte_j: Energy of a byte of a local buffer.
        global_energy_per_byte_j: Energy of a byte of the global buffer.
    """

    clusters: _Count
    pe_width: _Count
    pe_depth: _Count
    local_bytes: _Count
    local_bytes_per_cycle: _Count
    global_bytes: _Count
    clock_hz: Positive
    local_energy_per_byte_j: Positive
    global_energy_per_byte_j: Positive
