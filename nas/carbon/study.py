"""What a carbon number is about: demand, functional unit, boundary, view and factor tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.carbon.quantity import Numbers, quantity
from nas.errors import StudyError

__all__ = [
    "HOURS_PER_YEAR",
    "ClosedDemand",
    "Demand",
    "Study",
    "close_demand",
    "share_gco2e",
    "study_from_dict",
    "study_to_dict",
]

HOURS_PER_YEAR = 8760.0
_EQUATION = "N * tau = D * LT * 3600 * u"
# Ratios of floats carry rounding; a device that is busy exactly its whole life keeps up.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Demand:
    """What the service asks of its devices: a volume of inferences, or a share of their time.

    Exactly one of ``inferences`` and ``busy_share`` is given; ``N * tau = D * LT * 3600 * u``
    yields the other.

    Attributes:
        lifetime_years: Service life of each device, in years of 8,760 h, above 0, at most 100.
        inferences: Inferences N of all devices over that life (fixed volume), or None.
        busy_share: Share u of the life that a device computes, by all work (fixed time), or None;
            above 0, at most ``powered_share``.
        devices: Number D of devices that the service has, >= 1.
        powered_share: Share p of the life that a device is awake, in (0, 1].

    Raises:
        StudyError: If both, or neither, of volume and time are given, or a value is out of range.
    """

    lifetime_years: float
    inferences: float | None = None
    busy_share: float | None = None
    devices: int = 1
    powered_share: float = 1.0

    def __post_init__(self) -> None:
        if (self.inferences is None) == (self.busy_share is None):
            given = "neither" if self.inferences is None else "both"
            raise StudyError(
                f"demand: {given} of inferences (N) and busy_share (u) given, but {_EQUATION}"
                " yields one from the other; give exactly one"
            )
        if isinstance(self.devices, bool) or self.devices != int(
            quantity("demand.devices", self.devices, least=1.0)
        ):
            raise StudyError(f"demand.devices: got {self.devices!r}; give a whole number")
        object.__setattr__(self, "devices", int(self.devices))
        self._number("lifetime_years", most=100.0)
        self._number("powered_share", most=1.0)
        if self.busy_share is None:
            self._number("inferences", most=1e18)
        else:
            self._number("busy_share", most=self.powered_share)

    def _number(self, name: str, *, most: float) -> None:
        number = float(quantity(f"demand.{name}", getattr(self, name), most=most, above=True))
        object.__setattr__(self, name, number)

    @property
    def life_h(self) -> float:
        """Service life of one device, in hours."""
        return self.lifetime_years * HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Study:
    """Under what a carbon number holds; numbers compare only under equal hashes.

    Attributes:
        demand: Volume or time asked of the devices.
        functional_unit: What one carbon number is for.
        boundary: Which phases of the life cycle are inside.
        view: ``footprint``: average grid rates plus allocated embodied carbon.
        fab_table: Name of the table of manufacturing factors, with its version.
        grid_table: Version of the shipped table of grid intensities.

    Raises:
        StudyError: If a text is empty or the view is not supported.
    """

    demand: Demand
    functional_unit: str = "one inference"
    boundary: str = "manufacture and use of the devices; no transport, no end of life"
    view: Literal["footprint"] = "footprint"
    fab_table: str = "act-2022"
    grid_table: str = "grids-1"

    def __post_init__(self) -> None:
        if not isinstance(self.demand, Demand):
            raise StudyError(f"study.demand: got {self.demand!r}; give a Demand")
        for name in ("functional_unit", "boundary", "fab_table", "grid_table"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise StudyError(f"study.{name}: got {text!r}; give a text")
        if self.view != "footprint":
            raise StudyError(
                f"study.view: got {self.view!r}; only 'footprint' is supported (average grid rates"
                " plus allocated embodied carbon)"
            )

    @property
    def hash(self) -> str:
        """Twelve hex digits over every field; equal for equal studies in any process."""
        return _hash(self)


@lru_cache(maxsize=64)
def _hash(study: Study) -> str:
    text = json.dumps(study_to_dict(study), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def study_to_dict(study: Study) -> dict[str, Any]:
    """The study as plain data that `study_from_dict` reads back.

    Args:
        study: Any study.

    Returns:
        A dict of texts, numbers and None, with the demand as a dict under ``demand``.
    """
    plain = {field.name: getattr(study, field.name) for field in fields(Study)}
    plain["demand"] = {field.name: getattr(study.demand, field.name) for field in fields(Demand)}
    return plain


def study_from_dict(plain: Mapping[str, Any]) -> Study:
    """The study that `study_to_dict` wrote, or that a configuration holds.

    Args:
        plain: Fields of `Study` by name, with those of `Demand` under ``demand``; a field with a
            default may be left out.

    Raises:
        StudyError: If a key is unknown or missing, or a value is out of range.
    """
    known = _known("study", plain, Study)
    demand = known.pop("demand", None)
    if demand is None:
        raise StudyError("study.demand: missing; give lifetime_years and inferences or busy_share")
    values = _known("demand", demand, Demand)
    if "lifetime_years" not in values:
        raise StudyError("demand.lifetime_years: missing; give the service life in years")
    return Study(Demand(**values), **known)


def _known(what: str, plain: Any, cls: type[Study] | type[Demand]) -> dict[str, Any]:
    if not isinstance(plain, Mapping):
        raise StudyError(f"{what}: got {plain!r}; give a mapping of keys to values")
    names = [field.name for field in fields(cls)]
    for key in plain:
        if key not in names:
            raise StudyError(f"{what}: {key!r} is unknown; the keys are {', '.join(names)}")
    return dict(plain)


@dataclass(frozen=True, slots=True)
class ClosedDemand:
    """A demand met with devices of given speed; arrays have the shape of the occupancy.

    Attributes:
        inferences: N over the life of all devices.
        busy_share: u of a device; above the powered share where it does not keep up.
        devices: D, as the demand has it.
        keeps_up: Whether D devices are enough.
        devices_needed: The least number of devices that would be.
    """

    inferences: Numbers
    busy_share: Numbers
    devices: int
    keeps_up: NDArray[np.bool_]
    devices_needed: NDArray[np.int64]


def close_demand(demand: Demand, occupancy_s: ArrayLike) -> ClosedDemand:
    """Solves ``N * tau = D * LT * 3600 * u`` for what the demand leaves open.

    Args:
        demand: Fixed volume or fixed time.
        occupancy_s: Device seconds tau of one inference, ``T_batch / (batch * streams)``, > 0;
            any shape.

    Returns:
        The closed demand. Where the devices do not keep up, ``busy_share`` is what they would
        need, and is not clipped.

    Raises:
        StudyError: If an occupancy is not finite or not above 0.

    Source:
        Balance of busy time over the life of D devices.
    """
    tau = quantity("occupancy_s", occupancy_s, above=True)
    life_s = demand.life_h * 3600.0
    if demand.inferences is None:
        busy = np.full(tau.shape, demand.busy_share)
        inferences = demand.devices * life_s * busy / tau
        needed = np.full(tau.shape, demand.devices, dtype=np.int64)
    else:
        inferences = np.full(tau.shape, demand.inferences)
        busy = inferences * tau / (demand.devices * life_s)
        ratio = inferences * tau / (life_s * demand.powered_share)
        whole = np.clip(np.ceil(ratio * (1.0 - _ROUNDING)), 1.0, 2.0**62)
        needed = np.asarray(whole, dtype=np.int64)
    return ClosedDemand(
        inferences=inferences,
        busy_share=busy,
        devices=demand.devices,
        keeps_up=needed <= demand.devices,
        devices_needed=needed,
    )


def share_gco2e(
    embodied_gco2e: ArrayLike,
    *,
    occupancy_s: ArrayLike,
    life_h: ArrayLike,
    busy_share: ArrayLike,
) -> Numbers:
    """Share of a device's embodied carbon that one inference carries, in g.

    ``ECF * tau / (LT * 3600 * u)``, which is ``ECF * D / N`` once demand closes. Models that share
    a device all use the device's u, so that the shares of a device sum to the whole.

    Args:
        embodied_gco2e: Embodied carbon of one device, in g, >= 0.
        occupancy_s: Device seconds of one inference, > 0.
        life_h: Service life of the device, in h, > 0.
        busy_share: Share u of the life that the device computes, by all work, > 0.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        ACT, Gupta et al., ISCA 2022 (``T / LT * E_CF``), with the unused life shared by use.
    """
    busy_s = (
        quantity("life_h", life_h, above=True)
        * 3600.0
        * quantity("busy_share", busy_share, above=True)
    )
    tau = quantity("occupancy_s", occupancy_s, above=True)
    return quantity("embodied_gco2e", embodied_gco2e) * tau / busy_s
