"""A run with rungs: who goes on, what is told, what a kill leaves, and real segments."""

import json
import subprocess
import zlib
from collections import Counter
from functools import partial

import pytest
from optuna.trial import TrialState
from tiny_runs import command, facts_of, one_line, wait_until

from nas.engine.config import config_from_mapping
from nas.engine.job import Job
from nas.engine.resolve import resolve
from nas.errors import ConfigError, RunError

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}
RUNGS = {
    "search": {"fidelity": "rungs"},
    "recipe": {"epochs": 9},
    "finalists": NO_FINALISTS,
    "budget": {"trainings": 9},
    "constraints": {"macs": 1e9},
}


def final_error(candidate):
    return 0.05 + zlib.crc32(candidate.encode()) % 97 / 400


def climb(made, job):
    """Record what a made-up training gives at the rung of its job."""
    rungs = made.plan.rungs
    epochs = rungs[job.rung]
    error = min(0.9, final_error(job.look.candidate) * (rungs[-1] / epochs) ** 0.25)
    status = "trained" if epochs == rungs[-1] else "begun"
    curve = [[epoch, 1.0, error] for epoch in range(1, epochs + 1)]
    errors = dict.fromkeys(made.plan.precisions, error)
    seconds = float(epochs - (rungs[job.rung - 1] if job.rung else 0))
    result = {"status": status, "message": None, "errors": errors, "seconds": seconds}
    made.decider.record(job, {**result, "curve": curve})


def finish(made, jobs=200):
    done = []
    for _ in range(jobs):
        job = made.decider.next_job()
        if job == "done":
            return done
        assert isinstance(job, Job), job
        if job.trial is None:
            made.train(job)
            continue
        climb(made, job)
        done.append((job.look.candidate, job.rung))
    raise AssertionError("the run does not end")


@pytest.mark.parametrize(
    ("promotion", "sampler"), [("gain", "random"), ("gain", "ehvi"), ("rank", "nsga2")]
)
def test_one_in_three_climbs_and_only_whole_trainings_are_scored(promotion, sampler, engine_run):
    changes = {**RUNGS, "search": {**RUNGS["search"], "promotion": promotion, "sampler": sampler}}
    made = engine_run(**changes)
    assert made.plan.rungs == (1, 3, 9)
    jobs = finish(made)
    reached = Counter(rung for _, rung in jobs)
    assert reached[0] == 9
    assert len(jobs) == len(set(jobs))
    assert 1 <= reached[1] <= 3
    assert reached[2] <= reached[1] // 3
    assert made.study.user_attrs["stop_reason"] == "budget: 9 trainings"
    whole = {candidate for candidate, rung in jobs if rung == 2}
    assert set(made.run.scores()["candidate"]) == whole
    table = made.run.candidates()
    counts = table["status"].value_counts()
    assert counts.get("trained", 0) == len(whole)
    assert counts["begun"] == 9 - len(whole)
    # seconds of a whole training are those of its segments: 1 + 2 + 6
    assert set(table.loc[table["status"] == "trained", "train_s"]) <= {9.0}
    assert made.decider.spent().epochs == reached[0] + 2 * reached[1] + 6 * reached[2]


def test_each_segment_is_a_trial_that_names_the_one_it_continues(engine_run):
    made = engine_run(**RUNGS)
    finish(made)
    climbed = [trial for trial in made.trials if "continues" in trial.user_attrs]
    assert climbed
    for trial in climbed:
        before = made.trials[trial.user_attrs["continues"]]
        assert before.user_attrs["candidate"] == trial.user_attrs["candidate"]
        assert before.user_attrs["rung"] == trial.user_attrs["rung"] - 1
        assert before.params == trial.params
        assert trial.values[0] < before.values[0]
        assert trial.values[1:] == before.values[1:]


def test_those_that_climb_are_better_than_those_that_do_not(engine_run):
    made = engine_run(**{**RUNGS, "objectives": ["error"]})
    jobs = finish(made)
    climbed = {candidate for candidate, rung in jobs if rung == 1}
    rest = {candidate for candidate, _ in jobs} - climbed
    mean = [sum(map(final_error, part)) / len(part) for part in (climbed, rest)]
    assert mean[0] < mean[1]


