"""Deployments from options: what a run has is kept unless an option replaces it."""

from dataclasses import replace

import pytest

from hardware_profiles import Deployment, deployment_label
from hardware_profiles.beside import ModelBeside
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study
from nas.deployments import (
    at_marginal_rates,
    candidate_and_deployment,
    changed_profiles,
    deployments_for,
    study_for,
)
from nas.errors import ConfigError, DeploymentError, StudyError

PI = Deployment("rpi4-fp32-fr", hardware("rpi4"), "fp32", grid("fr"))
BATCHED = replace(PI, label="rpi4-fp32-fr-b8-s2", batch=8, streams=2)
WASTEFUL = replace(PI, label="closet-fr", pue=1.8)
SUPPLIED = replace(PI, label="rpi4-fp32", supply_efficiency=0.7)
LIKE = (PI, BATCHED, WASTEFUL, SUPPLIED, replace(PI, label="rpi4-fp32-us", grid=grid("us")))


def test_without_options_they_stay_as_they_are():
    assert deployments_for(None, None, like=LIKE) == list(LIKE)


def test_a_grid_replaces_that_of_each_and_keeps_the_rest():
    found = deployments_for(None, ["no"], like=LIKE)
    # The first and the last differ in nothing but their grid, so they become one.
    assert [d.label for d in found] == [
        "rpi4-fp32-no",
        "rpi4-fp32-no-b8-s2",
        "closet-no",
        "rpi4-fp32-no-2",
    ]
    assert [d.pue for d in found] == [None, None, 1.8, None]
    assert [d.supply_efficiency for d in found] == [None, None, None, 0.7]
    assert {d.grid.name for d in found} == {"no"}


def test_every_one_on_every_grid():
    found = deployments_for(None, ["no", "12.5"], like=LIKE[:3])
    assert len({d.label for d in found}) == len(found) == 6


def test_devices_take_the_one_grid_of_the_run():
    found = deployments_for(["rpi4:int8"], None, like=[PI])
    assert [(d.label, d.precision) for d in found] == [("rpi4-int8-fr", "int8")]
    with pytest.raises(ConfigError, match="--grid: is not given and the run has fr, us"):
        deployments_for(["rpi4"], None, like=LIKE)
    with pytest.raises(ConfigError, match="--hardware: is not given"):
        deployments_for(None, ["fr"], like=())


def test_threads_follow_the_precision():
    texts = ["rpi4", "rpi4:int8", "rpi4:int8:t2", "rpi4:t1"]
    found = deployments_for(texts, ["fr"], like=())
    assert [(d.precision, d.threads) for d in found] == [
        ("fp32", None),
        ("int8", None),
        ("int8", 2),
        ("fp32", 1),
    ]
    assert [d.label for d in found][2:] == ["rpi4-int8-fr-t2", "rpi4-fp32-fr-t1"]
    moved = deployments_for(None, ["no"], like=found[2:])
    assert [d.label for d in moved] == ["rpi4-int8-no-t2", "rpi4-fp32-no-t1"]
    for text in ("rpi4:int8:2", "rpi4:int8:t2:t1"):
        with pytest.raises(ConfigError, match=r"give NAME, NAME:PRECISION or NAME:PRECISION:tTHR"):
            deployments_for([text], ["fr"], like=())
    with pytest.raises(DeploymentError, match=r"8 threads x 1 streams are more than the 4 cores"):
        deployments_for(["rpi4:int8:t8"], ["fr"], like=())


def test_models_beside_stay_on_other_grids():
    shared = replace(PI, label="rpi4-fp32-fr-with-kws", beside=(ModelBeside("kws", 1, 1, 1, 0.1),))
    (moved,) = deployments_for(None, ["no"], like=[shared])
    assert (moved.label, moved.beside) == ("rpi4-fp32-no-with-kws", shared.beside)


