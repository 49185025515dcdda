"""`estimate --breakdown` and `--cheaper`, through the command."""

import json
import re

import pytest
from tiny_runs import one_line

from search_spaces import space

SMALL = space("mbconv").choose(lambda name, values: values[-1])
WHERE = ("--hardware", "rpi4:int8", "--grid", "fr", "--inferences", "1e8", "--lifetime-years", "4")
OF = ("--space", "mbconv", "--task", "digits", "--architecture", json.dumps(SMALL))


def test_the_breakdown_sums_to_the_estimate(in_process):
    (row,) = json.loads(in_process("estimate", *OF, *WHERE, "--breakdown", "--json").stdout)
    groups = row["breakdown"]
    assert [group["group"] for group in groups][:2] == ["convolution", "feed-forward"]
    assert sum(group["macs"] for group in groups) == row["macs"]
    assert sum(group["params"] for group in groups) == row["params"]
    assert sum(group["latency_s"] for group in groups) == pytest.approx(row["latency_s"])
    assert sum(group["latency_share"] for group in groups) == pytest.approx(1)


def test_the_tables_are_printed(in_process):
    text = in_process("estimate", *OF, *WHERE, "--breakdown", "--cheaper").stdout
    assert "rpi4-int8-fr, by operators:" in text
    assert "convolution" in text
    assert "cheaper by one change" in text
    assert "carbon saved" in text
    assert "and " in text
    assert "more; --json has all" in text


def test_every_cheaper_one_is_cheaper(in_process):
    (row,) = json.loads(in_process("estimate", *OF, *WHERE, "--cheaper", "--json").stdout)
    saved = [item["saved_gco2e"] for item in row["cheaper"]]
    assert saved == sorted(saved, reverse=True)
    assert saved[-1] > 0
    change = row["cheaper"][0]["changes"][0]
    assert SMALL[change["choice"]] == change["before"] != change["now"]


def test_a_candidate_of_a_run_has_neighbours_too(tiny_run, in_process):
    key = next((tiny_run / "artifacts").glob("*/result.json")).parent.name
    done = in_process("estimate", "--run", str(tiny_run), "--candidate", key, "--cheaper", "--json")
    rows = json.loads(done.stdout)
    assert any(row["cheaper"] for row in rows)


def test_a_text_network_is_read_with_its_vocabulary(in_process):
    gpt = space("gpt").choose(lambda name, values: values[0])
    given = ("--space", "gpt", "--task", "shakespeare", "--architecture", json.dumps(gpt))
    text = in_process("estimate", *given, *WHERE, "--breakdown").stdout
    assert "attention" in text
    assert "embedding" in text


def test_no_space_no_neighbours(in_process):
    said = one_line(in_process("estimate", *WHERE, "--cheaper"))
    assert "give --space, --task and --architecture" in said


@pytest.fixture
def file(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("Fold", ["r"], ["y"], domain="own"),
        ],
        "test",
        [helper.make_tensor_value_info("x", kind, ["batch", "length"])],
        [helper.make_tensor_value_info("y", kind, None)],
    )
    path = tmp_path / "made.onnx"
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), str(path))
    return path


def test_an_onnx_file_is_estimated_and_its_unknown_operators_named(file, in_process):
    done = in_process("estimate", file, *WHERE, "--size", "length=1000", "--breakdown")
    assert "lower bounds: own.Fold" in done.stderr
    assert "unknown" in done.stdout
    assert re.search(r"  MACs +0 +\(lower bound\)", done.stdout)
    assert re.search(r"  parameters .*\(exact\)", done.stdout)
    done = in_process("estimate", file, *WHERE, "--size", "length=1000", "--json")
    (row,) = json.loads(done.stdout)
    assert row["lower_bounds"] == ["macs"]
    (note,) = row["notes"]
    assert note.endswith("lower bounds: own.Fold")
    assert note in done.stderr


OWN = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)), torch.zeros(1, 20)

def alone():
    return nn.Linear(2, 2)

def broken():
    return 1 / 0
"""


@pytest.fixture
def own_module(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_a_module_of_ones_own_is_estimated(own_module, in_process):
    (row,) = json.loads(in_process("estimate", f"{own_module}:net", *WHERE, "--json").stdout)
    assert (row["macs"], row["params"]) == (20 * 30 + 30 * 5, 20 * 30 + 30 + 30 * 5 + 5)


def test_a_file_is_made_cheaper_by_narrower_widths(own_module, in_process):
    done = in_process("estimate", f"{own_module}:net", *WHERE, "--cheaper", "--json")
    (row,) = json.loads(done.stdout)
    nearest = [item["changes"][0] for item in row["cheaper"] if len(item["changes"]) == 1]
    assert {change["choice"] for change in nearest} == {"every width", "width of layer_0"}
    halves = [item for item in row["cheaper"] if item["architecture"]["width of layer_0"] == 15]
    assert halves[0]["macs"] == 20 * 15 + 15 * 5
    assert all(item["saved_gco2e"] > 0 for item in row["cheaper"])


def test_an_exported_program_is_estimated(tmp_path, in_process):
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)).eval()
    free = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net, (torch.zeros(2, 20),), dynamic_shapes=free)
    torch.export.save(program, tmp_path / "net.pt2")
    done = in_process("estimate", tmp_path / "net.pt2", *WHERE, "--json")
    (row,) = json.loads(done.stdout)
    assert (row["macs"], row["params"]) == (20 * 30 + 30 * 5, 20 * 30 + 30 + 30 * 5 + 5)
    assert done.stderr == ""
    assert row["notes"] == row["lower_bounds"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["FILE"], "has a free axis length; give its size, such as --size length=128"),
        (["FILE", "--size", "length"], "give AXIS=NUMBER"),
        (["FILE", "--space", "mbconv"], "give one of them"),
        (["no.txt"], "give FILE.onnx, FILE.pt2 or FILE.py:FUNCTION"),
        (["no.onnx"], "estimate: no file no.onnx; give the path of one"),
        (["no.pt2"], "estimate: no file no.pt2; give the path of one"),
        (["--size", "length=9"], "give a file"),
        (["no.py:net"], "give a Python file"),
        (["MADE.py:gone"], "has no 'gone'"),
        (["MADE.py:alone"], "gives Linear; return the module and samples for it"),
        (["MADE.py:broken"], "fails with ZeroDivisionError"),
        (["MADE.py:net", "--size", "length=9"], "leave it out"),
    ],
)
def test_files_are_refused_in_one_line(options, said, file, own_module, in_process):
    given = [str(file) if word == "FILE" else word for word in options]
    given = [word.replace("MADE.py", str(own_module)) for word in given]
    assert said in one_line(in_process("estimate", *given, *WHERE))


def test_a_device_without_a_bill_says_what_is_unknown_and_has_no_cheaper(in_process):
    where = [word.replace("rpi4:int8", "i9_10940x:fp32") for word in WHERE]
    text = in_process("estimate", *OF, *where).stdout
    assert "  unknown, since i9_10940x lacks bill_of_materials: embodied, carbon, " in text
    assert "operational carbon" in text
    assert "needs bill_of_materials" in one_line(in_process("estimate", *OF, *where, "--cheaper"))
