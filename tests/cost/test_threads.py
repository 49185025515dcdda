"""Threads of a deployment: costs on some of a device's cores, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware_profiles.deployment import (
    Deployment,
    deployment_from_dict,
    deployment_label,
    deployment_to_dict,
)
from nas.cost.costs import cost
from nas.cost.workload import workload
from nas.errors import DeploymentError
from search_spaces.layers import Layer
from search_spaces.ops import Conv2d, Input, Linear

MakeDeployment = Callable[..., Deployment]
CORES = {"cores": 4.0, "dispatch_s": 0.0, "memory_bytes_per_s": 1e12, "precision": "fp32"}


def one(op: object, *shape: int) -> tuple[Layer, ...]:
    return (Layer("x", Input(shape)), Layer("y", op, ("x",)))


def test_rates_and_power_are_of_the_cores_that_work(deploy: MakeDeployment) -> None:
    # 288 MACs at 0.5 x 5e5 MACs/s on all four cores; 1 W at rest and 2 W more under full load.
    work = workload(one(Conv2d(1, 2, 3), 1, 4, 4))
    for threads, share in ((None, 1.0), (4, 1.0), (2, 0.5), (1, 0.25)):
        found = cost(work, [deploy(threads=threads, **CORES)])
        seconds = 288 / 2.5e5 / share
        assert found.latency_s[0] == pytest.approx(seconds)
        assert found.energy_j[0] == pytest.approx(seconds * (1.0 + 2.0 * share))


def test_streams_have_threads_each_and_together_fill_the_cores(deploy: MakeDeployment) -> None:
    work = workload(one(Conv2d(1, 2, 3), 1, 4, 4))
    every, two = (
        cost(work, [deploy(streams=2, threads=threads, **CORES)]) for threads in (None, 2)
    )
    assert two.latency_s[0] == pytest.approx(every.latency_s[0])
    assert two.energy_j[0] == pytest.approx(every.energy_j[0])


def test_main_memory_is_that_of_the_whole_device(deploy: MakeDeployment) -> None:
    work = workload(one(Linear(100, 100, bias=False), 100))
    slow = CORES | {"memory_bytes_per_s": 1e3, "memory_limit_bytes": 1e6}
    taken = [cost(work, [deploy(threads=threads, **slow)]).latency_s[0] for threads in (4, 1)]
    assert taken[0] == taken[1] == pytest.approx((10_000 + 200) * 4 / 1e3)


def test_a_deployment_keeps_its_threads_and_says_them(deploy: MakeDeployment) -> None:
    place = deploy(threads=2, **CORES)
    assert deployment_from_dict(deployment_to_dict(place)) == place
    assert deployment_label("rpi4", "int8", "fr", batch=8, threads=2) == "rpi4-int8-fr-b8-t2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threads": 0}, "threads is 0; give a whole number of 1 or more"),
        ({"threads": True}, "threads is True; give a whole number"),
        ({"threads": 3, "streams": 2}, "3 threads x 2 streams are more than the 4 cores of plain"),
        ({"threads": 1, "cores": None}, "plain says no cores; leave threads out, or add cores"),
    ],
)
def test_threads_that_cannot_be_are_refused(
    deploy: MakeDeployment, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        deploy(**(CORES | changes))
