"""Commands about devices: list, show with embodied carbon, check, and the factor tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.calibrating import hardware_calibrate
from nas.cli.designs import hardware_designs
from nas.cli.facts import print_facts, print_rows
from nas.cli.measuring import hardware_measure
from nas.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hardware_profiles.fab import FabTable
    from hardware_profiles.profile import HardwareProfile

__all__ = ["add_to"]

DeviceArgument = Annotated[str, typer.Argument(help="Its name, or a profile file.")]
TableOption = Annotated[
    str, typer.Option("--fab-table", help="Factors of manufacture: a name or a .yaml file.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="Devices: list, show, check, tables, designs, measure, calibrate.\n\n"
        "example: carbon-nas hardware show rpi4",
        no_args_is_help=True,
    )
    for name, command, example in (
        ("list", hardware_list, "list --json"),
        ("show", hardware_show, "show dell_r740 --fab-table act-2023"),
        ("check", hardware_check, "check my_device.yaml"),
        ("tables", hardware_tables, "tables"),
        ("designs", hardware_designs, "designs net.onnx --limit peak_power_w=2"),
        ("measure", hardware_measure, "measure --out my_host.yaml"),
        ("calibrate", hardware_calibrate, "calibrate rpi4 measurements.csv"),
    ):
        group.command(name, epilog=f"example: carbon-nas hardware {example}")(command)
    app.add_typer(group, name="hardware")


def hardware_list(as_json: JsonOption = False) -> None:
    """List the devices by kind and year, and which figures each lacks; a faulty file's fault."""
    from hardware_profiles.catalog import hardware_names

    rows = [_listed(name) for name in hardware_names() if name != "host"]
    rows.append({**_EMPTY, "name": "host", "label": "this machine, detected", "kind": "host"})
    rows.sort(key=_place)
    if as_json:
        print_rows([{k: v for k, v in row.items() if k != "fault" or v} for row in rows], as_json)
        return
    print_rows([_shown(row) for row in rows], as_json)


_EMPTY: dict[str, Any] = {
    "name": None,
    "label": None,
    "kind": None,
    "launch_year": None,
    "precisions": [],
    "peak_macs_per_s": None,
    "memory_bytes": None,
    "lacks": [],
    "refused_objectives": [],
    "fault": None,
}


def _listed(name: str) -> dict[str, Any]:
    from hardware_profiles.catalog import hardware
    from nas.cost.needs import lacking, refused_objectives
    from nas.errors import HardwareError

    try:
        found = hardware(name)
    except HardwareError as error:
        return {**_EMPTY, "name": name, "fault": str(error)}
    return {
        "name": name,
        "label": found.label,
        "kind": found.kind,
        "launch_year": None if found.launch_year is None else int(found.launch_year.value),
        "precisions": list(found.precisions),
        "peak_macs_per_s": max(rate.value for rate in found.macs_per_s.values()),
        "memory_bytes": found.memory_limit_bytes.value,
        "lacks": _figures(lacking(found)),
        "refused_objectives": refused_objectives(found),
        "fault": None,
    }


