"""``hardware designs``: a network on every design of an accelerator space, and the front."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from nas.cli.facts import print_rows
from nas.cli.network_options import (
    ArchitectureOption,
    CandidateOption,
    FromRunOption,
    NetworkFile,
    SizeOption,
    SpaceOption,
    TaskOption,
)
from nas.cli.options import JsonOption
from nas.errors import HardwareError

__all__ = ["hardware_designs"]

_COLUMNS = {"latency": "latency_s", "energy": "energy_j", "embodied": "embodied_gco2e"}
_UNITS = {"latency_s": "s", "energy_j": "J", "embodied_gco2e": "gCO2e", "peak_power_w": "W"}


def hardware_designs(
    file: NetworkFile = None,
    space: SpaceOption = None,
    task: TaskOption = None,
    architecture: ArchitectureOption = None,
    run: FromRunOption = None,
    candidate: CandidateOption = None,
    size: SizeOption = None,
    accelerator: Annotated[str, typer.Option(help="Space of designs, or a file.")] = "default",
    change: Annotated[
        list[str] | None,
        typer.Option(help="node_nm, clock_hz, dram_bytes_per_s or dram_gb, as NAME=VALUE."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="latency_s, energy_j, area_mm2, peak_tops, peak_power_w, as NAME=VALUE."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Cost one network on every design of a systolic accelerator; print the front.

    The front is of latency, energy and embodied carbon among the designs within all limits. JSON
    holds every design. A name in the first column is a device: `estimate --hardware NAME:int8`.
    """
    from nas.cli.estimating import network_of
    from nas.cli.hints import hint
    from nas.cost.design_front import design_rows
    from nas.cost.design_profile import changed_space
    from nas.cost.devices import find_space
    from nas.runs import open_run

    opened = open_run(run) if run is not None else None
    layers, notes = network_of(file, size, space, task, architecture, opened, candidate)
    hint(notes)
    changes = _numbers("--change", change)
    designs = changed_space(find_space(accelerator), changes)
    rows = design_rows(layers, designs, changes, _numbers("--limit", limit))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    shown = [row for row in rows if row["on_front"]]
    within = sum(row["within_limits"] for row in rows)
    if not shown:
        raise HardwareError(
            f"hardware designs: none of {len(rows)} designs is within the limits; widen them"
        )
    print_rows([_shown(row) for row in sorted(shown, key=lambda row: row["latency_s"])], False)
    typer.echo(
        f"\n{len(shown)} on the front of latency, energy and embodied carbon of {within} designs"
        f" within the limits, of {len(rows)} of {designs.label}"
    )


def _numbers(option: str, given: Sequence[str] | None) -> dict[str, float]:
    found = {}
    for item in given or ():
        name, _, text = item.partition("=")
        try:
            found[name] = float(text)
        except ValueError:
            raise HardwareError(f"{option}: got {item!r}; give NAME=NUMBER") from None
    return found


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    from nas.quantities import format_quantity

    return {
        "design": row["name"],
        **{name: format_quantity(row[column], _UNITS[column]) for name, column in _COLUMNS.items()},
        "area": f"{row['area_mm2']:.3g} mm2",
        "peak": f"{row['peak_tops']:.3g} TOPS",
        "peak power": format_quantity(row["peak_power_w"], "W"),
        "utilised": f"{row['utilisation']:.1%}",
    }
