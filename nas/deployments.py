"""Deployments and studies from texts, or those of a run with some of them changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

from hardware_profiles import Deployment, deployment_label
from hardware_profiles.grid import Grid
from nas.carbon import Demand, Study
from nas.carbon.supply import resolve_grid
from nas.cost.devices import device
from nas.errors import ConfigError, DeploymentError, unknown_name
from nas.rescoring import at_marginal_rate

__all__ = [
    "at_marginal_rates",
    "candidate_and_deployment",
    "changed_profiles",
    "deployments_for",
    "device_and_precision",
    "grid_or_number",
    "placed",
    "study_for",
]


def deployments_for(
    hardware: Sequence[str] | None, grids: Sequence[str] | None, *, like: Sequence[Deployment]
) -> list[Deployment]:
    """Given devices on given grids, or the deployments of a run, elsewhere if grids are given.

    Args:
        hardware: Texts that `device_and_precision` reads, each on every grid; None takes the
            deployments of `like` as they are, batch, overheads and labels included.
        grids: Names, gCO2e/kWh or .yaml files, each in place of the grid of a deployment of
            `like`; None keeps its grid. For given devices None takes the grid of `like`, if it is
            one.
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


def placed(
    given: str | Deployment | Sequence[str | Deployment] | None,
    where: str | float | Grid | Sequence[str | float | Grid] | None,
    *,
    like: Sequence[Deployment],
) -> list[Deployment]:
    """The same from Python, where deployments and grids may be objects too.

    Args:
        given: Texts that `device_and_precision` reads, or deployments, one or several; None as in
            `deployments_for`.
        where: Grids, one or several; every device that is given is placed on each. None keeps the
            grid of a deployment, and as in `deployments_for` gives texts that of `like`.
        like: As in `deployments_for`.

    Raises:
        ConfigError: As `deployments_for`.
        HardwareError: As `deployments_for`.
        DeploymentError: As `deployments_for`; if something else is given.
    """
    grids = None if where is None else [_grid_of(item) for item in _several(where)]
    if given is None:
        if not like:
            raise ConfigError("deployments: none given; name one, such as 'rpi4:int8'")
        return list(like) if grids is None else _moved(like, grids)
    found: list[Deployment] = []
    for item in _several(given):
        if isinstance(item, Deployment):
            found += [item] if grids is None else _moved([item], grids)
        elif isinstance(item, str):
            found += [_on(item, place) for place in grids or _own_grids(like, "grid")]
        else:
            raise DeploymentError(
                f"deployments: got {item!r}; give 'NAME:PRECISION' or a Deployment"
            )
    return found


def _several(given: Any) -> list[Any]:
    return [given] if isinstance(given, str | int | float | Grid | Deployment) else list(given)


def _grid_of(given: str | float | Grid) -> Grid:
    if isinstance(given, Grid):
        return given
    return _grid(given) if isinstance(given, str) else resolve_grid(given)


def changed_profiles(
    deployments: Sequence[Deployment], *, like: Sequence[Deployment]
) -> tuple[str, ...]:
    """A line for each device whose profile is no longer the one that a run was scored with.

    Args:
        deployments: What is scored now.
        like: The deployments of the run, as it froze them.
    """
    own = {deployment.profile.name: deployment.profile for deployment in like}
    names = dict.fromkeys(
        deployment.profile.name
        for deployment in deployments
        if deployment.profile != own.get(deployment.profile.name, deployment.profile)
    )
    return tuple(
        f"{name}: its profile has changed since the run, so numbers differ from those of the run, "
        "which keeps its own"
        for name in names
    )


def device_and_precision(text: str) -> tuple[str, str, int | None]:
    """The device, the precision and the threads that a text such as "rpi4:int8:t2" names.

    Args:
        text: "NAME", "NAME:PRECISION", "NAME:tTHREADS" or "NAME:PRECISION:tTHREADS"; fp32 and all
            cores unless told.

    Raises:
        ConfigError: If it has more parts, or no whole number of threads.
    """
    name, *parts = text.split(":")
    threads = parts.pop()[1:] if parts and _THREADS.fullmatch(parts[-1]) else None
    if len(parts) > 1:
        raise ConfigError(
            f"hardware: got {text!r}; give NAME, NAME:PRECISION or NAME:PRECISION:tTHREADS, such as"
            " rpi4:int8:t2"
        )
    return name, (parts[0] if parts else "") or "fp32", None if threads is None else int(threads)


def grid_or_number(text: str) -> str | float:
    """The gCO2e/kWh that a text stands for; a text that is no number is a grid's name."""
    try:
        return float(text)
    except ValueError:
        return text


