"""What is set for the whole process that torch runs in: its threads, and what becomes of memory."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nas.errors import ConfigError

__all__ = ["check_device", "keep_freed_memory", "sees_gpu", "torch_threads"]


def sees_gpu() -> bool:
    """Whether torch can train on a GPU here."""
    return torch.cuda.is_available()


def check_device(device: str) -> None:
    """Refuse a recipe's device that is not here.

    Raises:
        ConfigError: It is ``cuda``, and there is no GPU or torch is built without.
    """
    if device == "cuda" and not sees_gpu():
        raise ConfigError("recipe: device=cuda, and torch finds no GPU here; leave it out")


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def keep_freed_memory() -> None:
    """Keep glibc from handing every freed activation back to the kernel: 1.2x to 1.5x the speed.

    For training alone: a process that measures a deployed model does not ask for it.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            trim_threshold, mmap_threshold = -1, -3
            mallopt(mmap_threshold, 32 << 20)
            mallopt(trim_threshold, 2**31 - 1)
