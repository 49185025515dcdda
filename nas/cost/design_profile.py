"""One design of an accelerator space as a hardware profile, so that it is deployed as a device is.

What the space says of all designs at one node goes to another node by proportion: areas by the
square of the feature size, energies by the size itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from hardware_profiles.accelerator import Accelerator, AcceleratorSpace
from hardware_profiles.catalog import profile_from_dict
from hardware_profiles.figure import Figure
from hardware_profiles.profile import HardwareProfile
from nas.cost.accelerator import design_power_w, die_area_mm2, sram_energy_per_byte_j
from nas.errors import HardwareError

__all__ = ["KNOBS", "changed_space", "design_name", "design_of_name", "design_profile"]

KNOBS: tuple[str, ...] = tuple(field.name for field in fields(Accelerator))
_LETTERS = dict(zip(KNOBS, "cwdlbg", strict=True))
# Letter, unit of the number behind it.
_CHANGES = {
    "node_nm": ("n", 1.0),
    "clock_hz": ("f", 1e6),
    "dram_bytes_per_s": ("m", 1e6),
    "dram_gb": ("r", 1.0),
}
_PATTERN = re.compile(
    "(?P<space>[a-z0-9_]+?)"
    + "".join(rf"_{letter}(?P<{knob}>\d+)" for knob, letter in _LETTERS.items())
    + "".join(rf"(?:_{letter}(?P<{key}>\d+))?" for key, (letter, _) in _CHANGES.items())
)


def changed_space(space: AcceleratorSpace, changes: Mapping[str, float]) -> AcceleratorSpace:
    """The space with another node, clock or DRAM.

    Args:
        space: Whose designs are meant.
        changes: Any of ``node_nm``, ``clock_hz``, ``dram_bytes_per_s`` and ``dram_gb``, above 0.

    Raises:
        HardwareError: If one is unknown, or no number above 0.
    """
    new: dict[str, Any] = {}
    for key, value in changes.items():
        if key not in _CHANGES:
            raise HardwareError(f"{space.name}: {key!r} is no size; use {', '.join(_CHANGES)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise HardwareError(f"{space.name}: {key}: got {value!r}; give a number above 0")
        if key != "node_nm":
            new[key] = Figure(value=float(value), basis="derived", source="chosen for the design")
        elif value != space.node_nm:
            ratio = value / space.reference_node_nm
            ends = sorted((ratio, ratio**2))
            rule = f"{value:g}/{space.reference_node_nm}"
            new |= {"node_nm": int(value), "label": f"{space.label} taken to {value:g} nm"}
            for name, scale, text in (
                ("energy_scale", ratio, f"{rule}, energy in proportion to the node; or its square"),
                ("area_scale", ratio**2, f"({rule})^2, ideal shrink; or without the square"),
            ):
                new[name] = Figure(
                    value=scale, low=ends[0], high=ends[1], basis="assumed", source=text
                )
    return space.model_copy(update=new)


def design_name(space: str, design: Accelerator, changes: Mapping[str, float]) -> str:
    """The name of a design's profile, such as ``default_c2_w64_d16_l256_b64_g4``.

    Args:
        space: Name of its space.
        design: Its sizes: clusters, width, depth, local buffer, its bytes a cycle, global buffer.
        changes: As `changed_space` takes them; told behind as node, MHz, MB/s and GB.

    Raises:
        HardwareError: If a change is no whole number of those.
    """
    parts = [f"{letter}{getattr(design, knob)}" for knob, letter in _LETTERS.items()]
    for key, (letter, unit) in _CHANGES.items():
        if key in changes:
            count = changes[key] / unit
            if count != int(count) or count < 1:
                raise HardwareError(
                    f"{space}: {key}: got {changes[key]:g}; give a multiple of {unit:g}"
                )
            parts.append(f"{letter}{int(count)}")
    return "_".join([space, *parts])


def design_of_name(name: str) -> tuple[str, dict[str, int], dict[str, float]] | None:
    """The space, sizes and changes that a name of `design_name` tells; None if it is another."""
    found = _PATTERN.fullmatch(name)
    if found is None:
        return None
    told = found.groupdict()
    changes = {
        key: float(told[key]) * unit for key, (_, unit) in _CHANGES.items() if told[key] is not None
    }
    return told["space"], {knob: int(told[knob]) for knob in KNOBS}, changes


def design_profile(
    space: AcceleratorSpace, sizes: Mapping[str, int], changes: Mapping[str, float] | None = None
) -> HardwareProfile:
    """A design as a device: int8, its die and DRAM made by the space's fab, power at the chip.

    Args:
        space: Whose design it is.
        sizes: All of ``clusters, pe_width, pe_depth, local_kib, local_bytes_per_cycle,
            global_mib``, each one of the space's.
        changes: As `changed_space`.

    Returns:
        A profile whose ``systolic`` holds what the mapping needs; package, board and transport are
        not counted, as CATransformers counts die and DRAM.

    Raises:
        HardwareError: If a size is missing or none of the space's, or the design is beyond the
            space's limits of area, rate or power.
    """
    given = dict(changes or {})
    design = _checked(space, sizes)
    one = changed_space(space, given).model_copy(
        update={knob: (getattr(design, knob),) for knob in KNOBS}
    )
    _check_limits(one, design)
    name = design_name(space.name, design, given)
    return profile_from_dict(_content(one, design, name), origin=name)


def _checked(space: AcceleratorSpace, sizes: Mapping[str, int]) -> Accelerator:
    for knob in KNOBS:
        offered = getattr(space, knob)
        if knob not in sizes:
            raise HardwareError(
                f"accelerator {space.name}: {knob} is not given; add one of"
                f" {', '.join(map(str, offered))}"
            )
        if sizes[knob] not in offered:
            raise HardwareError(
                f"accelerator {space.name}: {knob}: got {sizes[knob]!r}; give one of"
                f" {', '.join(map(str, offered))}"
            )
    return Accelerator(**{knob: int(sizes[knob]) for knob in KNOBS})


def _check_limits(one: AcceleratorSpace, design: Accelerator) -> None:
    pes = design.clusters * design.pe_width * design.pe_depth
    for what, value, limit, unit in (
        ("area", float(die_area_mm2(one)[0]), one.max_area_mm2, "mm2"),
        ("peak rate", 2.0 * pes * one.clock_hz.value / 1e12, one.max_tops, "TOPS"),
        ("peak power", float(design_power_w(one)[0]), one.max_power_w, "W"),
    ):
        if limit is not None and value > limit.value:
            raise HardwareError(
                f"accelerator {one.name}: {what} of this design is {value:.4g} {unit}, above the"
                f" space's {limit.value:.4g}; take smaller sizes"
            )


def _content(one: AcceleratorSpace, design: Accelerator, name: str) -> dict[str, Any]:
    """The profile as a file would hold it; ``one`` has this design alone."""
    pes = design.clusters * design.pe_width * design.pe_depth
    area = _area_mm2(one)
    idle = _times(area, one.leakage_w_per_mm2, "leakage of the die")
    full = float(design_power_w(one)[0])
    mapping = "told by the mapping of layers to the arrays (nas.cost.systolic)"
    none = _plain(0.0, "in the cycles of the mapping")
    return {
        "name": name,
        "label": f"{one.label}: " + ", ".join(f"{k} {v}" for k, v in asdict(design).items()),
        "kind": "npu",
        "runtime": "layers one after the other, weight stationary",
        "macs_per_s": {"int8": _scaled(one.clock_hz, pes, f"{pes} products a cycle")},
        "efficiency": {
            kind: _plain(1.0, mapping) for kind in ("conv", "depthwise", "linear", "pool")
        },
        "half_rate_macs": none,
        "dispatch_s": none,
        "attention_score_share": _plain(1.0, "scores of attention pass through the buffers"),
        "memory_bytes_per_s": one.dram_bytes_per_s,
        "memory_limit_bytes": _scaled(one.dram_gb, 1e9, "DRAM"),
        "runtime_memory_bytes": _plain(0.0, "not modelled"),
        "runtime_storage_bytes": _plain(0.0, "not modelled"),
        "idle_w": idle,
        "load_w": _plain(full, "arrays, local buffers and DRAM at full rate, leaking"),
        "energy_boundary": "chip",
        "energy_per_mac_j": {"int8": _times(one.energy_per_mac_j, one.energy_scale, "at the node")},
        "energy_per_byte_j": one.dram_energy_per_byte_j,
        "bill_of_materials": _bill(one, area),
        "systolic": _systolic(one, design),
        "notes": "A design, not a product: package, board and transport are not counted.",
    }


def _bill(one: AcceleratorSpace, area: Figure) -> dict[str, Any]:
    return {
        "fab_location": one.fab_location,
        "fab_source": one.choices_source,
        "fab_yield": one.fab_yield,
        "abatement_pct": one.abatement_pct,
        "dies": (
            {
                "name": "accelerator",
                "area_cm2": _scaled(area, 0.01, "in cm2"),
                "node_nm": one.node_nm,
                "node_source": one.choices_source,
            },
        ),
        "memories": (
            {
                "technology": one.dram_technology,
                "technology_source": one.choices_source,
                "capacity_gb": one.dram_gb,
            },
        ),
        "packages": _plain(0.0, "die and DRAM alone, as CATransformers counts"),
        "other": (),
    }


def _systolic(one: AcceleratorSpace, design: Accelerator) -> dict[str, Any]:
    local, whole = design.local_kib * 1024, design.global_mib * 1024**2
    return {
        "clusters": design.clusters,
        "pe_width": design.pe_width,
        "pe_depth": design.pe_depth,
        "local_bytes": local,
        "local_bytes_per_cycle": design.local_bytes_per_cycle,
        "global_bytes": whole,
        "clock_hz": one.clock_hz,
        "local_energy_per_byte_j": _buffer(one, local),
        "global_energy_per_byte_j": _buffer(one, whole),
    }


def _buffer(one: AcceleratorSpace, capacity_bytes: int) -> Figure:
    (value,) = sram_energy_per_byte_j(one, np.array([float(capacity_bytes)]))
    source = next(iter(one.sram_energy_per_byte_j.values())).source
    text = f"{capacity_bytes} bytes; {source}"
    scale = one.energy_scale
    at_reference = float(value) / scale.value
    return _times(
        Figure(value=at_reference, basis="derived", source=text),
        scale,
        "power law between rows of the table",
    )


def _area_mm2(one: AcceleratorSpace) -> Figure:
    """The die's area at the ends of its parts' ranges together."""

    def at(side: str) -> float:
        moved = {
            name: getattr(one, name).model_copy(
                update={"value": getattr(getattr(one, name), side) or getattr(one, name).value}
            )
            for name in ("pe_area_um2", "sram_area_um2_per_byte", "area_scale")
        }
        return float(die_area_mm2(one.model_copy(update=moved))[0])

    return Figure(
        value=at("value"),
        low=at("low"),
        high=at("high"),
        basis="derived",
        source="processing elements and buffers; low and high: their areas and scale together",
    )


def _times(first: Figure, second: Figure, what: str) -> Figure:
    ends = [_ends(figure) for figure in (first, second)]
    return Figure(
        value=first.value * second.value,
        low=ends[0][0] * ends[1][0],
        high=ends[0][1] * ends[1][1],
        basis="derived",
        source=f"{what}: {first.value:g} ({first.source}) x {second.value:g} ({second.source})",
    )


def _scaled(figure: Figure, factor: float, what: str) -> Figure:
    low, high = _ends(figure)
    return Figure(
        value=figure.value * factor,
        low=low * factor,
        high=high * factor,
        basis="derived",
        source=f"{what}; {figure.source}",
    )


def _ends(figure: Figure) -> tuple[float, float]:
    numbers = figure.numbers()
    return min(numbers), max(numbers)


def _plain(value: float, source: str) -> Figure:
    return Figure(value=value, basis="derived", source=source)
