"""Commands that make runs: init, search, resume, worker, status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import HardwareOption, JsonOption, RunArgument
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.engine.config import SearchConfig
    from nas.engine.probe import Expected, Probe
    from nas.runs import Run

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="example: carbon-nas init config.yaml")(init)
    app.command(
        epilog="example: carbon-nas search --task digits --space mbconv --hardware rpi4:int8 "
        "--hardware stm32l4r5:int8 --grid us-caiso --inferences 1e9 --lifetime-years 4 "
        "--trainings 24"
    )(search)
    app.command(epilog="example: carbon-nas resume runs/demo")(resume)
    app.command(epilog="example: carbon-nas worker runs/demo")(worker)
    app.command(epilog="example: carbon-nas status runs/demo --json")(status)


def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("config.yaml"),
) -> None:
    """Write a commented configuration to start from."""
    from nas.cli.template import TEMPLATE
    from nas.runs.files import write_text

    if path.exists():
        raise ConfigError(f"{path}: is there already; name another file")
    write_text(path, TEMPLATE)
    typer.echo(f"wrote {path}; next: carbon-nas search {path} --dry-run")


def search(
    config: Annotated[Path | None, typer.Argument(help="A configuration (YAML).")] = None,
    task: Annotated[str | None, typer.Option(help="Task, see `task list`.")] = None,
    space: Annotated[str | None, typer.Option(help="Search space, see `space list`.")] = None,
    hardware: HardwareOption = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            help="Grid of the devices, a name or gCO2e/kWh; repeat for more. This machine is on "
            "the first."
        ),
    ] = None,
    inferences: Annotated[float | None, typer.Option(help="Inferences over the life.")] = None,
    lifetime_years: Annotated[float | None, typer.Option(help="Service life.")] = None,
    objective: Annotated[list[str] | None, typer.Option(help="Objective; repeat for more.")] = None,
    sampler: Annotated[str | None, typer.Option(help="ehvi, tpe, nsga2, gp, random ...")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    trainings: Annotated[int | None, typer.Option(help="Budget in trainings.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Budget in seconds.")] = None,
    gco2e: Annotated[float | None, typer.Option(help="Budget in gCO2e.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with the task's files.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, start nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search: train candidates, score them on every device, keep the front.

    With a configuration file go --objective, --sampler, --seed, --workers, --trainings, --seconds,
    --gco2e, --data-dir and --out, which replace what it says. --task, --space, --hardware, --grid,
    --inferences and --lifetime-years are for a search without a file, and needed there.
    """
    from nas.cli.hints import hint, search_hints
    from nas.cli.search_options import merged

    given = {
        "task": task,
        "space": space,
        "hardware": hardware,
        "grid": grid,
        "inferences": inferences,
        "lifetime_years": lifetime_years,
        "objectives": objective,
        "sampler": sampler,
        "seed": seed,
        "workers": workers,
        "trainings": trainings,
        "seconds": seconds,
        "gco2e": gco2e,
        "data_dir": str(data_dir) if data_dir else None,
    }
    chosen = merged(config, given)
    folder = out or Path("runs") / _name(config, chosen)
    if dry_run:
        _dry_run(chosen, folder, as_json)
        return
    from nas.engine.search import launch

    hint(search_hints(chosen))
    with _interruptible(folder):
        run = launch(chosen, folder)
        typer.echo(f"run folder: {folder}")
        _see_through(run, folder, chosen.search.workers)


def resume(
    run: RunArgument,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
) -> None:
    """Go on with a run that was interrupted or killed."""
    from nas.runs import open_run

    opened = open_run(run)
    with _interruptible(run):
        _see_through(opened, run, workers or opened.frozen["search"]["workers"])


def worker(run: RunArgument) -> None:
    """Work on a run from this process; start as many as you like, on any machine that sees it."""
    from nas.engine.worker import STOPPED_CODE, work
    from nas.runs import open_run

    ended = work(open_run(run))
    typer.echo(ended)
    if ended == "stopped":
        raise typer.Exit(STOPPED_CODE)


def status(run: RunArgument, as_json: JsonOption = False) -> None:
    """Tell how far a run is and who works on it."""
    from nas.engine.search import watch
    from nas.runs import open_run

    progress, workers = watch(open_run(run))
    if as_json:
        typer.echo(json.dumps({**asdict(progress), "workers": workers}, indent=1))
        return
    from nas.cli.display import progress_lines

    for line in progress_lines(progress):
        typer.echo(line)
    if workers:
        typer.echo(f"workers     {', '.join(str(pid) for pid in workers)} (process ids)")
    elif progress.phase != "done":
        typer.echo(f"workers     none; continue with: carbon-nas resume {run}")


@contextmanager
def _interruptible(folder: Path) -> Iterator[None]:
    """Let Ctrl-C at any moment end with exit code 130 and how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        if (folder / "frozen.json").exists():
            typer.echo(f"interrupted; nothing is lost. Resume with: carbon-nas resume {folder}")
        else:
            typer.echo("interrupted; nothing was started")
        raise typer.Exit(130) from None


def _see_through(run: Run, shown: Path, workers: int) -> None:
    from nas.cli.display import Display, closing_lines
    from nas.engine.search import supervise
    from nas.report import write_report

    with Display() as display:
        outcome = supervise(run, workers=workers, on_progress=display.update)
    if not outcome.finished:
        raise KeyboardInterrupt
    write_report(run)
    for line in closing_lines(run, shown, outcome.reason):
        typer.echo(line)


def _dry_run(config: SearchConfig, folder: Path, as_json: bool) -> None:
    from nas.cli.display import preview_lines
    from nas.cli.hints import hint, search_hints
    from nas.engine.plan import chosen
    from nas.engine.recipe_choices import listed
    from nas.engine.search import preview
    from nas.runs import taken

    found, used = preview(config)
    hint(search_hints(config, [fit.latency_s[-1] for fit in found.fits if fit.latency_s]))
    fault = taken(folder)
    if as_json:
        told = {"folder": str(folder), "folder_taken": fault is not None}
        typer.echo(json.dumps({**_preview_json(config, found, used), **told}, indent=1))
        return
    for line in preview_lines(chosen(config)[0], listed(config.recipe), found, used):
        typer.echo(line)
    typer.echo(f"run folder: {fault or folder}")


def _preview_json(config: SearchConfig, found: Probe, used: Expected | None) -> dict[str, Any]:
    from nas.engine.plan import chosen
    from nas.engine.recipe_choices import listed, with_recipe_choices

    space, choices = chosen(config)[0], listed(config.recipe)
    return {
        "space": config.space,
        "size": space.size(),
        "recipe_choices": choices,
        "candidates": with_recipe_choices(space, choices).size(),
        **asdict(found),
        "expected": asdict(used) if used else None,
    }


def _name(config: Path | None, chosen: SearchConfig) -> str:
    if config is None:
        task, space = (Path(name).name.partition(".")[0] for name in (chosen.task, chosen.space))
        return f"{task}-{space}-{chosen.search.sampler}-{chosen.search.seed}"
    return config.resolve().parent.name if config.stem == "config" else config.stem
