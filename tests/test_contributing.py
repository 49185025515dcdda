"""The examples of CONTRIBUTING.md are true."""

import re
from pathlib import Path

import numpy as np
import pytest

from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.documents import read_yaml
from search_spaces import mac_count
from search_spaces.base import SearchSpace

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL).group(1)


def test_the_device_is_a_valid_change_of_another(tmp_path):
    path = tmp_path / "my_board.yaml"
    path.write_text(example("yaml"), encoding="utf-8")
    changes = read_yaml(path)
    profile = profile_from_dict({**profile_to_dict(hardware("rpi4")), **changes})
    assert profile.precisions == ("int8",)
    assert profile.load_w.value == 5.9


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_the_space_gives_networks(shape):
    names = {}
    exec(compile(example("python"), "CONTRIBUTING.md", "exec"), names)
    space = names["SPACE"]
    assert isinstance(space, SearchSpace)
    layers = space.layers(space.sample(np.random.default_rng(0)), shape, 10)
    assert mac_count(layers) > 0


def test_paths_that_are_named_exist():
    root = Path(__file__).parents[1]
    for path in re.findall(r"`((?:nas|tests|docs|\.ci|hardware_profiles)/[^ `]*)`", TEXT):
        assert (root / path).exists(), path
