"""Figures of deployments as arrays, so that a cost is arithmetic on layers x deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hardware_profiles.deployment import Deployment
from hardware_profiles.figure import Figure
from hardware_profiles.profile import HardwareProfile, Precision
from nas.cost.kernels import KINDS
from nas.cost.systolic import Arrays
from nas.errors import DeploymentError

__all__ = [
    "BIAS_BYTES",
    "ELEMENT_BYTES",
    "FLOAT_BYTES",
    "RATE_OF",
    "Designs",
    "Figures",
    "compiled_figures",
    "efficiencies",
    "figures_of",
    "runs_in",
]

Array = npt.NDArray[np.float64]

ELEMENT_BYTES = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 1.0}
"""Bytes of one weight or activation, by precision."""

BIAS_BYTES = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 8.0}
"""Bytes of one bias; in int8 a 32-bit bias and a 32-bit scale for each output channel."""

FLOAT_BYTES = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 4.0}
"""Bytes of one weight or bias of a recurrent kernel, which stays in float32 beside int8."""

RATE_OF = {
    "conv": "conv",
    "pointwise": "pointwise",
    "grouped": "grouped",
    "depthwise": "depthwise",
    "linear": "linear",
    "recurrent": "linear",
    "attention": "linear",
    "pool": "pool",
}
"""Whose efficiency in a hardware profile a kind of kernel has; other kinds only move bytes."""

_FILLED_IN_PARTS = ("gpu", "edge_gpu", "desktop_gpu")
_UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Designs:
    """Those among D deployments whose device maps layers to systolic arrays; arrays are (d, 1).

    Attributes:
        rows: Shape (d,): which of the deployments they are.
        sizes: Of their arrays and buffers.
        seconds_per_cycle: Of the deployment's share of the device.
        local_j_per_byte: Energy of a byte of a local buffer.
        global_j_per_byte: Energy of a byte of the global buffer.
    """

    rows: npt.NDArray[np.intp]
    sizes: Arrays
    seconds_per_cycle: Array
    local_j_per_byte: Array
    global_j_per_byte: Array


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What the cost formulas need of D deployments; arrays are (D, 1), to meet kernels in a row.

    A deployment on a share of its device has that share of rates, bandwidths, caches, powers and
    limits; what fills the units that it has takes as long as on the whole. One on some of the cores
    has their share of rates, of the bandwidth of caches and of the power above idle.

    Attributes:
        deployments: The deployments, in order.
        seconds_per_mac: Shape (D, kinds): time of one operation of a large kernel; 0 for kinds
            without.
        half_rate_macs: MACs, times runs together, at which half of that rate is reached.
        busy_half_rate_macs: The same where a processor that fills slowly draws its load all the
            while, which CPUs do; 0 for GPUs, whose idle parts draw little.
        output_macs: MACs in whose time a product writes an element.
        depthwise_output_macs: The same of depthwise convolutions.
        weight_macs: MACs in whose time a product reads a weight.
        dispatch_s: Fixed time of one kernel.
        move_dispatch_s: Of one without products.
        channel_block: Channels that convolutions compute together.
        narrow_share: Share of the rate where inputs fill no block of channels.
        activation_s: Time of a fused hard swish or hard sigmoid of one element.
        padding_share: Share of the products with padding that are computed.
        smooth_share: Share of smooth activations that are not fused.
        seconds_per_byte: Of the main memory; NaN where its bandwidth is unknown.
        cache_bytes: Size of the cache; 0 without one.
        cache_seconds_per_byte: Of the cache; that of main memory without one.
        far_cache_bytes: Size of the cache behind it; 0 without one.
        far_cache_seconds_per_byte: Of that; that of main memory without one.
        element_bytes: Bytes of a weight or activation.
        bias_bytes: Bytes of a bias.
        float_bytes: Bytes of a weight or bias that int8 leaves in float32.
        score_share: Share of the scores of attention that go through memory.
        streams: Runs at the same time.
        together: Inferences under way at once: batch x streams.
        idle_w: Power when idle; NaN where it is unknown.
        dynamic_w: Power at full utilisation above idle; NaN where it is unknown.
        energy_per_mac_j: Net of idle; NaN where energy follows from power instead.
        energy_per_byte_j: Likewise, main memory.
        memory_limit_bytes: What model and runtime may use.
        storage_limit_bytes: Likewise for storage; infinite when weights are loaded into memory.
        taken_memory_bytes: What the runtime and other models on the device take of the memory.
        taken_storage_bytes: The same of the storage.
        weights_in_memory: 1 when weights are loaded into memory, 0 when they stay in storage.
        designs: The deployments that map layers to systolic arrays; None without any.
        unsupported: Shape (D, kinds): whether the runtime does not run such kernels.
    """

    deployments: tuple[Deployment, ...]
    seconds_per_mac: Array
    half_rate_macs: Array
    busy_half_rate_macs: Array
    output_macs: Array
    depthwise_output_macs: Array
    weight_macs: Array
    dispatch_s: Array
    move_dispatch_s: Array
    channel_block: Array
    narrow_share: Array
    activation_s: Array
    padding_share: Array
    smooth_share: Array
    seconds_per_byte: Array
    cache_bytes: Array
    cache_seconds_per_byte: Array
    far_cache_bytes: Array
    far_cache_seconds_per_byte: Array
    element_bytes: Array
    bias_bytes: Array
    float_bytes: Array
    score_share: Array
    streams: Array
    together: Array
    idle_w: Array
    dynamic_w: Array
    energy_per_mac_j: Array
    energy_per_byte_j: Array
    memory_limit_bytes: Array
    storage_limit_bytes: Array
    taken_memory_bytes: Array
    taken_storage_bytes: Array
    weights_in_memory: Array
    designs: Designs | None
    unsupported: npt.NDArray[np.bool_]


