"""A finished run scored again for other devices, grids or demands: nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hardware_profiles.grid import Grid, grid, grid_names
from nas.carbon.study import Baseline
from nas.errors import DeploymentError, RunError, StudyError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles.deployment import Deployment
    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = ["as_consequence", "at_marginal_rate", "marginal_grid", "rescore", "unmeasured"]


def rescore(
    run: Run, deployments: Sequence[Deployment], study: Study | None = None
) -> pd.DataFrame:
    """Score every trained candidate of a run on other deployments, or under another study.

    Args:
        run: An opened run; it is only read.
        deployments: What to score on, one or more, with unique labels.
        study: What to count under; None keeps the run's own.

    Returns:
        One row a trained candidate and deployment, with the columns of `Run.scores`; an error at
        a precision that the run did not measure is NaN, and such a row is on no front.

    Raises:
        DeploymentError: If there is no deployment, or two share a label.
        RunError: If a record of the run is damaged.
        LayerError: If a stored layer graph is damaged.
    """
    from nas.runs.tables import read_records, score_table

    labels = [deployment.label for deployment in deployments]
    if not labels:
        raise DeploymentError("rescore: no deployment is given, name at least one")
    twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
    if twice:
        raise DeploymentError(f"rescore: label {twice[0]!r} is given twice; rename one")
    return score_table(
        read_records(run.artifacts), deployments, study or run.study, run.frozen["constraints"]
    )


def unmeasured(run: Run, deployments: Sequence[Deployment]) -> tuple[str, ...]:
    """A line for each deployment at whose precision the run measured no error, with the remedy.

    Args:
        run: An opened run.
        deployments: What is scored on.
    """
    measured = list(dict.fromkeys(own.precision for own in run.deployments))
    return tuple(
        f"{deployment.label}: error is unknown, as the run measured none in "
        f"{deployment.precision}; {_instead(deployment, measured)}"
        for deployment in deployments
        if deployment.precision not in measured
    )


def _instead(deployment: Deployment, measured: Sequence[str]) -> str:
    name = deployment.profile.name
    able = [f"{name}:{one}" for one in measured if one in deployment.profile.macs_per_s]
    if able:
        return f"use {' or '.join(able)}"
    return f"{name} cannot compute in {' or '.join(measured)}, so search again with {name}"


def marginal_grid(of: Grid) -> Grid | None:
    """The grid with the marginal rate of the same place, or None where none is known.

    Args:
        of: A grid; one that is marginal is returned as it is. A grid that was frozen before rates
            were paired finds its pair by its name.
    """
    if of.rate == "marginal":
        return of
    name = of.marginal
    if name is None and of.name in grid_names():
        name = grid(of.name).marginal
    return None if name is None else grid(name)


def at_marginal_rate(deployment: Deployment) -> Deployment:
    """The deployment at the marginal rate of its place, without a market-based figure.

    Its label stays, so that its scores pair with those at the average rate.

    Raises:
        StudyError: If no marginal rate of its grid is known.
    """
    found = marginal_grid(deployment.grid)
    if found is None:
        known = ", ".join(name for name in grid_names() if grid(name).marginal)
        raise StudyError(
            f"{deployment.label}: no marginal rate of grid {deployment.grid.name!r} is known, and a"
            f" consequence counts marginal rates; use a grid that has one ({known})"
        )
    return replace(deployment, grid=found, market_gco2e_per_kwh=None)


def as_consequence(run: Run, study: Study, candidate: str, today: Deployment) -> Study:
    """The study as the consequence of leaving a candidate that is used today.

    The baseline is counted under the same view, and its device is owned already, whatever comes
    after it.

    Args:
        run: An opened run, which trained the candidate.
        study: Demand and tables; its view and baseline are replaced.
        candidate: Key of what is used today.
        today: Where it is used; it is counted at its marginal rate.

    Raises:
        RunError: If the run has no such trained candidate, or a record is damaged.
        StudyError: If no marginal rate of its grid is known, or it does not run there.
    """
    from nas.runs.tables import read_records, score_table

    records = [record for record in read_records(run.artifacts) if record.status == "trained"]
    chosen = [record for record in records if record.candidate == candidate]
    if not chosen:
        keys = [record.candidate for record in records]
        raise RunError(unknown_name("baseline", candidate, keys, "carbon-nas front"))
    owned = tuple({*study.sunk, today.profile.name})
    name = f"{candidate} on {today.label}"
    provisional = replace(study, view="consequence", baseline=Baseline(name, 0.0), sunk=owned)
    (row,) = score_table(chosen, [at_marginal_rate(today)], provisional, {}).to_dict("records")
    if not row["feasible"]:
        raise StudyError(f"baseline {name}: it does not run there ({row['reason']}); name another")
    return replace(provisional, baseline=Baseline(name, float(row["carbon_gco2e"])))
