"""Latency of an ONNX file on this machine, one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from nas.models.onnx_graph import INPUT
from nas.models.quantise import onnx_session

__all__ = ["Latency", "measure_onnx_latency_s"]


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of repeated runs of one batch.

    Attributes:
        median_s: Median time.
        p10_s: Tenth percentile: the steadier figure on a machine with other work.
        spread: (90th - 10th percentile) / median.
        repeats: Number of timed runs.
        batch: Samples in a run.
        runtime: What ran it.
    """

    median_s: float
    p10_s: float
    spread: float
    repeats: int
    batch: int
    runtime: str


def measure_onnx_latency_s(
    path: str | Path, *, repeats: int = 200, warmup: int = 20, batch: int = 1
) -> Latency:
    """Time an ONNX file in ONNX Runtime on one CPU thread of this machine.

    Args:
        path: A file of `nas.models.onnx_graph.export_onnx` or its quantised form.
        repeats: Timed runs, >= 1.
        warmup: Runs before them.
        batch: Samples in a run, >= 1.

    Raises:
        ExportError: If the file cannot be loaded.
        ValueError: If repeats or batch is below 1.
    """
    if repeats < 1 or batch < 1:
        raise ValueError(f"latency: repeats={repeats}, batch={batch}; give at least 1 of each")
    session = onnx_session(path)
    shape = session.get_inputs()[0].shape[1:]
    feed = {INPUT: np.random.default_rng(0).standard_normal((batch, *shape), np.float32)}
    for _ in range(warmup):
        session.run(None, feed)
    times = np.empty(repeats)
    for index in range(repeats):
        began = time.perf_counter()
        session.run(None, feed)
        times[index] = time.perf_counter() - began
    p10, median, p90 = (float(value) for value in np.percentile(times, (10, 50, 90)))
    return Latency(
        median_s=median,
        p10_s=p10,
        spread=(p90 - p10) / median,
        repeats=repeats,
        batch=batch,
        runtime=f"ONNX Runtime {onnxruntime.__version__}, CPU, 1 thread",
    )
