"""A deployment: a hardware profile in one precision, batch and place of use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any

from hardware_profiles.beside import ModelBeside, beside_from_dict
from hardware_profiles.documents import parse_facts
from hardware_profiles.grid import Grid
from hardware_profiles.profile import HardwareProfile, Precision
from nas.errors import DeploymentError

__all__ = ["Deployment", "deployment_from_dict", "deployment_label", "deployment_to_dict"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Hardware profile x precision x batch and streams x grid x overheads.

    Attributes:
        label: Names the deployment in scores and plots.
        profile: The device.
        precision: One the device supports.
        grid: Where it is plugged in.
        batch: Inputs of one run, 1 or more.
        streams: Runs at the same time, 1 or more.
        threads: Cores that each of them uses, 1 or more and together no more than the device has;
            None for all. The others stay idle: rates, cache bandwidth and power above idle are in
            proportion, main memory and manufacture those of the whole device.
        pue: Power usage effectiveness here, 1 or more; None takes the profile's.
        supply_efficiency: Share of wall energy that reaches the device here, above 0 and at most
            1; None takes the profile's.
        resource_share: Share of the device that this is, above 0 and at most 1: a partition has
            that share of its rates, bandwidths, caches, memory, powers and embodied carbon
            (ISO/IEC 21031:2024, ``M = TE * TS * RS``).
        market_gco2e_per_kwh: Carbon intensity of the electricity that a contract buys (GHG
            Protocol, market-based Scope 2), 0 or more, reported beside that of the grid; None
            without a contract.
        beside: Other models on the same device. Memory and storage of all add up against its
            limits, each with buffers of its own; its manufacture and idle time are shared by busy
            time. Latency is each model's own: waiting for one another is not modelled.

    Raises:
        DeploymentError: If the device lacks the precision, a number is out of its range, the
            profile says no cores for threads or fewer, an overhead is given that the device's
            energy boundary already holds, a contract is given beside a marginal rate, or models
            beside have one name or take the whole life of the device.
    """

    label: str
    profile: HardwareProfile
    precision: Precision
    grid: Grid
    batch: int = 1
    streams: int = 1
    threads: int | None = None
    pue: float | None = None
    supply_efficiency: float | None = None
    resource_share: float = 1.0
    market_gco2e_per_kwh: float | None = None
    beside: tuple[ModelBeside, ...] = ()

    def __post_init__(self) -> None:
        if not self.label:
            raise DeploymentError("deployment: label is empty; name it, such as rpi4-int8-fr")
        if self.precision not in self.profile.macs_per_s:
            raise DeploymentError(
                f"{self.label}: precision {self.precision!r} is not supported by"
                f" {self.profile.name}; use {' or '.join(self.profile.precisions)}"
            )
        for key, count in (("batch", self.batch), ("streams", self.streams)):
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise DeploymentError(
                    f"{self.label}: {key} is {count!r}; give a whole number of 1 or more"
                )
        self._check_threads()
        for key in ("pue", "supply_efficiency", "resource_share", "market_gco2e_per_kwh"):
            number = getattr(self, key)
            known = number is not None or key == "resource_share"
            if known and (isinstance(number, bool) or not isinstance(number, Real)):
                raise DeploymentError(f"{self.label}: {key} is {number!r}; give a number")
        self._check_overheads()
        if not 0.0 < self.resource_share <= 1.0:
            raise DeploymentError(
                f"{self.label}: resource_share is {self.resource_share}; give the part of the"
                " device, above 0 and at most 1"
            )
        self._check_market()
        self._check_beside()

    def _check_threads(self) -> None:
        threads, cores = self.threads, self.profile.cores
        if threads is None:
            return
        if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
            raise DeploymentError(
                f"{self.label}: threads is {threads!r}; give a whole number of 1 or more"
            )
        if cores is None:
            raise DeploymentError(
                f"{self.label}: threads is {threads}, but {self.profile.name} says no cores; leave"
                " threads out, or add cores to the profile"
            )
        if threads * self.streams > cores.value:
            raise DeploymentError(
                f"{self.label}: {threads} threads x {self.streams} streams are more than the"
                f" {cores.value:g} cores of {self.profile.name}; lower one"
            )

    @property
    def working_share(self) -> float:
        """Share of the cores that its threads keep busy, above 0 and at most 1."""
        if self.threads is None or self.profile.cores is None:
            return 1.0
        return self.threads * self.streams / self.profile.cores.value

    def _check_market(self) -> None:
        market = self.market_gco2e_per_kwh
        if market is None:
            return
        if not (math.isfinite(market) and market >= 0.0):
            raise DeploymentError(
                f"{self.label}: market_gco2e_per_kwh is {market}; give a finite number of 0 or more"
            )
        if self.grid.rate != "average":
            raise DeploymentError(
                f"{self.label}: market_gco2e_per_kwh is of a contract, but grid {self.grid.name!r}"
                f" has a {self.grid.rate} rate; leave one out"
            )

    def _check_beside(self) -> None:
        names = [model.name for model in self.beside]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DeploymentError(f"{self.label}: beside names {twice!r} twice; rename one")
        if self.beside_busy_share >= 1.0:
            raise DeploymentError(
                f"{self.label}: models beside it take {self.beside_busy_share:.3g} of the device's"
                " life; lower their inferences_per_s, or take a faster device"
            )

    @property
    def beside_memory_bytes(self) -> float:
        """Memory that the other models on the device take."""
        return sum(model.peak_memory_bytes for model in self.beside)

    @property
    def beside_storage_bytes(self) -> float:
        """Storage that the other models on the device take."""
        return sum(model.storage_bytes for model in self.beside)

    @property
    def beside_busy_share(self) -> float:
        """Share of the device's life that it computes for the other models, >= 0 and below 1."""
        return sum(model.busy_share for model in self.beside)

    def _check_overheads(self) -> None:
        boundary = self.profile.energy_boundary
        if self.pue is not None:
            if not (math.isfinite(self.pue) and self.pue >= 1.0):
                raise DeploymentError(f"{self.label}: pue is {self.pue}; give 1 or more")
            if boundary == "facility":
                raise DeploymentError(
                    f"{self.label}: pue is inside the power of {self.profile.name} already;"
                    " leave it out"
                )
        if self.supply_efficiency is not None:
            if not 0.0 < self.supply_efficiency <= 1.0:
                raise DeploymentError(
                    f"{self.label}: supply_efficiency is {self.supply_efficiency};"
                    " give a share above 0 and at most 1"
                )
            if boundary in ("wall", "facility"):
                raise DeploymentError(
                    f"{self.label}: supply_efficiency is inside the power of"
                    f" {self.profile.name} already; leave it out"
                )

    @property
    def overhead(self) -> float:
        """Grid energy for one joule at the device's energy boundary: PUE / supply efficiency.

        Only what lies outside the boundary counts; where a profile has no PUE, the device stands
        outside a data centre.
        """
        pue, supply = self.profile.pue, self.profile.supply_efficiency
        pue_value = self.pue if self.pue is not None else (1.0 if pue is None else pue.value)
        efficiency = self.supply_efficiency
        if efficiency is None:
            efficiency = 1.0 if supply is None else supply.value
        return pue_value / efficiency


