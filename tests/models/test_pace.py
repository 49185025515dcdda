"""The two-second measurement, shortened."""

import dataclasses

import numpy as np

from nas.models.pace import samples_per_s
from nas.models.recipe import default_recipe
from nas.models.tasks import load_splits, task
from search_spaces import space

DIGITS = task("digits")


def rates(**changes):
    dscnn = space("dscnn")
    layers = dscnn.layers(dscnn.sample(np.random.default_rng(0)), DIGITS.input_shape, 10)
    recipe = dataclasses.replace(default_recipe("digits"), **changes)
    return samples_per_s(layers, DIGITS, load_splits(DIGITS), recipe, seconds=0.1)


def test_every_precision_is_timed_whatever_the_recipe_has():
    for precision in ("fp32", "bf16"):
        found = rates(precision=precision)
        assert set(found) == {"fp32", "bf16"}
        assert all(rate > 0 for rate in found.values())


def test_what_cannot_be_trained_is_worth_nothing():
    """A limit that has passed ends every training before it can be timed."""
    assert set(rates(limit_s=1e-9).values()) == {0.0}
