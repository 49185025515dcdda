"""What a launch resolves of a configuration, and refuses before anything runs."""

import pytest

from hardware_profiles.deployment import deployment_from_dict
from nas.carbon import Baseline, Demand, study_from_dict
from nas.engine.config import config_from_mapping
from nas.engine.plan import plan_of
from nas.engine.resolve import resolve
from nas.errors import ConfigError, DeploymentError, HardwareError, StudyError
from nas.models.recipe import default_recipe
from nas.models.torch_process import sees_gpu

CONSEQUENCE = {
    "view": "consequence",
    "baseline": {"name": "today", "carbon_gco2e": 1e-3},
    "deployments": [{"hardware": "rpi4", "grid": "us-caiso-marginal"}],
}


def resolved(tiny, **changes):
    return resolve(config_from_mapping(tiny(**changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"demand": {"busy_share": 0.3}}, "both of inferences"),
        ({"demand": {"devices": 2, "users": 2}}, "devices and users given"),
        ({"demand": {"devices": 2, "peak_per_s": 50}}, "devices and peak_per_s given"),
        ({"demand": {"users": 2, "peak_per_s": 50}}, "users and peak_per_s given"),
        (
            {"demand": {"inferences": None, "busy_share": 0.3, "peak_per_s": 5}},
            "busy_share (u) beside peak_per_s",
        ),
        (
            {"demand": {"inferences": None, "busy_share": 0.3, "other_busy_share": 0.3}},
            "busy_share (u) beside other_busy_share",
        ),
    ],
)
def test_demand_given_twice_in_any_way_shows_the_equation(changes, said, tiny):
    with pytest.raises(StudyError) as caught:
        resolved(tiny, **changes)
    assert said in str(caught.value)
    assert "N * tau = D * LT * 3600 * u" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "asked",
    [
        {"objectives": ["error", "carbon"]},
        {"objectives": ["error"], "constraints": {"cdp_gco2e_s": 1.0}},
    ],
)
def test_a_device_that_lacks_its_bill_is_refused_for_carbon_alone(asked, tiny):
    place = {"deployments": [{"hardware": "i9_10940x", "grid": "fr"}]}
    with pytest.raises(DeploymentError, match="needs bill_of_materials, which i9_10940x lacks"):
        resolved(tiny, **place, **asked)
    frozen = resolved(tiny, **place, objectives=["error", "latency", "operational"])
    assert frozen["deployments"][0]["profile"]["bill_of_materials"] is None


