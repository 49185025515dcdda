"""Tables of what manufacture costs: process nodes, fab grids, memory, packages, boards, batteries.

Facts of the ACT model (Gupta et al., ISCA 2022), without its formulas.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Facts, Figure, NonNegative, Positive, Text
from nas.errors import HardwareError, unknown_name

__all__ = ["FabNode", "FabTable", "MemoryFactor", "fab_table", "fab_table_names"]

_Row = TypeVar("_Row")
_FOLDER = Path(__file__).with_name("data") / "fab"


class FabNode(Facts):
    """One process node: what a square centimetre of wafer takes.

    Attributes:
        energy_kwh_per_cm2: Electricity of the fab.
        gases_gco2e_per_cm2_abated_95: Process gases when 95 % of them are abated.
        gases_gco2e_per_cm2_abated_99: Process gases when 99 % of them are abated.
        materials_gco2e_per_cm2: Raw materials.
    """

    energy_kwh_per_cm2: Positive
    gases_gco2e_per_cm2_abated_95: NonNegative
    gases_gco2e_per_cm2_abated_99: NonNegative
    materials_gco2e_per_cm2: NonNegative


class MemoryFactor(Facts):
    """Carbon of one decimal gigabyte of a memory technology, before dividing by fab yield."""

    kind: Literal["dram", "ssd", "hdd"]
    gco2e_per_gb: Positive


class FabTable(Facts):
    """One version of the table; its name enters the hash of a study.

    Attributes:
        name: Such as ``act-2022``; equals the file's name.
        label: For tables and plots.
        nodes: By process node in nanometres.
        locations: Grid of the fab, g CO2e/kWh, by location.
        memories: By technology.
        yield_divided: Kinds of memory whose carbon is divided by fab yield.
        package_gco2e: One packaged integrated circuit.
        pcb_kgco2e_per_m2: Bare board, by number of layers.
        pcb_kgco2e_per_m2_layer: The same per layer, for other numbers of layers.
        battery_kgco2e_per_kwh: Lithium-ion battery, by cathode.
    """

    name: Text
    label: Text
    nodes: dict[int, FabNode]
    locations: dict[str, NonNegative]
    memories: dict[str, MemoryFactor]
    yield_divided: tuple[Literal["dram", "ssd", "hdd"], ...]
    package_gco2e: NonNegative
    pcb_kgco2e_per_m2: dict[int, Positive]
    pcb_kgco2e_per_m2_layer: Positive
    battery_kgco2e_per_kwh: dict[str, Positive]

    def node(self, node_nm: int) -> FabNode:
        """The row of a process node.

        Args:
            node_nm: In nanometres, exactly as tabled; nothing is interpolated.

        Raises:
            HardwareError: If the node has no row; the nearest one is named.
        """
        if node_nm not in self.nodes:
            nearest = min(self.nodes, key=lambda known: abs(known - node_nm))
            known = ", ".join(str(nm) for nm in sorted(self.nodes))
            raise HardwareError(
                f"{self.name}: process node {node_nm} nm has no row; nearest is {nearest} nm"
                f" (known: {known})"
            )
        return self.nodes[node_nm]

    def location(self, name: str) -> Figure:
        """Grid intensity of a fab's location, g CO2e/kWh.

        Raises:
            HardwareError: If the location has no row.
        """
        return _row(self.name, "fab location", self.locations, name)

    def memory(self, technology: str) -> MemoryFactor:
        """The row of a memory technology.

        Raises:
            HardwareError: If the technology has no row.
        """
        return _row(self.name, "memory technology", self.memories, technology)

    def battery(self, cathode: str) -> Figure:
        """Carbon of a battery with this cathode, kg CO2e/kWh.

        Raises:
            HardwareError: If the cathode has no row.
        """
        return _row(self.name, "battery cathode", self.battery_kgco2e_per_kwh, cathode)


def _row(table: str, what: str, rows: dict[str, _Row], name: str) -> _Row:
    if name not in rows:
        known = ", ".join(rows)
        raise HardwareError(f"{table}: {what} {name!r} has no row; use one of {known}")
    return rows[name]


def fab_table_names() -> tuple[str, ...]:
    """Names of all fab tables that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def fab_table(name: str) -> FabTable:
    """The fab table of that name.

    A file may start from another by ``extends``; its own top-level keys replace that one's.

    Args:
        name: Such as ``act-2022``.

    Raises:
        HardwareError: If the name is unknown or the file is faulty.
    """
    return parse_facts(FabTable, _content(name), f"{name}.yaml")


def _content(name: str) -> dict[str, Any]:
    if name not in fab_table_names():
        raise HardwareError(
            unknown_name("fab table", name, fab_table_names(), "carbon-nas hardware list")
        )
    content = read_yaml(_FOLDER / f"{name}.yaml")
    base = content.pop("extends", None)
    return content if base is None else {**_content(str(base)), **content}
