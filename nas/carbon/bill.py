"""The lines of a bill of materials: what each part emits, and the arithmetic that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hardware_profiles.fab import FabTable
from hardware_profiles.figure import Figure
from hardware_profiles.materials import BillOfMaterials, Die, Memory, Reuse, YieldModel
from nas.carbon.die_yield import die_yield
from nas.carbon.parts import (
    battery_embodied_gco2e,
    casing_embodied_gco2e,
    die_embodied_gco2e,
    gases_gco2e_per_cm2,
    memory_embodied_gco2e,
    package_embodied_gco2e,
    pcb_embodied_gco2e,
    pcb_gco2e_per_cm2,
)

__all__ = ["Component", "Line", "Phase", "bill_lines", "memory_line"]

Phase = Literal["manufacture", "transport", "end_of_life"]
Component = Literal[
    "die",
    "memory",
    "storage",
    "package",
    "pcb",
    "battery",
    "casing",
    "other",
    "transport",
    "end_of_life",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a device's embodied carbon.

    Attributes:
        name: The part.
        gco2e: Its carbon as charged, in g.
        calculation: Arithmetic that yields it, in numbers.
        source: Where those come from.
        phase: Phase of the life cycle.
        component: Kind of part.
        lca_component: Component of the published assessment that it belongs to, or None.
        dark_gco2e: What of ``gco2e`` lies in silicon that the runtime never uses, in g.
        reused_gco2e: What an earlier life of the part carries, in g, beside ``gco2e``.
    """

    name: str
    gco2e: float
    calculation: str
    source: str
    phase: Phase = "manufacture"
    component: Component = "other"
    lca_component: str | None = None
    dark_gco2e: float = 0.0
    reused_gco2e: float = 0.0


def bill_lines(bill: BillOfMaterials, table: FabTable) -> Iterator[Line]:
    """Every part of a bill of materials, as far as it is known, in the order of the bill.

    Args:
        bill: What the device is made of.
        table: The fab table.

    Raises:
        StudyError: If a figure is outside what the table covers.
        HardwareError: If the table lacks a row that the bill names.
    """
    for die in bill.dies:
        yield _charged(_die_line(bill, die, table), die.reuse or bill.reuse)
        yield from _packages(bill, die, die.name, table)
    for memory in bill.memories:
        yield memory_line(bill, memory, table, "memory")
        yield from _packages(bill, memory, memory.name or memory.technology, table)
    for storage in bill.storages:
        yield memory_line(bill, storage, table, "storage")
        yield from _packages(bill, storage, storage.name or storage.technology, table)
    yield _charged(_package_line("packages", bill.packages, table), bill.reuse)
    yield from _remaining_lines(bill, table)
    yield from _phase_lines(bill)


def _charged(line: Line, reuse: Reuse | None) -> Line:
    """The line under the rule of a part that had another life before."""
    if reuse is None or reuse.rule == "new":
        return line
    first, second = reuse.first_life_years, reuse.second_life_years
    share, text, why = 0.0, "0", "cut-off: its first life carries it"
    if first is not None and second is not None:
        share = second.value / (first.value + second.value)
        text = f"{second.value:.10g} / ({first.value:.10g} + {second.value:.10g})"
        why = f"shared by years: {first.source}; {second.source}"
    return replace(
        line,
        name=f"{line.name}, reused",
        gco2e=line.gco2e * share,
        calculation=f"({line.calculation}) * {text}",
        source=f"{line.source}; second life, {why}",
        dark_gco2e=line.dark_gco2e * share,
        reused_gco2e=line.gco2e * (1.0 - share),
    )


def _die_line(bill: BillOfMaterials, die: Die, table: FabTable) -> Line:
    abated = (die.abatement_pct or bill.abatement_pct).value
    fab = table.location(die.fab_location or bill.fab_location).value
    good = _good_share(bill, die)
    assembly = 1.0 if die.assembly_yield is None else die.assembly_yield.value
    one = die_embodied_gco2e(
        die.area_cm2.value,
        node_nm=die.node_nm,
        fab_gco2e_per_kwh=fab,
        abatement_pct=abated,
        fab_yield=good,
        table=table,
        interpolate=die.interpolated,
    )
    grams = die.count * float(one) / assembly
    assembled = "" if die.assembly_yield is None else f" / {assembly:.10g}"
    said = "" if die.node_nm in table.known_nodes_nm else ", interpolated"
    return Line(
        name=f"{die.name} ({die.node_nm} nm{said})",
        gco2e=grams,
        calculation=(
            f"{die.count} * {die.area_cm2.value:.10g} * {_per_cm2(die, fab, abated, table)}"
            f" / {good:.10g}{assembled}"
        ),
        source="; ".join(_die_sources(bill, die, table)),
        component="die",
        lca_component=die.lca_component,
        dark_gco2e=0.0 if die.unused_share is None else grams * die.unused_share.value,
    )


def _good_share(bill: BillOfMaterials, die: Die) -> float:
    rule = die.fab_yield or bill.fab_yield
    if not isinstance(rule, YieldModel):
        return rule.value
    defects = rule.defects_per_cm2.value
    return float(die_yield(die.area_cm2.value, defects_per_cm2=defects, model=rule.model))


def _per_cm2(die: Die, fab: float, abated: float, table: FabTable) -> str:
    if not table.nodes:
        whole = table.whole_node(die.node_nm, interpolate=die.interpolated)
        return f"{whole.value:.10g}"
    row = table.node(die.node_nm, interpolate=die.interpolated)
    gases = float(gases_gco2e_per_cm2(row, np.asarray(abated)))
    return (
        f"({fab:.10g} * {row.energy_kwh_per_cm2.value:.10g} + {gases:.10g} +"
        f" {row.materials_gco2e_per_cm2.value:.10g})"
    )


