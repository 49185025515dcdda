"""Spaces and tasks of one's own through the command: bad ones are one line, and nothing is made."""

import json

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet
from tiny_runs import one_line, run_command

SPACE = """
import torch
from torch import nn
from search_spaces import Choice, SearchSpace

CALLS = []


class Net(nn.Module):
    def __init__(self, columns, width, outputs):
        super().__init__()
        self.first, self.act, self.last = (
            nn.Linear(columns, width), nn.ReLU(), nn.Linear(width, outputs)
        )

    def forward(self, x):
        return self.last(self.act(self.first(x)))


def build(architecture, input_shape, outputs, spec):
    return Net(input_shape[0], architecture["width"], outputs)


space = SearchSpace("mine", 1, "Mine", (Choice("width", (4, 6, 8)),), build, accepts=("table",))
"""
TASK = """
import numpy as np
from nas.models.own_tasks import Data
from search_spaces.specs import TableSpec

x, y = np.random.default_rng(0).normal(size=(60, 4)), np.repeat(["no", "yes"], 30)
task = Data(x, y)
"""
PLACES = [
    "--hardware", "rpi4", "--grid", "fr", "--inferences", "1e8", "--lifetime-years", "4",
]  # fmt: skip


@pytest.fixture
def search(in_process, tmp_path, monkeypatch):
    """A function: a search of these texts of a space and a task, or of the files there."""
    monkeypatch.chdir(tmp_path)

    def run(*options, space=SPACE, task=TASK, task_name="./task.py:task"):
        (tmp_path / "space.py").write_text(space)
        (tmp_path / "task.py").write_text(task)
        chosen = ["--space", "./space.py:space", "--task", task_name]
        return in_process("search", *chosen, *PLACES, "--out", tmp_path / "run", *options)

    return run


@pytest.fixture
def refused(search, tmp_path):
    """A function: the one line that such a search ends with, having made nothing."""

    def run(**changes):
        line = one_line(search(**changes))
        assert not (tmp_path / "run").exists()
        return line

    return run


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("nn.ReLU()", "nn.LeakyReLU()"), "leaky_relu"),
        (("nn.Linear(width, outputs)", "nn.Linear(width, 7)"), "its layers give (7,)"),
        (("nn.Linear(width, outputs)", "nn.Linear(9, outputs)"), "cannot be traced"),
        (
            ("return self.", "CALLS.append(1)\n        return len(CALLS) * self."),
            "outputs that differ",
        ),
        (("return Net(", "import sys; sys.exit(0); return Net("), "build fails with SystemExit: 0"),
        (("return Net(", "return ("), "got a tuple, return layers or an nn.Module"),
        (('("width", (4, 6, 8))', '("width", ())'), "width"),
        (("outputs, spec):", "outputs):"), "write build(architecture, input_shape, outputs, spec)"),
        (("import torch\n", "import sys\nsys.exit()\n"), "space.py: fails with SystemExit"),
        (("import torch\n", "import task\n"), "imports task.py beside it"),
        (("import torch\n", "import space\n"), "imports space.py beside it"),
        (("import torch\n", "def f(): f()\nf()\n"), "RecursionError"),
        (("import torch\n", "import torch torch\n"), "SyntaxError"),
    ],
)
def test_a_bad_space_is_refused(refused, change, said):
    assert said in refused(space=SPACE.replace(*change))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "y = np.where(np.arange(60) == 3, '', y); task = Data(x, y)",
            "1 of 60 labels are missing",
        ),
        ("x[7, 1] = np.nan", "1 of 60 samples hold NaN"),
        ("task = Data(x, np.zeros(60))", "the labels are of 1 class(es)"),
        ("task = Data(x[:4], y[-4:])", "the labels are of 1 class(es)"),
        ("task = Data(x, y, part=np.array(['train', 'test'] * 30))", "'validation' is empty"),
        (
            "task = Data([np.zeros((1, 8, 8)), np.zeros((1, 9, 8))], y[:2])",
            "samples differ in size",
        ),
        ("x[:, 3] = 1e9; task = Data(x, y, spec=TableSpec(3, (9,)))", "column 3 holds 1e+09"),
        ("task = Data(x, y, metric='F1')", "give accuracy or log-loss"),
        ("def task():\n    raise OSError('gone')", "task.py:task fails with OSError: gone"),
        ("def task():\n    import sys; sys.exit('bye')", "fails with SystemExit: bye"),
        ("task = x", "gives a ndarray, return nas.models.own_tasks.Data"),
    ],
)
def test_a_bad_task_is_refused(refused, more, said):
    assert said in refused(task=f"{TASK}\n{more}\n")


def images(folder):
    for name, count in (("cat", 6), ("dog", 6)):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            Image.new("L", (8, 8), 20 * index).save(folder / name / f"{index}.png")


def other_size(path):
    images(path)
    Image.new("L", (9, 8)).save(path / "dog" / "9.png")


