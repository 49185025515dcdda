"""Nodes of quantised and fused operators as the plain ones that do their products.

ONNX Runtime's quantiser writes its own operators; scales and zero points beside the tensors are a
few numbers, and are left out.
"""

from __future__ import annotations

import onnx
from onnx import helper

__all__ = ["make_plain"]

_DOMAINS = frozenset(("", "ai.onnx", "com.microsoft"))
_READ = {
    "QLinearConv": ("Conv", (0, 3, 8)),
    "ConvInteger": ("Conv", (0, 1)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "MatMulInteger": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1, 6)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1, 4)),
    "QGemm": ("Gemm", (0, 3, 6)),
    "DynamicQuantizeLSTM": ("LSTM", (0, 1, 2, 3, 4, 5, 6, 7)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "FusedConv": ("Conv", (0, 1, 2)),
}
"""The plain operator, and which inputs it reads."""
_DROPPED = frozenset(("activation", "activation_params", "opset", "channels_last"))


def make_plain(node: onnx.NodeProto) -> None:
    """Change a node of a quantised or fused operator to the plain one; others stay as they are."""
    if node.domain not in _DOMAINS:
        return
    told = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "QLinearConcat":
        _change(node, "Concat", list(node.input[2::3]))
    elif node.op_type == "FusedMatMul" and not {"transBatchA", "transBatchB"} & {
        name for name, value in told.items() if value
    }:
        left, right = ("...ji" if told.get("transA") else "...ij"), "...jk"
        right = "...kj" if told.get("transB") else right
        del node.attribute[:]
        plain = (left, right) == ("...ij", "...jk")
        _change(node, "MatMul" if plain else "Einsum", list(node.input))
        if not plain:
            node.attribute.append(helper.make_attribute("equation", f"{left},{right}->...ik"))
    elif node.op_type in _READ and not (node.op_type == "FusedConv" and len(node.input) > 3):
        kind, read = _READ[node.op_type]
        if told.get("channels_last"):
            return
        kept = [item for item in node.attribute if item.name not in _DROPPED]
        del node.attribute[:]
        node.attribute.extend(kept)
        _change(node, kind, [node.input[at] if at < len(node.input) else "" for at in read])


def _change(node: onnx.NodeProto, kind: str, inputs: list[str]) -> None:
    while inputs and not inputs[-1]:
        inputs.pop()
    del node.input[:]
    node.input.extend(inputs)
    node.op_type, node.domain = kind, ""
