"""The configuration of a search: read, checked, and written out with every default."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hardware_profiles.documents import parse_facts, read_yaml, refuse_boolean
from nas.carbon.embodied import EmbodiedBasis
from nas.carbon.study import MemoryRule, View
from nas.engine.own_files import absolute
from nas.engine.rungs import Promotion
from nas.errors import ConfigError, HardwareError
from nas.objectives import OBJECTIVES, unknown_objective

__all__ = [
    "BaselineConfig",
    "BesideConfig",
    "Budget",
    "DemandConfig",
    "DeploymentConfig",
    "FinalistsConfig",
    "ScheduleConfig",
    "SearchConfig",
    "SearchHost",
    "SearchSettings",
    "SupernetConfig",
    "config_from_mapping",
    "config_to_yaml",
    "constraint_columns",
    "read_config",
]

SamplerName = Literal["ehvi", "tpe", "nsga2", "nsga3", "gp", "random"]
# A name, gCO2e/kWh, or a mapping that `nas.carbon.supply.resolve_grid` reads.
GridConfig = str | float | dict[str, Any]
# A name, a profile file, or sizes of an accelerator that `nas.cost.devices.device` reads.
HardwareConfig = str | dict[str, Any]
Positive = Field(gt=0, allow_inf_nan=False)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, given: Any, info: ValidationInfo) -> Any:
        return refuse_boolean(cls.model_fields[info.field_name or ""].annotation, given)


class DemandConfig(_Strict):
    """What the service must deliver; see `nas.carbon.study.Demand` for the equation."""

    lifetime_years: float = Positive
    inferences: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    busy_share: float | None = Field(default=None, gt=0, le=1)
    devices: int | None = Field(default=None, ge=1)
    users: int | None = Field(default=None, ge=1)
    peak_per_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    peak_busy_share: float = Field(default=0.7, gt=0, le=1)
    spares: int = Field(default=0, ge=0)
    powered_share: float = Field(default=1.0, gt=0, le=1)
    other_busy_share: float = Field(default=0.0, ge=0, lt=1)


class BaselineConfig(_Strict):
    """What is used today, against which a consequence counts."""

    name: str = Field(min_length=1)
    carbon_gco2e: float = Field(ge=0, allow_inf_nan=False)


class BesideConfig(_Strict):
    """Another model on the device: an ONNX file, or its own numbers there."""

    inferences_per_s: float = Field(ge=0, allow_inf_nan=False)
    model: str | None = None
    name: str | None = Field(default=None, min_length=1)
    peak_memory_bytes: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    storage_bytes: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    occupancy_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_way(self) -> BesideConfig:
        numbers = (self.name, self.peak_memory_bytes, self.storage_bytes, self.occupancy_s)
        known = [number is not None for number in numbers]
        if any(known[1:]) if self.model is not None else not all(known):
            raise ValueError(
                "give model, an ONNX file, or name, peak_memory_bytes, storage_bytes and "
                "occupancy_s (`carbon-nas estimate --json` prints the last three)"
            )
        return self


class DeploymentConfig(_Strict):
    """One place where a chosen model may run."""

    hardware: HardwareConfig
    grid: GridConfig
    precision: str = "fp32"
    batch: int = Field(default=1, ge=1)
    streams: int = Field(default=1, ge=1)
    threads: int | None = Field(default=None, ge=1)
    pue: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    supply_efficiency: float | None = Field(default=None, gt=0, le=1)
    resource_share: float = Field(default=1.0, gt=0, le=1)
    market_gco2e_per_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    beside: tuple[BesideConfig, ...] = ()
    label: str | None = None


class SearchHost(_Strict):
    """The machine that searches, so that the search's own carbon is counted."""

    grid: GridConfig
    hardware: HardwareConfig = "host"
    pue: float | None = Field(default=None, ge=1, allow_inf_nan=False)


