"""Works whose rates are a device's peaks: products by precision, and copies by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

__all__ = ["PRODUCTS", "Peak", "copies", "finished", "int8_product", "products"]

_MATRIX = 1024
_GPU_MATRIX = 8192
PRODUCTS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
Peak = tuple[str, Callable[[], Any], float]


def finished(work: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """The work with what it started on a GPU, as a function that returns when all is done.

    Args:
        work: A function without arguments.
        device: Where it computes.
    """
    if device.type != "cuda":
        return work

    def run() -> None:
        work()
        torch.cuda.synchronize(device)

    return run


def products(names: tuple[str, ...], device: torch.device) -> Iterator[Peak]:
    """Products of square matrices.

    Args:
        names: Of `PRODUCTS`.
        device: Where they compute.

    Yields:
        Name, work and its MACs.
    """
    size = _GPU_MATRIX if device.type == "cuda" else _MATRIX
    for name in names:
        square = torch.ones(size, size, dtype=PRODUCTS[name], device=device)
        yield name, finished(partial(torch.mm, square, square), device), float(size**3)


def int8_product(threads: int) -> Peak:
    """The product of square matrices in int8 by ONNX Runtime on the CPU, as int8 models run.

    Args:
        threads: Of the session, >= 1.
    """
    a, y = (
        onnx.helper.make_tensor_value_info(name, kind, [_MATRIX, _MATRIX])
        for name, kind in (("a", onnx.TensorProto.UINT8), ("y", onnx.TensorProto.INT32))
    )
    weights = onnx.numpy_helper.from_array(np.ones((_MATRIX, _MATRIX), np.int8), "b")
    node = onnx.helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    graph = onnx.helper.make_graph([node], "product", [a], [y], [weights])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {"a": np.ones((_MATRIX, _MATRIX), np.uint8)}
    return "int8", partial(session.run, None, feed), float(_MATRIX**3)


def copies(sizes: dict[str, int], device: torch.device) -> Iterator[Peak]:
    """Copies of arrays.

    Args:
        sizes: Bytes of an array by name.
        device: Where they lie.

    Yields:
        Name, work and the bytes that it reads and writes.
    """
    for name, size in sizes.items():
        source = torch.zeros(size // 4, device=device)
        target = torch.empty_like(source)
        yield name, finished(partial(target.copy_, source), device), 2.0 * size