def _die_sources(bill: BillOfMaterials, die: Die, table: FabTable) -> Iterator[str]:
    yield table.name
    yield f"area: {die.area_cm2.source}"
    yield f"node: {die.node_source}"
    if die.node_nm not in table.known_nodes_nm:
        yield f"{die.node_nm} nm has no row: interpolated, as the profile asks"
    elif die.node_nm in table.interpolated_nodes:
        yield f"the row of {die.node_nm} nm is itself interpolated"
    if table.nodes:
        place = die.fab_location or bill.fab_location
        yield f"fab in {place}: {die.fab_source or bill.fab_source}"
    else:
        yield f"scopes {table.scopes} only, wherever the fab is"
    rule = die.fab_yield or bill.fab_yield
    if isinstance(rule, YieldModel):
        defects = rule.defects_per_cm2
        yield f"yield: {rule.model} at {defects.value:g} defects per cm2: {defects.source}"
    if die.assembly_yield is not None:
        yield f"assembly: {die.assembly_yield.source}"
    if die.unused_share is not None:
        yield f"unused share {die.unused_share.value:g}: {die.unused_share.source}"


def memory_line(
    bill: BillOfMaterials,
    part: Memory,
    table: FabTable,
    component: Literal["memory", "storage"],
    *,
    capacity_gb: float | None = None,
) -> Line:
    """A memory of the bill, as built or with another capacity.

    Args:
        bill: The bill it belongs to.
        part: The memory.
        table: The fab table.
        component: Which of both it is.
        capacity_gb: Decimal gigabytes in place of those built in.

    Raises:
        HardwareError: If the table lacks its technology.
    """
    row = table.memory(part.technology)
    capacity = part.capacity_gb.value if capacity_gb is None else capacity_gb
    good = bill.yield_of_memories
    assert good is not None  # the bill refuses memories without one
    grams = memory_embodied_gco2e(part.technology, capacity, fab_yield=good.value, table=table)
    named = "" if part.name is None else f"{part.name}, "
    divided = f" / {good.value:.10g}" if row.kind in table.yield_divided else ""
    line = Line(
        name=f"{named}{part.technology} {capacity:g} GB",
        gco2e=float(grams),
        calculation=f"{capacity:.10g} * {row.gco2e_per_gb.value:.10g}{divided}",
        source=(
            f"{table.name}; capacity: {part.capacity_gb.source};"
            f" technology: {part.technology_source}"
        ),
        component=component,
        lca_component=part.lca_component,
    )
    return _charged(line, part.reuse or bill.reuse)


def _packages(
    bill: BillOfMaterials, part: Die | Memory, name: str, table: FabTable
) -> Iterator[Line]:
    if part.packages is not None:
        line = _package_line(f"packages of {name}", part.packages, table)
        line = replace(line, lca_component=part.lca_component)
        yield _charged(line, part.reuse or bill.reuse)


def _package_line(name: str, count: Figure, table: FabTable) -> Line:
    return Line(
        name=name,
        gco2e=float(package_embodied_gco2e(count.value, table=table)),
        calculation=f"{count.value:.10g} * {table.package_gco2e.value:.10g}",
        source=f"{table.name}; count: {count.source}",
        component="package",
    )


def _remaining_lines(bill: BillOfMaterials, table: FabTable) -> Iterator[Line]:
    if (pcb := bill.pcb) is not None:
        line = Line(
            name=f"board ({pcb.layers} layers)",
            gco2e=float(pcb_embodied_gco2e(pcb.area_cm2.value, pcb.layers, table=table)),
            calculation=(
                f"{pcb.area_cm2.value:.10g} * {pcb_gco2e_per_cm2(table, pcb.layers):.10g}"
            ),
            source=f"{table.name}; area: {pcb.area_cm2.source}",
            component="pcb",
            lca_component=pcb.lca_component,
        )
        yield _charged(line, pcb.reuse or bill.reuse)
    if (battery := bill.battery) is not None:
        capacity, cathode = battery.capacity_mwh, battery.cathode
        line = Line(
            name=f"battery ({cathode})",
            gco2e=float(battery_embodied_gco2e(capacity.value, cathode, table=table)),
            calculation=f"{capacity.value:.10g} * {table.battery(cathode).value:.10g} / 1000",
            source=f"{table.name}; capacity: {capacity.source}",
            component="battery",
            lca_component=battery.lca_component,
        )
        yield _charged(line, battery.reuse or bill.reuse)
    for casing in bill.casings:
        mass, material = casing.mass_g, casing.material
        line = Line(
            name=f"casing ({material})",
            gco2e=float(casing_embodied_gco2e(mass.value, material, table=table)),
            calculation=f"{mass.value:.10g} * {table.casing(material).value:.10g}",
            source=f"{table.name}; mass: {mass.source}",
            component="casing",
            lca_component=casing.lca_component,
        )
        yield _charged(line, casing.reuse or bill.reuse)
    for part in bill.other:
        line = replace(_whole_line(part.name, part.gco2e), lca_component=part.lca_component)
        yield _charged(line, part.reuse or bill.reuse)


def _whole_line(name: str, grams: Figure) -> Line:
    return Line(name, grams.value, f"{grams.value:.10g}", grams.source)


def _phase_lines(bill: BillOfMaterials) -> Iterator[Line]:
    """Transport and end of life happen in every life, so reuse does not change them."""
    if bill.transport_gco2e is not None:
        line = _whole_line("transport", bill.transport_gco2e)
        yield replace(line, phase="transport", component="transport")
    if bill.end_of_life_gco2e is not None:
        line = _whole_line("end of life", bill.end_of_life_gco2e)
        yield replace(line, phase="end_of_life", component="end_of_life")
