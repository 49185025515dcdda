"""Bad input: exit code 2, one line that says what, what it got and what to do, and no traceback."""

import json
import shutil

import pytest
import yaml
from tiny_runs import one_line, run_command

from nas.engine.config import read_config

NAMES = {
    "task": ("digitss", "did you mean 'digits'"),
    "space": ("mbcon", "did you mean 'mbconv'"),
}
DEVICE = {"hardware": "rpi4", "grid": "fr"}


@pytest.fixture
def refused(config_file, in_process, tmp_path):
    """A function: the one line that a search with changes of the tiny configuration ends with."""

    def search(*options, **changes):
        line = one_line(
            in_process("search", config_file(**changes), "--out", tmp_path / "run", *options)
        )
        assert not (tmp_path / "run").exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml"]
        return line

    return search


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"taks": "digits"}, "config.yaml: taks: unknown key; did you mean 'task'?"),
        ({"search": {"sampler": "tpee"}}, "did you mean 'tpe'?"),
        ({"task": "digitss"}, "did you mean 'digits'?"),
        ({"space": "mbcon"}, "did you mean 'mbconv'?"),
        ({"deployments": [{**DEVICE, "hardware": "rpi44"}]}, "did you mean 'rpi4'?"),
        ({"deployments": [{**DEVICE, "grid": "us-cais"}]}, "did you mean 'us-caiso'?"),
        ({"deployments": [{**DEVICE, "precision": "int9"}]}, "int9"),
        ({"deployments": [{**DEVICE, "precision": "bf16"}]}, "fp32"),
        ({"deployments": [DEVICE, DEVICE]}, "'rpi4-fp32-fr' is there twice"),
        ({"deployments": [{**DEVICE, "grid": -4}]}, "-4"),
        ({"search": {"on": {"grid": "fx"}}}, "grid: 'fx' is unknown"),
        ({"search": {"on": {"hardware": "hots"}}}, "did you mean 'host'?"),
        ({"objectives": ["error", "carbn"]}, "did you mean 'carbon'?"),
        ({"objectives": ["error", "error"]}, "'error' is given twice"),
        ({"objectives": []}, "objectives: none given"),
        ({"constraints": {"macss": 1}}, "did you mean 'macs'?"),
        ({"recipe": {"epoch": 3}}, "did you mean 'epochs'?"),
        ({"recipe": {"epochs": 0}}, "recipe: epochs=0 is not"),
        ({"recipe": {"epochs": 1.5}}, "recipe: epochs=1.5 is not a whole number"),
        ({"recipe": {"learning_rate": float("inf")}}, "recipe: learning_rate=inf is not finite"),
        ({"recipe": {"epochs": "many"}}, "recipe: epochs='many' is not a whole number"),
        ({"fab_table": "act-2021"}, "did you mean 'act-202"),
        ({"demand": {"busy_share": 0.3}}, "both of inferences (N) and busy_share (u) given"),
        ({"demand": {"inferences": None}}, "neither of inferences (N) and busy_share (u) given"),
        ({"demand": {"inferences": 1e15}}, "devices"),
        ({"constraints": {"peak_memory_bytes": 10}}, "no architecture of mbconv is feasible"),
        ({"constraints": {"params": 1e5, "energy_j": 1e-9}}, "energy_j: "),
        ({"constraints": {"latency": 1, "latency_s": 2}}, "'latency_s' is bounded twice (1 and 2)"),
        ({"task": "fashion-mnist", "data_dir": "/nonexistent"}, "/nonexistent"),
    ],
    ids=str,
)
def test_a_configuration_is_refused(changes, said, refused):
    assert said in refused(**changes)


def test_a_demand_given_twice_shows_the_equation(refused):
    assert "N * tau = D * LT * 3600 * u" in refused(demand={"busy_share": 0.3})


def test_a_device_too_small_says_what_it_has(refused):
    tight = [{"hardware": "stm32l4r5", "precision": "int8", "grid": "fr"}]
    line = refused(deployments=tight, constraints={"storage": 1})
    assert "storage" in line
    line = refused(deployments=tight, constraints={"peak_memory_bytes": 10})
    assert "the nearest fails with: " in line


