import numpy as np
import pytest

from nas.errors import SpaceError
from search_spaces import space, space_names


def test_spaces_are_found_by_the_name_of_their_module():
    assert "mbconv" in space_names()
    assert "layers" not in space_names()
    for name in space_names():
        assert space(name).name == name


def test_every_space_gives_networks():
    for name in space_names():
        found = space(name)
        for seed in range(5):
            architecture = found.sample(np.random.default_rng(seed))
            assert found.layers(architecture, (1, 8, 8), 10)


def test_an_unknown_space_names_the_nearest():
    with pytest.raises(SpaceError, match="'mbcnv' is unknown; did you mean 'mbconv'"):
        space("mbcnv")
