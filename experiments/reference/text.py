"""An n-gram beside which the searched networks of the text task are put.

    python experiments/reference/text.py [--model FOLDER]

A character n-gram with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, TR-10-98
of Harvard, section 3: three discounts an order from its counts of counts, and continuation counts
below the longest order). Its order is the one of 3 to 10 that is best on validation; it is counted
on the training works and the validation windows, as an export is trained. It predicts the very
characters that a network predicts, from what its window shows; "unlimited" lets it look past the
start of the window. With the folder of an exported model its figures stand beside it. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from nas.models.tasks import load_splits, load_test, task

__all__ = ["KneserNey", "model_figures", "ngram", "text_of_windows"]

TASK = "shakespeare"
ORDERS = range(3, 11)
_SEED = 0  # of the order of training windows in nas.models.sequences

Ids = NDArray[np.int64]
Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """One order: discounted shares of its grams, and what its contexts leave to the order below."""

    grams: Ids
    shares: Probabilities
    contexts: Ids
    left: Probabilities

    def mix(self, contexts: Ids, grams: Ids, lower: Probabilities) -> Probabilities:
        at, known = _find(self.contexts, contexts)
        left = np.where(known, self.left[at], 1.0)
        at, seen = _find(self.grams, grams)
        return np.where(seen, self.shares[at], 0.0) + left * lower


class KneserNey:
    """Probabilities of the next id after up to ``order - 1`` ids.

    A context that is cut short by the start of its text is answered by an order of that length with
    plain counts, not by continuation counts, which would know less.

    Args:
        texts: Ids in the order of reading, each below `vocabulary`; no gram spans two texts.
        order: Length of the longest gram, >= 1; ``vocabulary ** order`` below 2^63.
        vocabulary: Number of ids.

    Raises:
        ValueError: The grams do not fit in 63 bits, or no text is as long as one.
    """

    def __init__(self, texts: Sequence[Ids], order: int, vocabulary: int) -> None:
        if order < 1 or vocabulary**order >= 2**63:
            raise ValueError(f"order {order} of {vocabulary} ids: use 1 to {_most(vocabulary)}")
        if max(map(len, texts), default=0) < order:
            raise ValueError(f"no text of {order} ids or more; give a longer one")
        self.order, self.vocabulary = order, vocabulary
        counts = [
            np.unique(
                np.concatenate([_grams(text, n, vocabulary) for text in texts]),
                return_counts=True,
            )
            for n in _upto(order)
        ]
        self._plain = [_table(grams, n, vocabulary) for grams, n in counts]
        self._continued = [
            _table(*np.unique(longer % vocabulary**n, return_counts=True), vocabulary)
            for n, (longer, _) in zip(_upto(order - 1), counts[1:], strict=True)
        ]

    @property
    def grams(self) -> int:
        """How many grams have a share: all of the longest order, and what continues below it."""
        return sum(len(table.grams) for table in (self._plain[-1], *self._continued))

    def probabilities(self, x: Ids, y: Ids) -> Probabilities:
        """Probability of every successor given what its row shows before it.

        Args:
            x: Ids, (rows, context).
            y: The successor of each of them, same shape.

        Returns:
            Same shape, each in (0, 1).
        """
        rows, context = x.shape
        result = np.empty((rows, context))
        whole = np.concatenate([x[:, :1], y], axis=1)
        for place in range(min(self.order - 1, context)):
            result[:, place] = self._of(whole[:, : place + 2])
        first = max(0, self.order - 2)
        if context > first:
            seen = whole[:, first + 2 - self.order :]
            views = np.lib.stride_tricks.sliding_window_view(seen, self.order, axis=1)
            result[:, first:] = self._of(views.reshape(-1, self.order)).reshape(rows, -1)
        return result

    def _of(self, grams: Ids) -> Probabilities:
        """Of the last id of each row after the others."""
        length = grams.shape[1]
        found = np.full(len(grams), 1 / self.vocabulary)
        code, power = np.zeros(len(grams), np.int64), 1
        for n in range(1, length + 1):
            code = code + grams[:, length - n] * power
            power *= self.vocabulary
            table = (self._plain if n == length else self._continued)[n - 1]
            found = table.mix(code // self.vocabulary, code, found)
        return found


def text_of_windows(windows: NDArray[np.integer[Any]], seed: int) -> Ids:
    """The text that the training windows of `nas.models.sequences` were cut from.

    Args:
        windows: (N, context), in a random order.
        seed: Of the permutation that they were put in.
    """
    ordered = np.empty_like(windows)
    ordered[np.random.default_rng(seed).permutation(len(windows))] = windows
    return ordered.reshape(-1).astype(np.int64)


def _most(vocabulary: int) -> int:
    return next(n for n in range(1, 64) if vocabulary ** (n + 1) >= 2**63)


def _upto(order: int) -> range:
    return range(1, order + 1)


def _grams(text: Ids, n: int, vocabulary: int) -> Ids:
    count = max(0, len(text) - n + 1)
    code = np.zeros(count, np.int64)
    for place in range(n):
        code = code * vocabulary + text[place : place + count]
    return code


def _table(grams: Ids, counts: Ids, vocabulary: int) -> _Table:
    discounts = _discounts(counts)
    kinds = np.minimum(counts, 3)
    contexts, where = np.unique(grams // vocabulary, return_inverse=True)
    totals = np.bincount(where, counts)
    left = np.bincount(where, discounts[kinds]) / totals
    shares = (counts - discounts[kinds]) / totals[where]
    return _Table(grams, shares, contexts, left)


def _discounts(counts: Ids) -> Probabilities:
    """For counts of 1, 2 and more; where the counts of counts give none, half of one."""
    seen = [int((counts == times).sum()) for times in range(1, 5)]
    found = [0.0, 0.5, 0.5, 0.5]
    if all(seen):
        share = seen[0] / (seen[0] + 2 * seen[1])
        for times in (1, 2, 3):
            value = times - (times + 1) * share * seen[times] / seen[times - 1]
            found[times] = value if 0 < value < times else 0.5
    return np.array(found)


def _find(known: Ids, wanted: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


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
        "test_error": _perplexity(model, test_x.astype(np.int64), test_y),
        "test_error_unlimited": _perplexity(model, whole, test_y.reshape(1, -1)),
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
    print(f"n-gram of order {row['baseline']['order']}: {row['baseline']['test_error']:.3f}")
    if folder is not None:
        row["network"] = model_figures(folder)
        print(f"network: {row['network']['test_perplexity']:.3f}")
    print(json.dumps(row))


if __name__ == "__main__":
    main()
