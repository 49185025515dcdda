"""Carbon of manufacture, from dies to a whole device, line by line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.fab import FabTable, fab_table
from hardware_profiles.materials import Die, Memory
from hardware_profiles.profile import HardwareProfile
from nas.carbon.quantity import Numbers, quantity

__all__ = [
    "DeviceEmbodied",
    "Line",
    "battery_embodied_gco2e",
    "device_embodied",
    "die_embodied_gco2e",
    "memory_embodied_gco2e",
    "package_embodied_gco2e",
    "pcb_embodied_gco2e",
]

_DEFAULT_TABLE = "act-2022"


def die_embodied_gco2e(
    area_cm2: ArrayLike,
    *,
    node_nm: int,
    fab_gco2e_per_kwh: ArrayLike,
    abatement_pct: ArrayLike,
    fab_yield: ArrayLike,
    table: str = _DEFAULT_TABLE,
) -> Numbers:
    """Carbon of making one bare die, in g: ``area * (CI_fab * EPA + GPA + MPA) / yield``.

    Args:
        area_cm2: Area of the die, >= 0.
        node_nm: Process node in nanometres, exactly as tabled.
        fab_gco2e_per_kwh: Carbon intensity of the fab's electricity, in g/kWh, >= 0.
        abatement_pct: Percent of process gases abated, 95 to 99; in between, gases are
            interpolated linearly, so that 97 is ACT's mean of both.
        fab_yield: Share of good dies, in (0, 1].
        table: Name of the fab table.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If a number is not finite or out of range.
        HardwareError: If the table or the node is unknown.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    row = fab_table(table).node(node_nm)
    low = row.gases_gco2e_per_cm2_abated_95.value
    high = row.gases_gco2e_per_cm2_abated_99.value
    abated = quantity("abatement_pct", abatement_pct, least=95.0, most=99.0)
    gases = low + (abated - 95.0) / 4.0 * (high - low)
    electricity = quantity("fab_gco2e_per_kwh", fab_gco2e_per_kwh) * row.energy_kwh_per_cm2.value
    per_cm2 = electricity + gases + row.materials_gco2e_per_cm2.value
    good = quantity("fab_yield", fab_yield, most=1.0, above=True)
    return quantity("area_cm2", area_cm2) * per_cm2 / good


def memory_embodied_gco2e(
    technology: str, capacity_gb: ArrayLike, *, fab_yield: ArrayLike, table: str = _DEFAULT_TABLE
) -> Numbers:
    """Carbon of making DRAM, flash or a disk, in g: ``capacity * g_per_GB``.

    Args:
        technology: Memory row of the fab table, such as ``lpddr4``.
        capacity_gb: Decimal gigabytes, >= 0.
        fab_yield: Share of good parts, in (0, 1]; divides where the table says so (ACT 2022 has
            it for DRAM and flash, not for disks).
        table: Name of the fab table.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If a number is not finite or out of range.
        HardwareError: If the table or the technology is unknown.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    facts = fab_table(table)
    row = facts.memory(technology)
    grams = quantity("capacity_gb", capacity_gb) * row.gco2e_per_gb.value
    good = quantity("fab_yield", fab_yield, most=1.0, above=True)
    return grams / (good if row.kind in facts.yield_divided else np.ones_like(good))


def package_embodied_gco2e(count: ArrayLike, *, table: str = _DEFAULT_TABLE) -> Numbers:
    """Carbon of packaging integrated circuits, in g: 150 g each in ACT.

    Args:
        count: Number of packages, >= 0.
        table: Name of the fab table.

    Raises:
        StudyError: If the count is not finite or negative.
        HardwareError: If the table is unknown.

    Source:
        ACT, Gupta et al., ISCA 2022 (``Nr * Kr``).
    """
    return quantity("packages", count) * fab_table(table).package_gco2e.value


def pcb_embodied_gco2e(area_cm2: ArrayLike, layers: int, *, table: str = _DEFAULT_TABLE) -> Numbers:
    """Carbon of making a bare printed circuit board, in g: area times a factor of its layers.

    Args:
        area_cm2: Area of the board, >= 0.
        layers: Number of copper layers, >= 1; a number that has no row takes the table's figure
            per layer.
        table: Name of the fab table.

    Raises:
        StudyError: If a number is not finite or out of range.
        HardwareError: If the table is unknown.

    Source:
        ACT v2 (facebookresearch/ACT@abc9fbb7).
    """
    quantity("layers", layers, least=1.0)
    return quantity("area_cm2", area_cm2) * _pcb_gco2e_per_cm2(fab_table(table), layers)


def _pcb_gco2e_per_cm2(table: FabTable, layers: int) -> float:
    row = table.pcb_kgco2e_per_m2.get(layers)
    per_m2 = table.pcb_kgco2e_per_m2_layer.value * layers if row is None else row.value
    return per_m2 / 10.0


def battery_embodied_gco2e(
    capacity_mwh: ArrayLike, cathode: str, *, table: str = _DEFAULT_TABLE
) -> Numbers:
    """Carbon of making a lithium-ion battery, in g: capacity times a factor of its cathode.

    Args:
        capacity_mwh: Capacity in milliwatt hours, >= 0.
        cathode: Battery row of the fab table, such as ``nmc``.
        table: Name of the fab table.

    Raises:
        StudyError: If the capacity is not finite or negative.
        HardwareError: If the table or the cathode is unknown.

    Source:
        ACT v2 (facebookresearch/ACT@abc9fbb7).
    """
    per_kwh = fab_table(table).battery(cathode).value
    return quantity("capacity_mwh", capacity_mwh) * per_kwh / 1000.0


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a device's embodied carbon.

    Attributes:
        name: The part.
        gco2e: Its carbon, in g.
        calculation: Arithmetic that yields it, in numbers.
        source: Where those come from.
    """

    name: str
    gco2e: float
    calculation: str
    source: str


