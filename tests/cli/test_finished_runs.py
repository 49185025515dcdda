"""A finished run stays as it is, whoever works on it again, and tells one figure everywhere."""

import json
import re
import shutil

import pytest
from tiny_runs import run_command

from nas.engine.search import watch
from nas.quantities import format_quantity
from nas.runs import open_run


@pytest.fixture
def finished(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


def test_working_on_it_again_adds_nothing(finished):
    before = (finished / "spent.json").read_bytes()
    worker = run_command("worker", finished)
    assert (worker.returncode, worker.stdout, worker.stderr) == (0, "done\n", "")
    resumed = run_command("resume", finished)
    assert resumed.returncode == 0, resumed.stderr
    assert (finished / "spent.json").read_bytes() == before
    spent = json.loads(before)
    progress, workers = watch(open_run(finished))
    assert (progress.phase, progress.gco2e, workers) == ("done", spent["gco2e"], [])
    line = resumed.stdout.splitlines()[0]
    assert line.startswith("done 6/6 +")
    assert line.endswith(format_quantity(spent["gco2e"], "gCO2e"))  # and no time is left
    assert re.search(r" [0-9a-f]{16} trained [0-9.]+ \(seed 1\)  best ", line)
    shown = re.sub(r"[\s ]+", " ", (finished / "report.html").read_text(encoding="utf-8"))
    assert format_quantity(spent["gco2e"], "gCO2e") in shown