def figures_of(deployments: Sequence[Deployment]) -> Figures:
    """The figures of deployments, kept for the next call with equal ones.

    Args:
        deployments: One or more.

    Raises:
        DeploymentError: If there is none.
    """
    return _kept(tuple(deployments))


@lru_cache(maxsize=64)
def _kept(deployments: tuple[Deployment, ...]) -> Figures:
    return compiled_figures(deployments)


def compiled_figures(deployments: Sequence[Deployment]) -> Figures:
    """The figures of deployments, kept by nobody: for thousands that are needed once.

    Args:
        deployments: One or more.

    Raises:
        DeploymentError: If there is none.
    """
    if not deployments:
        raise DeploymentError("deployments: none given; name at least one")
    rows = [_row(deployment) for deployment in deployments]
    columns = {key: np.array([[row[key]] for row in rows], dtype=np.float64) for key in rows[0]}
    rates = np.array([_seconds_per_mac(deployment) for deployment in deployments])
    for array in (rates, *columns.values()):
        array.setflags(write=False)
    return Figures(
        deployments=tuple(deployments),
        seconds_per_mac=rates,
        designs=_designs(deployments),
        unsupported=np.array([_unsupported(deployment.profile) for deployment in deployments]),
        **columns,
    )


def _unsupported(profile: HardwareProfile) -> list[bool]:
    told = profile.unsupported
    return [told is not None and kind in told.kinds for kind in KINDS]


def _designs(deployments: Sequence[Deployment]) -> Designs | None:
    rows = [i for i, d in enumerate(deployments) if d.profile.systolic is not None]
    if not rows:
        return None
    facts = [
        (
            it.clusters, it.pe_width, it.pe_depth,
            it.local_bytes, it.local_bytes_per_cycle, it.global_bytes,
            _or(deployments[i].profile.latency_factor, 1.0)
            / (it.clock_hz.value * deployments[i].resource_share),
            it.local_energy_per_byte_j.value, it.global_energy_per_byte_j.value,
        )
        for i in rows
        if (it := deployments[i].profile.systolic) is not None
    ]  # fmt: skip
    columns = np.array(facts, dtype=np.float64).T[:, :, None]
    return Designs(np.array(rows), Arrays(*columns[:6]), *columns[6:])


