"""Searches that begin from earlier ones: what is taken over, what is learnt and tried first."""

import hashlib

import pytest

from nas.engine.budget import Limits, stop_reason
from nas.errors import ConfigError, RunError
from nas.runs.files import write_json

pytestmark = pytest.mark.slow  # each launch looks at 256 networks


def error(job):
    """Made up: alike for one architecture, whatever its recipe."""
    digest = hashlib.sha256(repr(sorted(job.look.architecture.items())).encode()).digest()
    return 0.05 + digest[0] / 512


@pytest.fixture
def earlier(launched):
    """A finished run of 8 trainings that cost 2 g."""
    made = launched("earlier")
    made.finish(error)
    write_json(made.run.path / "spent.json", {"seconds": 9.0, "energy_j": 5.0, "gco2e": 2.0})
    return made


def keys(made, *names):
    return {path.parent.name for name in names for path in made.run.artifacts.glob(f"*/{name}")}


def begun_from(earlier, **more):
    on = {"hardware": "rpi4", "grid": "fr"}
    return {"on": on, "sampler": "random", "warm_start": [str(earlier.run.path)], **more}


def test_on_another_device_nothing_is_trained_again(launched, earlier):
    made = launched(
        "again",
        search=begun_from(earlier),
        deployments=[{"hardware": "pixel3", "grid": "in"}],
        budget={"trainings": 4},
    )
    known = keys(earlier, "result.json")
    assert set(made.plan.warm_start.records) == known
    jobs = [job for job in made.finish(error) if job.trial is not None]
    assert len(jobs) == 4
    assert not {job.look.candidate for job in jobs} & known
    told = [trial for trial in made.trials if trial.user_attrs["candidate"] in known]
    assert [trial.number for trial in told][:8] == list(range(8))
    assert {trial.user_attrs["candidate"] for trial in told} == known
    assert all(trial.user_attrs["trained"] for trial in told)
    scores = made.run.scores()
    assert len(scores) == 12
    assert set(scores["deployment"]) == {"pixel3-fp32-in"}
    spent = made.decider.spent()
    assert (spent.trainings, spent.inherited_gco2e) == (4, 2.0)
    assert spent.gco2e >= 2.0
    assert made.study.user_attrs["stop_reason"] == "budget: 4 trainings"
    assert stop_reason(spent, Limits(gco2e=1.0)) is None  # a budget is of this search alone


def test_of_another_recipe_the_best_are_tried_first_and_the_rest_is_learnt(launched, earlier):
    recipe = {"epochs": 2, "threads": 1, "train_images": 256}
    made = launched("longer", search=begun_from(earlier, sampler="ehvi"), recipe=recipe)
    warm = made.plan.warm_start
    assert not warm.records
    assert len(warm.earlier) == 8
    jobs = [job for job in made.finish(error) if job.trial is not None]
    first = [job.look.architecture for job in jobs[: len(warm.first)]]
    assert first == [dict(point) for point in warm.first]
    best = min(warm.earlier, key=lambda row: row[1])
    assert dict(best[0]) in first
    assert len({job.look.candidate for job in jobs}) == 8


def test_trainings_in_other_cycles_are_learnt_from_and_not_taken_over(launched):
    recipe = {"epochs": 9, "threads": 1, "train_images": 256}
    whole = launched("whole", recipe=recipe)
    whole.finish(error)
    warm = launched(
        "rungs", search=begun_from(whole, fidelity="rungs"), recipe=recipe
    ).plan.warm_start
    assert not warm.records
    assert len(warm.earlier) == 8


def test_what_cannot_be_begun_from_is_refused_in_one_line(launched, earlier, tmp_path):
    with pytest.raises(ConfigError, match="searched space dscnn") as refused:
        launched("other", search=begun_from(earlier), space="mbconv", constraints={"macs": 3e5})
    assert "\n" not in str(refused.value)
    with pytest.raises(RunError, match="no such run folder"):
        launched("none", search=begun_from(earlier, warm_start=[str(tmp_path / "nothing")]))
