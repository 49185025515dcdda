"""Life cycle of a service: search, training, inference and devices, split in every usual way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from nas.carbon.demand import HOURS_PER_YEAR
from nas.carbon.quantity import Numbers, fitting, quantity

__all__ = ["Effort", "LifeCycle", "Part", "Phase", "Scope", "Split", "service_lifecycle"]

Part = Literal["search", "training", "inference", "devices"]
Phase = Literal["manufacture", "transport", "use", "end_of_life"]
Scope = Literal["scope1", "scope2", "scope3"]

# A life that is a whole number of device lives but for rounding needs no further device.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Effort:
    """Carbon of a search, or of one training, in g.

    Attributes:
        use_gco2e: Of the electricity it took, >= 0.
        embodied_gco2e: Its share of the manufacture of the machines it ran on, >= 0.
    """

    use_gco2e: ArrayLike
    embodied_gco2e: ArrayLike = 0.0

    @property
    def total_gco2e(self) -> Numbers:
        """Use plus manufacture, in g."""
        return quantity("use_gco2e", self.use_gco2e) + quantity(
            "embodied_gco2e", self.embodied_gco2e
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Carbon in g by part and phase; every other split adds up the same cells.

    Attributes:
        cells: Grams by (part, phase); a pair that cannot be is left out.
        direct_gco2e: What of the inference's use is emitted on site (Scope 1).
    """

    cells: Mapping[tuple[Part, Phase], Numbers]
    direct_gco2e: Numbers

    @property
    def total_gco2e(self) -> Numbers:
        """Sum of all cells."""
        return _sum(list(self.cells.values()))

    @property
    def by_part(self) -> dict[Part, Numbers]:
        """By what causes it: search, training, inference, devices."""
        return {
            name: _sum([grams for (part, _), grams in self.cells.items() if part == name])
            for name in get_args(Part)
        }

    @property
    def by_phase(self) -> dict[Phase, Numbers]:
        """By phase of a life-cycle assessment: manufacture, transport, use, end of life."""
        return {
            name: _sum([grams for (_, phase), grams in self.cells.items() if phase == name])
            for name in get_args(Phase)
        }

    @property
    def by_scope(self) -> dict[Scope, Numbers]:
        """By scope of the Greenhouse Gas Protocol, as seen by whoever runs the service.

        Use is Scope 2 but for what is emitted on site; everything else is Scope 3. A life-cycle
        grid factor holds upstream emissions that are Scope 3, category 3; they stay with the use.
        """
        phases = self.by_phase
        return {
            "scope1": self.direct_gco2e,
            "scope2": phases["use"] - self.direct_gco2e,
            "scope3": phases["manufacture"] + phases["transport"] + phases["end_of_life"],
        }

    def divided(self, by: ArrayLike) -> Split:
        """The same split of one of so many, such as one inference.

        Args:
            by: How many there are, > 0; broadcasts against the cells.

        Raises:
            StudyError: If the number is not finite or not above 0.
        """
        count = quantity("by", by, above=True)
        return Split(
            {key: grams / count for key, grams in self.cells.items()}, self.direct_gco2e / count
        )


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """Carbon of a service from its search to its end.

    Attributes:
        total: Of the whole service, that is of its whole fleet.
        inferences: Inferences over the service life.
        devices: Devices in use at a time.
        devices_made: Devices that the service life takes, replacements included; a fraction where
            a device's remaining life serves something else.
        service_life_h: Life of the service, in h.
    """

    total: Split
    inferences: Numbers
    devices: Numbers
    devices_made: Numbers
    service_life_h: Numbers

    @property
    def per_inference(self) -> Split:
        """Split of one inference."""
        return self.total.divided(self.inferences)

    @property
    def per_year(self) -> Split:
        """Split of one year of 8,760 h."""
        return self.total.divided(self.service_life_h / HOURS_PER_YEAR)

    @property
    def per_device(self) -> Split:
        """Split of one device in use, over the whole service life."""
        return self.total.divided(self.devices)


