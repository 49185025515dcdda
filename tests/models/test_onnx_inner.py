"""Graphs within operators, and functions of a file's own: nothing in them is passed over."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import model_of, saved

from nas.cost.workload import workload
from nas.models.onnx_reader import read_onnx
from search_spaces import parameter_count

FLOAT = TensorProto.FLOAT
INPUT = [("x", FLOAT, ["batch", 6])]


def branch(name, *, own):
    """Of y = x w, whose w it holds or reads from around it."""
    weight = numpy_helper.from_array(np.ones((6, 7), np.float32), name)
    return helper.make_graph(
        [helper.make_node("MatMul", ["x", name], [f"{name}_y"])],
        name,
        [],
        [helper.make_tensor_value_info(f"{name}_y", FLOAT, ["batch", 7])],
        [weight] if own else [],
    )


def test_weights_within_branches_are_counted_and_said(tmp_path):
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["yes"], to=TensorProto.BOOL),
        helper.make_node(
            "If",
            ["yes"],
            ["z"],
            then_branch=branch("a", own=True),
            else_branch=branch("b", own=False),
        ),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    found = read_onnx(saved(model_of(nodes, INPUT, [("b", np.ones((6, 7), np.float32))]), tmp_path))
    assert found.unknown == ("If",)
    assert parameter_count(found.layers) == 2 * 6 * 7
    (note,) = found.notes
    assert note.startswith("If: its inner operators are not followed")
    assert found.layers[-1].op.output_shape((7,)) == (7,)


def test_a_constant_condition_is_no_reason_to_fail(tmp_path):
    branches = {"then_branch": branch("a", own=True), "else_branch": branch("b", own=True)}
    nodes = [helper.make_node("If", ["yes"], ["y"], **branches)]
    found = read_onnx(saved(model_of(nodes, INPUT, [("yes", np.array(True))]), tmp_path))
    assert (found.unknown, parameter_count(found.layers)) == (("If",), 84)


@pytest.mark.parametrize("kind", ["Loop", "Scan"])
def test_loops_are_named(kind, tmp_path):
    state = [helper.make_tensor_value_info("s", FLOAT, ["batch", 6])]
    rest = [helper.make_tensor_value_info("t", FLOAT, ["batch", 6])]
    counted = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ]
    nodes = [helper.make_node("MatMul", ["s", "w"], ["t"])]
    weight = numpy_helper.from_array(np.ones((6, 6), np.float32), "w")
    loop = kind == "Loop"
    body = helper.make_graph(
        nodes,
        "body",
        [*counted, *state] if loop else state,
        [counted[1], *rest] if loop else rest,
        [weight],
    )
    given, told = (["", "", "x"], {}) if loop else (["x"], {"num_scan_inputs": 0})
    made = [helper.make_node(kind, given, ["y"], body=body, **told)]
    found = read_onnx(saved(model_of(made, INPUT), tmp_path))
    assert (found.unknown, parameter_count(found.layers)) == ((kind,), 36)


def test_functions_of_the_file_are_read(tmp_path):
    model = model_of([helper.make_node("Mine", ["x", "w"], ["y"], domain="own")], INPUT,
                     [("w", np.ones((6, 7), np.float32))])  # fmt: skip
    nodes = [helper.make_node("MatMul", ["a", "b"], ["c"])]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Mine", ["a", "b"], ["c"], nodes, opsets))
    found = read_onnx(saved(model, tmp_path))
    assert (found.unknown, workload(found.layers).total_macs) == ((), 42)
