"""One run priced again: other tables of manufacture, other lives, and as a consequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hardware_profiles.fab import fab_table, fab_table_names
from nas.carbon.demand import Demand
from nas.comparison import per_deployment
from nas.errors import CarbonNasError, SelectionError
from nas.quantities import counted
from nas.rescoring import as_consequence, at_marginal_rate, marginal_grid
from nas.runs.tables import Record, read_records, score_table
from nas.selection import Selection, select
from nas.sensitivity.ranks import Change, Metric, change, metrics

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles.deployment import Deployment
    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = ["Pricing", "WhatIf", "sensitivity"]

_LIVES_YEARS = (2.0, 8.0)


@dataclass(frozen=True)
class Pricing:
    """A run priced under one other assumption.

    Attributes:
        name: Of the assumption, such as ``8 years``.
        said: What is different, in a sentence.
        study: What it was counted under; None if it could not be.
        scores: One row a trained model and deployment, as counted; None likewise.
        change: What that changes; None likewise.
        left_out: Why deployments, or all of it, could not be counted; a line each.
    """

    name: str
    said: str
    study: Study | None = None
    scores: pd.DataFrame | None = None
    change: Change | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class WhatIf:
    """A run priced as it is and under other assumptions.

    Attributes:
        objectives: Of the front that may change.
        study: What the run was counted under.
        scores: As counted so.
        metrics: What each metric would pick as the run is, beside carbon.
        pricings: The run under other assumptions, one at a time.
    """

    objectives: tuple[str, ...]
    study: Study
    scores: pd.DataFrame
    metrics: tuple[Metric, ...]
    pricings: tuple[Pricing, ...]


def sensitivity(run: Run, names: Sequence[str] | None = None) -> WhatIf:
    """Price a run under other tables of manufacture, other lives, and as a consequence.

    One assumption changes at a time. Lives of 2 and 8 years keep the inferences of a year. The
    consequence counts marginal rates against the model that the knee of the run's front picks,
    among the deployments whose marginal rate is known. Its devices are owned already, other
    hardware is bought. A purchase is for a service, so at fixed time the volume becomes what that
    baseline serves, by as many devices as it needs (with users: by one each).

    Args:
        run: An opened run; it is only read and nothing is trained.
        names: Objectives of the front; None takes those that were searched.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If an objective does not compare under the run's study.
        RunError: If a record of the run is damaged.
    """
    pricer = _Pricer(run, run.scores(), tuple(names or run.objectives))
    cases = (*_other_tables(run.study), *_other_lives(run.study))
    priced = [pricer.priced(name, said, study) for name, said, study in cases]
    if run.study.view == "footprint":
        priced.append(pricer.consequence())
    return WhatIf(
        objectives=pricer.names,
        study=run.study,
        scores=pricer.scores,
        metrics=metrics(pricer.scores, study=run.study, apart=per_deployment(run)),
        pricings=tuple(priced),
    )


def _other_tables(study: Study) -> Iterator[tuple[str, str, Study]]:
    if study.embodied_basis == "published":
        return  # no table enters that
    for name in fab_table_names():
        if name != study.fab_table:
            said = f"manufacture by {fab_table(name).label}, instead of {study.fab_table}"
            yield name, said, replace(study, fab_table=name)


def _other_lives(study: Study) -> Iterator[tuple[str, str, Study]]:
    demand = study.demand
    for years in _LIVES_YEARS:
        if years == demand.lifetime_years:
            continue
        said = f"devices serve {years:g} years, instead of {demand.lifetime_years:g}"
        volume = None
        if demand.inferences is not None:
            volume = demand.inferences * years / demand.lifetime_years
            said += f", at as many inferences a year ({counted(volume)} in all)"
        longer = replace(demand, lifetime_years=years, inferences=volume)
        yield f"{years:g} years", said, replace(study, demand=longer)


@dataclass(frozen=True)
class _Pricer:
    run: Run
    scores: pd.DataFrame
    names: tuple[str, ...]

    @cached_property
    def records(self) -> list[Record]:
        return read_records(self.run.artifacts)

    def scored(self, deployments: Sequence[Deployment], study: Study) -> pd.DataFrame:
        return score_table(self.records, deployments, study, self.run.frozen["constraints"])

    def changed(self, after: pd.DataFrame) -> Change:
        return change(self.scores, after, self.names, apart=per_deployment(self.run))

    def priced(self, name: str, said: str, study: Study) -> Pricing:
        try:
            after = self.scored(self.run.deployments, study)
        except CarbonNasError as error:
            return Pricing(name, said, left_out=(str(error),))
        return Pricing(name, said, study, after, self.changed(after))

    def consequence(self) -> Pricing:
        known = [d for d in self.run.deployments if marginal_grid(d.grid) is not None]
        left_out = tuple(
            f"{d.label}: no marginal rate of grid {d.grid.name} is known"
            for d in self.run.deployments
            if d not in known
        )
        name, said = "consequence", "at marginal rates, against what is used today"
        today = self.picked([d.label for d in known])
        if today is None:
            reason = "no trained model is feasible where a marginal rate is known"
            return Pricing(name, said, left_out=(*left_out, reason))
        place = next(d for d in known if d.label == today.deployment)
        said = (
            f"at marginal rates, against {today.candidate} on {place.label}, the knee of the front,"
            f" as if used today: {place.profile.name} is owned already, other hardware is bought"
        )
        demand = self.run.study.demand
        if demand.inferences is None:
            volume = float(today.row["inferences"])
            demand = _volume_of(demand, volume)
            said += f", for the {counted(volume)} inferences that it serves"
        try:
            asked = replace(self.run.study, demand=demand)
            study = as_consequence(self.run, asked, today.candidate, place)
            after = self.scored([at_marginal_rate(d) for d in known], study)
        except CarbonNasError as error:
            return Pricing(name, said, left_out=(*left_out, str(error)))
        owned = [d.label for d in known if d.profile.name == place.profile.name]
        after = _within_owned(after, owned, float(today.row["devices"]))
        return Pricing(name, said, study, after, self.changed(after), left_out)

    def picked(self, labels: Sequence[str]) -> Selection | None:
        """The knee of the front of these deployments."""
        if self.scores.empty:
            return None
        here = self.scores.loc[self.scores["deployment"].isin(list(labels))]
        try:
            return select(here, list(dict.fromkeys([*self.names, "error", "carbon"])))
        except SelectionError:
            return None


def _volume_of(demand: Demand, inferences: float) -> Demand:
    """The demand for a volume: by one device a user, or by as many devices as it needs."""
    life_s = demand.life_h * 3600.0 * demand.powered_share
    pool: dict[str, Any] = {"peak_per_s": inferences / life_s, "peak_busy_share": 1.0}
    return Demand(
        lifetime_years=demand.lifetime_years,
        inferences=inferences,
        powered_share=demand.powered_share,
        **({"users": demand.users} if demand.users else pool),
    )


def _within_owned(scores: pd.DataFrame, labels: Sequence[str], devices: float) -> pd.DataFrame:
    """The scores, infeasible where more of the owned devices are needed than there are."""
    short = scores["deployment"].isin(list(labels)) & (scores["devices"] > devices)
    return scores.assign(feasible=scores["feasible"] & ~short)