def _figures(lacks: Mapping[Any, tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(name for names in lacks.values() for name in names))


def _place(row: Mapping[str, Any]) -> tuple[int, int, str]:
    """Kinds in the order of the type, in each the oldest first, and faulty files at the end."""
    from hardware_profiles.kinds import KINDS

    kind = KINDS.index(row["kind"]) if row["kind"] else len(KINDS)
    return kind, row["launch_year"] or 9999, row["name"]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    from nas.quantities import format_quantity

    peak, memory = row["peak_macs_per_s"], row["memory_bytes"]
    return {
        "name": row["name"],
        "kind": row["kind"],
        "year": row["launch_year"],
        "precisions": f"faulty: {row['fault']}" if row["fault"] else row["precisions"],
        "peak": None if peak is None else format_quantity(peak, "MAC/s"),
        "memory": None if memory is None else format_quantity(memory, "bytes"),
        "lacks": row["lacks"] or None,
    }


def hardware_show(
    name: DeviceArgument, fab_table: TableOption = "act-2022", as_json: JsonOption = False
) -> None:
    """Show a device: every figure with its source, and its embodied carbon line by line."""
    from hardware_profiles import fab
    from hardware_profiles.catalog import profile_to_dict
    from nas.cost.devices import device

    profile = device(name)
    table = fab.fab_table(fab_table)
    known = profile.bill_of_materials is not None
    embodied = _embodied(profile, table) if known else None
    if as_json:
        print_facts({**profile_to_dict(profile), "embodied": embodied}, as_json)
        return
    print_facts(_known_facts(profile_to_dict(profile)), as_json)
    lines = ["embodied carbon: unknown"] if embodied is None else _embodied_lines(embodied)
    typer.echo("\n".join(["", *_knowledge(profile), *lines]))


def _known_facts(facts: Any) -> Any:
    """Nested facts without those that are not known, a whole number such as a year as one."""
    if isinstance(facts, dict):
        return {key: _known_facts(value) for key, value in facts.items() if value is not None}
    if isinstance(facts, list):
        return [_known_facts(value) for value in facts]
    whole = isinstance(facts, float) and facts.is_integer() and abs(facts) < 1e4
    return int(facts) if whole else facts


def _embodied(profile: HardwareProfile, table: FabTable) -> dict[str, Any]:
    from nas.carbon.embodied import beside_published, device_embodied

    embodied = device_embodied(profile, table=table)
    lca = profile.published_lca
    return {
        "fab_table": {"name": table.name, "version": table.version, "scopes": table.scopes},
        "lines": [asdict(line) for line in embodied.lines],
        "total_gco2e": embodied.total_gco2e,
        "by_phase_gco2e": embodied.by_phase,
        "by_component_gco2e": embodied.by_component,
        "dark_gco2e": embodied.dark_gco2e,
        "reused_gco2e": embodied.reused_gco2e,
        "published_shares": None if lca is None else lca.shares,
        "beside_published": [
            {**asdict(row), "ratio": row.ratio} for row in beside_published(profile, table=table)
        ],
    }


def _embodied_lines(embodied: dict[str, Any]) -> Iterator[str]:
    table, total = embodied["fab_table"], embodied["total_gco2e"]
    yield (
        f"embodied carbon with {table['name']} ({table['version']}, scopes {table['scopes']} of"
        " dies), g CO2e"
    )
    for line in embodied["lines"]:
        yield f"  {line['component']:<11}  {line['gco2e']:>14,.2f}  {line['name']}"
        yield f"{'':31}= {line['calculation']}"
        yield f"{'':31}{line['source']}"
    yield f"  {'total':<11}  {total:>14,.2f}"
    for phase, grams in embodied["by_phase_gco2e"].items():
        yield f"  {'':<11}  {grams:>14,.2f}  {phase.replace('_', ' ')}"
    missing = [p for p in ("transport", "end_of_life") if p not in embodied["by_phase_gco2e"]]
    if missing:
        yield f"  not known: {' and '.join(missing).replace('_', ' ')}"
    dark, dies = embodied["dark_gco2e"], embodied["by_component_gco2e"].get("die", 0.0)
    if dark > 0:
        yield (
            f"  dark silicon: {dark:,.2f} of it, {100 * dark / dies:.0f} % of the dies' carbon and"
            f" {100 * dark / total:.0f} % of the total, lies in blocks that this runtime never uses"
        )
    if embodied["reused_gco2e"] > 0:
        yield f"  reused parts: {embodied['reused_gco2e']:,.2f} more, not charged to this life"
    yield from _published_lines(embodied)


def _published_lines(embodied: dict[str, Any]) -> Iterator[str]:
    rows = embodied["beside_published"]
    if not rows:
        yield "published life-cycle assessment: none known"
        return
    yield "beside the published life-cycle assessment, kg CO2e"
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        ours, theirs = row["bottom_up_gco2e"] / 1000, row["published_gco2e"] / 1000
        yield (
            f"  {row['name']:<{width}}  {ours:>10,.3f}  published {theirs:>10,.3f}"
            f"  ratio {row['ratio']:.2f}"
        )
    shares = (
        f"{name.replace('_', ' ')} {100 * share:.1f} %"
        for name, share in embodied["published_shares"].items()
    )
    if embodied["published_shares"]:
        yield f"  shares of the life cycle as published: {', '.join(shares)}"


def hardware_check(
    files: Annotated[list[Path] | None, typer.Argument(help="Profile files.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Check the shipped ones too.")] = False,
    fab_table: TableOption = "act-2022",
) -> None:
    """Check profile files: keys, units, ranges, sources, and a factor for every material."""
    from hardware_profiles.catalog import hardware, hardware_names, load_profile
    from nas.errors import HardwareError

    if not files and not everything:
        raise HardwareError("hardware check: no file given; name a YAML file, or --all")
    for path in files or []:
        profile = load_profile(path)
        _check_rates(profile, path)
        _check_bill(profile, fab_table)
        typer.echo(f"{path}: {profile.name} is {_completeness(profile)}")
        for line in _taken(profile):
            typer.echo(f"  {line}")
    for name in hardware_names() if everything else ():
        _check_bill(hardware(name), fab_table)
        typer.echo(f"{name}: {_completeness(hardware(name))}")


def _check_rates(profile: HardwareProfile, path: Path) -> None:
    """Refuse rates that no device has, by which a wrong unit is found; shipped: 3e7 to 1e15."""
    from nas.errors import HardwareError

    for precision, rate in profile.macs_per_s.items():
        if not 1e6 <= rate.value <= 1e17:
            raise HardwareError(
                f"{path}: macs_per_s.{precision}: is {rate.value:g}, as no device has it; give MACs"
                " a second, half its operations: 2 TOPS are 1e12"
            )


def _check_bill(profile: HardwareProfile, fab_table: str) -> None:
    from nas.carbon import device_embodied

    if profile.bill_of_materials is not None:
        device_embodied(profile, table=fab_table)


def _completeness(profile: HardwareProfile) -> str:
    from nas.cost.needs import lacking, refused_objectives

    lacks = lacking(profile)
    if not lacks:
        return "complete"
    return (
        f"valid without {', '.join(_figures(lacks))}, and refused for"
        f" {', '.join(refused_objectives(profile))}"
    )


def _taken(profile: HardwareProfile) -> Iterator[str]:
    from hardware_profiles.kinds import from_kind
    from hardware_profiles.ranges import figures_in

    taken = from_kind(profile.kind, figures_in(profile))
    if taken:
        yield f"as the defaults of kind {profile.kind} have it: {', '.join(taken)}"


def _knowledge(profile: HardwareProfile) -> Iterator[str]:
    """What of a profile is not its own, and what it is refused for."""
    yield from _taken(profile)
    if (told := _completeness(profile)) != "complete":
        yield told


def hardware_tables(as_json: JsonOption = False) -> None:
    """List the factor tables of manufacture."""
    from hardware_profiles.fab import fab_table, fab_table_names

    tables = [fab_table(name) for name in fab_table_names()]
    rows = [
        {
            "name": table.name,
            "version": table.version,
            "scopes of dies": table.scopes,
            "divided by yield": list(table.yield_divided),
            "nodes, nm": list(table.known_nodes_nm),
            "interpolated": list(table.interpolated_nodes),
            "label": table.label,
        }
        for table in tables
    ]
    print_rows(rows, as_json)
