"""int8 as it is deployed: ONNX Runtime static quantisation, and errors of ONNX files."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_state
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from torch import Tensor

from nas.errors import ExportError
from nas.models.metrics import error as error_of
from nas.models.onnx_graph import INPUT, export_onnx
from nas.models.tasks import Inputs, Splits, Targets, Task, normalise
from search_spaces.layers import Layer

__all__ = [
    "ONNX_FAULTS",
    "calibration_inputs",
    "int8_error",
    "onnx_error",
    "onnx_outputs",
    "onnx_session",
    "quantise_onnx",
]

# What ONNX Runtime raises for a model that it cannot load or run; they share no root of their own.
ONNX_FAULTS = (
    runtime_state.Fail,
    runtime_state.InvalidArgument,
    runtime_state.InvalidGraph,
    runtime_state.NotImplemented,
    runtime_state.RuntimeException,
)

_CALIBRATION_SAMPLES = 256
_LOAD_ERRORS = (
    runtime_state.Fail,
    runtime_state.InvalidGraph,
    runtime_state.InvalidProtobuf,
    runtime_state.NoSuchFile,
)
_BATCH = 64


def calibration_inputs(splits: Splits) -> NDArray[np.float32]:
    """The 256 samples that set the int8 ranges, normalised, (256, *input shape).

    They are the first of the training split, whose order is fixed.
    """
    return normalise(splits.train_x[:_CALIBRATION_SAMPLES], splits)


def quantise_onnx(
    float_path: str | Path, int8_path: str | Path, calibration_x: NDArray[np.float32]
) -> None:
    """Quantise weights and activations of an ONNX file to int8.

    Signed 8-bit QDQ; weights per channel and symmetric, activations per tensor with ranges from
    the smallest and largest value seen.

    Args:
        float_path: A file of `nas.models.onnx_graph.export_onnx`.
        int8_path: The file to write.
        calibration_x: Normalised inputs, as of `calibration_images`.

    Source:
        ONNX Runtime documentation, "Quantize ONNX models", static quantisation.
    """
    model = onnx.load(str(float_path))
    # The mask of a causal attention would be the range of its scores: those stay float.
    hidden = {node.name for node in model.graph.node if node.name.endswith(".masked")}
    # These say that shapes are inferred and layers fused, which export_onnx has done.
    for key in ("onnx.infer", "onnx.quant.pre_process"):
        model.metadata_props.add(key=key, value="onnxruntime.quant")
    with _no_warnings():
        quantize_static(
            model,
            str(int8_path),
            _Reader(calibration_x),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[n.name for n in model.graph.node if hidden & {n.name, *n.input}],
        )
    _cut_at_zero(model, Path(int8_path))


def _cut_at_zero(model: onnx.ModelProto, int8_path: Path) -> None:
    """Give what no calibration sample got through a ReLU the zero point of any other ReLU.

    The quantiser takes a ReLU out, as rounding to a range that begins at zero cuts what is below.
    Of a ReLU that let nothing through it makes that range symmetric, and negative values pass.
    """
    outputs = {n.output[0] for n in model.graph.node if n.op_type in ("Relu", "Clip")}
    quantised = onnx.load(str(int8_path))
    passed = [
        point
        for point in quantised.graph.initializer
        if point.name.removesuffix("_zero_point") in outputs
        and point.data_type == onnx.TensorProto.INT8
        and onnx.numpy_helper.to_array(point) == 0
    ]
    for point in passed:
        least = np.full(tuple(point.dims), np.iinfo(np.int8).min, np.int8)
        point.CopyFrom(onnx.numpy_helper.from_array(least, point.name))
    if passed:
        onnx.save(quantised, str(int8_path))


@contextmanager
def _no_warnings() -> Iterator[None]:
    """The quantiser warns of every weight with one axis, which gets one range for all of it."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def onnx_session(path: str | Path) -> Any:
    """An ONNX Runtime session on one CPU thread.

    Raises:
        ExportError: If the file cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _LOAD_ERRORS as error:
        raise ExportError(f"onnx: {path}: {error}; export the model again") from error


def onnx_outputs(path: str | Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs of an ONNX file for normalised inputs: (N, *output shape)."""
    session = onnx_session(path)
    parts = [
        session.run(None, {INPUT: x[start : start + _BATCH]})[0]
        for start in range(0, len(x), _BATCH)
    ]
    return np.concatenate(parts)


def onnx_error(path: str | Path, task: Task, x: Inputs, y: Targets, splits: Splits) -> float:
    """The task's error of an ONNX file on raw inputs.

    Args:
        path: The file.
        task: The task.
        x: Raw inputs, (N, *input shape).
        y: What is right for them.
        splits: The data whose mean and deviation the network was trained with.
    """
    return error_of(task, onnx_outputs(path, normalise(x, splits)), y, splits)


def int8_error(
    layers: Sequence[Layer], state: Mapping[str, Tensor], task: Task, splits: Splits
) -> float:
    """Validation error after quantisation to int8, of the file that an export would write.

    Args:
        layers: A network in topological order.
        state: Its weights.
        task: The task.
        splits: Data for the ranges (training) and the error (validation).
    """
    with tempfile.TemporaryDirectory() as folder:
        float_path, int8_path = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        export_onnx(layers, state, float_path)
        quantise_onnx(float_path, int8_path, calibration_inputs(splits))
        return onnx_error(int8_path, task, splits.validation_x, splits.validation_y, splits)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, x: NDArray[np.float32]) -> None:
        self.batches = iter([x[start : start + _BATCH] for start in range(0, len(x), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}
