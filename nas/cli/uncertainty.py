"""What commands print when figures are drawn: fronts with intervals, two models draw by draw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from nas.runs import Run

__all__ = ["DrawsOption", "SeedOption", "print_drawn_front", "print_points", "wanted_seed"]

DrawsOption = Annotated[
    int | None, typer.Option(help="Draw all figures that have a range this often, such as 400.")
]
SeedOption = Annotated[int | None, typer.Option(help="Seed of the draws; 0 unless given.")]


def wanted_seed(draws: int | None, seed: int | None) -> int:
    """The seed of the draws.

    Raises:
        ConfigError: If a seed is given and nothing is drawn.
    """
    if draws is None and seed is not None:
        raise ConfigError("--seed: goes with --draws; give both, or neither")
    return seed or 0


def print_drawn_front(
    run: Run,
    best: pd.DataFrame,
    *,
    deployment: str | None,
    draws: int,
    seed: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print a front with intervals, stay shares and what moves it, as text, CSV or JSON."""
    from nas.report import front_text, table_csv, table_rows
    from nas.report.robust_text import robustness_rows, robustness_text, with_intervals
    from nas.robustness import robustness

    found = robustness(
        run,
        best.attrs["objectives"],
        draws=draws,
        seed=seed,
        deployments=[place for place in run.deployments if deployment in (None, place.label)],
    )
    table = with_intervals(best, found)
    if as_json:
        said = {"front": table_rows(table), "about": best.attrs}
        typer.echo(json.dumps({**said, "robustness": robustness_rows(found)}, indent=1))
    elif as_csv:
        typer.echo(table_csv(table), nl=False)
    else:
        typer.echo(f"{front_text(best)}\n\n{robustness_text(best, found)}")


def print_points(
    paths: Sequence[Path],
    points: Sequence[str],
    names: Sequence[str] | None,
    *,
    draws: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Print two models of one run, or of two, compared draw by draw.

    Raises:
        ConfigError: If there are not two points and one or two runs, or a point is malformed.
    """
    from nas.cli.deployments import candidate_and_deployment
    from nas.report.robust_text import point_rows, point_text
    from nas.robustness import DRAWS, compare_points
    from nas.runs import open_run

    if len(points) != 2 or len(paths) > 2:
        raise ConfigError(
            f"--point: got {len(points)} with {len(paths)} runs; give two, both of one run, or "
            "one of each of two"
        )
    runs = [open_run(path) for path in (paths[0], paths[-1])]
    first, second = (
        (run, candidate, place.label)
        for run, text in zip(runs, points, strict=True)
        for candidate, place in [candidate_and_deployment(text, run.deployments, option="--point")]
    )
    found = compare_points(
        first, second, names, draws=DRAWS if draws is None else draws, seed=seed or 0
    )
    typer.echo(json.dumps(point_rows(found), indent=1) if as_json else point_text(found))
