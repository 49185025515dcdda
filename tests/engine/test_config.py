"""The configuration: what is wrong in it is said in one line, what is right survives."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.deployment import deployment_from_dict
from nas.cli.template import TEMPLATE
from nas.engine.config import (
    SearchConfig,
    config_from_mapping,
    config_to_yaml,
    constraint_columns,
    read_config,
)
from nas.engine.resolve import resolve
from nas.errors import ConfigError
from nas.objectives import OBJECTIVES


def refusal(value):
    with pytest.raises(ConfigError) as caught:
        config_from_mapping(value, "c.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def without(value, path):
    *above, last = path
    inner = value
    for key in above:
        inner[key] = dict(inner[key])
        inner = inner[key]
    del inner[last]
    return value


@pytest.mark.parametrize(
    "path",
    [
        ("task",),
        ("space",),
        ("demand",),
        ("demand", "lifetime_years"),
        ("deployments",),
        ("search",),
        ("search", "on"),
        ("search", "on", "grid"),
        ("budget",),
    ],
    ids=".".join,
)
def test_a_missing_key_is_named(path, tiny):
    assert ".".join(path) in refusal(without(tiny(), path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tsk": "digits"}, "tsk: unknown key; did you mean 'task'?"),
        ({"serach": {"sampler": "tpe"}}, "serach: unknown key; did you mean 'search'?"),
        (
            {"demand": {"inference": 1e8}},
            "demand.inference: unknown key; did you mean 'inferences'",
        ),
        ({"search": {"samplr": "tpe"}}, "search.samplr: unknown key; did you mean 'sampler'?"),
        ({"search": {"on": {"pue_": 1.1}}}, "search.on.pue_: unknown key; did you mean 'pue'?"),
        ({"budget": {"training": 3}}, "budget.training: unknown key; did you mean 'trainings'?"),
        ({"finalists": {"extra_seed": 1}}, "finalists.extra_seed: unknown key; did you mean"),
        (
            {"deployments": [{"hardware": "rpi4", "grid": "fr", "bach": 2}]},
            "deployments.0.bach: unknown key; did you mean 'batch'?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_nearest(changes, said, tiny):
    assert said in refusal(tiny(**changes))


def test_a_misspelt_section_is_not_called_missing(tiny):
    value = tiny()
    value["serach"] = value.pop("search")
    assert "serach: unknown key; did you mean 'search'?" in refusal(value)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("task", 3),
        ("space", None),
        ("view", "attributional"),
        ("fab_table", 2022),
        ("deployments_as", "either"),
        ("deployments", []),
        ("objectives", "error"),
        ("constraints", [1]),
        ("constraints", {"macs": "few"}),
        ("recipe", "fast"),
        ("data_dir", 1),
        ("demand", 4),
        ("demand.lifetime_years", 0),
        ("demand.lifetime_years", True),
        ("demand.devices", True),
        ("demand.lifetime_years", float("inf")),
        ("demand.inferences", -1),
        ("demand.inferences", "many"),
        ("demand.busy_share", 1.5),
        ("demand.devices", 0),
        ("demand.devices", 1.5),
        ("demand.powered_share", 0),
        ("demand.users", 0),
        ("demand.peak_per_s", float("nan")),
        ("demand.peak_busy_share", 1.1),
        ("demand.spares", -1),
        ("demand.other_busy_share", 1),
        ("baseline", {"name": "a"}),
        ("baseline", {"name": "a", "carbon_gco2e": -1}),
        ("baseline", {"name": "a", "carbon_gco2e": float("nan")}),
        ("sunk", "rpi4"),
        ("memory", "all"),
        ("embodied_basis", "guessed"),
        ("search.sampler", "tpee"),
        ("search.seed", -1),
        ("search.workers", 0),
        ("search.storage", 1),
        ("search.on.hardware", 1),
        ("search.on.pue", 0.9),
        ("budget.trainings", 0),
        ("budget.seconds", 0),
        ("budget.gco2e", float("nan")),
        ("finalists.extra_seeds", -1),
        ("finalists.at_most", "all"),
    ],
)
def test_a_wrong_value_is_named(path, wrong, tiny):
    changes = wrong
    for key in reversed(path.split(".")):
        changes = {key: changes}
    assert path in refusal(tiny(**changes))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("hardware", 4),
        ("grid", None),
        ("precision", 8),
        ("batch", 0),
        ("streams", 0),
        ("pue", 0.5),
        ("supply_efficiency", 1.2),
        ("resource_share", 0),
        ("resource_share", 1.1),
        ("market_gco2e_per_kwh", -1),
        ("market_gco2e_per_kwh", float("nan")),
        ("label", 7),
    ],
)
def test_a_wrong_value_of_a_deployment_is_named(key, wrong, tiny):
    row = {"hardware": "rpi4", "grid": "fr", key: wrong}
    assert f"deployments.0.{key}" in refusal(tiny(deployments=[row]))


def test_an_unknown_sampler_gets_the_nearest_name(tiny):
    assert "did you mean 'tpe'?" in refusal(tiny(search={"sampler": "tpee"}))


def test_a_budget_without_limit_is_refused(tiny):
    value = {**tiny(), "budget": {}}
    said = "no limit; give trainings, seconds, epochs, kwh, gco2e, gain_per_gco2e"
    assert f"budget: {said}" in refusal(value)


def test_a_grid_of_zero_grams_is_given(tiny):
    assert config_from_mapping(tiny(search={"on": {"grid": 0}})).search.on.grid == 0


def test_numbers_and_names_are_those_of_yaml_1_2(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "task: digits\nspace: mbconv\ndemand: {inferences: 1e9, lifetime_years: 4}\n"
        "deployments: [{hardware: rpi4, grid: no}]\nconstraints: {peak_memory_bytes: 64e6}\n"
        "search: {on: {grid: no}}\nbudget: {trainings: 4}\n"
    )
    config = read_config(path)
    assert config.demand.inferences == 1e9
    assert config.constraints == {"peak_memory_bytes": 64e6}
    assert config.search.on.grid == config.deployments[0].grid == "no"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task: [", "is not valid YAML"),
        ("- 1\n", "expected a mapping"),
        ("", "is empty; write it as"),
        ("task: a\ntask: b\n", "'task' is given twice"),
        ("task: !!python/object:os.system {}\n", "is not valid YAML"),
    ],
)
def test_a_damaged_file_is_one_line(text, said, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_config(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="carbon-nas init"):
        read_config(tmp_path / "none.yaml")


def test_every_default_is_written_out_and_read_back(tiny, tmp_path):
    config = config_from_mapping(tiny())
    path = tmp_path / "c.yaml"
    path.write_text(config_to_yaml(config))
    assert set(yaml.safe_load(path.read_text())) == set(SearchConfig.model_fields)
    assert read_config(path) == config


def test_files_of_grids_start_from_the_folder_of_the_configuration(tiny, tmp_path, monkeypatch):
    folder = tmp_path / "study"
    folder.mkdir()
    stamps = [f"2024-01-01T{hour:02d}:00:00Z" for hour in range(24)]
    rows = [f"{stamp},{100 + hour}" for hour, stamp in enumerate(stamps)]
    (folder / "zone.csv").write_text("\n".join(["hour_utc,average_gco2e_per_kwh", *rows]) + "\n")
    (folder / "mine.yaml").write_text("trace: zone.csv\ncolumn: average\n")
    trace = {"trace": "zone.csv", "column": "average"}
    grids = ["fr", trace, "mine.yaml", {"mix": {"wind": 1.0}}, 12.0]
    value = tiny(search={"on": {"grid": dict(trace)}})
    first = value["deployments"][0]
    value["deployments"] = [
        {**first, "grid": grid, "label": str(place)} for place, grid in enumerate(grids)
    ]
    (folder / "c.yaml").write_text(yaml.safe_dump(value))
    monkeypatch.chdir(tmp_path)
    config = read_config("study/c.yaml")
    held = str(folder / "zone.csv")
    assert config.search.on.grid == {**trace, "trace": held}
    assert [row.grid for row in config.deployments] == [
        "fr", {**trace, "trace": held}, str(folder / "mine.yaml"), {"mix": {"wind": 1.0}}, 12.0,
    ]  # fmt: skip
    # The configuration that a run keeps is in another folder and must mean the same.
    (tmp_path / "kept.yaml").write_text(config_to_yaml(config))
    assert read_config("kept.yaml") == config
    means = [
        deployment_from_dict(place).grid.gco2e_per_kwh.value
        for place in resolve(config)["deployments"]
    ]
    assert means[1] == means[2] == 111.5


@given(
    inferences=st.floats(1e-3, 1e18),
    seed=st.integers(0, 2**40),
    grid=st.sampled_from(["no", "fr", 12, 0.5]),
)
def test_yaml_keeps_every_value(inferences, seed, grid, tmp_path_factory, tiny):
    changes = {
        "demand": {"inferences": inferences},
        "search": {"seed": seed, "on": {"grid": grid}},
    }
    config = config_from_mapping(tiny(**changes))
    path = tmp_path_factory.getbasetemp() / "kept.yaml"
    path.write_text(config_to_yaml(config))
    assert read_config(path) == config


def test_the_template_is_a_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(TEMPLATE)
    config = read_config(path)
    assert config.constraints == {}
    assert {row.hardware for row in config.deployments} == {"stm32l4r5", "rpi4"}


@pytest.mark.parametrize("row", OBJECTIVES.values(), ids=list(OBJECTIVES))
def test_a_bound_is_set_by_name_or_column(row):
    assert (
        constraint_columns({row.name: 2}) == constraint_columns({row.column: 2}) == {row.column: 2}
    )


@pytest.mark.parametrize("bound", [0, -1, float("inf"), float("nan")])
def test_a_bound_that_nothing_meets_is_refused(bound):
    with pytest.raises(ConfigError, match="macs"):
        constraint_columns({"macs": bound})


def test_two_bounds_on_one_column_are_refused():
    with pytest.raises(ConfigError, match=r"'latency_s' is bounded twice \(0.1 and 0.2\)"):
        constraint_columns({"latency": 0.1, "latency_s": 0.2})


def test_an_unknown_bound_gets_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'latency_s'"):
        constraint_columns({"latency_ss": 0.1})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": 24}, r"budget: got 24; expected a mapping such as {"),
        ({"objectives": "error"}, r"objectives: got 'error'; expected a list"),
        ({"deployments": "rpi4"}, r"deployments: got 'rpi4'; expected a list"),
    ],
)
def test_forms_are_named_in_words_of_yaml(change, said):
    config = yaml.safe_load(TEMPLATE.replace("on: {", '"on": {'))
    with pytest.raises(ConfigError, match=said):
        config_from_mapping({**config, **change})
