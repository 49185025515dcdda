import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.carbon import lifecycle_gco2e, operational_gco2e
from nas.carbon.lifecycle import Effort, service_lifecycle
from nas.errors import StudyError

grams = st.floats(0, 1e9)
some = st.floats(1e-3, 1e6)
YEAR_H = 8760.0


def lifecycle(**changes):
    """A service of nothing but one device and one inference, with changes."""
    plain = {
        "search": Effort(0.0),
        "training": Effort(0.0),
        "retrainings": 0,
        "inferences": 1,
        "operational_gco2e": 0.0,
        "manufacture_gco2e": 0.0,
        "devices": 1,
        "device_life_h": 4 * YEAR_H,
        "service_life_h": 4 * YEAR_H,
    }
    return service_lifecycle(**(plain | changes))


@st.composite
def services(draw):
    return {
        "search": Effort(draw(grams), draw(grams)),
        "training": Effort(draw(grams), draw(grams)),
        "retrainings": draw(st.floats(0, 100)),
        "inferences": draw(st.floats(1, 1e12)),
        "operational_gco2e": draw(st.floats(0, 1)),
        "manufacture_gco2e": draw(grams),
        "transport_gco2e": draw(grams),
        "end_of_life_gco2e": draw(grams),
        "devices": draw(st.integers(1, 10_000)),
        "device_life_h": draw(some),
        "service_life_h": draw(some),
        "direct_gco2e": draw(grams),
        "whole_devices": draw(st.booleans()),
    }


@given(service=services())
def test_every_split_of_every_view_sums_to_its_total(service):
    result = service_lifecycle(**service)
    whole = result.total.total_gco2e
    for split, count in (
        (result.total, 1.0),
        (result.per_inference, result.inferences),
        (result.per_year, result.service_life_h / YEAR_H),
        (result.per_device, result.devices),
    ):
        assert split.total_gco2e * count == pytest.approx(whole)
        for parts in (split.by_part, split.by_phase, split.by_scope):
            assert sum(parts.values()) == pytest.approx(split.total_gco2e)
            assert all(value >= -1e-9 * whole for value in parts.values())
    assert result.total.by_scope["scope1"] == service["direct_gco2e"]


@given(service=services(), factor=st.floats(0.1, 10))
def test_twice_the_grams_are_twice_the_total(service, factor):
    scaled = dict(service)
    for key in ("operational", "manufacture", "transport", "end_of_life", "direct"):
        scaled[f"{key}_gco2e"] *= factor
    for key in ("search", "training"):
        effort = service[key]
        scaled[key] = Effort(effort.use_gco2e * factor, effort.embodied_gco2e * factor)
    once, more = service_lifecycle(**service), service_lifecycle(**scaled)
    assert more.total.total_gco2e == pytest.approx(factor * once.total.total_gco2e)


@given(training=grams, use=st.floats(0, 1), ecf=grams, devices=st.integers(1, 100))
def test_one_training_and_one_device_life_is_the_objective(training, use, ecf, devices):
    result = lifecycle(
        training=Effort(training),
        inferences=1e6,
        operational_gco2e=use,
        manufacture_gco2e=ecf,
        devices=devices,
    )
    assert result.total.total_gco2e == pytest.approx(
        lifecycle_gco2e(
            training_gco2e=training,
            inferences=1e6,
            operational_gco2e=use,
            embodied_gco2e=ecf,
            devices=devices,
        )
    )


