"""Which figures are wrong together, and so have one position in a draw and one bar in a tornado."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hardware_profiles.figure import Figure

__all__ = ["drawn_as", "groups", "joint"]

# Rows of a fab table that one source gives for several nodes or memories, whatever the table.
_ROW = re.compile(
    r".+\.(?:(?P<nodes>nodes)\.\d+\.(?P<what>\w+)"
    r"|(?P<whole>whole_nodes_gco2e_per_cm2)\.\d+"
    r"|(?P<memories>memories)\..+\.gco2e_per_gb)"
)
# Hours or months of a grid, as `nas.carbon.supply` names them, have its range in proportion.
_HOURS = re.compile(
    r"(grid .+?)(?:-h\d+-\d+utc(?:-m\d+(?:-\d+)*)?|-m\d+(?:-\d+)*)(?:-[0-9a-f]{6})?\.gco2e_per_kwh"
)


def drawn_as(name: str, figure: Figure) -> str:
    """What is drawn for a figure: equal texts are one draw.

    Rows of fab tables go by their kind and grids by their name, all hours and months together.
    Any other figure goes by what it is, its numbers and its source, whichever device or table has
    it: one survey or one default that several quote is wrong for all of them at once.

    Args:
        name: As `nas.cost.ensemble.factors_of` gives it, such as ``rpi4.load_w``.
        figure: The figure.
    """
    if (row := _ROW.fullmatch(name)) is not None:
        return " ".join(part for part in row.groups() if part)
    if name.startswith("grid "):
        hours = _HOURS.fullmatch(name)
        return name if hours is None else f"{hours[1]}.gco2e_per_kwh"
    _, path = _parts(name)
    return f"{path} {figure.low} {figure.value} {figure.high} {figure.source}"


def groups(figures: Mapping[str, Figure]) -> dict[str, tuple[str, ...]]:
    """Figures that are wrong together, under one name each.

    Args:
        figures: By name.

    Returns:
        Names of figures by the name of their group: the figure's own where it is alone, else such
        as ``act-2022.nodes.*.materials_gco2e_per_cm2`` or ``rpi4 and 2 more.pue``; in the order of
        the first of each.
    """
    members: dict[str, list[str]] = {}
    for name, figure in figures.items():
        members.setdefault(drawn_as(name, figure), []).append(name)
    return {_label(key, names): tuple(names) for key, names in members.items()}


def joint(names: Sequence[str], figures: Mapping[str, Figure]) -> Figure:
    """A group as one figure: the numbers of its first, and a source that lists all of them.

    Args:
        names: Of the group, one or more.
        figures: By name.
    """
    first = figures[names[0]]
    if len(names) == 1:
        return first
    listed = ", ".join(f"{name} {_range(figures[name])}" for name in names)
    return first.model_copy(update={"source": f"{first.source}; moved together: {listed}"})


def _range(figure: Figure) -> str:
    ends = figure.numbers()
    return f"{figure.value:.4g} ({min(ends):.4g} to {max(ends):.4g})"


def _parts(name: str) -> tuple[str, str]:
    """What holds a figure, and the path to it there."""
    holder, _, path = name.partition(".")
    return (holder, path) if path else ("", name)


def _label(key: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    if names[0].startswith("grid "):
        return key
    holders = list(dict.fromkeys(_parts(name)[0] for name in names))
    paths = list(dict.fromkeys(_parts(name)[1] for name in names))
    more = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
    return f"{holders[0]}{more}.{_pattern(paths)}"


def _pattern(paths: Sequence[str]) -> str:
    """The path of one figure, or of the rows of a fab table; no others in one group differ."""
    if len(paths) == 1:
        return paths[0]
    head, *_, tail = paths[0].split(".")
    return f"{head}.*" if head.startswith("whole") else f"{head}.*.{tail}"
