from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nas.errors import ConfigError, TaskError
from nas.models.build import build
from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Splits, Task, load_splits, task
from nas.models.torch_process import sees_gpu
from nas.models.train import Epoch, predict, train
from nas.models.training_step import augmented
from search_spaces.layers import Layer
from search_spaces.ops import Activation, BatchNorm, Conv2d, GlobalAveragePool, Input, Linear

BRIEF = Recipe(2, 64, 0.03, 0.05, 0.1)


def network(outputs: int = 10) -> tuple[Layer, ...]:
    return (
        Layer("input", Input((1, 8, 8))),
        Layer("conv", Conv2d(1, 16, 3), ("input",)),
        Layer("norm", BatchNorm(16), ("conv",)),
        Layer("act", Activation("relu"), ("norm",)),
        Layer("wide", Conv2d(16, 32, 3, 2), ("act",)),
        Layer("wide_norm", BatchNorm(32), ("wide",)),
        Layer("wide_act", Activation("hardswish"), ("wide_norm",)),
        Layer("pool", GlobalAveragePool(), ("wide_act",)),
        Layer("classifier", Linear(32, outputs), ("pool",)),
    )


@pytest.fixture(scope="module")
def digits() -> Task:
    return task("digits")


@pytest.fixture(scope="module")
def splits(digits: Task) -> Splits:
    return load_splits(digits)


def test_a_small_network_learns_digits(digits: Task, splits: Splits) -> None:
    seen: list[Epoch] = []
    recipe = default_recipe("digits")
    training = train(
        network(), digits, splits, recipe, seed=0, on_epoch=lambda epoch, _: seen.append(epoch)
    )
    assert training.status == "trained"
    assert training.message == ""
    assert training.error is not None
    assert training.error < 0.06
    assert tuple(seen) == training.curve
    assert len(training.curve) == recipe.epochs
    assert training.curve[-1].loss < training.curve[0].loss


def test_the_reported_error_is_that_of_the_returned_weights(digits: Task, splits: Splits) -> None:
    training = train(network(), digits, splits, BRIEF, seed=1)
    assert training.state is not None
    module = build(network())
    module.load_state_dict(training.state)
    classes = predict(module, splits.validation_x, splits).argmax(1)
    assert training.error == pytest.approx(float(np.mean(classes != splits.validation_y)))


@pytest.mark.parametrize("augmentation", ["none", "shift", "flip", "shift-flip"])
def test_equal_arguments_give_equal_weights(
    digits: Task, splits: Splits, augmentation: str
) -> None:
    recipe = dataclasses.replace(BRIEF, epochs=1, augmentation=augmentation)
    torch.manual_seed(5)
    first = train(network(), digits, splits, recipe, seed=3)
    torch.manual_seed(6)
    second = train(network(), digits, splits, recipe, seed=3)
    other = train(network(), digits, splits, recipe, seed=4)
    assert first.state is not None
    assert second.state is not None
    assert other.state is not None
    assert all(torch.equal(first.state[key], second.state[key]) for key in first.state)
    assert not torch.equal(first.state["conv.weight"], other.state["conv.weight"])


