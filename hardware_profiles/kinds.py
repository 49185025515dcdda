"""What a profile takes from its kind of device where its file says nothing, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.figure import (
    Basis,
    Facts,
    Figure,
    Fraction,
    NonNegative,
    Percent,
    Positive,
    Ratio,
    Share,
    Text,
)
from hardware_profiles.materials import FabYield, Part

__all__ = ["KINDS", "Kind", "completed", "from_kind", "kind_facts"]

Kind = Literal[
    "mcu",
    "npu",
    "fpga",
    "sbc",
    "edge_gpu",
    "phone",
    "laptop",
    "desktop",
    "desktop_gpu",
    "server",
    "cloud",
    "gpu",
    "tpu",
    "host",
]
"""Microcontroller, edge accelerator, FPGA, single-board computer, embedded GPU, phone, laptop,
desktop processor, graphics card in a desktop, server processor, cloud instance, data-centre GPU,
data-centre accelerator, and this machine."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_MARK = "from its kind: "
_PLAIN = ("runtime", "supply_efficiency", "pue", "lifetime_years", "dispatch_s",
          "attention_score_share", "runtime_memory_bytes", "runtime_storage_bytes")  # fmt: skip
# Overheads that the power at a boundary holds already; without powers there are none.
_COUNTED: Mapping[str, tuple[str, ...]] = {"chip": (), "board": (), "wall": ("supply_efficiency",)}
_FITTED = ("conv", "depthwise", "linear")
_BILL = ("fab_location", "fab_source", "fab_yield", "abatement_pct", "packages", "other")


class KindBill(Facts):
    """Manufacture, as `hardware_profiles.BillOfMaterials` has it; ``other`` is what is around."""

    fab_location: Text
    fab_source: Text
    fab_yield: FabYield
    abatement_pct: Percent
    packages: NonNegative
    other: tuple[Part, ...] = ()


class KindPower(Facts):
    """Power of the whole machine from the thermal design power of its chip or card.

    ``idle_w = idle_share * tdp_w + around_idle_w`` and ``load_w = load_share * tdp_w +
    around_load_w``, at ``boundary``.
    """

    boundary: Literal["chip", "board", "wall", "facility"]
    idle_share: Fraction
    load_share: Positive
    around_idle_w: NonNegative
    around_load_w: NonNegative


class KindFacts(Facts):
    """Defaults of one kind.

    ``half_rate_s`` is in seconds at the widest precision's peak, ``memory_share`` of the datasheet
    bandwidth, ``cache_ratio`` the bandwidth of a cache over that of the main memory.
    """

    runtime: Text
    efficiency: dict[str, Share]
    half_rate_s: NonNegative
    dispatch_s: NonNegative
    attention_score_share: Fraction | None = None
    memory_share: Share
    cache_ratio: Positive
    runtime_memory_bytes: NonNegative
    runtime_storage_bytes: NonNegative
    power: KindPower
    supply_efficiency: Share | None = None
    pue: Ratio | None = None
    lifetime_years: Positive
    bill: KindBill


class _Table(Facts):
    kinds: dict[Kind, KindFacts]


@cache
def _table() -> dict[Kind, KindFacts]:
    path = Path(__file__).with_name("data") / "kinds.yaml"
    return parse_facts(_Table, read_yaml(path), path.name).kinds


def kind_facts(kind: Kind) -> KindFacts:
    """The defaults of a kind of device, each with its source and range."""
    return _table()[kind]


def from_kind(kind: Kind, figures: Mapping[str, Figure]) -> tuple[str, ...]:
    """Names of the figures that a profile of that kind has as its defaults have them.

    Args:
        kind: Of the profile.
        figures: Its figures by dotted name, as `hardware_profiles.ranges.figures_in` gives them.
    """
    facts = _table().get(kind)
    if facts is None:
        return ()
    parts = {f"bill_of_materials.other.{part.name}.gco2e": part.gco2e for part in facts.bill.other}
    defaults: dict[str, object] = {
        **{key: getattr(facts, key) for key in _PLAIN},
        **{f"efficiency.{name}": figure for name, figure in facts.efficiency.items()},
        **{f"bill_of_materials.{key}": getattr(facts.bill, key) for key in _BILL},
        **parts,
    }
    return tuple(
        name
        for name, figure in figures.items()
        if figure == defaults.get(name) or figure.source.startswith(_MARK)
    )


