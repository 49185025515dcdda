"""Grids made from a mix of sources: grams of CO2e for a kilowatt hour of coal, gas and so on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import Facts, Figure, Text
from hardware_profiles.grid import Grid
from nas.errors import HardwareError

__all__ = ["FactorSet", "factor_set", "factor_set_names", "mix_grid"]

_GramsPerKwh = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FactorSet(Facts):
    """Carbon intensity by source of electricity, all from one source of figures.

    Attributes:
        name: ``act-2022``, ``carbon-explorer``, ``codecarbon``; ``own`` when the user gave it.
        label: For tables.
        scope: ``direct`` or ``lifecycle``; None when the set mixes them or does not say.
        source: Where the figures are from.
        gco2e_per_kwh: By source: ``coal``, ``gas``, ``oil``, ``biomass``, ``solar``,
            ``geothermal``, ``hydropower``, ``nuclear``, ``wind``, ``other``.
    """

    name: Text
    label: Text
    scope: Literal["direct", "lifecycle"] | None
    source: Text
    gco2e_per_kwh: dict[str, _GramsPerKwh] = Field(min_length=1)

    def factor(self, source: str) -> float:
        """Grams for one kilowatt hour of that source.

        Raises:
            HardwareError: If the set has no factor for it; sets are not mixed.
        """
        if source not in self.gco2e_per_kwh:
            raise HardwareError(
                f"source {source!r}: the factor set {self.name} has none; it has"
                f" {', '.join(sorted(self.gco2e_per_kwh))}; take another set (one of"
                f" {', '.join(factor_set_names())}) or give a mapping of your own"
            )
        return self.gco2e_per_kwh[source]


class _Sets(Facts):
    sets: tuple[FactorSet, ...]


@cache
def _table() -> dict[str, FactorSet]:
    path = Path(__file__).with_name("data") / "sources.yaml"
    return {row.name: row for row in parse_facts(_Sets, read_yaml(path), path.name).sets}


def factor_set_names() -> tuple[str, ...]:
    """Names of the factor sets that come with the package, sorted."""
    return tuple(sorted(_table()))


def factor_set(given: str | Mapping[str, float]) -> FactorSet:
    """A factor set by name, or one of the user's own figures.

    Args:
        given: ``act-2022`` and so on, or g CO2e/kWh by source.

    Raises:
        HardwareError: If the name is unknown or a figure is not a number of 0 or more.
    """
    if isinstance(given, Mapping):
        own = {
            "name": "own",
            "label": "given by the user",
            "scope": None,
            "source": "given by the user",
            "gco2e_per_kwh": dict(given),
        }
        return parse_facts(FactorSet, own, "factors")
    table = _table()
    if given not in table:
        raise HardwareError(f"factors: {given!r} is unknown; use {' or '.join(factor_set_names())}")
    return table[given]


def mix_grid(
    shares: Mapping[str, float], *, factors: str | Mapping[str, float] = "act-2022"
) -> Grid:
    """A grid from the shares of its sources: ``sum(share x factor)``.

    Args:
        shares: Share of the energy by source, each from 0 to 1, sum 1 within 1e-6.
        factors: Name of a factor set, or g CO2e/kWh by source.

    Raises:
        HardwareError: If a share is out of range, the shares do not sum to 1, or the set has no
            factor for a source.
    """
    if not isinstance(shares, Mapping) or not shares:
        raise HardwareError(f"mix: got {shares!r}; give shares by source, such as {{wind: 1.0}}")
    for source, share in shares.items():
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0.0 <= share <= 1.0:
            raise HardwareError(f"mix: {source} is {share!r}; give a share from 0 to 1")
    total = math.fsum(shares.values())
    if abs(total - 1.0) > 1e-6:
        raise HardwareError(f"mix: the shares sum to {total:g}; make them sum to 1")
    used = factor_set(factors)
    value = math.fsum(share * used.factor(source) for source, share in shares.items())
    parts = ", ".join(f"{share:g} {source}" for source, share in shares.items())
    return Grid(
        name=f"mix-{'-'.join(f'{100 * share:.3g}{source}' for source, share in shares.items())}",
        label=f"mix of {parts}",
        gco2e_per_kwh=Figure(
            value=value,
            basis="derived",
            source=f"sum of share x factor ({parts}); factors {used.name}: {used.source}",
        ),
        rate="average",
        flow="generation",
        scope=used.scope,
        year=None,
    )
