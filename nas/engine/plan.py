"""The plan that workers read from what a launch froze into the run folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles import Deployment, Precision, deployment_from_dict
from nas.carbon.study import Study, study_from_dict
from nas.cost.score import score
from nas.cost.workload import Workload, workload
from nas.engine.budget import Limits
from nas.engine.config import SearchConfig
from nas.engine.own_files import find_space, find_task, space_of_run, task_of_run
from nas.engine.recipe_choices import split_point, with_recipe_choices
from nas.engine.rungs import Promotion, rung_epochs
from nas.errors import ConfigError
from nas.models.recipe import Recipe, recipe_from_dict, recipe_to_dict
from nas.models.tasks import Task
from nas.objectives import Objective, objectives
from nas.runs import Run
from nas.runs.machine import WorkerPower, worker_power
from nas.runs.tables import constrain
from search_spaces.base import Architecture, SearchSpace, Value
from search_spaces.graph import key_of_simplified, simplify
from search_spaces.graph_features import graph_features
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Shape

__all__ = ["Look", "Plan", "WarmStart", "chosen", "load_plan", "plan_of", "rungs_of"]


@dataclass(frozen=True)
class Look:
    """What arithmetic knows of a candidate before any training.

    Attributes:
        candidate: The candidate's key.
        architecture: Its active choices.
        layers: Its layer graph.
        settings: What was chosen of its recipe, by name; empty where the recipe is one for all.
        recipe: How it is trained.
        scores: Columns of the scores table, one entry a deployment; error is unknown.
        shapes: Of the output of each layer, by name.
        simplified: The layers that change anything.
    """

    candidate: str
    architecture: Architecture
    layers: tuple[Layer, ...]
    settings: Mapping[str, Value]
    recipe: Recipe
    scores: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    simplified: tuple[Layer, ...]

    @cached_property
    def features(self) -> dict[str, float]:
        """What its graph says of its error, by name."""
        return graph_features(self.simplified, self.shapes)

    def feasible(self, deployment: int) -> bool:
        """Whether the candidate may run on the deployment of that index."""
        return bool(self.scores["feasible"][deployment])

    def reason(self, deployment: int) -> str | None:
        """Why not, if not."""
        value = self.scores["reason"][deployment]
        return None if value is None else str(value)


@dataclass(frozen=True)
class WarmStart:
    """What a search began with; see `nas.engine.warm_start`.

    Attributes:
        gco2e: Carbon of the earlier runs.
        records: Keys of candidates whose training was taken over.
        earlier: Points, and what the error was of an earlier task or recipe.
        first: Points to be tried first.
    """

    gco2e: float = 0.0
    records: tuple[str, ...] = ()
    earlier: tuple[tuple[Architecture, float], ...] = ()
    first: tuple[Architecture, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that a worker of a run needs to know.

    Attributes that do not name themselves:
        recipe: How candidates are trained, but for the settings in `recipe_choices`.
        recipe_choices: Values by recipe setting that the search chooses.
        samples: Training samples of the task; None in runs that did not freeze it.
        power: Of one worker.
        skip: Whether candidates that cannot come onto the front are not trained.
        rungs: Epochs after which trainings stop unless they are promoted, the last a whole one;
            empty where all are whole.
        promotion: How those at a rung are compared.
        supernet_recipe: How the weights that all candidates share are trained; None where each is
            trained alone.
        finalists_from_slices: Whether finalists' trainings begin from the shared weights.
        warm_start: What the search began with.
    """

    space: SearchSpace
    task: Task
    deployments: tuple[Deployment, ...]
    study: Study
    objectives: tuple[Objective, ...]
    constraints: Mapping[str, float]
    recipe: Recipe
    recipe_choices: Mapping[str, Sequence[Value]]
    reference_recipe: Recipe
    samples: int | None
    power: WorkerPower
    sampler: str
    seed: int
    deployments_as: str
    data_dir: str | None
    limits: Limits
    skip: bool
    rungs: tuple[int, ...]
    promotion: Promotion
    extra_seeds: int
    finalists: int
    supernet_recipe: Recipe | None
    finalists_from_slices: bool
    warm_start: WarmStart

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions in which a trained candidate's error is wanted."""
        return tuple(sorted({deployment.precision for deployment in self.deployments}))

    @cached_property
    def candidates(self) -> SearchSpace:
        """The space that is searched: architectures, and the settings of their recipes."""
        return with_recipe_choices(self.space, self.recipe_choices)

    def look(self, point: Mapping[str, Any]) -> Look:
        """Score a candidate on all deployments without training it.

        Args:
            point: Of `candidates`.

        Raises:
            SpaceError: If it is not in that space.
        """
        point = self.candidates.validate(point)
        architecture, settings = split_point(point, self.recipe_choices)
        layers = self.space.layers(
            architecture, self.task.input_shape, self.task.outputs, self.task.spec
        )
        recipe = self.recipe_of(settings)
        shapes = layer_shapes(layers)
        simplified = simplify(layers, shapes)
        return Look(
            candidate=self._key(simplified, recipe),
            architecture=architecture,
            layers=layers,
            settings=settings,
            recipe=recipe,
            scores=self._scores(workload(layers, shapes), recipe, None),
            shapes=shapes,
            simplified=simplified,
        )

    def recipe_of(self, settings: Mapping[str, Any]) -> Recipe:
        """The recipe of a candidate.

        Args:
            settings: What was chosen of it, by name.
        """
        return recipe_from_dict({**recipe_to_dict(self.recipe), **settings})

    def scores(
        self,
        layers: tuple[Layer, ...],
        recipe: Recipe,
        errors: Mapping[Precision, float | None] | None,
    ) -> dict[str, Any]:
        """Columns of the scores table for one candidate, one entry a deployment.

        The carbon of its training, in `lifecycle_gco2e`, is modelled from the recipe, since a
        resumed run must be told the same; the scores table has that of the time it took.
        """
        return self._scores(workload(layers), recipe, errors)

    def _scores(
        self,
        counts: Workload,
        recipe: Recipe,
        errors: Mapping[Precision, float | None] | None,
    ) -> dict[str, Any]:
        grams = 0.0
        if self.samples is not None:
            seen = recipe.samples_seen(self.samples)
            grams = self.power.gco2e(self.power.training_s(counts.total_macs, seen))
        columns = score(counts, self.deployments, self.study, errors, training_gco2e=grams)
        return constrain(columns, self.constraints)

    def values(self, scores: Mapping[str, Any], deployment: int) -> list[float]:
        """The objectives as Optuna is told them; an unknown error is the task's worst."""
        told = []
        for objective in self.objectives:
            value = float(scores[objective.column][deployment])
            told.append(self.task.worst_error if np.isnan(value) else value)
        return told

    def _key(self, simplified: tuple[Layer, ...], recipe: Recipe) -> str:
        rest = {
            "space": self.space.name,
            "version": self.space.version,
            "task": self.task.name,
            "recipe": recipe_to_dict(recipe),
        }
        text = key_of_simplified(simplified) + json.dumps(rest, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def chosen(config: SearchConfig) -> tuple[SearchSpace, Task]:
    """The space and the task of a configuration, shipped or the user's own.

    Raises:
        CarbonNasError: If a name is unknown or a file is wrong.
    """
    return find_space(config.space), find_task(config.task)


def load_plan(run: Run) -> Plan:
    """The plan of a run folder.

    Raises:
        ConfigError: If the code's search space or recipe is not the one the run was made with.
    """
    return plan_of(run.frozen, run.path)


def plan_of(frozen: Mapping[str, Any], folder: Path | None = None) -> Plan:
    """The plan that `nas.engine.resolve.resolve` froze.

    Args:
        frozen: Its facts.
        folder: Of the run, which keeps copies of the user's own files; None before it is made.

    Raises:
        ConfigError: If the code's search space or recipe is not the one that was frozen.
        RunError: If a file of the user's own has changed since.
    """
    chosen_space, chosen_task = space_of_run(frozen, folder), task_of_run(frozen, folder)
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
    shared = frozen.get("supernet_recipe")
    return Plan(
        space=chosen_space,
        task=chosen_task,
        deployments=tuple(deployment_from_dict(row) for row in frozen["deployments"]),
        study=study,
        objectives=objectives(frozen["objectives"]),
        constraints=frozen["constraints"],
        recipe=recipe_from_dict(frozen["recipe"]),
        # Runs of before recipes of spaces trained their reference models as any candidate.
        reference_recipe=recipe_from_dict(frozen.get("reference_recipe", frozen["recipe"])),
        recipe_choices=frozen.get("recipe_choices", {}),
        samples=frozen.get("train_samples"),
        power=worker_power(frozen),
        sampler=frozen["search"]["sampler"],
        seed=frozen["search"]["seed"],
        deployments_as=frozen["deployments_as"],
        data_dir=frozen["data_dir"],
        limits=Limits(**frozen["budget"]),
        skip=frozen["search"].get("skip", False),
        rungs=rungs_of(frozen),
        promotion=frozen["search"].get("promotion", "gain"),
        extra_seeds=frozen["finalists"]["extra_seeds"],
        finalists=frozen["finalists"]["at_most"],
        supernet_recipe=recipe_from_dict(shared) if shared else None,
        finalists_from_slices=frozen["finalists"].get("begin") == "slices",
        warm_start=_warm_start(frozen.get("warm_start")),
    )


def _warm_start(told: Mapping[str, Any] | None) -> WarmStart:
    if told is None:
        return WarmStart()
    earlier = tuple((dict(point), float(error)) for point, error in told["earlier"])
    first = tuple(dict(point) for point in told["first"])
    return WarmStart(float(told["gco2e"]), tuple(told["records"]), earlier, first)


def rungs_of(frozen: Mapping[str, Any]) -> tuple[int, ...]:
    """Epochs of each rung of a frozen run, rising; none where it trains whole."""
    if frozen["search"].get("fidelity", "full") == "full":
        return ()
    return rung_epochs(frozen["recipe"]["epochs"])
