"""Gradient boosting beside which the searched networks of tables are put.

scikit-learn's histogram gradient boosting, on the same columns, splits and metric as the networks.
`TRIALS` settings are drawn with a fixed seed, each stopped early by its validation loss; the one of
the lowest validation error is fitted again on training and validation rows together, as an export
does, with the number of trees that validation chose, and is measured once on the test part.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from nas.models.metrics import error
from nas.models.tasks import Splits, Task, load_splits, load_test
from search_spaces.specs import TableSpec

__all__ = ["TRIALS", "boosted_outputs", "gradient_boosting"]

TRIALS = 24
_MOST_TREES = 3000
_PATIENCE = 30
_NATIVE = 255  # categories that scikit-learn splits as such
_CHOICES: dict[str, tuple[Any, ...]] = {
    "learning_rate": (0.02, 0.05, 0.1),
    "max_leaf_nodes": (7, 15, 31, 63, 127),
    "min_samples_leaf": (5, 20, 100, 300),
    "l2_regularization": (0.0, 1.0, 10.0, 100.0),
    "max_features": (0.3, 0.6, 1.0),
}
# How columns of more categories are read: as whole numbers, as the cross-fitted mean of the target
# (Micci-Barreca 2001), or not at all.
_WIDE = ("number", "target mean", "left out")


def gradient_boosting(task: Task, *, trials: int = TRIALS) -> dict[str, Any]:
    """Tune on validation, fit again on both parts, and measure once on the test part.

    Args:
        task: A binary or regression task on a table.
        trials: Settings drawn.

    Returns:
        Errors, the chosen setting, and how many were tried.
    """
    splits = load_splits(task)
    tried = [_trial(task, splits, setting) for setting in _settings(task, trials)]
    best = min(tried, key=lambda row: row["validation_error"])
    x = np.concatenate([splits.train_x, splits.validation_x])
    y = np.concatenate([splits.train_y, splits.validation_y])
    test_x, test_y = load_test(task)
    outputs = boosted_outputs(task, best, dataclasses.replace(splits, train_x=x, train_y=y), test_x)
    return {
        "name": "gradient boosting (scikit-learn HistGradientBoosting)",
        "test_error": error(task, outputs, test_y, splits),
        "trials": trials,
        **best,
    }


def boosted_outputs(task: Task, chosen: dict[str, Any], splits: Splits, x: Any) -> Any:
    """What the chosen setting says of rows, fitted on the training rows of the splits.

    Args:
        task: A binary or regression task on a table.
        chosen: ``setting``, ``trees`` and ``wide_columns``, as `gradient_boosting` gives them.
        splits: Whose training rows are fitted.
        x: Raw rows, (N, columns).

    Returns:
        Log-odds or standardised targets, (N, 1).
    """
    columns = _Columns(task, chosen["wide_columns"])
    model = _model(task, chosen["setting"], max_iter=chosen["trees"])
    model.set_params(categorical_features=columns.native)
    model.fit(columns.fit(splits.train_x, splits.train_y), splits.train_y)
    return _outputs(task, model, columns.transform(x), splits)


def _settings(task: Task, trials: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    drawn = []
    for number in range(trials):
        setting = {name: values[rng.integers(len(values))] for name, values in _CHOICES.items()}
        drawn.append({"wide": _WIDE[number % len(_WIDE)] if _wide(task) else "number", **setting})
    return drawn


def _wide(task: Task) -> list[int]:
    """Columns of more categories than are split as such."""
    assert isinstance(task.spec, TableSpec)
    counts = task.spec.cardinalities
    return [task.spec.numeric + i for i, count in enumerate(counts) if count > _NATIVE]


class _Columns:
    """A table as gradient boosting reads it."""

    def __init__(self, task: Task, how: str) -> None:
        self.wide, self.how = _wide(task), how
        self.kept = [c for c in range(task.input_shape[0]) if c not in self.wide]
        self.native = [self.kept.index(c) for c in self.kept if c >= task.spec.numeric]
        self.encoder = TargetEncoder(
            target_type="continuous" if task.kind == "regression" else "binary",
            cv=KFold(5, shuffle=True, random_state=0),
        )

    def fit(self, x: Any, y: Any) -> Any:
        if self.how == "target mean" and self.wide:
            return np.hstack([x[:, self.kept], self.encoder.fit_transform(x[:, self.wide], y)])
        return self.transform(x)

    def transform(self, x: Any) -> Any:
        if self.how == "left out" or not self.wide:
            return x[:, self.kept]
        more = x[:, self.wide]
        if self.how == "target mean":
            more = self.encoder.transform(more)
        return np.hstack([x[:, self.kept], more])


def _model(task: Task, setting: dict[str, Any], **more: Any) -> Any:
    kind = (
        HistGradientBoostingRegressor
        if task.kind == "regression"
        else HistGradientBoostingClassifier
    )
    return kind(**setting, **more, random_state=0, early_stopping=False)


def _trial(task: Task, splits: Splits, drawn: dict[str, Any]) -> dict[str, Any]:
    setting = {key: value for key, value in drawn.items() if key != "wide"}
    columns = _Columns(task, drawn["wide"])
    train, validation = (
        columns.fit(splits.train_x, splits.train_y),
        columns.transform(splits.validation_x),
    )
    model = _model(task, setting, max_iter=_MOST_TREES)
    model.set_params(
        categorical_features=columns.native, early_stopping=True, n_iter_no_change=_PATIENCE
    )
    model.fit(train, splits.train_y, X_val=validation, y_val=splits.validation_y)
    found = error(task, _outputs(task, model, validation, splits), splits.validation_y, splits)
    trees = int(np.argmax(model.validation_score_))  # of none is the first score
    print(f"{task.name}: {found:.5f} validation error, {trees} trees, {drawn}", flush=True)
    return {
        "validation_error": found,
        "trees": max(trees, 1),
        "setting": setting,
        "wide_columns": drawn["wide"],
    }


def _outputs(task: Task, model: Any, x: Any, splits: Splits) -> Any:
    """As a network gives them: a logit, or the standardised target."""
    if task.kind == "regression":
        return ((model.predict(x) - splits.target_mean) / splits.target_std)[:, None]
    return model.decision_function(x)[:, None]
