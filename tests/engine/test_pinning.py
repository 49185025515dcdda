"""Workers of a search on cores of their own."""

import os
import subprocess
import sys

import psutil
import pytest

from nas.engine.pinning import cores_of, pin


def test_workers_share_out_the_cores_where_they_are_as_many():
    assert [cores_of(slot, 2, 1, {5, 3}) for slot in (0, 1)] == [{3}, {5}]
    assert [cores_of(slot, 2, 2, {0, 1, 6, 7}) for slot in (0, 1)] == [{0, 1}, {6, 7}]


@pytest.mark.parametrize(("workers", "threads"), [(1, 1), (3, 1), (2, 2), (8, 1)])
def test_else_the_system_places_them(workers, threads):
    assert cores_of(0, workers, threads, {0, 1}) is None


def test_a_process_is_kept_on_its_core():
    usable = sorted(os.sched_getaffinity(0))
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        pin(process.pid, len(usable) - 1, len(usable), 1)
        assert psutil.Process(process.pid).cpu_affinity() == [usable[-1]]
        process.communicate(b"\n")
    pin(process.pid, 0, len(usable), 1)  # it has ended: nothing to do, nothing said
