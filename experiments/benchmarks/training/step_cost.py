"""What orthogonal steps cost: AdamW's time of a step over Muon's, in turns, by processor time."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable
from statistics import median

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from subjects import LAYERS, RECIPES, SPLITS, TASK

from nas.models.build import build
from nas.models.recipe import Recipe
from nas.models.torch_process import keep_freed_memory, torch_threads
from nas.models.training_step import normalised, optimiser_of, scale_of, training_loss
from search_spaces.layers import Layer

TURNS, STEPS = 7, 8


def stepper(layers: tuple[Layer, ...], recipe: Recipe) -> Callable[[int], None]:
    """A step of a training on batch ``i``."""
    module = build(layers, seed=0).to(memory_format=torch.channels_last)
    optimiser, schedule = optimiser_of(module, recipe, TURNS * STEPS)
    x, y, scale = SPLITS.train_x, torch.from_numpy(SPLITS.train_y), scale_of(SPLITS)

    def step(i: int) -> None:
        batch = slice(i * recipe.batch_size, (i + 1) * recipe.batch_size)
        outputs = module(normalised(torch.from_numpy(x[batch]), scale))
        loss = training_loss(TASK, outputs, y[batch], SPLITS, recipe)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    return step


def share(name: str) -> float:
    """Of one architecture; the first turn warms up."""
    recipes = [RECIPES[name], dataclasses.replace(RECIPES[name], optimiser="adamw")]
    spent: list[list[float]] = [[], []]
    sides = [stepper(LAYERS[name], recipe) for recipe in recipes]
    for turn in range(TURNS):
        for side, times in zip(sides, spent, strict=True):
            began = time.process_time()
            for i in range(turn * STEPS, (turn + 1) * STEPS):
                side(i)
            times.append(time.process_time() - began)
    muon, adamw = (median(times[1:]) for times in spent)
    return adamw / muon


if __name__ == "__main__":
    keep_freed_memory()
    with torch_threads(1):
        print(json.dumps({"share": {name: share(name) for name in LAYERS}}))
