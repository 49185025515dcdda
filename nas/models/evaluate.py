"""Validation error of a trained candidate in each precision a deployment may use."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from nas.models.build import build
from nas.models.metrics import error as error_of
from nas.models.quantise import ONNX_FAULTS, int8_error
from nas.models.tasks import Splits, Task
from nas.models.train import predict
from search_spaces.layers import Layer

__all__ = ["errors_by_precision"]

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def errors_by_precision(
    state: Mapping[str, Tensor],
    layers: Sequence[Layer],
    task: Task,
    splits: Splits,
    precisions: Iterable[str],
) -> dict[str, float | None]:
    """Validation error in each of the precisions.

    ``fp32``, ``bf16`` and ``fp16`` run torch's kernels of that type on this processor; ``int8`` is
    ONNX Runtime's static quantisation, the same function as in an export.

    Args:
        state: Weights of `nas.models.train.Training.state`.
        layers: The layers they belong to.
        task: The task.
        splits: Its data; int8 takes its ranges from the training data.
        precisions: Which ones.

    Returns:
        For each precision the error, or None where it cannot be measured here: torch
        has no kernel for it, or the weights do not quantise.
    """
    errors: dict[str, float | None] = {}
    for precision in precisions:
        if precision == "int8":
            errors[precision] = _int8_error(state, layers, task, splits)
        elif precision in _TYPES:
            errors[precision] = _torch_error(state, layers, task, splits, _TYPES[precision])
        else:
            errors[precision] = None
    return errors


def _int8_error(
    state: Mapping[str, Tensor], layers: Sequence[Layer], task: Task, splits: Splits
) -> float | None:
    try:
        return _finite(int8_error(layers, state, task, splits))
    except (AssertionError, ValueError, *ONNX_FAULTS):
        return None  # ranges that are not finite, or scales of zero


def _torch_error(
    state: Mapping[str, Tensor],
    layers: Sequence[Layer],
    task: Task,
    splits: Splits,
    dtype: torch.dtype,
) -> float | None:
    module = build(layers)
    module.load_state_dict(dict(state))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        outputs = predict(module, splits.validation_x, splits, dtype=dtype)
    except RuntimeError:
        if dtype is torch.float32:
            raise
        return None  # torch has no kernel of this type for this processor
    return _finite(error_of(task, outputs, splits.validation_y, splits))


def _finite(error: float) -> float | None:
    return error if math.isfinite(error) else None  # overflowed in this precision