def _on(item: str, where: Grid) -> Deployment:
    name, precision, threads = device_and_precision(item)
    profile = device(name)
    label = deployment_label(profile.name, precision, where.name, threads=threads)
    return Deployment(
        label,
        profile,
        precision,  # type: ignore[arg-type]  # checked by Deployment
        where,
        threads=threads,
    )


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
        threads=deployment.threads,
        resource_share=deployment.resource_share,
        beside=[model.name for model in deployment.beside],
    )
    if deployment.label == by_rule(deployment.grid.name):
        return by_rule(where.name)
    return f"{deployment.label.removesuffix(f'-{deployment.grid.name}')}-{where.name}"


def at_marginal_rates(
    deployments: Sequence[Deployment],
) -> tuple[list[Deployment], tuple[str, ...]]:
    """The deployments at the marginal rates of their places, and a line for each grid replaced.

    Labels name the new grid.

    Raises:
        StudyError: If no marginal rate of a grid is known.
    """
    found, said = [], []
    for deployment in deployments:
        moved = at_marginal_rate(deployment)
        if moved.grid != deployment.grid:
            said.append(
                f"grid {deployment.grid.name} ({_intensity(deployment.grid)}) at its marginal "
                f"rate, {moved.grid.name} ({_intensity(moved.grid)})"
            )
            moved = replace(moved, label=_moved_label(deployment, moved.grid))
        found.append(moved)
    return found, tuple(dict.fromkeys(said))


def _intensity(where: Grid) -> str:
    return f"{where.gco2e_per_kwh.value:.4g} g/kWh"


def candidate_and_deployment(
    text: str, deployments: Sequence[Deployment], *, option: str = "--baseline"
) -> tuple[str, Deployment]:
    """What "CANDIDATE@DEPLOYMENT" names.

    Args:
        text: As given; a candidate's key and a deployment's label.
        deployments: Those that may be named.
        option: What it was given to, for the message.

    Raises:
        ConfigError: If it has another form, or the deployment is unknown.
    """
    candidate, at, label = text.partition("@")
    if not (candidate and at and label):
        raise ConfigError(f"{option}: got {text!r}; give CANDIDATE@DEPLOYMENT (`carbon-nas front`)")
    by_label = {deployment.label: deployment for deployment in deployments}
    if label not in by_label:
        raise ConfigError(unknown_name(option, label, by_label, "carbon-nas status"))
    return candidate, by_label[label]


def study_for(given: Mapping[str, Any], *, like: Study | None) -> Study:
    """A study with some of its fields, and of those of its demand, replaced.

    Args:
        given: By name of the field; None where nothing is given. Of volume and busy share, and of
            devices, users and peak rate, one takes the place of the other.
        like: The study of a run, or None.

    Raises:
        ConfigError: If there is no `like` and volume or lifetime is not given.
        StudyError: If the demand does not close, or fields do not fit together.
    """
    new = {name: value for name, value in given.items() if value is not None}
    asked = {name: new.pop(name) for name in list(new) if name in _DEMAND}
    if like is None:
        if not {"inferences", "lifetime_years"} <= set(asked):
            raise ConfigError(
                "--inferences and --lifetime-years: are not given, and carbon per inference "
                "depends on both; give them"
            )
        return Study(demand=Demand(**asked), **new)
    return replace(like, demand=_demand(asked, like.demand), **new)


_THREADS = re.compile(r"t\d+")
_DEMAND = tuple(field.name for field in fields(Demand))
_ONE_OF = (("inferences", "busy_share"), ("devices", "users", "peak_per_s"))
_OF_A_POOL = ("peak_per_s", "peak_busy_share", "spares")
# What has no meaning without another field goes with it.
_WITH = {"inferences": ("other_busy_share", *_OF_A_POOL), "peak_per_s": _OF_A_POOL}


def _demand(asked: Mapping[str, Any], like: Demand) -> Demand:
    gone = {
        part
        for ways in _ONE_OF
        if asked.keys() & set(ways)
        for name in ways
        if name not in asked
        for part in (name, *_WITH.get(name, ()))
    }
    kept = {name: getattr(like, name) for name in _DEMAND if name not in gone}
    return Demand(**{**kept, **asked})


def _own_grids(like: Sequence[Deployment], option: str = "--grid") -> list[Grid]:
    own = {deployment.grid.name: deployment.grid for deployment in like}
    if not own:
        raise ConfigError(f"{option}: is not given; name one, such as fr (`carbon-nas grid list`)")
    if len(own) != 1:
        raise ConfigError(f"{option}: is not given and the run has {', '.join(own)}; name one")
    return list(own.values())


def _grid(text: str) -> Grid:
    return resolve_grid(grid_or_number(text))
