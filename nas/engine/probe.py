"""A look at a space before the search: who fits, what the ranges are, what it will cost.

Nothing is trained; 256 architectures are drawn and scored by arithmetic.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product

import numpy as np

from nas.engine.own_files import TracedBuild
from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.engine.samplers import seed_of
from nas.errors import ConfigError
from nas.models.recipe import recipe_from_dict, recipe_to_dict
from nas.runs.machine import WorkerPower
from search_spaces.layers import mac_count
from search_spaces.references import reference_models

__all__ = ["Expected", "Fit", "Probe", "expected", "probe"]

_DRAWS = 256
_TRACED_DRAWS = 32  # a module takes about a second
_DESCENT_STEPS = 60


@dataclass(frozen=True)
class Fit:
    """How much of a space one deployment can run.

    Attributes:
        deployment: Its label.
        feasible_share: Share of drawn architectures that it can run, in [0, 1].
        reasons: Why not, each kind of reason with its share, most common first.
        latency_s: Smallest, median and largest latency of those that fit; None if none does.
    """

    deployment: str
    feasible_share: float
    reasons: tuple[tuple[str, float], ...]
    latency_s: tuple[float, float, float] | None


@dataclass(frozen=True)
class Probe:
    """What a sample of the space says.

    Attributes:
        fits: One row a deployment.
        params: Smallest, median and largest number of parameters.
        macs: Smallest, median and largest number of MACs.
        ideal: Best value of each searched objective (the task's best error; smallest cost).
        trainable_macs: Median MACs of those that some deployment can run.
        reference: Worst value of each (the task's worst error; largest feasible cost).
    """

    fits: tuple[Fit, ...]
    params: tuple[float, float, float]
    macs: tuple[float, float, float]
    ideal: tuple[float, ...]
    reference: tuple[float, ...]
    trainable_macs: float


def probe(plan: Plan) -> Probe:
    """Draw architectures and score them on every deployment.

    Raises:
        ConfigError: If a deployment can run no architecture that was found, with the nearest
            architecture's reason; or if the constraints leave nothing.
    """
    rng = np.random.default_rng(seed_of("probe", plan.seed))
    traced = isinstance(plan.space.build, TracedBuild)
    draws = _TRACED_DRAWS if traced else _DRAWS
    looks = [plan.look(plan.candidates.sample(rng)) for _ in range(draws)]
    for index, deployment in enumerate(plan.deployments):
        if not any(look.feasible(index) for look in looks):
            nearest = _nearest(plan, looks, index)
            if not nearest.feasible(index):
                raise ConfigError(
                    f"deployment {deployment.label}: no architecture of {plan.space.name} is "
                    f"feasible; the nearest fails with: {nearest.reason(index)}; "
                    "remove the deployment or widen the limit"
                )
            looks.append(nearest)
    ideal, reference = _corners(plan, looks)
    return Probe(
        fits=tuple(_fit(plan, looks, index) for index in range(len(plan.deployments))),
        params=_spread([float(look.scores["params"][0]) for look in looks]),
        macs=_spread([float(look.scores["macs"][0]) for look in looks]),
        ideal=ideal,
        reference=reference,
        trainable_macs=_median_macs(plan, looks),
    )


def _nearest(plan: Plan, looks: list[Look], index: int) -> Look:
    """Walk downhill in violated limits from the drawn architecture that violates least."""
    best = min(looks, key=lambda look: _violation(plan, look, index))
    for _ in range(_DESCENT_STEPS):
        here = point_of(best.architecture, best.settings)
        around = [plan.look(near) for near in plan.candidates.neighbours(here)]
        step = min([best, *around], key=lambda look: _violation(plan, look, index))
        if step is best or step.feasible(index):
            return step
        best = step
    return best


def _violation(plan: Plan, look: Look, index: int) -> tuple[float, float]:
    scores = look.scores
    over = [
        float(scores[column][index]) / bound - 1
        for column, bound in plan.constraints.items()
        if column != "error" and float(scores[column][index]) > bound
    ]
    hard = float(not scores["fits"][index]) + float(not scores["keeps_up"][index])
    size = float(scores["peak_memory_bytes"][index]) + float(scores["params"][index])
    return (sum(over) + hard, size)


def _fit(plan: Plan, looks: list[Look], index: int) -> Fit:
    feasible = [look for look in looks if look.feasible(index)]
    reasons = Counter(_kind(look.reason(index)) for look in looks if not look.feasible(index))
    latencies = [float(look.scores["latency_s"][index]) for look in feasible]
    return Fit(
        deployment=plan.deployments[index].label,
        feasible_share=len(feasible) / len(looks),
        reasons=tuple((kind, count / len(looks)) for kind, count in reasons.most_common()),
        latency_s=_spread(latencies) if latencies else None,
    )


def _corners(plan: Plan, looks: list[Look]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    ideal: list[float] = []
    reference: list[float] = []
    for objective in plan.objectives:
        if objective.kind == "trained":
            ideal.append(plan.task.best_error)
            reference.append(plan.task.worst_error)
            continue
        values = [
            float(look.scores[objective.column][index])
            for look in looks
            for index in range(len(plan.deployments))
            if look.feasible(index)
        ]
        ideal.append(min(values))
        reference.append(max(values))
    return tuple(ideal), tuple(reference)


def _median_macs(plan: Plan, looks: list[Look]) -> float:
    indices = range(len(plan.deployments))
    feasible = [look for look in looks if any(look.feasible(index) for index in indices)]
    return float(np.median([float(look.scores["macs"][0]) for look in feasible]))


def _kind(reason: str | None) -> str:
    return (reason or "unknown").split(":")[0]


def _spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), float(np.median(values)), max(values)


@dataclass(frozen=True)
class Expected:
    """What a search is likely to use; modelled, good to a factor of about three.

    Attributes:
        seconds: Wall time of the whole search, finalists included; None without a training limit.
        energy_wh: Energy of all workers.
        gco2e: Their carbon, use and manufacture.
    """

    seconds: float
    energy_wh: float
    gco2e: float


def expected(
    plan: Plan, found: Probe, *, images: int, workers: int, power: WorkerPower
) -> Expected | None:
    """Time, energy and carbon that a budget of trainings is likely to use.

    Each training takes what `WorkerPower.training_s` says of the median architecture that fits, at
    the mean of the recipes that may be chosen.

    Args:
        plan: The plan.
        found: Its probe.
        images: Training images of the task.
        workers: Workers side by side.
        power: Power model of one worker.

    Returns:
        None when the budget has no number of trainings.
    """
    if plan.limits.trainings is None:
        return None
    references = reference_models(plan.task.input_shape, plan.task.outputs).values()
    seen = plan.reference_recipe.samples_seen(images)
    worker_s = sum(power.training_s(mac_count(layers), seen) for layers in references)
    trainings = plan.limits.trainings + plan.finalists * plan.extra_seeds
    worker_s += trainings * power.training_s(found.trainable_macs, _mean_samples(plan, images))
    return Expected(
        seconds=worker_s / workers,
        energy_wh=power.energy_j(worker_s) / 3600,
        gco2e=power.gco2e(worker_s),
    )


def _mean_samples(plan: Plan, images: int) -> float:
    """How many samples a training sees, over all recipes that may be chosen."""
    varied = ("epochs", "train_images")
    values = [plan.recipe_choices.get(name, [getattr(plan.recipe, name)]) for name in varied]
    default = recipe_to_dict(plan.recipe)
    recipes = [
        recipe_from_dict({**default, **dict(zip(varied, row, strict=True))})
        for row in product(*values)
    ]
    return float(np.mean([recipe.samples_seen(images) for recipe in recipes]))