def on(grid, **more):
    return {"deployments": [{"hardware": "rpi4", "grid": grid, **more}]}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"view": "consequence"}, StudyError, "study.baseline: missing"),
        (CONSEQUENCE | {"view": "footprint"}, StudyError, "study.baseline: given, but a footprint"),
        (CONSEQUENCE | on("us-caiso"), StudyError, "has an average rate, and a consequence"),
        (on("us-caiso-marginal"), StudyError, "a marginal rate, which a footprint never mixes"),
        (
            CONSEQUENCE | {"demand": {"inferences": None, "busy_share": 0.3}},
            StudyError,
            "a consequence at fixed time cannot charge a device that is bought",
        ),
        (
            CONSEQUENCE | on("us-caiso-marginal", market_gco2e_per_kwh=10),
            DeploymentError,
            "market_gco2e_per_kwh is of a contract",
        ),
        (
            CONSEQUENCE | on("us-caiso", market_gco2e_per_kwh=10),
            StudyError,
            "market_gco2e_per_kwh is of a contract, and a consequence counts marginal rates",
        ),
        (
            CONSEQUENCE | {"objectives": ["error", "lifecycle"]},
            ConfigError,
            "lifecycle adds a training at average rates to a consequence",
        ),
        (
            {"sunk": ["pi4"]},
            ConfigError,
            "sunk: 'pi4' is the hardware of no deployment",
        ),
        (
            {"search": {"on": {"grid": "us-caiso-marginal"}}},
            ConfigError,
            "search.on.grid: 'us-caiso",
        ),
        ({"embodied_basis": "published"}, StudyError, "study.memory: got 'smallest_variant'"),
        (
            {"embodied_basis": "published", "memory": "as_built"},
            HardwareError,
            "rpi4: nothing is published",
        ),
        ({"fab_table": "act-2024"}, HardwareError, "did you mean"),
        ({"fab_table": "./none.yaml"}, HardwareError, "none.yaml"),
    ],
)
def test_a_study_that_cannot_be_is_refused_before_anything_runs(changes, error, said, tiny):
    with pytest.raises(error) as caught:
        resolved(tiny, **changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_study_is_about_is_frozen(tiny):
    changes = CONSEQUENCE | {"sunk": ["rpi4"], "memory": "resident_share"}
    frozen = resolved(tiny, **changes, demand={"users": 3, "other_busy_share": 0.1})
    study = study_from_dict(frozen["study"])
    assert study.demand == Demand(4, 1e8, users=3, other_busy_share=0.1)
    assert (study.view, study.sunk, study.memory) == ("consequence", ("rpi4",), "resident_share")
    assert study.baseline == Baseline("today", 1e-3)
    part = resolved(tiny, **on("fr", resource_share=0.5, market_gco2e_per_kwh=20))
    (deployment,) = [deployment_from_dict(row) for row in part["deployments"]]
    assert deployment.label == "rpi4-fp32-fr-50pct"
    assert (deployment.resource_share, deployment.market_gco2e_per_kwh) == (0.5, 20.0)


def test_a_grid_may_be_a_mapping(tiny):
    frozen = resolved(tiny, **on({"mix": {"wind": 0.5, "gas": 0.5}}))
    (deployment,) = [deployment_from_dict(row) for row in frozen["deployments"]]
    assert deployment.grid.gco2e_per_kwh.value > 0


def test_a_fab_table_of_ones_own_is_frozen_by_what_it_holds(tiny, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: act-2022\nname: mine\n")
    frozen = resolved(tiny, fab_table=str(path))
    assert frozen["study"]["fab_table"] == str(path)
    assert plan_of(frozen).study.fab_table_sha256 == frozen["fab_table_sha256"]
    path.write_text("extends: act-2023\nname: mine\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: has changed since the run was launched"):
        plan_of(frozen)


def test_lifecycle_needs_a_volume(tiny):
    demand = {"inferences": None, "busy_share": 0.3}
    with pytest.raises(ConfigError, match="lifecycle does not compare at fixed time"):
        resolve(config_from_mapping(tiny(demand=demand, objectives=["error", "lifecycle"])))


def test_the_default_recipe_is_that_of_the_task_and_the_space(tiny):
    rate = {"recipe": {"learning_rate": 0.03}}
    plain, vit, told = (
        resolved(tiny, **changes) for changes in ({}, {"space": "vit"}, {"space": "vit", **rate})
    )
    for part in ("recipe", "final_recipe"):
        assert vit[part]["learning_rate"] < plain[part]["learning_rate"]
    # The reference models are convolutional whatever is searched.
    assert vit["reference_recipe"] == plain["reference_recipe"] == plain["recipe"]
    assert told["recipe"]["learning_rate"] == told["reference_recipe"]["learning_rate"] == 0.03


def test_a_table_of_ones_own_takes_the_recipe_of_a_shipped_task_of_its_form(tiny, tmp_path):
    path = tmp_path / "mine.csv"
    rows = [f"{index},{index % 7},{'ab'[index % 2]}" for index in range(40)]
    path.write_text("\n".join(["x,y,label", *rows]))
    frozen = resolved(tiny, task=str(path), space="mlp")
    assert frozen["recipe"]["learning_rate"] == default_recipe("breast-cancer", "mlp").learning_rate


def test_a_worker_has_one_thread_unless_asked_and_power_follows_it(tiny):
    config = tiny(search={"workers": 1})
    del config["recipe"]["threads"]
    alone = resolve(config_from_mapping(config))
    assert (alone["search"]["threads"], alone["recipe"]["threads"]) == (1, 1)
    three = resolved(tiny, recipe={"threads": 3})
    assert (three["search"]["threads"], three["reference_recipe"]["threads"]) == (3, 3)


def test_a_gpu_is_used_where_there_is_one_and_else_refused_at_launch(tiny):
    if sees_gpu():
        assert resolved(tiny, recipe={"device": "cuda"})["recipe"]["device"] == "cuda"
    else:
        with pytest.raises(ConfigError, match="device=cuda, and torch finds no GPU"):
            resolved(tiny, recipe={"device": "cuda"})
    assert "device" not in resolved(tiny)["recipe"]
