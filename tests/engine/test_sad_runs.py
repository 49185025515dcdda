"""Runs in which nothing came out well are still read without a traceback."""

import json

import pytest
from tiny_runs import one_line

from nas.engine.job import Job


def finish(made, status_of):
    """Do every job of a run with made-up outcomes; `status_of` says how each ends."""
    while isinstance(job := made.decider.next_job(), Job):
        made.train(job, 0.25, status=status_of(job))
    assert job == "done"
    return made.run.path


def is_reference(job):
    return job.claim.startswith("reference@")


SAD = {
    "all-diverged": lambda job: "diverged",
    "all-crashed": lambda job: "crashed",
    "references-crashed": lambda job: "crashed" if is_reference(job) else "trained",
    "candidates-out-of-memory": lambda job: "trained" if is_reference(job) else "out_of_memory",
}


@pytest.mark.parametrize("name", SAD)
def test_every_command_reads_it(name, engine_run, in_process):
    path = finish(engine_run(), SAD[name])
    some = name == "references-crashed"
    status = json.loads(in_process("status", path, "--json").stdout)
    assert (status["phase"], status["trainings"]) == ("done", 6)
    assert (status["best_error"] is None) is not some
    front = in_process("front", path, "--json")
    assert front.returncode == 0, front.stderr
    assert bool(json.loads(front.stdout)["front"]) is some
    assert in_process("front", path).returncode == 0
    report = in_process("report", path)
    assert report.returncode == 0, report.stderr
    if not some:
        assert "select: none of 0 scores" in one_line(in_process("select", path))
        one_line(in_process("export", path))
        rescored = in_process("rescore", path, "--grid", "no", "--json")
        assert json.loads(rescored.stdout)["front"] == []


def test_nothing_within_a_bound_on_error(engine_run, in_process):
    path = finish(engine_run(constraints={"error": 0.01}), lambda job: "trained")
    assert "0 on the front" in in_process("front", path).stdout
    assert in_process("report", path).returncode == 0
    assert "select: none of 12 scores is feasible" in one_line(in_process("select", path))


def test_before_the_first_decision(engine_run, in_process):
    made = engine_run()
    status = json.loads(in_process("status", made.run.path, "--json").stdout)
    assert (status["phase"], status["trainings"], status["workers"]) == ("search", 0, [])
    assert "carbon-nas resume" in in_process("status", made.run.path).stdout
    assert in_process("front", made.run.path).returncode == 0
    assert in_process("report", made.run.path).returncode == 0