def test_flip_mirrors_half_of_the_images_and_moves_none() -> None:
    images = torch.arange(2 * 40 * 6, dtype=torch.uint8).reshape(40, 1, 2, 6)
    changed = augmented(images, "flip", torch.Generator().manual_seed(0))
    mirrored = [
        torch.equal(row, image.flip(-1)) for row, image in zip(changed, images, strict=True)
    ]
    same = [torch.equal(row, image) for row, image in zip(changed, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 8 <= sum(mirrored) <= 32  # 20 are expected with a standard deviation of 3.2


def test_bf16_learns_too(digits: Task, splits: Splits) -> None:
    recipe = dataclasses.replace(BRIEF, epochs=6, precision="bf16")
    training = train(network(), digits, splits, recipe, seed=0)
    assert training.error is not None
    assert training.error < 0.15
    assert training.state is not None
    assert training.state["conv.weight"].dtype is torch.float32


def test_the_layout_changes_the_time_and_not_what_is_computed(digits: Task, splits: Splits) -> None:
    brief = dataclasses.replace(BRIEF, epochs=1, train_images=256)
    last, first = (
        train(network(), digits, splits, dataclasses.replace(brief, layout=layout), seed=0)
        for layout in ("channels_last", "channels_first")
    )
    for name, value in last.state.items():
        torch.testing.assert_close(first.state[name], value, rtol=1e-3, atol=1e-3)
    assert first.state["wide.weight"].is_contiguous()


def test_a_training_begins_from_the_weights_it_is_given(digits: Task, splits: Splits) -> None:
    still = dataclasses.replace(BRIEF, epochs=1, learning_rate=1e-12, train_images=128)
    given = {
        name: torch.full_like(value, 0.01) if name.endswith("weight") else value
        for name, value in build(network(), seed=1).state_dict().items()
    }
    training = train(network(), digits, splits, still, seed=0, weights=given)
    for name in ("conv.weight", "wide.weight", "classifier.weight"):
        torch.testing.assert_close(training.state[name], given[name])


def test_a_gpu_trains_as_the_processor_does(digits: Task, splits: Splits) -> None:
    recipe = dataclasses.replace(BRIEF, device="cuda", augmentation="shift-flip")
    if not sees_gpu():
        with pytest.raises(ConfigError, match="torch finds no GPU here"):
            train(network(), digits, splits, recipe, seed=0)
        return
    training = train(network(), digits, splits, recipe, seed=0)
    alone = train(network(), digits, splits, dataclasses.replace(recipe, device="cpu"), seed=0)
    assert training.error == pytest.approx(alone.error, abs=0.03)
    assert {value.device.type for value in training.state.values()} == {"cpu"}


def test_fewer_images_make_a_shorter_epoch(digits: Task, splits: Splits) -> None:
    recipe = dataclasses.replace(BRIEF, train_images=128)
    few = dataclasses.replace(splits, train_x=splits.train_x[:128], train_y=splits.train_y[:128])
    training = train(network(), digits, splits, recipe, seed=0)
    same = train(network(), digits, few, BRIEF, seed=0)
    assert [epoch.loss for epoch in training.curve] == [epoch.loss for epoch in same.curve]


def test_a_loss_that_is_not_finite_is_divergence(digits: Task, splits: Splits) -> None:
    recipe = dataclasses.replace(BRIEF, learning_rate=1e30)
    training = train(network(), digits, splits, recipe, seed=0)
    assert training.status == "diverged"
    assert (training.error, training.state) == (None, None)
    assert "loss is" in training.message


def test_the_time_limit_ends_a_training(digits: Task, splits: Splits) -> None:
    recipe = dataclasses.replace(BRIEF, limit_s=1e-9)
    training = train(network(), digits, splits, recipe, seed=0)
    assert training.status == "time_limit"
    assert training.curve == ()
    assert "1e-09 s" in training.message


def test_an_interrupted_training_keeps_its_curve(digits: Task, splits: Splits) -> None:
    steps = iter(range(1000))
    epoch_steps = len(splits.train_x) // BRIEF.batch_size
    training = train(
        network(), digits, splits, BRIEF, seed=0, should_stop=lambda: next(steps) > epoch_steps
    )
    assert training.status == "interrupted"
    assert len(training.curve) == 1
    assert training.state is None


def test_a_network_that_memory_cannot_hold_is_reported(digits: Task, splits: Splits) -> None:
    layers = (
        Layer("input", Input((1, 8, 8))),
        Layer("pool", GlobalAveragePool(), ("input",)),
        Layer("wide", Linear(1, 10**6), ("pool",)),
        Layer("classifier", Linear(10**6, 10**9), ("wide",)),
        Layer("last", Linear(10**9, 10), ("classifier",)),
    )
    training = train(layers, digits, splits, BRIEF, seed=0)
    assert training.status == "out_of_memory"
    assert training.error is None


def test_layers_of_another_task_are_refused(digits: Task, splits: Splits) -> None:
    with pytest.raises(TaskError, match=r"digits: layers take \(1, 8, 8\) and give \(7,\)"):
        train(network(outputs=7), digits, splits, BRIEF, seed=0)


def test_threads_are_put_back(digits: Task, splits: Splits) -> None:
    before = torch.get_num_threads()
    recipe = dataclasses.replace(BRIEF, epochs=1, threads=before + 1)
    train(network(), digits, splits, recipe, seed=0)
    assert torch.get_num_threads() == before
