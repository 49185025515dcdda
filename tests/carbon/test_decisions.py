import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas.carbon.decisions import (
    best_refresh_years,
    break_even,
    combined_gain,
    device_break_even_years,
    focal_ncf,
    focal_verdict,
    indifference_point,
    rebound,
    saved_share,
    search_share_gco2e,
)
from nas.errors import StudyError

small = st.integers(0, 40)
grams = st.floats(0, 1e9)
some = st.floats(1e-3, 1e6)


def test_break_even_of_the_closest_peer():
    # CATransformers (arXiv 2505.01386 v4): CarbonCLIP-S 0.36 kg against TinyCLIP-39M/16 0.44 kg a
    # device; the search took 57 kg, the final training 454 kg.
    assert break_even(57e3, 0, 360, 440) == pytest.approx(712.5)
    assert break_even(57e3 + 454e3, 0, 360, 440) == pytest.approx(6387.5)


@given(fixed_new=small, fixed_old=small, new=small, old=small)
def test_break_even_against_counting(fixed_new, fixed_old, new, old):
    """The first unit from which the new choice costs no more for good, by trying all."""
    horizon = 200

    def no_more(units):
        return fixed_new + new * units <= fixed_old + old * units

    good = [n for n in range(horizon) if all(no_more(k) for k in range(n, horizon))]
    found = float(break_even(fixed_new, fixed_old, new, old))
    if new > old:
        assert found == math.inf
    elif not good:
        assert found > horizon - 1
    else:
        assert math.ceil(found - 1e-9) == good[0]


def test_break_even_of_equals_and_of_nevers():
    new, old = np.array([1, 2, 3, 2, 1]), np.array([2, 2, 2, 2, 1])
    fixed = np.array([5, 5, 5, 0, 0])
    assert break_even(fixed, 0, new, old).tolist() == [5, math.inf, math.inf, 0, 0]


@given(extra=some, saved=some, scale=st.floats(0.01, 100))
def test_break_even_does_not_depend_on_the_unit_of_carbon(extra, saved, scale):
    assert break_even(extra * scale, 0, 0, saved * scale) == pytest.approx(
        break_even(extra, 0, 0, saved)
    )


def test_reuse_of_an_old_device_against_an_efficient_new_one():
    # S11: 40 kg to make, 12 kg a year instead of 20: 5 years; 4.375 if the old one spares 5 kg
    assert device_break_even_years(40e3, 20e3, 12e3) == pytest.approx(5)
    assert device_break_even_years(40e3, 20e3, 12e3, avoided_gco2e=5e3) == pytest.approx(4.375)
    assert device_break_even_years(40e3, 12e3, 12e3) == math.inf


def test_indifference_of_two_designs():
    # A3: (E2 - E1) / (P1 - P2) / CI: 1 kg and 2 kg, 10 W and 5 W at 400 g/kWh:
    # 1000 / (0.005 kW * 400) = 500 h
    assert indifference_point(1000, 2000, 0.010 * 400, 0.005 * 400) == pytest.approx(500)
    assert indifference_point(2000, 1000, 0.005 * 400, 0.010 * 400) == pytest.approx(500)
    assert indifference_point(1000, 2000, 2, 4) == math.inf
    assert indifference_point(1000, 2000, 2, 2) == math.inf
    assert indifference_point(1000, 1000, 2, 2) == 0


@given(made_0=grams, made_1=grams, rate_0=some, rate_1=some)
def test_totals_are_equal_at_indifference_whichever_design_comes_first(
    made_0, made_1, rate_0, rate_1
):
    time = float(indifference_point(made_0, made_1, rate_0, rate_1))
    assert time == pytest.approx(float(indifference_point(made_1, made_0, rate_1, rate_0)))
    if math.isfinite(time):
        assume(abs(rate_0 - rate_1) > 1e-6 * rate_0)
        assert made_0 + rate_0 * time == pytest.approx(made_1 + rate_1 * time, rel=1e-6)


def average_by_brute_force(made, use, gain, horizon, devices):
    """Total over a horizon that so many devices share equally, year of purchase by year."""
    life = horizon / devices
    bought = np.arange(devices) * life
    return devices * made + float(np.sum(use * (1 - gain * bought) * life))


@pytest.mark.parametrize(
    ("made", "use", "gain"), [(45.0, 10.0, 0.1), (300.0, 400.0, 0.05), (70.0, 3.0, 0.15)]
)
def test_best_refresh_against_all_numbers_of_devices(made, use, gain):
    # N29: sqrt(2 E / (r O)), against every whole number of devices over a horizon of ten optima
    best = float(best_refresh_years(made, use, gain))
    assert best == pytest.approx(math.sqrt(2 * made / (gain * use)))
    horizon = 10 * best
    totals = {n: average_by_brute_force(made, use, gain, horizon, n) for n in range(1, 60)}
    assert min(totals, key=totals.__getitem__) == 10


def test_refresh_by_hand():
    # N29: 45 kg, 10 kg in the first year, 10 % a year: sqrt(90 / 1) = 9.4868 years
    assert best_refresh_years(45e3, 10e3, 0.1) == pytest.approx(9.486833, rel=1e-7)
    assert best_refresh_years(45e3, 10e3, 0) == math.inf
    assert best_refresh_years(0, 10e3, 0.1) == 0


@given(made=some, use=some, gain=st.floats(0.01, 1), factor=st.floats(1.1, 10))
def test_refresh_is_later_for_dearer_devices_and_sooner_for_faster_progress(
    made, use, gain, factor
):
    plain = best_refresh_years(made, use, gain)
    assert best_refresh_years(made * factor, use, gain) > plain
    assert best_refresh_years(made, use * factor, gain) < plain
    assert best_refresh_years(made * factor, use * factor, gain) == pytest.approx(plain)


