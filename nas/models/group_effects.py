"""What a group of a table's rows has that their inputs do not tell: a day's weather, a shop's fame.

A random intercept, taken out of the training: rows of one group share an effect that says nothing
of rows of other groups, and a network that sees the group's rows one by one would learn it as if it
came from their inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError
from nas.models.tasks import Splits, Task
from search_spaces.specs import TableSpec

__all__ = ["group_effects"]

Array = NDArray[Any]
_MOST_CATEGORIES = 64  # of a column that explains groups; beyond, it would name them
_PENALTY = 1.0
_ROUNDS = 10
_LEAST_VARIANCE = 1e-4
_LEAST_ROWS = 5  # a group, in the mean


def group_effects(task: Task, splits: Splits, samples: int | None = None) -> NDArray[np.float32]:
    """What each training row's group adds to the output that the network should have.

    The mean target of each group (its log-odds if binary) is regressed on the means of its inputs;
    what is left, shrunk by its own noise, is the group's effect: best linear unbiased prediction
    of a random intercept. Weights are 1 / (noise of the group's mean + variance of the effects),
    found by turns. Inputs explain in a line, numbers by their means and categories of up to 64 by
    their shares: what bends by a number that is the same in a whole group would be taken for the
    group's effect, so give such a number as categories. The network then answers for a group of
    mean effect, which ranks rows (AUC) and, of a logit, is not the mean probability.

    Args:
        task: A binary or regression task on a table.
        splits: Its data, with groups.
        samples: Only the first so many training rows; None is all.

    Returns:
        (N,), log-odds or deviations of the target, 0 in the mean over groups.

    Raises:
        TaskError: The task has no groups or fewer than five rows a group, is no table, has classes,
            or is judged by its probabilities.

    Source:
        Henderson, Biometrics 31 (1975) 423, doi:10.2307/2529430 (BLUP); Robinson, Statistical
        Science 6 (1991) 15, doi:10.1214/ss/1177011926.
    """
    spec, groups = task.spec, splits.train_groups
    if groups is None or not isinstance(spec, TableSpec) or task.kind == "classification":
        raise TaskError(
            f"{task.name}: recipe: group_effects is for binary and regression tables with groups; "
            "set it to false"
        )
    if task.kind == "binary" and task.metric != "AUC":
        raise TaskError(
            f"{task.name}: recipe: group_effects makes probabilities those of a group of mean "
            f"effect, and the metric is {task.metric}; take AUC, or set it to false"
        )
    _, place = np.unique(groups[:samples], return_inverse=True)
    if len(place) < _LEAST_ROWS * (place.max() + 1):
        raise TaskError(
            f"{task.name}: recipe: group_effects: {len(place)} rows are of {place.max() + 1} "
            f"groups, and fewer than {_LEAST_ROWS} a group do not tell an effect from noise; set "
            "it to false"
        )
    value, noise = _group_means(task, splits, place)
    told = _means_of_inputs(splits, spec, place)
    variance = float(np.var(value))
    for _ in range(_ROUNDS):
        weight = 1 / (noise + variance)
        level = np.average(value, weights=weight)
        weighted = told * weight[:, None]
        slopes = np.linalg.solve(
            told.T @ weighted + _PENALTY * np.eye(told.shape[1]), weighted.T @ (value - level)
        )
        left = value - level - told @ slopes
        variance = max(float(np.mean(left**2) - np.mean(noise)), _LEAST_VARIANCE)
    effects = left * variance / (variance + noise)
    found: NDArray[np.float32] = (effects - effects.mean())[place].astype(np.float32)
    return found


def _group_means(task: Task, splits: Splits, place: Array) -> tuple[Array, Array]:
    """Of each group, the mean target in units of the output, and the variance of its noise."""
    count, y = np.bincount(place).astype(float), splits.train_y[: len(place)]
    if task.kind == "regression":
        y = (y - splits.target_mean) / splits.target_std
        mean = np.bincount(place, y) / count
        within = float(np.sum((y - mean[place]) ** 2)) / (len(y) - len(count))
        return mean, max(within, _LEAST_VARIANCE) / count
    share, ones = float(y.mean()), np.bincount(place, y)
    odds = (ones + share) / (count - ones + 1 - share)  # one more row, of the mean
    return np.log(odds), 1 / (count * share * (1 - share))


def _means_of_inputs(splits: Splits, spec: TableSpec, place: Array) -> Array:
    """Numbers and shares of categories of each group, centred; (groups, features)."""
    x, count = splits.train_x[: len(place)], np.bincount(place).astype(float)
    numbers = ((x - splits.mean) / splits.std)[:, : spec.numeric]
    columns = [np.bincount(place, column) / count for column in numbers.T]
    for index, categories in enumerate(spec.cardinalities):
        if categories <= _MOST_CATEGORIES:
            codes = place * categories + x[:, spec.numeric + index].astype(np.intp)
            shares = np.bincount(codes, minlength=len(count) * categories)
            columns += list((shares.reshape(-1, categories) / count[:, None]).T)
    features = np.stack(columns, 1) if columns else np.zeros((len(count), 0))
    centred: Array = features - features.mean(0)
    return centred
