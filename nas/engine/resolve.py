"""What a launch resolves of a configuration, as it is frozen into the run folder."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from hardware_profiles import (
    Deployment,
    deployment_label,
    deployment_to_dict,
    fab_table,
)
from hardware_profiles.beside import ModelBeside, beside_from_dict
from nas.carbon.demand import Demand
from nas.carbon.rates import rates_of
from nas.carbon.study import Baseline, Study, study_to_dict
from nas.carbon.supply import resolve_grid
from nas.cost.devices import device
from nas.cost.needs import check_needs, lacking
from nas.engine.beside import model_beside
from nas.engine.claims import STUDY_NAME
from nas.engine.config import BesideConfig, DeploymentConfig, SearchConfig, constraint_columns
from nas.engine.measured_recipe import Rates, asked_for, chosen_value, measured_rates
from nas.engine.own_files import fingerprint, is_own
from nas.engine.plan import chosen
from nas.engine.recipe_choices import listed, recipe_choices, with_recipe_choices
from nas.engine.rungs import FACTOR, rung_epochs
from nas.engine.schedule import frozen_schedule
from nas.errors import ConfigError
from nas.models.recipe import Recipe, default_recipe, recipe_from_dict, recipe_to_dict
from nas.models.tasks import Task
from nas.objectives import objectives
from search_spaces.base import SearchSpace

__all__ = ["resolve"]

_LIMIT_S = 900.0
# A task of one's own begins with the recipe of a shipped task of its form.
_LIKE = {
    "image": "digits",
    "series": "japanese-vowels",
    "table": "breast-cancer",
    "text": "shakespeare",
}


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
    measured, config = _by_measurement(config, chosen_task, chosen_space)
    recipes = _recipes(config, chosen_task)
    deployments = _deployments(config)
    limits = constraint_columns(config.constraints)
    rates_of(deployments, study)
    check_needs(deployments, [*(row.column for row in rows), *limits], study.embodied_basis)
    with_recipe_choices(chosen_space, recipes["recipe_choices"])
    host = _search_host(config)
    if config.search.fidelity == "rungs":
        _check_rungs(recipes)
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
        "constraints": limits,
        **recipes,
        "samples_per_s": measured,
        "search": _search(config, host, recipes["recipe"]["threads"]),
        "supernet_recipe": _supernet_recipe(config, recipes),
        "budget": config.budget.model_dump(),
        "finalists": {**config.finalists.model_dump(), "begin": config.supernet.finalists},
        "storage": config.search.storage,
        "study_name": f"search-{uuid4().hex}" if config.search.storage else STUDY_NAME,
        "data_dir": str(Path(config.data_dir).resolve()) if config.data_dir else None,
    }


def _search(config: SearchConfig, host: Deployment, threads: int) -> dict[str, Any]:
    """How the space is searched, and on what."""
    return {
        "sampler": config.search.sampler,
        "seed": config.search.seed,
        "workers": config.search.workers,
        "threads": threads,
        "cores": os.cpu_count() or 1,
        "host": deployment_to_dict(host),
        "schedule": frozen_schedule(config, time.time()),
        "skip": config.search.skip,
        "fidelity": config.search.fidelity,
        "promotion": config.search.promotion,
    }


def _own(name: str) -> dict[str, Any]:
    return {"own": fingerprint(name)} if is_own(name) else {}


def _study(config: SearchConfig) -> Study:
    given = config.baseline
    used = {device(row.hardware).name for row in config.deployments}
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


def _recipes(config: SearchConfig, chosen_task: Task) -> dict[str, Any]:
    """How candidates, the chosen model and the reference models are trained."""
    like = chosen_task.name if chosen_task.parts is None else _LIKE[chosen_task.form]
    space_name = None if is_own(config.space) else config.space
    # One thread each: a second slowed small networks down, and workers are what fills a machine.
    short = default_recipe(like, space_name, limit_s=_LIMIT_S)
    final = default_recipe(like, space_name, final=True)
    # Reference models are convolutional, whatever is searched.
    reference = default_recipe(like, limit_s=_LIMIT_S)
    choices = recipe_choices(short, config.recipe)
    _check_device({config.recipe.get("device"), config.final_recipe.get("device")})
    # Where nothing is chosen, as by the reference models, a searched setting has its last value.
    given = {**config.recipe, **{name: values[-1] for name, values in choices.items()}}
    if listed(config.final_recipe):
        name, values = next(iter(listed(config.final_recipe).items()))
        raise ConfigError(
            f"final_recipe: {name}={values!r} is a list, and the chosen model is trained once; "
            "give one value, or leave it out to take the chosen candidate's"
        )
    return {
        "recipe": _with(short, given),
        "recipe_choices": choices,
        "final_recipe": _with(final, config.final_recipe),
        "final_from_candidate": [name for name in choices if name not in config.final_recipe],
        "reference_recipe": _with(reference, given),
    }


def _check_device(devices: Collection[Any]) -> None:
    if "cuda" not in devices:
        return
    from nas.models.torch_process import check_device  # loads torch, which no other launch needs

    check_device("cuda")


def _by_measurement(
    config: SearchConfig, chosen_task: Task, chosen_space: SearchSpace
) -> tuple[Rates | None, SearchConfig]:
    """What was measured where the recipe asks for it, and the configuration with what it chose."""
    asked, given = asked_for(config.recipe)
    if not asked:
        return None, config
    config = config.model_copy(update={"recipe": given})
    plain = recipe_from_dict(_recipes(config, chosen_task)["recipe"])
    found = measured_rates(config, chosen_task, chosen_space, plain)
    fastest = {name: chosen_value(found, name, plain, config.search.workers) for name in asked}
    return found, config.model_copy(update={"recipe": {**given, **fastest}})


def _check_rungs(recipes: Mapping[str, Any]) -> None:
    if "epochs" in recipes["recipe_choices"]:
        raise ConfigError(
            "search.fidelity: rungs decide how many epochs each candidate gets, and recipe.epochs "
            "is a list; give one number"
        )
    epochs = recipes["recipe"]["epochs"]
    if len(rung_epochs(epochs)) < 2:
        raise ConfigError(
            f"search.fidelity: rungs need {FACTOR} epochs or more, and recipe.epochs is {epochs}; "
            "give more (smaller ones of fewer recipe.train_images), or set fidelity to full"
        )


def _supernet_recipe(config: SearchConfig, recipes: Mapping[str, Any]) -> dict[str, Any] | None:
    """How shared weights are trained: as a candidate, but longer; None where none are."""
    if config.search.accuracy == "trained":
        return None
    if config.search.fidelity != "full":
        raise ConfigError(
            "search.accuracy: supernet trains no candidate alone before the end, so that there are "
            "no rungs; set fidelity to full"
        )
    if recipes["recipe_choices"]:
        name = next(iter(recipes["recipe_choices"]))
        raise ConfigError(
            f"search.accuracy: supernet trains all candidates together, and recipe.{name} is a "
            "list; give one value"
        )
    if not config.finalists.extra_seeds or not config.finalists.at_most:
        raise ConfigError(
            "search.accuracy: supernet ranks candidates, and only finalists are trained alone; "
            "give finalists.extra_seeds and finalists.at_most of at least 1"
        )
    plain = recipes["recipe"]
    epochs = config.supernet.epochs or 2 * plain["epochs"]
    return {**plain, "epochs": epochs, "limit_s": None}


def _with(default: Recipe, given: Mapping[str, Any]) -> dict[str, Any]:
    return recipe_to_dict(recipe_from_dict({**recipe_to_dict(default), **given}))


def _search_host(config: SearchConfig) -> Deployment:
    """The machine that searches, as a deployment, so that overheads follow the same rule."""
    given = config.search.on
    profile = device(given.hardware)
    if profile.kind == "mcu" or "fp32" not in profile.macs_per_s:
        raise ConfigError(
            f"search.on.hardware: {profile.name} cannot train; name the machine that does, "
            "such as host"
        )
    for figures in lacking(profile).values():
        raise ConfigError(
            f"search.on.hardware: {profile.name} lacks {' and '.join(figures)}, which the carbon of"
            " the search needs; name another machine, such as host"
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
    chosen, profile = resolve_grid(row.grid), device(row.hardware)
    alone = Deployment(
        label=row.label or f"{profile.name}-{row.precision}-{chosen.name}",
        profile=profile,
        precision=row.precision,  # type: ignore[arg-type]  # checked by Deployment
        grid=chosen,
        batch=row.batch,
        streams=row.streams,
        threads=row.threads,
        pue=row.pue,
        supply_efficiency=row.supply_efficiency,
        resource_share=row.resource_share,
        market_gco2e_per_kwh=row.market_gco2e_per_kwh,
    )
    beside = tuple(_model_beside(model, alone) for model in row.beside)
    label = row.label or deployment_label(
        profile.name,
        row.precision,
        chosen.name,
        batch=row.batch,
        streams=row.streams,
        threads=row.threads,
        resource_share=row.resource_share,
        beside=[model.name for model in beside],
    )
    return replace(alone, label=label, beside=beside)


def _model_beside(given: BesideConfig, deployment: Deployment) -> ModelBeside:
    if given.model is None:
        return beside_from_dict(given.model_dump(exclude={"model"}))
    return model_beside(given.model, deployment, given.inferences_per_s, name=given.name)