@pytest.mark.parametrize("sampler", ["nsga2"])
def test_a_run_opened_again_after_each_job_decides_alike(sampler, engine_run):
    changes = {**RUNGS, "search": {"fidelity": "rungs", "sampler": sampler}}
    whole = finish(engine_run("whole", **changes))
    part, halted = engine_run("part", **changes), []
    for index in range(200):
        part = part.opened_again()
        job = part.decider.next_job()
        if job == "done":
            break
        if job.trial is None:
            part.train(job)
            continue
        if index % 3 == 1:  # killed before anything was recorded
            part.claims.free(job.claim)
            continue
        if index % 3 == 2:  # killed between the record and the telling
            climb(copy := part.opened_again(), job)
            assert copy.trials[job.trial].state == TrialState.COMPLETE
        else:
            climb(part, job)
        halted.append((job.look.candidate, job.rung))
    assert halted == whole


def test_a_record_that_was_not_told_is_told_and_not_trained_again(engine_run):
    made = engine_run(**RUNGS)
    twin = engine_run("twin", **RUNGS)
    for run in (made, twin):
        for _ in range(3):
            climb(run, run.decider.next_job())
    lost = made.decider.next_job()
    assert lost.rung == 1
    climb(twin, twin.decider.next_job())
    # as a kill between the record and the telling leaves it: recorded, claimed, running
    told = json.loads(
        (twin.run.artifacts / lost.look.candidate / "rung-1.json").read_text()
    )  # fmt: skip
    lost.record.write_text(json.dumps(told))
    made.claims.free(lost.claim)
    after = finish(made.opened_again())
    assert (lost.look.candidate, 1) not in after
    assert made.trials[lost.trial].state == TrialState.COMPLETE
    assert after == finish(twin)


def test_a_failed_segment_ends_its_candidate(engine_run):
    made = engine_run(**RUNGS)
    for _ in range(3):
        climb(made, made.decider.next_job())
    job = made.decider.next_job()
    assert job.rung == 1
    made.train(job, status="diverged", seconds=4.0)
    assert (job.look.candidate, 1) not in finish(made)
    row = made.run.candidates().set_index("candidate").loc[job.look.candidate]
    assert (row["status"], row["train_s"]) == ("diverged", 5.0)


def test_two_workers_do_not_climb_the_same(engine_run):
    made = engine_run(**RUNGS)
    for _ in range(3):
        climb(made, made.decider.next_job())
    jobs = [made.decider.next_job() for _ in range(4)]
    assert len({job.look.candidate for job in jobs}) == 4
    assert [job.rung for job in jobs] == [1, 0, 0, 0]


def test_a_damaged_rung_is_one_line(engine_run):
    made = engine_run(**RUNGS)
    climb(made, job := made.decider.next_job())
    job.record.write_text("{}")
    with pytest.raises(RunError, match=r"rung-0.json: is damaged") as refused:
        made.opened_again().decider.next_job()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [({"epochs": 2}, "rungs need 3 epochs or more"), ({"epochs": [3, 9]}, "give one number")],
)
def test_epochs_that_rungs_cannot_part_are_refused(recipe, said, tiny):
    config = config_from_mapping(tiny(recipe=recipe, search={"fidelity": "rungs"}))
    with pytest.raises(ConfigError, match=said):
        resolve(config)


def ended_or_so_many(process, folder, count):
    records = len(list(folder.glob("artifacts/*/r*.json")))
    return records >= count or process.poll() is not None


@pytest.mark.slow
def test_killed_workers_and_real_segments_give_the_same_run(config_file, tmp_path, carbon_nas):
    config = config_file(
        search={"fidelity": "rungs"}, recipe={"epochs": 3}, budget={"trainings": 3},
        finalists=NO_FINALISTS,
    )  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert carbon_nas("search", config, "--out", whole).returncode == 0
    for stop_at in (2, 4):
        verb = ("resume", killed) if killed.exists() else ("search", config, "--out", killed)
        running = subprocess.Popen(command(*verb), start_new_session=True)
        wait_until(partial(ended_or_so_many, running, killed, stop_at))
        running.kill()
        running.wait()
    assert carbon_nas("resume", killed).returncode == 0
    for mine, other in zip(facts_of(killed), facts_of(whole), strict=True):
        assert mine.equals(other)
    assert set(facts_of(whole)[0]["status"]) >= {"trained", "begun"}
    assert not list(killed.glob("artifacts/*/checkpoint-*"))


def test_rungs_are_refused_in_one_line(config_file, carbon_nas, tmp_path):
    config = config_file(search={"fidelity": "rungs"})
    done = carbon_nas("search", config, "--out", tmp_path / "run")
    assert "rungs need 3 epochs or more" in one_line(done)