class ScheduleConfig(_Strict):
    """When the search may run: in the cleanest hours before a deadline.

    Without a signal the hours are those of the grid of `search.on`. With one, a file that holds
    the present intensity as one number, it runs while that is at most `pause_above`.
    """

    deadline_h: float = Positive
    signal: str | None = None
    pause_above: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _both_or_none(self) -> ScheduleConfig:
        if (self.signal is None) != (self.pause_above is None):
            raise ValueError(
                "signal and pause_above go together: a file with the present gCO2e/kWh, and the "
                "intensity above which the search pauses"
            )
        return self


class SearchSettings(_Strict):
    """How the space is searched."""

    on: SearchHost
    sampler: SamplerName = "ehvi"
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=2, ge=1)
    storage: str | None = None
    schedule: ScheduleConfig | None = None
    skip: bool = True
    fidelity: Literal["full", "rungs"] = "full"
    promotion: Promotion = "gain"
    accuracy: Literal["trained", "supernet"] = "trained"
    warm_start: tuple[str, ...] = ()

    @field_validator("storage")
    @classmethod
    def _no_password(cls, url: str | None) -> str | None:
        if url is not None and "@" in url and ":" in url.split("//")[-1].split("@")[0]:
            raise ValueError(
                "holds a password, and configurations are shared; put the URL into an "
                "environment variable and write env:ITS_NAME"
            )
        return url


class Budget(_Strict):
    """When the search ends: whichever limit is met first."""

    trainings: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    epochs: int | None = Field(default=None, ge=1)
    kwh: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    gco2e: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    gain_per_gco2e: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_limit(self) -> Budget:
        if all(limit is None for limit in self.model_dump().values()):
            raise ValueError(f"no limit; give {', '.join(Budget.model_fields)}")
        return self


class SupernetConfig(_Strict):
    """How weights that all candidates share are trained; None is twice a candidate's epochs.

    Finalists' trainings begin from scratch, or from their slices of these weights.
    """

    epochs: int | None = Field(default=None, ge=1)
    finalists: Literal["scratch", "slices"] = "scratch"


class FinalistsConfig(_Strict):
    """How often, and how many of, the front's candidates are trained again."""

    extra_seeds: int = Field(default=2, ge=0)
    at_most: int = Field(default=8, ge=0)


class SearchConfig(_Strict):
    """Everything that a search is launched with.

    Raises (through `config_from_mapping`):
        ConfigError: One line that names the key, what it got, and the remedy.
    """

    task: str
    space: str
    demand: DemandConfig
    deployments: tuple[DeploymentConfig, ...] = Field(min_length=1)
    search: SearchSettings
    budget: Budget
    data_dir: str | None = None
    view: View = "footprint"
    baseline: BaselineConfig | None = None
    sunk: tuple[str, ...] = ()
    memory: MemoryRule = "smallest_variant"
    embodied_basis: EmbodiedBasis = "bottom_up"
    fab_table: str = "act-2022"
    deployments_as: Literal["alternatives", "targets"] = "alternatives"
    objectives: tuple[str, ...] = ("error", "latency", "carbon")
    constraints: dict[str, float] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    final_recipe: dict[str, Any] = Field(default_factory=dict)
    finalists: FinalistsConfig = Field(default_factory=FinalistsConfig)
    supernet: SupernetConfig = Field(default_factory=SupernetConfig)

    @field_validator("recipe", "final_recipe")
    @classmethod
    def _finite(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name, values in given.items():
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, float) and not isfinite(value):
                    raise ValueError(f"{name}={values!r} is not finite; give numbers")
        return given


