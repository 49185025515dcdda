"""What trainings tell of others: gain against Monte Carlo, and the end for want of it."""

import numpy as np
import pytest

from nas.engine.evidence import Evidence
from nas.pareto import hypervolume
from search_spaces.layers import parameter_count

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}


def by_size(job):
    return 0.9 - 0.05 * np.log(parameter_count(job.look.layers))


@pytest.mark.parametrize("targets", ["alternatives", "targets"])
def test_the_gain_is_what_drawn_errors_add_to_the_hypervolume(targets, engine_run):
    made = engine_run(
        objectives=["error", "latency"],
        deployments=[{"hardware": "rpi4", "grid": "fr"}],
        deployments_as=targets,
        budget={"trainings": 5},
        finalists=NO_FINALISTS,
    )
    jobs = [job for job in made.finish(by_size) if job.trial is not None]
    evidence = Evidence(made.run, made.plan)
    assert len(evidence.trained()) == 5
    rng = np.random.default_rng(1)
    looks = [made.plan.look(made.plan.candidates.sample(rng)) for _ in range(40)]
    looks = [look for look in looks if look.feasible(0)]
    gains = evidence.gains(looks)
    mean, sd = evidence.believed(looks)
    reference = np.array(made.run.frozen["reference"])
    told = np.array([[by_size(job), job.look.scores["latency_s"][0]] for job in jobs])
    before = hypervolume(told, reference)
    scale = np.prod(reference - np.array(made.run.frozen["ideal"]))
    for index, look in enumerate(looks):
        errors = np.exp(mean[index] + sd[index] * rng.standard_normal(1500))
        latency = look.scores["latency_s"][0]
        after = [hypervolume(np.vstack([told, [e, latency]]), reference) for e in errors]
        added = np.array(after) - before
        slack = 5 * added.std() / np.sqrt(len(added)) + 1e-6 * scale
        assert gains[index] * scale == pytest.approx(added.mean(), abs=slack)
    assert gains.max() > 0


def test_nothing_is_told_before_two_trainings_or_without_an_error_to_learn(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    job = made.decider.next_job()
    evidence = Evidence(made.run, made.plan)
    assert evidence.gains([job.look]) is None
    assert evidence.expected_gco2e(job.look) > 0
    made.train(job, 0.5)
    assert evidence.gains([job.look]) is None
    blind = engine_run("blind", objectives=["latency", "params"], finalists=NO_FINALISTS)
    for _ in range(3):
        blind.train(job := blind.decider.next_job())
    assert Evidence(blind.run, blind.plan).gains([job.look]) is None


def test_expected_grams_are_corrected_by_what_trainings_took(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    job = made.decider.next_job()
    plain = Evidence(made.run, made.plan).expected_gco2e(job.look)
    made.train(job, 0.5, seconds=100.0)
    assert made.decider.power.gco2e(100.0) == pytest.approx(
        Evidence(made.run, made.plan).expected_gco2e(job.look)
    )
    assert plain != pytest.approx(made.decider.power.gco2e(100.0))


def test_a_search_ends_when_little_is_gained_for_a_gram(engine_run):
    made = engine_run(
        budget={"trainings": 60, "gain_per_gco2e": 1e9}, finalists=NO_FINALISTS
    )  # fmt: skip
    jobs = [job for job in made.finish(by_size) if job.trial is not None]
    # two trainings without a model, five whose gain was told, none after
    assert len(jobs) == 2 + 5
    reason = made.study.user_attrs["stop_reason"]
    assert reason.startswith("gain: ")
    assert "under gain_per_gco2e: 1e+09" in reason
    told = [t.user_attrs["gain_per_gco2e"] for t in made.trials if "gain_per_gco2e" in t.user_attrs]
    assert f"{np.mean(told):.2g} of the hypervolume" in reason


def test_it_goes_on_while_a_gram_gains_enough(engine_run):
    made = engine_run(budget={"trainings": 9, "gain_per_gco2e": 1e-30}, finalists=NO_FINALISTS)
    assert len([job for job in made.finish(by_size) if job.trial is not None]) == 9
    assert made.study.user_attrs["stop_reason"] == "budget: 9 trainings"


def test_epochs_are_counted_with_those_under_way(engine_run):
    made = engine_run(
        recipe={"epochs": 4}, budget={"trainings": None, "epochs": 10}, finalists=NO_FINALISTS
    )
    first = made.decider.next_job()
    assert made.decider.spent().epochs == 4
    result = {"status": "trained", "message": None, "errors": {"fp32": 0.5}, "seconds": 1.0}
    made.decider.record(first, {**result, "curve": [[1, 2.0, 0.5], [2, 1.0, 0.5]]})
    assert made.decider.spent().epochs == 2
    jobs = [made.decider.next_job() for _ in range(3)]
    assert jobs[2].claim.startswith("reference@")  # no candidate
    assert made.decider.spent().epochs == 10
