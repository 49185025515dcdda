"""Validation error of `mbconv` networks by AdamW and by orthogonal steps, at the search's own cost.

    python experiments/recipes/optimisers.py        # rows that are there are not trained again

Everything else is the short recipe of the task (`nas.models.recipe`). Five networks, paired: the
same first weights and order of images. Of digits those of `run.py`, of Fashion-MNIST small ones.
"""

from __future__ import annotations

import csv
import dataclasses
from itertools import count, product
from pathlib import Path

import numpy as np
from run import cheap_half

from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Task, load_splits, task
from nas.models.train import train
from search_spaces import space
from search_spaces.layers import Layer, mac_count

RESULTS = Path(__file__).parent / "optimisers.csv"
COLUMNS = ("task", "network", "seed", "optimiser", "learning_rate", "error", "seconds")
SETTINGS = {
    "digits": (("adamw", 0.06), ("muon", 0.03), ("muon", 0.06)),
    "fashion-mnist": (("adamw", 0.02), ("muon", 0.02)),
}
NETWORKS, MOST_MACS = 5, 1e6
SEEDS = {"digits": 2, "fashion-mnist": 1}


def rows_of(path: Path) -> list[dict[str, str]]:
    """What was trained so far."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def networks(chosen: Task) -> list[tuple[Layer, ...]]:
    """The first random ones of few products; of those of digits all are quick."""
    rng, mbconv, found = np.random.default_rng(0), space("mbconv"), list[tuple[Layer, ...]]()
    drawn = (mbconv.sample(rng) for _ in count())
    if chosen.name == "digits":
        drawn = iter(cheap_half(mbconv, chosen, NETWORKS))
    while len(found) < NETWORKS:
        layers = mbconv.layers(next(drawn), chosen.input_shape, chosen.outputs, chosen.spec)
        if mac_count(layers) <= MOST_MACS or chosen.name == "digits":
            found.append(layers)
    return found


def measure(name: str) -> None:
    """Train what the table lacks of a task."""
    chosen = task(name)
    splits, plain = load_splits(chosen), default_recipe(name)
    there = {tuple(row[column] for column in COLUMNS[:5]) for row in rows_of(RESULTS)}
    found, seeds = networks(chosen), range(SEEDS[name])
    for seed, index, (optimiser, rate) in product(seeds, range(NETWORKS), SETTINGS[name]):
        key = (name, str(index), str(seed), optimiser, f"{rate:g}")
        if key in there:
            continue
        recipe: Recipe = dataclasses.replace(plain, optimiser=optimiser, learning_rate=rate)
        training = train(found[index], chosen, splits, recipe, seed=seed)
        new = not RESULTS.exists()
        with RESULTS.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(COLUMNS)
            writer.writerow((*key, f"{training.error:.5f}", f"{training.seconds:.1f}"))


def main() -> None:
    """Train what is missing and print the means, and what each gains over the first."""
    for name, settings in SETTINGS.items():
        measure(name)
        rows = [row for row in rows_of(RESULTS) if row["task"] == name]
        errors = {
            (optimiser, rate): np.array(
                [
                    float(row["error"])
                    for row in sorted(rows, key=lambda r: (r["network"], r["seed"]))
                    if (row["optimiser"], row["learning_rate"]) == (optimiser, f"{rate:g}")
                ]
            )
            for optimiser, rate in settings
        }
        first = errors[settings[0]]
        for setting, found in errors.items():
            gain = first - found
            spread = gain.std(ddof=1) / len(gain) ** 0.5
            print(f"{name} {setting}: {found.mean():.4f}, gains {gain.mean():.4f} +- {spread:.4f}")


if __name__ == "__main__":
    main()
