"""This machine as a device: counted and measured where possible, assumed from servers elsewhere."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np

from hardware_profiles.figure import Figure
from hardware_profiles.materials import BillOfMaterials, Die, Memory, Part
from hardware_profiles.profile import HardwareProfile, LayerKind, Precision

__all__ = ["detect_host", "host_cores"]

# Larger products would start threads of the BLAS library inside our own threads.
_MATRIX = 64
_STACK = 64
_COPY_BYTES = 32 * 2**20
_ROUNDS = 3
_ROUND_S = 0.05
_FIT = (
    "fitted to timm on an i7-12700H, fp32, batch 1 (huggingface/pytorch-image-models@aa4b5850),"
    " within 0.68 to 1.21 times, taking 0.4 TMAC/s as its matrix product"
)
_ACT = "default of ACT v1 (alugupta/ACT@755bd52a, MIT)"
# Word for word as the shipped devices have them, with which they are drawn as one figure.
_YIELD = (
    f"{_ACT}, whatever the die; low and high assumed: 0.36 and 0.05 faults per cm2, of a young"
    " and of a mature process (from memory, unverified), on 1 cm2 (Poisson); large dies are "
    "sold with their faulty parts switched off, so that theirs are taken to be no lower"
)
_ABATED = f"{_ACT}, whoever made the die; low and high: the ends of its table of process gases"
_CORES = "server CPUs in Boavizta/boaviztapi@15878f0 cpu_specs"


def detect_host() -> HardwareProfile:
    """The profile of the machine this runs on, named ``host``.

    Cores, memory and cache are read from the operating system; arithmetic rate and memory
    bandwidth are measured with numpy in well under a second; power and materials are assumed per
    core and gigabyte from server figures, and their sources say so. The power is that of the
    machine at the wall; a data centre's PUE belongs into the deployment.

    Raises:
        HardwareError: If a measured figure makes no valid profile.
    """
    cores = host_cores()
    memory_bytes = _memory_bytes()
    cache, far = _cache_bytes(2, cores), _cache_bytes(3, 1)
    rate = _macs_per_s(cores)
    bandwidth = _bytes_per_s(cores)
    idle_w, load_w = _idle_and_load_w(cores, memory_bytes / 1e9)
    return HardwareProfile(
        name="host",
        label=f"{_cpu_model()}, {cores} cores ({platform.system()})",
        kind="host",
        runtime=f"ONNX Runtime or PyTorch on the CPU, {cores} threads",
        cores=_measured(cores, "operating system, affinity and control group"),
        macs_per_s=_rates(rate),
        efficiency=_efficiency(),
        half_rate_macs=_assumed(3.5e-6 * rate, 0, 3.5e-5 * rate, f"3.5 us of its rate; {_FIT}"),
        dispatch_s=_assumed(10e-6, 3e-6, 50e-6, _FIT),
        memory_bytes_per_s=_measured(bandwidth, "numpy copy of large arrays on all cores"),
        cache_bytes=None
        if cache is None
        else _measured(cache, "last private cache x cores, sysfs"),
        cache_bytes_per_s=(
            None
            if cache is None
            else _assumed(4 * bandwidth, 2 * bandwidth, 16 * bandwidth, "4 x memory, assumed")
        ),
        far_cache_bytes=(
            None
            if far is None or cache is None
            else _measured(far, "last shared cache, of which neighbours may hold a part, sysfs")
        ),
        far_cache_bytes_per_s=(
            None
            if far is None or cache is None
            else _assumed(2 * bandwidth, bandwidth, 8 * bandwidth, "2 x memory, assumed")
        ),
        memory_limit_bytes=_measured(memory_bytes, "operating system, control group limit"),
        runtime_memory_bytes=_assumed(300e6, 50e6, 1e9, "a process with its runtime loaded"),
        runtime_storage_bytes=_assumed(500e6, 50e6, 5e9, "libraries of the runtime"),
        idle_w=idle_w,
        load_w=load_w,
        energy_boundary="wall",
        lifetime_years=_assumed(4, 3, 8, "35,040 hours, server (Boavizta/boaviztapi@15878f04)"),
        bill_of_materials=_materials(cores, memory_bytes / 1e9),
        notes="Power and materials are assumed per core and gigabyte; measure them where you can.",
    )


def _rates(rate: float) -> dict[Precision, Figure]:
    return {
        "fp32": _measured(rate, f"numpy products of {_MATRIX} x {_MATRIX} matrices on all cores"),
        "int8": _assumed(2 * rate, rate, 4 * rate, "twice fp32: between no and full int8 support"),
    }


def _efficiency() -> dict[LayerKind, Figure]:
    return {
        "conv": _assumed(0.29, 0.15, 0.6, _FIT),
        "depthwise": _assumed(0.09, 0.03, 0.2, _FIT),
        "linear": _assumed(0.29, 0.15, 0.6, _FIT),
    }


def _idle_and_load_w(cores: int, memory_gb: float) -> tuple[Figure, Figure]:
    memory_w = 0.3725 * memory_gb
    source = (
        f"7 W a core ({_CORES}: thermal power / cores, 3.75 to 8.4) and 0.3725 W/GB"
        " (GreenAlgorithms/green-algorithms-tool@30df2fee, CC-BY 4.0)"
    )
    idle = 2.0 * cores + memory_w
    load = 7.0 * cores + memory_w
    return (
        _assumed(idle, 0.5 * idle, load, f"{source}; cores at 2 W when idle"),
        _assumed(load, 3.75 * cores + memory_w, 20.0 * cores + memory_w, source),
    )


def _materials(cores: int, memory_gb: float) -> BillOfMaterials:
    base = 1e6 * cores / 64
    return BillOfMaterials(
        fab_location="taiwan",
        fab_source=_ACT,
        fab_yield=_assumed(0.875, 0.7, 0.95, _YIELD),
        abatement_pct=_assumed(97, 95, 99, _ABATED),
        dies=(
            Die(
                name="share of a server CPU",
                area_cm2=_assumed(0.17 * cores, 0.1 * cores, 0.6 * cores, f"per core, {_CORES}"),
                node_nm=7,
                node_source=f"stand-in for the unknown process of this CPU; {_CORES}",
            ),
        ),
        memories=(
            Memory(
                technology="ddr4_10nm",
                technology_source="stand-in for the unknown memory of this machine",
                capacity_gb=Figure(
                    value=memory_gb, source="operating system, control group", basis="measured"
                ),
            ),
        ),
        packages=_assumed(
            1 + math.ceil(memory_gb), 1, 4 * memory_gb + 8, "one package a gigabyte and the CPU"
        ),
        other=(
            Part(
                name="share of the server without CPU and memory",
                gco2e=_assumed(
                    base,
                    base / 2,
                    base * 4,
                    "1,000 kg for a server (cloud-carbon-footprint/cloud-carbon-coefficients"
                    "@dda7621f) x cores / 64",
                ),
            ),
        ),
    )


def _assumed(value: float, low: float, high: float, source: str) -> Figure:
    return Figure(value=value, source=source, basis="assumed", low=low, high=high)


def _measured(value: float, source: str) -> Figure:
    return Figure(value=value, source=f"{source}, on this machine", basis="measured")


def host_cores() -> int:
    """Cores that this process may use: affinity, and the quota of its control group."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = _text("/sys/fs/cgroup/cpu.max").split()
    if len(limit) == 2 and limit[0].isdigit():
        usable = min(usable or 1, math.ceil(int(limit[0]) / int(limit[1])))
    return max(1, usable or 1)


