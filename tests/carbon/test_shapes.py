"""Arrays whose shapes do not fit together, in every public formula of nas.carbon."""

from itertools import combinations

import numpy as np
import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas import carbon
from nas.errors import StudyError

# Every argument that may be an array, with a number that the formula takes.
FORMULAS = {
    "best_checkpoint_period_h": {"failures_per_h": 0.01, "checkpoint_cost_h": 0.1},
    "best_refresh_years": {
        "embodied_gco2e": 10.0, "use_gco2e_per_year": 5.0, "yearly_gain": 0.2,
    },
    "break_even": {"fixed_new": 2.0, "fixed_old": 1.0, "per_unit_new": 1.0, "per_unit_old": 2.0},
    "c2ep": {"embodied_gco2e": 1.0, "energy_j": 1.0},
    "cdp": {"embodied_gco2e": 1.0, "delay_s": 1.0},
    "ce2p": {"embodied_gco2e": 1.0, "energy_j": 1.0},
    "cep": {"embodied_gco2e": 1.0, "energy_j": 1.0},
    "communication_energy_j": {
        "payload_bytes": 1e6, "energy_per_byte_j": 1e-9, "workers": 4, "exchanges": 2,
    },
    "communication_s": {
        "payload_bytes": 1e6, "bandwidth_bytes_per_s": 1e9, "workers": 4, "exchanges": 2,
    },
    "device_break_even_years": {
        "embodied_new_gco2e": 9.0, "use_old_gco2e_per_year": 5.0, "use_new_gco2e_per_year": 2.0,
        "avoided_gco2e": 1.0,
    },
    "die_embodied_gco2e": {
        "area_cm2": 1.0, "node_nm": 7, "fab_gco2e_per_kwh": 500.0, "abatement_pct": 97.0,
        "fab_yield": 0.875,
    },
    "edp": {"energy_j": 1.0, "delay_s": 1.0},
    "focal_ncf": {"area_ratio": 1.0, "use_ratio": 1.0, "embodied_weight": 0.5},
    "focal_verdict": {"ncf_fixed_time": 0.9, "ncf_fixed_work": 1.1},
    "idle_energy_j": {
        "occupancy_s": 0.1, "idle_w": 1.0, "sleep_w": 0.1, "busy_share": 0.2,
        "powered_share": 0.9,
    },
    "indifference_point": {"made_0": 1.0, "made_1": 2.0, "rate_0": 2.0, "rate_1": 1.0},
    "kappa_w": {
        "embodied_gco2e": 1e4, "life_h": 3e4, "busy_share": 0.2, "overhead": 1.2,
        "grid_gco2e_per_kwh": 300.0,
    },
    "lifecycle_gco2e": {
        "training_gco2e": 1.0, "inferences": 10.0, "operational_gco2e": 1.0,
        "embodied_gco2e": 1.0, "devices": 1,
    },
    "operational_gco2e": {"energy_j": 1.0, "grid_gco2e_per_kwh": 300.0, "overhead": 1.2},
    "rebound": {
        "use_gco2e": 1.0, "saving": 0.5, "elasticity": 0.5, "fixed_new_gco2e": 1.0,
        "fixed_old_gco2e": 1.0,
    },
    "rerun_factor": {
        "failures_per_h": 0.01, "checkpoint_period_h": 1.0, "checkpoint_cost_h": 0.1,
    },
    "sci": {"operational_gco2e": 1.0, "embodied_gco2e": 1.0, "units": 1.0},
    "search_share_gco2e": {"search_gco2e": 1.0, "inferences": [1.0, 2.0]},
    "share_gco2e": {
        "embodied_gco2e": 1e4, "occupancy_s": 0.1, "life_h": 3e4, "busy_share": 0.2,
    },
    "tcdp": {
        "embodied_gco2e": 1.0, "operational_gco2e_per_run": 1.0, "runs": 10.0, "delay_s": 0.1,
    },
    "training_energy_j": {
        "compute_s": 100.0, "machine_w": 200.0, "workers": 2, "storage_w": 5.0,
        "cache_saving": 0.1, "communication_s": 3.0, "link_j": 1.0, "rerun": 1.1, "spares": 1,
        "spare_w": 10.0,
    },
    "training_gco2e": {
        "energy_j": 1e5, "hours": 2.0, "embodied_gco2e": 1e5, "life_h": 3e4, "busy_share": 0.5,
        "overhead": 1.2, "grid_gco2e_per_kwh": 300.0, "share": 1.0,
    },
}  # fmt: skip
PAIRS = [(name, *pair) for name, given in FORMULAS.items() for pair in combinations(given, 2)]


@pytest.mark.parametrize("name", FORMULAS)
def test_the_numbers_themselves_are_taken(name):
    getattr(carbon, name)(**FORMULAS[name])


@pytest.mark.parametrize(("name", "first", "second"), PAIRS)
def test_two_lengths_are_refused_in_one_line(name, first, second):
    given = FORMULAS[name]
    shaped = {
        key: np.full(2 if key == first else 3, np.ravel(given[key])[0]) for key in (first, second)
    }
    with pytest.raises(StudyError) as caught:
        getattr(carbon, name)(**given | shaped)
    assert "shape" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_message_names_the_arguments_and_their_shapes():
    with pytest.raises(StudyError) as caught:
        carbon.edp([1.0, 2.0], delay_s=np.ones((4, 3)))
    assert str(caught.value) == (
        "edp: got shapes that do not fit together: energy_j (2,), delay_s (4, 3); give single"
        " numbers, or arrays of one shape"
    )
    with pytest.raises(StudyError, match=r"area_cm2 \(2,\), defects_per_cm2 \(3,\)"):
        carbon.die_yield([1.0, 2.0], defects_per_cm2=[0.1, 0.1, 0.1], model="poisson")
    with pytest.raises(StudyError, match=r"capacity_gb \(2,\), fab_yield \(3,\)"):
        carbon.memory_embodied_gco2e("lpddr4", [1.0, 2.0], fab_yield=[0.9, 0.9, 0.9])


def test_footprints_refuse_what_does_not_fit_their_deployments():
    places = [Deployment("a", hardware("rpi4"), "int8", grid("fr"))] * 2
    study = carbon.Study(carbon.Demand(lifetime_years=4.0, inferences=1e8))
    good = np.full((5, 2), 0.1)
    bytes_given = {"memory_bytes": good, "storage_bytes": good}
    carbon.footprint(good, good, places, study, **bytes_given)
    for wrong in (np.full(3, 0.1), np.full((4, 2), 0.1)):
        with pytest.raises(StudyError, match="shape"):
            carbon.footprint(wrong, good, places, study, **bytes_given)
        with pytest.raises(StudyError, match="shape"):
            carbon.footprint(good, good, places, study, **bytes_given | {"memory_bytes": wrong})


def test_a_service_refuses_effects_of_two_lengths():
    effort = carbon.Effort(use_gco2e=1.0, embodied_gco2e=1.0)
    with pytest.raises(StudyError, match=r"inferences \(2,\), devices \(3,\)"):
        carbon.service_lifecycle(
            search=effort, training=effort, retrainings=0.0, inferences=[1.0, 2.0],
            operational_gco2e=1.0, manufacture_gco2e=1.0, devices=[1, 2, 3],
            device_life_h=3e4, service_life_h=3e4,
        )  # fmt: skip
