"""Kinds of layers that a device's runtime does not run: a network with one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from hardware_profiles.catalog import hardware, hardware_names
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from hardware_profiles.profile import OperatorKind, Unsupported
from nas.cost.batch import cost_many
from nas.cost.costs import cost
from nas.cost.kernels import KINDS
from nas.cost.workload import workload
from search_spaces.layers import Layer
from search_spaces.ops import Attention, Conv2d, Flatten, Input, Linear

MakeDeployment = Callable[..., Deployment]
CONV = (Layer("x", Input((1, 4, 4))), Layer("c", Conv2d(1, 2, 3), ("x",)))
MIXED = (
    Layer("x", Input((4, 32))),
    Layer("q", Linear(32, 32), ("x",)),
    Layer("mix", Attention(4, 4, 8), ("q", "q", "q")),
    Layer("flat", Flatten(), ("mix",)),
    Layer("y", Linear(128, 2), ("flat",)),
)


def lacking(place: Deployment, *kinds: OperatorKind) -> Deployment:
    told = Unsupported(kinds=kinds, source="chosen for the test")
    profile = place.profile.model_copy(update={"name": "bare", "unsupported": told})
    return replace(place, profile=profile)


def test_a_network_with_one_does_not_fit_and_the_reason_names_it(deploy: MakeDeployment) -> None:
    whole = deploy(memory_limit_bytes=1e6)
    bare = lacking(whole, "attention", "recurrent")
    for layers, reason in ((CONV, None), (MIXED, "operators: bare does not run attention (mix)")):
        found = cost(workload(layers), [whole, bare])
        assert found.reasons == (None, reason)
        assert found.fits.tolist() == [True, reason is None]
        assert found.latency_s[0] == found.latency_s[1]
    small = lacking(deploy(memory_limit_bytes=500.0), "attention", "linear")
    (reason,) = cost(workload(MIXED), [small]).reasons
    assert reason is not None and reason.startswith("RAM: needs")
    assert reason.endswith("; operators: bare does not run linear (q), attention (mix)")


def test_many_at_once_fit_as_each_alone(deploy: MakeDeployment) -> None:
    places = [deploy(memory_limit_bytes=1e6), lacking(deploy(memory_limit_bytes=1e6), "attention")]
    works = [workload(layers) for layers in (MIXED, CONV, MIXED)]
    together = cost_many(works, places).fits
    assert together.tolist() == [cost(work, places).fits.tolist() for work in works]
    assert together.tolist() == [[True, False], [True, True], [True, False]]


def test_kinds_are_those_of_kernels() -> None:
    assert set(get_args(OperatorKind)) == set(KINDS) - {"other"}


@pytest.mark.parametrize("name", [n for n in hardware_names() if hardware(n).unsupported])
def test_devices_that_lack_some_say_who_says_so(name: str) -> None:
    profile = hardware(name)
    place = Deployment(name, profile, "int8", custom_grid(0.0))
    (reason,) = cost(workload(MIXED), [place]).reasons
    assert reason is not None and f"operators: {name} does not run attention (mix)" in reason
    assert profile.unsupported is not None and "." in profile.unsupported.source
