"""Embodied carbon of a whole device, and what other sizes of its memories would embody."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from hardware_profiles.fab import FabTable, fab_table
from hardware_profiles.materials import Memory
from hardware_profiles.profile import HardwareProfile
from nas.carbon.bill import Component, Line, Phase, bill_lines, memory_line
from nas.carbon.parts import DEFAULT_TABLE
from nas.errors import HardwareError

__all__ = [
    "Beside",
    "Capacities",
    "DeviceEmbodied",
    "EmbodiedBasis",
    "Steps",
    "beside_published",
    "capacities",
    "device_embodied",
    "is_known",
]

EmbodiedBasis = Literal["bottom_up", "published"]
_GB = 1e9


@dataclass(frozen=True, slots=True)
class DeviceEmbodied:
    """Embodied carbon of one device, by part."""

    lines: tuple[Line, ...]

    @property
    def total_gco2e(self) -> float:
        """Sum of the lines, in g."""
        return _sum(self.lines)

    @property
    def by_phase(self) -> dict[Phase, float]:
        """Grams by phase of the life cycle; a phase that is not there is not known."""
        phases = dict.fromkeys(line.phase for line in self.lines)
        return {phase: _sum(x for x in self.lines if x.phase == phase) for phase in phases}

    @property
    def by_component(self) -> dict[Component, float]:
        """Grams by kind of part; a kind that is not there is not built in or not known."""
        kinds = dict.fromkeys(line.component for line in self.lines)
        return {kind: _sum(x for x in self.lines if x.component == kind) for kind in kinds}

    @property
    def by_lca_component(self) -> dict[str, float]:
        """Grams by component of the published assessment, of the parts that name theirs."""
        names = dict.fromkeys(x.lca_component for x in self.lines if x.lca_component is not None)
        return {name: _sum(x for x in self.lines if x.lca_component == name) for name in names}

    @property
    def dark_gco2e(self) -> float:
        """Carbon of the silicon that the runtime never uses, in g; the total holds it."""
        return math.fsum(line.dark_gco2e for line in self.lines)

    @property
    def reused_gco2e(self) -> float:
        """Carbon that earlier lives of reused parts carry, in g; the total does not hold it."""
        return math.fsum(line.reused_gco2e for line in self.lines)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a memory or storage embodies in the sizes that the device is sold with.

    Attributes:
        limits_bytes: What model and runtime together may use of each size, ascending.
        grams: Carbon of all parts of that kind in each size, in g.
        built_bytes: Size as built in.
        built_gco2e: Carbon as built in, in g.
    """

    limits_bytes: tuple[float, ...]
    grams: tuple[float, ...]
    built_bytes: float
    built_gco2e: float


@dataclass(frozen=True, slots=True)
class Capacities:
    """Sizes of a device's memory and storage; None where it has none beside its dies."""

    memory: Steps | None
    storage: Steps | None


def device_embodied(
    profile: HardwareProfile,
    *,
    table: str | FabTable = DEFAULT_TABLE,
    basis: EmbodiedBasis = "bottom_up",
) -> DeviceEmbodied:
    """Embodied carbon of one device from its bill of materials, or from its maker's assessment.

    Dies, memories, storages, packages, board, battery, casing, other parts, transport and end of
    life, as far as the profile knows them; a part it does not list is not counted.

    Args:
        profile: The device.
        table: The fab table, its name or its file.
        basis: ``bottom_up`` from the bill of materials; ``published`` the production phase of the
            maker's own assessment, as one line.

    Returns:
        One line a part; the total is their sum.

    Raises:
        StudyError: If a figure is outside what the table covers, such as gas abatement below 95 %.
        HardwareError: If the table, a node, a location, a technology or the basis is unknown, the
            profile has no bill of materials, or nothing is published.

    Source:
        ACT, Gupta et al., ISCA 2022; parts with an earlier life by the cut-off rule or by years of
        service, the two usual allocations of life-cycle assessment.
    """
    if basis == "published":
        return DeviceEmbodied((_published_line(profile),))
    if basis != "bottom_up":
        raise HardwareError(f"embodied basis: got {basis!r}; use bottom_up or published")
    if profile.bill_of_materials is None:
        raise HardwareError(
            f"{profile.name}: has no bill_of_materials, which its embodied carbon is computed from;"
            " add it to the profile, or use the embodied basis published where there is one"
        )
    return _bottom_up(profile, fab_table(table))


def is_known(profile: HardwareProfile, basis: EmbodiedBasis = "bottom_up") -> bool:
    """Whether `device_embodied` has what it needs of the profile on that basis."""
    if basis == "bottom_up":
        return profile.bill_of_materials is not None
    return profile.published_lca is not None and profile.published_lca.production_gco2e is not None


