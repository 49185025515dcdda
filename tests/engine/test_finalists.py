"""The front is trained again with further seeds, and luck does not win."""

from collections import Counter

from nas.engine.finalists import finalists
from nas.runs.tables import read_records
from nas.selection import select

TWO_SEEDS = {"extra_seeds": 2, "at_most": 8}


def further(jobs):
    """Finalists' jobs, without those of the reference models."""
    return [job for job in jobs if job.training > 0]


def test_the_luckiest_seed_does_not_win(engine_run):
    made = engine_run(objectives=["error"], finalists=TWO_SEEDS)
    first = {}

    def error(job):
        if job.training == 0:
            lucky = not first
            first.setdefault(job.look.candidate, lucky)
            return 0.01 if lucky else 0.1 + 0.01 * len(first)
        return 0.4 if first[job.look.candidate] else 0.12

    jobs = made.finish(error)
    lucky = next(key for key, was in first.items() if was)
    scores = made.run.scores()
    of_lucky = scores[scores["candidate"] == lucky].iloc[0]
    assert of_lucky["seeds"] == 3
    assert abs(of_lucky["error"] - (0.01 + 0.4 + 0.4) / 3) < 1e-12
    assert of_lucky["error_spread"] > 0.2
    chosen = select(scores, ["error"])
    assert chosen.candidate != lucky
    # whoever came onto the front when the lucky one fell was trained again too
    assert chosen.row["seeds"] == 3
    assert {job.training for job in further(jobs)} == {1, 2}


def test_only_the_front_is_trained_again(engine_run):
    made = engine_run(objectives=["error"], finalists=TWO_SEEDS)
    best = []

    def error(job):
        if job.trial is not None:
            best.append(job.look.candidate)
        return 0.1 if job.look.candidate == best[0] else 0.5

    jobs = made.finish(error)
    assert Counter(job.look.candidate for job in further(jobs)) == {best[0]: 2}


def test_seeds_of_a_candidate_differ_and_its_first_record_stays(engine_run):
    made = engine_run(objectives=["error"], finalists=TWO_SEEDS)
    made.finish()
    for record in read_records(made.run.artifacts):
        names = [training["training"] for training in record.trainings]
        assert names in ([], [0], [0, 1, 2])


def test_at_most_so_many(engine_run):
    made = engine_run(finalists={"extra_seeds": 1, "at_most": 1})
    assert len(further(made.finish(lambda job: 0.9 - len(job.look.layers) / 200))) == 1


def test_none_wanted(engine_run):
    made = engine_run(finalists={"extra_seeds": 0, "at_most": 8})
    assert further(made.finish()) == []
    assert finalists(read_records(made.run.artifacts), made.run, made.plan) == []


def test_a_finalist_that_diverges_is_not_tried_for_ever(engine_run):
    made = engine_run(objectives=["error"], finalists={"extra_seeds": 1, "at_most": 2})
    for _ in range(6):
        made.train(made.decider.next_job(), 0.25)
    job = made.decider.next_job()
    made.train(job, status="diverged")
    rest = made.finish(0.25)
    assert job.look.candidate not in {other.look.candidate for other in further(rest)}
    scores = made.run.scores().set_index("candidate")
    found = scores.loc[job.look.candidate]
    assert (found["seeds"] == 2).all()
    assert (found["error"] > 0.25).all()  # the failed one counts as a guess


def test_each_target_has_its_own_front(engine_run):
    changes = {"objectives": ["error", "latency"], "budget": {"trainings": 4}}
    made = engine_run(deployments_as="targets", finalists=TWO_SEEDS, **changes)
    made.finish(0.25)
    scores = made.run.scores()
    for _, rows in scores.groupby("deployment"):
        assert rows.loc[rows["latency_s"].idxmin()]["seeds"] == 3
