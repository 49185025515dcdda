"""Workers of a search on processor cores of their own."""

from __future__ import annotations

import os
from collections.abc import Collection

import psutil

__all__ = ["cores_of", "pin"]


def cores_of(slot: int, workers: int, threads: int, usable: Collection[int]) -> set[int] | None:
    """The cores of one worker, where the workers' threads are as many as the cores.

    Args:
        slot: Which worker, from 0.
        workers: How many there are.
        threads: Of each.
        usable: Numbers of the cores that this process may use.

    Returns:
        As many as it has threads, no other worker's; None where cores are shared or left over, and
        the system places threads better.
    """
    if workers * threads != len(usable):
        return None
    return set(sorted(usable)[slot * threads : (slot + 1) * threads])


def pin(pid: int, slot: int, workers: int, threads: int) -> None:
    """Keep a worker on its `cores_of`; nothing where the system cannot, or the worker has ended."""
    if not hasattr(os, "sched_getaffinity"):
        return
    usable = os.sched_getaffinity(0)
    cores = cores_of(slot, workers, threads, usable)
    if cores is None:
        return
    try:
        psutil.Process(pid).cpu_affinity(sorted(cores))
    except psutil.Error:
        return
