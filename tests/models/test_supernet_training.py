"""Training shared weights: it learns, goes on where it stopped, and is told apart."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import ConfigError, RunError
from nas.models.recipe import Recipe
from nas.models.supernet import Supernet
from nas.models.supernet_scoring import SupernetScorer
from nas.models.supernet_training import SupernetRecipe, train_supernet
from nas.models.tasks import load_splits, task
from search_spaces import space
from search_spaces.base import Choice, SearchSpace
from search_spaces.chain import Chain
from search_spaces.layers import mac_count
from search_spaces.ops import GlobalAveragePool, Linear

DIGITS = task("digits")
RECIPE = SupernetRecipe(Recipe(2, 32, 0.02, 0.05, 0.1, train_images=320), randoms=1)
STEPS = 20
MOST_MACS = 1.5e6  # of the small ones, so that seconds suffice


def _build(architecture, input_shape, outputs):
    chain = Chain(input_shape)
    chain.conv("stem", architecture["width"], architecture["kernel"], 2, activation="relu")
    chain.conv("body", architecture["width"], 3, activation="relu")
    chain.add("pool", GlobalAveragePool())
    chain.add("head", Linear(architecture["width"], outputs))
    return tuple(chain.layers)


SPACE = SearchSpace(
    "small", 1, "two convolutions", (Choice("width", (4, 8, 16)), Choice("kernel", (3, 5))), _build
)


@pytest.fixture(scope="module")
def splits():
    return load_splits(DIGITS)


def trained(splits, recipe=RECIPE, **how):
    supernet = Supernet(SPACE, DIGITS, seed=1)
    finished = train_supernet(supernet, splits, recipe, seed=1, **how)
    return supernet, finished


def same(first, second):
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_every_size_learns(splits):
    longer = SupernetRecipe(Recipe(4, 32, 0.02, 0.05, 0.1))
    before = SupernetScorer(Supernet(SPACE, DIGITS, seed=1), splits)
    supernet, finished = trained(splits, longer)
    after = SupernetScorer(supernet, splits)
    assert finished
    for width in (4, 8, 16):
        architecture = {"width": width, "kernel": 3}
        # A guess is wrong in nine of ten.
        assert after.error(architecture) < 0.6 < before.error(architecture)
    assert after.error(supernet.largest) < after.error(supernet.smallest)


def test_steps_lower_the_loss_of_the_largest(splits):
    losses = []
    trained(splits, on_step=lambda step, steps, loss: losses.append((step, steps, loss)))
    assert [row[:2] for row in losses] == [(step, STEPS) for step in range(1, STEPS + 1)]
    assert np.mean([row[2] for row in losses[-5:]]) < np.mean([row[2] for row in losses[:5]])


def test_the_seed_decides_all(splits):
    assert same(trained(splits)[0], trained(splits)[0])


def test_stopped_and_resumed_equals_uninterrupted(splits, tmp_path):
    path = tmp_path / "supernet.safetensors"
    seen = []
    _, finished = trained(
        splits,
        checkpoint=path,
        on_step=lambda step, *_: seen.append(step),
        should_stop=lambda: len(seen) == 13,
    )
    assert not finished
    resumed, finished = trained(splits, checkpoint=path, on_step=lambda step, *_: seen.append(step))
    assert finished
    assert seen == list(range(1, STEPS + 1))
    assert same(resumed, trained(splits)[0])


def test_a_checkpoint_of_another_training_is_refused(splits, tmp_path):
    path = tmp_path / "supernet.safetensors"
    trained(splits, checkpoint=path)
    other = SupernetRecipe(RECIPE.recipe, randoms=2)
    with pytest.raises(RunError, match="is of another space, task, recipe or seed"):
        trained(splits, other, checkpoint=path)
    path.write_bytes(b"nothing")
    with pytest.raises(RunError, match="cannot be read") as caught:
        trained(splits, checkpoint=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"randoms": 0}, {"distilled": 1.5}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="supernet: "):
        SupernetRecipe(RECIPE.recipe, **wrong)


def test_scores_leave_the_weights_and_later_scores_as_they_are(splits):
    supernet, _ = trained(splits)
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    scorer = SupernetScorer(supernet, splits, calibration=64, validation=100)
    first = scorer.outputs(supernet.largest)
    scorer.outputs(supernet.smallest)
    assert np.array_equal(first, scorer.outputs(supernet.largest))
    assert first.shape == (100, 10)
    assert all(torch.equal(before[name], value) for name, value in supernet.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space_name", "task_name", "recipe", "guess"),
    [
        ("vit", "digits", Recipe(4, 16, 0.01, 0.05, 0.0, train_images=800), 0.9),
        # A guess among the 69 signs has their number as its perplexity.
        ("gpt", "shakespeare", Recipe(1, 16, 0.005, 0.05, 0.0, train_images=480), 69.0),
    ],
)
def test_transformers_learn_in_one_set_of_weights(space_name, task_name, recipe, guess):
    on = task(task_name)
    data = load_splits(on)
    supernet = Supernet(
        space(space_name), on, seed=1, admits=lambda layers: mac_count(layers) <= MOST_MACS
    )
    few = SupernetRecipe(recipe, randoms=1, distilled=0.0)
    assert train_supernet(supernet, data, few, seed=1)
    scorer = SupernetScorer(supernet, data, validation=100)
    for architecture in (supernet.largest, supernet.smallest):
        assert scorer.error(architecture) < 0.7 * guess


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_supernet_training as here
from nas.models.tasks import load_splits
supernet, _ = here.trained(
    load_splits(here.DIGITS), checkpoint=Path({path!r}), checkpoint_steps=1,
    on_step=lambda step, *_: print(step, flush=True),
)
"""


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(splits, tmp_path):
    path = tmp_path / "supernet.safetensors"
    script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parent), path=str(path))
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        for line in process.stdout:
            if int(line) == 7:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    steps = []
    resumed, finished = trained(
        splits, checkpoint=path, on_step=lambda step, *_: steps.append(step)
    )
    assert finished
    assert 7 <= steps[0] <= STEPS
    assert same(resumed, trained(splits)[0])
