"""Metrics built from carbon, energy and delay. One definition each; products, no weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nas.carbon.operational import JOULES_PER_KWH
from nas.carbon.quantity import Numbers, fitting, quantity
from nas.errors import StudyError

__all__ = [
    "c2ep",
    "cdp",
    "ce2p",
    "cep",
    "edp",
    "kappa_w",
    "lifecycle_gco2e",
    "sci",
    "tcdp",
]


@fitting
def edp(energy_j: ArrayLike, delay_s: ArrayLike) -> Numbers:
    """Energy-delay product of one inference, in J s: ``E * T``.

    Args:
        energy_j: Energy of one inference, in J, >= 0.
        delay_s: Its response time, in s, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        Gonzalez and Horowitz, IEEE JSSC 1996.
    """
    return quantity("energy_j", energy_j) * quantity("delay_s", delay_s)


@fitting
def cdp(embodied_gco2e: ArrayLike, delay_s: ArrayLike) -> Numbers:
    """Carbon-delay product, in g s: ``C * T``; for data centres.

    Args:
        embodied_gco2e: Embodied carbon of the devices as a whole, in g, >= 0. Never the share of
            one inference: the share holds the delay already.
        delay_s: Response time of one inference, in s, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    return quantity("embodied_gco2e", embodied_gco2e) * quantity("delay_s", delay_s)


@fitting
def cep(embodied_gco2e: ArrayLike, energy_j: ArrayLike) -> Numbers:
    """Carbon-energy product, in g J: ``C * E``; for mobile devices.

    Args:
        embodied_gco2e: Embodied carbon of the devices as a whole, in g, >= 0.
        energy_j: Energy of one inference, in J, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    return quantity("embodied_gco2e", embodied_gco2e) * quantity("energy_j", energy_j)


@fitting
def c2ep(embodied_gco2e: ArrayLike, energy_j: ArrayLike) -> Numbers:
    """Carbon-squared-energy product, in g^2 J: ``C^2 * E``; where manufacture dominates.

    Args:
        embodied_gco2e: Embodied carbon of the devices as a whole, in g, >= 0.
        energy_j: Energy of one inference, in J, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    embodied = quantity("embodied_gco2e", embodied_gco2e)
    return embodied * embodied * quantity("energy_j", energy_j)


@fitting
def ce2p(embodied_gco2e: ArrayLike, energy_j: ArrayLike) -> Numbers:
    """Carbon-energy-squared product, in g J^2: ``C * E^2``; where use dominates.

    Args:
        embodied_gco2e: Embodied carbon of the devices as a whole, in g, >= 0.
        energy_j: Energy of one inference, in J, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        ACT, Gupta et al., ISCA 2022.
    """
    energy = quantity("energy_j", energy_j)
    return quantity("embodied_gco2e", embodied_gco2e) * energy * energy


@fitting
def tcdp(
    embodied_gco2e: ArrayLike,
    operational_gco2e_per_run: ArrayLike,
    runs: ArrayLike | None,
    delay_s: ArrayLike,
) -> Numbers:
    """Total carbon-delay product, in g s: ``(C + N * operational per run) * T``.

    Args:
        embodied_gco2e: Embodied carbon of the devices as a whole, in g, >= 0; not amortised, or
            delay would count twice.
        operational_gco2e_per_run: Operational carbon of one run, in g, >= 0.
        runs: Number N of runs over the life, >= 0. At fixed volume the metric compares designs; at
            fixed time it is the carbon of one inference times a constant. None, as where the
            carbon is that of one run, is refused.
        delay_s: Response time of one run, in s, >= 0.

    Raises:
        StudyError: If the number of runs is not given, or an argument is not finite or negative.

    Source:
        Elgamal et al., HotCarbon 2023, doi 10.1145/3604930.3605712; CORDOBA, HPCA 2025.
    """
    if runs is None:
        raise StudyError(
            "tcdp: runs is not given, and the share of one run holds its delay already; give the"
            " devices' whole embodied carbon and the number of runs over their life"
        )
    volume = quantity("runs", runs) * quantity(
        "operational_gco2e_per_run", operational_gco2e_per_run
    )
    total = quantity("embodied_gco2e", embodied_gco2e) + volume
    return total * quantity("delay_s", delay_s)


@fitting
def sci(operational_gco2e: ArrayLike, embodied_gco2e: ArrayLike, units: ArrayLike) -> Numbers:
    """Software carbon intensity, in g per functional unit: ``(O + M) / R``.

    Args:
        operational_gco2e: Operational carbon of the period, in g, >= 0.
        embodied_gco2e: Share of the embodied carbon that falls to the period, in g, >= 0.
        units: Functional units R delivered in it, such as inferences, > 0.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        ISO/IEC 21031:2024.
    """
    total = quantity("operational_gco2e", operational_gco2e) + quantity(
        "embodied_gco2e", embodied_gco2e
    )
    return total / quantity("units", units, above=True)


@fitting
def kappa_w(
    embodied_gco2e: ArrayLike,
    *,
    life_h: ArrayLike,
    busy_share: ArrayLike,
    overhead: ArrayLike,
    grid_gco2e_per_kwh: ArrayLike,
) -> Numbers:
    """Watts that a busy second of the device costs by its manufacture.

    ``kappa = ECF * 3.6e6 / (LT * 3600 * u * overhead * CI)``: on one device carbon ranks designs
    as ``E + kappa * tau`` does. Far above the spread of power, carbon is latency by another name.

    Args:
        embodied_gco2e: Embodied carbon of one device, in g, >= 0.
        life_h: Service life of the device, in h, > 0.
        busy_share: Share u of the life it computes, > 0.
        overhead: Wall energy per joule at the boundary, >= 1.
        grid_gco2e_per_kwh: Carbon intensity of the electricity, in g/kWh, >= 0; infinite watts
            at 0.

    Returns:
        Watts, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Ratio of the coefficients of tau and E in the carbon of one inference.
    """
    embodied = quantity("embodied_gco2e", embodied_gco2e)
    per_second = embodied / (
        quantity("life_h", life_h, above=True)
        * 3600.0
        * quantity("busy_share", busy_share, above=True)
    )
    per_joule = (
        quantity("overhead", overhead, least=1.0)
        * quantity("grid_gco2e_per_kwh", grid_gco2e_per_kwh)
        / JOULES_PER_KWH
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(per_second == 0.0, 0.0, per_second / per_joule)


@fitting
def lifecycle_gco2e(
    *,
    training_gco2e: ArrayLike,
    inferences: ArrayLike,
    operational_gco2e: ArrayLike,
    embodied_gco2e: ArrayLike,
    devices: ArrayLike,
) -> Numbers:
    """Carbon of a service over the life of its devices, in g.

    ``training + N * operational + D * ECF``.

    Args:
        training_gco2e: Training of the model that serves, in g, >= 0.
        inferences: Number N of inferences over the life, >= 0.
        operational_gco2e: Operational carbon of one inference, in g, >= 0.
        embodied_gco2e: Embodied carbon of one device, in g, >= 0.
        devices: Number D of devices, >= 0.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        Sum over the phases of ISO 14040 that the study's boundary names.
    """
    use = quantity("inferences", inferences) * quantity("operational_gco2e", operational_gco2e)
    made = quantity("devices", devices) * quantity("embodied_gco2e", embodied_gco2e)
    return quantity("training_gco2e", training_gco2e) + use + made
