"""Numbers as a person reads them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.quantities import counted, format_quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00231, "J", "2.31 mJ"),
        (999.9, "J", "1 kJ"),
        (6.5178e-7, "gCO2e", "652 ngCO2e"),
        (2468.23, "gCO2e", "2.47 kgCO2e"),
        (2.468e6, "gCO2e", "2.47 tCO2e"),
        (29.96, "gCO2e s", "30 gCO2e s"),
        (1e-7, "gCO2e^2 J", "1e-07 gCO2e^2 J"),
        (0.25, "cm2", "0.25 cm2"),
        (1_234_567, "1", "1.23 M"),
        (0.0231, "1", "0.0231"),
        (64e6, "bytes", "64 MB"),
        (0.5, "bytes", "0.5 B"),
        (3600.0, "s", "3600 s"),
        (-0.002, "gCO2e", "-2 mgCO2e"),
        (0.0, "s", "0 s"),
        (None, "s", "unknown"),
        (math.nan, "s", "unknown"),
        (math.inf, "1", "infinite"),
    ],
)
def test_written_for_people(value, unit, text):
    assert format_quantity(value, unit) == text


@given(st.floats(1e-12, 1e14), st.sampled_from(["J", "gCO2e", "W"]))
def test_three_digits_read_back(value, unit):
    number, symbol = format_quantity(value, unit).split(" ")
    scale = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    prefix = symbol.removesuffix(unit)
    factor = 1e6 if symbol == "tCO2e" else scale.get(prefix, 1.0)
    assert float(number) * factor == pytest.approx(value, rel=0.006)


def test_counts():
    assert [counted(n) for n in (0, 2.5, 151.4, 23_456_789, 1.23456e13)] == [
        "0", "2.5", "151", "23,500,000", "1.23e+13",
    ]  # fmt: skip
