"""Deployments and studies from options, or those of a run with some of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from hardware_profiles import Deployment, custom_grid, deployment_label
from hardware_profiles.catalog import hardware as device
from hardware_profiles.grid import Grid, grid
from nas.carbon import Demand, Study
from nas.errors import ConfigError

__all__ = ["deployments_for", "device_and_precision", "grid_or_number", "study_for"]


def deployments_for(
    hardware: Sequence[str] | None, grids: Sequence[str] | None, *, like: Sequence[Deployment]
) -> list[Deployment]:
    """Given devices on given grids, or the deployments of a run, elsewhere if grids are given.

    Args:
        hardware: "NAME" or "NAME:PRECISION", each on every grid; None takes the deployments of
            `like` as they are, batch, overheads and labels included.
        grids: Names or gCO2e/kWh, each in place of the grid of a deployment of `like`; None keeps
            its grid. For given devices None takes the grid of `like`, if it is one.
        like: The deployments of a run, or none.

    Raises:
        ConfigError: If neither options nor `like` say which devices, or which grid.
        HardwareError: If a name is unknown.
        DeploymentError: If a device lacks a precision.
    """
    chosen = [_grid(text) for text in grids] if grids else []
    if hardware:
        places = chosen or _own_grids(like)
        return [_on(item, where) for item in hardware for where in places]
    if not like:
        raise ConfigError("--hardware: is not given; name a device (`carbon-nas hardware list`)")
    return _moved(like, chosen) if chosen else list(like)


def device_and_precision(text: str) -> tuple[str, str]:
    """The device and the precision in "NAME" or "NAME:PRECISION"; fp32 unless told."""
    name, _, precision = text.partition(":")
    return name, precision or "fp32"


def grid_or_number(text: str) -> str | float:
    """The gCO2e/kWh that a text stands for; a text that is no number is a grid's name."""
    try:
        return float(text)
    except ValueError:
        return text


def _on(item: str, where: Grid) -> Deployment:
    name, precision = device_and_precision(item)
    label = deployment_label(name, precision, where.name)
    return Deployment(label, device(name), precision, where)  # type: ignore[arg-type]  # checked by Deployment


def _moved(like: Sequence[Deployment], grids: Sequence[Grid]) -> list[Deployment]:
    """Each deployment on each grid, once, under labels of their own."""
    found: list[Deployment] = []
    for deployment in like:
        for where in grids:
            moved = replace(deployment, grid=where, label=_moved_label(deployment, where))
            if moved in found:
                continue
            taken = {other.label for other in found}
            label, number = moved.label, 2
            while label in taken:
                label, number = f"{moved.label}-{number}", number + 1
            found.append(replace(moved, label=label))
    return found


def _moved_label(deployment: Deployment, where: Grid) -> str:
    """By the rule, or the user's own label that ends in the new grid."""
    by_rule = partial(
        deployment_label,
        deployment.profile.name,
        deployment.precision,
        batch=deployment.batch,
        streams=deployment.streams,
    )
    if deployment.label == by_rule(deployment.grid.name):
        return by_rule(where.name)
    return f"{deployment.label.removesuffix(f'-{deployment.grid.name}')}-{where.name}"


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
    given = grid_or_number(text)
    return grid(given) if isinstance(given, str) else custom_grid(given)
