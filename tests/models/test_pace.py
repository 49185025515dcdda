"""The two-second measurement, shortened."""

import dataclasses

import numpy as np

from nas.models.pace import samples_per_s
from nas.models.recipe import default_recipe
from nas.models.tasks import load_splits, task
from search_spaces import space

DIGITS = task("digits")


def rates(settings, **changes):
    dscnn = space("dscnn")
    layers = dscnn.layers(dscnn.sample(np.random.default_rng(0)), DIGITS.input_shape, 10)
    recipe = dataclasses.replace(default_recipe("digits"), **changes)
    return samples_per_s(layers, DIGITS, load_splits(DIGITS), recipe, settings, seconds=0.1)


def test_every_value_is_timed_whatever_the_recipe_has():
    found = rates(
        {"precision": ("fp32", "bf16"), "layout": ("channels_first",), "batch_size": (32, 64)},
        precision="bf16",
    )
    assert {name: set(row) for name, row in found.items()} == {
        "precision": {"fp32", "bf16"},
        "layout": {"channels_first"},
        "batch_size": {32, 64},
    }
    assert all(rate > 0 for row in found.values() for rate in row.values())
    # One recipe under two names is one measurement.
    assert found["precision"]["bf16"] == found["batch_size"][64]


def test_what_cannot_be_trained_is_worth_nothing():
    """A limit that has passed ends every training before it can be timed."""
    assert rates({"threads": (1, 2)}, limit_s=1e-9) == {"threads": {1: 0.0, 2: 0.0}}
