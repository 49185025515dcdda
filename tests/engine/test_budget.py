"""What a search has used: grams by hand calculation, seconds as a union, limits in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon.scheduling import Intensity
from nas.engine.budget import Limits, Spent, spent, stop_reason
from nas.engine.claims import WorkerSpan
from nas.engine.config import config_from_mapping
from nas.engine.resolve import resolve
from nas.runs.machine import WorkerPower, worker_power

# design.md section 5: 1,800 s at 60 W and 400 g/kWh emit 0.03 kWh * 400 = 12.0 g; half an hour of
# 300 kg over 35,064 h at u = 0.5 is 300,000 * 0.5 / (35,064 * 0.5) = 8.556 g.
POWER = WorkerPower(
    power_w=60.0,
    share=1.0,
    grid_gco2e_per_kwh=400.0,
    overhead=1.0,
    embodied_gco2e=300_000.0,
    life_h=35_064.0,
    macs_per_s=1e9,
)


def span(start, end, worker="w"):
    return WorkerSpan(worker=worker, pid=1, started_at=start, seen_at=end, alive=False)


def used(**changes):
    values = {"trainings": 0, "seconds": 0.0, "worker_s": 0.0, "energy_j": 0.0, "gco2e": 0.0}
    return Spent(**{**values, **changes})


def test_grams_of_a_worker():
    assert POWER.energy_j(1800) == 108_000
    assert POWER.gco2e(1800) == pytest.approx(12.0 + 8.556, abs=5e-4)


def test_the_power_of_a_worker_is_its_share_of_the_machine(tiny):
    config = config_from_mapping(tiny(search={"workers": 1, "on": {"pue": 1.5}}))
    frozen = resolve(config)
    frozen["search"] |= {"threads": 1, "cores": 4}
    power = worker_power(frozen)
    profile = frozen["search"]["host"]["profile"]
    assert power.share == 0.25
    assert power.power_w == pytest.approx(profile["load_w"]["value"] / 4)
    assert power.macs_per_s == pytest.approx(profile["macs_per_s"]["fp32"]["value"] / 4)
    assert power.life_h == profile["lifetime_years"]["value"] * 8760
    # an hour: E * PUE / supply efficiency * CI, and a quarter of the machine for an hour of its
    # busy half-life
    grid = frozen["search"]["host"]["grid"]["gco2e_per_kwh"]["value"]
    overhead = 1.5 / profile["supply_efficiency"]["value"]
    use = profile["load_w"]["value"] / 4 / 1000 * overhead * grid
    made = power.embodied_gco2e * 1 * 0.25 / (power.life_h * 0.5)
    assert power.gco2e(3600) == pytest.approx(use + made, rel=1e-12)


def test_workers_are_never_more_than_the_machine(tiny):
    frozen = resolve(config_from_mapping(tiny(search={"workers": 8})))
    frozen["search"] |= {"threads": 1, "cores": 2}
    assert 8 * worker_power(frozen).share == pytest.approx(1.0)


def test_seconds_are_a_union_and_worker_seconds_a_sum():
    workers = [span(0, 10), span(5, 12), span(20, 21), span(6, 7)]
    found = spent(3, workers, POWER)
    assert found.seconds == 12 + 1
    assert found.worker_s == 10 + 7 + 1 + 1
    assert found.energy_j == 60 * 19
    assert found.gco2e == POWER.gco2e(19)
    assert found.trainings == 3


def test_nothing_is_used_before_the_first_worker():
    assert spent(0, [], POWER) == used()


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 20)).map(lambda p: (p[0], p[0] + p[1])),
        max_size=8,
    )
)
def test_the_union_counts_every_moment_once(spans):
    found = spent(0, [span(*pair) for pair in spans], POWER)
    moments = {moment for start, end in spans for moment in range(start, end)}
    assert found.seconds == len(moments)
    assert found.seconds <= found.worker_s


@pytest.mark.parametrize(
    ("left", "met", "limits", "reason"),
    [
        ({"trainings": 5}, {"trainings": 6}, {"trainings": 6}, "budget: 6 trainings"),
        ({"seconds": 59.9}, {"seconds": 60.0}, {"seconds": 60.0}, "budget: 60 seconds"),
        ({"gco2e": 0.4}, {"gco2e": 0.5}, {"gco2e": 0.5}, "budget: 0.5 gCO2e"),
        ({"epochs": 99}, {"epochs": 101}, {"epochs": 100}, "budget: 100 epochs"),
        ({"energy_j": 3.5e6}, {"energy_j": 3.6e6}, {"kwh": 1.0}, "budget: 1 kWh"),
    ],
)
def test_whichever_limit_is_met(left, met, limits, reason):
    assert stop_reason(used(**left), Limits(**limits)) is None
    assert stop_reason(used(**met), Limits(**limits)) == reason


def test_grams_follow_the_hours_in_which_a_worker_was_at_work():
    # an hour at 60 W: 0.06 kWh, half of it at 100 and half at 500 g/kWh: 18 g of use, and the
    # manufacture of the hour, 17.112 g; a second worker after it, an hour at 500: 30 g of use
    intensity = Intensity((0.0, 1800.0), (100.0, 500.0))
    found = spent(2, [span(0, 3600), span(3600, 7200)], POWER, intensity=intensity)
    assert found.gco2e == pytest.approx(18.0 + 30.0 + 2 * 17.1116, abs=1e-3)


def test_what_was_inherited_counts_but_in_no_budget():
    found = spent(0, [], POWER, inherited_gco2e=3.5)
    assert found == used(gco2e=3.5, inherited_gco2e=3.5)
    assert stop_reason(found, Limits(gco2e=1.0)) is None