def test_life_cycle_of_the_language_model():
    # N7, N9, N10 of the seed paper: training 45.2 t, training to inference 1:2, operational to
    # embodied 2:1. So inference 90.4, operational 135.6, embodied 67.8, total 203.4 t.
    result = lifecycle(
        training=Effort(45.2e6),
        inferences=1e9,
        operational_gco2e=90.4e6 / 1e9,
        manufacture_gco2e=67.8e6,
    ).total
    assert result.total_gco2e == pytest.approx(203.4e6)
    parts = {name: float(value) / 1e6 for name, value in result.by_part.items()}
    assert parts == pytest.approx(
        {"search": 0, "training": 45.2, "inference": 90.4, "devices": 67.8}
    )
    assert result.by_scope["scope2"] == pytest.approx(135.6e6)
    # embodied adds 50 % of operational (N10)
    assert result.by_scope["scope3"] / result.by_scope["scope2"] == pytest.approx(0.5)
    shares = [result.by_part[name] / result.total_gco2e for name in ("training", "inference")]
    assert shares == pytest.approx([0.222, 0.444], abs=5e-4)
    # N11: inference raises operational carbon 3 times
    assert result.by_scope["scope2"] / result.by_part["training"] == pytest.approx(3)


def test_life_cycle_of_the_recommendation_model():
    # N8: over four times the language model's training, 180.8 t; N9: training to inference 1:1;
    # N10: thirds. N11: inference doubles operational carbon.
    result = lifecycle(
        training=Effort(180.8e6),
        inferences=1e9,
        operational_gco2e=180.8e6 / 1e9,
        manufacture_gco2e=180.8e6,
    ).total
    shares = [result.by_part[name] / result.total_gco2e for name in ("training", "inference")]
    assert shares == pytest.approx([1 / 3, 1 / 3])
    assert result.by_phase["manufacture"] / result.total_gco2e == pytest.approx(1 / 3)
    assert result.by_scope["scope2"] / result.by_part["training"] == pytest.approx(2)


def test_phases_of_the_iphone_15_pro():
    # N22, A7: 83 % manufacture, 15 % use, 2 % transport and end of life; on 100 kg. Embodied to
    # operational is 5.53:1.
    result = lifecycle(
        operational_gco2e=15e3,
        manufacture_gco2e=83e3,
        transport_gco2e=1.5e3,
        end_of_life_gco2e=0.5e3,
    ).total
    phases = {name: value / result.total_gco2e for name, value in result.by_phase.items()}
    assert sum(phases.values()) == pytest.approx(1)
    assert phases["manufacture"] == pytest.approx(0.83)
    assert phases["use"] == pytest.approx(0.15)
    assert phases["transport"] + phases["end_of_life"] == pytest.approx(0.02)
    assert phases["manufacture"] / phases["use"] == pytest.approx(5.53, abs=5e-3)


def test_iphone_from_2008_to_2023():
    # N23: manufacture 49 % to 83 %, up 2.2x; use down 2.39x. From 100 units: manufacture 107.8,
    # total 129.9, use 19.5, so use began at 46.6 and the rest at 4.4; the total grows 1.30x.
    end_made = 49 * 2.2
    end_total = end_made / 0.83
    end_use = end_total * 0.15
    start_use = end_use * 2.39
    start = lifecycle(
        operational_gco2e=start_use, manufacture_gco2e=49, transport_gco2e=100 - 49 - start_use
    ).total
    end = lifecycle(
        operational_gco2e=end_use,
        manufacture_gco2e=end_made,
        transport_gco2e=end_total - end_made - end_use,
    ).total
    assert start.total_gco2e == pytest.approx(100)
    assert [end_made, end_total, end_use] == pytest.approx([107.8, 129.9, 19.5], abs=0.05)
    assert start.by_phase["use"] == pytest.approx(46.6, abs=0.05)
    assert start.by_phase["transport"] == pytest.approx(4.4, abs=0.05)
    assert end.by_phase["transport"] / end.total_gco2e == pytest.approx(0.02)
    assert end.total_gco2e / start.total_gco2e == pytest.approx(1.30, abs=5e-3)


def test_scopes_of_a_data_centre():
    # A6: operational is Scope 1 + 2, embodied is Scope 3. A8: 1 kWh, PUE 1.1, 400 g/kWh: 440 g.
    use = operational_gco2e(3.6e6, grid_gco2e_per_kwh=400, overhead=1.1)
    assert use == pytest.approx(440)
    result = lifecycle(operational_gco2e=use, manufacture_gco2e=1000, direct_gco2e=60).total
    scopes = {name: float(value) for name, value in result.by_scope.items()}
    assert scopes == pytest.approx({"scope1": 60, "scope2": 440, "scope3": 1000})
    assert result.by_phase["use"] == pytest.approx(500)


