"""Rungs against whole trainings, on a table of trained curves; all begin in the same order.

    python experiments/benchmarks/rungs/run.py [--table FILE] [--seeds 40] [--out DIR]

A run of whole trainings trains half of the table's networks; each method then has a third of its
epochs, and so have whole trainings beside them. Candidates come in random order (paired over seeds;
the sampler is another question), rows
of one training seed of the table a run. Hypervolume is of validation error and modelled latency, as
a share of what all of the table gives; beside it that of the test error of what was chosen by
validation. Energy is the table's, modelled from CPU seconds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from nas.engine.evidence import gains_of
from nas.engine.rungs import Climber, Promotion, next_climber, rung_epochs
from nas.pareto import hypervolume, non_dominated

Array = npt.NDArray[np.float64]
HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "tables" / "trained_mbconv.parquet"
LATENCIES = ("latency_s stm32l4r5:int8", "latency_s rpi4:int8", "latency_s pixel3:int8")
METHODS: tuple[Promotion, ...] = ("gain", "rank")


@dataclass(frozen=True)
class Curves:
    """One seed of the table and one latency.

    Attributes:
        validation: Errors by network and epoch.
        test: The same on test data.
        joules: Of each network's training up to an epoch.
        latency_s: Of each network.
    """

    validation: Array
    test: Array
    joules: Array
    latency_s: Array

    @property
    def reference(self) -> Array:
        """Where a network counts nothing: the median error, and all but the slowest."""
        return np.array([np.median(self.validation[:, -1]), self.latency_s.max() * 1.05])

    def share(self, chosen: Sequence[int], errors: Array) -> float:
        """Hypervolume of whole trainings on the front of the validation errors, of that of all."""
        return self._volume(chosen, errors) / self._volume(range(len(errors)), errors)

    def _volume(self, chosen: Sequence[int], errors: Array) -> float:
        index = np.array(list(chosen), dtype=int)
        if not len(index):
            return 0.0
        told = np.column_stack([self.validation[index, -1], self.latency_s[index]])
        front = index[non_dominated(told)]
        points = np.column_stack([errors[front, -1], self.latency_s[front]])
        # On test data errors are higher, and so is their median.
        return float(hypervolume(points, [np.median(errors[:, -1]), self.reference[1]]))


def climbing(curves: Curves, order: Sequence[int], promotion: Promotion, epochs: int) -> list[int]:
    """Networks by epochs spent: what a run with rungs has trained whole within its epochs.

    Returns:
        The trainings as they came, ``index * 100 + rung``.
    """
    rungs = rung_epochs(curves.validation.shape[1])
    latency = curves.latency_s[:, None]
    climbers: list[Climber] = []
    waiting, steps, used = list(order), [], 0
    corners = np.array([0.0, 0.0]), curves.reference
    while True:
        whole = [i for i, c in enumerate(climbers) if len(c.errors) == len(rungs)]
        reached = np.array([[climbers[i].errors[-1], climbers[i].costs[0, 0]] for i in whole])

        told = reached.reshape(-1, 2)

        def gains(indices: Sequence[int], mean: Array, sd: Array, told: Array = told) -> Array:
            rows = [np.array([[np.nan, climbers[i].costs[0, 0]]]) for i in indices]
            return gains_of(told, rows, (mean, sd), corners=corners, trained=[True, False])

        chosen = next_climber(climbers, rungs, promotion, gains)
        if chosen is None:
            if not waiting:
                return steps
            network, rung, errors = waiting[0], 0, ()
        else:
            network, errors = order[chosen], climbers[chosen].errors
            rung = len(errors)
        used += rungs[rung] - (rungs[rung - 1] if rung else 0)
        if used > epochs:
            return steps
        errors = (*errors, float(curves.validation[network, rungs[rung] - 1]))
        if chosen is None:
            waiting.pop(0)
            climbers.append(Climber(errors, latency[network][None]))
        else:
            climbers[chosen] = Climber(errors, latency[network][None])
        steps.append(network * 100 + rung)


def outcome(curves: Curves, order: Sequence[int], promotion: Promotion | None) -> dict[str, float]:
    """One run: shares of hypervolume on validation and test, epochs, joules, networks begun."""
    epochs = curves.validation.shape[1]
    whole = len(order) // 2
    rungs = rung_epochs(epochs)
    if promotion is None:
        steps = [network * 100 + len(rungs) - 1 for network in order[:whole]]
        skipped = True
    else:
        steps = climbing(curves, order, promotion, whole * epochs // 3)
        skipped = False
    chosen = [step // 100 for step in steps if step % 100 == len(rungs) - 1]
    highest = {step // 100: step % 100 for step in steps}
    joules = sum(curves.joules[network, rungs[rung] - 1] for network, rung in highest.items())
    return {
        "validation": curves.share(chosen, curves.validation),
        "test": curves.share(chosen, curves.test),
        "epochs": sum(rungs[rung] for rung in highest.values()),
        "joules": float(joules),
        "begun": len(highest),
        "whole": len(chosen) if skipped else len(set(chosen)),
    }


def curves_of(table: pd.DataFrame, seed: int, latency: str) -> Curves:
    rows = table[(table["seed"] == seed) & (table["status"] == "trained")]
    pivots = [
        rows.pivot_table(index="index", columns="epoch", values=name).to_numpy(dtype=float)
        for name in ("validation_error", "test_error", "energy_j")
    ]
    seconds = rows[rows["epoch"] == rows["epoch"].max()].sort_values("index")[latency]
    return Curves(*pivots, seconds.to_numpy(dtype=float))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    table = pd.read_parquet(options.table)
    told: dict[str, dict[str, float | list[float]]] = {}
    for latency in LATENCIES:
        runs: dict[str, list[dict[str, float]]] = {
            name: [] for name in ("whole", "whole_third", *METHODS)
        }
        for seed in range(options.seeds):
            curves = curves_of(table, seed % table["seed"].nunique(), latency)
            order = np.random.default_rng(seed).permutation(len(curves.latency_s)).tolist()
            runs["whole"].append(outcome(curves, order, None))
            runs["whole_third"].append(outcome(curves, order[: len(order) // 3], None))
            for method in METHODS:
                runs[method].append(outcome(curves, order, method))
        for method, rows in runs.items():
            frame, paired = pd.DataFrame(rows), pd.DataFrame(runs["whole"])
            differs = frame["validation"] - paired["validation"]
            name = f"{latency.removeprefix('latency_s ')} {method}"
            told[name] = {
                **{column: round(float(frame[column].median()), 4) for column in frame},
                "worst": round(float(frame["validation"].min()), 4),
                "epochs_ratio": round(float((frame["epochs"] / paired["epochs"]).median()), 3),
                "joules_ratio": round(float((frame["joules"] / paired["joules"]).median()), 3),
                "less_than_whole": [
                    round(float(value), 4) for value in differs.quantile([0.1, 0.5, 0.9])
                ],
            }
            print(name, told[name])
    result = {"table": options.table.name, "seeds": options.seeds, "methods": told}
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
