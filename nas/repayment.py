"""What a chosen model stands against, and when it has repaid what it cost. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.carbon import HOURS_PER_YEAR
from nas.carbon.decisions import (
    Rebound,
    break_even,
    device_break_even_years,
    focal_ncf,
    focal_verdict,
    indifference_point,
    rebound,
)
from nas.carbon.lifecycle import Effort, LifeCycle
from nas.carbon.quantity import quantity
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import SelectionError, unknown_name
from nas.quantities import format_quantity
from nas.report.chosen import Chosen, chosen_point
from nas.runs.files import read_json
from search_spaces.references import reference_models

if TYPE_CHECKING:
    import pandas as pd

    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = [
    "Alternative",
    "BreakEven",
    "Devices",
    "Once",
    "alternative",
    "comparison_warnings",
    "other_row",
    "rebound_against",
    "rebound_warnings",
]


@dataclass(frozen=True)
class BreakEven:
    """When a choice has repaid what it cost once; None where it never does.

    Attributes:
        inferences: After so many inferences.
        devices: After so many devices have served their life.
        years: After so many years of the service.
    """

    inferences: float | None
    devices: float | None
    years: float | None


@dataclass(frozen=True)
class Devices:
    """The devices of a chosen model beside those of an alternative.

    Attributes:
        years: Years after which the chosen ones have repaid their manufacture by lower use, the
            others being there already; None where they never do.
        indifference_years: Years at which both, bought new, have cost the same; None where one is
            always better.
        ncf_fixed_time: FOCAL's normalised carbon footprint of the chosen device, by power; the
            weight of manufacture is its share in the alternative's carbon.
        ncf_fixed_work: The same by energy.
        verdict: FOCAL's: ``strong``, ``weak`` or ``none``.
    """

    years: float | None
    indifference_years: float | None
    ncf_fixed_time: float
    ncf_fixed_work: float
    verdict: str


@dataclass(frozen=True)
class Alternative:
    """What the chosen model stands against: in use already, so that it cost no search.

    Attributes:
        name: A candidate, or a known network.
        deployment: Label of its deployment.
        carbon_gco2e: Its carbon per inference.
        error: Its error; NaN if not measured.
        equal: Whether the chosen model errs no more, but for the spread of both over seeds; only
            then there is a break-even.
        search: When the search is repaid.
        search_and_training: When the search and the training are repaid.
        devices: The devices of both, for the same volume; None on one deployment.
    """

    name: str
    deployment: str
    carbon_gco2e: float
    error: float
    equal: bool
    search: BreakEven
    search_and_training: BreakEven
    devices: Devices | None


@dataclass(frozen=True)
class Once:
    """What a chosen model and an alternative cost once.

    Attributes:
        search: The search that yielded the chosen model; the alternative needed none.
        training: One full training of the chosen model.
        retrainings: Further trainings of either over the service life.
        other_training_gco2e: One training of the alternative in the search, which is shorter than
            a full one, so that this is the least it can be; NaN while unknown.
    """

    search: Effort
    training: Effort
    retrainings: float
    other_training_gco2e: float

    @property
    def new_gco2e(self) -> float:
        """Search and trainings of the chosen model, in g."""
        trainings = float(self.training.total_gco2e) * (1.0 + self.retrainings)
        return float(self.search.total_gco2e) + trainings

    @property
    def old_gco2e(self) -> float:
        """Retrainings of the alternative, in g; its first training is done."""
        once = self.other_training_gco2e
        return 0.0 if math.isnan(once) else once * self.retrainings


def other_row(
    run: Run,
    study: Study,
    scores: pd.DataFrame,
    chosen: Chosen,
    against: tuple[str, str] | None,
) -> dict[str, Any] | None:
    """The row of scores of what a chosen model stands against.

    Args:
        run: The run of both.
        study: What is counted under.
        scores: Scores of the run under that study.
        chosen: The chosen model.
        against: Candidate, or name of a known network, and label of a deployment; None takes the
            known network that the run trained with the least error, on the same deployment.

    Returns:
        The row by column, with ``training_gco2e``, one training of it in the search (NaN while
        unknown); None if `against` is None and the run trained no known network.

    Raises:
        SelectionError: If the candidate or the deployment is unknown or not feasible.
    """
    if against is None:
        known = [_reference(run, study, name, chosen.deployment.label) for name in _names(run)]
        trained = [row for row in known if row["feasible"] and not math.isnan(row["error"])]
        return min(trained, key=lambda row: float(row["error"]), default=None)
    name, label = against
    if name in _names(run):
        return _reference(run, study, name, label)
    keys = [*_names(run), *dict.fromkeys(scores["candidate"])]
    if name not in keys:
        raise SelectionError(
            unknown_name("against", name, keys, f"carbon-nas front {run.path} --csv")
        )
    other = chosen_point(run, scores, name, label)
    mean = np.mean([float(training["gco2e"]) for training in other.record.trainings])
    return {**other.row, "training_gco2e": float(mean)}


def _names(run: Run) -> list[str]:
    task = run.frozen["task"]
    return list(reference_models(tuple(task["input_shape"]), len(task["classes"])))


def _reference(run: Run, study: Study, name: str, label: str) -> dict[str, Any]:
    """A known network's row of scores; its error is unknown where the run did not train it."""
    by_label = {deployment.label: deployment for deployment in run.deployments}
    if label not in by_label:
        raise SelectionError(unknown_name("deployment", label, by_label, "carbon-nas status"))
    task = run.frozen["task"]
    layers = reference_models(tuple(task["input_shape"]), len(task["classes"]))[name]
    path = run.reference_path(name)
    result: Mapping[str, Any] = read_json(path) if path.exists() else {}
    grams = float(result["gco2e"]) if "gco2e" in result else math.nan
    columns = score(
        workload(layers), [by_label[label]], study, result.get("errors"), training_gco2e=None
    )
    row = {key: values[0] for key, values in columns.items()}
    return {**row, "candidate": name, "error_spread": math.nan, "training_gco2e": grams}


