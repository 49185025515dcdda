"""Metrics: the error of a network's outputs on a task, and of a guess that sees no input. No torch.

Every error is minimised and at least 0: 1 - accuracy, 1 - AUC, log-loss in nats, perplexity, RMSE.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.models.tasks import Kind, Metric, Splits, Task

__all__ = ["ERROR_LABELS", "METRICS_OF", "area_under_curve", "error", "guess_error"]

METRICS_OF: dict[Kind, tuple[Metric, ...]] = {
    "classification": ("accuracy", "log-loss"),
    "binary": ("log-loss", "AUC", "accuracy"),
    "regression": ("RMSE",),
    "language": ("perplexity",),
}
"""The metrics that a task of each kind may have, the usual one first."""

ERROR_LABELS: dict[Metric, str] = {
    "accuracy": "error (1 - accuracy)",
    "AUC": "error (1 - AUC)",
    "log-loss": "log-loss (nats)",
    "RMSE": "RMSE",
    "perplexity": "perplexity per character",
}

Array = NDArray[Any]
_ROWS = 1000  # at a time, in float64


def error(task: Task, outputs: Array, y: Array, splits: Splits) -> float:
    """The error of outputs, by the metric of the task.

    Args:
        task: The task.
        outputs: As a network gives them, (N, *task.output_shape): scores of classes or tokens, the
            logit of the second class, or the standardised target.
        y: What is right, (N,), or (N, context) for language.
        splits: The data whose target mean and deviation the network was trained with.

    Returns:
        The error; not finite where the outputs are not.
    """
    if task.metric == "accuracy":
        predicted = outputs[:, 0] > 0 if task.kind == "binary" else outputs.argmax(-1)
        return float(np.mean(predicted != y))
    if task.metric == "AUC":
        return 1 - area_under_curve(outputs[:, 0], y)
    if task.metric == "log-loss" and task.kind == "binary":
        return _log_loss(outputs[:, 0].astype(np.float64), y)
    if task.metric == "log-loss":
        return _cross_entropy(outputs[:, None], y[:, None])
    if task.metric == "perplexity":
        with np.errstate(over="ignore"):
            return float(np.exp(_cross_entropy(outputs, y)))
    predicted = outputs[:, 0].astype(np.float64) * splits.target_std + splits.target_mean
    return float(np.sqrt(np.mean((predicted - y) ** 2)))


def guess_error(task: Task, splits: Splits) -> float:
    """The validation error of the best guess that sees no input, made on the training data.

    That is the most frequent class, the share of the second class, the mean of the target, or the
    frequencies of the tokens.

    Args:
        task: The task.
        splits: Its data.
    """
    y, wanted = splits.train_y, splits.validation_y
    if task.kind == "regression":
        return float(np.sqrt(np.mean((wanted - y.mean(dtype=np.float64)) ** 2)))
    if task.kind == "binary":
        share = float(y.mean())
        guess = np.full((len(wanted), 1), np.log(share / (1 - share)))
        return error(task, guess, wanted, splits)
    counts = np.bincount(y.ravel(), minlength=task.outputs)
    if task.metric == "accuracy":
        return float(np.mean(wanted != counts.argmax()))
    shares = (counts + 1) / (counts.sum() + task.outputs)
    loss = float(-np.log(shares)[wanted].mean())
    return loss if task.metric == "log-loss" else float(np.exp(loss))


def area_under_curve(scores: Array, y: Array) -> float:
    """Area under the receiver operating characteristic: how often a positive outranks a negative.

    Ties count half (Mann and Whitney 1947).

    Args:
        scores: Higher means more likely positive, (N,).
        y: 0 or 1, (N,), both present.

    Returns:
        In [0, 1]; NaN if a score is not finite.
    """
    if not np.all(np.isfinite(scores)):
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = int((y == 1).sum())
    above = rank[y == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(y) - positives)))


def _log_loss(logits: Array, y: Array) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.logaddexp(0, logits) - y * logits))


def _cross_entropy(outputs: Array, y: Array) -> float:
    """Of scores (N, positions, choices) for what is right (N, positions), in nats."""
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(y), _ROWS):
            scores = outputs[start : start + _ROWS].astype(np.float64)
            scores -= scores.max(-1, keepdims=True)
            right = np.take_along_axis(scores, y[start : start + _ROWS, :, None], -1)[..., 0]
            total += float((np.log(np.exp(scores).sum(-1)) - right).sum())
    return total / y.size
