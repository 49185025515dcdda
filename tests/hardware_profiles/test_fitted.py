"""Correlations of figures of one fit, as a profile keeps them."""

import pytest
from pydantic import ValidationError

from hardware_profiles.fitted import FittedFigures


def test_parts_have_the_length_of_one_and_are_as_many_for_each():
    kept = FittedFigures(source="table.csv", loads={"dispatch_s": (0.6, -0.8), "b": (1.0, 0.0)})
    assert kept.loads["dispatch_s"] == (0.6, -0.8)
    for loads, message in (
        ({"a": (0.6, 0.6)}, "squares that sum to 0.72; they must sum to 1"),
        ({"a": (1.0,), "b": (0.6, 0.8)}, "differ in length"),
        ({"a": (float("nan"),)}, "must sum to 1"),
    ):
        with pytest.raises(ValidationError, match=message):
            FittedFigures(source="table.csv", loads=loads)
