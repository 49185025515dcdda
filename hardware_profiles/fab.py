"""Tables of what manufacture costs: process nodes, fab grids, memory, packages, boards, batteries.

Facts of the ACT model (Gupta et al., ISCA 2022), without its formulas.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

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
    """One version of the table; name and version enter the hash of a study.

    Attributes:
        name: Such as ``act-2022``; equals the file's name.
        label: For tables and plots.
        version: Of the figures, such as the commit they were read from.
        scopes: GHG scopes of the fab that the figures of dies cover, such as ``1+2+3``.
        nodes: By process node in nanometres.
        whole_nodes_gco2e_per_cm2: By process node, where a source gives a die's carbon per area as
            one figure, whatever the fab's grid and abatement; dies then take these, not ``nodes``.
        interpolated_nodes: Nodes whose row the source itself interpolated.
        locations: Grid of the fab, g CO2e/kWh, by location.
        memories: By technology.
        yield_divided: Kinds of memory whose carbon is divided by fab yield.
        package_gco2e: One packaged integrated circuit.
        pcb_kgco2e_per_m2: Bare board, by number of layers.
        pcb_kgco2e_per_m2_layer: The same per layer, for other numbers of layers.
        battery_kgco2e_per_kwh: Lithium-ion battery, by cathode.
        casing_kgco2e_per_kg: Casing, by material.
    """

    name: Text
    label: Text
    version: Text
    scopes: Literal["1+2", "1+2+3"]
    nodes: dict[int, FabNode] = Field(default_factory=dict)
    whole_nodes_gco2e_per_cm2: dict[int, Positive] = Field(default_factory=dict)
    interpolated_nodes: tuple[int, ...] = ()
    locations: dict[str, NonNegative]
    memories: dict[str, MemoryFactor]
    yield_divided: tuple[Literal["dram", "ssd", "hdd"], ...]
    package_gco2e: NonNegative
    pcb_kgco2e_per_m2: dict[int, Positive]
    pcb_kgco2e_per_m2_layer: Positive
    battery_kgco2e_per_kwh: dict[str, Positive]
    casing_kgco2e_per_kg: dict[str, Positive] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind_of_node(self) -> FabTable:
        if bool(self.nodes) == bool(self.whole_nodes_gco2e_per_cm2):
            raise ValueError(
                "nodes and whole_nodes_gco2e_per_cm2: give rows to one of them, and {} to the other"
            )
        return self

    def __hash__(self) -> int:
        """Dicts inside keep pydantic's own hash from working; copies with other figures differ."""
        memories = (row.gco2e_per_gb.value for row in self.memories.values())
        return hash((self.name, self.package_gco2e.value, *memories))

    @property
    def known_nodes_nm(self) -> tuple[int, ...]:
        """Process nodes that have a row, in nanometres, ascending."""
        return tuple(sorted(self.nodes or self.whole_nodes_gco2e_per_cm2))

    def node(self, node_nm: int, *, interpolate: bool = False) -> FabNode:
        """The row of a process node, of a table that splits it by what is used.

        Args:
            node_nm: In nanometres, exactly as tabled.
            interpolate: Whether a node between two rows may be interpolated linearly; the source
                of its figures says so.

        Raises:
            HardwareError: If the node has no row; the nearest one is named.
        """
        if not self.nodes:
            raise HardwareError(
                f"{self.name}: process nodes have one figure each, not split by electricity, gases"
                " and materials; read whole_node"
            )
        if node_nm in self.nodes:
            return self.nodes[node_nm]
        below, above = self._neighbours(node_nm, interpolate=interpolate)
        rows = (self.nodes[below], self.nodes[above])
        names = FabNode.model_fields
        return FabNode.model_validate(
            {
                name: _between(node_nm, below, above, *(getattr(row, name) for row in rows))
                for name in names
            }
        )

    def whole_node(self, node_nm: int, *, interpolate: bool = False) -> Figure:
        """Carbon of a square centimetre, in g, of a table that gives it as one figure.

        Args:
            node_nm: In nanometres, exactly as tabled.
            interpolate: As for `node`.

        Raises:
            HardwareError: If the node has no row; the nearest one is named.
        """
        rows = self.whole_nodes_gco2e_per_cm2
        if node_nm in rows:
            return rows[node_nm]
        below, above = self._neighbours(node_nm, interpolate=interpolate)
        return _between(node_nm, below, above, rows[below], rows[above])

    def _neighbours(self, node_nm: int, *, interpolate: bool) -> tuple[int, int]:
        known = self.known_nodes_nm
        between = known[0] < node_nm < known[-1]
        if interpolate and between:
            return max(nm for nm in known if nm < node_nm), min(nm for nm in known if nm > node_nm)
        nearest = min(known, key=lambda nm: (abs(nm - node_nm), -nm))
        listed = ", ".join(str(nm) for nm in known)
        ask = "; or ask for interpolation (interpolated: true in a profile)" if between else ""
        raise HardwareError(
            f"{self.name}: process node {node_nm} nm has no row; nearest is {nearest} nm"
            f" (known: {listed}){ask}"
        )

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

    def casing(self, material: str) -> Figure:
        """Carbon of a casing of this material, kg CO2e/kg.

        Raises:
            HardwareError: If the material has no row.
        """
        return _row(self.name, "casing material", self.casing_kgco2e_per_kg, material)


