"""What a launch resolves, frozen into the run folder, and the plan that workers read from it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from hardware_profiles import (
    Deployment,
    Precision,
    deployment_from_dict,
    deployment_label,
    deployment_to_dict,
    fab_table,
)
from hardware_profiles.catalog import hardware
from nas.carbon.demand import Demand
from nas.carbon.rates import rates_of
from nas.carbon.study import Baseline, Study, study_from_dict, study_to_dict
from nas.carbon.supply import resolve_grid
from nas.cost.score import score
from nas.cost.workload import workload
from nas.engine.claims import STUDY_NAME
from nas.engine.config import DeploymentConfig, SearchConfig, constraint_columns
from nas.engine.own_files import fingerprint, is_own, own_source, space_of, task_of
from nas.errors import ConfigError
from nas.models.recipe import Recipe, default_recipe, recipe_from_dict, recipe_to_dict
from nas.models.tasks import Task, task
from nas.objectives import Objective, objectives
from nas.runs import Run
from nas.runs.tables import constrain
from search_spaces import space
from search_spaces.base import Architecture, SearchSpace
from search_spaces.graph import graph_key
from search_spaces.layers import Layer

__all__ = ["Look", "Plan", "chosen", "load_plan", "plan_of", "resolve"]

_LIMIT_S = 900.0
# A task of one's own begins with the recipe of a shipped task of its form.
_LIKE = {"image": "digits", "series": "japanese-vowels", "table": "breast-cancer"}


@dataclass(frozen=True)
class Look:
    """What arithmetic knows of a candidate before any training.

    Attributes:
        candidate: The candidate's key.
        architecture: Its active choices.
        layers: Its layer graph.
        scores: Columns of the scores table, one entry a deployment; error is unknown.
    """

    candidate: str
    architecture: Architecture
    layers: tuple[Layer, ...]
    scores: Mapping[str, Any]

    def feasible(self, deployment: int) -> bool:
        """Whether the candidate may run on the deployment of that index."""
        return bool(self.scores["feasible"][deployment])

    def reason(self, deployment: int) -> str | None:
        """Why not, if not."""
        value = self.scores["reason"][deployment]
        return None if value is None else str(value)


@dataclass(frozen=True)
class Plan:
    """Everything that a worker of a run needs to know."""

    space: SearchSpace
    task: Task
    deployments: tuple[Deployment, ...]
    study: Study
    objectives: tuple[Objective, ...]
    constraints: Mapping[str, float]
    recipe: Recipe
    sampler: str
    seed: int
    deployments_as: str
    data_dir: str | None
    trainings: int | None
    seconds: float | None
    gco2e: float | None
    extra_seeds: int
    finalists: int

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions in which a trained candidate's error is wanted."""
        return tuple(sorted({deployment.precision for deployment in self.deployments}))

    def look(self, architecture: Architecture) -> Look:
        """Score an architecture on all deployments without training it."""
        layers = self.space.layers(
            architecture, self.task.input_shape, self.task.outputs, self.task.spec
        )
        return Look(
            candidate=self._key(layers),
            architecture=architecture,
            layers=layers,
            scores=self.scores(layers, None),
        )

    def scores(
        self, layers: tuple[Layer, ...], errors: Mapping[Precision, float | None] | None
    ) -> dict[str, Any]:
        """Columns of the scores table for one candidate, one entry a deployment.

        The carbon of its training is left out of `lifecycle_gco2e`, since a resumed run must be
        told the same; the scores table has it.
        """
        columns = score(workload(layers), self.deployments, self.study, errors, training_gco2e=0.0)
        return constrain(columns, self.constraints)

    def values(self, scores: Mapping[str, Any], deployment: int) -> list[float]:
        """The objectives as Optuna is told them; an unknown error is the task's worst."""
        told = []
        for objective in self.objectives:
            value = float(scores[objective.column][deployment])
            told.append(self.task.worst_error if np.isnan(value) else value)
        return told

    def _key(self, layers: tuple[Layer, ...]) -> str:
        rest = {
            "space": self.space.name,
            "version": self.space.version,
            "task": self.task.name,
            "recipe": recipe_to_dict(self.recipe),
        }
        text = graph_key(layers) + json.dumps(rest, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def resolve(config: SearchConfig) -> dict[str, Any]:
    """Look up every name of a configuration and freeze what it stands for.

    Returns:
        Plain JSON values, as `frozen.json` holds them.

    Raises:
        CarbonNasError: The subclass fits the name that is unknown or the figure that is wrong.
    """
    chosen_space, chosen_task = chosen(config)
    chosen_space.form(chosen_task.input_shape, chosen_task.spec)
    rows = objectives(config.objectives)
    study = _study(config)
    _check_lifecycle(config)
    threads = max(1, (os.cpu_count() or 1) // config.search.workers)
    deployments = _deployments(config)
    rates_of(deployments, study)
    recipe = _recipe(config.recipe, chosen_task, threads, final=False)
    # A second thread slowed small networks down: 230 CPU seconds an epoch instead of 65.
    final_recipe = _recipe(config.final_recipe, chosen_task, 1, final=True)
    host = _search_host(config)
    return {
        "task": {
            "name": chosen_task.name,
            "label": chosen_task.label,
            "metric": chosen_task.metric,
            "kind": chosen_task.kind,
            "unit": chosen_task.unit,
            "error_label": chosen_task.error_label,
            "worst_error": chosen_task.worst_error,
            "best_error": chosen_task.best_error,
            "input_shape": list(chosen_task.input_shape),
            "classes": list(chosen_task.classes),
            "source": chosen_task.source,
            "licence": chosen_task.licence,
            **_own(config.task),
        },
        "space": {
            "name": chosen_space.name,
            "label": chosen_space.label,
            "version": chosen_space.version,
            "size": chosen_space.size(),
            **_own(config.space),
        },
        "study": study_to_dict(study),
        "fab_table_sha256": study.fab_table_sha256,
        "deployments": [deployment_to_dict(deployment) for deployment in deployments],
        "deployments_as": config.deployments_as,
        "objectives": [row.name for row in rows],
        "constraints": constraint_columns(config.constraints),
        "recipe": recipe_to_dict(recipe),
        "final_recipe": recipe_to_dict(final_recipe),
        "search": {
            "sampler": config.search.sampler,
            "seed": config.search.seed,
            "workers": config.search.workers,
            "threads": threads,
            "cores": os.cpu_count() or 1,
            "host": deployment_to_dict(host),
        },
        "budget": config.budget.model_dump(),
        "finalists": config.finalists.model_dump(),
        "storage": config.search.storage,
        "study_name": f"search-{uuid4().hex}" if config.search.storage else STUDY_NAME,
        "data_dir": str(Path(config.data_dir).resolve()) if config.data_dir else None,
    }


def chosen(config: SearchConfig) -> tuple[SearchSpace, Task]:
    """The space and the task of a configuration, shipped or the user's own.

    Raises:
        CarbonNasError: If a name is unknown or a file is wrong.
    """
    return _space(config.space), _task(config.task)


def _space(name: str) -> SearchSpace:
    return space_of(name) if is_own(name) else space(name)


def _task(name: str) -> Task:
    return task_of(name) if is_own(name) else task(name)


def _own(name: str) -> dict[str, Any]:
    return {"own": fingerprint(name)} if is_own(name) else {}


def _study(config: SearchConfig) -> Study:
    given = config.baseline
    used = {row.hardware for row in config.deployments}
    for name in config.sunk:
        if name not in used:
            raise ConfigError(
                f"sunk: {name!r} is the hardware of no deployment; use {' or '.join(sorted(used))}"
            )
    fab_table(config.fab_table)
    own_table = config.fab_table.endswith((".yaml", ".yml"))
    return Study(
        demand=Demand(**config.demand.model_dump()),
        view=config.view,
        fab_table=str(Path(config.fab_table).resolve()) if own_table else config.fab_table,
        baseline=None if given is None else Baseline(given.name, given.carbon_gco2e),
        sunk=config.sunk,
        memory=config.memory,
        embodied_basis=config.embodied_basis,
    )


def _check_lifecycle(config: SearchConfig) -> None:
    columns = {row.column for row in objectives(config.objectives)}
    if "lifecycle_gco2e" not in columns | set(constraint_columns(config.constraints)):
        return
    if config.demand.inferences is None:
        raise ConfigError(
            "objectives: lifecycle does not compare at fixed time, where a faster model serves "
            "more; give demand.inferences, or take another objective"
        )
    if config.view == "consequence":
        raise ConfigError(
            "objectives: lifecycle adds a training at average rates to a consequence at marginal "
            "ones; take carbon, or set view to footprint"
        )


def load_plan(run: Run) -> Plan:
    """The plan of a run folder.

    Raises:
        ConfigError: If the code's search space or recipe is not the one the run was made with.
    """
    return plan_of(run.frozen, run.path)


def plan_of(frozen: Mapping[str, Any], folder: Path | None = None) -> Plan:
    """The plan that `resolve` froze.

    Args:
        frozen: Its facts.
        folder: Of the run, which keeps copies of the user's own files; None before it is made.

    Raises:
        ConfigError: If the code's search space or recipe is not the one that was frozen.
        RunError: If a file of the user's own has changed since.
    """
    own_space, own_task = frozen["space"].get("own"), frozen["task"].get("own")
    space_name, task_name = frozen["space"]["name"], frozen["task"]["name"]
    chosen_space = _space(own_source(own_space, folder) if own_space else space_name)
    chosen_task = _task(own_source(own_task, folder) if own_task else task_name)
    if chosen_space.version != frozen["space"]["version"]:
        raise ConfigError(
            f"space {chosen_space.name}: version {chosen_space.version} is not the run's "
            f"{frozen['space']['version']}; start a new run"
        )
    study = study_from_dict(frozen["study"])
    if study.fab_table_sha256 != frozen.get("fab_table_sha256"):
        raise ConfigError(
            f"{study.fab_table}: has changed since the run was launched; restore it, or start a "
            "new run"
        )
    return Plan(
        space=chosen_space,
        task=chosen_task,
        deployments=tuple(deployment_from_dict(row) for row in frozen["deployments"]),
        study=study,
        objectives=objectives(frozen["objectives"]),
        constraints=frozen["constraints"],
        recipe=recipe_from_dict(frozen["recipe"]),
        sampler=frozen["search"]["sampler"],
        seed=frozen["search"]["seed"],
        deployments_as=frozen["deployments_as"],
        data_dir=frozen["data_dir"],
        trainings=frozen["budget"]["trainings"],
        seconds=frozen["budget"]["seconds"],
        gco2e=frozen["budget"]["gco2e"],
        extra_seeds=frozen["finalists"]["extra_seeds"],
        finalists=frozen["finalists"]["at_most"],
    )


def _recipe(given: Mapping[str, Any], chosen_task: Task, threads: int, *, final: bool) -> Recipe:
    limit_s = None if final else _LIMIT_S
    like = chosen_task.name if chosen_task.parts is None else _LIKE[chosen_task.form]
    default = default_recipe(like, final=final, threads=threads, limit_s=limit_s)
    return recipe_from_dict({**recipe_to_dict(default), **given})


def _search_host(config: SearchConfig) -> Deployment:
    """The machine that searches, as a deployment, so that overheads follow the same rule."""
    given = config.search.on
    profile = hardware(given.hardware)
    if profile.kind == "mcu" or "fp32" not in profile.macs_per_s:
        raise ConfigError(
            f"search.on.hardware: {profile.name} cannot train; name the machine that does, "
            "such as host"
        )
    where = resolve_grid(given.grid)
    if where.rate != "average":
        raise ConfigError(
            f"search.on.grid: {where.name!r} has a {where.rate} rate, and the search is charged a "
            "share of its machine; use an average rate"
        )
    return Deployment("search", profile, "fp32", where, pue=given.pue)


def _deployments(config: SearchConfig) -> list[Deployment]:
    deployments: list[Deployment] = []
    for row in config.deployments:
        deployment = _deployment(row)
        if any(deployment.label == other.label for other in deployments):
            raise ConfigError(
                f"deployments: {deployment.label!r} is there twice; "
                "remove one, or give it another label"
            )
        deployments.append(deployment)
    return deployments


def _deployment(row: DeploymentConfig) -> Deployment:
    chosen = resolve_grid(row.grid)
    label = row.label or deployment_label(
        row.hardware,
        row.precision,
        chosen.name,
        batch=row.batch,
        streams=row.streams,
        resource_share=row.resource_share,
    )
    return Deployment(
        label=label,
        profile=hardware(row.hardware),
        precision=row.precision,  # type: ignore[arg-type]  # checked by Deployment
        grid=chosen,
        batch=row.batch,
        streams=row.streams,
        pue=row.pue,
        supply_efficiency=row.supply_efficiency,
        resource_share=row.resource_share,
        market_gco2e_per_kwh=row.market_gco2e_per_kwh,
    )
