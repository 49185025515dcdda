"""Deployments from options: what a run has is kept unless an option replaces it."""

from dataclasses import replace

import pytest

from hardware_profiles import Deployment, deployment_label
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.cli.deployments import deployments_for
from nas.errors import ConfigError

PI = Deployment("rpi4-fp32-fr", hardware("rpi4"), "fp32", grid("fr"))
BATCHED = replace(PI, label="rpi4-fp32-fr-b8-s2", batch=8, streams=2)
WASTEFUL = replace(PI, label="closet-fr", pue=1.8)
SUPPLIED = replace(PI, label="rpi4-fp32", supply_efficiency=0.7)
LIKE = (PI, BATCHED, WASTEFUL, SUPPLIED, replace(PI, label="rpi4-fp32-us", grid=grid("us")))


def test_without_options_they_stay_as_they_are():
    assert deployments_for(None, None, like=LIKE) == list(LIKE)


def test_a_grid_replaces_that_of_each_and_keeps_the_rest():
    found = deployments_for(None, ["no"], like=LIKE)
    # The first and the last differ in nothing but their grid, so they become one.
    assert [d.label for d in found] == [
        "rpi4-fp32-no",
        "rpi4-fp32-no-b8-s2",
        "closet-no",
        "rpi4-fp32-no-2",
    ]
    assert [d.pue for d in found] == [None, None, 1.8, None]
    assert [d.supply_efficiency for d in found] == [None, None, None, 0.7]
    assert {d.grid.name for d in found} == {"no"}


def test_every_one_on_every_grid():
    found = deployments_for(None, ["no", "12.5"], like=LIKE[:3])
    assert len({d.label for d in found}) == len(found) == 6


def test_devices_take_the_one_grid_of_the_run():
    found = deployments_for(["rpi4:int8"], None, like=[PI])
    assert [(d.label, d.precision) for d in found] == [("rpi4-int8-fr", "int8")]
    with pytest.raises(ConfigError, match="--grid: is not given and the run has fr, us"):
        deployments_for(["rpi4"], None, like=LIKE)
    with pytest.raises(ConfigError, match="--hardware: is not given"):
        deployments_for(None, ["fr"], like=())


def test_the_label_by_rule():
    assert deployment_label("rpi4", "int8", "fr") == "rpi4-int8-fr"
    assert deployment_label("rpi4", "int8", "fr", batch=8, streams=2) == "rpi4-int8-fr-b8-s2"