def read_config(path: str | Path) -> SearchConfig:
    """Read a configuration file; paths of grids, spaces and tasks in it start from its folder.

    Raises:
        ConfigError: If it is missing, not YAML, or not a valid configuration.
    """
    file = Path(path)
    if not file.exists():
        raise ConfigError(f"{file}: no such file; `carbon-nas init {file}` writes one")
    try:
        value = read_yaml(file)
    except HardwareError as error:
        raise ConfigError(str(error)) from None
    config = config_from_mapping(value, file.name)
    own = {key: absolute(getattr(config, key), file.parent) for key in ("space", "task")}
    host = config.search.on
    beside = host.model_copy(update=_from_folder(host, file.parent))
    schedule = config.search.schedule
    if schedule is not None and schedule.signal is not None:
        signal = str((file.parent / schedule.signal).absolute())
        schedule = schedule.model_copy(update={"signal": signal})
    begun = tuple(str((file.parent / folder).absolute()) for folder in config.search.warm_start)
    return config.model_copy(
        update={
            **own,
            "search": config.search.model_copy(
                update={"on": beside, "schedule": schedule, "warm_start": begun}
            ),
            "deployments": tuple(
                row.model_copy(update=_from_folder(row, file.parent)) for row in config.deployments
            ),
        }
    )


def _from_folder(place: DeploymentConfig | SearchHost, folder: Path) -> dict[str, Any]:
    """Its grid, hardware and models beside with their files as paths from the root."""
    found: dict[str, Any] = {
        "grid": _from_root(place.grid, "trace", folder),
        "hardware": _from_root(place.hardware, "accelerator", folder),
    }
    if isinstance(place, DeploymentConfig):
        found["beside"] = tuple(
            row if row.model is None
            else row.model_copy(update={"model": str((folder / row.model).absolute())})
            for row in place.beside
        )  # fmt: skip
    return found


def _from_root(given: Any, key: str, folder: Path) -> Any:
    if isinstance(given, dict) and isinstance(given.get(key), str):
        path = str(given[key])
        own = key == "trace" or path.endswith((".yaml", ".yml"))
        return {**given, key: str((folder / path).absolute())} if own else given
    if isinstance(given, str) and given.endswith((".yaml", ".yml")):
        return str((folder / given).absolute())
    return given


def config_from_mapping(value: Mapping[str, Any], origin: str = "config") -> SearchConfig:
    """Check plain values against the form of a configuration.

    Raises:
        ConfigError: One line: which key, what it got, what to do.
    """
    search = value.get("search")
    host = search.get("on") if isinstance(search, Mapping) else None
    grid = host.get("grid") if isinstance(host, Mapping) else None
    # An unknown key may be the one that was meant.
    if grid is None and set(value) <= set(SearchConfig.model_fields):
        raise ConfigError(
            f"{origin}: search.on.grid: is not given, and the carbon of the search depends on it;"
            " add `search: {on: {grid: us-caiso}}` (`carbon-nas grid list`)"
        )
    try:
        config = parse_facts(SearchConfig, dict(value), origin)
    except HardwareError as error:
        raise ConfigError(str(error)) from None
    constraint_columns(config.constraints)
    return config


def config_to_yaml(config: SearchConfig) -> str:
    """The configuration as YAML, every default written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def constraint_columns(constraints: Mapping[str, float]) -> dict[str, float]:
    """Upper bounds by column of the scores table.

    Args:
        constraints: Upper bounds by objective name or column, in the column's unit.

    Raises:
        ConfigError: If a name is unknown, a bound is not positive and finite, or two bounds
            are set on one column.
    """
    columns: dict[str, float] = {}
    by_column = {row.column: row.column for row in OBJECTIVES.values()}
    names = {**{row.name: row.column for row in OBJECTIVES.values()}, **by_column}
    for name, bound in constraints.items():
        if name not in names:
            raise ConfigError(unknown_objective("constraints", name, names))
        if not 0 < bound < float("inf"):
            raise ConfigError(
                f"constraints: {name}={bound:g} is an upper bound that nothing meets; give > 0"
            )
        if names[name] in columns:
            raise ConfigError(
                f"constraints: {names[name]!r} is bounded twice "
                f"({columns[names[name]]:g} and {bound:g}); keep one"
            )
        columns[names[name]] = bound
    return columns