def deployment_label(
    hardware: str,
    precision: str,
    grid: str,
    *,
    batch: int = 1,
    streams: int = 1,
    threads: int | None = None,
    resource_share: float = 1.0,
    beside: Sequence[str] = (),
) -> str:
    """The label of a deployment that is given none, such as ``rpi4-int8-fr-b8``.

    Args:
        hardware: Name of the profile.
        precision: Its precision.
        grid: Name of the grid.
        batch: Inputs of one run; told when more than 1.
        streams: Runs at the same time; told when more than 1.
        threads: Of each; told when given.
        resource_share: Share of the device; told in percent when less than 1.
        beside: Names of the other models on it.
    """
    extra = "".join(
        f"-{word}{count}" for word, count in (("b", batch), ("s", streams)) if count > 1
    )
    if threads is not None:
        extra += f"-t{threads}"
    if resource_share < 1.0:
        extra += f"-{100.0 * resource_share:g}pct"
    if beside:
        extra += f"-with-{'-'.join(beside)}"
    return f"{hardware}-{precision}-{grid}{extra}"


def deployment_to_dict(deployment: Deployment) -> dict[str, Any]:
    """Plain data of a deployment, profile and grid inside, as JSON or YAML can hold it."""
    return {
        "label": deployment.label,
        "profile": deployment.profile.model_dump(mode="json"),
        "precision": deployment.precision,
        "grid": deployment.grid.model_dump(mode="json"),
        "batch": deployment.batch,
        "streams": deployment.streams,
        "threads": deployment.threads,
        "pue": deployment.pue,
        "supply_efficiency": deployment.supply_efficiency,
        "resource_share": deployment.resource_share,
        "market_gco2e_per_kwh": deployment.market_gco2e_per_kwh,
        "beside": [asdict(model) for model in deployment.beside],
    }


_KEYS = frozenset(field.name for field in fields(Deployment))


def deployment_from_dict(content: Mapping[str, Any]) -> Deployment:
    """The deployment that `deployment_to_dict` wrote.

    Args:
        content: As read from JSON or YAML.

    Raises:
        DeploymentError: If a key is unknown or missing, or values do not fit together.
        HardwareError: If the profile or the grid inside is faulty.
    """
    unknown = sorted(set(content) - _KEYS)
    if unknown:
        raise DeploymentError(
            f"deployment: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}"
        )
    missing = sorted({"label", "profile", "precision", "grid"} - set(content))
    if missing:
        raise DeploymentError(f"deployment: {missing[0]!r} is missing; add it")
    parsed = ("profile", "grid", "beside")
    rest = {key: value for key, value in content.items() if key not in parsed}
    label = str(content["label"])
    return Deployment(
        profile=parse_facts(HardwareProfile, content["profile"], f"{label}: profile"),
        grid=parse_facts(Grid, content["grid"], f"{label}: grid"),
        beside=tuple(beside_from_dict(model) for model in content.get("beside", ())),
        **rest,
    )
