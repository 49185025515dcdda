"""The command that shows the life cycle of a run's model in service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import JsonOption
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.carbon.lifecycle import LifeCycle, Split
    from nas.carbon.quantity import Numbers
    from nas.repayment import Alternative, BreakEven
    from nas.service import Service

__all__ = ["add_to"]

_NAMES = {
    "end_of_life": "end of life",
    "scope1": "scope 1, on site",
    "scope2": "scope 2, electricity",
    "scope3": "scope 3, all else",
}

_VERDICTS = {
    "strong": "less in both, so strongly sustainable",
    "weak": "less in one, so weakly sustainable",
    "none": "less in neither, so not sustainable",
}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="example: carbon-nas lifecycle runs/demo --service-years 6")(lifecycle)


def lifecycle(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    candidate: Annotated[str | None, typer.Option(help="Key; default: as `select`.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Only this deployment.")] = None,
    service_years: Annotated[
        float | None, typer.Option(help="How long the service runs; default: a device's life.")
    ] = None,
    retrainings_per_year: Annotated[
        float, typer.Option(help="Full trainings a year after the first.")
    ] = 0.0,
    training_kwh: Annotated[
        float | None, typer.Option(help="Energy of a full training; default: from the run.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="What it would replace, CANDIDATE@DEPLOYMENT or a known network's name in its "
            "place; default: the best known network that the run trained."
        ),
    ] = None,
    elasticity: Annotated[
        float | None,
        typer.Option(help="Percent by which demand grows when its carbon falls by a percent."),
    ] = None,
    inferences: Annotated[float | None, typer.Option(help="Inferences over the life.")] = None,
    lifetime_years: Annotated[float | None, typer.Option(help="Service life of a device.")] = None,
    peak_per_s: Annotated[
        float | None, typer.Option(help="Most inferences a second; sizes the fleet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a model's life cycle in service: by part, phase and scope, and when it repays."""
    from nas.deployments import study_for
    from nas.runs import open_run
    from nas.service import service

    opened = open_run(run)
    demand = {
        "inferences": inferences,
        "lifetime_years": lifetime_years,
        "peak_per_s": peak_per_s,
    }
    found = service(
        opened,
        candidate,
        deployment,
        service_years=service_years,
        retrainings_per_year=retrainings_per_year,
        training_kwh=training_kwh,
        against=None if against is None else _against(against),
        demand_elasticity=elasticity,
        study=study_for(demand, like=opened.study),
    )
    if as_json:
        typer.echo(json.dumps(_plain(_facts(found)), indent=1))
        return
    for line in _lines(found):
        typer.echo(line)


def _against(text: str) -> tuple[str, str]:
    name, at, label = text.partition("@")
    if not (name and at and label):
        raise ConfigError(
            f"--against: got {text!r}; give CANDIDATE@DEPLOYMENT (`carbon-nas front`), or a "
            "known network's name in place of the candidate"
        )
    return name, label


def _views(found: LifeCycle) -> dict[str, Split]:
    return {
        "total": found.total,
        "per_inference": found.per_inference,
        "per_year": found.per_year,
        "per_device": found.per_device,
    }


def _facts(found: Service) -> dict[str, Any]:
    """Everything of a service as plain data; None where unknown, or never."""
    cycle = found.lifecycle
    best = found.refresh_years
    return {
        "candidate": found.candidate,
        "deployment": found.deployment,
        "study": found.row["study"],
        "service_years": found.service_years,
        "inferences": cycle.inferences,
        "devices": cycle.devices,
        "devices_made": cycle.devices_made,
        "peak_per_s": found.peak_per_s,
        "retrainings": found.retrainings,
        "search_known": found.search_known,
        "training_known": found.training_known,
        "gco2e": {
            view: {
                "by_part": split.by_part,
                "by_phase": {**split.by_phase, **dict.fromkeys(found.unknown)},
                "by_scope": split.by_scope,
                "total": split.total_gco2e,
            }
            for view, split in _views(cycle).items()
        },
        "unknown": found.unknown,
        "use_market_gco2e": found.market_gco2e,
        "sunk_gco2e": found.sunk_gco2e,
        "against": found.alternative,
        "refresh_years": None
        if best is None
        else {"value": best[0], "low": best[1], "high": best[2]},
        "rebound": found.rebound,
        "warnings": found.warnings,
    }


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and numpy's numbers as JSON can hold them."""
    from dataclasses import asdict, is_dataclass

    from nas.report.text import plain_value

    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return plain_value(value[()] if hasattr(value, "ndim") else value)


