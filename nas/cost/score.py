"""The score: one row per deployment with every objective, from workload, error and study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.deployment import Deployment
from hardware_profiles.profile import Precision
from nas.carbon.demand import ClosedDemand
from nas.carbon.footprint import Footprint, footprint
from nas.carbon.metrics import c2ep, cdp, ce2p, cep, edp, lifecycle_gco2e, sci, tcdp
from nas.carbon.quantity import where_known
from nas.carbon.rates import Rates, rates_of
from nas.carbon.study import Study
from nas.cost.costs import Costs, costs_with
from nas.cost.figures import Figures, figures_of
from nas.cost.workload import Workload
from nas.errors import ConfigError
from nas.objectives import OBJECTIVES

__all__ = ["largest_memory", "numbers", "score"]


def score(
    workload: Workload,
    deployments: Sequence[Deployment],
    study: Study,
    errors: Mapping[Precision, float | None] | None,
    *,
    training_gco2e: float | None,
) -> dict[str, Any]:
    """Score a network on every deployment.

    Args:
        workload: Counts of the network.
        deployments: D deployments, one or more.
        study: Demand, boundary and factor tables.
        errors: The task's error by precision; None, or no entry, where it was not measured.
        training_gco2e: Carbon of the training behind the network, in g; None while unknown.

    Returns:
        Columns of D rows: ``deployment`` (label), ``precision``, ``study`` (hash), ``feasible``,
        ``reason`` (None where feasible), ``fits``, ``keeps_up``, ``devices``,
        ``devices_needed``, ``busy_share``, ``inferences``, ``occupancy_s``, ``storage_bytes``,
        ``active_gco2e``, ``idle_gco2e``, ``transport_gco2e`` and ``end_of_life_gco2e`` (both
        inside ``embodied_gco2e``), ``device_embodied_gco2e`` (one device, with the memory that
        the study's rule counts; 0 if owned already), ``sunk_gco2e`` (not charged),
        ``operational_market_gco2e``, ``change_gco2e``, ``kappa_w``, and the column of each row of
        `nas.objectives.OBJECTIVES`. Unknown is NaN: ``error`` where it was not measured,
        ``lifecycle_gco2e`` without the carbon of training or in a consequence (a training is
        counted at average rates), market-based carbon without a contract, a change without a
        baseline, and what needs a figure that the device's profile lacks (`nas.cost.needs`).

    Raises:
        ConfigError: If an objective has no column here.
        DeploymentError: If there is no deployment.
        StudyError: If the study does not suit a deployment; see `nas.carbon.footprint`.
        HardwareError: If the fab table lacks a row that a profile names.
    """
    built, rates = figures_of(deployments), rates_of(deployments, study)
    figures = largest_memory(built, rates)
    costs = costs_with(workload, figures)
    grams = footprint(
        costs.energy_j,
        costs.occupancy_s,
        deployments,
        study,
        memory_bytes=costs.peak_memory_bytes + figures.taken_memory_bytes[:, 0],
        storage_bytes=costs.storage_bytes + figures.taken_storage_bytes[:, 0],
        rates=rates,
    )
    columns = numbers(
        workload,
        costs,
        grams,
        deployments=deployments,
        study=study,
        errors=errors,
        training_gco2e=training_gco2e,
    )
    _check_objectives(columns)
    return {
        "deployment": [d.label for d in deployments],
        "precision": [d.precision for d in deployments],
        "study": [study.hash] * len(deployments),
        "feasible": columns["feasible"],
        "reason": _reasons(costs.reasons, grams.demand),
        **columns,
    }


def _check_objectives(columns: Mapping[str, object]) -> None:
    for objective in OBJECTIVES.values():
        if objective.column not in columns:
            raise ConfigError(
                f"objective {objective.name!r}: no score has its column {objective.column!r}; "
                "return it from nas/cost/score.py"
            )


def largest_memory(figures: Figures, rates: Rates) -> Figures:
    """The figures with the memory of the largest size of a device that a study lets models choose.

    Args:
        figures: Figures of deployments, with the memory of the devices as they are built.
        rates: Their rates under the study, in the same order, flattened.
    """
    if rates.memory is None:
        return figures
    largest = rates.memory.limits_bytes[..., -1].reshape(-1, 1)
    built = figures.memory_limit_bytes
    return replace(figures, memory_limit_bytes=np.where(np.isinf(largest), built, largest))


def numbers(
    workload: Workload,
    costs: Costs,
    grams: Footprint,
    *,
    deployments: Sequence[Deployment],
    study: Study,
    errors: Mapping[Precision, float | None] | None,
    training_gco2e: ArrayLike | None,
) -> dict[str, np.ndarray[Any, Any]]:
    """The numeric columns of `score`, from costs and footprint of any shape (..., D).

    Args:
        workload: Counts of the network.
        costs: Its costs.
        grams: Its footprint, of the shape of the costs.
        deployments: The D deployments.
        study: What the footprint was computed under.
        errors: As in `score`.
        training_gco2e: As in `score`; a number, or an array that broadcasts with the costs.

    Raises:
        StudyError: If a number is not finite or out of range.
    """
    demand, shape = grams.demand, costs.latency_s.shape
    bills = [d.profile.bill_of_materials for d in deployments]
    area = [np.nan if bill is None else bill.die_area_cm2 for bill in bills]
    return {
        "feasible": costs.fits & demand.keeps_up,
        "fits": costs.fits,
        "keeps_up": demand.keeps_up,
        "devices": demand.devices,
        "devices_needed": demand.devices_needed,
        "busy_share": demand.busy_share,
        "inferences": demand.inferences,
        "occupancy_s": costs.occupancy_s,
        "storage_bytes": costs.storage_bytes,
        "active_gco2e": grams.active_gco2e,
        "idle_gco2e": grams.idle_gco2e,
        **_phases(grams),
        "kappa_w": grams.kappa_w,
        "error": _errors(errors, deployments),
        "latency_s": costs.latency_s,
        "energy_j": costs.energy_j,
        "peak_memory_bytes": costs.peak_memory_bytes,
        **_carbon(costs, grams, study, training_gco2e),
        "params": np.full(shape, workload.params),
        "macs": np.full(shape, workload.total_macs),
        "die_area_cm2": np.array(area),
    }


def _phases(grams: Footprint) -> dict[str, np.ndarray[Any, Any]]:
    phases = grams.phases_gco2e
    return {
        "transport_gco2e": phases["transport"],
        "end_of_life_gco2e": phases["end_of_life"],
        "device_embodied_gco2e": grams.device_embodied_gco2e,
        "sunk_gco2e": grams.sunk_gco2e,
        "operational_market_gco2e": grams.operational_market_gco2e,
        "change_gco2e": grams.change_gco2e,
    }


def _carbon(
    costs: Costs, grams: Footprint, study: Study, training_gco2e: ArrayLike | None
) -> dict[str, np.ndarray[Any, Any]]:
    """Columns of objectives that rest on carbon; the metrics take whole devices, never shares."""
    demand = grams.demand
    made = grams.device_embodied_gco2e * demand.devices
    operational = grams.operational_gco2e
    return {
        "operational_gco2e": operational,
        "embodied_gco2e": grams.embodied_gco2e,
        "carbon_gco2e": grams.carbon_gco2e,
        "lifecycle_gco2e": _lifecycle(grams, study, training_gco2e),
        "sci_gco2e_per_inference": where_known(sci, operational, grams.embodied_gco2e, 1.0),
        "edp_j_s": where_known(edp, costs.energy_j, costs.latency_s),
        "cdp_gco2e_s": where_known(cdp, made, costs.latency_s),
        "cep_gco2e_j": where_known(cep, made, costs.energy_j),
        "c2ep_gco2e2_j": where_known(c2ep, made, costs.energy_j),
        "ce2p_gco2e_j2": where_known(ce2p, made, costs.energy_j),
        "tcdp_gco2e_s": where_known(tcdp, made, operational, demand.inferences, costs.latency_s),
    }


def _lifecycle(
    grams: Footprint, study: Study, training_gco2e: ArrayLike | None
) -> np.ndarray[Any, Any]:
    if training_gco2e is None or study.view == "consequence":
        return np.full(grams.active_gco2e.shape, np.nan)
    demand = grams.demand
    return where_known(
        lambda inferences, operational, embodied, devices: lifecycle_gco2e(
            training_gco2e=training_gco2e,
            inferences=inferences,
            operational_gco2e=operational,
            embodied_gco2e=embodied,
            devices=devices,
        ),
        demand.inferences,
        grams.operational_gco2e,
        grams.device_embodied_gco2e,
        # Of devices shared with other models, the part that this one keeps busy.
        demand.devices * (demand.busy_share / demand.total_busy_share),
    )


def _errors(
    errors: Mapping[Precision, float | None] | None, deployments: Sequence[Deployment]
) -> np.ndarray[Any, Any]:
    known = errors or {}
    values = [known.get(deployment.precision) for deployment in deployments]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _reasons(unfit: Sequence[str | None], demand: ClosedDemand) -> list[str | None]:
    late = [
        None
        if keeps_up
        else f"demand: needs {needed} devices, has {has}; add devices or a faster one"
        for keeps_up, needed, has in zip(
            demand.keeps_up, demand.devices_needed, demand.devices, strict=True
        )
    ]
    return [
        "; ".join(part for part in parts if part) or None for parts in zip(unfit, late, strict=True)
    ]
