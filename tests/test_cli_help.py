"""Help: every command has it, it ends with an example that would run, and it comes at once."""

import shlex
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from hardware_profiles import custom_grid
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.cli import app
from nas.models.tasks import task
from nas.objectives import objectives
from search_spaces import space

HEAVY = {"numpy", "torch", "optuna", "pandas", "onnxruntime", "sklearn"}


def commands(command, path=()):
    """Every command and group below one, by its words."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


def example_of(path):
    """The words of the example in the help of a command, after `carbon-nas`."""
    done = CliRunner().invoke(app, [*path, "--help"])
    assert done.exit_code == 0, done.output
    paragraphs = [" ".join(text.split()) for text in done.output.split("\n\n") if text.strip()]
    examples = [text for text in paragraphs if text.startswith("example: carbon-nas ")]
    assert len(examples) == 1, done.output
    if not getattr(COMMANDS[path], "commands", {}):
        assert paragraphs[-1] == examples[0]
    return shlex.split(examples[0])[2:]


def look_up(option, values):
    """Look up every name that an option of an example gives."""
    for value in [values] if isinstance(values, str) else values:
        if option == "hardware":
            name, _, precision = value.partition(":")
            assert (precision or "fp32") in hardware(name).precisions
        elif option == "grid":
            assert custom_grid(float(value)) if value.isdigit() else grid(value)
        elif option == "objective":
            assert objectives([value])
        else:
            assert {"task": task, "space": space}[option](value)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_shows_an_example_that_would_run(path):
    words = example_of(path)
    first = words[: words.index("&&")] if "&&" in words else words
    target = next(p for p in sorted(COMMANDS, key=len, reverse=True) if tuple(first[: len(p)]) == p)
    assert target[: len(path)] == path
    context = COMMANDS[target].make_context("carbon-nas", first[len(target) :])
    for option, values in context.params.items():
        if option in ("hardware", "grid", "objective", "task", "space") and values:
            look_up(option, values)


def imported_by(*words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nas", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("words", [("--help",), ("search", "--help"), ("--version",)])
def test_help_and_version_load_nothing_heavy(words):
    assert not imported_by(*words) & HEAVY
