"""Runs small enough for tests: real digits, real training, one epoch, tiny networks."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nas.runs import open_run

TINY = {
    "task": "digits",
    "space": "mbconv",
    "demand": {"inferences": 1e8, "lifetime_years": 4},
    "deployments": [
        {"hardware": "rpi4", "grid": "fr"},
        {"hardware": "jetson_orin_nano_8gb", "grid": "fr"},
    ],
    "constraints": {"macs": 3e5},
    "recipe": {"epochs": 1},
    "search": {"on": {"hardware": "rpi4", "grid": "fr"}, "workers": 1, "sampler": "random"},
    "budget": {"trainings": 6},
    "finalists": {"extra_seeds": 1, "at_most": 2},
}


def merged(base, changes):
    """`base` with nested `changes`."""
    result = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if nested else value
    return result


@pytest.fixture
def tiny():
    """A function that gives the tiny configuration with changes."""
    return lambda **changes: merged(TINY, changes)


@pytest.fixture
def config_file(tmp_path, tiny):
    """A function that writes the tiny configuration with changes and returns its path."""

    def write(**changes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(tiny(**changes)))
        return path

    return write


def command(*arguments) -> list[str]:
    """The command line of `carbon-nas` with these arguments."""
    return [sys.executable, "-m", "nas", *map(str, arguments)]


@pytest.fixture
def carbon_nas():
    """A function that runs `carbon-nas` and returns the finished process."""

    def run(*arguments, timeout=300, **options):
        return subprocess.run(
            command(*arguments), capture_output=True, text=True, timeout=timeout, **options
        )

    return run


def facts_of(path):
    """What must be equal between two runs of one configuration: all but times and workers."""
    run = open_run(path)
    drop = ["train_s", "energy_j", "training_gco2e", "lifecycle_gco2e"]
    candidates, scores = run.candidates(), run.scores()
    return candidates.drop(columns=drop, errors="ignore"), scores.drop(columns=drop, errors="ignore")