def completed(given: Any) -> Any:
    """A profile's content with what it leaves out taken from its kind.

    Args:
        given: As a file holds it; anything that is no mapping, or whose kind is unknown or has no
            defaults (``host``), is returned as it is, for the validation to refuse.

    Returns:
        A new mapping. A default stays the figure that it is, so that it is drawn as one for all
        devices of the kind; one that is a product with a figure of the file says so at the start
        of its source, and its range is that of the kind's factor.
    """
    kind = given.get("kind") if isinstance(given, Mapping) else None
    if not isinstance(kind, str) or kind not in _table():
        return given
    facts, content = _table()[kind], dict(given)
    efficiency = content.get("efficiency")
    if efficiency is None or isinstance(efficiency, Mapping):
        own = dict(efficiency or {})
        # Beside a fit of its own, a device takes only what every profile must have.
        content["efficiency"] = own | {
            name: figure
            for name, figure in facts.efficiency.items()
            if name not in own and (not own or name in _FITTED)
        }
    _derive(content, "half_rate_macs", _widest(content.get("macs_per_s")), facts.half_rate_s)
    _derive(content, "memory_bytes_per_s", content.get("memory_peak_bytes_per_s"),
            facts.memory_share)  # fmt: skip
    if content.get("cache_bytes") is not None:
        _derive(content, "cache_bytes_per_s", content.get("memory_bytes_per_s"), facts.cache_ratio)
    power = facts.power
    if content.get("tdp_w") is not None and content.get("energy_boundary") is None:
        _derive(content, "idle_w", content["tdp_w"], power.idle_share, power.around_idle_w)
        _derive(content, "load_w", content["tdp_w"], power.load_share, power.around_load_w)
        content["energy_boundary"] = power.boundary
    counted = _COUNTED.get(content.get("energy_boundary") or "", ("supply_efficiency", "pue"))
    for key in _PLAIN:
        if key not in counted:
            _put(content, key, getattr(facts, key))
    if isinstance(content.get("bill_of_materials"), Mapping):
        content["bill_of_materials"] = bill = dict(content["bill_of_materials"])
        for key in _BILL:
            _put(bill, key, getattr(facts.bill, key))
    return content


def _put(content: dict[str, Any], key: str, default: Any) -> None:
    if content.get(key) is None and default is not None and default != ():
        content[key] = default


def _widest(rates: Any) -> Any:
    """The rate of the widest precision that a profile lists."""
    if not isinstance(rates, Mapping):
        return None
    return next((rates[key] for key in ("fp32", "fp16", "bf16", "int8") if key in rates), None)


def _derive(
    content: dict[str, Any], key: str, own: Any, share: Figure, offset: Figure | None = None
) -> None:
    """``own * share + offset`` under the key, where it is not given and ``own`` is a number."""
    plain = own.model_dump() if isinstance(own, Figure) else own
    value = plain.get("value") if isinstance(plain, Mapping) else None
    if content.get(key) is not None or not isinstance(value, int | float) or value <= 0:
        return
    zero = Figure(value=0.0, source="none", basis="derived")
    more = offset or zero
    ends = [value * _end(share, side) + _end(more, side) for side in ("value", "low", "high")]
    text = f"{share.value:g} x {value:g} ({plain.get('source')}); {share.source}"
    if more.value:
        text += f"; and {more.value:g}: {more.source}"
    known: Basis = "derived" if ends[1] == ends[2] else "assumed"
    content[key] = Figure(
        value=ends[0], low=ends[1], high=ends[2], basis=known, source=_MARK + text
    )


def _end(figure: Figure, side: str) -> float:
    value = getattr(figure, side)
    return figure.value if value is None else float(value)
