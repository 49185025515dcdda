"""Carbon of manufacture of single parts: dies, memories, packages, boards, batteries, casings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.fab import FabNode, FabTable, fab_table
from nas.carbon.quantity import Numbers, fitting, quantity
from nas.errors import StudyError

__all__ = [
    "DEFAULT_TABLE",
    "battery_embodied_gco2e",
    "casing_embodied_gco2e",
    "die_embodied_gco2e",
    "gases_gco2e_per_cm2",
    "memory_embodied_gco2e",
    "package_embodied_gco2e",
    "pcb_embodied_gco2e",
    "pcb_gco2e_per_cm2",
]

DEFAULT_TABLE = "act-2022"


@fitting
def die_embodied_gco2e(
    area_cm2: ArrayLike,
    *,
    node_nm: ArrayLike,
    fab_gco2e_per_kwh: ArrayLike,
    abatement_pct: ArrayLike,
    fab_yield: ArrayLike,
    table: str | FabTable = DEFAULT_TABLE,
    interpolate: bool = False,
) -> Numbers:
    """Carbon of making one bare die, in g: ``area * (CI_fab * EPA + GPA + MPA) / yield``.

    A table that gives one figure for a node (``imec-netzero-public``) takes that in place of the
    bracket; the fab's grid and abatement are then inside it and change nothing.

    Args:
        area_cm2: Area of the die, >= 0.
        node_nm: Process node in nanometres, > 0, exactly as tabled.
        fab_gco2e_per_kwh: Carbon intensity of the fab's electricity, in g/kWh, >= 0.
        abatement_pct: Percent of process gases abated, 95 to 99; in between, gases are
            interpolated linearly, so that 97 is ACT's mean of both.
        fab_yield: Share of good dies, in (0, 1].
        table: The fab table or its name.
        interpolate: Whether a node between two rows may be interpolated linearly.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If a number is not finite or out of range.
        HardwareError: If the table or the node is unknown; the nearest node is named.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    facts = fab_table(table)
    abated = quantity("abatement_pct", abatement_pct, least=95.0, most=99.0)
    fab = quantity("fab_gco2e_per_kwh", fab_gco2e_per_kwh)
    if facts.nodes:

        def of(figure: str) -> Numbers:
            return _tabled(
                "node_nm",
                node_nm,
                lambda nm: getattr(facts.node(nm, interpolate=interpolate), figure).value,
            )

        least, most = of("gases_gco2e_per_cm2_abated_95"), of("gases_gco2e_per_cm2_abated_99")
        electricity = fab * of("energy_kwh_per_cm2")
        per_cm2 = electricity + _gases(least, most, abated) + of("materials_gco2e_per_cm2")
    else:
        whole = _tabled(
            "node_nm", node_nm, lambda nm: facts.whole_node(nm, interpolate=interpolate).value
        )
        per_cm2 = whole + np.zeros(np.broadcast_shapes(fab.shape, abated.shape))
    good = quantity("fab_yield", fab_yield, most=1.0, above=True)
    return quantity("area_cm2", area_cm2) * per_cm2 / good


def gases_gco2e_per_cm2(row: FabNode, abatement_pct: Numbers) -> Numbers:
    """Process gases of a node at an abatement, in g/cm2: linear between the rows of 95 and 99 %.

    Args:
        row: The node.
        abatement_pct: Percent of the gases abated, 95 to 99.

    Source:
        ACT, Gupta et al., ISCA 2022, takes the mean of both at 97 %.
    """
    least, most = row.gases_gco2e_per_cm2_abated_95.value, row.gases_gco2e_per_cm2_abated_99.value
    return _gases(np.asarray(least), np.asarray(most), abatement_pct)


def _gases(at_95: Numbers, at_99: Numbers, abatement_pct: Numbers) -> Numbers:
    return at_95 + (abatement_pct - 95.0) / 4.0 * (at_99 - at_95)


