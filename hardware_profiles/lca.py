"""The maker's own life-cycle assessment of a device."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from hardware_profiles.figure import Facts, Figure, Fraction, Positive, Share

__all__ = ["PublishedLca"]


class PublishedLca(Facts):
    """What the maker published; shares are of the whole life cycle.

    Attributes:
        total_kgco2e: Whole life cycle, in kg, or None where only components are known.
        production_share: Share of production, above 0 and at most 1; given with the total.
        use_share: Share of use, or None when not given.
        transport_share: Share of transport, or None when not given.
        end_of_life_share: Share of end of life, or None when not given.
        year: Of the publication, or None when unknown.
        components: Production by component, in kg, as far as published; parts of the bill of
            materials name theirs by ``lca_component``.
    """

    total_kgco2e: Positive | None = None
    production_share: Share | None = None
    use_share: Fraction | None = None
    transport_share: Fraction | None = None
    end_of_life_share: Fraction | None = None
    year: Annotated[int, Field(strict=True, ge=1990, le=2100)] | None = None
    components: dict[str, Positive] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _shares(self) -> PublishedLca:
        if (self.total_kgco2e is None) != (self.production_share is None):
            raise ValueError("has only one of total_kgco2e and production_share; give both")
        if self.total_kgco2e is None and not self.components:
            raise ValueError("says nothing; give total_kgco2e and production_share, or components")
        known = (self.production_share, self.use_share, self.transport_share)
        total = sum(figure.value for figure in known if figure is not None)
        # Shares are published in whole percent, and recycling may be credited.
        if total > 1.05:
            raise ValueError(f"has shares that sum to {total:g}; correct them")
        return self

    @property
    def production_gco2e(self) -> Figure | None:
        """Production phase alone, in g CO2e, as a derived figure; None without the total."""
        if self.total_kgco2e is None or self.production_share is None:
            return None
        return Figure(
            value=self.total_kgco2e.value * self.production_share.value * 1000.0,
            source=f"total x production share; {self.total_kgco2e.source}",
            basis="derived",
        )

    @property
    def shares(self) -> dict[str, float]:
        """Share of each phase as far as given; what is left of 1 goes by what it must be.

        The rest is ``end_of_life`` where only that one is not given, ``transport and end_of_life``
        where neither is, and so on; it is below 0 where recycling is credited. Empty without any.
        """
        given = {
            "manufacture": self.production_share,
            "use": self.use_share,
            "transport": self.transport_share,
            "end_of_life": self.end_of_life_share,
        }
        shares = {phase: figure.value for phase, figure in given.items() if figure is not None}
        if not shares:
            return {}
        unknown = " and ".join(phase for phase, figure in given.items() if figure is None)
        rest = 1.0 - sum(shares.values())
        return {**shares, unknown: rest} if unknown and abs(rest) > 1e-12 else shares
