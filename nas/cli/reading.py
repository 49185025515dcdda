"""Commands after the search: front, compare, select, estimate, export, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.hints import grid_hints, hint, limit_hints
from nas.cli.network_options import (
    ArchitectureOption,
    BesideOption,
    CandidateOption,
    FromRunOption,
    NetworkFile,
    SizeOption,
    SpaceOption,
    TaskOption,
)
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
from nas.cli.uncertainty import (
    DrawsOption,
    SeedOption,
    print_drawn_front,
    print_points,
    sure_lines,
    sure_of,
    wanted_seed,
)
from nas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from nas.runs import Run

__all__ = ["add_to", "print_front"]

RunsArgument = Annotated[list[Path], typer.Argument(help="Run folders.", metavar="RUN RUN...")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="example: carbon-nas front runs/demo -o error -o tcdp --csv")(front)
    app.command(epilog="example: carbon-nas compare runs/tpe runs/nsga2")(compare)
    app.command(
        epilog="example: carbon-nas select runs/demo --limit error=0.03 --prefer carbon,latency"
    )(select)
    app.command(
        epilog="example: carbon-nas estimate --run runs/demo --candidate 0123456789abcdef "
        "--hardware rpi4:int8 --grid fr --explain"
    )(estimate)
    app.command(epilog="example: carbon-nas export runs/demo --out models/demo")(export)
    app.command(epilog="example: carbon-nas report runs/demo --statement")(report)


def front(
    run: RunArgument,
    objective: ObjectiveOption = None,
    deployment: Annotated[str | None, typer.Option(help="Only this deployment.")] = None,
    draws: DrawsOption = None,
    seed: SeedOption = None,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="And what other tables, lives and views change.")
    ] = False,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the non-dominated scores of a run, for any objectives; with --draws how sure it is."""
    from nas.comparison import front as front_of_run
    from nas.runs import open_run

    drawn = wanted_seed(draws, seed)
    opened = open_run(run)
    best = front_of_run(opened, objective or opened.objectives, deployment=deployment)
    if what_if:
        if draws is not None or deployment is not None or as_csv:
            raise ConfigError(
                "--what-if: goes with -o and --json only; leave the other options out"
            )
        _print_what_if(opened, best, as_json=as_json)
        return
    if draws is None:
        print_front(best, as_csv=as_csv, as_json=as_json)
        return
    print_drawn_front(
        opened,
        best,
        deployment=deployment,
        draws=draws,
        seed=drawn,
        as_csv=as_csv,
        as_json=as_json,
    )


def _print_what_if(run: Run, best: pd.DataFrame, *, as_json: bool) -> None:
    from nas.report import front_text, table_rows
    from nas.report.what_if_text import what_if_rows, what_if_text
    from nas.sensitivity import sensitivity

    found = sensitivity(run, best.attrs["objectives"])
    if as_json:
        told = {"front": table_rows(best), "about": best.attrs, "what_if": what_if_rows(found)}
        typer.echo(json.dumps(told, indent=1))
        return
    typer.echo(f"{front_text(best)}\n\n{what_if_text(found)}")


