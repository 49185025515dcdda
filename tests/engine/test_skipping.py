"""Never in vain: what is surely dominated is skipped, reconsidered, and audited."""

import json

import numpy as np
import pytest

from nas.engine.evidence import Evidence
from nas.engine.job import Job
from nas.engine.skipping import Audit, is_audited, skip_of
from search_spaces.layers import parameter_count

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}
CHANGES = {
    "objectives": ["error", "latency"],
    "deployments": [{"hardware": "rpi4", "grid": "fr"}],
    "constraints": {"macs": 1e9},
    "finalists": NO_FINALISTS,
    "budget": {"trainings": 24},
}


def worse_by_size(job):
    """A space in which larger, slower networks are worse: few can come onto the front."""
    return min(0.9, 0.02 * np.log(parameter_count(job.look.layers)) ** 1.2 / 2)


def finish(made, error):
    jobs = []
    for _ in range(80):
        job = made.decider.next_job()
        if not isinstance(job, Job) or job.trial is None:
            return jobs
        made.train(job, error)
        jobs.append(job)
    raise AssertionError("the run does not end")


@pytest.fixture
def skipped_run(engine_run):
    made = engine_run(**CHANGES)
    return made, finish(made, worse_by_size)


def test_what_is_surely_dominated_is_skipped_with_its_reason(skipped_run):
    made, jobs = skipped_run
    skipped = [t for t in made.trials if t.user_attrs.get("status") == "skipped"]
    assert len(skipped) >= 2
    first = min(t.number for t in skipped)
    assert sum(t.user_attrs["trained"] for t in made.trials if t.number < first) >= 20
    trained = {job.look.candidate: job for job in jobs}
    for trial in skipped:
        candidate = trial.user_attrs["candidate"]
        record = json.loads((made.run.artifacts / candidate / "untrained.json").read_text())
        assert trial.user_attrs["trained"] is False
        assert trial.values[0] == made.plan.task.worst_error
        assert len(trial.constraints) == 2
        assert record["reason"].startswith(f"dominated: by {record['skip']['dominated_by']} even")
        assert record["skip"]["confidence"] == 0.99
        by = trained[record["skip"]["dominated_by"]]
        # at a tenth less latency, and the other at a tenth more
        assert by.look.scores["latency_s"][0] * 1.1 <= trial.values[1] / 1.1
        assert worse_by_size(by) <= record["skip"]["least_error"]
        if candidate not in trained:
            look = made.plan.look(record_point(made, candidate))
            assert worse_by_size_of(look) >= record["skip"]["least_error"]
    assert not {t.user_attrs["candidate"] for t in skipped} & set(made.run.scores()["candidate"])
    audit = made.decider.audit()
    assert audit.skipped == len(list(made.run.artifacts.glob("*/untrained.json"))) - sum(
        path.parent.name in trained for path in made.run.artifacts.glob("*/untrained.json")
    )


def record_point(made, candidate):
    return json.loads((made.run.artifacts / candidate / "layers.json").read_text())["architecture"]


def worse_by_size_of(look):
    return min(0.9, 0.02 * np.log(parameter_count(look.layers)) ** 1.2 / 2)


def test_nothing_is_skipped_where_it_is_off_or_little_is_known(engine_run):
    off = engine_run(**{**CHANGES, "search": {"skip": False}, "budget": {"trainings": 22}})
    assert len(finish(off, worse_by_size)) == 22
    assert off.decider.audit() == Audit(0, 0, 0)
    few = engine_run("few", **{**CHANGES, "budget": {"trainings": 8}})
    finish(few, worse_by_size)
    rng = np.random.default_rng(0)
    looks = [few.plan.look(few.plan.candidates.sample(rng)) for _ in range(20)]
    assert skip_of(few.plan, Evidence(few.run, few.plan), looks) == [None] * 20


@pytest.mark.slow
def test_what_no_bound_refuses_any_more_is_trained(skipped_run):
    made, _ = skipped_run
    evidence = Evidence(made.run, made.plan)
    key = next(
        path.parent.name
        for path in sorted(made.run.artifacts.glob("*/untrained.json"))
        if not (path.parent / "result.json").exists()
    )
    assert skip_of(made.plan, evidence, [evidence.look(key)])[0] is not None
    # the fast and good networks turn out worthless: the records are the truth
    for path in made.run.artifacts.glob("*/result.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "errors": {"fp32": 0.9}}))
    made.study.set_user_attr("stop_reason", None)
    again = made.opened_again()
    assert skip_of(again.plan, Evidence(again.run, again.plan), [evidence.look(key)]) == [None]
    again.decider._skipping.enqueue_reconsidered()
    waiting = [t for t in again.trials if t.state.name == "WAITING"]
    assert all(t.user_attrs["reconsidered"] for t in waiting)
    assert len(waiting) == 1


@pytest.mark.slow
def test_one_in_fifty_is_trained_all_the_same(skipped_run, engine_run):
    made, _ = skipped_run
    keys = [f"{number:016x}" for number in range(20_000)]
    assert sum(is_audited(made.plan, key) for key in keys) == pytest.approx(400, abs=80)
    trained = sorted(made.run.artifacts.glob("*/result.json"))
    worst = max(trained, key=lambda path: json.loads(path.read_text())["errors"]["fp32"])
    best = min(trained, key=lambda path: json.loads(path.read_text())["errors"]["fp32"])
    for path in (worst, best):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "audit": {"least_error": 0.5}}))
    audit = made.opened_again().decider.audit()
    # the best is on the front, so that skipping it would have been wrong
    assert (audit.audited, audit.wrong) == (2, 1)
