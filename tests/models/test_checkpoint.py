"""A training in segments equals one in one go, bit for bit, through files and damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import RunError
from nas.models.checkpoint import read_checkpoint, write_checkpoint
from nas.models.recipe import Recipe
from nas.models.tasks import load_splits, task
from nas.models.train import train
from search_spaces import space
from search_spaces.layers import Layer

RECIPE = Recipe(4, 64, 0.03, 0.05, 0.1, train_images=256, augmentation="shift")


def network(seed: int = 0) -> tuple[Layer, ...]:
    chosen = space("mbconv")
    digits = task("digits")
    point = chosen.sample(np.random.default_rng(seed))
    return chosen.layers(point, digits.input_shape, digits.outputs, digits.spec)


def test_a_training_in_three_segments_is_the_training_in_one(tmp_path: Path) -> None:
    digits, splits = task("digits"), load_splits(task("digits"))
    whole = train(network(), digits, splits, RECIPE, seed=3)
    begun = None
    for until in (1, 2):
        part = train(network(), digits, splits, RECIPE, seed=3, until=until, begun=begun)
        assert part.status == "begun"
        assert part.state is None
        assert part.error == whole.curve[until - 1].error
        assert part.checkpoint is not None
        write_checkpoint(part.checkpoint, tmp_path / "c")
        begun = read_checkpoint(tmp_path / "c")
    last = train(network(), digits, splits, RECIPE, seed=3, begun=begun)
    assert last.status == "trained"
    assert last.checkpoint is None
    assert [(e.epoch, e.loss, e.error) for e in last.curve] == [
        (e.epoch, e.loss, e.error) for e in whole.curve
    ]
    seconds = [e.seconds for e in last.curve]
    assert seconds == sorted(seconds)
    assert whole.state is not None
    assert last.state is not None
    assert all(torch.equal(last.state[name], whole.state[name]) for name in whole.state)


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