def _lines(found: Service) -> Iterator[str]:
    from nas.quantities import counted

    cycle = found.lifecycle
    years = f"{found.service_years:g} years"
    yield (
        f"{found.candidate} on {found.deployment}: {counted(float(cycle.inferences))} inferences in"
        f" {years} on {_fleet(found)}"
    )
    yield ""
    yield _table(cycle, found.unknown)
    yield ""
    yield f"search: {found.search_known}"
    more = f", and {found.retrainings:g} retrainings" if found.retrainings else ""
    yield f"training: one full training{more}; {found.training_known}"
    yield from _beside(found)
    if found.alternative is not None:
        yield from _repayment(found.alternative)
    yield from _refresh(found)
    if found.rebound is not None:
        yield _rebound(found)
    yield from found.warnings


def _fleet(found: Service) -> str:
    from nas.quantities import counted

    devices = float(found.lifecycle.devices)
    said = f"{counted(devices)} device{'' if devices == 1.0 else 's'}"
    if found.peak_per_s is not None:
        said += f", for a peak of {counted(found.peak_per_s)}/s"
    made = float(found.lifecycle.devices_made)
    return said if made == devices else f"{said}; {made:.4g} are used up in that time"


def _table(cycle: LifeCycle, unknown: Sequence[str]) -> str:
    from nas.quantities import format_quantity
    from nas.report.markdown import share_text
    from nas.report.text import aligned

    views = list(_views(cycle).values())
    whole = float(cycle.total.total_gco2e)

    def row(name: str, values: list[Numbers]) -> list[str]:
        share = share_text(float(values[0]), whole)
        shown = [format_quantity(float(value), "gCO2e") for value in values]
        return [name, shown[0], share, *shown[1:]]

    body = []
    for kind in ("by_part", "by_phase", "by_scope"):
        splits = [getattr(view, kind) for view in views]
        body += [
            [_NAMES.get(key, key), "not known", *[""] * 4]
            if key in unknown
            else row(_NAMES.get(key, key), [split[key] for split in splits])
            for key in splits[0]
        ]
        body.append([""] * 6)
    body.append(row("total", [view.total_gco2e for view in views]))
    head = ["", "fleet, all years", "share", "per inference", "per year", "per device"]
    return aligned(head, body, left=1)


def _beside(found: Service) -> Iterator[str]:
    from nas.quantities import format_quantity

    if found.market_gco2e is not None:
        grams = format_quantity(found.market_gco2e, "gCO2e")
        yield f"use of the inference, market-based: {grams}, beside the location-based figure"
    if found.sunk_gco2e > 0.0:
        yield f"devices owned already, not counted: {format_quantity(found.sunk_gco2e, 'gCO2e')}"


def _repayment(other: Alternative) -> Iterator[str]:
    from nas.quantities import format_quantity

    yield (
        f"against {other.name} on {other.deployment}, which is there already"
        f" ({format_quantity(other.carbon_gco2e, 'gCO2e')} per inference):"
    )
    for name, when in (
        ("search", other.search),
        ("search and training", other.search_and_training),
    ):
        unequal = "undefined, since they do not serve equally well"
        yield f"  {name}: {_when(when) if other.equal else unequal}"
    devices = other.devices
    if devices is None:
        return
    repaid = "never repays its manufacture by lower use"
    if devices.years is not None:
        repaid = f"repays its manufacture by lower use after {devices.years:.3g} years"
    same = "one is always better"
    if devices.indifference_years is not None:
        same = f"they are even after {devices.indifference_years:.3g} years"
    yield f"  device: {repaid}; both bought new, {same}"
    yield (
        f"  footprint relative to the other device (FOCAL): {devices.ncf_fixed_time:.3g} at fixed"
        f" time, {devices.ncf_fixed_work:.3g} at fixed work; {_VERDICTS[devices.verdict]}"
    )


def _when(when: BreakEven) -> str:
    from nas.quantities import counted

    if when.inferences is None or when.devices is None or when.years is None:
        return "never repaid"
    return (
        f"repaid after {counted(when.inferences)} inferences"
        f" ({_some(when.devices)} devices, {_some(when.years)} years)"
    )


def _some(number: float) -> str:
    from nas.quantities import counted

    return "under 0.01" if 0.0 < number < 0.01 else counted(number)


def _refresh(found: Service) -> Iterator[str]:
    from nas.service import YEARLY_GAIN

    if found.refresh_years is None:
        return
    best, soonest, latest = found.refresh_years
    yield (
        f"best time to replace a device: after {best:.3g} years ({soonest:.3g} to {latest:.3g}), if"
        f" new ones use {YEARLY_GAIN.value:.0%} of today's less every year (assumed,"
        f" {YEARLY_GAIN.low:.0%} to {YEARLY_GAIN.high:.0%})"
    )


def _rebound(found: Service) -> str:
    from nas.quantities import format_quantity

    growth = found.rebound
    assert growth is not None
    before, expected, after = (
        format_quantity(float(grams), "gCO2e")
        for grams in (growth.before_gco2e, growth.expected_gco2e, growth.after_gco2e)
    )
    return (
        f"rebound: {before} before, {expected} at the old demand, {after} at"
        f" {float(growth.demand_factor):.3g} times the demand"
    )
