"""Training, precisions and export of what is not a classification of images."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.models.build import build
from nas.models.evaluate import errors_by_precision
from nas.models.export import export_model
from nas.models.metrics import guess_error
from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Splits, Task, load_splits, load_test, task
from nas.models.train import train
from nas.models.training_step import training_loss
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    BatchNorm,
    Flatten,
    Input,
    Linear,
    MemberMean,
)
from search_spaces.specs import TableSpec, TextSpec
from search_spaces.token_ops import Embedding

TUMOURS = task("breast-cancer")
# Predict the first measurement, shifted and stretched, from the others.
REGRESSION = dataclasses.replace(
    TUMOURS, name="size", kind="regression", metric="RMSE", classes=(), input_shape=(29,), spec=None
)
TEXT = dataclasses.replace(
    TUMOURS,
    name="text",
    kind="language",
    metric="perplexity",
    input_shape=(8,),
    outputs=5,
    spec=TextSpec(vocabulary=5, context=8),
    classes=tuple("abcde"),
)


def dense(inputs: int) -> tuple[Layer, ...]:
    return (
        Layer("input", Input((inputs,))),
        Layer("wide", Linear(inputs, 16), ("input",)),
        Layer("norm", BatchNorm(16), ("wide",)),
        Layer("act", Activation("relu"), ("norm",)),
        Layer("head", Linear(16, 1), ("act",)),
    )


def bigram() -> tuple[Layer, ...]:
    return (
        Layer("input", Input((8,))),
        Layer("embedding", Embedding(5, 6), ("input",)),
        Layer("head", Linear(6, 5), ("embedding",)),
    )


def test_members_learn_from_rows_of_their_own_and_answer_together() -> None:
    """Of four rows the first two are the first member's; upon a shared layer as well."""
    layers = (
        Layer("input", Input((2,))),
        Layer("shared", Linear(2, 2), ("input",)),
        Layer("first", Linear(2, 1), ("shared",)),
        Layer("second", Linear(2, 1), ("shared",)),
        Layer("mean", MemberMean(), ("first", "second")),
    )
    module, rows = build(layers, seed=0), torch.randn(4, 2)
    first, second = (module.get_submodule(name) for name in ("first", "second"))
    shared = module.get_submodule("shared")(rows)
    wanted = torch.cat([first(shared[:2]), second(shared[2:])])
    torch.testing.assert_close(module.train()(rows), wanted)
    torch.testing.assert_close(module.eval()(rows), (first(shared) + second(shared)) / 2)


def test_members_see_the_samples_in_orders_of_their_own(regression: Splits) -> None:
    """Norms of the raw input, which remember the batches they saw."""
    norms = ("first", "second")
    layers = [Layer("input", Input(REGRESSION.input_shape))]
    for name in norms:
        layers.append(Layer(f"{name}_norm", BatchNorm(REGRESSION.input_shape[0]), ("input",)))
        layers.append(Layer(name, Linear(REGRESSION.input_shape[0], 1), (f"{name}_norm",)))
    layers.append(Layer("mean", MemberMean(), norms))
    training = train(tuple(layers), REGRESSION, regression, Recipe(1, 32, 0.01, 0.0, 0.0), seed=0)
    assert training.state is not None
    seen = [training.state[f"{name}_norm.running_mean"] for name in norms]
    assert not torch.equal(*seen)


def test_a_robust_loss_grows_in_a_line_beyond_its_delta() -> None:
    """Of residuals 0.05 and 1: 0.05^2, and 0.1 (2 - 0.1), which goes on from 0.1^2 at slope 0.2."""
    splits = Splits(*[np.zeros(1)] * 4, 0.0, 1.0, target_mean=3.0, target_std=2.0)
    robust = Recipe(1, 32, 0.01, 0.0, 0.0, huber_delta=0.1)
    outputs, y = torch.tensor([[0.05], [1.0]]), torch.tensor([3.0, 3.0])
    loss = training_loss(REGRESSION, outputs, y, splits, robust)
    assert loss.item() == pytest.approx((0.0025 + 0.19) / 2)
    plain = dataclasses.replace(robust, huber_delta=None)
    loss = training_loss(REGRESSION, outputs, y, splits, plain)
    assert loss.item() == pytest.approx((0.0025 + 1) / 2)


@pytest.fixture(scope="module")
def regression() -> Splits:
    found = load_splits(TUMOURS)

    def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(x[:, 1:]), 100 * x[:, 0]

    train_x, train_y = halves(found.train_x)
    validation_x, validation_y = halves(found.validation_x)
    return Splits(
        train_x, train_y, validation_x, validation_y,
        np.asarray(found.mean)[1:], np.asarray(found.std)[1:],
        float(train_y.mean()), float(train_y.std()),
    )  # fmt: skip


@pytest.fixture(scope="module")
def text() -> Splits:
    """A text in which the next letter is the second after, in a ring of five."""
    starts = np.random.default_rng(0).integers(0, 5, (500, 1))
    rows = (starts + 2 * np.arange(9)) % 5
    x, y = rows[:, :-1].astype(np.uint8), rows[:, 1:].astype(np.int64)
    return Splits(x[:400], y[:400], x[400:], y[400:], 0.0, 1.0)