@dataclass(frozen=True, slots=True)
class DeviceEmbodied:
    """Embodied carbon of one device, by part."""

    lines: tuple[Line, ...]

    @property
    def total_gco2e(self) -> float:
        """Sum of the lines, in g."""
        return math.fsum(line.gco2e for line in self.lines)


def device_embodied(profile: HardwareProfile, *, table: str = _DEFAULT_TABLE) -> DeviceEmbodied:
    """Embodied carbon of one device from its bill of materials.

    Dies, memories, storages, packages, board, battery and other parts, as far as the profile knows
    them; a part it does not list is not counted.

    Args:
        profile: The device.
        table: Name of the fab table.

    Returns:
        One line a part; the total is their sum.

    Raises:
        StudyError: If a figure is outside what the table covers, such as gas abatement below 95 %.
        HardwareError: If the table, a node, a location or a technology is unknown.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    return _device_embodied(profile, table)


@lru_cache(maxsize=256)
def _device_embodied(profile: HardwareProfile, table: str) -> DeviceEmbodied:
    bill = profile.bill_of_materials
    facts = fab_table(table)
    lines = [_die_line(profile, die, facts) for die in bill.dies]
    lines += [_memory_line(profile, part, facts) for part in (*bill.memories, *bill.storages)]
    lines += _remaining_lines(profile, facts)
    return DeviceEmbodied(tuple(lines))


def _die_line(profile: HardwareProfile, die: Die, facts: FabTable) -> Line:
    bill = profile.bill_of_materials
    fab = facts.location(bill.fab_location).value
    one = die_embodied_gco2e(
        die.area_cm2.value,
        node_nm=die.node_nm,
        fab_gco2e_per_kwh=fab,
        abatement_pct=bill.abatement_pct.value,
        fab_yield=bill.fab_yield.value,
        table=facts.name,
    )
    row = facts.node(die.node_nm)
    low, high = row.gases_gco2e_per_cm2_abated_95.value, row.gases_gco2e_per_cm2_abated_99.value
    gases = low + (bill.abatement_pct.value - 95.0) / 4.0 * (high - low)
    return Line(
        name=f"{die.name} ({die.node_nm} nm)",
        gco2e=die.count * float(one),
        calculation=(
            f"{die.count} * {die.area_cm2.value:.10g} * ({fab:.10g} *"
            f" {row.energy_kwh_per_cm2.value:.10g} + {gases:.10g} +"
            f" {row.materials_gco2e_per_cm2.value:.10g}) / {bill.fab_yield.value:.10g}"
        ),
        source=(
            f"{facts.name}; area: {die.area_cm2.source}; node: {die.node_source};"
            f" fab in {bill.fab_location}: {bill.fab_source}"
        ),
    )


def _memory_line(profile: HardwareProfile, part: Memory, facts: FabTable) -> Line:
    good = profile.bill_of_materials.fab_yield.value
    row = facts.memory(part.technology)
    capacity = part.capacity_gb.value
    grams = memory_embodied_gco2e(part.technology, capacity, fab_yield=good, table=facts.name)
    divided = f" / {good:.10g}" if row.kind in facts.yield_divided else ""
    return Line(
        name=f"{part.technology} {capacity:g} GB",
        gco2e=float(grams),
        calculation=f"{capacity:.10g} * {row.gco2e_per_gb.value:.10g}{divided}",
        source=(
            f"{facts.name}; capacity: {part.capacity_gb.source};"
            f" technology: {part.technology_source}"
        ),
    )


def _remaining_lines(profile: HardwareProfile, facts: FabTable) -> Iterator[Line]:
    bill = profile.bill_of_materials
    count = bill.packages.value
    yield Line(
        name="packages",
        gco2e=float(package_embodied_gco2e(count, table=facts.name)),
        calculation=f"{count:.10g} * {facts.package_gco2e.value:.10g}",
        source=f"{facts.name}; count: {bill.packages.source}",
    )
    if bill.pcb is not None:
        area, layers = bill.pcb.area_cm2, bill.pcb.layers
        yield Line(
            name=f"board ({layers} layers)",
            gco2e=float(pcb_embodied_gco2e(area.value, layers, table=facts.name)),
            calculation=f"{area.value:.10g} * {_pcb_gco2e_per_cm2(facts, layers):.10g}",
            source=f"{facts.name}; area: {area.source}",
        )
    if bill.battery is not None:
        capacity, cathode = bill.battery.capacity_mwh, bill.battery.cathode
        yield Line(
            name=f"battery ({cathode})",
            gco2e=float(battery_embodied_gco2e(capacity.value, cathode, table=facts.name)),
            calculation=f"{capacity.value:.10g} * {facts.battery(cathode).value:.10g} / 1000",
            source=f"{facts.name}; capacity: {capacity.source}",
        )
    for part in bill.other:
        grams = part.gco2e.value
        yield Line(part.name, grams, f"{grams:.10g}", part.gco2e.source)
