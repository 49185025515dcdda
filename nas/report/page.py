"""The page of a run: one HTML file that needs nothing else and no network."""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import pandas as pd

from nas.comparison import front_of, per_deployment
from nas.objectives import OBJECTIVES
from nas.quantities import counted, format_quantity
from nas.report.axes import short_unit
from nas.report.background import background_sections
from nas.report.calculation import calculation_section
from nas.report.chosen import chosen_point
from nas.report.markup import facts
from nas.report.material import Material
from nas.report.robust import robust_section
from nas.report.sections import result_sections
from nas.report.what_if import what_if_section
from nas.runs.files import write_text

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = ["report_html", "write_report"]


def report_html(run: Run, *, candidate: str | None = None, deployment: str | None = None) -> str:
    """The page of a run as HTML, complete in itself.

    Args:
        run: An opened run, finished or not.
        candidate: Key of the model whose calculation is shown line by line; None takes the knee of
            the run's objectives.
        deployment: Label of its deployment; None takes that of the knee, or the first on which the
            candidate is feasible.

    Raises:
        RunError: If a record of the run is damaged.
        SelectionError: If there is no such candidate or deployment.
    """
    scores, candidates = run.scores(), run.candidates()
    material = Material(
        run=run,
        scores=scores,
        candidates=candidates,
        front=front_of(scores, run.objectives, study=run.study, apart=per_deployment(run)),
        spent=_spent(run, candidates),
    )
    calculation = ""
    if candidate is not None or not material.usable.empty:
        chosen = chosen_point(run, scores, candidate, deployment)
        calculation = calculation_section(run.study, chosen)
    body = _head(material) + result_sections(material)
    if not material.usable.empty:
        body += robust_section(material) + what_if_section(material)
    body += calculation + background_sections(material)
    page = resources.files("nas.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(page).substitute(title=escape(_title(run)), body=body)


def write_report(
    run: Run,
    path: str | Path | None = None,
    *,
    candidate: str | None = None,
    deployment: str | None = None,
) -> Path:
    """Write the page of a run, whole or not at all.

    Args:
        run: An opened run.
        path: Where; None is ``report.html`` in the run's folder.
        candidate: As for `report_html`.
        deployment: As for `report_html`.

    Returns:
        The file.

    Raises:
        RunError: If a record of the run is damaged.
        SelectionError: If there is no such candidate or deployment.
        StorageError: If the disk is full or cannot be written.
    """
    target = run.path / "report.html" if path is None else Path(path)
    write_text(target, report_html(run, candidate=candidate, deployment=deployment))
    return target


def _spent(run: Run, candidates: pd.DataFrame) -> dict[str, float]:
    spent = run.spent()
    if spent is not None:
        return {
            **{name: float(spent[name]) for name in ("seconds", "energy_j", "gco2e")},
            "whole": 1,
        }
    columns = {"seconds": "train_s", "energy_j": "energy_j", "gco2e": "training_gco2e"}
    return {
        **{
            name: float(candidates[column].sum()) if column in candidates else 0.0
            for name, column in columns.items()
        },
        "whole": 0,
    }


def _title(run: Run) -> str:
    task, space = run.frozen["task"]["label"], run.frozen["space"]["name"]
    return f"{task}: {space} searched for {', '.join(run.objectives)}"


def _front_words(material: Material) -> str:
    count = len(material.labels)
    if material.apart:
        return f"fronts of {count} deployments, each its own"
    return f"front, over {count} deployments"


def _search_range(material: Material) -> str:
    found = material.robustness.search_gco2e
    if found is None:
        return ""
    low, high = (short_unit(format_quantity(grams, "gCO2e")) for grams in (found[0], found[2]))
    return f" ({low} to {high})"


def _head(material: Material) -> str:
    run, front, candidates = material.run, material.front, material.candidates
    trained = int((candidates["status"] == "trained").sum()) if len(candidates) else 0
    size = run.frozen["space"]["size"]
    rows = [
        (f"{trained}", f"models trained, of {counted(size)} in the space"),
        (f"{len(front)}", f"on the {_front_words(material)}"),
    ]
    for name in run.objectives:
        objective = OBJECTIVES[name]
        if len(front):
            best = float(front[objective.column].min())
            rows.append((material.written(objective, best), f"least {objective.label}"))
    carbon = short_unit(format_quantity(material.spent["gco2e"], "gCO2e"))
    rows.append((carbon, f"CO2e spent on the search{_search_range(material)}"))
    return (
        f"<h1>{escape(_title(run))}</h1>"
        f'<p class="lead">Run <code>{escape(run.path.name)}</code>, study '
        f"<code>{run.study.hash}</code>. Carbon is grams CO2e for {run.study.functional_unit}: "
        f"{run.study.boundary}.</p>{facts(rows)}"
    )