def test_a_binary_task_is_learned() -> None:
    splits = load_splits(TUMOURS)
    training = train(dense(30), TUMOURS, splits, default_recipe("breast-cancer"), seed=0)
    assert training.error is not None
    assert training.error < 0.3 < guess_error(TUMOURS, splits)
    assert training.state is not None
    errors = errors_by_precision(
        training.state, dense(30), TUMOURS, splits, ["fp32", "bf16", "int8"]
    )
    assert errors["fp32"] == pytest.approx(training.error)
    for precision in ("bf16", "int8"):
        assert errors[precision] == pytest.approx(training.error, abs=0.1)


def test_a_regression_is_learned_in_its_own_unit(regression: Splits) -> None:
    recipe = Recipe(20, 32, 0.01, 0.0, 0.0)
    training = train(dense(29), REGRESSION, regression, recipe, seed=0)
    assert training.error is not None
    assert 1 < training.error < 0.5 * guess_error(REGRESSION, regression)


def test_a_language_is_learned_and_its_ids_survive_int8(text: Splits) -> None:
    training = train(bigram(), TEXT, text, Recipe(20, 16, 0.05, 0.0, 0.0), seed=0)
    assert training.error is not None
    assert 1 <= training.error < 1.2
    assert training.state is not None
    errors = errors_by_precision(training.state, bigram(), TEXT, text, ["fp32", "int8"])
    assert errors["fp32"] == pytest.approx(training.error, rel=1e-4)
    assert errors["int8"] == pytest.approx(training.error, abs=0.1)


def test_smoothed_labels_keep_a_binary_task_from_being_sure() -> None:
    splits = load_splits(TUMOURS)
    sharp, smooth = (
        train(dense(30), TUMOURS, splits, Recipe(20, 32, 0.01, 0.0, smoothing), seed=0).error
        for smoothing in (0.0, 0.4)
    )
    # With labels 0.2 and 0.8 the best log-loss is that of probability 0.8: 0.223 nats.
    assert sharp is not None
    assert smooth is not None
    assert sharp < 0.2 < smooth


def test_an_error_that_is_not_finite_is_divergence(text: Splits) -> None:
    # The one step begins at a finite loss and leaves weights that overflow.
    training = train(bigram(), TEXT, text, Recipe(1, 400, 1e30, 0.0, 0.0), seed=0)
    assert training.status == "diverged"
    assert "error is" in training.message
    assert training.state is None


@pytest.mark.parametrize(("changed", "message"), [(TEXT, r"\(8,\) and \(8, 5\)")])
def test_layers_must_give_a_score_for_every_position(
    changed: Task, message: str, text: Splits
) -> None:
    with pytest.raises(Exception, match=message):
        train(dense(8), changed, text, Recipe(1, 16, 0.1, 0.0, 0.0), seed=0)


def test_an_exported_binary_model_gives_probabilities(tmp_path: Path) -> None:
    exported = export_model(
        dense(30), TUMOURS, Recipe(10, 32, 0.01, 0.0, 0.0), tmp_path / "model",
        seed=0, precision="int8", card={},
    )  # fmt: skip
    assert exported.test_accuracy is None
    assert exported.test_metric == exported.test_error < 0.4
    assert "Test log-loss" in (exported.path / "README.md").read_text()
    x, y = load_test(TUMOURS)
    np.save(tmp_path / "inputs.npy", x)
    ran = subprocess.run(
        [sys.executable, exported.path / "predict.py", tmp_path / "inputs.npy"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    probability = np.array([float(line) for line in ran.stdout.split()])
    log_loss = -np.mean(np.log(np.where(y == 1, probability, 1 - probability)))
    assert log_loss == pytest.approx(exported.test_error, abs=1e-4)


def test_ids_that_were_dropped_in_training_are_all_looked_up_afterwards() -> None:
    clicks = dataclasses.replace(
        TUMOURS, name="clicks", input_shape=(1,), spec=TableSpec(0, (100,))
    )
    x = np.arange(100, dtype=np.float32).repeat(8)[:, None]
    y = (x[:, 0] % 2).astype(np.int64)
    splits = Splits(x, y, x, y, 0.0, 1.0)
    layers = (
        Layer("input", Input((1,))),
        Layer("table", Embedding(100, 4), ("input",)),
        Layer("vector", Flatten(), ("table",)),
        Layer("head", Linear(4, 1), ("vector",)),
    )
    recipe = Recipe(8, 16, 0.05, 0.0, 0.0)
    errors, losses = [], []
    for share in (0.0, 0.5):
        training = train(
            layers, clicks, splits, dataclasses.replace(recipe, id_dropout=share), seed=0
        )
        errors.append(training.error)
        losses.append(training.curve[-1].loss)
    # Parity is all in the id: known it costs nothing, and of the half that is dropped ln 2 each.
    assert max(errors) < 0.1
    assert losses[0] < 0.1
    assert losses[1] == pytest.approx(0.5 * np.log(2), abs=0.1)
