"""Decisions of a run: nothing repeats, nothing infeasible is trained, equal histories ask alike."""

import json
import zlib
from collections import Counter

import optuna
import pytest
from optuna.trial import TrialState

from nas.engine.job import Job
from nas.engine.proposals import REPEATS_BEFORE_RANDOM
from nas.engine.shared_weights import PILOTS

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}


def search_jobs(jobs):
    return [job for job in jobs if job.trial is not None]


def test_a_run_trains_each_candidate_once_and_stops_at_its_budget(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    jobs = search_jobs(made.finish())
    assert len(jobs) == len({job.look.candidate for job in jobs}) == 6
    assert made.study.user_attrs["stop_reason"] == "budget: 6 trainings"
    assert made.claims.all() == []
    assert {trial.state for trial in made.trials} == {TrialState.COMPLETE}
    assert made.decider.finished()
    assert made.decider.next_job() == "done"
    orders = [row["order"] for row in made.run.candidates().to_dict("records")]
    assert orders == sorted(set(orders))


def test_pilots_are_the_first_to_be_trained_whatever_was_refused_before(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    jobs = search_jobs(made.finish())
    assert jobs[PILOTS - 1].order >= PILOTS  # refused ones were decided in between
    assert [job.pilot for job in jobs] == [True] * PILOTS + [False] * (len(jobs) - PILOTS)


def test_a_trained_trial_is_told_its_error_and_exact_costs(engine_run):
    made = engine_run()
    job = made.decider.next_job()
    made.train(job, 0.25)
    trial = made.trials[job.trial]
    scores = job.look.scores
    assert trial.values == [
        0.25,
        scores["latency_s"][job.deployment],
        scores["carbon_gco2e"][job.deployment],
    ]
    assert trial.user_attrs["trained"] is True
    assert made.study.user_attrs["constraints"] == ["fits", "macs"]
    assert trial.constraints == {"0": 0.0, "1": scores["macs"][job.deployment] / 3e5 - 1}
    # What optuna-dashboard 0.21 shows.
    assert trial.system_attrs["constraints"] == list(trial.constraints.values())


@pytest.mark.parametrize("status", ["diverged", "out_of_memory", "failed", "crashed"])
def test_a_training_without_error_is_told_the_worst(status, engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    job = made.decider.next_job()
    made.train(job, status=status)
    trial = made.trials[job.trial]
    assert trial.state == TrialState.COMPLETE
    assert trial.values[0] == made.plan.task.worst_error
    assert trial.user_attrs["trained"] is False
    made.finish()
    assert job.look.candidate not in set(made.run.scores()["candidate"])
    assert dict(made.run.candidates()["status"].value_counts())[status] == 1


def test_infeasible_architectures_are_told_and_recorded_but_not_trained(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    made.finish()
    untrained = [trial for trial in made.trials if trial.user_attrs["trained"] is False]
    assert untrained  # of random architectures 78 % have more than 3e5 MACs
    for trial in untrained:
        candidate = trial.user_attrs["candidate"]
        described = json.loads((made.run.artifacts / candidate / "layers.json").read_text())
        look = made.plan.look(described["architecture"])
        index = [d.label for d in made.plan.deployments].index(trial.params["deployment"])
        latency, carbon = (look.scores[name][index] for name in ("latency_s", "carbon_gco2e"))
        assert trial.state == TrialState.COMPLETE
        assert trial.values == [made.plan.task.worst_error, latency, carbon]
        assert len(trial.constraints) == 2
        assert trial.constraints["1"] > 0
        assert "over the limit" in trial.user_attrs["reason"]
        assert (made.run.artifacts / candidate / "untrained.json").exists()
    table = made.run.candidates().set_index("candidate")
    rows = table.loc[[trial.user_attrs["candidate"] for trial in untrained]]
    assert set(rows["status"]) == {"untrained"}
    assert not set(rows.index) & set(made.run.scores()["candidate"])


def test_a_device_too_small_is_a_constraint(engine_run):
    made = engine_run(
        deployments=[{"hardware": "stm32l4r5", "precision": "fp32", "grid": "fr"}],
        constraints={"macs": 1e9},
        finalists=NO_FINALISTS,
    )
    made.finish()
    untrained = [trial for trial in made.trials if trial.user_attrs["trained"] is False]
    assert untrained
    assert all(trial.constraints["0"] == 1.0 for trial in untrained)


def test_repeats_are_answered_from_the_record(few):
    made = few(budget={"trainings": 6}, finalists=NO_FINALISTS)
    made.finish(error=0.125)
    again = [trial for trial in made.trials if trial.user_attrs.get("repeat")]
    assert again
    told = {t.user_attrs["candidate"]: t for t in made.trials if not t.user_attrs.get("repeat")}
    for trial in again:
        first = told[trial.user_attrs["candidate"]]
        assert trial.state == TrialState.COMPLETE
        if trial.params["deployment"] == first.params["deployment"]:
            assert trial.values == first.values


def test_another_deployment_of_a_trained_candidate_needs_no_training(few):
    made = few(budget={"trainings": 6}, finalists=NO_FINALISTS)
    jobs = search_jobs(made.finish(error=0.125))
    assert len(jobs) == 6
    pairs = {
        (t.user_attrs["candidate"], t.params["deployment"])
        for t in made.trials
        if t.user_attrs["trained"]
    }
    assert len(pairs) > 6
    assert len(made.run.scores()) == 12


def test_a_small_space_is_exhausted(few):
    made = few(budget={"trainings": 50}, finalists=NO_FINALISTS)
    jobs = search_jobs(made.finish())
    assert len(jobs) == len({job.look.candidate for job in jobs}) == 6
    assert made.study.user_attrs["stop_reason"].startswith("exhausted: ")
    assert made.decider.next_job() == "done"


def test_after_twenty_repeats_an_untrained_architecture_is_drawn(few, monkeypatch):
    made = few(budget={"trainings": 6}, finalists=NO_FINALISTS)
    first = made.decider.next_job()
    made.train(first)
    stubborn = {
        **first.look.architecture,
        "deployment": made.trials[first.trial].params["deployment"],
    }
    monkeypatch.setattr(
        "nas.engine.proposals.make_sampler",
        lambda _name, _seed: optuna.samplers.PartialFixedSampler(
            stubborn, optuna.samplers.RandomSampler(seed=0)
        ),
    )
    second = made.decider.next_job()
    assert isinstance(second, Job)
    assert second.look.candidate != first.look.candidate
    repeats = [trial for trial in made.trials if trial.user_attrs.get("repeat")]
    assert len(repeats) == REPEATS_BEFORE_RANDOM
    assert made.trials[second.trial].user_attrs["drawn"] is True
    assert sum("drawn" in trial.user_attrs for trial in made.trials) == 1


def test_equal_histories_ask_alike(engine_run):
    changes = {"search": {"sampler": "tpe", "seed": 3}, "budget": {"trainings": 9}}

    def error(job):
        return zlib.crc32(job.look.candidate.encode()) % 97 / 100

    whole = [job.look.candidate for job in engine_run("whole", **changes).finish(error)]
    part = engine_run("part", **changes)
    for _ in range(5):
        part = part.opened_again()
        part.train(job := part.decider.next_job(), error(job))
    halted = part.opened_again().finish(error)
    assert [job.look.candidate for job in halted] == whole[5:]
    other = engine_run("other", search={"sampler": "tpe", "seed": 4})
    assert other.decider.next_job().look.candidate != whole[0]


def test_a_lost_training_is_drawn_again_by_one_worker(engine_run):
    made = engine_run()
    lost = made.decider.next_job()
    made.decider.abandon(lost)
    again = made.opened_again().decider.next_job()
    assert again.look.candidate == lost.look.candidate
    assert again.deployment == lost.deployment
    states = Counter(trial.state for trial in made.trials)
    assert (states[TrialState.FAIL], states[TrialState.RUNNING]) == (1, 1)


def test_two_workers_get_different_candidates(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    jobs = [made.decider.next_job() for _ in range(6)]
    assert len({job.look.candidate for job in jobs}) == 6
    # What is left while the last are under way are the reference models, the longest first.
    rest = [made.decider.next_job() for _ in range(2)]
    assert [job.claim for job in rest] == ["reference@MobileNetV2 x 0.25", "reference@LeNet-5"]
    assert made.decider.next_job() == "wait"
    for job in [*rest, *jobs]:
        made.train(job)
    assert made.decider.next_job() == "done"


def test_a_training_lost_when_the_budget_seemed_spent_is_replaced(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    *jobs, last = [made.decider.next_job() for _ in range(6)]
    jobs += [made.decider.next_job() for _ in range(2)]
    assert made.decider.next_job() == "wait"
    for job in jobs:
        made.train(job)
    made.decider.abandon(last)
    assert len(search_jobs(made.finish())) == 1
    assert (made.run.candidates()["status"] == "trained").sum() == 6


def test_a_record_written_before_a_kill_is_not_trained_again(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    job = made.decider.next_job()
    made.train(job, 0.25)
    # As a kill between the record and the telling leaves it: recorded, claimed, running.
    lost = made.decider.next_job()
    (lost.record).write_text(
        json.dumps(
            {
                **json.loads(job.record.read_text()),
                "order": lost.order,
                "errors": {"fp32": 0.375},
            }
        )
    )
    made.claims.free(lost.claim)
    jobs = search_jobs(made.opened_again().finish())
    assert lost.look.candidate not in {job.look.candidate for job in jobs}
    assert len(jobs) == 4
    told = [t for t in made.trials if t.user_attrs.get("candidate") == lost.look.candidate]
    assert [t.state for t in told][:2] == [TrialState.FAIL, TrialState.COMPLETE]
    assert told[1].values[0] == 0.375


def test_a_budget_in_grams_or_seconds_stops_too(engine_run):
    made = engine_run(budget={"trainings": None, "seconds": 1e-9}, finalists=NO_FINALISTS)
    made.claims.start()
    made.train(made.decider.next_job())
    made.claims.beat()
    assert search_jobs(made.finish()) == []
    assert made.study.user_attrs["stop_reason"] == "budget: 1e-09 seconds"


@pytest.mark.parametrize("sampler", ["random", "ehvi"])
def test_targets_are_told_the_first_deployment(sampler, engine_run):
    search = {"on": {"hardware": "rpi4", "grid": "fr"}, "sampler": sampler}
    made = engine_run(
        deployments_as="targets", search=search, budget={"trainings": 8}, finalists=NO_FINALISTS
    )
    assert len(search_jobs(made.finish())) == 8
    assert all("deployment" not in trial.params for trial in made.trials)
    assert set(made.run.scores()["deployment"]) == {d.label for d in made.plan.deployments}


@pytest.mark.parametrize("name", ["lifecycle", "tcdp", "embodied", "params", "die_area"])
def test_every_kind_of_objective_is_told_as_a_number(name, engine_run):
    made = engine_run(objectives=["error", name], finalists=NO_FINALISTS)
    job = made.decider.next_job()
    made.train(job, 0.25)
    error, told = made.trials[job.trial].values
    assert error == 0.25
    assert told != made.plan.task.worst_error
    assert told == job.look.scores[made.plan.objectives[1].column][job.deployment]
