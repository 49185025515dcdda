"""A GPU of this machine as a device: rates and bandwidth by PyTorch, power by its own counter."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import torch

from hardware_profiles.catalog import profile_from_dict
from hardware_profiles.figure import Figure
from nas.errors import HardwareError
from nas.models import board
from nas.models.peaks import PRODUCTS, copies, products
from nas.models.power import gpu_power_w
from nas.models.profiling import Measured, Model, rate_figure, times_in
from nas.models.single_layers import chains, dispatch_figure, layer_rows

__all__ = ["gpu_device", "measured_gpu"]

_COPY_BYTES = {"memory": 2**29}
_CPU_BYTES = {"memory": 2**24}
_REST_S = 2.0


def gpu_device() -> torch.device:
    """The GPU that PyTorch would use.

    Raises:
        HardwareError: If there is none.
    """
    if not torch.cuda.is_available():
        raise HardwareError(
            "--device cuda: PyTorch finds no CUDA device here; measure on a machine with one and a"
            " CUDA build of torch, or take --device cpu"
        )
    return torch.device("cuda", torch.cuda.current_device())


def measured_gpu(device: torch.device, rounds: int, name: str) -> Measured:
    """The profile of a GPU: rates, bandwidth, dispatch; what is not measured is its kind's.

    Powers are those of the card by nvidia-smi; None where that does not tell.

    Args:
        device: As `gpu_device` gives it.
        rounds: Timings of each figure, >= 2.
        name: Of the profile, which is that of its file.

    Raises:
        HardwareError: If the name is none of a profile, or no dispatch time could be told.
    """
    label, limit_bytes = _described(device)
    time.sleep(_REST_S)
    rest_w = gpu_power_w(device.index or 0)
    sizes = _COPY_BYTES if device.type == "cuda" else _CPU_BYTES
    works = [*products(tuple(PRODUCTS), device), *copies(sizes, device)]
    seen = board.timings([work for _, work, _ in works], rounds, 0)
    busy_w = _power_under(works[1][1], device)
    layers = [Model("", "", {}, network) for network in chains()]
    took = times_in("pytorch", layers, [], threads=1, rounds=rounds, device=device.type)
    when = datetime.now(UTC).date().isoformat()
    ran = f"PyTorch {torch.__version__}, {label}, {when}"
    rates = np.array([amount for _, _, amount in works]) / seen
    figures = {
        key: rate_figure(column, ran) for (key, _, _), column in zip(works, rates.T, strict=True)
    }
    content = {
        "name": name,
        "label": label,
        "kind": "gpu",
        "macs_per_s": {precision: figures[precision] for precision in PRODUCTS},
        "memory_bytes_per_s": figures["memory"],
        "dispatch_s": dispatch_figure(took.seen, f"{took.ran}, {when}").model_dump(mode="json"),
        "memory_limit_bytes": _measured(float(limit_bytes), f"PyTorch, {label}"),
        "notes": "Efficiencies and what is around the card are those of its kind.",
    }
    if rest_w is not None and busy_w is not None:
        content["tdp_w"] = _measured(max(rest_w, busy_w), f"nvidia-smi, products, {when}")
        content["notes"] = f"{content['notes']} The card alone drew {rest_w:.1f} W at rest."
    profile = profile_from_dict(content, origin=f"{name}.yaml")
    return Measured(profile, board.disagreement(seen), layer_rows(took.seen, took.ran))


def _described(device: torch.device) -> tuple[str, int]:
    if device.type != "cuda":
        return "processor in place of a GPU", 2**30
    facts = torch.cuda.get_device_properties(device)
    return str(facts.name), int(facts.total_memory)


def _power_under(work: object, device: torch.device) -> float | None:
    """Power of a card while it works for some seconds; None where it does not tell."""
    if device.type != "cuda" or not callable(work):
        return None
    until = time.perf_counter() + _REST_S
    while time.perf_counter() < until:
        work()
    product = torch.ones(8192, 8192, device=device, dtype=torch.float16)
    for _ in range(200):  # queued, so that the counter is read while the card works
        torch.mm(product, product)
    watts = gpu_power_w(device.index or 0)
    torch.cuda.synchronize(device)
    return watts


def _measured(value: float, source: str) -> dict[str, object]:
    return Figure(value=value, basis="measured", source=source).model_dump(mode="json")