def alternative(
    row: Mapping[str, Any], other: Mapping[str, Any], lifecycle: LifeCycle, once: Once
) -> Alternative:
    """A chosen model beside what it stands against.

    Args:
        row: Scores of the chosen model.
        other: Scores of the other, from `other_row`.
        lifecycle: Of the chosen model's service.
        once: What either costs once.
    """
    equal = _equal(row, other)
    per_year = float(lifecycle.inferences * HOURS_PER_YEAR / lifecycle.service_life_h)
    one = float(row["inferences"]) / float(row["devices"])
    new, old = float(row["carbon_gco2e"]), float(other["carbon_gco2e"])

    def repaid(new_gco2e: float, old_gco2e: float) -> BreakEven:
        units = float(break_even(new_gco2e, old_gco2e, new, old))
        if not equal or math.isinf(units):
            return BreakEven(None, None, None)
        return BreakEven(units, units / one, units / per_year)

    return Alternative(
        name=str(other["candidate"]),
        deployment=str(other["deployment"]),
        carbon_gco2e=old,
        error=float(other["error"]),
        equal=equal,
        search=repaid(float(once.search.total_gco2e), 0.0),
        search_and_training=repaid(once.new_gco2e, once.old_gco2e),
        devices=None
        if row["deployment"] == other["deployment"]
        else _devices(row, other, per_year),
    )


def _equal(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the model errs no more, within the joint spread over seeds where it is known."""
    spreads = [float(side["error_spread"]) for side in (row, other)]
    slack = math.hypot(*(spread for spread in spreads if not math.isnan(spread)))
    return float(row["error"]) <= float(other["error"]) + slack


def _devices(row: Mapping[str, Any], other: Mapping[str, Any], per_year: float) -> Devices:
    """Both sides serve the same volume, over the life of the chosen model's devices."""
    volume = float(row["inferences"])
    made = [float(side["embodied_gco2e"]) * volume for side in (other, row)]
    used = [float(side["operational_gco2e"]) * per_year for side in (other, row)]
    repaid = float(device_break_even_years(made[1], used[0], used[1]))
    same = float(indifference_point(made[0], made[1], used[0], used[1]))
    return Devices(
        years=None if math.isinf(repaid) else repaid,
        indifference_years=None if math.isinf(same) else same,
        **_focal(row, other),
    )


def _focal(row: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    area, energy = (float(row[key]) / float(other[key]) for key in ("die_area_cm2", "energy_j"))
    speed = float(row["occupancy_s"]) / float(other["occupancy_s"])
    weight = float(other["embodied_gco2e"]) / float(other["carbon_gco2e"])
    by_time, by_work = focal_ncf(area, [energy / speed, energy], weight)
    return {
        "ncf_fixed_time": float(by_time),
        "ncf_fixed_work": float(by_work),
        "verdict": str(focal_verdict(by_time, by_work)),
    }


def rebound_against(
    row: Mapping[str, Any],
    other: Mapping[str, Any],
    lifecycle: LifeCycle,
    once: Once,
    elasticity: float,
) -> Rebound | None:
    """The saving against the alternative once demand has answered to it; None without a saving.

    Further devices are counted in proportion to further demand.

    Args:
        row: Scores of the chosen model.
        other: Scores of the alternative, from `other_row`.
        lifecycle: Of the chosen model's service.
        once: What either costs once.
        elasticity: Percent by which demand grows when carbon per inference falls by a percent.

    Raises:
        StudyError: If the elasticity is negative or not finite.
    """
    new, old = float(row["carbon_gco2e"]), float(other["carbon_gco2e"])
    quantity("elasticity", elasticity)
    if new >= old:
        return None
    return rebound(
        lifecycle.inferences * old,
        1.0 - new / old,
        elasticity,
        fixed_new_gco2e=once.new_gco2e,
        fixed_old_gco2e=once.old_gco2e,
    )


def comparison_warnings(found: Alternative, row: Mapping[str, Any]) -> list[str]:
    """What a reader of a comparison must not overlook, in lines.

    Args:
        found: The alternative.
        row: Scores of the chosen model.
    """
    if math.isnan(found.error):
        return [
            f"warning: the error of {found.name} was not measured, so that there is no break-even"
        ]
    if not found.equal:
        return [
            f"warning: its error {float(row['error']):.4g} is above the {found.error:.4g} of"
            f" {found.name} by more than their spread, so that there is no break-even"
        ]
    if found.search.inferences is None:
        return [
            f"warning: it saves no carbon against {found.name}, so that its search is never repaid"
        ]
    return []


def rebound_warnings(found: Rebound | None) -> list[str]:
    """A line where the total grows, none otherwise."""
    if found is None or not found.grows:
        return []
    before, expected, after = (
        format_quantity(float(grams), "gCO2e")
        for grams in (found.before_gco2e, found.expected_gco2e, found.after_gco2e)
    )
    if found.expected_gco2e >= found.before_gco2e:
        return [
            f"warning: the total grows from {before} to {after}, to {expected} even at the old"
            " demand"
        ]
    return [
        f"warning: demand grows {float(found.demand_factor):.3g} times and the total with it, from"
        f" {before} to {after}; at the old demand it would fall to {expected}"
    ]