def _tabled(name: str, numbers: ArrayLike, figure: Callable[[int], float]) -> Numbers:
    """The figure of each number, such as of each process node, in the shape of the numbers."""
    given = quantity(name, numbers, above=True)
    distinct, place = np.unique(given, return_inverse=True)
    if (distinct % 1.0).any():
        first = float(distinct[distinct % 1.0 > 0.0][0])
        raise StudyError(f"{name}: got {first:g}; give a whole number")
    figures = np.array([figure(int(number)) for number in distinct], dtype=np.float64)
    return figures[place].reshape(given.shape)


@fitting
def memory_embodied_gco2e(
    technology: str,
    capacity_gb: ArrayLike,
    *,
    fab_yield: ArrayLike,
    table: str | FabTable = DEFAULT_TABLE,
) -> Numbers:
    """Carbon of making DRAM, flash or a disk, in g: ``capacity * g_per_GB``.

    Args:
        technology: Memory row of the fab table, such as ``lpddr4``.
        capacity_gb: Decimal gigabytes, >= 0.
        fab_yield: Share of good parts, in (0, 1]; divides where the table says so (ACT 2022 has
            it for DRAM and flash, not for disks).
        table: The fab table or its name.

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


def package_embodied_gco2e(count: ArrayLike, *, table: str | FabTable = DEFAULT_TABLE) -> Numbers:
    """Carbon of packaging integrated circuits, in g: 150 g each in ACT.

    Args:
        count: Number of packages, >= 0.
        table: The fab table or its name.

    Raises:
        StudyError: If the count is not finite or negative.
        HardwareError: If the table is unknown.

    Source:
        ACT, Gupta et al., ISCA 2022 (``Nr * Kr``).
    """
    return quantity("packages", count) * fab_table(table).package_gco2e.value


def pcb_embodied_gco2e(
    area_cm2: ArrayLike, layers: ArrayLike, *, table: str | FabTable = DEFAULT_TABLE
) -> Numbers:
    """Carbon of making a bare printed circuit board, in g: area times a factor of its layers.

    Args:
        area_cm2: Area of the board, >= 0.
        layers: Number of copper layers, >= 1, whole; a number that has no row takes the table's
            figure per layer.
        table: The fab table or its name.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If a number is not finite, not whole or out of range.
        HardwareError: If the table is unknown.

    Source:
        ACT v2 (facebookresearch/ACT@abc9fbb7).
    """
    facts = fab_table(table)
    per_cm2 = _tabled("layers", layers, lambda count: pcb_gco2e_per_cm2(facts, count))
    return quantity("area_cm2", area_cm2) * per_cm2


def pcb_gco2e_per_cm2(table: FabTable, layers: int) -> float:
    """Carbon of a square centimetre of bare board, in g, with this many copper layers."""
    row = table.pcb_kgco2e_per_m2.get(layers)
    per_m2 = table.pcb_kgco2e_per_m2_layer.value * layers if row is None else row.value
    return per_m2 / 10.0


def battery_embodied_gco2e(
    capacity_mwh: ArrayLike, cathode: str, *, table: str | FabTable = DEFAULT_TABLE
) -> Numbers:
    """Carbon of making a lithium-ion battery, in g: capacity times a factor of its cathode.

    Args:
        capacity_mwh: Capacity in milliwatt hours, >= 0.
        cathode: Battery row of the fab table, such as ``nmc``.
        table: The fab table or its name.

    Raises:
        StudyError: If the capacity is not finite or negative.
        HardwareError: If the table or the cathode is unknown.

    Source:
        ACT v2 (facebookresearch/ACT@abc9fbb7).
    """
    per_kwh = fab_table(table).battery(cathode).value
    return quantity("capacity_mwh", capacity_mwh) * per_kwh / 1000.0


def casing_embodied_gco2e(
    mass_g: ArrayLike, material: str, *, table: str | FabTable = DEFAULT_TABLE
) -> Numbers:
    """Carbon of making a casing, in g: mass times a factor of its material.

    Args:
        mass_g: Mass in grams, >= 0.
        material: Casing row of the fab table, such as ``aluminium``.
        table: The fab table or its name.

    Raises:
        StudyError: If the mass is not finite or negative.
        HardwareError: If the table or the material is unknown.

    Source:
        ACT v2 (facebookresearch/ACT@abc9fbb7).
    """
    return quantity("mass_g", mass_g) * fab_table(table).casing(material).value
