"""How far a run is, read from its records."""

import pytest
import sqlalchemy as sa

from nas.engine.progress import Watcher

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}


def progress_of(made):
    return Watcher(made.run, made.plan, made.decider).progress()


def test_nothing_yet(engine_run):
    found = progress_of(engine_run())
    assert (found.phase, found.trainings, found.running, found.untrained) == ("search", 0, 0, 0)
    assert found.trainings_limit == 6
    assert found.best_error is None
    assert found.latest is None
    assert found.hypervolume == 0
    assert found.left_s is None


def test_a_run_is_counted_as_it_goes(engine_run):
    made = engine_run(finalists=NO_FINALISTS)
    watcher = Watcher(made.run, made.plan, made.decider)
    made.claims.start()
    seen = []
    for error in (0.5, 0.25, 0.375):
        job = made.decider.next_job()
        assert watcher.progress().running == 1
        made.train(job, error, seconds=10.0)
        seen.append(watcher.progress())
    assert [found.trainings for found in seen] == [1, 2, 3]
    assert [found.best_error for found in seen] == [0.5, 0.25, 0.25]
    assert seen[0].hypervolume < seen[1].hypervolume <= seen[2].hypervolume < 1
    assert (seen[2].latest.candidate, seen[2].latest.error) == (job.look.candidate, 0.375)
    assert seen[2].left_s == 3 * 10.0
    assert seen[2] == progress_of(made)  # as one sees it who comes later
    assert watcher.results() == 3


def test_what_a_dead_worker_held_does_not_run(engine_run):
    made = engine_run()
    made.decider.next_job()
    with made.claims._engine.begin() as connection:
        connection.execute(sa.text("UPDATE claims SET pid_start = pid_start - 100"))
    assert progress_of(made).running == 0


def test_hypervolume_by_hand(engine_run):
    made = engine_run(objectives=["error", "params"], finalists=NO_FINALISTS)
    job = made.decider.next_job()
    params = job.look.scores["params"][0]
    made.run.frozen["ideal"][:] = [0.0, 0.0]
    made.run.frozen["reference"][:] = [0.5, 2.0 * params]
    made.train(job, 0.125)
    # a point at a quarter of the one side and half of the other: 3/4 * 1/2 of the box
    assert progress_of(made).hypervolume == pytest.approx(0.375)


def test_no_feasible_point_has_no_volume(engine_run):
    made = engine_run(constraints={"error": 0.1}, finalists=NO_FINALISTS)
    made.train(made.decider.next_job(), 0.5)
    found = progress_of(made)
    assert (found.hypervolume, found.best_error) == (0, 0.5)


def test_a_failed_training_counts_but_has_no_error(engine_run):
    made = engine_run()
    made.train(made.decider.next_job(), status="diverged")
    found = progress_of(made)
    assert (found.trainings, found.best_error, found.latest.status) == (1, None, "diverged")


def test_phases(engine_run):
    made = engine_run(budget={"trainings": 2})
    for _ in range(2):
        made.train(made.decider.next_job())
    assert progress_of(made).phase == "search"
    job = made.decider.next_job()
    assert job.trial is None
    assert progress_of(made).phase == "finalists"
    made.decider.abandon(job)
    interrupted = progress_of(made)  # as `status` finds a run that was stopped here
    assert (interrupted.phase, interrupted.running) == ("finalists", 0)
    made.finish()
    found = progress_of(made)
    assert found.phase == "done"
    assert found.left_s is None
    assert found.stop_reason == "budget: 2 trainings"
    assert found.further_trainings > 0


def test_the_latest_is_a_further_seed_too(engine_run):
    made = engine_run(budget={"trainings": 2})
    jobs = [made.decider.next_job(), made.decider.next_job()]
    for job in jobs:
        made.train(job, 0.25)
    further = made.decider.next_job()
    watcher = Watcher(made.run, made.plan, made.decider)
    assert watcher.progress().latest.training == 0
    made.train(further, 0.375)
    latest = watcher.progress().latest
    assert (latest.candidate, latest.training, latest.error) == (
        further.look.candidate, further.training, 0.375,
    )  # fmt: skip
    assert (further.training, watcher.progress().further_trainings) == (1, 1)


def test_a_run_that_is_done_used_what_it_recorded(engine_run):
    made = engine_run(budget={"trainings": 2}, finalists=NO_FINALISTS)
    made.claims.start()
    made.finish()
    made.claims.beat(stopped=True)
    made.decider.record_spent()
    recorded = dict(made.run.spent())
    later = made.opened_again()
    later.claims.start()  # as by a worker of another version, which entered a run without work
    found = progress_of(later)
    assert {name: getattr(found, name) for name in ("seconds", "energy_j", "gco2e")} == {
        name: recorded[name] for name in ("seconds", "energy_j", "gco2e")
    }
