"""Deployments and studies from options, or those of a run with some of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hardware_profiles import Deployment, custom_grid
from hardware_profiles.catalog import hardware as device
from hardware_profiles.grid import Grid, grid
from nas.carbon import Demand, Study
from nas.errors import ConfigError

__all__ = ["deployments_for", "study_for"]


def deployments_for(
    hardware: Sequence[str] | None, grids: Sequence[str] | None, *, like: Sequence[Deployment]
) -> list[Deployment]:
    """Every given device on every given grid.

    Args:
        hardware: "NAME" or "NAME:PRECISION"; None takes the devices of `like`.
        grids: Names or gCO2e/kWh; None takes the grid of `like`, if it is one.
        like: The deployments of a run, or none.

    Raises:
        ConfigError: If neither options nor `like` say which devices, or which grid.
        HardwareError: If a name is unknown.
        DeploymentError: If a device lacks a precision.
    """
    if not hardware and not like:
        raise ConfigError("--hardware: is not given; name a device (`carbon-nas hardware list`)")
    chosen = [_grid(text) for text in grids] if grids else _own_grids(like)
    if hardware:
        found = []
        for item in hardware:
            name, _, precision = item.partition(":")
            for where in chosen:
                label = f"{name}-{precision or 'fp32'}-{where.name}"
                found.append(Deployment(label, device(name), precision or "fp32", where))  # type: ignore[arg-type]  # checked by Deployment
        return found
    own = {(d.profile.name, d.precision, d.batch, d.streams): d for d in like}
    return [
        replace(
            deployment,
            grid=where,
            label=f"{deployment.profile.name}-{deployment.precision}-{where.name}"
            + (f"-b{deployment.batch}" if deployment.batch > 1 else "")
            + (f"-s{deployment.streams}" if deployment.streams > 1 else ""),
        )
        for deployment in own.values()
        for where in chosen
    ]


def study_for(
    inferences: float | None, lifetime_years: float | None, *, like: Study | None
) -> Study:
    """A study with another volume or lifetime.

    Args:
        inferences: Inferences over the life; None takes those of `like`.
        lifetime_years: Service life; None takes that of `like`.
        like: The study of a run, or None.

    Raises:
        ConfigError: If there is no `like` and something is not given.
        StudyError: If the demand does not close.
    """
    if like is None:
        if inferences is None or lifetime_years is None:
            raise ConfigError(
                "--inferences and --lifetime-years: are not given, and carbon per inference "
                "depends on both; give them"
            )
        return Study(demand=Demand(lifetime_years=lifetime_years, inferences=inferences))
    if inferences is None and lifetime_years is None:
        return like
    demand = like.demand
    if inferences is not None:
        demand = replace(demand, inferences=inferences, busy_share=None)
    if lifetime_years is not None:
        demand = replace(demand, lifetime_years=lifetime_years)
    return replace(like, demand=demand)


def _own_grids(like: Sequence[Deployment]) -> list[Grid]:
    own = {deployment.grid.name: deployment.grid for deployment in like}
    if len(own) != 1:
        names = ", ".join(own) or "none"
        raise ConfigError(f"--grid: is not given and the run has {names}; name one")
    return list(own.values())


def _grid(text: str) -> Grid:
    try:
        return custom_grid(float(text))
    except ValueError:
        return grid(text)
