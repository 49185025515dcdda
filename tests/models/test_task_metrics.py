from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.models.metrics import area_under_curve, error, guess_error
from nas.models.tasks import Splits, Task, load_splits, task
from search_spaces.specs import TextSpec

BINARY = task("breast-cancer")
TEXT = dataclasses.replace(
    task("digits"),
    input_shape=(2,),
    outputs=3,
    metric="perplexity",
    kind="language",
    spec=TextSpec(vocabulary=3, context=2),
)
REGRESSION = dataclasses.replace(BINARY, kind="regression", metric="RMSE")


def splits_of(train_y: list, validation_y: list, **more: float) -> Splits:
    x = np.zeros((1, 1), np.float32)
    return Splits(x, np.array(train_y), x, np.array(validation_y), 0.0, 1.0, **more)


NONE = splits_of([], [])


def test_auc_by_hand_with_a_tie() -> None:
    # Pairs (positive, negative): 0.8 > 0.1, 0.8 > 0.4, 0.4 > 0.1 and 0.4 = 0.4: 3.5 of 4.
    scores, y = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
    assert area_under_curve(scores, y) == 3.5 / 4


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=2, max_size=20))
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, int]]) -> None:
    scores, y = np.array(rows, float).T
    positive, negative = scores[y == 1], scores[y == 0]
    if not len(positive) or not len(negative):
        return
    wins = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    assert area_under_curve(scores, y) == pytest.approx(wins)
    assert area_under_curve(-scores, y) == pytest.approx(1 - wins)


def test_log_loss_and_auc_agree_with_scikit_learn() -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(50, 1)), rng.integers(0, 2, 50)
    probability = 1 / (1 + np.exp(-logits[:, 0]))
    assert error(BINARY, logits, y, NONE) == pytest.approx(log_loss(y, probability))
    by_auc = dataclasses.replace(BINARY, metric="AUC")
    assert error(by_auc, logits, y, NONE) == pytest.approx(1 - roc_auc_score(y, probability))


def test_log_loss_of_a_sure_and_wrong_logit_is_finite() -> None:
    assert error(BINARY, np.array([[-1e4]]), np.array([1]), NONE) == pytest.approx(1e4)


def test_perplexity_of_equal_scores_is_the_vocabulary() -> None:
    y = np.array([[0, 1], [2, 2]])
    assert error(TEXT, np.full((2, 2, 3), 7.0), y, NONE) == pytest.approx(3)
    sure = np.log(np.array([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]] * 2))
    # Probabilities of what is right: 1/2, 1/2, 1/4, 1/4; their geometric mean is 2 ** -1.5.
    assert error(TEXT, sure, y, NONE) == pytest.approx(2**1.5)


def test_rmse_is_in_the_units_of_the_target() -> None:
    splits = splits_of([], [], target_mean=10.0, target_std=2.0)
    outputs, y = np.array([[0.0], [1.0]]), np.array([10.0, 15.0])
    assert error(REGRESSION, outputs, y, splits) == pytest.approx(np.sqrt((0 + 9) / 2))


def test_outputs_that_are_not_finite_give_no_finite_error() -> None:
    outputs, y = np.array([[np.nan], [1.0]]), np.array([0, 1])
    for metric in ("log-loss", "AUC", "RMSE"):
        changed: Task = dataclasses.replace(BINARY, metric=metric)
        assert not np.isfinite(error(changed, outputs, y, NONE))
    scores = np.full((1, 2, 3), np.nan)
    assert not np.isfinite(error(TEXT, scores, np.array([[0, 1]]), NONE))


def test_guesses_by_hand() -> None:
    digits = task("digits")
    assert guess_error(digits, splits_of([3, 3, 1], [3, 1, 1, 3])) == 0.5
    share = -np.mean(np.log([0.75, 0.75, 0.25]))
    assert guess_error(BINARY, splits_of([1, 1, 1, 0], [1, 1, 0])) == pytest.approx(share)
    assert guess_error(REGRESSION, splits_of([1.0, 3.0], [2.0, 4.0])) == pytest.approx(2**0.5)
    # Counts 3, 1, 0 and one more of each: shares 4/7, 2/7, 1/7.
    text = splits_of([[0, 0], [1, 0]], [[0, 1], [2, 0]])
    shares = np.array([4, 2, 1, 4]) / 7
    assert guess_error(TEXT, text) == pytest.approx(np.exp(-np.log(shares).mean()))


@pytest.mark.parametrize("name", ["digits", "breast-cancer"])
def test_the_worst_error_of_a_task_is_about_that_of_a_guess(name: str) -> None:
    found = task(name)
    assert guess_error(found, load_splits(found)) == pytest.approx(found.worst_error, abs=0.02)
