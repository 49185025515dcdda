"""What a device is made of: the bill of materials behind its embodied carbon."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hardware_profiles.figure import (
    Facts,
    Figure,
    NonNegative,
    Percent,
    Positive,
    Share,
    Text,
)

__all__ = ["Battery", "BillOfMaterials", "Die", "Memory", "Part", "Pcb", "PublishedLca"]


class Die(Facts):
    """Logic dies of one kind.

    Attributes:
        name: What it is.
        area_cm2: Area of one die.
        node_nm: Process node; must be a row of the fab table (`hardware_profiles.fab`).
        node_source: Where the node can be read, and why this row when it is a stand-in.
        count: How many of them.
    """

    name: Text
    area_cm2: Positive
    node_nm: Annotated[int, Field(strict=True, gt=0)]
    node_source: Text
    count: Annotated[int, Field(strict=True, gt=0)] = 1


class Memory(Facts):
    """DRAM, flash or disks of one technology.

    Attributes:
        technology: Name of a memory row of the fab table, such as ``lpddr4``.
        technology_source: Where the technology can be read, and why this row if a stand-in.
        capacity_gb: Decimal gigabytes as built in.
    """

    technology: Text
    technology_source: Text
    capacity_gb: Positive


class Pcb(Facts):
    """The printed circuit board, bare: its area, in cm2, and its number of copper layers."""

    area_cm2: Positive
    layers: Annotated[int, Field(strict=True, gt=0)]


class Battery(Facts):
    """The battery: its capacity, in milliwatt hours, and its cathode, ``nmc`` or ``lfp``."""

    capacity_mwh: Positive
    cathode: Text


class Part(Facts):
    """Any other part whose carbon is known as a whole, in g CO2e."""

    name: Text
    gco2e: NonNegative


class BillOfMaterials(Facts):
    """Everything of a device that the embodied carbon counts.

    Attributes:
        fab_location: Location row of the fab table whose electricity made the dies.
        fab_source: Where the location can be read, or why it was assumed.
        fab_yield: Share of good dies, above 0 and at most 1.
        abatement_pct: Percent of the process gases that the fab abates.
        dies: Logic dies.
        memories: DRAM.
        storages: Flash and disks.
        packages: Number of packaged integrated circuits.
        pcb: Board, or None when its area is unknown.
        battery: Battery, or None when there is none.
        other: Parts whose carbon is known as a whole.
    """

    fab_location: Text
    fab_source: Text
    fab_yield: Share
    abatement_pct: Percent
    dies: tuple[Die, ...]
    memories: tuple[Memory, ...] = ()
    storages: tuple[Memory, ...] = ()
    packages: NonNegative
    pcb: Pcb | None = None
    battery: Battery | None = None
    other: tuple[Part, ...] = ()

    @property
    def die_area_cm2(self) -> float:
        """Area of all logic dies together."""
        return sum(die.area_cm2.value * die.count for die in self.dies)


class PublishedLca(Facts):
    """The maker's own life-cycle assessment.

    Attributes:
        total_kgco2e: Whole life cycle, in kg.
        production_share: Share of production in it, above 0 and at most 1.
    """

    total_kgco2e: Positive
    production_share: Share

    @property
    def production_gco2e(self) -> Figure:
        """Production phase alone, in g CO2e, as a derived figure."""
        return Figure(
            value=self.total_kgco2e.value * self.production_share.value * 1000.0,
            source=f"total x production share; {self.total_kgco2e.source}",
            basis="derived",
        )
