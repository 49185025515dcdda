"""One figure with its source: what every number of a profile, grid or fab table is made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hardware_profiles.documents import refuse_boolean
from nas.errors import HardwareError

__all__ = [
    "Basis",
    "Efficiency",
    "Facts",
    "Figure",
    "Fraction",
    "NonNegative",
    "Percent",
    "Positive",
    "Ratio",
    "Share",
    "Text",
    "known",
]

Basis = Literal["measured", "datasheet", "derived", "calibrated", "assumed"]
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class Facts(BaseModel):
    """Plain data that cannot change and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, given: Any, info: ValidationInfo) -> Any:
        return refuse_boolean(cls.model_fields[info.field_name or ""].annotation, given)


class Figure(Facts):
    """A number, where it comes from and how far it may be off.

    The unit is the last part of the key that holds the figure.

    Attributes:
        value: Best estimate, finite.
        source: Where it can be read, or, for an assumption, why it was assumed.
        basis: ``measured`` by someone on the thing itself, ``datasheet`` by its maker,
            ``derived`` from sourced figures by arithmetic, ``calibrated`` by a fit to measured
            models (`nas.cost.calibration`), ``assumed`` otherwise.
        low: Lower end of the plausible range; required when assumed.
        high: Upper end of the plausible range; required when assumed.
        follows: Names of independent directions and its parts along them where it was fitted with
            others (`hardware_profiles.fitted`); never written, since its profile keeps them.
    """

    value: _Number
    source: Text
    basis: Basis
    low: _Number | None = None
    high: _Number | None = None
    follows: tuple[tuple[str, float], ...] = Field(default=(), exclude=True, repr=False)

    @model_validator(mode="after")
    def _ordered(self) -> Figure:
        if self.basis == "assumed" and (self.low is None or self.high is None):
            raise ValueError("is assumed without a range; give low and high")
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if not low <= self.value <= high:
            raise ValueError(
                f"has low {low:g}, value {self.value:g}, high {high:g}; order them low <= value"
                " <= high"
            )
        return self

    def numbers(self) -> tuple[float, ...]:
        """Value, and low and high where given."""
        return tuple(x for x in (self.value, self.low, self.high) if x is not None)


def known(figure: Figure | None) -> Figure:
    """A figure that its profile may lack, where it does not.

    Raises:
        HardwareError: If it does; `nas.cost.needs` tells beforehand.
    """
    if figure is None:
        raise HardwareError(
            "a figure is needed that the hardware profile lacks; `carbon-nas hardware list` says"
            " what is missing where"
        )
    return figure


def _within(least: float, most: float, *, open_below: bool) -> AfterValidator:
    bracket = f"{'above' if open_below else 'at least'} {least:g}"
    limit = f"{bracket} and at most {most:g}" if most < float("inf") else bracket

    def check(figure: Figure) -> Figure:
        for number in figure.numbers():
            if number > most or number < least or (open_below and number == least):
                raise ValueError(f"is {number:g}; it must be {limit}")
        return figure

    return AfterValidator(check)


_INF = float("inf")
Positive = Annotated[Figure, _within(0.0, _INF, open_below=True)]
NonNegative = Annotated[Figure, _within(0.0, _INF, open_below=False)]
Share = Annotated[Figure, _within(0.0, 1.0, open_below=True)]
Efficiency = Annotated[Figure, _within(0.0, 8.0, open_below=True)]
Fraction = Annotated[Figure, _within(0.0, 1.0, open_below=False)]
Ratio = Annotated[Figure, _within(1.0, _INF, open_below=False)]
Percent = Annotated[Figure, _within(0.0, 100.0, open_below=False)]
