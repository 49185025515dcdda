"""Commands that list what there is: hardware, grid, space, task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nas.errors import CarbonNasError

__all__ = ["add_to"]

NameArgument = Annotated[str, typer.Argument(help="Its name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    groups = {
        "hardware": ("Devices: list, show, check.", hardware_list, hardware_show, "rpi4"),
        "grid": ("Grids: list, show.", grid_list, grid_show, "us-caiso"),
        "space": ("Search spaces: list, show.", space_list, space_show, "mbconv"),
        "task": ("Tasks: list, show.", task_list, task_show, "digits"),
    }
    for name, (text, listing, showing, example) in groups.items():
        group = typer.Typer(
            help=f"{text}\n\nexample: carbon-nas {name} show {example}", no_args_is_help=True
        )
        group.command("list", epilog=f"example: carbon-nas {name} list --json")(listing)
        group.command("show", epilog=f"example: carbon-nas {name} show {example}")(showing)
        if name == "hardware":
            group.command("check", epilog="example: carbon-nas hardware check my_device.yaml")(
                hardware_check
            )
        app.add_typer(group, name=name)


def hardware_list(as_json: JsonOption = False) -> None:
    """List the devices."""
    from hardware_profiles.catalog import hardware, hardware_names

    profiles = [hardware(name) for name in hardware_names() if name != "host"]
    rows = [
        {
            "name": profile.name,
            "label": profile.label,
            "kind": profile.kind,
            "precisions": list(profile.precisions),
        }
        for profile in profiles
    ]
    host = {"name": "host", "label": "this machine, detected", "kind": "host", "precisions": []}
    _print_rows([*rows, host], as_json)


def hardware_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a device: every figure with its source and how it is known."""
    from hardware_profiles.catalog import hardware, profile_to_dict

    _print_facts(profile_to_dict(hardware(name)), as_json)


def hardware_check(
    files: Annotated[list[Path] | None, typer.Argument(help="Profile files.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Check the shipped ones too.")] = False,
) -> None:
    """Check profile files: keys, units, ranges, sources."""
    from hardware_profiles.catalog import hardware, hardware_names, load_profile
    from nas.errors import HardwareError

    if not files and not everything:
        raise HardwareError("hardware check: no file given; name a YAML file, or --all")
    for path in files or []:
        profile = load_profile(path)
        typer.echo(f"{path}: {profile.name} is complete")
    for name in hardware_names() if everything else ():
        hardware(name)
        typer.echo(f"{name}: complete")


def grid_list(as_json: JsonOption = False) -> None:
    """List the electricity grids."""
    from hardware_profiles.grid import grid, grid_names

    rows = [
        {
            "name": name,
            "gco2e_per_kwh": grid(name).gco2e_per_kwh.value,
            "rate": grid(name).rate,
            "scope": grid(name).scope or "unknown",
            "year": grid(name).year,
            "label": grid(name).label,
        }
        for name in grid_names()
    ]
    _print_rows(rows, as_json)


def grid_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a grid: its intensity, what it stands for, its source."""
    from hardware_profiles.grid import grid

    _print_facts(grid(name).model_dump(mode="json"), as_json)


def space_list(as_json: JsonOption = False) -> None:
    """List the search spaces."""
    from search_spaces import space, space_names

    rows = [
        {"name": name, "architectures": space(name).size(), "label": space(name).label}
        for name in space_names()
    ]
    _print_rows(rows, as_json)


def space_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a space: its choices and when each is open."""
    from search_spaces import space

    found = space(name)
    choices = [
        {
            "choice": choice.name,
            "values": list(choice.values),
            "only_if": f"{choice.only_if[0]} in {choice.only_if[1]}" if choice.only_if else None,
        }
        for choice in found.choices
    ]
    facts = {
        "name": found.name,
        "version": found.version,
        "label": found.label,
        "architectures": found.size(),
    }
    if as_json:
        typer.echo(json.dumps({**facts, "choices": choices}, indent=1))
        return
    _print_facts(facts, False)
    _print_rows(choices, False)


def task_list(as_json: JsonOption = False) -> None:
    """List the tasks."""
    from nas.models.tasks import task, task_names

    rows = [
        {
            "name": name,
            "input": "x".join(str(size) for size in task(name).input_shape),
            "outputs": task(name).outputs,
            "metric": task(name).metric,
            "label": task(name).label,
        }
        for name in task_names()
    ]
    _print_rows(rows, as_json)


def task_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a task: its data, metric, source and licence."""
    from dataclasses import asdict

    from nas.models.tasks import task

    _print_facts(asdict(task(name)), as_json)


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    if not rows:
        raise CarbonNasError("nothing to list")
    head = list(rows[0])
    cells = [head, *([_cell(row[key]) for key in head] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _print_facts(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    import yaml

    typer.echo(yaml.safe_dump(json.loads(json.dumps(facts)), sort_keys=False, width=110).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
