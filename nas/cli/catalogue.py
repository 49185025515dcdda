"""Commands that list what there is: space, task."""

from __future__ import annotations

import json

import typer

from nas.cli.facts import JsonOption, NameArgument, print_facts, print_rows

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    groups = {
        "space": ("Search spaces: list, show.", space_list, space_show, "mbconv"),
        "task": ("Tasks: list, show.", task_list, task_show, "digits"),
    }
    for name, (text, listing, showing, example) in groups.items():
        group = typer.Typer(
            help=f"{text}\n\nexample: carbon-nas {name} show {example}", no_args_is_help=True
        )
        group.command("list", epilog=f"example: carbon-nas {name} list --json")(listing)
        group.command("show", epilog=f"example: carbon-nas {name} show {example}")(showing)
        app.add_typer(group, name=name)


def space_list(as_json: JsonOption = False) -> None:
    """List the search spaces."""
    from search_spaces import space, space_names

    rows = [
        {"name": name, "architectures": space(name).size(), "label": space(name).label}
        for name in space_names()
    ]
    print_rows(rows, as_json)


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
    print_facts(facts, False)
    print_rows(choices, False)


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
    print_rows(rows, as_json)


def task_show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a task: its data, metric, source and licence."""
    from dataclasses import asdict

    from nas.models.tasks import task

    print_facts(asdict(task(name)), as_json)
