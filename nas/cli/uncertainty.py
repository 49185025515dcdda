"""What commands print when figures are drawn: fronts with intervals, two models draw by draw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from nas.runs import Run
    from nas.selection import Selection

__all__ = [
    "DrawsOption",
    "SeedOption",
    "print_drawn_front",
    "print_points",
    "sure_lines",
    "sure_of",
    "wanted_seed",
]

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


def sure_of(
    run: Run, chosen: Selection, names: Sequence[str] | None, *, draws: int, seed: int
) -> dict[str, Any]:
    """How sure a selected model is, for JSON: ``uncertainty`` with intervals and stay share."""
    from nas.report.robust_text import uncertain
    from nas.robustness import robustness

    found = robustness(run, names, draws=draws, seed=seed)
    pair = (chosen.candidate, chosen.deployment)
    columns = [row.column for row in uncertain(found.names)]
    facts = {
        "draws": draws,
        "seed": seed,
        "intervals": {column: found.interval(*pair, column) for column in columns},
        "on_front_share": found.share(*pair),
        "moved_most_by": found.mover(*pair),
        "certain_grids": list(found.certain_grids),
    }
    return {"uncertainty": facts}


def sure_lines(sure: Mapping[str, Any]) -> list[str]:
    """The same for a person; no line where nothing was drawn."""
    from nas.carbon.uncertainty import LEVEL
    from nas.objectives import OBJECTIVES
    from nas.report.robust_text import certain_text, range_text, share_text

    if not sure:
        return []
    facts = sure["uncertainty"]
    rows = [row for row in OBJECTIVES.values() if row.column in facts["intervals"]]
    ranges = []
    for row in rows:
        low, high = facts["intervals"][row.column]
        ranges.append(f"{row.label} {range_text(low, high, row.unit)}")
    return [
        f"{', '.join(ranges)} in {100 * LEVEL:.0f} % of {facts['draws']} draws (seed "
        f"{facts['seed']})",
        f"on the front in {share_text(facts['on_front_share'])} of the draws; its carbon is moved "
        f"most by {facts['moved_most_by'] or 'nothing'}",
        *([certain_text(facts["certain_grids"])] if facts["certain_grids"] else []),
    ]


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
    from nas.deployments import candidate_and_deployment
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