def damaged(path):
    images(path)
    (path / "dog" / "9.png").write_bytes((path / "dog" / "1.png").read_bytes()[:50])


def one_class(path):
    images(path)
    (path / "dog").rename(path.with_name("elsewhere"))


def with_nulls(path):
    columns = {"a": [1, None] * 10, "label": ["x", "y"] * 10}
    parquet.write_table(pyarrow.table(columns), path)


def with_objects(path):
    with path.open("wb") as file:
        np.savez(file, x=np.array([{}] * 20, object), y=np.arange(20))


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("photos", other_size, "9.png: is 9x8 and 0.png is 8x8; make a copy"),
        ("photos", damaged, "dog/9.png: cannot be read"),
        ("photos", one_class, "the labels are of 1 class(es)"),
        ("photos", lambda path: path.mkdir(), "has no folder of images"),
        ("a.parquet", with_nulls, "column 'a' has 10 null(s)"),
        ("a.npz", with_objects, "Object arrays cannot be loaded"),
        ("a.csv", lambda path: path.write_text("a;b\n1;x\n"), "between semicolons"),
        ("a.csv", lambda path: path.write_text("a,a,b\n1,2,x\n"), "'a' is there twice"),
        ("a.csv", lambda path: path.touch(), "is empty"),
        ("a.txt", lambda path: path.write_text("short"), "has 5 characters"),
        ("a.jpg", lambda path: path.write_text("no"), "is of no known kind; give a .csv"),
        ("a.csv", lambda path: None, "no such file"),
    ],
)
def test_bad_data_without_code_are_refused(refused, tmp_path, name, make, said):
    make(tmp_path / name)
    assert said in refused(task_name=f"./{name}")


def test_prints_of_ones_own_files_do_not_mix_with_json(search):
    noisy = SPACE.replace("    return Net", "    print('building')\n    return Net")
    done = search("--dry-run", "--json", space=noisy, task=f"print('loading')\n{TASK}")
    assert json.loads(done.stdout)["size"] == 3
    assert {"building", "loading"} <= set(done.stderr.split())


def test_a_file_that_ends_the_program_does_not_end_ours(tmp_path):
    (tmp_path / "task.py").write_text("import sys\nsys.exit(0)\n")
    done = run_command("search", "--space", "mlp", "--task", tmp_path / "task.py:task", *PLACES)
    assert "fails with SystemExit: 0" in one_line(done)


def test_what_is_ones_own_is_shown(in_process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.py").write_text(SPACE)
    shown = json.loads(in_process("space", "show", "./space.py:space", "--json").stdout)
    assert (shown["name"], shown["architectures"]) == ("mine", 3)
    images(tmp_path / "photos")
    shown = json.loads(in_process("task", "show", "./photos", "--json").stdout)
    assert (shown["name"], shown["input_shape"]) == ("photos", [1, 8, 8])
    assert not {"spec", "parts"} & set(shown)
    assert "take it as it is" in one_line(in_process("task", "fetch", "./photos"))


def test_an_architecture_of_ones_own_is_estimated_and_made_cheaper(in_process, tmp_path):
    (tmp_path / "space.py").write_text(SPACE)
    (tmp_path / "task.py").write_text(TASK)
    chosen = ["--space", tmp_path / "space.py:space", "--task", tmp_path / "task.py:task"]
    wide = [*chosen, "--architecture", '{"width": 8}', *PLACES, "--cheaper", "--json"]
    [row] = json.loads(in_process("estimate", *wide).stdout)
    assert row["params"] == 4 * 8 + 8 + 8 * 2 + 2
    assert {change["architecture"]["width"] for change in row["cheaper"]} == {4, 6}


def test_effects_of_groups_without_groups_are_refused_at_launch(config_file, in_process, tmp_path):
    path = config_file(recipe={"group_effects": True})
    line = one_line(in_process("search", path, "--out", tmp_path / "run"))
    assert "digits: recipe: group_effects is for binary and regression tables with groups" in line
    assert not (tmp_path / "run").exists()


GROUPED = """
import numpy as np
from nas.models.own_tasks import Data

x, y = np.random.default_rng(0).normal(size=(600, 4)), np.repeat([0, 1], 300)
task = Data(x, y, kind="binary", metric="AUC", group=np.arange(600) % 60)
"""


def test_effects_of_groups_in_too_few_samples_are_refused_at_launch(
    config_file, in_process, tmp_path
):
    (tmp_path / "grouped.py").write_text(GROUPED)
    recipe = {"group_effects": True, "train_images": 40}
    path = config_file(task=f"{tmp_path}/grouped.py:task", space="mlp", recipe=recipe)
    line = one_line(in_process("search", path, "--out", tmp_path / "run"))
    assert "40 rows are of" in line
    assert "fewer than 5 a group do not tell an effect from noise; set it to false" in line
    assert not (tmp_path / "run").exists()