@lru_cache(maxsize=256)
def _bottom_up(profile: HardwareProfile, table: FabTable) -> DeviceEmbodied:
    assert profile.bill_of_materials is not None  # device_embodied refuses a profile without
    return DeviceEmbodied(tuple(bill_lines(profile.bill_of_materials, table)))


def _published_line(profile: HardwareProfile) -> Line:
    lca = profile.published_lca
    if lca is None or lca.total_kgco2e is None or lca.production_share is None:
        raise HardwareError(
            f"{profile.name}: nothing is published about its production; add published_lca with"
            " total_kgco2e and production_share to the profile, or use the embodied basis bottom_up"
        )
    total, share = lca.total_kgco2e, lca.production_share
    return Line(
        name="production, as published",
        gco2e=total.value * share.value * 1000.0,
        calculation=f"{total.value:.10g} * {share.value:.10g} * 1000",
        source=f"total x production share; {total.source}",
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """What the bill of materials gives for something, beside what its maker published.

    Attributes:
        name: ``production`` as a whole, or a component of it.
        bottom_up_gco2e: Sum of the parts of the bill that belong to it, as charged, in g.
        published_gco2e: As published, in g.
    """

    name: str
    bottom_up_gco2e: float
    published_gco2e: float

    @property
    def ratio(self) -> float:
        """Bottom-up over published."""
        return self.bottom_up_gco2e / self.published_gco2e


def beside_published(
    profile: HardwareProfile, *, table: str | FabTable = DEFAULT_TABLE
) -> tuple[Beside, ...]:
    """Production of a device and of its components, bottom-up beside published.

    Args:
        profile: The device.
        table: The fab table, its name or its file.

    Returns:
        The whole production first if known, then every published component that a part names;
        empty where nothing is published or the profile has no bill of materials.

    Raises:
        StudyError: If a figure is outside what the table covers.
        HardwareError: If the table, a node, a location or a technology is unknown.
    """
    lca = profile.published_lca
    if lca is None or profile.bill_of_materials is None:
        return ()
    embodied = device_embodied(profile, table=table)
    rows = [
        Beside(name, grams, 1000.0 * lca.components[name].value)
        for name, grams in embodied.by_lca_component.items()
    ]
    if lca.production_gco2e is not None:
        made = embodied.by_phase["manufacture"]
        rows.insert(0, Beside("production", made, lca.production_gco2e.value))
    return tuple(rows)


def capacities(profile: HardwareProfile, *, table: str | FabTable = DEFAULT_TABLE) -> Capacities:
    """What the device's memory and storage embody in each size that it is sold with.

    Of a larger or smaller size, model and runtime may use what remains after what the system keeps
    of the size as built. A device sold in one size has one step.

    Args:
        profile: The device.
        table: The fab table, its name or its file.

    Raises:
        HardwareError: If the table or a technology is unknown.
    """
    return _capacities(profile, fab_table(table))


@lru_cache(maxsize=256)
def _capacities(profile: HardwareProfile, table: FabTable) -> Capacities:
    limit = profile.storage_limit_bytes
    return Capacities(
        memory=_steps(profile, table, "memory", profile.memory_limit_bytes.value),
        storage=_steps(profile, table, "storage", None if limit is None else limit.value),
    )


def _steps(
    profile: HardwareProfile,
    table: FabTable,
    component: Literal["memory", "storage"],
    limit_bytes: float | None,
) -> Steps | None:
    bill = profile.bill_of_materials
    if bill is None:
        return None
    parts = bill.memories if component == "memory" else bill.storages
    if not parts:
        return None

    def grams(part: Memory, capacity_gb: float) -> float:
        return memory_line(bill, part, table, component, capacity_gb=capacity_gb).gco2e

    built = math.fsum(grams(part, part.capacity_gb.value) for part in parts)
    # The DRAM inside of a drive stores nothing of the model.
    sizes = [
        part.capacity_gb.value
        for part in parts
        if component == "memory" or table.memory(part.technology).kind != "dram"
    ]
    built_bytes = _GB * math.fsum(sizes)
    sold = next((part for part in parts if part.variants_gb), None)
    kept = 0.0 if sold is None or sold.reserved_gb is None else _GB * sold.reserved_gb.value
    usable = built_bytes - kept if limit_bytes is None else limit_bytes
    if sold is None:
        return Steps((usable,), (built,), built_bytes, built)
    rows = [
        (
            usable + _GB * (size - sold.capacity_gb.value),
            built + grams(sold, size) - grams(sold, sold.capacity_gb.value),
        )
        for size in sold.variants_gb
    ]
    rows = [row for row in rows if row[0] > 0]
    limits, totals = zip(*rows, strict=True)
    return Steps(limits, totals, built_bytes, built)


def _sum(lines: Iterable[Line]) -> float:
    return math.fsum(line.gco2e for line in lines)
