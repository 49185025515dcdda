"""Our side of the benchmark: one process a core, one thread each, pinned, and what it prints."""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

from subjects import LAYERS, RECIPES, SPLITS, TASK

from nas.models.train import train

WARM_UP = 5
PASSES = 3  # a validation image costs a third of a training image

__all__ = ["candidate", "throughput"]


def throughput(name: str, seconds: float) -> dict[str, float | str]:
    """Images a second of training for so long, by the wall and by the processor, and by what."""
    steps, began, spent = 0, 0.0, 0.0

    def stop() -> bool:
        nonlocal steps, began, spent
        if steps == WARM_UP:
            began, spent = time.perf_counter(), time.process_time()
        steps += 1
        return steps > WARM_UP + 1 and time.process_time() - spent > seconds

    train(LAYERS[name], TASK, SPLITS, RECIPES[name], seed=0, should_stop=stop)
    images = (steps - 1 - WARM_UP) * RECIPES[name].batch_size
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    return {"wall": images / wall, "cpu": images / cpu, "optimiser": RECIPES[name].optimiser}


def candidate(name: str, seed: int) -> dict[str, float | int]:
    """One whole training: accuracy on all validation images, and how long it took."""
    spent, recipe = time.process_time(), RECIPES[name]
    training = train(LAYERS[name], TASK, SPLITS, recipe, seed=seed)
    error = 1.0 if training.error is None else training.error
    return {
        "accuracy": 1 - error,
        "images": recipe.samples_seen(len(SPLITS.train_y))
        + recipe.epochs * len(SPLITS.validation_y) // PASSES,
        "wall_s": training.seconds,
        "cpu_s": time.process_time() - spent,
        "seed": seed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("throughput", "candidate"))
    parser.add_argument("name", choices=tuple(LAYERS))
    parser.add_argument("--core", type=int, help="pin to it")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    if given.what == "throughput":
        print(json.dumps(throughput(given.name, given.seconds)))
    else:
        print(json.dumps(candidate(given.name, given.seed)))


if __name__ == "__main__":
    main()
