"""A space and a task of one's own: searched, copied, and refused after a change."""

import json
import os

import pytest
import yaml
from PIL import Image

from nas.engine.config import read_config
from nas.engine.own_files import absolute, is_own, space_of, task_of
from nas.engine.plan import load_plan
from nas.engine.search import launch, supervise
from nas.errors import LayerError, RunError, SpaceError, TaskError
from nas.runs import open_run

SPACE = """
from torch import nn
from search_spaces import Choice, SearchSpace


def build(architecture, input_shape, outputs):
    width = architecture["width"]
    return nn.Sequential(
        nn.Conv2d(input_shape[0], width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs),
    )


space = SearchSpace("mine", 1, "Plain", (Choice("width", (4, 6, 8)),), build)
"""
TASK = """
from sklearn.datasets import load_digits
from nas.models.own_tasks import Data


def task():
    digits = load_digits()
    return Data(digits.images[:, None], digits.target % 2, kind="binary", label="Odd or even")
"""
CONFIG = {
    "task": "./my_task.py:task",
    "space": "./my_space.py:space",
    "demand": {"inferences": 1e8, "lifetime_years": 4},
    "deployments": [{"hardware": "rpi4", "grid": "fr"}],
    "recipe": {"epochs": 1, "threads": 1, "train_images": 256},
    "search": {"on": {"hardware": "rpi4", "grid": "fr"}, "workers": 1, "sampler": "random"},
    "budget": {"trainings": 2},
    "finalists": {"extra_seeds": 0, "at_most": 1},
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "my_space.py").write_text(SPACE)
    (tmp_path / "my_task.py").write_text(TASK)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def cheaper_widths(run, in_process):
    """A candidate's cheaper neighbours are the narrower ones of its own space."""
    for folder in run.artifacts.iterdir():
        width = json.loads((folder / "layers.json").read_text())["architecture"]["width"]
        options = ["--run", run.path, "--candidate", folder.name, "--cheaper", "--json"]
        [row] = json.loads(in_process("estimate", *options).stdout)
        near = {change["architecture"]["width"] for change in row["cheaper"]}
        assert near == {other for other in (4, 6, 8) if other < width}


def test_a_search_of_ones_own_space_and_task(files, in_process):
    run = launch(read_config(files / "config.yaml"), files / "run")
    assert (run.path / "own" / "my_space.py").read_text() == SPACE
    assert supervise(run, workers=1).finished
    candidates = run.candidates()
    assert set(candidates["status"]) == {"trained"}
    for folder in run.artifacts.iterdir():
        layers = json.loads((folder / "layers.json").read_text())["layers"]
        assert [row["op"] for row in layers][:2] == ["Input", "Conv2d"]
    assert not run.scores().empty
    cheaper_widths(run, in_process)
    (files / "my_task.py").write_text(TASK + "# changed\n")
    with pytest.raises(RunError, match=r"my_task\.py: has changed since the run was launched"):
        supervise(open_run(run.path), workers=1)
    (files / "my_task.py").unlink()
    load_plan(run)
    (run.path / "own" / "my_space.py").write_text(SPACE + "# changed\n")
    with pytest.raises(RunError, match=r"own/my_space\.py: has changed"):
        load_plan(open_run(run.path))


def test_a_folder_of_images_is_refused_after_a_change(files):
    for name in ("cat", "dog"):
        (files / "photos" / name).mkdir(parents=True)
        for index in range(5):
            Image.new("L", (8, 8), 9 * index).save(files / "photos" / name / f"{index}.png")
    (files / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "task": "./photos/"}))
    run = launch(read_config(files / "config.yaml"), files / "run")
    assert load_plan(run).task.classes == ("cat", "dog")
    (files / "photos" / "cat" / "0.png").rename(files / "photos" / "dog" / "9.png")
    for go_on in (lambda run: supervise(run, workers=1), load_plan):
        with pytest.raises(RunError, match="photos: has changed since the run was launched"):
            go_on(open_run(run.path))


