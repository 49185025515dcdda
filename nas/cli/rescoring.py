"""The command that scores a finished run under other assumptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.hints import grid_hints, hint
from nas.cli.options import (
    CsvOption,
    GridOption,
    HardwareOption,
    InferencesOption,
    JsonOption,
    LifetimeOption,
    ObjectiveOption,
    RunArgument,
)
from nas.cli.reading import print_front
from nas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles import Deployment
    from nas.carbon import Study
    from nas.runs import Run

__all__ = ["add_to"]


BusyShareOption = Annotated[
    float | None, typer.Option(help="Share of its life that a device computes, instead.")
]
DevicesOption = Annotated[int | None, typer.Option(help="Devices that serve.")]
UsersOption = Annotated[int | None, typer.Option(help="Or users, one device each.")]
PeakOption = Annotated[
    float | None, typer.Option(help="Or most inferences a second, for a pool that meets it.")
]
PeakBusyShareOption = Annotated[
    float | None, typer.Option(help="Busy share of a device of the pool at the peak.")
]
SparesOption = Annotated[int | None, typer.Option(help="Devices of the pool beyond those.")]
PoweredShareOption = Annotated[
    float | None, typer.Option(help="Share of its life that a device is awake.")
]
OtherBusyShareOption = Annotated[
    float | None, typer.Option(help="Share of its life that it computes for other models.")
]
ViewOption = Annotated[
    str | None, typer.Option(help="footprint, or consequence: at marginal rates.")
]
BaselineOption = Annotated[
    str | None, typer.Option(help="What is used today, CANDIDATE@DEPLOYMENT; with a consequence.")
]
SunkOption = Annotated[
    list[str] | None, typer.Option(help="Hardware that is owned already; repeat for more.")
]
FabTableOption = Annotated[
    str | None, typer.Option(help="Table of manufacture: a name, or a YAML file.")
]
MemoryOption = Annotated[
    str | None, typer.Option(help="smallest_variant, as_built or resident_share.")
]
BasisOption = Annotated[str | None, typer.Option(help="bottom_up or published.")]
OutOption = Annotated[Path | None, typer.Option(help="Write all scores here (.csv or .parquet).")]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        epilog="example: carbon-nas rescore runs/demo --hardware pixel3:int8 --grid fr --grid in"
    )(rescore)


def rescore(
    run: RunArgument,
    hardware: HardwareOption = None,
    grid: GridOption = None,
    inferences: InferencesOption = None,
    busy_share: BusyShareOption = None,
    lifetime_years: LifetimeOption = None,
    devices: DevicesOption = None,
    users: UsersOption = None,
    peak_per_s: PeakOption = None,
    peak_busy_share: PeakBusyShareOption = None,
    spares: SparesOption = None,
    powered_share: PoweredShareOption = None,
    other_busy_share: OtherBusyShareOption = None,
    view: ViewOption = None,
    baseline: BaselineOption = None,
    sunk: SunkOption = None,
    fab_table: FabTableOption = None,
    memory: MemoryOption = None,
    embodied_basis: BasisOption = None,
    objective: ObjectiveOption = None,
    out: OutOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score a run on other devices, grids, demands or tables, and print its front.

    Trains nothing. A fleet, a life or a view that is not given stays that of the run.
    """
    from nas.comparison import front_of, per_deployment
    from nas.cost.needs import check_needs
    from nas.deployments import changed_profiles, deployments_for, study_for
    from nas.objectives import objectives
    from nas.rescoring import rescore as rescore_run
    from nas.rescoring import unmeasured
    from nas.runs import open_run

    hint(grid_hints(grid or ()))
    write = None if out is None else _table_writer(out)
    opened = open_run(run)
    demand = {
        "inferences": inferences, "busy_share": busy_share, "lifetime_years": lifetime_years,
        "devices": devices, "users": users, "peak_per_s": peak_per_s,
        "peak_busy_share": peak_busy_share, "spares": spares, "powered_share": powered_share,
        "other_busy_share": other_busy_share,
    }  # fmt: skip
    tables = {"fab_table": fab_table, "memory": memory, "embodied_basis": embodied_basis}
    deployments = deployments_for(hardware, grid, like=opened.deployments)
    owned = {"sunk": _owned(sunk, [*opened.deployments, *deployments]) or None}
    study = study_for({**demand, **tables, **owned}, like=opened.study)
    study, deployments, notes = _seen(opened, study, deployments, view, baseline)
    names = objective or opened.objectives
    check_needs(deployments, [row.column for row in objectives(names)], study.embodied_basis)
    scores = rescore_run(opened, deployments, study)
    if write is not None and out is not None:
        write(scores, out)
    best = front_of(scores, names, study=study, apart=per_deployment(opened))
    unknown = unmeasured(opened, deployments) if "error" in names else ()
    changed = changed_profiles(deployments, like=opened.deployments)
    best.attrs["notes"] = [*notes, *changed, *unknown, *best.attrs["notes"]]
    print_front(best, as_csv=as_csv, as_json=as_json)


def _seen(
    run: Run,
    study: Study,
    deployments: Sequence[Deployment],
    view: str | None,
    baseline: str | None,
) -> tuple[Study, list[Deployment], tuple[str, ...]]:
    """Study and deployments under a view, and what was replaced for it."""
    from dataclasses import replace

    from nas.deployments import at_marginal_rates, candidate_and_deployment
    from nas.rescoring import as_consequence

    wanted = view or study.view
    if wanted != "consequence":
        if baseline is not None:
            raise ConfigError("--baseline: goes with --view consequence; give both, or neither")
        changes: dict[str, Any] = {"view": wanted, "baseline": None}
        return replace(study, **changes), list(deployments), ()
    moved, notes = at_marginal_rates(deployments)
    if baseline is not None:
        places = [*run.deployments, *deployments]
        study = as_consequence(run, study, *candidate_and_deployment(baseline, places))
    elif study.baseline is None:
        raise ConfigError(
            "--baseline: is not given, and a consequence is a change against what is used today; "
            "give CANDIDATE@DEPLOYMENT (`carbon-nas front`)"
        )
    return study, moved, notes


def _owned(names: Sequence[str] | None, deployments: Sequence[Deployment]) -> tuple[str, ...]:
    """Names of hardware, each of which is that of a deployment, or would change nothing."""
    from nas.cost.devices import device

    used = sorted({deployment.profile.name for deployment in deployments})
    found = [device(name).name for name in names or ()]
    for name in found:
        if name not in used:
            raise ConfigError(
                f"--sunk: {name!r} is the hardware of no deployment; use {' or '.join(used)}"
            )
    return tuple(found)


def _table_writer(path: Path) -> Callable[[pd.DataFrame, Path], None]:
    """How a table is written under that name; refused before any work is done."""
    from nas.report import table_csv
    from nas.runs.files import write_text, write_whole

    if path.suffix == ".csv":
        return lambda table, place: write_text(place, table_csv(table))
    if path.suffix == ".parquet":
        return lambda table, place: write_whole(place, table.to_parquet)
    raise ConfigError(f"--out: got {path.name!r}; give a name that ends in .csv or .parquet")
