"""What would make it cheaper: neighbours by brute force, and the way down where nothing fits."""

from dataclasses import replace

import numpy as np
import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study
from nas.cost.cheaper import cheaper
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import LayerError, SpaceError
from search_spaces import space

SHAPE, OUTPUTS = (1, 28, 28), 10
STUDY = Study(Demand(lifetime_years=4.0, busy_share=0.3))
BOARD = Deployment("board", hardware("stm32l4r5"), "int8", grid("fr"))
PART = replace(BOARD, resource_share=0.2)
PHONE = Deployment("phone", hardware("pixel3"), "fp32", grid("fr"))
MBCONV = space("mbconv")


def layers_of(architecture):
    return MBCONV.layers(architecture, SHAPE, OUTPUTS)


def row_of(architecture, deployment, study=STUDY):
    columns = score(workload(layers_of(architecture)), [deployment], study, None,
                    training_gco2e=None)  # fmt: skip
    return {name: values[0] for name, values in columns.items()}


def largest():
    return MBCONV.choose(lambda name, values: values[-1])


@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_neighbours_that_cost_less(seed):
    architecture = MBCONV.sample(np.random.default_rng(seed))
    own = row_of(architecture, PHONE)["carbon_gco2e"]
    carbons = [row_of(near, PHONE)["carbon_gco2e"] for near in MBCONV.neighbours(architecture)]
    found = cheaper(MBCONV, architecture, layers_of, PHONE, STUDY)
    assert [item.carbon_gco2e for item in found] == sorted(c for c in carbons if c < own)
    for item in found:
        assert item.saved_gco2e == own - item.carbon_gco2e > 0
        assert item.feasible
        here = dict(architecture)
        for name, before, now in item.changes:
            assert here.get(name) == before
            here.pop(name, None) if now is None else here.update({name: now})
        assert here == item.architecture


def test_one_that_does_not_fit_is_led_to_one_that_does():
    near = MBCONV.neighbours(largest())
    assert not any(row_of(item, PART)["feasible"] for item in [largest(), *near])
    (found,) = cheaper(MBCONV, largest(), layers_of, PART, STUDY)
    assert found.feasible
    assert row_of(found.architecture, PART)["feasible"]
    assert len(found.changes) > 1


def test_one_that_does_not_fit_has_the_neighbours_that_do():
    assert not row_of(largest(), BOARD)["feasible"]
    found = cheaper(MBCONV, largest(), layers_of, BOARD, STUDY)
    assert len(found) > 1
    assert all(item.feasible for item in found)


def test_no_way_down_is_nothing():
    study = Study(Demand(lifetime_years=4.0, inferences=1e15))
    assert cheaper(MBCONV, largest(), layers_of, BOARD, study) == ()


def test_neighbours_that_cannot_be_built_are_left_out():
    architecture = MBCONV.sample(np.random.default_rng(0))

    def picky(near):
        if near != architecture:
            raise LayerError("no")
        return layers_of(near)

    assert cheaper(MBCONV, architecture, picky, PHONE, STUDY) == ()


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(SpaceError):
        cheaper(MBCONV, {"depth": 3}, layers_of, PHONE, STUDY)
