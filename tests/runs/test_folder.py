"""Run folders: made whole or not at all, and opened only if they are whole."""

import json
import resource
import shutil
import subprocess
import sys

import pytest

from nas.errors import RunError, StorageError
from nas.runs import FORMAT, create_run, open_run


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "made", count=3)


@pytest.fixture
def copy(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "copy")
    return tmp_path / "copy"


def refusal(path):
    with pytest.raises(RunError) as caught:
        open_run(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_is_opened_as_it_was_made(run):
    opened = open_run(run.path)
    assert opened.config == {"task": "digits", "space": "mbconv"}
    assert opened.frozen == run.frozen
    assert opened.study == run.study
    assert opened.deployments == run.deployments
    assert opened.objectives == ("error", "latency", "carbon")
    assert opened.database_url == f"sqlite:///{run.path / 'study.db'}"
    assert opened.environment["packages"]["optuna"]
    assert opened.spent() is None


def test_reading_a_run_loads_neither_torch_nor_optuna(run):
    program = (
        "import sys\nfrom nas.runs import open_run\n"
        f"run = open_run({str(run.path)!r})\nrun.candidates(), run.scores(), run.study\n"
        "print(sorted({'torch', 'optuna', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_missing_folder(tmp_path):
    assert "no such run folder; `carbon-nas search` makes one" in refusal(tmp_path / "none")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert "no such run folder" in refusal(tmp_path / "file")


def test_some_other_folder(tmp_path):
    assert "has no frozen.json" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "\0"])
def test_damaged_facts(content, copy):
    (copy / "frozen.json").write_text(content)
    assert "frozen.json: is damaged" in refusal(copy)


@pytest.mark.parametrize("other", [FORMAT + 1, "1", None])
def test_another_format(other, copy):
    path = copy / "frozen.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": other}))
    assert f"format {other!r} is not {FORMAT}; open it with the carbon-nas" in refusal(copy)


def test_facts_that_are_no_mapping(copy):
    (copy / "frozen.json").write_text("[]")
    assert "format None is not 1" in refusal(copy)


@pytest.mark.parametrize("key", ["study", "deployments", "constraints", "search"])
def test_facts_that_lack_a_key(key, copy):
    path = copy / "frozen.json"
    facts = json.loads(path.read_text())
    del facts[key]
    path.write_text(json.dumps(facts))
    assert f"frozen.json: is damaged, {key!r} is gone; restore it" in refusal(copy)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("task", {}, "'task.name' is gone"),
        ("task", "digits", "task is not a mapping"),
        ("space", {"name": "mbconv"}, "'space.label' is gone"),
        ("search", {}, "'search.sampler' is gone"),
        ("budget", {}, "'budget.trainings' is gone"),
        ("finalists", [], "finalists is not a mapping"),
        ("study", {}, "'study.demand' is gone"),
        ("constraints", None, "constraints is not a mapping"),
        ("recipe", [], "recipe is not a mapping"),
        ("deployments", [], "'deployments' is not a list of at least one"),
        ("deployments", [1], "deployments[0] is not a mapping"),
        ("objectives", "error", "'objectives' is not a list"),
        ("ideal", [], "'ideal' is not one number an objective"),
        ("reference", [1.0, "x", 2.0], "'reference' is not one number an objective"),
    ],
)
def test_facts_that_are_emptied(key, value, said, copy):
    path = copy / "frozen.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert f"frozen.json: is damaged, {said}" in refusal(copy)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "'seconds' is gone"),
        ("[]", "it is not a mapping"),
        ('{"seconds": 1, "energy_j": null, "gco2e": 2}', "'energy_j' is not a number"),
        ("{", "is damaged"),
    ],
)
def test_what_was_spent_is_damaged(content, said, copy):
    (copy / "spent.json").write_text(content)
    with pytest.raises(RunError, match=said):
        open_run(copy).spent()


def test_a_configuration_that_is_gone_or_damaged(copy):
    (copy / "config.yaml").write_text("task: [")
    assert "config.yaml: is damaged" in refusal(copy)
    (copy / "config.yaml").write_bytes(b"\xff\xfe\x00")
    assert "config.yaml: is damaged" in refusal(copy)
    (copy / "config.yaml").write_text("")
    assert "config.yaml: is damaged, it holds no keys" in refusal(copy)
    (copy / "config.yaml").unlink()
    assert "config.yaml: is missing; restore it" in refusal(copy)


def facts(run):
    return {key: value for key, value in run.frozen.items() if key != "format"}


def test_a_run_is_not_made_over_another(run):
    with pytest.raises(RunError, match="holds a run already; `carbon-nas resume"):
        create_run(run.path, "task: x\n", facts(run))
    assert open_run(run.path).config["task"] == "digits"


def test_a_run_is_not_made_among_other_files(run, tmp_path):
    (tmp_path / "config.yaml").write_text("mine")
    with pytest.raises(RunError, match="exists and is not empty"):
        create_run(tmp_path, "task: x\n", facts(run))
    assert (tmp_path / "config.yaml").read_text() == "mine"


def test_a_run_is_not_made_over_a_file(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="exists and is not empty"):
        create_run(tmp_path / "file", "task: x\n", facts(run))


def test_an_empty_folder_becomes_a_run(run, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    create_run(tmp_path / "empty", "task: x\n", facts(run))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    create_run(".", "task: x\n", facts(run))
    assert open_run(tmp_path / "here").config == {"task": "x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "here"]


def test_on_a_full_disk_no_half_run_is_left(run, tmp_path):
    facts_file = tmp_path / "facts.json"
    facts_file.write_text(json.dumps(facts(run)))
    program = (
        "import json\nfrom pathlib import Path\nfrom nas.errors import StorageError\n"
        "from nas.runs import create_run\n"
        f"facts = json.loads(Path({str(facts_file)!r}).read_text())\n"
        f"try: create_run({str(tmp_path / 'run')!r}, 'task: x', facts)\n"
        "except StorageError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.stderr == ""
    assert done.stdout == (
        f"{tmp_path / 'run'}: could not be made: File too large; "
        "free some space or name another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["facts.json"]


def test_a_folder_that_cannot_be_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be made: Not a directory"):
        create_run(tmp_path / "file" / "run", "task: x\n", facts(run))
