"""Commands that list what there is: space, task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nas.cli.facts import print_facts, print_rows
from nas.cli.options import JsonOption, NameArgument

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    groups = {
        "space": ("Search spaces: list, show.", space_list, space_show, "mbconv"),
        "task": ("Tasks: list, show, fetch.", task_list, task_show, "digits"),
    }
    for name, (text, listing, showing, example) in groups.items():
        group = typer.Typer(
            help=f"{text}\n\nexample: carbon-nas {name} show {example}", no_args_is_help=True
        )
        group.command("list", epilog=f"example: carbon-nas {name} list --json")(listing)
        group.command("show", epilog=f"example: carbon-nas {name} show {example}")(showing)
        if name == "task":
            group.command("fetch", epilog="example: carbon-nas task fetch movielens")(task_fetch)
        app.add_typer(group, name=name)


def space_list(as_json: JsonOption = False) -> None:
    """List the search spaces."""
    from search_spaces import space, space_names

    rows = [
        {
            "name": name,
            "architectures": space(name).size(),
            "data": list(space(name).accepts),
            "label": space(name).label,
        }
        for name in space_names()
    ]
    print_rows(rows, as_json)


def space_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a space, by name or as ./my_space.py:space: its choices and when each is open."""
    from nas.engine.own_files import find_space

    found = find_space(name)
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
        "data": list(found.accepts),
        "architectures": found.size(),
    }
    if as_json:
        typer.echo(json.dumps({**facts, "choices": choices}, indent=1))
        return
    print_facts(facts, False)
    print_rows(choices, False)


def task_list(as_json: JsonOption = False) -> None:
    """List the tasks."""
    from nas.models.tasks import task, task_names

    rows = [
        {
            "name": name,
            "form": task(name).form,
            "input": "x".join(str(size) for size in task(name).input_shape),
            "outputs": task(name).outputs,
            "metric": task(name).metric,
            "label": task(name).label,
        }
        for name in task_names()
    ]
    print_rows(rows, as_json)


def task_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a task, by name or a file or folder of your own: data, metric, source, licence."""
    from dataclasses import asdict, replace

    from nas.engine.own_files import find_task

    found = find_task(name)
    facts = asdict(replace(found, parts=None))
    del facts["parts"]  # how they are read
    columns = facts.pop("spec") or {}
    print_facts({**facts, **columns, "form": found.form, "output": found.output_shape}, as_json)


FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--to", help="Folder of data; else $CARBON_NAS_DATA_DIR, else ~/.cache/carbon-nas."
    ),
]


def task_fetch(name: NameArgument, to: FolderOption = None) -> None:
    """Download a task's data with pip, check their hash and convert them."""
    from nas.engine.own_files import is_own
    from nas.errors import TaskError
    from nas.models.archives import fetch
    from nas.models.tasks import task

    if is_own(name):
        raise TaskError(f"{name}: is your own, nothing is to be fetched; take it as it is")

    found = task(name)
    path = fetch(found.name, to)
    typer.echo(f"{found.name}: in {path}; licence: {found.licence}")
