"""Yield from defect density: the four formulas by hand, and what all of them have in common."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import die_yield
from nas.errors import StudyError

MODELS = ("poisson", "murphy", "seeds", "negative_exponential")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # 2 cm2 at 0.15 defects per cm2: x = 0.3.
        ("poisson", 0.7408182206817179),  # exp(-0.3)
        ("murphy", 0.7463910525621188),  # (0.2591817793 / 0.3)^2
        ("seeds", 0.5782652777781268),  # exp(-0.5477225575)
        ("negative_exponential", 0.7692307692307693),  # 1 / 1.3, as ACT v2's exponential model
    ],
)
def test_formulas_by_hand(model, expected):
    assert die_yield(2.0, defects_per_cm2=0.15, model=model) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("model", MODELS)
@given(area=st.floats(1e-6, 20), more=st.floats(1e-3, 20), defects=st.floats(0, 2))
def test_larger_dies_never_yield_more(model, area, more, defects):
    good = die_yield([area, area + more], defects_per_cm2=defects, model=model)
    assert (good > 0).all()
    assert (good <= 1).all()
    assert good[1] <= good[0]


@pytest.mark.parametrize("model", MODELS)
def test_no_defects_lose_no_die(model):
    assert die_yield([0.0, 3.0], defects_per_cm2=0.0, model=model) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("model", MODELS)
def test_a_very_small_die_is_almost_always_good(model):
    assert die_yield(1e-12, defects_per_cm2=0.1, model=model) == pytest.approx(1.0, abs=1e-5)


@given(x=st.floats(1e-6, 5))
def test_seeds_is_harshest_on_small_dies_and_murphy_between_poisson_and_exponential(x):
    poisson, murphy, seeds, exponential = (
        float(die_yield(x, defects_per_cm2=1.0, model=model)) for model in MODELS
    )
    assert poisson <= murphy * (1 + 1e-9)
    assert murphy <= exponential * (1 + 1e-9)
    assert (seeds <= poisson) == (math.sqrt(x) >= x)


def test_arrays_broadcast():
    good = die_yield(np.ones((3, 1)), defects_per_cm2=[0.1, 0.2], model="murphy")
    assert good.shape == (3, 2)


@pytest.mark.parametrize(
    ("area", "defects", "model", "message"),
    [
        (-1.0, 0.1, "murphy", "area_cm2: got -1; give a finite number at least 0"),
        (1.0, float("nan"), "murphy", "defects_per_cm2: got nan"),
        (1.0, 0.1, "murphi", "yield model: 'murphi' is unknown; use one of poisson, murphy"),
        (1e4, 1.0, "poisson", "10000 defects a die leave no good die"),
    ],
)
def test_bad_input(area, defects, model, message):
    with pytest.raises(StudyError, match=message):
        die_yield(area, defects_per_cm2=defects, model=model)