def _seconds_per_mac(deployment: Deployment) -> list[float]:
    profile, shares = deployment.profile, efficiencies(deployment.profile)
    share = deployment.resource_share * deployment.working_share
    share /= _or(profile.latency_factor, 1.0)
    seconds = []
    for kind in KINDS:
        if RATE_OF.get(kind) not in shares:
            seconds.append(0.0)
            continue
        peak = _or(profile.macs_per_s.get(runs_in(kind, deployment.precision)), _UNKNOWN)
        seconds.append(1.0 / (peak * share * shares[RATE_OF[kind]].value))
    return seconds


def runs_in(kind: str, precision: Precision) -> Precision:
    """The precision that kernels of a kind run in on a deployment of that precision."""
    return "fp32" if kind == "recurrent" and precision == "int8" else precision


def efficiencies(profile: HardwareProfile) -> dict[str, Figure]:
    """Share of the peak by kind of layer; pointwise and grouped are conv's where not given.

    Args:
        profile: A device.
    """
    given = {str(kind): figure for kind, figure in profile.efficiency.items()}
    return {"pointwise": given["conv"], "grouped": given["conv"], **given}


def _row(deployment: Deployment) -> dict[str, float]:
    profile, precision = deployment.profile, deployment.precision
    share, factor = deployment.resource_share, _or(profile.latency_factor, 1.0)
    memory = 1.0 / (_or(profile.memory_bytes_per_s, _UNKNOWN) * share)
    idle_w, load_w = _or(profile.idle_w, _UNKNOWN), _or(profile.load_w, _UNKNOWN)
    cache, far = profile.cache_bytes_per_s, profile.far_cache_bytes_per_s
    per_mac, per_byte = profile.energy_per_mac_j.get(precision), profile.energy_per_byte_j
    if per_mac is None or per_byte is None:
        per_mac = per_byte = None
    working = share * deployment.working_share
    storage, half_rate = profile.storage_limit_bytes, profile.half_rate_macs.value * working
    return {
        "half_rate_macs": half_rate,
        "busy_half_rate_macs": 0.0 if profile.kind in _FILLED_IN_PARTS else half_rate,
        "output_macs": _or(profile.output_macs, 0.0),
        "depthwise_output_macs": _or(profile.depthwise_output_macs, 0.0),
        "weight_macs": _or(profile.weight_macs, 0.0),
        "dispatch_s": profile.dispatch_s.value * factor,
        "move_dispatch_s": _or(profile.move_dispatch_s, profile.dispatch_s.value) * factor,
        "channel_block": _or(profile.channel_block, 1.0),
        "narrow_share": _or(profile.narrow_share, 1.0),
        "activation_s": _or(profile.activation_s, 0.0) * factor / working,
        "padding_share": _or(profile.padding_share, 1.0),
        "smooth_share": _or(profile.smooth_share, 0.0),
        "seconds_per_byte": memory * factor,
        "cache_bytes": _or(profile.cache_bytes, 0.0) * share,
        "cache_seconds_per_byte": factor
        * (memory if cache is None else 1.0 / (cache.value * working)),
        "far_cache_bytes": _or(profile.far_cache_bytes, 0.0) * share,
        "far_cache_seconds_per_byte": factor
        * (memory if far is None else 1.0 / (far.value * working)),
        "element_bytes": ELEMENT_BYTES[precision],
        "bias_bytes": BIAS_BYTES[precision],
        "float_bytes": FLOAT_BYTES[precision],
        "score_share": _or(profile.attention_score_share, 1.0),
        "streams": float(deployment.streams),
        "together": float(deployment.batch * deployment.streams),
        "idle_w": idle_w * share,
        "dynamic_w": (load_w - idle_w) * working,
        "energy_per_mac_j": _or(per_mac, _UNKNOWN),
        "energy_per_byte_j": _or(per_byte, _UNKNOWN),
        "memory_limit_bytes": profile.memory_limit_bytes.value * share,
        "storage_limit_bytes": _or(storage, float("inf")) * share,
        "taken_memory_bytes": profile.runtime_memory_bytes.value + deployment.beside_memory_bytes,
        "taken_storage_bytes": profile.runtime_storage_bytes.value
        + deployment.beside_storage_bytes,
        "weights_in_memory": 1.0 if storage is None else 0.0,
    }


def _or(figure: Figure | None, otherwise: float) -> float:
    return otherwise if figure is None else figure.value
