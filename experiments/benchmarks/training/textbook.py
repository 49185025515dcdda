"""The loop of a textbook: DataLoader, two threads, float32, Adam at 1e-3, batches of 64."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nas.models.build import build
from nas.models.tasks import Splits
from search_spaces.layers import Layer

__all__ = ["THREADS", "epochs", "steps"]

THREADS = 2
BATCH, EVALUATION_BATCH, RATE = 64, 500, 1e-3


def _loaders(splits: Splits) -> tuple[DataLoader[tuple[torch.Tensor, ...]], ...]:
    def data(x: object, y: object) -> TensorDataset:
        images = (torch.from_numpy(x).float() - splits.mean) / splits.std
        return TensorDataset(images, torch.from_numpy(y))

    return (
        DataLoader(data(splits.train_x, splits.train_y), BATCH, shuffle=True),
        DataLoader(data(splits.validation_x, splits.validation_y), EVALUATION_BATCH),
    )


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(network(x), y)
    loss.backward()
    optimiser.step()


def epochs(layers: tuple[Layer, ...], splits: Splits, seed: int) -> Iterator[float]:
    """Validation accuracy after each epoch, without end.

    Channels last here, which halves the time and leaves the epochs that are counted as they were.
    """
    torch.manual_seed(seed)
    network = build(layers, seed=seed).to(memory_format=torch.channels_last)
    training, validation = _loaders(splits)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    while True:
        network.train()
        for x, y in training:
            _step(network, optimiser, x, y)
        network.eval()
        with torch.no_grad():
            right = sum(int((network(x).argmax(1) == y).sum()) for x, y in validation)
        yield right / len(splits.validation_y)


def steps(layers: tuple[Layer, ...], splits: Splits, seconds: float) -> tuple[float, float]:
    """Images a second of training for so long, by the wall and by the processor."""
    network = build(layers, seed=0)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    images = 0
    for number, (x, y) in enumerate(_loaders(splits)[0]):
        if number == WARM_UP:
            began, spent = time.perf_counter(), time.process_time()
        _step(network, optimiser, x, y)
        images += BATCH if number >= WARM_UP else 0
        if number > WARM_UP and time.process_time() - spent > seconds:
            break
    return images / (time.perf_counter() - began), images / (time.process_time() - spent)


WARM_UP = 5
PASSES = 3  # a validation image costs a third of a training image


def main() -> None:
    from subjects import LAYERS, SPLITS, TARGET

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("throughput", "target"))
    parser.add_argument("name", choices=tuple(LAYERS))
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=THREADS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.what == "throughput":
        wall, cpu = steps(LAYERS[given.name], SPLITS, given.seconds)
        print(json.dumps({"wall": wall, "cpu": cpu}))
        return
    began, spent, curve = time.perf_counter(), time.process_time(), []
    for accuracy in epochs(LAYERS[given.name], SPLITS, seed=given.seed):
        curve.append(accuracy)
        print(given.name, accuracy, file=sys.stderr, flush=True)
        if accuracy >= TARGET or len(curve) == given.epochs:
            break
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - spent
    images = len(curve) * (len(SPLITS.train_y) + len(SPLITS.validation_y) // PASSES)
    found = {
        "images": images,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "curve": curve,
        "reached": curve[-1] >= TARGET,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
