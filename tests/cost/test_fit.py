from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from hardware_profiles.ranges import ranged_figures, with_values
from nas.carbon.demand import Demand
from nas.carbon.study import Study
from nas.cost.batch import cost_many
from nas.cost.calibrated import calibrated_profile
from nas.cost.calibration import PARAMETERS, fit, modelled, picked, predict, spread_left
from nas.cost.explain import explain
from nas.cost.figures import compiled_figures
from nas.cost.stack import Stack, stack
from nas.cost.totals import Totals
from nas.cost.workload import Workload, workload
from nas.errors import CalibrationError
from nas.robustness import score_intervals
from search_spaces import space

RPI4 = hardware("rpi4")


def place(profile: object = RPI4) -> Deployment:
    return Deployment("device", profile, "fp32", custom_grid(300.0))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def works() -> list[Workload]:
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    return [workload(mbconv.layers(mbconv.sample(rng), (1, 28, 28), 10)) for _ in range(60)]


@pytest.fixture(scope="module")
def networks(works: list[Workload]) -> Stack:
    return stack(works)


def other_device(networks: Stack) -> np.ndarray:
    """Times of a device twice as slow in convolutions, four times in dispatch, else the same."""
    figures = compiled_figures([place()])
    slower = RPI4.model_copy(
        update={
            "efficiency": {
                kind: figure.model_copy(update={"value": figure.value / 2})
                for kind, figure in RPI4.efficiency.items()
            },
            "dispatch_s": RPI4.dispatch_s.model_copy(update={"value": RPI4.dispatch_s.value * 4}),
        }
    )
    assert modelled(networks, figures).shape == (1, 60)
    return modelled(networks, compiled_figures([place(slower)]))[0]


def test_ten_exact_measurements_tell_all_others(networks: Stack) -> None:
    seconds, first = other_device(networks), np.arange(10)
    before = modelled(networks, compiled_figures([place()]))[0]
    found = fit(picked(networks, first), seconds[first], compiled_figures([place()]), RPI4)
    after = predict(found, networks)[0]
    assert np.median(np.abs(before / seconds - 1.0)) > 0.4
    assert np.abs(after / seconds - 1.0).max() < 0.05
    assert np.median(np.abs(found.left_out_s / seconds[:10] - 1.0)) < 0.05


def test_what_no_network_has_stays_undetermined(networks: Stack) -> None:
    seconds, first = other_device(networks), np.arange(10)
    found = fit(picked(networks, first), seconds[first], compiled_figures([place()]), RPI4)
    # mbconv has no pools of windows
    assert "pool" in found.undetermined and "dispatch" not in found.undetermined
    assert found.log_factors[PARAMETERS.index("pool")] == 0.0


def test_an_outlier_does_not_move_the_others(networks: Stack) -> None:
    seconds, rows = other_device(networks), np.arange(20)
    disturbed = seconds.copy()
    disturbed[7] *= 6.0
    figures = compiled_figures([place()])
    found = fit(picked(networks, rows), disturbed[rows], figures, RPI4)
    assert np.median(np.abs(predict(found, networks)[0] / seconds - 1.0)) < 0.06


def test_intervals_hold_about_what_they_say(networks: Stack) -> None:
    seconds, held = other_device(networks), []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noisy = seconds * np.exp(0.1 * rng.standard_normal(60))
        rows = rng.choice(60, 20, replace=False)
        found = fit(picked(networks, rows), noisy[rows], compiled_figures([place()]), RPI4)
        _, low, high = predict(found, networks)
        others = np.setdiff1d(np.arange(60), rows)
        held.append(((noisy >= low) & (noisy <= high))[others].mean())
    assert 0.8 < np.mean(held) < 0.98


def test_the_written_profile_costs_what_the_fit_predicts(
    networks: Stack, works: list[Workload]
) -> None:
    seconds, first = other_device(networks), np.arange(12)
    found = fit(picked(networks, first), seconds[first], compiled_figures([place()]), RPI4)
    profile = calibrated_profile(RPI4, found, "table.csv (sha256 00)", "rpi4_mine")
    assert cost_many(works, [place(profile)]).latency_s[:, 0] == pytest.approx(
        predict(found, networks)[0], rel=1e-9
    )
    conv, error = profile.efficiency["conv"], profile.latency_factor
    assert conv.basis == "calibrated" and "sha256 00" in conv.source
    assert error is not None and error.low is not None and error.high is not None
    assert error.low < 1.0 < error.high
    assert profile.load_w == RPI4.load_w