def _row(table: str, what: str, rows: dict[str, _Row], name: str) -> _Row:
    if not isinstance(name, str):
        raise HardwareError(f"{table}: {what}: got {name!r}; give one name")
    if name not in rows:
        near = difflib.get_close_matches(name, rows, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        known = ", ".join(rows)
        raise HardwareError(f"{table}: {what} {name!r} has no row; {hint}use one of {known}")
    return rows[name]


def _between(node_nm: int, below: int, above: int, first: Figure, second: Figure) -> Figure:
    weight = (node_nm - below) / (above - below)
    ends = [
        (1.0 - weight) * a + weight * b for a, b in zip(_ends(first), _ends(second), strict=True)
    ]
    return Figure(
        value=ends[1],
        low=min(ends[0], ends[1]),
        high=max(ends[2], ends[1]),
        source=f"interpolated between {below} and {above} nm; {first.source}; {second.source}",
        basis="derived",
    )


def _ends(figure: Figure) -> tuple[float, float, float]:
    low = figure.value if figure.low is None else figure.low
    return low, figure.value, figure.value if figure.high is None else figure.high


def fab_table_names() -> tuple[str, ...]:
    """Names of all fab tables that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def fab_table(table: str | FabTable) -> FabTable:
    """The fab table of that name, or in that file.

    A file may start from a shipped table by ``extends``: its scalars and lists replace that one's,
    rows of its mappings are added to that one's or replace them, and ``{}`` drops them all.

    Args:
        table: Such as ``act-2022``; a path that ends in ``.yaml``, such as ``./my_table.yaml``; or
            a table, which is returned as it is.

    Raises:
        HardwareError: If the name is unknown or the file is faulty.
    """
    if isinstance(table, FabTable):
        return table
    if not isinstance(table, str):
        raise HardwareError(f"fab table: got {table!r}; give a name or a path")
    if not table.endswith((".yaml", ".yml")):
        return _shipped(table)
    path = Path(table)
    try:
        content = path.read_bytes()  # an edited file is read anew, whatever the clock says
    except OSError:
        content = b""
    return _from_file(path, content)


@cache
def _shipped(name: str) -> FabTable:
    return parse_facts(FabTable, _content(name), f"{name}.yaml")


@cache
def _from_file(path: Path, _content: bytes) -> FabTable:
    table = parse_facts(FabTable, _extended(read_yaml(path)), path.name)
    if table.name != path.stem:
        raise HardwareError(
            f"{path.name}: name: got {table.name!r}; write {path.stem!r} or rename the file"
        )
    if table.name in fab_table_names():
        raise HardwareError(f"{path.name}: name: {table.name!r} is a shipped table; rename yours")
    return table


def _content(name: str) -> dict[str, Any]:
    if name not in fab_table_names():
        raise HardwareError(
            unknown_name("fab table", name, fab_table_names(), "carbon-nas hardware tables")
        )
    return _extended(read_yaml(_FOLDER / f"{name}.yaml"))


def _extended(content: dict[str, Any]) -> dict[str, Any]:
    base = content.pop("extends", None)
    if base is None:
        return content
    whole = _content(str(base))
    for key, own in content.items():
        merges = isinstance(own, dict) and isinstance(whole.get(key), dict) and own
        whole[key] = {**whole[key], **own} if merges and "value" not in own else own
    return whole
