"""What a device is made of: the bill of materials behind its embodied carbon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from hardware_profiles.figure import (
    Facts,
    Figure,
    Fraction,
    NonNegative,
    Percent,
    Positive,
    Share,
    Text,
)

__all__ = [
    "Battery",
    "BillOfMaterials",
    "Casing",
    "Die",
    "FabYield",
    "Memory",
    "Part",
    "Pcb",
    "Reuse",
    "YieldModel",
    "YieldRule",
]

YieldRule = Literal["poisson", "murphy", "seeds", "negative_exponential"]


class YieldModel(Facts):
    """Share of good dies as a function of each die's area.

    Attributes:
        model: Formula; see `nas.carbon.die_yield`.
        defects_per_cm2: Density of killing defects on the wafer.
    """

    model: YieldRule
    defects_per_cm2: NonNegative


def _kind_of_yield(value: object) -> str:
    modelled = isinstance(value, YieldModel) or (isinstance(value, Mapping) and "model" in value)
    return "[model]" if modelled else "[fixed]"


FabYield = Annotated[
    Annotated[Share, Tag("[fixed]")] | Annotated[YieldModel, Tag("[model]")],
    Discriminator(_kind_of_yield),
]


class Reuse(Facts):
    """How a part that had another life before is charged to this one.

    Attributes:
        rule: ``new`` charges it in full, ``cut_off`` charges nothing (its first life carries all),
            ``shared`` splits by years of service: second / (first + second).
        first_life_years: Service before; for ``shared``.
        second_life_years: Service in this device; for ``shared``.
    """

    rule: Literal["new", "cut_off", "shared"]
    first_life_years: Positive | None = None
    second_life_years: Positive | None = None

    @model_validator(mode="after")
    def _complete(self) -> Reuse:
        years = (self.first_life_years, self.second_life_years)
        if self.rule == "shared" and None in years:
            raise ValueError("is shared; give first_life_years and second_life_years")
        if self.rule != "shared" and years != (None, None):
            raise ValueError(f"is {self.rule}, which needs no years; remove them or write shared")
        return self


class _Component(Facts):
    """What any part of the bill may say.

    Attributes:
        lca_component: Component of the published assessment that it belongs to.
        reuse: Its earlier life, where it had one; overrides that of the whole bill.
    """

    lca_component: Text | None = None
    reuse: Reuse | None = None


class Die(_Component):
    """Logic dies of one kind; chiplets and interposers are dies of their own.

    Attributes:
        name: What it is.
        area_cm2: Area of one die.
        node_nm: Process node; must be a row of the fab table (`hardware_profiles.fab`).
        node_source: Where the node can be read, and why this row when it is a stand-in.
        count: How many of them.
        interpolated: Whether a node without a row may be interpolated between its neighbours.
        fab_location: As in the bill, where this die was made elsewhere.
        fab_source: Where that can be read; given with ``fab_location``.
        fab_yield: As in the bill, where this die's differs.
        abatement_pct: As in the bill, where this die's differs.
        assembly_yield: Share of the good multi-chip packages that it sits in; divides its carbon.
        unused_share: Share of its area that the profile's runtime never uses (dark silicon); it is
            counted all the same and shown.
        packages: Packaged circuits that it comes in, all dies together, beside the bill's count.
    """

    name: Text
    area_cm2: Positive
    node_nm: Annotated[int, Field(strict=True, gt=0)]
    node_source: Text
    count: Annotated[int, Field(strict=True, gt=0)] = 1
    interpolated: bool = False
    fab_location: Text | None = None
    fab_source: Text | None = None
    fab_yield: FabYield | None = None
    abatement_pct: Percent | None = None
    assembly_yield: Share | None = None
    unused_share: Fraction | None = None
    packages: NonNegative | None = None

    @model_validator(mode="after")
    def _sourced(self) -> Die:
        if (self.fab_location is None) != (self.fab_source is None):
            raise ValueError("has only one of fab_location and fab_source; give both or neither")
        return self


class Memory(_Component):
    """DRAM, flash or disks of one technology.

    Attributes:
        technology: Name of a memory row of the fab table, such as ``lpddr4``.
        technology_source: Where the technology can be read, and why this row if a stand-in.
        capacity_gb: Decimal gigabytes as built in.
        name: What it is, where the technology does not say it.
        packages: Packaged circuits that it comes in, beside the bill's count.
        variants_gb: Capacities in which the device is sold, ascending; empty when only as built.
        variants_source: Where those can be read; given with ``variants_gb``.
        reserved_gb: What the system keeps of it in every variant; needed for variants of a storage
            where the profile has no ``storage_limit_bytes``.
    """

    technology: Text
    technology_source: Text
    capacity_gb: Positive
    name: Text | None = None
    packages: NonNegative | None = None
    variants_gb: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()
    variants_source: Text | None = None
    reserved_gb: NonNegative | None = None

    @model_validator(mode="after")
    def _variants(self) -> Memory:
        if bool(self.variants_gb) != (self.variants_source is not None):
            raise ValueError(
                "has only one of variants_gb and variants_source; give both or neither"
            )
        if list(self.variants_gb) != sorted(set(self.variants_gb)):
            raise ValueError("has variants_gb out of order or twice; write them ascending")
        if self.variants_gb and self.capacity_gb.value not in self.variants_gb:
            raise ValueError(
                f"has capacity_gb {self.capacity_gb.value:g}, which is none of variants_gb; add it"
            )
        kept = 0.0 if self.reserved_gb is None else max(self.reserved_gb.numbers())
        if kept >= self.capacity_gb.value:
            raise ValueError(
                f"has reserved_gb of up to {kept:g}, which leaves nothing of capacity_gb"
                f" {self.capacity_gb.value:g}; lower it"
            )
        return self


class Pcb(_Component):
    """The printed circuit board, bare: its area, in cm2, and its number of copper layers."""

    area_cm2: Positive
    layers: Annotated[int, Field(strict=True, gt=0)]


class Battery(_Component):
    """The battery: its capacity, in milliwatt hours, and its cathode, ``nmc`` or ``lfp``."""

    capacity_mwh: Positive
    cathode: Text


class Casing(_Component):
    """A piece of the casing: its mass, in g, and its material, a row of the fab table."""

    material: Text
    mass_g: Positive


class Part(_Component):
    """Any other part whose carbon is known as a whole, in g CO2e."""

    name: Text
    gco2e: NonNegative


class BillOfMaterials(Facts):
    """Everything of a device that the embodied carbon counts.

    Attributes:
        fab_location: Location row of the fab table whose electricity made the dies.
        fab_source: Where the location can be read, or why it was assumed.
        fab_yield: Share of good dies, above 0 and at most 1, or a model of it by area.
        memory_yield: Share of good memories; as ``fab_yield`` when that is fixed.
        abatement_pct: Percent of the process gases that the fab abates.
        dies: Logic dies.
        memories: DRAM.
        storages: Flash and disks, and the DRAM inside of drives.
        packages: Number of packaged integrated circuits that no part of its own lists.
        pcb: Board, or None when its area is unknown.
        battery: Battery, or None when there is none.
        casings: Pieces of the casing whose mass is known.
        other: Parts whose carbon is known as a whole.
        transport_gco2e: Transport to the user, or None when unknown.
        end_of_life_gco2e: Disposal and recycling, or None when unknown.
        reuse: Earlier life of all parts that say nothing of their own.
    """

    fab_location: Text
    fab_source: Text
    fab_yield: FabYield
    memory_yield: Share | None = None
    abatement_pct: Percent
    dies: tuple[Die, ...]
    memories: tuple[Memory, ...] = ()
    storages: tuple[Memory, ...] = ()
    packages: NonNegative
    pcb: Pcb | None = None
    battery: Battery | None = None
    casings: tuple[Casing, ...] = ()
    other: tuple[Part, ...] = ()
    transport_gco2e: NonNegative | None = None
    end_of_life_gco2e: NonNegative | None = None
    reuse: Reuse | None = None

    @model_validator(mode="after")
    def _sane(self) -> BillOfMaterials:
        if self.yield_of_memories is None and (self.memories or self.storages):
            raise ValueError(
                "has a yield model, which is about dies; add memory_yield, the share of good"
                " memories"
            )
        for name, parts in (("memories", self.memories), ("storages", self.storages)):
            if sum(bool(part.variants_gb) for part in parts) > 1:
                raise ValueError(f"has several {name} with variants_gb; keep it at one of them")
        return self

    @property
    def yield_of_memories(self) -> Figure | None:
        """Share of good memories, or None when there is only a model for dies."""
        if self.memory_yield is not None or isinstance(self.fab_yield, YieldModel):
            return self.memory_yield
        return self.fab_yield

    @property
    def die_area_cm2(self) -> float:
        """Area of all logic dies together."""
        return sum(die.area_cm2.value * die.count for die in self.dies)
