"""A look before the search: who fits, why not, and one line where nothing does."""

from dataclasses import replace

import pytest

from nas.engine.budget import Limits
from nas.engine.config import config_from_mapping
from nas.engine.plan import plan_of
from nas.engine.probe import expected, probe
from nas.engine.resolve import resolve
from nas.errors import ConfigError
from nas.runs.machine import worker_power
from search_spaces.layers import mac_count
from search_spaces.references import reference_models


@pytest.fixture
def plan(tiny):
    """A function that makes the plan of the tiny configuration with changes."""
    return lambda **changes: plan_of(resolve(config_from_mapping(tiny(**changes))))


def refusal(plan):
    with pytest.raises(ConfigError) as caught:
        probe(plan)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shares_reasons_and_ranges(plan):
    found = probe(plan())
    assert [fit.deployment for fit in found.fits] == [
        "rpi4-fp32-fr",
        "jetson_orin_nano_8gb-fp32-fr",
    ]
    for fit in found.fits:
        assert 0 < fit.feasible_share < 1
        assert [kind for kind, _ in fit.reasons] == ["macs"]
        assert fit.feasible_share + sum(share for _, share in fit.reasons) == pytest.approx(1)
        low, middle, high = fit.latency_s
        assert 0 < low <= middle <= high
    assert found.macs[0] < 3e5 < found.macs[2]
    assert found.ideal[0] == 0.0
    assert found.reference[0] == 0.9
    assert all(a < b for a, b in zip(found.ideal, found.reference, strict=True))


def test_a_look_depends_on_the_seed_alone(plan):
    assert probe(plan()) == probe(plan())
    assert probe(plan(search={"seed": 1})) != probe(plan())


def test_a_device_that_nothing_fits(plan):
    said = refusal(plan(constraints={"peak_memory_bytes": 10}))
    assert said.startswith("deployment rpi4-fp32-fr: no architecture of mbconv is feasible")
    assert "peak_memory_bytes: " in said
    assert "is over the limit 10" in said
    assert said.endswith("remove the deployment or widen the limit")


def test_a_device_that_only_the_smallest_fit_is_found_by_walking(plan):
    # Fewer than one of 256 random architectures has so few parameters; the smallest has 2,826.
    found = probe(plan(constraints={"params": 3500}))
    assert all(fit.feasible_share < 0.01 for fit in found.fits)


def test_a_demand_that_a_device_cannot_serve(plan):
    said = refusal(plan(demand={"inferences": 1e15}))
    assert "deployment rpi4-fp32-fr" in said
    assert "devices" in said


def test_constraints_that_contradict_one_another(plan):
    # Few parameters are easy and few milliseconds too, but no network has both 1e-9 J and a layer.
    said = refusal(plan(constraints={"params": 1e5, "energy_j": 1e-9}))
    assert "energy_j: " in said


@pytest.mark.parametrize("name", ["lifecycle", "tcdp", "embodied", "die_area", "sci"])
def test_the_box_of_every_objective_is_finite(name, plan):
    found = probe(plan(objectives=["error", name]))
    assert found.ideal[1] <= found.reference[1] < float("inf")


def test_what_a_search_is_expected_to_use(tiny):
    frozen = resolve(config_from_mapping(tiny()))
    plan, power = plan_of(frozen), worker_power(frozen)
    found = probe(plan)
    one = expected(plan, found, images=1000, workers=1, power=power)
    # 6 trainings, 2 finalists once more and 2 reference models; each 3 passes over the
    # images at a quarter of the rate of its cores, and a second besides
    references = reference_models(plan.task.input_shape, plan.task.outputs).values()
    macs = 8 * found.trainable_macs + sum(mac_count(layers) for layers in references)
    seen = min(1000, plan.recipe.train_images or 1000)
    worker_s = 3 * macs * seen / (power.macs_per_s / 4) + 10
    assert found.trainable_macs < 3e5  # what the limit on MACs leaves
    assert one.seconds == pytest.approx(worker_s)
    assert one.energy_wh == pytest.approx(power.power_w * worker_s / 3600)
    assert one.gco2e == pytest.approx(power.gco2e(worker_s))
    two = expected(plan, found, images=1000, workers=2, power=power)
    assert two.seconds == pytest.approx(one.seconds / 2)
    assert two.energy_wh == one.energy_wh
    endless = replace(plan, limits=Limits(seconds=60))
    assert expected(endless, found, images=1000, workers=2, power=power) is None
