"""Numbers as a person reads them: three digits, an SI prefix and the unit."""

from __future__ import annotations

import math

__all__ = ["counted", "format_quantity"]

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def format_quantity(value: float | None, unit: str) -> str:
    """A number with its unit, such as ``2.31 mJ``, ``35 µgCO2e`` or ``1.2 MB``.

    Args:
        value: In the unit; None and NaN are unknown.
        unit: As in `nas.objectives`: "s", "J", "W", "bytes", "gCO2e", products of them, or "1"
            for a plain number.

    Returns:
        Three significant digits; "unknown" for None and NaN.
    """
    if value is None or math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    unit = "B" if unit == "bytes" else unit
    suffix = "" if unit == "1" else unit
    powers = unit == "cm2" or unit.startswith("gCO2e^2")  # a prefix would be raised too
    if value == 0.0 or powers or (unit == "1" and abs(value) < 1.0):
        return f"{value:.3g} {suffix}".strip()
    if unit.startswith("gCO2e") and abs(value) >= 1e6:
        return f"{_three_digits(value / 1e6)} tCO2e{unit.removeprefix('gCO2e')}"
    # Rounded first, so that 999.9 becomes 1 k and not 1000.
    rounded = float(f"{value:.3g}")
    exponent = 3 * math.floor(math.log10(abs(rounded)) / 3.0 + 1e-12)
    exponent = min(max(exponent, 0 if unit in ("B", "1") else -12), 0 if unit == "s" else 12)
    return f"{_three_digits(rounded / 10.0**exponent)} {_PREFIXES[exponent]}{suffix}".strip()


def counted(number: float) -> str:
    """A count to three digits: ``151``, ``23,500,000``, from 1e12 on ``1.23e+12``.

    Args:
        number: 0 or more, finite.
    """
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if 100.0 <= rounded < 1e12 else f"{rounded:g}"


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:g}"
