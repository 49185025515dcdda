"""What tests of ONNX files share."""

import onnx
from onnx import TensorProto, helper, numpy_helper


def model_of(nodes, inputs, initialisers=(), output="y"):
    """A file of nodes, of inputs (name, type, shape) and of named arrays."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in initialisers],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets)


def saved(model, tmp_path):
    """The path of a model written down."""
    path = tmp_path / "made.onnx"
    onnx.save(model, str(path))
    return path
