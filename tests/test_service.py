"""A model in service: its parts add up, and what it replaces is compared as the formulas say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hardware_profiles import deployment_from_dict
from nas.carbon import HOURS_PER_YEAR, Baseline, Demand, Study, device_embodied
from nas.errors import SelectionError, StudyError
from nas.service import YEARLY_GAIN, service

AT_VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e9, devices=2))


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    """A finished run that spent 0.06 kWh and trained one known network, to an error of 0.5."""
    made = make_run(tmp_path_factory.mktemp("service") / "run", study=AT_VOLUME)
    spent = {"trainings": 12, "seconds": 60.0, "worker_s": 60.0, "energy_j": 216e3, "gco2e": 9.0}
    write_json(made.path / "spent.json", spent)
    reference = {"errors": {"fp32": 0.5, "int8": 0.5}, "gco2e": 0.001}
    write_json(made.reference_path("LeNet-5"), reference)
    return made


@pytest.fixture(scope="module")
def bare(make_run, tmp_path_factory):
    """A run that trained no known network."""
    return make_run(tmp_path_factory.mktemp("service") / "bare", study=AT_VOLUME)


@pytest.fixture(scope="module")
def two_places(run):
    """A model whose carbon differs between two deployments at one precision: cheap, dear."""
    scores = run.scores()
    scores = scores[(scores["precision"] == "int8") & scores["feasible"]]
    for name, rows in scores.groupby("candidate"):
        if len(rows) == 2:
            ranked = rows.sort_values("carbon_gco2e")
            return str(name), ranked.iloc[0], ranked.iloc[1]
    raise AssertionError("no model is feasible on both")


def test_parts_are_those_of_the_score(run):
    found = service(run)
    row, cycle = found.row, found.lifecycle
    parts = cycle.total.by_part
    assert cycle.inferences == 1e9
    assert parts["inference"] == pytest.approx(1e9 * row["operational_gco2e"])
    assert parts["devices"] == pytest.approx(2 * row["device_embodied_gco2e"])
    assert parts["inference"] + parts["devices"] == pytest.approx(1e9 * row["carbon_gco2e"])
    # 216 kJ at the rpi4's plug in France, PUE 1.1
    host = deployment_from_dict(run.frozen["search"]["host"])
    use = 0.06 * host.overhead * host.grid.gco2e_per_kwh.value
    assert cycle.total.cells["search", "use"] == pytest.approx(use)
    assert cycle.total.cells["search", "manufacture"] > 0
    assert cycle.total.by_scope["scope2"] == pytest.approx(cycle.total.by_phase["use"])
    assert found.market_gco2e is None
    assert found.sunk_gco2e == 0


def test_final_training_has_the_epochs_of_the_final_recipe(run):
    # made-up trainings of 60 J; 40 epochs instead of 12: 200 J
    found = service(run)
    host = deployment_from_dict(run.frozen["search"]["host"])
    per_joule = host.overhead * host.grid.gco2e_per_kwh.value / 3.6e6
    assert found.lifecycle.total.cells["training", "use"] == pytest.approx(200 * per_joule)
    assert "modelled" in found.training_known


def test_twice_the_years_are_twice_the_service_but_one_search(run):
    once, twice = service(run), service(run, service_years=8)
    first, second = once.lifecycle.total.by_part, twice.lifecycle.total.by_part
    for part in ("inference", "devices"):
        assert second[part] == pytest.approx(2 * first[part])
    for part in ("search", "training"):
        assert second[part] == pytest.approx(first[part])
    assert (once.lifecycle.devices_made, twice.lifecycle.devices_made) == (2, 4)
    assert twice.lifecycle.service_life_h == 8 * HOURS_PER_YEAR


def test_retrainings_are_counted_by_the_year(run):
    once = service(run).lifecycle.total.by_part["training"]
    found = service(run, service_years=3, retrainings_per_year=2)
    assert found.retrainings == 6
    assert found.lifecycle.total.by_part["training"] == pytest.approx(7 * once)


def test_energy_of_a_training_may_be_given(run):
    host = deployment_from_dict(run.frozen["search"]["host"])
    found = service(run, training_kwh=2.0)
    cells, modelled = found.lifecycle.total.cells, service(run).lifecycle.total.cells
    use = 2 * host.overhead * host.grid.gco2e_per_kwh.value
    assert cells["training", "use"] == pytest.approx(use)
    ratio = modelled["training", "manufacture"] / modelled["training", "use"]
    assert cells["training", "manufacture"] == pytest.approx(ratio * use)
    assert "as given: 2 kWh" in found.training_known


def test_peak_load_sizes_the_fleet(run):
    tau = service(run).row["occupancy_s"]
    demand = replace(AT_VOLUME.demand, devices=None, peak_per_s=7 / tau * 0.999, spares=1)
    found = service(run, study=replace(AT_VOLUME, demand=demand))
    assert found.row["occupancy_s"] == pytest.approx(tau)
    # 7 / tau a second at 70 % of each device's time are 10 devices, and one stands by
    assert found.lifecycle.devices == 11
    assert found.peak_per_s == demand.peak_per_s
    embodied = found.row["device_embodied_gco2e"]
    assert found.lifecycle.total.by_part["devices"] == pytest.approx(11 * embodied)


def test_phases_that_a_profile_does_not_know_are_named(run):
    found = service(run)
    by_label = {deployment.label: deployment for deployment in run.deployments}
    known = device_embodied(by_label[found.deployment].profile).by_phase
    assert found.unknown == tuple(n for n in ("transport", "end_of_life") if n not in known)
    phases = found.lifecycle.total.by_phase
    assert all(phases[name] == 0 for name in found.unknown)


def test_hardware_that_is_owned_is_shown_beside(run):
    names = tuple({deployment.profile.name for deployment in run.deployments})
    plain = service(run)
    found = service(run, plain.candidate, plain.deployment, study=replace(AT_VOLUME, sunk=names))
    assert found.lifecycle.total.by_part["devices"] == 0
    assert found.sunk_gco2e > 0
    assert found.refresh_years is None


def test_refresh_period_follows_the_formula(run):
    found = service(run)
    row = found.row
    yearly = row["operational_gco2e"] * 1e9 / 4 / 2
    best, soonest, latest = found.refresh_years
    for years, gain in (
        (best, YEARLY_GAIN.value),
        (soonest, YEARLY_GAIN.high),
        (latest, YEARLY_GAIN.low),
    ):
        assert years == pytest.approx(np.sqrt(2 * row["device_embodied_gco2e"] / (gain * yearly)))
    assert soonest < best < latest


def test_search_is_repaid_by_what_each_inference_saves(run, two_places):
    name, cheap, dear = two_places
    found = service(run, name, cheap["deployment"], against=(name, dear["deployment"]))
    other, cycle = found.alternative, found.lifecycle
    saved = dear["carbon_gco2e"] - cheap["carbon_gco2e"]
    parts = cycle.total.by_part
    assert other.equal
    assert other.search.inferences == pytest.approx(parts["search"] / saved)
    both = parts["search"] + parts["training"]
    assert other.search_and_training.inferences == pytest.approx(both / saved)
    # 1e9 inferences on 2 devices over 4 years
    assert other.search.devices == pytest.approx(other.search.inferences / 5e8)
    assert other.search.years == pytest.approx(other.search.inferences / 2.5e8)
    assert found.warnings == ()


def test_break_even_is_when_the_totals_are_equal(run, two_places):
    name, cheap, dear = two_places
    found = service(run, name, cheap["deployment"], against=(name, dear["deployment"]))
    years = found.alternative.search_and_training.years
    then = service(run, name, cheap["deployment"], service_years=years).lifecycle
    old = dear["carbon_gco2e"] * float(then.inferences)
    assert then.total.total_gco2e == pytest.approx(old)


def test_devices_are_compared_for_the_same_volume(run, two_places):
    name, cheap, dear = two_places
    found = service(run, name, cheap["deployment"], against=(name, dear["deployment"]))
    devices = found.alternative.devices
    made = {side: row["embodied_gco2e"] * 1e9 for side, row in (("new", cheap), ("old", dear))}
    used = {side: row["operational_gco2e"] * 2.5e8 for side, row in (("new", cheap), ("old", dear))}
    repaid = made["new"] / (used["old"] - used["new"])
    assert devices.years == (pytest.approx(repaid) if repaid > 0 else None)
    even = (made["new"] - made["old"]) / (used["old"] - used["new"])
    assert devices.indifference_years == (pytest.approx(even) if even >= 0 else None)
    weight = dear["embodied_gco2e"] / dear["carbon_gco2e"]
    area = cheap["die_area_cm2"] / dear["die_area_cm2"]
    energy = cheap["energy_j"] / dear["energy_j"]
    assert devices.ncf_fixed_work == pytest.approx(weight * area + (1 - weight) * energy)


def test_what_costs_more_is_never_repaid_and_says_so(run, two_places):
    name, cheap, dear = two_places
    found = service(
        run,
        name,
        dear["deployment"],
        against=(name, cheap["deployment"]),
        demand_elasticity=2.0,
    )
    assert found.alternative.search.inferences is None
    assert found.rebound is None
    assert "saves no carbon" in found.warnings[0]


def test_a_higher_error_has_no_break_even(run):
    scores = run.scores()
    rows = scores[(scores["deployment"] == "rpi4-int8-fr") & scores["feasible"]]
    rows = rows.sort_values("error")
    best, worst = rows.iloc[0], rows.iloc[-1]
    label = "rpi4-int8-fr"
    found = service(run, worst["candidate"], label, against=(best["candidate"], label))
    assert not found.alternative.equal
    assert found.alternative.search.inferences is None
    assert found.alternative.devices is None
    assert "no break-even" in found.warnings[0]


def test_rebound_starts_from_the_life_cycle_and_warns_where_the_total_grows(run, two_places):
    name, cheap, dear = two_places
    ratio = dear["carbon_gco2e"] / cheap["carbon_gco2e"]

    def answered(elasticity):
        return service(
            run,
            name,
            cheap["deployment"],
            against=(name, dear["deployment"]),
            demand_elasticity=elasticity,
        )

    small, large = answered(0.5), answered(1.5)
    for found in (small, large):
        whole = found.lifecycle.total.total_gco2e
        assert found.rebound.expected_gco2e == pytest.approx(whole)
        assert found.rebound.before_gco2e == pytest.approx(1e9 * dear["carbon_gco2e"])
    assert small.rebound.demand_factor == pytest.approx(ratio**0.5)
    assert not small.rebound.grows
    assert small.warnings == ()
    assert large.rebound.grows
    assert "demand grows" in large.warnings[0]


def test_without_an_alternative_the_known_network_stands_in(run):
    found = service(run, deployment="rpi4-int8-fr")
    other = found.alternative
    assert (other.name, other.deployment, other.error) == ("LeNet-5", "rpi4-int8-fr", 0.5)
    assert other.equal
    named = service(run, deployment="rpi4-int8-fr", against=("LeNet-5", "rpi4-int8-fr"))
    assert named.alternative == other


def test_a_network_that_was_not_trained_has_no_break_even(run):
    found = service(run, deployment="rpi4-int8-fr", against=("MobileNetV2 x 0.25", "rpi4-int8-fr"))
    assert np.isnan(found.alternative.error)
    assert not found.alternative.equal
    assert "was not measured" in found.warnings[0]


def test_a_run_without_known_networks_compares_with_nothing(bare):
    found = service(bare)
    assert found.alternative is None
    assert "not finished" in found.search_known
    with pytest.raises(SelectionError, match="elasticity: there is nothing to save against"):
        service(bare, demand_elasticity=1.0)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"service_years": 0}, StudyError, "service_years: got 0"),
        ({"retrainings_per_year": -1}, StudyError, "retrainings_per_year: got -1"),
        ({"training_kwh": float("nan")}, StudyError, "training_kwh: got nan"),
        ({"demand_elasticity": -1.0}, StudyError, "elasticity: got -1"),
        ({"candidate": "nobody"}, SelectionError, "'nobody' is unknown"),
        ({"against": ("LeNet", "rpi4-int8-fr")}, SelectionError, "did you mean 'LeNet-5'"),
        ({"against": ("LeNet-5", "rpi5")}, SelectionError, "'rpi5' is unknown"),
    ],
)
def test_bad_input_is_named(run, given, error, said):
    with pytest.raises(error, match=said):
        service(run, **given)


def test_a_consequence_never_mixes_with_average_rates(run):
    study = replace(AT_VOLUME, view="consequence", baseline=Baseline("today", 1e-6))
    with pytest.raises(StudyError, match="lifecycle: the study is a consequence"):
        service(run, study=study)
