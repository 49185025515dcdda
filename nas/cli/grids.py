"""Commands about electricity grids: list the shipped ones, show one, or a user's own file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from nas.cli.facts import print_facts, print_rows
from nas.cli.options import JsonOption

if TYPE_CHECKING:
    from hardware_profiles.trace_layouts import Layout

__all__ = ["add_to"]

GridArgument = Annotated[
    str, typer.Argument(help="Its name, a CSV file of hours, or a YAML file with a grid's keys.")
]
LayoutOption = Annotated[
    str | None,
    typer.Option("--layout", help="electricitymaps, watttime, eia or carbon-nas; by the header."),
]
ColumnOption = Annotated[str | None, typer.Option("--column", help="Which intensity of the file.")]
ZoneOption = Annotated[str | None, typer.Option("--zone", help="Which zone of the file.")]
FactorsOption = Annotated[
    str | None, typer.Option("--factors", help="Factor set for generation by source.")
]
DropOption = Annotated[bool, typer.Option("--drop-faulty", help="Leave faulty hours out.")]
HourlyOption = Annotated[
    bool, typer.Option("--hourly", help="Means by month and hour of the day (UTC).")
]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class _FileOptions:
    layout: str | None
    column: str | None
    zone: str | None
    factors: str | None
    drop_faulty: bool

    def given(self) -> list[str]:
        """Names of the options that were given."""
        named = {
            "--layout": self.layout,
            "--column": self.column,
            "--zone": self.zone,
            "--factors": self.factors,
            "--drop-faulty": self.drop_faulty,
        }
        return [name for name, value in named.items() if value]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="Grids: list, show, factors.\n\nexample: carbon-nas grid show us-caiso",
        no_args_is_help=True,
    )
    for name, command, example in (
        ("list", grid_list, "list --json"),
        ("show", grid_show, "show us-caiso --hourly"),
        ("factors", grid_factors, "factors"),
    ):
        group.command(name, epilog=f"example: carbon-nas grid {example}")(command)
    app.add_typer(group, name="grid")


def grid_list(as_json: JsonOption = False) -> None:
    """List the electricity grids."""
    from hardware_profiles.grid import grid, grid_names
    from hardware_profiles.hours import hourly_means_names

    hourly = set(hourly_means_names())
    hourly |= {str(grid(name).marginal) for name in hourly}
    rows = [
        {
            "name": name,
            "gco2e_per_kwh": grid(name).gco2e_per_kwh.value,
            "marginal": _marginal_of(name),
            "rate": grid(name).rate,
            "scope": grid(name).scope or "unknown",
            "year": grid(name).year,
            "hourly": "yes" if name in hourly else "no",
            "label": grid(name).label,
        }
        for name in grid_names()
    ]
    print_rows(rows, as_json)


def grid_show(
    name: GridArgument,
    layout: LayoutOption = None,
    column: ColumnOption = None,
    zone: ZoneOption = None,
    factors: FactorsOption = None,
    drop_faulty: DropOption = False,
    hourly: HourlyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a grid: its intensity, what it stands for, its source; or the statistics of a file."""
    from hardware_profiles.grid import grid
    from nas.carbon.supply import resolve_grid
    from nas.errors import HardwareError

    options = _FileOptions(layout, column, zone, factors, drop_faulty)
    path = Path(name)
    keys = path.suffix in (".yaml", ".yml")
    if not keys and (path.suffix in (".csv", ".gz") or path.is_file()):
        _show_trace(path, options, hourly, as_json)
        return
    if options.given():
        raise HardwareError(f"{options.given()[0]}: is for a CSV file of hours, and {name} is none")
    if keys:
        if hourly:
            raise HardwareError("--hourly: is for a name or a CSV file of hours; leave it out")
        print_facts(resolve_grid(name).model_dump(mode="json"), as_json)
        return
    facts = grid(name).model_dump(mode="json")
    facts["marginal_gco2e_per_kwh"] = _marginal_of(name)
    if hourly:
        facts |= _shipped_hours(name)
    _print(facts, as_json)


def grid_factors(as_json: JsonOption = False) -> None:
    """List the factor sets: gCO2e/kWh by source of electricity, for mixes and generation files."""
    from hardware_profiles.sources import factor_set, factor_set_names

    sets = [factor_set(name) for name in factor_set_names()]
    sources = sorted({source for found in sets for source in found.gco2e_per_kwh})
    rows = [
        {"name": found.name, "scope": found.scope or "mixed"}
        | {source: found.gco2e_per_kwh.get(source) for source in sources}
        | {"source": found.source}
        for found in sets
    ]
    print_rows(rows, as_json)


def _marginal_of(name: str) -> float | None:
    """The marginal rate beside an average one, where it is known."""
    from hardware_profiles.grid import grid

    beside = grid(name).marginal
    return None if beside is None else grid(beside).gco2e_per_kwh.value


def _shipped_hours(name: str) -> dict[str, Any]:
    from hardware_profiles.grid import grid
    from hardware_profiles.hours import hourly_means, hourly_means_names, hourly_means_text

    found = grid(name)
    key = next((key for key in hourly_means_names() if name == grid(key).marginal), name)
    means = hourly_means(key, found.rate)
    return {"hours_source": hourly_means_text(key), "month_x_hour_utc": means.tolist()}


def _show_trace(path: Path, options: _FileOptions, hourly: bool, as_json: bool) -> None:
    from math import isnan

    from hardware_profiles.traces import read_trace
    from nas.carbon.hourly import month_x_hour_means

    trace = read_trace(
        path,
        layout=cast("Layout | None", options.layout),
        column=options.column,
        zone=options.zone,
        factors=options.factors,
        drop_faulty=options.drop_faulty,
    )
    summary = trace.summary()
    facts: dict[str, Any] = {
        "name": trace.name,
        "first_hour": f"{trace.hours[0]}:00Z",
        "last_hour": f"{trace.hours[-1]}:00Z",
        "rate": trace.rate,
        "flow": trace.flow,
        "scope": trace.scope,
        "mean_gco2e_per_kwh": round(summary.mean, 4),
        "sd_gco2e_per_kwh": round(summary.sd, 4),
        "min_gco2e_per_kwh": round(summary.min, 4),
        "max_gco2e_per_kwh": round(summary.max, 4),
        "hours": summary.hours,
        "gaps": summary.gaps,
        "gap_hours": [f"{hour}:00Z" for hour in trace.gaps],
        "faulty_hours": [f"{hour}:00Z" for hour in trace.faulty],
        "problems": list(trace.problems),
        "source": trace.source,
    }
    if not as_json:  # the problems tell the same hours as spans
        del facts["gap_hours"], facts["faulty_hours"]
    if hourly:
        means = month_x_hour_means(trace).tolist()
        facts["month_x_hour_utc"] = [[None if isnan(x) else x for x in row] for row in means]
    _print(facts, as_json)


def _print(facts: dict[str, Any], as_json: bool) -> None:
    """As JSON, or as text with the hours as a table."""
    if as_json:
        print_facts(facts, True)
        return
    rest = dict(facts)
    table = rest.pop("month_x_hour_utc", None)
    print_facts(rest, False)
    if table is None:
        return
    typer.echo("\ngCO2e/kWh by month and hour of the day (UTC)")
    rows = [
        {"hour": f"{hour:02d}"}
        | {
            month: "-" if table[at][hour] is None else f"{table[at][hour]:.0f}"
            for at, month in enumerate(_MONTHS)
        }
        for hour in range(24)
    ]
    print_rows(rows, False)
