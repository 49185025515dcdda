"""What a service asks of its devices, and how many of them for how long: the demand closes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.carbon.quantity import Numbers, fitting, quantity
from nas.errors import StudyError

__all__ = [
    "EQUATION",
    "HOURS_PER_YEAR",
    "ClosedDemand",
    "Demand",
    "allocate",
    "close_demand",
    "share_gco2e",
]

HOURS_PER_YEAR = 8760.0
EQUATION = "N * tau = D * LT * 3600 * u"
_PEAK_BUSY_SHARE = 0.7
# Ratios of floats carry rounding; a device that is busy exactly its whole life keeps up.
_ROUNDING = 1e-9
_MOST_DEVICES = 2.0**62


@dataclass(frozen=True, slots=True)
class Demand:
    """What the service asks of its devices: a volume of inferences, or a share of their time.

    Exactly one of ``inferences`` and ``busy_share`` is given; ``N * tau = D * LT * 3600 * u``
    yields the other. D is given by at most one of ``devices``, ``users`` and ``peak_per_s``.

    Attributes:
        lifetime_years: Service life LT of each device, in years of 8,760 h, above 0, at most 100.
        inferences: Inferences N of all devices over that life (fixed volume), or None.
        busy_share: Share u of the life that a device computes, by all work (fixed time), or None;
            above 0, at most ``powered_share``.
        devices: Number D of devices that the service has, >= 1; 1 where D is not given at all.
        users: An edge fleet: one device for each user or site, >= 1, or None.
        peak_per_s: A pool: most inferences asked for in a second while powered, at least the mean,
            or None; ``D = ceil(peak_per_s * tau / peak_busy_share) + spares``. Needs
            ``inferences``.
        peak_busy_share: Share of its time that a device of the pool computes at the peak, in
            (0, 1].
        spares: Devices of the pool beyond those, >= 0.
        powered_share: Share p of the life that a device is awake, in (0, 1].
        other_busy_share: Share of the life that a device computes for other models, >= 0 and below
            ``powered_share``; with ``inferences`` only, since a ``busy_share`` is by all work.

    Raises:
        StudyError: If volume and time, or two ways to give D, are given together, if neither
            volume nor time is, or if a value is out of range.
    """

    lifetime_years: float
    inferences: float | None = None
    busy_share: float | None = None
    devices: int | None = None
    users: int | None = None
    peak_per_s: float | None = None
    peak_busy_share: float = _PEAK_BUSY_SHARE
    spares: int = 0
    powered_share: float = 1.0
    other_busy_share: float = 0.0

    def __post_init__(self) -> None:
        self._refuse_contradictions()
        self._number("lifetime_years", most=100.0)
        self._number("powered_share", most=1.0)
        if self.busy_share is not None:
            self._number("busy_share", most=self.powered_share)
        else:
            self._number("inferences", most=1e18)
        for name, least in (("devices", 1), ("users", 1), ("spares", 0)):
            self._count(name, least)
        self._number("peak_busy_share", most=1.0)
        self._number("other_busy_share", most=self.powered_share, above=False)
        if self.other_busy_share == self.powered_share:
            raise StudyError(
                f"demand.other_busy_share: got {self.other_busy_share:g}, all of the powered_share;"
                " lower it, or no time is left"
            )
        self._check_peak()

    def _refuse_contradictions(self) -> None:
        if (self.inferences is None) == (self.busy_share is None):
            given = "neither" if self.inferences is None else "both"
            raise StudyError(
                f"demand: {given} of inferences (N) and busy_share (u) given, but {EQUATION}"
                " yields one from the other; give exactly one"
            )
        ways = [n for n in ("devices", "users", "peak_per_s") if getattr(self, n) is not None]
        if len(ways) > 1:
            raise StudyError(
                f"demand: {' and '.join(ways)} given, but each yields D of {EQUATION}; give one"
            )
        if not ways:
            object.__setattr__(self, "devices", 1)
        if self.busy_share is not None:
            self._refuse_beside_busy_share()
        if self.peak_per_s is None:
            for name, unset in (("peak_busy_share", _PEAK_BUSY_SHARE), ("spares", 0)):
                if getattr(self, name) != unset:
                    raise StudyError(
                        f"demand.{name}: got {getattr(self, name)!r} without peak_per_s; it is of"
                        " a pool, so give peak_per_s or leave it out"
                    )

    def _refuse_beside_busy_share(self) -> None:
        if self.peak_per_s is not None:
            raise StudyError(
                f"demand: busy_share (u) beside peak_per_s, but {EQUATION} yields u of a pool from"
                " its volume; give inferences instead of busy_share"
            )
        if self.other_busy_share != 0.0:
            raise StudyError(
                f"demand: busy_share (u) beside other_busy_share, but u of {EQUATION} is by all"
                " work already; add the other work to busy_share"
            )

    def _check_peak(self) -> None:
        if self.peak_per_s is None or self.inferences is None:
            return
        self._number("peak_per_s", most=1e12)
        mean = self.inferences / (self.life_h * 3600.0 * self.powered_share)
        if self.peak_per_s < mean * (1.0 - _ROUNDING):
            raise StudyError(
                f"demand.peak_per_s: got {self.peak_per_s:g}, below the mean of {mean:g} that the"
                " inferences make over the powered life; give the peak, or fewer inferences"
            )
        busiest = self.peak_busy_share + self.other_busy_share / self.powered_share
        if busiest > 1.0 + _ROUNDING:
            raise StudyError(
                f"demand.peak_busy_share: got {self.peak_busy_share:g}, which with the other work"
                f" makes {busiest:g} of the time at the peak; lower it"
            )

    def _number(self, name: str, *, most: float, above: bool = True) -> None:
        number = quantity(f"demand.{name}", getattr(self, name), most=most, above=above)
        if number.ndim:
            raise StudyError(f"demand.{name}: got {getattr(self, name)!r}; give a number")
        object.__setattr__(self, name, float(number))

    def _count(self, name: str, least: int) -> None:
        given = getattr(self, name)
        if given is None and name != "spares":
            return
        count = quantity(f"demand.{name}", given, least=float(least))
        if count.ndim or float(count) != int(count):
            raise StudyError(f"demand.{name}: got {given!r}; give a whole number")
        object.__setattr__(self, name, int(count))

    @property
    def life_h(self) -> float:
        """Service life of one device, in hours."""
        return self.lifetime_years * HOURS_PER_YEAR


@dataclass(frozen=True, slots=True, eq=False)
class ClosedDemand:
    """A demand met with devices of given speed; arrays have the shape of the occupancy.

    Attributes:
        inferences: N over the life of all devices.
        busy_share: Share u of a device's life that these inferences take; at fixed time all but
            that of models beside. Above the powered share where devices do not keep up.
        total_busy_share: Share by all work: ``busy_share`` plus that of other models.
        devices: D, as the demand has it or its peak asks for.
        keeps_up: Whether D devices are enough.
        devices_needed: The least number of devices that would be.
    """

    inferences: Numbers
    busy_share: Numbers
    total_busy_share: Numbers
    devices: NDArray[np.int64]
    keeps_up: NDArray[np.bool_]
    devices_needed: NDArray[np.int64]


def close_demand(
    demand: Demand, occupancy_s: ArrayLike, *, beside_busy_share: ArrayLike = 0.0
) -> ClosedDemand:
    """Solves ``N * tau = D * LT * 3600 * u`` for what the demand leaves open.

    Args:
        demand: Fixed volume or fixed time.
        occupancy_s: Device seconds tau of one inference, ``T_batch / (batch * streams)``, > 0;
            any shape.
        beside_busy_share: Share of a device's life for models beside, >= 0, in a shape that
            broadcasts to that of the occupancy; added to the demand's ``other_busy_share``, and
            part of a ``busy_share``, which is by all work.

    Returns:
        The closed demand; what is the same everywhere is a read-only view. Where the devices do
        not keep up, ``busy_share`` is what they would need, and is not clipped.

    Raises:
        StudyError: If an occupancy is not finite or not above 0, or models beside leave no time.

    Source:
        Balance of busy time over the life of D devices; devices of a pool by its peak rate.
    """
    tau = quantity("occupancy_s", occupancy_s, above=True)
    life_s = demand.life_h * 3600.0
    most = demand.powered_share if demand.busy_share is None else demand.busy_share
    beside = quantity("beside_busy_share", beside_busy_share)
    other = demand.other_busy_share + (beside if beside.any() else np.float64(0.0))
    if (other >= most).any():
        raise StudyError(
            f"beside_busy_share: got {np.max(beside_busy_share):g}, which leaves none of"
            f" {most:g} to this model; lower it"
        )
    if demand.inferences is None:
        fixed = demand.devices or demand.users or 1
        devices = np.broadcast_to(np.int64(fixed), tau.shape)
        total, own = (np.broadcast_to(busy, tau.shape) for busy in (np.float64(most), most - other))
        return ClosedDemand(
            inferences=fixed * life_s * own / tau,
            busy_share=own,
            total_busy_share=total,
            devices=devices,
            keeps_up=np.broadcast_to(np.True_, tau.shape),
            devices_needed=devices,
        )
    devices = _devices(demand, tau)
    own = tau * (demand.inferences / life_s) / devices
    needed = _needed(demand, tau, demand.inferences / (life_s * (most - other)))
    return ClosedDemand(
        inferences=np.broadcast_to(np.float64(demand.inferences), tau.shape),
        busy_share=own,
        total_busy_share=own + other if other.any() else own,
        devices=devices,
        keeps_up=needed <= devices,
        devices_needed=needed,
    )


def _devices(demand: Demand, tau: Numbers) -> NDArray[np.int64]:
    if demand.peak_per_s is not None:
        return _whole(tau * (demand.peak_per_s / demand.peak_busy_share)) + demand.spares
    return np.broadcast_to(np.int64(demand.devices or demand.users or 1), tau.shape)


def _needed(demand: Demand, tau: Numbers, per_tau: float | Numbers) -> NDArray[np.int64]:
    """The least D; a fleet gives every user the same number of devices."""
    if demand.users is not None:
        return _whole(tau * (per_tau / demand.users)) * demand.users
    needed = _whole(tau * per_tau)
    if demand.peak_per_s is None:
        return needed
    return np.maximum(needed, _devices(demand, tau))


def _whole(ratio: Numbers) -> NDArray[np.int64]:
    """The next whole number of 1 or more, rounding forgiven."""
    whole = np.ceil(ratio * (1.0 - _ROUNDING))
    return np.clip(whole, 1.0, _MOST_DEVICES).astype(np.int64)


@fitting
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
        busy_share: Share u of the life that the device computes, by all work, in (0, 1].

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
        * quantity("busy_share", busy_share, most=1.0 + _ROUNDING, above=True)
    )
    tau = quantity("occupancy_s", occupancy_s, above=True)
    return quantity("embodied_gco2e", embodied_gco2e) * tau / busy_s


def allocate(busy_shares: ArrayLike) -> Numbers:
    """How several models share what their device costs: in proportion to their busy time.

    Args:
        busy_shares: Share of the device's life that each model computes, > 0, together at most 1;
            models on the last axis.

    Returns:
        Shares of the device, of the same shape; along the last axis they sum to 1.

    Raises:
        StudyError: If there is no model, a share is out of range, or together they exceed the
            device's life.

    Source:
        ``ECF * tau / (LT * 3600 * u)`` summed over the inferences of each model, u by all work.
    """
    busy = quantity("busy_shares", busy_shares, most=1.0, above=True)
    if not busy.ndim or not busy.shape[-1]:
        raise StudyError(f"busy_shares: got {busy_shares!r}; give a list, one number a model")
    total = busy.sum(axis=-1, keepdims=True)
    if (total > 1.0 + _ROUNDING).any():
        raise StudyError(
            f"busy_shares: got {float(total.max()):g} together, more than the device's whole life;"
            " add a device"
        )
    shares: Numbers = busy / total
    return shares
