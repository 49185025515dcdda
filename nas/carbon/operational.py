"""Carbon of use: energy of an inference and of the idle time it answers for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nas.carbon.quantity import Numbers, fitting, quantity

__all__ = ["JOULES_PER_KWH", "idle_energy_j", "operational_gco2e"]

JOULES_PER_KWH = 3.6e6


@fitting
def operational_gco2e(
    energy_j: ArrayLike, *, grid_gco2e_per_kwh: ArrayLike, overhead: ArrayLike = 1.0
) -> Numbers:
    """Grams of CO2e of an amount of energy: ``E * overhead * CI / 3.6e6``.

    Args:
        energy_j: Energy at the boundary where it was taken, in J, >= 0.
        grid_gco2e_per_kwh: Carbon intensity of the electricity, in g/kWh, >= 0.
        overhead: Wall energy per joule at the boundary, >= 1: PUE over supply efficiency.

    Returns:
        Grams, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        ACT, Gupta et al., ISCA 2022 (``CI_use * Energy``); PUE as in the GHG Protocol's Scope 2.
    """
    energy = quantity("energy_j", energy_j)
    grid = quantity("grid_gco2e_per_kwh", grid_gco2e_per_kwh)
    return energy * quantity("overhead", overhead, least=1.0) * grid / JOULES_PER_KWH


@fitting
def idle_energy_j(
    occupancy_s: ArrayLike,
    *,
    idle_w: ArrayLike,
    sleep_w: ArrayLike,
    busy_share: ArrayLike,
    powered_share: ArrayLike,
) -> Numbers:
    """Energy that a device takes between inferences, per inference.

    ``P_idle * tau * (p - u) / u + P_sleep * tau * (1 - p) / u``. A device asked to be busy longer
    than it is powered has no idle time; whether it keeps up is `close_demand`'s to say.

    Args:
        occupancy_s: Device seconds of one inference, ``T_batch / (batch * streams)``, > 0.
        idle_w: Power when awake and not computing, in W, >= 0.
        sleep_w: Power while not powered up, in W, >= 0; 0 for a device switched off.
        busy_share: Share u of the life the device computes, by all work, > 0.
        powered_share: Share p of the life the device is awake, in (0, 1].

    Returns:
        Joules per inference, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Energy balance over the life: ``(p - u) * LT`` idle and ``(1 - p) * LT`` asleep, divided
        by the ``u * LT / tau`` inferences of that life.
    """
    tau = quantity("occupancy_s", occupancy_s, above=True)
    busy = quantity("busy_share", busy_share, above=True)
    powered = quantity("powered_share", powered_share, most=1.0, above=True)
    idle = quantity("idle_w", idle_w) * np.maximum(powered - busy, 0.0)
    asleep = quantity("sleep_w", sleep_w) * (1.0 - powered)
    return tau * (idle + asleep) / busy
