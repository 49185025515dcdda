"""Weights as a file that nothing can execute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

__all__ = ["save_weights"]


def save_weights(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a `state_dict` as safetensors.

    Args:
        state: Tensors by name.
        path: The file.

    Raises:
        OSError: If the disk is full; safetensors' own writer raises an error of its own.
    """
    path.write_bytes(save({name: tensor.contiguous() for name, tensor in state.items()}))
