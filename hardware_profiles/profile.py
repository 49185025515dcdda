"""The hardware profile: one device, every figure of it with its source. Facts, no formulas."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from hardware_profiles.figure import (
    Efficiency,
    Facts,
    Fraction,
    NonNegative,
    Positive,
    Ratio,
    Share,
    Text,
)
from hardware_profiles.fitted import FittedFigures
from hardware_profiles.kinds import Kind, completed
from hardware_profiles.lca import PublishedLca
from hardware_profiles.materials import BillOfMaterials
from hardware_profiles.systolic import SystolicArrays

__all__ = [
    "EnergyBoundary",
    "HardwareProfile",
    "Kind",
    "LAYER_KINDS",
    "LayerKind",
    "PRECISIONS",
    "Precision",
]

Precision = Literal["fp32", "fp16", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
LayerKind = Literal["conv", "depthwise", "linear", "pointwise", "grouped", "pool"]
LAYER_KINDS: tuple[LayerKind, ...] = get_args(LayerKind)
_REQUIRED_KINDS: tuple[LayerKind, ...] = ("conv", "depthwise", "linear")
OperatorKind = Literal[LayerKind, "recurrent", "attention", "embedding"]
EnergyBoundary = Literal["chip", "board", "wall", "facility"]


def _every_kind(efficiency: dict[LayerKind, Efficiency]) -> dict[LayerKind, Efficiency]:
    missing = [kind for kind in _REQUIRED_KINDS if kind not in efficiency]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}; give one figure for each layer kind")
    return efficiency


class Unsupported(Facts):
    """Layers that a runtime does not run on its device.

    Attributes:
        kinds: Of `nas.cost.kernels.KINDS`.
        source: Who says so.
    """

    kinds: Annotated[tuple[OperatorKind, ...], Field(min_length=1)]
    source: Text


class HardwareProfile(Facts):
    """One device with the runtime it was calibrated for.

    The time of a layer of M multiply-accumulates (MACs) that moves B bytes is
    ``max(M / (macs_per_s * efficiency * M / (M + half_rate_macs)), B / bandwidth) + dispatch_s``
    (roofline: Williams, Waterman and Patterson, CACM 2009, with a filling term).

    What a file leaves out is taken from the defaults of its kind (`hardware_profiles.kinds`),
    whose sources say so. What no default can tell stays None, and the objectives that need it are
    refused for this device (`nas.cost.needs`).

    Attributes:
        name: Lower case, as users write it; equals the file's name.
        label: For tables and plots.
        kind: See `hardware_profiles.kinds`.
        launch_year: In which it was launched; None when unknown.
        runtime: Software stack that the efficiencies stand for.
        macs_per_s: Dense peak by precision; a precision not listed is not supported.
        cores: Of a processor, those that its rates and its load power are of; None elsewhere, where
            threads are no choice.
        efficiency: Share of the peak that large layers reach, by layer kind: ``conv``,
            ``depthwise`` and ``linear``; ``pointwise`` for convolutions of one place, those of
            ``conv`` where it is not given, and ``grouped`` for those of several groups likewise;
            ``pool`` for the elements that windows of pools cover,
            as MACs, and pools cost their bytes alone where it is not given. Above 1, at most 8,
            where an algorithm such as Winograd's saves multiplications.
        unsupported: Kinds of layers that the runtime does not run on the device, so that a network
            with one does not fit; None where nothing is known to be missing.
        half_rate_macs: MACs of a layer, times batch, at which half of that is reached; 0 for none.
        output_macs: MACs in whose time a convolution or linear layer writes an element of its
            output: one of K products an element reaches ``K / (K + output_macs)`` of the rate.
            None for 0.
        depthwise_output_macs: The same of a depthwise convolution; None for 0, where it is in the
            efficiency.
        weight_macs: The same for reading one of its weights, which few places share in small maps;
            None for 0, where weights cost their bytes alone.
        dispatch_s: Fixed time of one layer that is not fused.
        move_dispatch_s: The same of a layer without products, such as a pool, a norm or a scaling
            that is not fused, with the changes of layout around it; None for ``dispatch_s``.
        channel_block: Channels that the runtime's convolutions keep together: those of one group,
            and depthwise ones, compute whole blocks, of inputs where there is one; None for 1.
        narrow_share: Share of the rate that a convolution of one group reaches whose inputs fill no
            block; None for 1.
        activation_s: Time of a hard swish or hard sigmoid of one element, fused; None for 0.
        padding_share: Share of the products with padding that the runtime computes; None for 1.
        smooth_share: Share of SiLU and GELU behind a layer that the runtime does not fuse, so that
            they take a dispatch and their bytes; None for 0.
        attention_score_share: Share of the scores of attention that go through memory; 0 where the
            runtime has an IO-aware kernel, None for 1.
        latency_factor: What all times are multiplied by; the range of a calibrated one is the error
            that the calibration left. None for 1.
        memory_peak_bytes_per_s: Bandwidth of the main memory by its datasheet, or None.
        memory_bytes_per_s: Bandwidth of the main memory as inference sees it; None when unknown.
        cache_bytes: Size of the last cache, or None when there is none.
        cache_bytes_per_s: Its bandwidth; given with ``cache_bytes``.
        far_cache_bytes: Size of a larger and slower cache behind that, or None.
        far_cache_bytes_per_s: Its bandwidth; given with ``far_cache_bytes``.
        memory_limit_bytes: Memory that model and runtime together may use.
        storage_limit_bytes: Flash for code and weights; when given, weights stay there and take no
            memory. None when weights are loaded into memory.
        runtime_memory_bytes: Memory that the runtime itself takes.
        runtime_storage_bytes: Storage that the runtime itself takes.
        tdp_w: Thermal design power of the chip or card, from which the kind derives idle and load
            of the whole machine where these are not given; None when unknown.
        idle_w: Power when awake and idle, at ``energy_boundary``; None when unknown.
        load_w: Power at full utilisation, gross of idle, at ``energy_boundary``; None when unknown.
        sleep_w: Power asleep, or None when unknown or never asleep.
        energy_boundary: Where the powers were taken; None when they are unknown.
        supply_efficiency: Share of wall energy that reaches the boundary (power supply, charger);
            needed for chip and board, absent otherwise.
        pue: Power usage effectiveness of the data centre; None outside one.
        energy_per_mac_j: Energy of one MAC net of idle, by precision, where known.
        energy_per_byte_j: Energy of one byte from main memory, net of idle, where known.
        lifetime_years: Service life.
        bill_of_materials: What the embodied carbon is computed from; None when unknown.
        published_lca: The maker's assessment, where there is one.
        fit: How the figures that a calibration moved are wrong together; None without one.
        systolic: Arrays that layers are mapped to, in place of the roofline above; None elsewhere.
        notes: What a reader of the figures should know.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    label: Text
    kind: Kind
    launch_year: Positive | None = None
    runtime: Text
    macs_per_s: Annotated[dict[Precision, Positive], Field(min_length=1)]
    cores: Positive | None = None
    efficiency: Annotated[dict[LayerKind, Efficiency], AfterValidator(_every_kind)]
    unsupported: Unsupported | None = None
    half_rate_macs: NonNegative
    output_macs: NonNegative | None = None
    depthwise_output_macs: NonNegative | None = None
    weight_macs: NonNegative | None = None
    dispatch_s: NonNegative
    move_dispatch_s: NonNegative | None = None
    channel_block: Positive | None = None
    narrow_share: Share | None = None
    activation_s: NonNegative | None = None
    padding_share: Fraction | None = None
    smooth_share: Fraction | None = None
    attention_score_share: Fraction | None = None
    latency_factor: Positive | None = None
    memory_peak_bytes_per_s: Positive | None = None
    memory_bytes_per_s: Positive | None = None
    cache_bytes: Positive | None = None
    cache_bytes_per_s: Positive | None = None
    far_cache_bytes: Positive | None = None
    far_cache_bytes_per_s: Positive | None = None
    memory_limit_bytes: Positive
    storage_limit_bytes: Positive | None = None
    runtime_memory_bytes: NonNegative
    runtime_storage_bytes: NonNegative
    tdp_w: Positive | None = None
    idle_w: NonNegative | None = None
    load_w: Positive | None = None
    sleep_w: NonNegative | None = None
    energy_boundary: EnergyBoundary | None = None
    supply_efficiency: Share | None = None
    pue: Ratio | None = None
    energy_per_mac_j: dict[Precision, Positive] = Field(default_factory=dict)
    energy_per_byte_j: Positive | None = None
    lifetime_years: Positive
    bill_of_materials: BillOfMaterials | None = None
    published_lca: PublishedLca | None = None
    fit: FittedFigures | None = None
    systolic: SystolicArrays | None = None
    notes: str = ""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        return completed(given)

    @model_validator(mode="after")
    def _sane(self) -> HardwareProfile:
        for find in (self._power_fault, self._boundary_fault, self._memory_fault, self._bill_fault):
            if (fault := find()) is not None:
                raise ValueError(fault)
        return self

    def _power_fault(self) -> str | None:
        together: dict[str, object] = {"idle_w": self.idle_w, "load_w": self.load_w}
        together["energy_boundary"] = self.energy_boundary
        lacking = [name for name, given in together.items() if given is None]
        if 0 < len(lacking) < len(together):
            return f"{lacking[0]}: missing although other powers are given; add it or tdp_w"
        if self.idle_w is not None and self.load_w is not None:
            idle_w, load_w = self.idle_w.value, self.load_w.value
            if load_w < idle_w:
                return f"load_w: {load_w:g} W is below idle_w {idle_w:g} W; load is gross of idle"
            if self.sleep_w is not None and self.sleep_w.value > idle_w:
                return (
                    f"sleep_w: {self.sleep_w.value:g} W is above idle_w {idle_w:g} W;"
                    " swap or correct them"
                )
        extra = [p for p in self.energy_per_mac_j if p not in self.macs_per_s]
        if extra:
            return f"energy_per_mac_j: {extra[0]} has no rate; add macs_per_s.{extra[0]}"
        return None

    def _boundary_fault(self) -> str | None:
        inside = self.energy_boundary in ("chip", "board")
        if inside and self.supply_efficiency is None:
            return (
                f"supply_efficiency: missing although power is taken at the"
                f" {self.energy_boundary}; add the efficiency from wall to {self.energy_boundary}"
            )
        if not inside and self.supply_efficiency is not None:
            return (
                f"supply_efficiency: counted already in power taken at the"
                f" {self.energy_boundary}; remove it"
            )
        if self.energy_boundary == "facility" and self.pue is not None:
            return "pue: counted already in power taken at the facility; remove it"
        return None

    def _memory_fault(self) -> str | None:
        if (self.cache_bytes is None) != (self.cache_bytes_per_s is None):
            return "cache_bytes and cache_bytes_per_s: only one is given; give both or neither"
        if (self.far_cache_bytes is None) != (self.far_cache_bytes_per_s is None):
            return "far_cache_bytes and far_cache_bytes_per_s: only one is given; give both"
        if self.far_cache_bytes is not None and self.cache_bytes is None:
            return "far_cache_bytes: is behind no cache; give cache_bytes too"
        if self.runtime_memory_bytes.value >= self.memory_limit_bytes.value:
            return "runtime_memory_bytes: leaves no memory to a model; lower it"
        storage = self.storage_limit_bytes
        if storage is not None and self.runtime_storage_bytes.value >= storage.value:
            return "runtime_storage_bytes: leaves no storage to a model; lower it"
        return None

    def _bill_fault(self) -> str | None:
        bill = self.bill_of_materials
        if bill is None:
            return None
        for storage in bill.storages:
            unsaid = self.storage_limit_bytes is None and storage.reserved_gb is None
            if storage.variants_gb and unsaid:
                return "storages: variants_gb without reserved_gb; add what the system keeps"
        published = {} if self.published_lca is None else self.published_lca.components
        parts = (*bill.dies, *bill.memories, *bill.storages, bill.pcb, bill.battery)
        for part in (*parts, *bill.casings, *bill.other):
            name = None if part is None else part.lca_component
            if name is not None and name not in published:
                return (
                    f"lca_component: {name!r} is none of published_lca.components; use one of"
                    f" {', '.join(published) or 'none: add them there'}"
                )
        return None

    def __hash__(self) -> int:
        """Equal profiles have equal names; dicts inside keep pydantic's own hash from working."""
        return hash(self.name)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Precisions the device supports, widest first."""
        return tuple(p for p in PRECISIONS if p in self.macs_per_s)