def test_a_key_given_twice(in_process, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("task: digits\ntask: digits\n")
    assert "'task' is given twice" in one_line(in_process("search", path))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"just text", b"a:\n\t- b"])
def test_a_damaged_configuration(content, in_process, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    assert "config.yaml: " in one_line(in_process("search", path))


def test_a_configuration_that_is_not_there(in_process, tmp_path):
    assert "carbon-nas init" in one_line(in_process("search", tmp_path / "none.yaml"))
    assert "config" in one_line(in_process("search", tmp_path))


@pytest.mark.parametrize("command", ["search", "status"])
def test_as_a_process_too(command, config_file, tmp_path):
    path = config_file(task="digitss") if command == "search" else tmp_path / "none"
    one_line(run_command(command, path))


OPTIONS = {
    "--task": "digits",
    "--space": "mbconv",
    "--hardware": "rpi4",
    "--grid": "fr",
    "--inferences": "1e8",
    "--lifetime-years": "4",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--task": None}, "--task not given"),
        ({"--inferences": None, "--grid": None}, "--grid, --inferences not given"),
        ({"--task": "digitss"}, "did you mean 'digits'"),
        ({"--space": "mbcon"}, "did you mean 'mbconv'"),
        ({"--hardware": "rpi44"}, "did you mean 'rpi4'"),
        ({"--hardware": "rpi4:int9"}, "int9"),
        ({"--grid": "us-cais"}, "did you mean 'us-caiso'"),
        ({"--grid": "-3"}, "-3"),
        ({"--objective": "carbn"}, "did you mean 'carbon'"),
        ({"--sampler": "tpee"}, "did you mean 'tpe'"),
        ({"--inferences": "-1"}, "demand.inferences"),
        ({"--inferences": "many"}, "--inferences"),
        ({"--seed": "-1"}, "search.seed"),
        ({"--workers": "0"}, "search.workers"),
        ({"--trainings": "0"}, "budget.trainings"),
        ({"--unknown": "1"}, "No such option"),
    ],
    ids=str,
)
def test_options_are_refused(changes, said, in_process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {key: value for key, value in {**OPTIONS, **changes}.items() if value is not None}
    assert said in one_line(
        in_process("search", *[word for pair in options.items() for word in pair])
    )
    assert list(tmp_path.iterdir()) == []


def test_options_that_stand_against_the_file(config_file, in_process):
    line = one_line(in_process("search", config_file(), "--task", "digits"))
    assert "--task: stands in" in line


@pytest.mark.parametrize(
    "words", [["serach"], ["front"], ["hardware", "shwo", "rpi4"], ["front", "--jsn"]]
)
def test_what_is_no_command(words, in_process):
    assert "--help` shows what can be given" in one_line(in_process(*words))


@pytest.mark.parametrize(
    "words",
    [
        ["hardware", "show", "rpi44"],
        ["grid", "show", "frr"],
        ["space", "show", "mbcon"],
        ["task", "show", "digitss"],
    ],
)
def test_an_unknown_name_gets_the_nearest(words, in_process):
    assert "did you mean" in one_line(in_process(*words))


def test_init_writes_a_configuration_once(in_process, tmp_path):
    path = tmp_path / "config.yaml"
    done = in_process("init", path)
    assert done.returncode == 0
    assert f"carbon-nas search {path} --dry-run" in done.stdout
    assert read_config(path).task == "digits"
    path.write_text("mine")
    assert "is there already" in one_line(in_process("init", path))
    assert path.read_text() == "mine"
    one_line(in_process("init", tmp_path / "config.yaml" / "in-a-file"))


READING = ["status", "front", "select", "rescore", "report", "resume", "worker", "export"]


@pytest.fixture
def made_up(make_run, tmp_path):
    """A run folder with made-up errors."""
    return make_run(tmp_path / "run", count=4)


@pytest.mark.parametrize("name", READING)
def test_a_run_that_is_missing_or_damaged(name, made_up, in_process, tmp_path):
    assert "no such run folder" in one_line(in_process(name, tmp_path / "none"))
    assert "has no frozen.json" in one_line(in_process(name, tmp_path))
    (made_up.path / "frozen.json").write_text('{"format": 1')
    assert "frozen.json: is damaged" in one_line(in_process(name, made_up.path))
    (made_up.path / "frozen.json").write_text('{"format": 2}')
    assert "format 2 is not 1" in one_line(in_process(name, made_up.path))
    assert "no such run folder" in one_line(in_process("compare", tmp_path / "none", made_up.path))


@pytest.mark.parametrize("name", ["status", "front", "select", "rescore", "report"])
@pytest.mark.parametrize("part", ["result.json", "layers.json"])
def test_a_damaged_record_is_named(name, part, tiny_run, in_process, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "copy")
    path = next((tmp_path / "copy").glob(f"artifacts/*/{part}"))
    if not (path.parent / "result.json").exists():
        path = next((tmp_path / "copy").glob("artifacts/*/result.json")).with_name(part)
    path.write_text("")
    options = ["--grid", "fr"] if name == "rescore" else []
    line = one_line(in_process(name, tmp_path / "copy", *options))
    assert f"{path.parent.name}/{part}: is damaged" in line


def test_a_damaged_database_is_named(tiny_run, in_process, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "copy")
    (tmp_path / "copy" / "study.db").write_bytes(b"not a database" * 1000)
    for name in ("status", "resume"):
        assert "database" in one_line(in_process(name, tmp_path / "copy"))
    assert in_process("front", tmp_path / "copy").returncode == 0


def test_a_run_is_not_searched_over(tiny_run, in_process, tmp_path, config_file):
    before = (tiny_run / "config.yaml").read_text()
    line = one_line(in_process("search", config_file(), "--out", tiny_run))
    assert f"holds a run already; `carbon-nas resume {tiny_run}`" in line
    assert (tiny_run / "config.yaml").read_text() == before


def test_fronts_of_other_studies_are_not_compared(make_run, in_process, tmp_path, tiny_run):
    make_run(tmp_path / "other", count=2)
    line = one_line(in_process("compare", tiny_run, tmp_path / "other"))
    assert "demand" in line


def test_dry_run_starts_nothing(config_file, in_process, tmp_path):
    done = in_process("search", config_file(), "--dry-run", "--json", "--out", tmp_path / "run")
    found = json.loads(done.stdout)
    assert found["size"] > 100_000
    assert found["fits"][0]["deployment"] == "rpi4-fp32-fr"
    assert found["expected"]["seconds"] > 0
    assert not (tmp_path / "run").exists()
    text = in_process("search", config_file(), "--dry-run").stdout
    assert "rpi4-fp32-fr: " in text
    assert "macs" in text


def test_dry_run_refuses_as_search_does(config_file, in_process):
    line = one_line(in_process("search", config_file(constraints={"latency_s": 1e-9}), "--dry-run"))
    assert "latency_s" in line


def test_the_configuration_of_a_run_searches_again(tiny_run, in_process):
    config = tiny_run / "config.yaml"
    assert yaml.safe_load(config.read_text())["search"]["storage"] is None
    assert in_process("search", config, "--dry-run").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["hardware", "list"],
        ["hardware", "show", "rpi4"],
        ["grid", "list"],
        ["grid", "show", "fr"],
        ["space", "list"],
        ["space", "show", "mbconv"],
        ["task", "list"],
        ["task", "show", "digits"],
    ],
    ids=" ".join,
)
def test_lists_as_text_and_json(words, in_process):
    assert json.loads(in_process(*words, "--json").stdout)
    assert in_process(*words).stdout.strip()


def test_hardware_check(in_process, tmp_path):
    assert in_process("hardware", "check", "--all").returncode == 0
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    assert "mine.yaml: " in one_line(in_process("hardware", "check", tmp_path / "mine.yaml"))
    assert "no file given" in one_line(in_process("hardware", "check"))
