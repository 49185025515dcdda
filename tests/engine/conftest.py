"""A run whose trainings are made up, so that decisions are tested without any training."""

from dataclasses import dataclass, replace

import pytest

from nas.engine.claims import Claims
from nas.engine.config import config_from_mapping, config_to_yaml
from nas.engine.decide import Decider
from nas.engine.job import Job
from nas.engine.plan import Plan, load_plan
from nas.engine.resolve import resolve
from nas.engine.search import launch
from nas.engine.storage import open_storage, open_study
from nas.runs import Run, create_run
from nas.runs.machine import worker_power
from search_spaces.base import Choice


@dataclass
class EngineRun:
    """A run folder, its plan, and one worker's view of its database."""

    run: Run
    plan: Plan

    def __post_init__(self):
        storage = open_storage(self.run.database_url)
        self.study = open_study(storage, self.plan.objectives, self.run.study_name)
        self.claims = Claims(storage.engine, self.run.study_name)
        self.decider = Decider(
            self.run, self.plan, self.study, self.claims, worker_power(self.run.frozen)
        )

    def opened_again(self):
        """As a process that is started later sees the run."""
        return EngineRun(self.run, self.plan)

    def train(self, job, error=0.5, status="trained", seconds=1.0):
        """Record a made-up outcome; `error` is a number or a function of the job."""
        value = error(job) if callable(error) else error
        errors = {"fp32": value} if status == "trained" else {}
        self.decider.record(
            job, {"status": status, "message": None, "errors": errors, "seconds": seconds}
        )

    def finish(self, error=0.5, jobs=400):
        """Do every job there is, and return them in order."""
        done = []
        for _ in range(jobs):
            job = self.decider.next_job()
            if job == "done":
                return done
            assert isinstance(job, Job), job
            self.train(job, error)
            done.append(job)
        raise AssertionError("the run does not end")

    @property
    def trials(self):
        return self.study.get_trials(deepcopy=False)


@pytest.fixture
def engine_run(tmp_path, tiny):
    """A function (changes of the configuration; changes of the plan) that makes an `EngineRun`."""

    def make(folder="run", plan=None, **changes):
        config = config_from_mapping(tiny(**changes))
        count = len(config.objectives)
        corners = {"ideal": [0.0] * count, "reference": [0.9, 0.1, 0.01, 1.0][:count]}
        run = create_run(tmp_path / folder, config_to_yaml(config), {**resolve(config), **corners})
        return EngineRun(run, replace(load_plan(run), **(plan or {})))

    return make


@pytest.fixture
def launched(tmp_path, tiny):
    """A function (folder; changes of the configuration) that launches a run as a search does."""

    def make(folder, **changes):
        changes = {
            "space": "dscnn",
            "constraints": {},
            "finalists": {"extra_seeds": 0, "at_most": 0},
            "budget": {"trainings": 8},
            **changes,
        }
        run = launch(config_from_mapping(tiny(**changes)), tmp_path / folder)
        return EngineRun(run, load_plan(run))

    return make


@pytest.fixture
def few(engine_run):
    """A function that makes an `EngineRun` over six architectures of mbconv."""

    def make(**changes):
        space = load_plan(engine_run("template", **changes).run).space
        kept = {"stem_width": (8, 16, 24), "stem_stride": (1, 2)}
        choices = tuple(
            Choice(c.name, kept.get(c.name, c.values[:1]), c.only_if)
            for c in space.choices
            if c.only_if is None
        )
        return engine_run("few", plan={"space": replace(space, choices=choices)}, **changes)

    return make
