"""ONNX files that lack something are read, or refused in one line."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import model_of, saved

from nas.errors import LayerError
from nas.models.onnx_reader import read_onnx
from search_spaces import parameter_count

FLOAT = TensorProto.FLOAT
INPUT = [("x", FLOAT, ["batch", 6])]


def relu(given="x", made="y"):
    return helper.make_node("Relu", [given], [made])


def cut_short():
    tensor = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2], raw_data=b"abc")
    model = model_of([helper.make_node("Reshape", ["x", "s"], ["y"])], INPUT)
    model.graph.initializer.append(tensor)
    return model


BROKEN = {
    "unknown input": (model_of([relu("gone")], INPUT), "reads 'gone', which nothing before it"),
    "cycle": (model_of([relu("y", "a"), relu("a")], INPUT), "reads 'y', which nothing before it"),
    "no output": (model_of([relu("x", "z")], INPUT), "output 'y' is given by no operator"),
    "short": (cut_short(), "s: its numbers cannot be read"),
    "constant reshape": (
        model_of(
            [helper.make_node("Reshape", ["c", "s"], ["r"]), relu()],
            INPUT,
            [("c", np.arange(6)), ("s", np.array([4, 4]))],
        ),
        "Reshape|reshape",
    ),
    "reshape": (
        model_of(
            [helper.make_node("Reshape", ["x", "s"], ["y"])], INPUT, [("s", np.array([5, 5]))]
        ),
        "of 6 elements to .5, 5., which has 25",
    ),
    "bare constant": (
        model_of([helper.make_node("Constant", [], ["c"]), relu()], INPUT),
        "Constant",
    ),
    "no window": (
        model_of([helper.make_node("MaxPool", ["x"], ["y"])], [("x", FLOAT, ["n", 1, 4, 4])]),
        "maxpool",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_one_line(name, tmp_path):
    model, said = BROKEN[name]
    with pytest.raises(LayerError, match=said) as caught:
        read_onnx(saved(model, tmp_path))
    assert "\n" not in str(caught.value)
    assert "made.onnx" in str(caught.value)


def test_a_size_of_no_axis_is_refused(tmp_path):
    path = saved(model_of([relu()], [("x", FLOAT, ["batch", "length"])]), tmp_path)
    with pytest.raises(LayerError, match="no free axis is called 'typo'; they are batch, length"):
        read_onnx(path, {"length": 3, "typo": 3})


def test_sparse_weights_are_read(tmp_path):
    def sparse(name):
        values = numpy_helper.from_array(np.ones(2, np.float32), name)
        return helper.make_sparse_tensor(
            values, numpy_helper.from_array(np.array([1, 8]), f"{name}_at"), [6, 7]
        )

    nodes = [
        helper.make_node("Constant", [], ["c"], sparse_value=sparse("v")),
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["x", "c"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    model = model_of(nodes, INPUT)
    model.graph.sparse_initializer.append(sparse("w"))
    found = read_onnx(saved(model, tmp_path))
    assert parameter_count(found.layers) == 84
    assert "w: is sparse, and counted with its zeros" in found.notes


@pytest.fixture
def beside(tmp_path):
    """Identifiers of places, looked up in a table, in a file beside; a shape in it too."""
    nodes = [
        helper.make_node("Gather", ["t", "p"], ["e"]),
        helper.make_node("Add", ["x", "e"], ["y"]),
    ]
    held = [("t", np.ones((512, 8), np.float32)), ("p", np.arange(512).reshape(1, 512))]
    model = model_of(nodes, [("x", FLOAT, ["batch", 512, 8])], held)
    path = tmp_path / "made.onnx"
    onnx.save_model(model, str(path), save_as_external_data=True, location="made.bin")
    return path


def test_numbers_beside_are_not_needed(beside):
    with_them = parameter_count(read_onnx(beside).layers)
    (beside.parent / "made.bin").unlink()
    assert parameter_count(read_onnx(beside).layers) == with_them == 512 * 8


def test_a_shape_beside_is_read_and_missed_in_one_line(tmp_path):
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    model = model_of(nodes, INPUT, [("s", np.array([1, 2, 3]))])
    path = tmp_path / "made.onnx"
    onnx.save_model(
        model, str(path), save_as_external_data=True, location="made.bin", size_threshold=0
    )
    assert read_onnx(path).unknown == ()
    (tmp_path / "made.bin").unlink()
    with pytest.raises(LayerError, match=r"needs the numbers of 's' in made.bin; put this file"):
        read_onnx(path)