def test_focal_by_hand():
    # A4: area 1.5, power 0.9, energy 0.6: at a = 0.5 1.2 and 1.05, none; at a = 0.2 1.02 and
    # 0.78, weak; with area 0.8: 0.88 and 0.64, strong
    power, energy = 0.9, 0.6
    assert focal_ncf(1.5, power, 0.5) == pytest.approx(1.2)
    assert focal_ncf(1.5, energy, 0.5) == pytest.approx(1.05)
    area, weight = np.array([1.5, 1.5, 0.8]), np.array([0.5, 0.2, 0.2])
    by_time, by_work = focal_ncf(area, power, weight), focal_ncf(area, energy, weight)
    assert by_time == pytest.approx([1.2, 1.02, 0.88])
    assert by_work == pytest.approx([1.05, 0.78, 0.64])
    assert focal_verdict(by_time, by_work).tolist() == ["none", "weak", "strong"]
    assert str(focal_verdict(0.5, 1.5)) == "weak"


@given(area=some, use=some, weight=st.floats(0, 1))
def test_focal_lies_between_its_ratios(area, use, weight):
    found = float(focal_ncf(area, use, weight))
    assert min(area, use) * (1 - 1e-12) <= found <= max(area, use) * (1 + 1e-12)


def test_rebound_by_hand():
    # 100 g, 36 % saved: at an elasticity of 0.5 demand is 0.64^-0.5 = 1.25, the total 80, and 16
    # of 36 g are lost; at 1.5 demand is 1.953125 and the total 125
    found = rebound(100, 0.36, [0.0, 0.5, 1.0, 1.5])
    assert found.demand_factor == pytest.approx([1, 1.25, 1.5625, 1.953125])
    assert found.expected_gco2e == pytest.approx([64] * 4)
    assert found.after_gco2e == pytest.approx([64, 80, 100, 125])
    assert found.lost_share == pytest.approx([0, 16 / 36, 1, 61 / 36])
    assert found.grows.tolist() == [False, False, False, True]


def test_a_search_that_does_not_pay_grows_the_total_without_any_rebound():
    assert rebound(100, 0.36, 0, fixed_new_gco2e=30).grows == np.False_
    assert rebound(100, 0.36, 0, fixed_new_gco2e=40).grows == np.True_
    assert np.isnan(rebound(100, 0.36, 0, fixed_new_gco2e=40).lost_share)
    assert rebound(100, 0.36, 0, fixed_new_gco2e=40, fixed_old_gco2e=5).grows == np.False_


@given(before=some, saving=st.floats(0.01, 0.95), elasticity=st.floats(0, 3))
def test_total_grows_only_above_an_elasticity_of_one(before, saving, elasticity):
    assume(abs(elasticity - 1) > 1e-6)
    found = rebound(before, saving, elasticity)
    assert bool(found.grows) == (elasticity > 1)
    assert (found.lost_share > 1) == (elasticity > 1)
    assert found.after_gco2e >= found.expected_gco2e * (1 - 1e-12)


@given(search=grams, volumes=st.lists(st.floats(0, 1e9), min_size=1, max_size=6))
def test_shares_of_a_search_sum_to_it(search, volumes):
    assume(sum(volumes) > 1e-6)
    shares = search_share_gco2e(search, volumes)
    assert shares.sum() == pytest.approx(search)
    assert (shares >= 0).all()


def test_search_is_shared_by_volume():
    assert search_share_gco2e(57e3, [3e6, 1e6, 0]).tolist() == [42750, 14250, 0]


def test_levers_of_the_seed_paper_multiply():
    # N16: data locality, GPU, low precision and algorithm together over 800x; the four factors
    # 6.7, 10.1, 2.4 and 5 are those of Wu et al., MLSys 2022, from memory
    total = combined_gain([6.7, 10.1, 2.4, 5.0])
    assert total == pytest.approx(812.04)
    # N17: more than 90 % less is a factor above 10
    assert saved_share(10) == pytest.approx(0.9)
    assert saved_share(total) == pytest.approx(0.998769, abs=5e-7)


@given(factors=st.lists(st.floats(0.1, 10), min_size=1, max_size=6))
def test_gains_multiply_in_any_order(factors):
    left = 1.0
    for factor in factors:
        left /= factor
    assert combined_gain(factors) == pytest.approx(1 / left)
    assert combined_gain(factors[::-1]) == pytest.approx(1 / left)
    assert saved_share(combined_gain(factors)) == pytest.approx(1 - left)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: break_even(-1, 0, 1, 1), "fixed_new: got -1"),
        (lambda: break_even(1, 0, 1, math.nan), "per_unit_old: got nan"),
        (lambda: best_refresh_years(1, 1, -0.1), "yearly_gain: got -0.1"),
        (lambda: focal_ncf(1, 1, 1.5), "embodied_weight: got 1.5"),
        (lambda: rebound(1, 1.0, 0.5), "saving: got 1"),
        (lambda: rebound(1, 0.5, -1), "elasticity: got -1"),
        (lambda: search_share_gco2e(1, [0, 0]), "sum of inferences: got 0"),
        (lambda: combined_gain([2, 0]), "factors: got 0"),
        (lambda: saved_share("ten"), "factor: got 'ten'"),
    ],
)
def test_bad_numbers_are_named(call, said):
    with pytest.raises(StudyError, match=said):
        call()