def test_search_training_and_inference_are_lines_of_their_own():
    # S13; search 5 + 1 g, training (20 + 4 g) with 2 retrainings, 1,000 inferences of 0.1 g,
    # two devices of 50 g for 6 years with 4 years each
    result = lifecycle(
        search=Effort(5, 1),
        training=Effort(20, 4),
        retrainings=2,
        inferences=1000,
        operational_gco2e=0.1,
        manufacture_gco2e=50,
        devices=2,
        service_life_h=6 * YEAR_H,
    )
    parts = {name: float(value) for name, value in result.total.by_part.items()}
    assert parts == pytest.approx({"search": 6, "training": 72, "inference": 100, "devices": 150})
    scopes = {name: float(value) for name, value in result.total.by_scope.items()}
    assert scopes == pytest.approx({"scope1": 0, "scope2": 165, "scope3": 163})
    assert result.devices_made == 3
    assert result.per_inference.total_gco2e == pytest.approx(0.328)
    assert result.per_year.total_gco2e == pytest.approx(328 / 6)
    assert result.per_device.total_gco2e == pytest.approx(164)


def test_ten_times_the_users_are_a_tenth_of_the_training_each():
    # S14: training amortises over all who use the model
    few, many = (
        lifecycle(training=Effort(500), inferences=volume).per_inference.by_part["training"]
        for volume in (1e6, 1e7)
    )
    assert many == pytest.approx(few / 10)


@given(years=st.floats(0.1, 30), life=st.floats(1, 10))
def test_purchases_are_whole_and_never_fewer_than_the_used_share(years, life):
    common = {
        "manufacture_gco2e": 7.0,
        "devices": 3,
        "device_life_h": life * YEAR_H,
        "service_life_h": years * YEAR_H,
    }
    used = lifecycle(**common)
    bought = lifecycle(**common, whole_devices=True)
    assert used.devices_made == pytest.approx(3 * years / life)
    assert float(bought.devices_made).is_integer()
    assert used.devices_made - 1e-6 <= bought.devices_made < used.devices_made + 3


def test_a_whole_number_of_lives_takes_that_many_devices():
    result = lifecycle(device_life_h=0.1 * YEAR_H, service_life_h=0.3 * YEAR_H, whole_devices=True)
    assert result.devices_made == 3


def test_spares_are_made_with_the_rest():
    # S15: two devices in ten stand by, and embody as much
    with_spares = lifecycle(manufacture_gco2e=100, devices=12).total.total_gco2e
    without = lifecycle(manufacture_gco2e=100, devices=10).total.total_gco2e
    assert with_spares == pytest.approx(1.2 * without)


def test_arrays_broadcast():
    result = lifecycle(
        operational_gco2e=np.array([[1.0], [2.0]]), manufacture_gco2e=np.array([10.0, 20.0, 30.0])
    )
    assert result.total.total_gco2e.tolist() == [[11, 21, 31], [12, 22, 32]]
    assert all(grams.shape == (2, 3) for grams in result.total.by_part.values())
    assert result.per_inference.by_scope["scope1"].shape == (2, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inferences": 0}, "inferences: got 0"),
        ({"devices": 0}, "devices: got 0"),
        ({"retrainings": -1}, "retrainings: got -1"),
        ({"search": Effort(-1.0)}, "search.use_gco2e: got -1"),
        ({"training": Effort(1.0, float("nan"))}, "training.embodied_gco2e: got nan"),
        ({"device_life_h": 0}, "device_life_h: got 0"),
        ({"direct_gco2e": -5}, "direct_gco2e: got -5"),
    ],
)
def test_bad_figures_are_named(changes, said):
    with pytest.raises(StudyError, match=said):
        lifecycle(**changes)
