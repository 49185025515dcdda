"""Reference models begin so early that no worker is left alone with one."""

import subprocess
import sys

import pytest
from tiny_runs import wait_until

from nas.engine.further import Further
from nas.engine.job import Job
from nas.runs.machine import WorkerPower
from search_spaces.layers import mac_count

FEW = {"extra_seeds": 1, "at_most": 2}
WORKER = """
import sys
import sqlalchemy
from nas.engine.claims import Claims
Claims(sqlalchemy.create_engine(sys.argv[1]), sys.argv[2]).start()
sys.stdin.read()
"""


@pytest.fixture
def beside():
    """A function that enters this process and so many others among the workers of a run."""
    started = []

    def start(made, others):
        made.claims.start()
        for _ in range(others):
            words = [sys.executable, "-c", WORKER, made.run.database_url, made.run.study_name]
            started.append(subprocess.Popen(words, stdin=subprocess.PIPE))
        wait_until(lambda: len(made.claims.workers()) == 1 + others)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def jobs_of(made):
    """All jobs of the run, one done after another."""
    jobs = []
    while isinstance(job := made.decider.next_job(), Job):
        jobs.append(job)
        made.train(job, 0.25)
    assert job == "done"
    return jobs


def test_a_worker_alone_does_them_last(engine_run, beside):
    made = engine_run(finalists=FEW)
    beside(made, 0)
    assert [job.claim for job in jobs_of(made)][-2:] == [
        "reference@MobileNetV2 x 0.25",
        "reference@LeNet-5",
    ]


def seconds(made, macs):
    """Three passes at a quarter of the rate and a second: the model, by hand."""
    samples = made.plan.recipe.samples_seen(made.plan.samples)
    return 3 * macs * samples / (made.plan.power.macs_per_s / 4) + 1


def test_the_longest_begins_when_the_other_worker_has_twice_as_much_left(engine_run, beside):
    power = WorkerPower(5.0, 0.5, 400.0, 1.0, 1e5, 35_064.0, macs_per_s=1e8)  # a slow machine
    made = engine_run(
        plan={"samples": 500, "power": power}, budget={"trainings": 12}, finalists={"at_most": 0}
    )
    beside(made, 1)
    jobs = jobs_of(made)
    found = [job.claim for job in jobs].index("reference@MobileNetV2 x 0.25")
    times = {job.claim: seconds(made, mac_count(job.look.layers)) for job in jobs}

    def left(begun):
        candidates = [times[job.claim] for job in jobs[:begun]]
        return (12 - begun) * sum(candidates) / begun + times["reference@LeNet-5"]

    assert 1 < found < 12
    assert left(found) <= 2 * times["reference@MobileNetV2 x 0.25"] < left(found - 1)


def test_a_run_without_a_number_of_trainings_begins_them_after_its_search(engine_run, beside):
    made = engine_run(budget={"epochs": 6}, finalists=FEW)
    beside(made, 1)
    assert all(job.trial is not None for job in jobs_of(made)[:6])


def test_what_nobody_trains_is_taken_once(engine_run):
    made = engine_run()
    further = Further(made.run, made.plan, made.claims, made.decider._evidence)
    jobs = [further.any_reference() for _ in range(3)]
    assert [job and job.look.candidate for job in jobs] == [
        "MobileNetV2 x 0.25",
        "LeNet-5",
        None,
    ]
