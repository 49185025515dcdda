"""A training that stopped after an epoch, and what it takes to go on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from nas.errors import RunError

__all__ = ["Checkpoint", "checkpoint_of", "read_checkpoint", "restore", "write_checkpoint"]

_MODEL, _OPTIMISER, _GENERATOR, _CURVE = "model.", "optimiser.", "generator", "curve"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What the epochs to come depend on besides layers, task, data, recipe, seed and their end.

    Attributes:
        curve: Rows ``(epoch, loss, validation error, seconds)`` of the epochs so far, 1 or more.
        tensors: Of the module, the optimiser and the source of chance, by name.
    """

    curve: tuple[tuple[int, float, float, float], ...]
    tensors: dict[str, Tensor]


def checkpoint_of(
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    curve: tuple[tuple[int, float, float, float], ...],
) -> Checkpoint:
    """Copy what a training needs to go on."""
    tensors = {_MODEL + name: value for name, value in module.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"{_OPTIMISER}{index}.{name}": value for name, value in values.items()}
    copied = {name: value.detach().clone() for name, value in tensors.items()}
    return Checkpoint(curve, {**copied, _GENERATOR: generator.get_state()})


def restore(
    checkpoint: Checkpoint,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> None:
    """Put a fresh training where the checkpoint was taken; learning rates are the caller's.

    Raises:
        RunError: If the checkpoint is of another network or optimiser.
    """
    parts: dict[str, dict[str, Tensor]] = {_MODEL: {}, _OPTIMISER: {}}
    for name, value in checkpoint.tensors.items():
        for part, found in parts.items():
            if name.startswith(part):
                found[name.removeprefix(part)] = value
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    try:
        module.load_state_dict(parts[_MODEL])
        for name, value in parts[_OPTIMISER].items():
            index, _, key = name.partition(".")
            parameter = parameters[int(index)]
            # In the parameter's own order of memory, or the fused step would mix elements up.
            held = torch.empty_like(parameter) if value.dim() else torch.empty_like(value)
            optimiser.state[parameter][key] = held.copy_(value).detach()
        generator.set_state(checkpoint.tensors[_GENERATOR])
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"checkpoint: does not fit the training: {reason}; delete it") from None


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint as safetensors.

    Raises:
        OSError: If the disk is full.
    """
    tensors = {name: value.contiguous() for name, value in checkpoint.tensors.items()}
    path.write_bytes(save(tensors, metadata={_CURVE: json.dumps(checkpoint.curve)}))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        data = path.read_bytes()
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        curve = tuple(
            (int(epoch), float(loss), float(error), float(seconds))
            for epoch, loss, error, seconds in json.loads(metadata[_CURVE])
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path}: cannot be read ({type(error).__name__}); delete the candidate's folder, "
            "then `carbon-nas resume`"
        ) from None
    return Checkpoint(curve, tensors)
