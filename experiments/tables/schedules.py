"""How an early error ranks networks: in the middle of one schedule, or after one of its own.

    python experiments/tables/schedules.py [--every 10]

Every tenth network of the table, seed 0: nine epochs by one schedule, one and three epochs by a
schedule of their own, and three cycles of 1, 2 and 6 epochs. Errors on 3,000 validation images;
Spearman is with the end of the one schedule. Writes schedules.json and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from trained_mbconv import AT_END, CYCLES, EPOCHS, TASK, architectures, layers_of

from nas.models.tasks import Splits, load_splits
from nas.models.train import train, train_in_cycles
from nas.pareto import rank_agreement
from search_spaces.layers import Layer

OUT = Path(__file__).parent / "schedules.json"


def errors(layers: tuple[Layer, ...], splits: Splits) -> dict[str, list[float]]:
    """Errors after each epoch, by each way."""
    whole = dataclasses.replace(CYCLES[-1], epochs=EPOCHS)
    found = {"cycles": train_in_cycles(layers, TASK, splits, whole, ends=[1, 3], seed=0)}
    for epochs in (1, 3, EPOCHS):
        short = dataclasses.replace(whole, epochs=epochs)
        found[f"{epochs} epochs"] = train(layers, TASK, splits, short, seed=0)
    return {name: [row.error for row in training.curve] for name, training in found.items()}


def main() -> None:
    """Train what is missing and print how early errors rank."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=10)
    given = parser.parse_args()
    splits = load_splits(TASK)
    few = dataclasses.replace(
        splits,
        validation_x=splits.validation_x[:AT_END],
        validation_y=splits.validation_y[:AT_END],
    )
    kept: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    for architecture in architectures()[:: given.every]:
        name = json.dumps(architecture, sort_keys=True)
        if name not in kept:
            kept[name] = errors(layers_of(architecture), few)
            OUT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    rows = list(kept.values())
    end = np.array([row[f"{EPOCHS} epochs"][-1] for row in rows])
    told: dict[str, Any] = {"networks": len(rows), "one schedule": {}, "own schedule": {}}
    for epoch in (1, 3, 6, 8):
        early = np.array([row[f"{EPOCHS} epochs"][epoch - 1] for row in rows])
        told["one schedule"][epoch] = round(rank_agreement(early, end), 2)
    for epochs in (1, 3):
        early = np.array([row[f"{epochs} epochs"][-1] for row in rows])
        told["own schedule"][epochs] = round(rank_agreement(early, end), 2)
    told["mean"] = {
        "one schedule": round(float(end.mean()), 4),
        "cycles": round(float(np.mean([row["cycles"][-1] for row in rows])), 4),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
