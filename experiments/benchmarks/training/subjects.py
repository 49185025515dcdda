"""What is trained on both sides: three architectures of `mbconv`, Fashion-MNIST, our recipes."""

from __future__ import annotations

import dataclasses

import numpy as np

from nas.models.recipe import Recipe
from nas.models.tasks import load_splits, task
from search_spaces import space
from search_spaces.layers import Layer, mac_count, parameter_count

__all__ = ["LAYERS", "RECIPES", "SPLITS", "TARGET", "TASK", "within_limits"]

TASK = task("fashion-mnist")
SPLITS = load_splits(TASK)
TARGET = 0.90
# Chosen by experiment (README.md): 2 passes over all images, 1.13 for the large network, 1.56 for
# the middle one, whose rate rises in a tenth of the steps and falls in a line.
_PLAIN = Recipe(2, 64, 0.03, 0.05, 0.0, optimiser="muon")
RECIPES = {
    "small": _PLAIN,
    "middle": dataclasses.replace(_PLAIN, train_images=43_000, warm_up=0.1, decay="linear"),
    "large": dataclasses.replace(_PLAIN, train_images=31_000),
}
_DRAWS = 300
_QUANTILES = {"small": 0.05, "middle": 0.3, "large": 0.7}


def within_limits() -> list[tuple[Layer, ...]]:
    """Those of 300 random architectures under 100,000 parameters and 4 M MACs, by MACs."""
    rng, mbconv = np.random.default_rng(0), space("mbconv")
    drawn = (
        mbconv.layers(mbconv.sample(rng), TASK.input_shape, TASK.outputs, TASK.spec)
        for _ in range(_DRAWS)
    )
    found = [row for row in drawn if parameter_count(row) < 1e5 and mac_count(row) < 4e6]
    return sorted(found, key=mac_count)


_FOUND = within_limits()
LAYERS = {name: _FOUND[int(share * len(_FOUND))] for name, share in _QUANTILES.items()}