def test_a_profile_that_has_changed_since_the_run_is_told_once():
    old = replace(PI, profile=PI.profile.model_copy(update={"notes": "as it was"}))
    assert changed_profiles([PI, BATCHED], like=[PI]) == ()
    assert changed_profiles(LIKE, like=[]) == ()
    (line,) = changed_profiles([PI, BATCHED], like=[old])
    assert line.startswith("rpi4: its profile has changed since the run")


def test_the_label_by_rule():
    assert deployment_label("rpi4", "int8", "fr") == "rpi4-int8-fr"
    assert deployment_label("rpi4", "int8", "fr", batch=8, streams=2) == "rpi4-int8-fr-b8-s2"


TIME = Study(Demand(lifetime_years=4.0, busy_share=0.3, users=50, powered_share=0.5))
POOL = Study(Demand(lifetime_years=4.0, inferences=1e9, peak_per_s=50.0, spares=1))


def test_a_study_keeps_what_is_not_given():
    assert study_for({"lifetime_years": None, "fab_table": None}, like=TIME) == TIME
    found = study_for({"lifetime_years": 8.0, "fab_table": "act-2023"}, like=TIME)
    assert found == replace(
        TIME, demand=replace(TIME.demand, lifetime_years=8.0), fab_table="act-2023"
    )
    assert study_for({"memory": "as_built", "sunk": ("rpi4",)}, like=TIME).sunk == ("rpi4",)


@pytest.mark.parametrize(
    ("given", "like", "demand"),
    [
        ({"inferences": 1e6}, TIME, Demand(4.0, inferences=1e6, users=50, powered_share=0.5)),
        ({"busy_share": 0.2}, POOL, Demand(4.0, busy_share=0.2)),
        ({"devices": 7}, TIME, Demand(4.0, busy_share=0.3, devices=7, powered_share=0.5)),
        ({"users": 7}, POOL, Demand(4.0, inferences=1e9, users=7)),
        (
            {"peak_per_s": 90.0},
            POOL,
            Demand(4.0, inferences=1e9, peak_per_s=90.0, spares=1),
        ),
    ],
)
def test_what_is_given_takes_the_place_of_its_like(given, like, demand):
    assert study_for(given, like=like).demand == demand


def test_what_does_not_go_together_is_refused():
    with pytest.raises(StudyError, match="both of inferences"):
        study_for({"inferences": 1e6, "busy_share": 0.1}, like=TIME)
    with pytest.raises(StudyError, match="spares"):
        study_for({"users": 2, "spares": 3}, like=POOL)
    with pytest.raises(ConfigError, match="--inferences and --lifetime-years: are not given"):
        study_for({"inferences": 1e6}, like=None)
    alone = study_for({"inferences": 1e6, "lifetime_years": 2.0}, like=None)
    assert alone == Study(Demand(2.0, inferences=1e6))


def test_marginal_rates_are_told_and_named_in_labels():
    ours = Deployment("rpi4-fp32-us-caiso", hardware("rpi4"), "fp32", grid("us-caiso"))
    closet = replace(ours, label="closet", pue=1.8)
    found, said = at_marginal_rates([ours, closet])
    assert [d.label for d in found] == ["rpi4-fp32-us-caiso-marginal", "closet-us-caiso-marginal"]
    assert found[1].pue == 1.8
    (line,) = said
    assert line.startswith("grid us-caiso (256.2 g/kWh) at its marginal rate, us-caiso-marginal (")
    assert at_marginal_rates(found) == (found, ())


def test_a_baseline_is_a_candidate_at_a_deployment():
    assert candidate_and_deployment("abc@rpi4-fp32-fr", LIKE) == ("abc", PI)
    for text in ("abc", "@rpi4-fp32-fr", "abc@"):
        with pytest.raises(ConfigError, match="give CANDIDATE@DEPLOYMENT"):
            candidate_and_deployment(text, LIKE)
    with pytest.raises(ConfigError, match="did you mean 'closet-fr'"):
        candidate_and_deployment("abc@closet-f", LIKE)
