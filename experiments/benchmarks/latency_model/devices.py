"""Which profile stands for a device of a table: by its name, else a generic one of its kind.

A generic profile has the defaults of its kind and the median peak, bandwidth and cache of the
devices of that kind in the catalogue. Nothing here depends on what a table measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from hardware_profiles.catalog import hardware, hardware_names, load_profile, profile_from_dict
from hardware_profiles.profile import HardwareProfile
from nas.errors import HardwareError

_SAME = (
    ("raspberrypicortexa72", "rpi4"),
    ("raspberrypi", "rpi4"),
    ("raspi", "rpi"),
    ("pi5", "rpi5"),
    ("nucleol4r5", "stm32l4r5"),
    # What MLPerf Tiny's submissions of Syntiant call their NDP120.
    ("ndp9120", "ndp120"),
)
_BATCH = re.compile(r"_(1|16|32|64|128|256|512)$")
_RUNTIMES = ("onnx", "litert", "tflite", "torchmobile", "pytorch", "torch", "ncnn")
_MAKERS = ("nvidia", "geforce", "amd", "intel")
_KINDS = (
    (r"fpga|zc\d|zynq|vck", "fpga"),
    (r"eyeriss|npu|tpu|coral|ncs|accel|^ndp", "npu"),
    (r"jetson|orin|tx2|xavier|edgegpu", "edge_gpu"),
    (r"a100|h100|h200|v100|p100|b200|^gb\d|mi\d{3}", "gpu"),
    (r"rtx|gtx|titan|radeon|\d0[5-9]0(ti)?$|gpu", "desktop_gpu"),
    (r"xeon|epyc|gold|platinum|silver|graviton|server", "server"),
    (r"pixel|phone|galaxy|samsung|essential|snapdragon|mobile", "phone"),
    (r"^rpi|rasp|odroid|board|cortexa", "sbc"),
    (r"stm|nucleo|disco|cortexm|esp32|mcu|nrf5|^ekra|numaker", "mcu"),
    (r"i[3579]\d{4,5}(h|u|p|hx|hk)|laptop|macbook|m[1234]$", "laptop"),
    (r"i[3579]|ryzen|core|threadripper|cpu|desktop", "desktop"),
)
# Peak and bandwidth of a kind that the catalogue holds no device of.
_ORDERS = {
    "fpga": (2e11, 1.9e10, "an order of magnitude: some hundred DSP slices at 200 MHz, DDR4"),
    "npu": (2e11, 1e10, "an order of magnitude: a few hundred PEs at some hundred MHz"),
}


@dataclass(frozen=True)
class Mapped:
    """A device of a table: its profile, or why there is none, and what a reader must know."""

    profile: HardwareProfile | None
    note: str


def batch_of(device: str) -> int:
    """The batch that a device's name ends with, such as ``titan_rtx_256``; 1 without one."""
    found = _BATCH.search(device.lower())
    return 1 if found is None else int(found[1])


def mapped(device: str, given: Mapping[str, str]) -> Mapped:
    """The profile for a device.

    Args:
        device: As the table names it.
        given: Profiles by device, names or files, from ``--devices``.
    """
    if device in given:
        try:
            name = given[device]
            profile = load_profile(name) if name.endswith(".yaml") else hardware(name)
        except HardwareError as error:
            return Mapped(None, str(error))
        return Mapped(profile, f"profile {profile.name}, as --devices says")
    plain = re.sub(r"[^a-z0-9]", "", _BATCH.sub("", device.lower()))
    for word in (*_RUNTIMES, *_MAKERS):
        plain = plain.replace(word, "")
    for old, new in _SAME:
        plain = new + plain.removeprefix(old) if plain.startswith(old) else plain
    names = {re.sub(r"[^a-z0-9]", "", name): name for name in hardware_names() if name != "host"}
    found = [name for short, name in names.items() if short.startswith(plain) or plain in short]
    found = found or [name for short, name in names.items() if short in plain and len(short) > 3]
    if found:
        profile = hardware(min(found, key=lambda name: (len(name), name)))
        return Mapped(profile, f"profile {profile.name}")
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, plain)), None)
    if kind is None:
        return Mapped(None, "no profile and no kind follow from the name; use --devices")
    try:
        return Mapped(_generic(kind), f"no profile: a generic one of the kind {kind}")
    except HardwareError as error:
        return Mapped(None, str(error))


def _generic(kind: str) -> HardwareProfile:
    alike = [hardware(name) for name in hardware_names() if name != "host"]
    alike = [profile for profile in alike if profile.kind == kind]
    content: dict[str, Any] = {"name": f"generic_{kind}", "label": f"generic {kind}", "kind": kind}
    rates: dict[str, list[float]] = {}
    for profile in alike:
        for precision, figure in profile.macs_per_s.items():
            rates.setdefault(precision, []).append(figure.value)
    known = [p.memory_bytes_per_s.value for p in alike if p.memory_bytes_per_s is not None]
    if rates and known:
        source = f"median of the {len(alike)} devices of the kind {kind} in the catalogue"
        peaks, bandwidth = {name: median(values) for name, values in rates.items()}, median(known)
    elif kind in _ORDERS:
        peak, bandwidth, source = _ORDERS[kind]
        peaks = {"fp32": peak, "fp16": peak, "int8": peak}
    else:
        raise HardwareError(f"no device of the kind {kind} in the catalogue; use --devices")

    def figure(value: float) -> dict[str, Any]:
        ends = {"low": value / 10.0, "high": value * 10.0}
        return {"value": value, "basis": "assumed", "source": source, **ends}

    caches = [p.cache_bytes.value for p in alike if p.cache_bytes is not None]
    content |= {
        "macs_per_s": {name: figure(value) for name, value in peaks.items()},
        "memory_bytes_per_s": figure(bandwidth),
        "memory_limit_bytes": figure(4e9),
    }
    if caches:
        content["cache_bytes"] = figure(median(caches))
    powered = [p for p in alike if p.idle_w is not None and p.load_w is not None]
    if powered:
        load_w = median(p.load_w.value for p in powered)
        nearest = min(powered, key=lambda p: abs(p.load_w.value - load_w))
        content |= {"idle_w": figure(nearest.idle_w.value), "load_w": figure(nearest.load_w.value)}
        content["energy_boundary"] = nearest.energy_boundary
    return profile_from_dict(content, origin=f"generic {kind}")