def test_intervals_of_scores_are_those_of_the_fit(networks: Stack, works: list[Workload]) -> None:
    rng = np.random.default_rng(3)
    seconds, first = other_device(networks), rng.choice(20, 12, replace=False)
    noisy = seconds * np.exp(0.05 * rng.standard_normal(60))
    found = fit(picked(networks, first), noisy[first], compiled_figures([place()]), RPI4)
    together = calibrated_profile(RPI4, found, "table.csv (sha256 00)", "rpi4_mine")
    alone = together.model_copy(update={"fit": None, "name": "rpi4_alone"})
    _, low, high = predict(found, networks)
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    widths: list[tuple[float, ...]] = []
    for index in range(20, 23):
        drawn = [
            score_intervals(works[index], [place(profile)], study, draws=100)["latency_s"]
            for profile in (together, alone)
        ]
        ends = [float(np.log(upper[0] / lower[0])) for lower, upper in drawn]
        widths.append((np.log(high[index] / low[index]), *ends))
    told, kept, dropped = np.array(widths).T
    assert (kept / told).min() > 0.75 and (kept / told).max() < 1.5
    assert (dropped / kept).min() > 1.3  # ranges of one fit, as if they were independent


@settings(max_examples=15)
@given(scale=st.floats(0.05, 20.0))
def test_a_scale_of_all_times_is_the_runtime_and_scales_predictions(scale: float) -> None:
    rng = np.random.default_rng(0)
    totals = Totals(*(rng.uniform(1e6, 1e9, 12) for _ in range(3)), batch=np.ones(12))
    figures = compiled_figures([place()])
    seconds = modelled(totals, figures)[0] * scale
    found = fit(totals, seconds, figures, RPI4)
    assert predict(found, totals)[0] == pytest.approx(seconds, rel=0.15)


def test_another_device_takes_the_factors_that_were_learnt(networks: Stack) -> None:
    faster = RPI4.model_copy(
        update={
            "macs_per_s": {
                key: figure.model_copy(update={"value": figure.value * 3})
                for key, figure in RPI4.macs_per_s.items()
            }
        }
    )
    seconds, first = other_device(networks), np.arange(10)
    found = fit(picked(networks, first), seconds[first], compiled_figures([place()]), RPI4)
    here, there = (
        predict(found, networks, compiled_figures([place(profile)]))[0]
        for profile in (RPI4, faster)
    )
    assert here.tolist() == predict(found, networks)[0].tolist()
    assert (there < here).all() and (there > here / 3).all()


def test_measuring_narrows_what_is_not_known(networks: Stack) -> None:
    figures = compiled_figures([place()])
    none, some = (spread_left(networks, figures, RPI4, np.arange(count)) for count in (0, 5))
    assert (some < none).all() and (some[:5] < 0.06).all()


@pytest.mark.parametrize(
    ("seconds", "message"), [([0.1, 0.0], "not above 0"), ([0.1, float("nan")], "not above 0")]
)
def test_a_latency_that_is_none_is_refused(
    networks: Stack, seconds: list[float], message: str
) -> None:
    with pytest.raises(CalibrationError, match=message):
        fit(picked(networks, np.arange(2)), seconds, compiled_figures([place()]), RPI4)


def test_one_measurement_is_too_few(networks: Stack) -> None:
    with pytest.raises(CalibrationError, match="fewer than two"):
        fit(picked(networks, np.arange(1)), [0.1], compiled_figures([place()]), RPI4)


def test_the_error_that_a_fit_left_moves_every_time_of_a_score(
    networks: Stack, works: list[Workload]
) -> None:
    seconds, first = other_device(networks), np.arange(12)
    found = fit(picked(networks, first), seconds[first], compiled_figures([place()]), RPI4)
    profile = calibrated_profile(RPI4, found, "table.csv (sha256 00)", "rpi4_mine")
    assert "latency_factor" in ranged_figures(profile)
    slower = with_values(profile, {"latency_factor": 1.25})
    here, there = (cost_many(works, [place(device)]).latency_s for device in (profile, slower))
    assert there == pytest.approx(1.25 * here, rel=1e-12)
    lines = explain(works[0], place(slower), Study(Demand(lifetime_years=4.0, inferences=1e6)))
    kernel = next(line for line in lines if line.label.endswith("(conv)"))
    assert eval(kernel.formula) == pytest.approx(kernel.value, rel=1e-9)