def _memory_bytes() -> float:
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limit = _text("/sys/fs/cgroup/memory.max").strip()
    return min(total, float(limit)) if limit.isdigit() else total


def _cache_bytes(index: int, times: int) -> float | None:
    size = _text(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size").strip()
    scale = {"K": 2**10, "M": 2**20}.get(size[-1:])
    return None if scale is None else float(size[:-1]) * scale * times


def _cpu_model() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "CPU"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _macs_per_s(cores: int) -> float:
    stack = np.ones((_STACK, _MATRIX, _MATRIX), dtype=np.float32)

    def product() -> None:
        np.matmul(stack, stack[0])

    return _per_s([product] * cores) * float(_STACK * _MATRIX**3)


def _bytes_per_s(cores: int) -> float:
    source = np.zeros(_COPY_BYTES // 8)
    targets = np.empty((cores, len(source)))
    rows = iter(range(cores))

    def copier() -> Callable[[], None]:
        row = targets[next(rows)]
        return lambda: np.copyto(row, source)

    return _per_s([copier() for _ in range(cores)]) * 2.0 * source.nbytes


def _per_s(works: list[Callable[[], None]]) -> float:
    """Calls a second over all threads together, best of some rounds."""
    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(_rate, works, [0.01] * len(works)))
        rounds = [sum(pool.map(_rate, works, [_ROUND_S] * len(works))) for _ in range(_ROUNDS)]
    return max(rounds)


def _rate(work: Callable[[], None], seconds: float) -> float:
    start = perf_counter()
    calls = 0
    while (elapsed := perf_counter() - start) < seconds or calls == 0:
        work()
        calls += 1
    return calls / elapsed if elapsed > 0 else float(calls)