def test_a_file_finds_data_beside_it_while_it_is_unchanged(files):
    text = TASK.replace("def task():", "from pathlib import Path\n\n\ndef task():\n    beside()")
    beside = "def beside():\n    return (Path(__file__).parent / 'rows.txt').read_text()\n"
    (files / "my_task.py").write_text(f"{text}\n\n{beside}")
    (files / "rows.txt").write_text("here")
    run = launch(read_config(files / "config.yaml"), files / "run")
    load_plan(run)
    (files / "my_task.py").write_text(TASK)
    with pytest.raises(TaskError, match="FileNotFoundError"):
        load_plan(run)


def test_layers_come_from_a_file_as_from_a_shipped_space(files):
    text = (
        "from search_spaces.mlp import SPACE\nimport dataclasses\n"
        "space = dataclasses.replace(SPACE, name='mine')\n"
    )
    (files / "plain.py").write_text(text)
    found = space_of(f"{files}/plain.py:space")
    architecture = found.validate({name.name: name.values[0] for name in found.choices})
    assert found.layers(architecture, (5,), 2)


def test_what_is_a_file_and_where():
    assert is_own("./my_space.py:space")
    assert is_own("table.csv")
    assert not is_own("mbconv")
    assert not is_own("fashion-mnist")


def test_paths_begin_beside_the_configuration(tmp_path):
    assert absolute("mbconv", tmp_path) == "mbconv"
    assert absolute("./a.py:space", tmp_path) == f"{tmp_path}/a.py:space"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (("nn.Linear(width, outputs)", "nn.Linear(9, outputs)"), SpaceError, "cannot be traced"),
        (("nn.Linear(width, outputs)", "nn.Linear(width, 7)"), SpaceError, r"its layers give \(7,"),
        (("nn.ReLU()", "nn.LeakyReLU()"), SpaceError, "leaky_relu.*no operation that can be built"),
        (('architecture["width"]', 'architecture["wide"]'), SpaceError, "KeyError: 'wide'"),
        (("return nn.Sequential(", "return (4, "), SpaceError, "got a tuple, return layers or an"),
    ],
)
def test_a_module_that_cannot_be_taken(files, change, error, said):
    (files / "my_space.py").write_text(SPACE.replace(*change))
    found = space_of(f"{files}/my_space.py:space")
    with pytest.raises(error, match=said) as caught:
        found.layers({"width": 4}, (1, 8, 8), 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("space = 3", "is a int, make it a search_spaces.SearchSpace"),
        ("import nowhere", "fails with ModuleNotFoundError"),
        ("other = 3", "has no 'space'"),
    ],
)
def test_a_file_that_holds_no_space(files, text, said):
    (files / "my_space.py").write_text(text)
    with pytest.raises(SpaceError, match=said):
        space_of(f"{files}/my_space.py:space")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task = 3", r"gives a int, return nas\.models\.own_tasks\.Data"),
        ("def task():\n    raise OSError('gone')", "fails with OSError: gone"),
    ],
)
def test_a_file_that_holds_no_task(files, text, said):
    (files / "my_task.py").write_text(text)
    with pytest.raises(TaskError, match=said):
        task_of(f"{files}/my_task.py:task")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(SpaceError, match="No such file"):
        space_of(f"{tmp_path}/none.py:space")
    with pytest.raises(TaskError, match="no such file"):
        task_of(f"{tmp_path}/none.csv")
    with pytest.raises(RunError, match="names no part of the file"):
        space_of(f"{tmp_path}/none.py")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(RunError, match="neither a file nor a folder"):
        task_of(f"{tmp_path}/pipe.csv")


def test_a_space_that_does_not_take_the_task(files):
    wrong = {**CONFIG, "task": "breast-cancer"}
    (files / "config.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(LayerError, match="is not an image"):
        launch(read_config(files / "config.yaml"), files / "run")