def compare(
    runs: RunsArgument,
    objective: ObjectiveOption = None,
    point: Annotated[
        list[str] | None,
        typer.Option(help="CANDIDATE@DEPLOYMENT; two of them are compared draw by draw."),
    ] = None,
    draws: DrawsOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the fronts of two or more runs of one study, or two models with --point."""
    if point:
        print_points(runs, point, objective, draws=draws, seed=seed, as_json=as_json)
        return
    if draws is not None or seed is not None:
        raise ConfigError("--draws, --seed: go with two --point CANDIDATE@DEPLOYMENT; give those")
    from nas.comparison import compare as compare_runs
    from nas.report.text import comparison_rows, comparison_text
    from nas.runs import open_run

    opened = [open_run(path) for path in runs]
    found = compare_runs(opened, objective or opened[0].objectives)
    if as_json:
        typer.echo(json.dumps(comparison_rows(found), indent=1))
        return
    typer.echo(comparison_text(found))


def select(
    run: RunArgument,
    limit: Annotated[
        list[str] | None, typer.Option(help="Upper bound, OBJECTIVE=VALUE; repeat for more.")
    ] = None,
    prefer: Annotated[
        str,
        typer.Option(
            help="knee; weights such as error=2,carbon=1; or an order such as carbon,latency."
        ),
    ] = "knee",
    objective: ObjectiveOption = None,
    deployment: Annotated[str | None, typer.Option(help="Only this deployment.")] = None,
    draws: DrawsOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose one candidate and deployment, out of all deployments together, and say why."""
    from nas.runs import open_run
    from nas.selection import select as select_one

    drawn = wanted_seed(draws, seed)
    opened = open_run(run)
    limits = _limits(opened, limit)
    chosen = select_one(
        opened.scores(),
        objective or opened.objectives,
        limits=limits,
        prefer=prefer,
        deployment=deployment,
        study=opened.study,
    )
    sure = {} if draws is None else sure_of(opened, chosen, objective, draws=draws, seed=drawn)
    if as_json:
        from nas.report.text import plain_value

        row = {key: plain_value(value) for key, value in chosen.row.items()}
        found = {
            "candidate": chosen.candidate,
            "deployment": chosen.deployment,
            "reasons": list(chosen.reasons),
            "row": row,
        }
        typer.echo(json.dumps({**found, **sure}, indent=1))
        return
    typer.echo(f"candidate {chosen.candidate} on {chosen.deployment}")
    for reason in (*chosen.reasons, *sure_lines(sure)):
        typer.echo(f"  {reason}")


def estimate(
    file: NetworkFile = None,
    hardware: HardwareOption = None,
    grid: GridOption = None,
    inferences: InferencesOption = None,
    lifetime_years: LifetimeOption = None,
    space: SpaceOption = None,
    task: TaskOption = None,
    architecture: ArchitectureOption = None,
    run: FromRunOption = None,
    candidate: CandidateOption = None,
    size: SizeOption = None,
    beside: BesideOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Line by line.")] = False,
    breakdown: Annotated[
        bool, typer.Option("--breakdown", help="And the cost by group of operators.")
    ] = False,
    cheaper: Annotated[
        bool, typer.Option("--cheaper", help="And which changes of a choice or width cost less.")
    ] = False,
    draws: DrawsOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate latency, energy, memory and carbon of one network, without a search."""
    from nas.cli.estimate_tables import breakdown_lines, cheaper_lines, completed_rows
    from nas.cli.estimating import cheaper_of, estimate_lines, estimate_rows, network_of
    from nas.deployments import changed_profiles, deployments_for, study_for
    from nas.runs import open_run

    hint(grid_hints(grid or ()))
    drawn = wanted_seed(draws, seed)
    opened = open_run(run) if run is not None else None
    subject = (space, task, architecture, opened, candidate)
    layers, notes = network_of(file, size, *subject)
    deployments = deployments_for(hardware, grid, like=opened.deployments if opened else ())
    if beside:
        from nas.engine.beside import with_models_beside

        deployments = [with_models_beside(place, beside) for place in deployments]
    study = study_for(
        {"inferences": inferences, "lifetime_years": lifetime_years},
        like=opened.study if opened else None,
    )
    of = subject if file is None else ()
    changes = cheaper_of(layers, deployments, study, *of) if cheaper else []
    hint(notes)
    if as_json:
        rows = estimate_rows(
            layers, deployments, study, explain=explain, groups=breakdown, draws=draws, seed=drawn
        )
        typer.echo(json.dumps(completed_rows(rows, changes, notes), indent=1))
        return
    lines = [*changed_profiles(deployments, like=opened.deployments if opened else ())]
    lines += estimate_lines(layers, deployments, study, explain=explain, draws=draws, seed=drawn)
    lines += breakdown_lines(layers, deployments) if breakdown else []
    lines += cheaper_lines(changes, deployments) if cheaper else []
    for line in lines:
        typer.echo(line)


def export(
    run: RunArgument,
    candidate: Annotated[str | None, typer.Option(help="Key; default: as `select`.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Label; with --candidate.")] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="Upper bound, OBJECTIVE=VALUE; repeat for more.")
    ] = None,
    prefer: Annotated[str, typer.Option(help="As for `select`.")] = "knee",
    out: Annotated[Path | None, typer.Option(help="Folder to make.")] = None,
) -> None:
    """Train a chosen candidate fully and write a verified, deployable model folder."""
    from nas.engine.exporting import export_candidate
    from nas.runs import open_run
    from nas.selection import select as select_one

    opened = open_run(run)
    reasons: tuple[str, ...] = ()
    if candidate is None:
        if deployment is not None:
            raise ConfigError("--deployment: goes with --candidate; give both, or neither")
        chosen = select_one(
            opened.scores(),
            opened.objectives,
            limits=_limits(opened, limit),
            prefer=prefer,
            study=opened.study,
        )
        candidate, deployment, reasons = chosen.candidate, chosen.deployment, chosen.reasons
    typer.echo(f"exporting {candidate} for {deployment or 'its first feasible deployment'}")
    folder = out or run / "models" / candidate
    facts = export_candidate(opened, candidate, deployment, folder, reasons=reasons)
    for line in facts:
        typer.echo(line)
    typer.echo(f"model folder: {folder}")


def report(
    run: RunArgument,
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    statement: Annotated[
        bool,
        typer.Option("--statement", help="Also statement.md, .json and emissions.csv, beside it."),
    ] = False,
    candidate: Annotated[
        str | None, typer.Option(help="Model of calculation and statement; default: as `select`.")
    ] = None,
    deployment: Annotated[str | None, typer.Option(help="Its deployment.")] = None,
) -> None:
    """Write the run's page in one HTML file, and with --statement its carbon statement."""
    from nas.report import write_report, write_statement
    from nas.runs import open_run

    opened = open_run(run)
    page = write_report(opened, out, candidate=candidate, deployment=deployment)
    typer.echo(f"wrote {page}")
    if statement:
        written = write_statement(opened, page.parent, candidate=candidate, deployment=deployment)
        for path in written:
            typer.echo(f"wrote {path}")


def print_front(best: pd.DataFrame, *, as_csv: bool, as_json: bool) -> None:
    """Print a front as text, CSV or JSON."""
    from nas.report import front_text, table_csv, table_rows

    if as_json:
        typer.echo(json.dumps({"front": table_rows(best), "about": best.attrs}, indent=1))
    elif as_csv:
        typer.echo(table_csv(best), nl=False)
    else:
        typer.echo(front_text(best))


def _limits(run: Run, given: list[str] | None) -> dict[str, float]:
    limits: dict[str, float] = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"--limit: got {item!r}; give OBJECTIVE=VALUE, such as error=0.05")
        _add(limits, name, value, "--limit")
    if limits:
        latency_s = run.scores()["latency_s"].max(skipna=True)
        metric = run.frozen["task"]["metric"]
        hint(limit_hints(limits, largest_latency_s=float(latency_s), metric=metric))
    return limits


def _add(values: dict[str, float], name: str, value: str, option: str) -> None:
    if name in values:
        raise ConfigError(f"{option}: {name!r} is given twice; give it once")
    values[name] = _number(value, option)


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{option}: got {text!r}; give a number") from None
