"""Several models on one device: memory adds up, and shares of the device sum to the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_profiles.beside import ModelBeside
from hardware_profiles.deployment import (
    Deployment,
    deployment_from_dict,
    deployment_label,
    deployment_to_dict,
)
from nas.carbon import Demand, Study
from nas.cost.costs import cost
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import DeploymentError, StudyError
from search_spaces.layers import Layer
from search_spaces.ops import Input, Linear

MakeDeployment = Callable[..., Deployment]
VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e6))
LIFE_S = 4 * 8760 * 3600.0


def fully_connected(width: int) -> tuple[Layer, ...]:
    return (Layer("x", Input((width,))), Layer("y", Linear(width, width), ("x",)))


def kws(**changes: float) -> ModelBeside:
    numbers = {"peak_memory_bytes": 200.0, "storage_bytes": 50.0, "occupancy_s": 0.01}
    return ModelBeside("kws", **{**numbers, "inferences_per_s": 20.0, **changes})


def test_beside_nothing_is_alone(deploy: MakeDeployment, tiny: tuple[Layer, ...]) -> None:
    idle = kws(peak_memory_bytes=0.0, storage_bytes=0.0, inferences_per_s=0.0)
    work, alone = workload(tiny), deploy()
    rows = [
        score(work, [place], VOLUME, None, training_gco2e=1.0)
        for place in (alone, replace(alone, beside=()), replace(alone, beside=(idle,)))
    ]
    for name, column in rows[0].items():
        assert str(column) == str(rows[1][name]) == str(rows[2][name]), name


def test_memory_adds_up_and_a_refusal_names_who_is_there(deploy: MakeDeployment) -> None:
    # 10 x 10 weights of 1 byte, 10 biases of 8, 20 activations: 200; the runtime takes 100.
    work = workload(fully_connected(10))
    assert cost(work, [deploy()]).peak_memory_bytes[0] == 200.0
    fitting = deploy(memory_limit_bytes=500.0, beside=(kws(),))
    assert cost(work, [fitting]).fits[0]
    found = cost(work, [deploy(memory_limit_bytes=499.0, beside=(kws(),))])
    assert not found.fits[0]
    assert found.peak_memory_bytes[0] == 200.0
    assert found.reasons == ("RAM: needs 0.500 kB, has 0.499 kB (beside kws)",)
    stored = deploy(storage_limit_bytes=229.0, runtime_memory_bytes=0.0, beside=(kws(),))
    assert cost(work, [stored]).reasons == ("flash: needs 0.230 kB, has 0.229 kB (beside kws)",)


def test_latency_and_energy_are_each_models_own(
    deploy: MakeDeployment, tiny: tuple[Layer, ...]
) -> None:
    work, alone = workload(tiny), deploy()
    both = [cost(work, [place]) for place in (alone, replace(alone, beside=(kws(),)))]
    assert both[0].latency_s == both[1].latency_s
    assert both[0].energy_j == both[1].energy_j


@settings(max_examples=30, deadline=None)
@given(
    widths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    shares=st.lists(st.floats(0.001, 0.2), min_size=4, max_size=4),
)
def test_shares_of_one_device_sum_to_it(
    widths: list[int], shares: list[float], deploy: MakeDeployment
) -> None:
    # Each model in turn is the one that is scored, the others are beside it: manufacture is
    # charged once, and idle time is 1 W for the part of the life in which nobody computes.
    alone = deploy(memory_limit_bytes=1e5)
    works = [workload(fully_connected(width)) for width in widths]
    costs = [cost(work, [alone]) for work in works]
    models = [
        ModelBeside(
            f"m{i}",
            float(each.peak_memory_bytes[0]),
            float(each.storage_bytes[0]),
            float(each.occupancy_s[0]),
            share / float(each.occupancy_s[0]),
        )
        for i, (each, share) in enumerate(zip(costs, shares, strict=False))
    ]
    made = idle = 0.0
    for i, (work, model) in enumerate(zip(works, models, strict=True)):
        count = model.inferences_per_s * LIFE_S
        study = Study(Demand(lifetime_years=4.0, inferences=count))
        others = tuple(other for other in models if other is not models[i])
        row = score(work, [replace(alone, beside=others)], study, None, training_gco2e=None)
        made += float(row["embodied_gco2e"][0]) * count
        idle += float(row["idle_gco2e"][0]) * count
        device = float(row["device_embodied_gco2e"][0])
    assert made == pytest.approx(device, rel=1e-9)
    busy = sum(model.busy_share for model in models)
    joules = 1.0 * (1.0 - busy) * LIFE_S
    assert idle == pytest.approx(joules / 0.8 * 360.0 / 3.6e6, rel=1e-9)


def test_of_fixed_time_the_others_take_theirs(
    deploy: MakeDeployment, tiny: tuple[Layer, ...]
) -> None:
    study = Study(Demand(lifetime_years=4.0, busy_share=0.5))
    place = deploy(beside=(kws(),))
    alone, both = (
        score(workload(tiny), [each], study, None, training_gco2e=None)
        for each in (deploy(), place)
    )
    # Of half of the life kws takes 0.01 s x 20/s = a fifth, so three tenths are left.
    assert both["busy_share"][0] == pytest.approx(0.3)
    assert both["inferences"][0] == pytest.approx(0.6 * alone["inferences"][0])
    assert both["embodied_gco2e"][0] == pytest.approx(alone["embodied_gco2e"][0])
    assert both["idle_gco2e"][0] == pytest.approx(alone["idle_gco2e"][0])


def test_it_is_kept_and_told() -> None:
    from hardware_profiles.catalog import hardware
    from hardware_profiles.grid import grid

    place = Deployment("mine", hardware("rpi4"), "int8", grid("fr"), beside=(kws(),))
    assert deployment_from_dict(deployment_to_dict(place)) == place
    old = {key: value for key, value in deployment_to_dict(place).items() if key != "beside"}
    assert deployment_from_dict(old) == replace(place, beside=())
    label = deployment_label("rpi4", "int8", "fr", beside=["kws", "vww"])
    assert label == "rpi4-int8-fr-with-kws-vww"
    wrong = deployment_to_dict(place) | {"beside": [{"name": "kws", "latency_s": 1.0}]}
    with pytest.raises(DeploymentError, match=r"beside: unknown key 'latency_s'; known: name, pe"):
        deployment_from_dict(wrong)
    wrong = deployment_to_dict(place) | {"beside": [{"name": "kws"}]}
    with pytest.raises(DeploymentError, match=r"beside: 'peak_memory_bytes' is missing; add it"):
        deployment_from_dict(wrong)


def test_what_leaves_no_time_is_refused(deploy: MakeDeployment, tiny: tuple[Layer, ...]) -> None:
    with pytest.raises(DeploymentError, match=r"models beside it take 1 of the device's life"):
        deploy(beside=(kws(inferences_per_s=100.0),))
    with pytest.raises(DeploymentError, match=r"beside names 'kws' twice; rename one"):
        deploy(beside=(kws(), kws()))
    with pytest.raises(DeploymentError, match=r"beside kws: occupancy_s is -1; give a finite"):
        kws(occupancy_s=-1)
    work, place = workload(tiny), deploy(sleep_w=0.1, beside=(kws(),))
    for demand, said in (
        (Demand(4.0, busy_share=0.2), r"take 0\.2 of its time, and the demand's busy_share"),
        (Demand(4.0, 1e6, powered_share=0.1), r"the demand's powered_share is 0\.1; lower"),
        (Demand(4.0, 1e6, other_busy_share=0.8), r"take 1 of its time"),
        (Demand(4.0, 1e6, peak_per_s=5.0, peak_busy_share=0.9), r"that peak_busy_share leaves"),
    ):
        with pytest.raises(StudyError, match=said):
            score(work, [place], Study(demand), None, training_gco2e=None)
