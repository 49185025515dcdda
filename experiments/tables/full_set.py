"""Do 3,072 images rank networks as all 55,000 do? Twelve networks of the table, trained on all.

    python experiments/tables/full_set.py       # rows that are there are not trained again

One pass over all training images by the table's recipe, one seed: 1,718 steps, the table has 384.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from trained_mbconv import CYCLES, EPOCHS, SPACE, TABLE, TASK

from nas.models.build import build
from nas.models.metrics import error as error_of
from nas.models.tasks import load_splits, load_test
from nas.models.train import predict, train
from nas.pareto import rank_agreement

OUT = Path(__file__).parent / "full_set.json"
COUNT, LAST = 12, 3000


def errors_of_table() -> pd.DataFrame:
    """A row an architecture: errors of the last epoch of both seeds, and their mean."""
    table = pd.read_parquet(TABLE)
    last = table[(table["epoch"] == EPOCHS) & (table["status"] == "trained")].copy()
    last["error"] = (last["final_validation_error"] + last["final_test_error"]) / 2
    rows = last.groupby("index").first()
    rows["error"] = last.groupby("index")["error"].mean()
    return rows


def main() -> None:
    """Train what is missing and print how the two rankings agree."""
    rows = errors_of_table()
    chosen = rows.index[np.linspace(0, len(rows) - 1, COUNT).round().astype(int)]
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    splits, test = load_splits(TASK), load_test(TASK)
    few = dataclasses.replace(
        splits, validation_x=splits.validation_x[:LAST], validation_y=splits.validation_y[:LAST]
    )
    recipe = dataclasses.replace(CYCLES[-1], epochs=1, train_images=None)
    for index in map(int, chosen):
        architecture = json.loads(rows.loc[index, "architecture"])
        name = json.dumps(architecture, sort_keys=True)
        if name in found:
            continue
        began = time.process_time()
        layers = SPACE.layers(architecture, TASK.input_shape, TASK.outputs, TASK.spec)
        training = train(layers, TASK, few, recipe, seed=0)
        module = build(layers)
        module.load_state_dict(training.state)
        tested = error_of(TASK, predict(module, test[0][:LAST], splits), test[1][:LAST], splits)
        found[name] = {
            "error": (training.error + tested) / 2,
            "of_table": float(rows.loc[index, "error"]),
            "cpu_s": time.process_time() - began,
        }
        OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    pairs = pd.DataFrame(found.values())
    spearman = rank_agreement(pairs["error"], pairs["of_table"])
    print(json.dumps({"networks": len(pairs), "spearman": spearman, **pairs.mean().to_dict()}))


if __name__ == "__main__":
    main()
