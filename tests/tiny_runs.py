"""Runs small enough for tests: real digits, real training, one epoch, tiny networks."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from nas.cli import main
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
    "recipe": {"epochs": 1, "threads": 1, "train_images": 256},
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


def command(*arguments) -> list[str]:
    """The command line of `carbon-nas` with these arguments."""
    return [sys.executable, "-m", "nas", *map(str, arguments)]


def run_command(*arguments, timeout=300, **options):
    """Run `carbon-nas` to its end."""
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )


@pytest.fixture
def in_process(capsys, monkeypatch):
    """As `run_command`, without the second that a process takes to start."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["carbon-nas", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, said.out, said.err)

    return run


def one_line(done) -> str:
    """The one line of a failure that a user can mend; nothing else may be said."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("carbon-nas: ")
    return lines[0].removeprefix("carbon-nas: ")


def wait_until(condition, seconds=120):
    """Poll until `condition` gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def facts_of(path):
    """What must be equal between two runs of one configuration: all but times and workers."""
    run = open_run(path)
    drop = ["train_s", "energy_j", "training_gco2e", "lifecycle_gco2e"]
    tables = run.candidates(), run.scores()
    return tuple(table.drop(columns=drop, errors="ignore") for table in tables)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def carbon_nas():
    """A function that runs `carbon-nas` and returns the finished process."""
    return run_command


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny):
    """A finished run of two workers, made once, also where pytest-xdist has several sessions."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (folder / "tiny-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "tiny-run" / "report.html").exists():
            config = folder / "tiny-run.yaml"
            config.write_text(yaml.safe_dump(tiny(search={"workers": 2})))
            done = run_command("search", config, "--out", folder / "tiny-run")
            assert done.returncode == 0, done.stderr
    return folder / "tiny-run"