@fitting
def service_lifecycle(
    *,
    search: Effort,
    training: Effort,
    retrainings: ArrayLike,
    inferences: ArrayLike,
    operational_gco2e: ArrayLike,
    manufacture_gco2e: ArrayLike,
    transport_gco2e: ArrayLike = 0.0,
    end_of_life_gco2e: ArrayLike = 0.0,
    devices: ArrayLike,
    device_life_h: ArrayLike,
    service_life_h: ArrayLike,
    direct_gco2e: ArrayLike = 0.0,
    whole_devices: bool = False,
) -> LifeCycle:
    """Carbon of a service over its life.

    ``search + training * (1 + retrainings) + N * operational + D * ECF * service life / LT``.

    Args:
        search: The search, as far as this service pays for it.
        training: One full training.
        retrainings: Further trainings over the service life, >= 0.
        inferences: Inferences N over the service life, > 0.
        operational_gco2e: Use of one inference, idle included, in g, >= 0.
        manufacture_gco2e: Manufacture of one device, in g, >= 0.
        transport_gco2e: Transport of one device, in g, >= 0.
        end_of_life_gco2e: End of life of one device, in g, >= 0.
        devices: Devices D in use at a time, > 0.
        device_life_h: Service life LT of one device, in h, > 0.
        service_life_h: Life of the service, in h, > 0; beyond LT devices are replaced.
        direct_gco2e: Emitted on site over the service life and not in the operational carbon, such
            as by a generator, in g, >= 0.
        whole_devices: Whether every device begun counts whole, as a purchase does; otherwise the
            rest of its life serves something else, and only the used share counts.

    Returns:
        The life cycle, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Phases of ISO 14040; scopes of the Greenhouse Gas Protocol, Corporate Standard; phases of
        machine learning (experimentation, training, inference) as in Wu et al., IEEE Micro 2024.
    """
    count = quantity("inferences", inferences, above=True)
    fleet = quantity("devices", devices, above=True)
    service = quantity("service_life_h", service_life_h, above=True)
    lives = service / quantity("device_life_h", device_life_h, above=True)
    made = fleet * (np.ceil(lives * (1.0 - _ROUNDING)) if whole_devices else lives)
    trainings = 1.0 + quantity("retrainings", retrainings)
    direct = quantity("direct_gco2e", direct_gco2e)
    serving = count * quantity("operational_gco2e", operational_gco2e) + direct
    cells: dict[tuple[Part, Phase], Numbers] = {
        ("search", "use"): quantity("search.use_gco2e", search.use_gco2e),
        ("search", "manufacture"): quantity("search.embodied_gco2e", search.embodied_gco2e),
        ("training", "use"): quantity("training.use_gco2e", training.use_gco2e) * trainings,
        ("training", "manufacture"): quantity("training.embodied_gco2e", training.embodied_gco2e)
        * trainings,
        ("inference", "use"): serving,
        ("devices", "manufacture"): quantity("manufacture_gco2e", manufacture_gco2e) * made,
        ("devices", "transport"): quantity("transport_gco2e", transport_gco2e) * made,
        ("devices", "end_of_life"): quantity("end_of_life_gco2e", end_of_life_gco2e) * made,
    }
    wide = np.broadcast_shapes(*(np.shape(x) for x in (*cells.values(), count, fleet, made)))
    return LifeCycle(
        total=Split(
            {key: np.broadcast_to(grams, wide) for key, grams in cells.items()},
            np.broadcast_to(direct, wide),
        ),
        inferences=np.broadcast_to(count, wide),
        devices=np.broadcast_to(fleet, wide),
        devices_made=np.broadcast_to(made, wide),
        service_life_h=np.broadcast_to(service, wide),
    )


def _sum(parts: list[Numbers]) -> Numbers:
    total: Numbers = np.sum(np.broadcast_arrays(*parts), axis=0, dtype=np.float64)
    return total
