"""An n-gram beside which the searched networks of the text task are put.

    python experiments/reference/text.py [--model FOLDER]

A character n-gram with interpolated modified Kneser-Ney smoothing, of the order (3 to 10) that is
best on validation, counted on the works that networks are trained on and the validation windows, as
an export is. It predicts the very characters that a network predicts, from what its window shows;
"unlimited" lets it look past the start of the window. With the folder of an exported model, that
model's figures stand beside it. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from experiments.reference.ngram import Ids, KneserNey, text_of_windows
from nas.models.tasks import load_splits, load_test, task

__all__ = ["model_figures", "ngram"]

TASK = "shakespeare"
ORDERS = range(3, 11)
_SEED = 0  # of the order of training windows in nas.models.sequences


def ngram() -> dict[str, Any]:
    """Choose the order on validation, count again with it, and measure on the test part.

    Returns:
        Perplexities per character, the order, seconds.

    Raises:
        TaskError: The data are missing.
    """
    began, cpu_began = time.perf_counter(), time.process_time()
    found = task(TASK)
    splits = load_splits(found)
    works = text_of_windows(splits.train_x, _SEED)
    seen = splits.validation_x.astype(np.int64)
    validation = {
        order: _perplexity(KneserNey([works], order, found.outputs), seen, splits.validation_y)
        for order in ORDERS
    }
    order = min(validation, key=validation.__getitem__)
    test_x, test_y = load_test(found)
    model = KneserNey([works, *seen], order, found.outputs)
    whole = test_x.reshape(1, -1).astype(np.int64)
    return {
        "name": "n-gram, interpolated modified Kneser-Ney",
        "order": order,
        "validation_perplexity": validation,
        "test_perplexity": _perplexity(model, test_x.astype(np.int64), test_y),
        "test_perplexity_unlimited": _perplexity(model, whole, test_y.reshape(1, -1)),
        "grams": model.grams,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu_began,
    }


def model_figures(folder: Path) -> dict[str, Any]:
    """What the card of an exported model says about its quality, size and training."""
    card = json.loads((folder / "card.json").read_text())
    return {
        "test_perplexity": card["measured"]["test_error"],
        "fp32_test_perplexity": card["measured"]["fp32_test_error"],
        "precision": card["measured"]["precision"],
        "host_latency_s": card["measured"]["latency"]["median_s"],
        **card["model"],
        "training": {key: value for key, value in card["training"].items() if key != "images"},
    }


def _perplexity(model: KneserNey, x: Ids, y: Ids) -> float:
    return math.exp(-float(np.mean(np.log(model.probabilities(x, y)))))


def main() -> None:
    """Print both sides."""
    parser = argparse.ArgumentParser(description="An n-gram beside a network of the text task.")
    parser.add_argument("--model", type=Path, help="folder of an exported model")
    folder = parser.parse_args().model
    row = {"task": TASK, "baseline": ngram()}
    print(f"n-gram of order {row['baseline']['order']}: {row['baseline']['test_perplexity']:.3f}")
    if folder is not None:
        row["network"] = model_figures(folder)
        print(f"network: {row['network']['test_perplexity']:.3f}")
    print(json.dumps(row))


if __name__ == "__main__":
    main()
