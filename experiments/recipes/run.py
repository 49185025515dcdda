"""Validation error of a few architectures of each space at several learning rates.

Everything else is the task's short recipe as it was before the table of spaces
(`nas.models.recipe.default_recipe` without a space). A row is written after each training, and a
row that is there is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
from pathlib import Path

import numpy as np

from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Splits, Task, load_splits, task
from nas.models.train import train
from search_spaces import space
from search_spaces.base import Architecture, SearchSpace
from search_spaces.layers import mac_count, parameter_count

IMAGE_SPACES = ("mbconv", "resnet", "nasbench201_small", "vit", "dscnn")
# Spaces, learning rates, architectures of each space, training samples (None: the recipe's).
PLAN = {
    "digits": ((*IMAGE_SPACES, "nasbench201"), (0.003, 0.01, 0.03, 0.06), 3, None),
    "japanese-vowels": (("dscnn",), (0.003, 0.01, 0.03, 0.06, 0.15), 3, None),
    "breast-cancer": (("mlp", "dlrm"), (0.003, 0.01, 0.03), 3, None),
    "movielens": (("mlp", "dlrm"), (0.0015, 0.005, 0.015), 2, None),
    "flights": (("mlp", "dlrm"), (0.0015, 0.005, 0.015, 0.05), 2, 50_000),
    "diamonds": (("mlp", "dlrm"), (0.002, 0.006, 0.02, 0.06), 2, None),
    "fashion-mnist": (IMAGE_SPACES, (0.003, 0.008, 0.02), 2, 8_000),
}
DRAWS = 64
RESULTS = Path(__file__).parent / "results.csv"
COLUMNS = (
    "task",
    "space",
    "architecture",
    "macs",
    "params",
    "learning_rate",
    "epochs",
    "batch_size",
)
COLUMNS += ("train_images", "status", "error", "seconds")


def main() -> None:
    """Train what the plan names and the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(PLAN))
    parser.add_argument("--data-dir")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for name in arguments.tasks:
        measure(task(name), arguments.data_dir, arguments.out)


def measure(chosen: Task, data_dir: str | None, out: Path) -> None:
    """Train every architecture of a task's spaces at every learning rate."""
    splits = load_splits(chosen, data_dir=data_dir)
    spaces, rates, count, samples = PLAN[chosen.name]
    recipe = default_recipe(chosen.name, limit_s=300.0)
    recipe = dataclasses.replace(recipe, train_images=samples or recipe.train_images)
    for name in spaces:
        for architecture in cheap_half(space(name), chosen, count):
            for rate in rates:
                at_rate = dataclasses.replace(recipe, learning_rate=rate)
                one(space(name), architecture, chosen, splits, recipe=at_rate, out=out)


def cheap_half(chosen: SearchSpace, task: Task, count: int) -> list[Architecture]:
    """The first so many random architectures whose MACs are at most the median."""
    rng = np.random.default_rng(0)
    drawn = [chosen.sample(rng) for _ in range(DRAWS)]
    macs = [
        mac_count(chosen.layers(row, task.input_shape, task.outputs, task.spec)) for row in drawn
    ]
    return [row for row, cost in zip(drawn, macs, strict=True) if cost <= np.median(macs)][:count]


def one(
    chosen: SearchSpace,
    architecture: Architecture,
    task: Task,
    splits: Splits,
    *,
    recipe: Recipe,
    out: Path,
) -> None:
    """One training, unless its row is there."""
    key = (task.name, chosen.name, json.dumps(architecture), f"{recipe.learning_rate:g}")
    if key in recorded(out):
        return
    layers = chosen.layers(architecture, task.input_shape, task.outputs, task.spec)
    training = train(layers, task, splits, recipe, seed=0)
    error = "" if training.error is None else f"{training.error:.5f}"
    row = (*key[:3], mac_count(layers), parameter_count(layers), key[3], recipe.epochs)
    row += (recipe.batch_size, recipe.train_images or len(splits.train_y))
    row += (training.status, error, f"{training.seconds:.1f}")
    new = not out.exists()
    with out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(row)
    print(*row[:2], *row[3:], flush=True)


def recorded(out: Path) -> set[tuple[str, str, str, str]]:
    """Task, space, architecture and learning rate of the rows that are there."""
    if not out.exists():
        return set()
    with out.open(newline="", encoding="utf-8") as file:
        return {
            (row["task"], row["space"], row["architecture"], row["learning_rate"])
            for row in csv.DictReader(file)
        }


if __name__ == "__main__":
    main()
