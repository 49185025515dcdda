"""A training in segments: each with a schedule of its own, through files and damage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from nas.errors import RunError
from nas.models.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from nas.models.recipe import Recipe
from nas.models.tasks import load_splits, task
from nas.models.train import train, train_in_cycles
from nas.models.training_step import rate_share
from search_spaces import space
from search_spaces.layers import Layer

RECIPE = Recipe(4, 64, 0.03, 0.05, 0.1, train_images=256, augmentation="shift")


def network(seed: int = 0) -> tuple[Layer, ...]:
    chosen = space("mbconv")
    digits = task("digits")
    point = chosen.sample(np.random.default_rng(seed))
    return chosen.layers(point, digits.input_shape, digits.outputs, digits.spec)


def test_segments_through_files_are_those_in_memory(tmp_path: Path) -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    states = []
    for through_files in (False, True):
        begun = None
        for until in (1, 3):
            part = train(network(), digits, splits, RECIPE, seed=3, until=until, begun=begun)
            assert part.status == "begun"
            assert part.state is None
            assert len(part.curve) == until
            begun = part.checkpoint
            assert begun is not None
            if through_files:
                write_checkpoint(begun, tmp_path / "c")
                begun = read_checkpoint(tmp_path / "c")
        last = train(network(), digits, splits, RECIPE, seed=3, begun=begun)
        assert last.status == "trained"
        assert last.checkpoint is None
        assert [row.epoch for row in last.curve] == [1, 2, 3, 4]
        seconds = [row.seconds for row in last.curve]
        assert seconds == sorted(seconds)
        assert last.state is not None
        states.append(last.state)
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())


def test_a_first_segment_is_a_whole_training_of_so_many_epochs() -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    short = train(network(), digits, splits, replace(RECIPE, epochs=2), seed=3)
    part = train(network(), digits, splits, RECIPE, seed=3, until=2)
    assert [(row.loss, row.error) for row in part.curve] == [
        (row.loss, row.error) for row in short.curve
    ]


def test_each_segment_rises_and_falls_by_itself_and_goes_on_with_its_chance() -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    begun = train(network(), digits, splits, RECIPE, seed=3, until=2).checkpoint
    assert begun is not None
    rates: list[float] = []
    hook = register_optimizer_step_pre_hook(
        lambda optimiser, *_: rates.append(optimiser.param_groups[0]["lr"])
    )
    last = train(network(), digits, splits, RECIPE, seed=3, begun=begun)
    hook.remove()
    steps = 2 * (256 // RECIPE.batch_size)
    assert rates == pytest.approx(
        [RECIPE.learning_rate * rate_share(step, steps, RECIPE) for step in range(steps)]
    )
    other = {**begun.tensors, "generator": torch.Generator().manual_seed(9).get_state()}
    again = train(network(), digits, splits, RECIPE, seed=3, begun=Checkpoint(begun.curve, other))
    assert [row.loss for row in again.curve] != [row.loss for row in last.curve]


def test_cycles_in_one_call_are_the_segments() -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    begun = train(network(), digits, splits, RECIPE, seed=3, until=1).checkpoint
    last = train(network(), digits, splits, RECIPE, seed=3, begun=begun)
    whole = train_in_cycles(network(), digits, splits, RECIPE, ends=[1], seed=3)
    assert whole.status == "trained"
    assert [(row.epoch, row.error) for row in whole.curve] == [
        (row.epoch, row.error) for row in last.curve
    ]
    assert whole.state is not None
    assert last.state is not None
    assert all(torch.equal(whole.state[name], value) for name, value in last.state.items())
    stopped = train_in_cycles(
        network(), digits, splits, RECIPE, ends=[1], seed=3, should_stop=lambda: True
    )
    assert stopped.status == "interrupted"


def test_a_checkpoint_of_another_network_is_refused() -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    begun = train(network(), digits, splits, RECIPE, seed=3, until=1).checkpoint
    with pytest.raises(RunError, match="does not fit the training") as refused:
        train(network(7), digits, splits, RECIPE, seed=3, begun=begun)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b"abc", b"\xff" * 64])
def test_a_damaged_file_is_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match="cannot be read") as refused:
        read_checkpoint(path)
    assert "\n" not in str(refused.value)
