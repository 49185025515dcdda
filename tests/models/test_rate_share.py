"""The schedule of the learning rate."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.models.recipe import default_recipe
from nas.models.training_step import rate_share

PLAIN = default_recipe("digits")


def test_up_in_a_line_and_down_to_nothing_by_hand():
    """Ten steps, two of them up; the eleventh would have none left."""
    recipe = replace(PLAIN, warm_up=0.2)
    shares = [rate_share(step, 10, recipe) for step in (0, 1, 2, 9)]
    ninth = math.pi / 9
    wanted = [0.5, 1.0, (1 + math.cos(ninth)) / 2, (1 + math.cos(8 * ninth)) / 2]
    assert shares == pytest.approx(wanted)
    line = replace(recipe, decay="linear")
    assert [rate_share(step, 10, line) for step in (1, 2, 9)] == pytest.approx([1, 8 / 9, 1 / 9])


@given(st.integers(1, 300), st.floats(0.01, 0.99), st.sampled_from(["cosine", "linear"]))
def test_it_peaks_once_and_never_leaves_its_range(steps, warm_up, decay):
    recipe = replace(PLAIN, warm_up=warm_up, decay=decay)
    shares = [rate_share(step, steps, recipe) for step in range(steps)]
    peak = shares.index(max(shares))
    assert all(0 < share <= 1 for share in shares)
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)


def test_the_usual_schedule_is_written_as_it_was():
    assert (PLAIN.warm_up, PLAIN.decay) == (0.25, "cosine")
    assert rate_share(24, 100, PLAIN) == 1.0
