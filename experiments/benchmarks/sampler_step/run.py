"""How long a proposal takes in a run of ours, space by space, beside Optuna's TPE.

    python experiments/benchmarks/sampler_step/run.py [--spaces NAME,NAME] [--trials 300]
        [--steps 8]

Objectives error, latency and carbon; once on one deployment, once on five of which one is chosen.
Errors are made up from the costs and a draw by the candidate's key. Both samplers get the same
trials, ours its own proposals, in in-memory storage and are asked in turn; a step is ask and
suggestions, in CPU milliseconds, the median of `--steps` after one that is not counted. `first_s`
is the first proposal of a run. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from nas.engine.config import config_from_mapping
from nas.engine.known_costs import sampler_of_plan
from nas.engine.plan import Look, Plan, plan_of
from nas.engine.resolve import resolve
from nas.engine.samplers import make_sampler, seed_of

TASKS = {
    "mlp": "breast-cancer",
    "mbconv": "digits",
    "resnet": "digits",
    "vit": "digits",
    "dscnn": "digits",
    "nasbench201_small": "fashion-mnist",
    "nasbench201": "fashion-mnist",
    "gpt": "shakespeare",
    "dlrm": "movielens",
}
DEVICES = ("rpi4", "pixel3", "rpi5", "jetson_nano", "pixel6")
DEPLOYMENTS = [{"hardware": name, "grid": "us-caiso"} for name in DEVICES]


def plan_for(space: str, deployments: int) -> Plan:
    """A plan of a run on so many deployments; no data are read."""
    config = config_from_mapping(
        {
            "task": TASKS[space],
            "space": space,
            "demand": {"inferences": 1e9, "lifetime_years": 4},
            "deployments": DEPLOYMENTS[:deployments],
            "objectives": ["error", "latency", "carbon"],
            "search": {"on": {"grid": "us-caiso"}},
            "budget": {"trainings": 300},
        }
    )
    return plan_of({**resolve(config), "train_samples": 1000})


def told(plan: Plan, look: Look, deployment: int) -> list[float]:
    """Objectives of a trial, its error made up."""
    noise = np.random.default_rng(seed_of(look.candidate)).normal(0, 0.1)
    error = 0.3 * float(look.scores["macs"][0]) ** -0.1 * float(np.exp(noise))
    values = plan.values(look.scores, deployment)
    names = [objective.name for objective in plan.objectives]
    values[names.index("error")] = error
    return values


class Studies:
    """The same trials in a study for each sampler."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.labels = [deployment.label for deployment in plan.deployments]
        samplers: dict[str, BaseSampler] = {
            "ehvi": sampler_of_plan(plan, self.labels),
            "tpe": make_sampler("tpe", 0),
        }
        self.studies = {
            name: optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
            for name, sampler in samplers.items()
        }

    def ask(self, name: str) -> tuple[float, optuna.trial.FrozenTrial]:
        """Seconds of a proposal, and the trial as every study is to get it."""
        began = time.process_time()
        trial = self.studies[name].ask()
        point = self.plan.candidates.choose(trial.suggest_categorical)
        label = self.labels[0]
        if len(self.labels) > 1:
            label = trial.suggest_categorical("deployment", self.labels)
        seconds = time.process_time() - began
        self.studies[name].tell(trial, state=optuna.trial.TrialState.FAIL)
        values = told(self.plan, self.plan.look(point), self.labels.index(label))
        frozen = optuna.trial.create_trial(
            params=trial.params, distributions=trial.distributions, values=values
        )
        return seconds, frozen

    def add(self, trial: optuna.trial.FrozenTrial) -> None:
        for study in self.studies.values():
            study.add_trial(trial)


def measure(space: str, deployments: int, trials: int, steps: int) -> dict[str, Any]:
    """First proposal [s] and a step after so many trials [ms] of both samplers."""
    studies = Studies(plan_for(space, deployments))
    first, trial = studies.ask("ehvi")
    studies.add(trial)
    drawn = Studies(studies.plan)
    drawn.studies["random"] = optuna.create_study(
        directions=["minimize"] * 3, sampler=make_sampler("random", 0)
    )
    for _ in range(trials - 1):
        studies.add(drawn.ask("random")[1])
    times: dict[str, list[float]] = {"ehvi": [], "tpe": []}
    for _ in range(steps + 1):
        for name, spent in times.items():
            seconds, trial = studies.ask(name)
            spent.append(1e3 * seconds)
            if name == "ehvi":
                studies.add(trial)
    medians = {f"{name}_ms": round(float(np.median(row[1:])), 1) for name, row in times.items()}
    return {
        "first_s": round(first, 2),
        **medians,
        "ehvi_worst_ms": round(max(times["ehvi"][1:]), 1),
        "ehvi_first_of_a_process_ms": round(times["ehvi"][0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--spaces", default=",".join(TASKS))
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows: dict[str, Any] = {}
    for space in args.spaces.split(","):
        for deployments in (1, 5):
            row = measure(space, deployments, args.trials, args.steps)
            rows[f"{space} {deployments}"] = row
            print(f"{space:<18} {deployments}  {row}", flush=True)
    print(json.dumps({"trials": args.trials, "spaces": rows}))


if __name__ == "__main__":
    main()
