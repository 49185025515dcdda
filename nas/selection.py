"""One candidate and deployment out of many, with the reasons. No torch, no optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.comparison import demand_notes, objective_values, usable_rows
from nas.errors import FrontError, SelectionError
from nas.objectives import OBJECTIVES, Objective, objectives, unknown_objective
from nas.pareto import knee, non_dominated
from nas.pareto.fronts import scaled
from nas.quantities import format_quantity
from nas.runs.recipes import RECIPE_PREFIX

if TYPE_CHECKING:
    import pandas as pd

    from nas.carbon.study import Study

__all__ = ["Selection", "preference", "select"]


@dataclass(frozen=True)
class Selection:
    """What was selected and why.

    Attributes:
        candidate: Key of the candidate.
        deployment: Label of the deployment.
        row: Its whole row of scores.
        reasons: Lines that lead from all scores to this one.
    """

    candidate: str
    deployment: str
    row: Mapping[str, Any]
    reasons: tuple[str, ...]


def select(
    scores: pd.DataFrame,
    names: Sequence[str] = ("error", "carbon"),
    *,
    limits: Mapping[str, float] | None = None,
    prefer: str | Mapping[str, float] | Sequence[str] = "knee",
    deployment: str | None = None,
    study: Study | None = None,
) -> Selection:
    """Select one score within limits.

    Args:
        scores: Scores of a run, or its front; its deployments are looked at together, also where
            each is a target of its own.
        names: Objectives to balance when `prefer` is "knee"; otherwise `prefer` names them.
        limits: Largest allowed value by objective name or column, in the column's unit.
        prefer: "knee" for the balanced point (`nas.pareto.knee`); weights by objective for the
            smallest weighted sum of objectives scaled to 0..1 over the front; or a list of
            objectives, best in the first and among equals in the next. Weights and lists may be
            texts, see `preference`.
        deployment: Label of the only deployment to look at; None takes all.
        study: What the scores were counted under; with it, what does not compare is refused.

    Raises:
        ConfigError: If an objective is unknown.
        FrontError: If the scores lack an objective's column, or the deployment is unknown.
        SelectionError: If a limit or preference is malformed, an objective does not compare under
            the study's demand, or no score meets the limits; then the message says which limit
            excludes most, and the value that would admit one.
    """
    prefer = preference(prefer) if isinstance(prefer, str) else prefer
    wanted = _wanted(names, prefer)
    bounds = _bounds(limits or {})
    notes = _notes([*wanted, *(row.name for row in bounds)], study)
    rows, counts = usable_rows(scores, wanted, deployment=deployment)
    if rows.empty:
        raise SelectionError(
            f"select: none of {counts['rows']} scores is feasible, trained and known in "
            f"{', '.join(wanted)}; `carbon-nas front` shows why"
        )
    within = _within(rows, bounds)
    admitted = np.flatnonzero(within.all(axis=1))
    if not admitted.size:
        raise SelectionError(_nothing_within(rows, bounds, within))
    allowed = rows.iloc[admitted]
    confirmed, luck = _confirmed(rows, allowed)
    chosen = objectives(wanted)
    best = confirmed.loc[non_dominated(objective_values(confirmed, chosen))]
    index, why = _prefer(objective_values(best, chosen), chosen, prefer)
    row = best.iloc[index]
    reasons = [
        f"{len(rows)} of {counts['rows']} scores are feasible, trained and known",
        *([f"{len(allowed)} of those meet {_said(bounds)}"] if bounds else []),
        *luck,
        f"{len(best)} of those are on the front of {', '.join(wanted)}",
        why,
        *(_against_best(row, best, objective) for objective in chosen),
        *_recipe(row),
        *notes,
    ]
    return Selection(
        candidate=str(row["candidate"]),
        deployment=str(row["deployment"]),
        row={str(key): value for key, value in row.items()},
        reasons=tuple(reasons),
    )


def preference(text: str) -> str | dict[str, float] | list[str]:
    """What a text prefers: "knee", weights "error=2,carbon=1", or an order "carbon,latency".

    Raises:
        SelectionError: If a weight is no number, a name is given twice, or weights and an order
            are mixed.
    """
    if text == "knee":
        return text
    parts = [part.strip() for part in text.split(",")]
    names = [part.partition("=")[0].strip() for part in parts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SelectionError(f"prefer: {twice[0]!r} is given twice; give it once")
    weighed = ["=" in part for part in parts]
    if not any(weighed):
        return parts
    if not all(weighed):
        raise SelectionError(
            f"prefer: got {text!r}; give weights such as error=2,carbon=1, or an order such as "
            "carbon,latency"
        )
    return {name: _weight(part) for name, part in zip(names, parts, strict=True)}


def _weight(part: str) -> float:
    name, _, value = part.partition("=")
    try:
        return float(value)
    except ValueError:
        raise SelectionError(f"prefer: {name} weighs {value!r}; give a number") from None


def _confirmed(rows: pd.DataFrame, allowed: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Those of the allowed rows that were trained with all further seeds, and what to say of it.

    An error of one training may be a lucky one, so it does not compete with means of several.
    """
    if "seeds" not in rows or int(rows["seeds"].max()) < 2:
        return allowed, ()
    seeds = int(rows["seeds"].max())
    confirmed = allowed.loc[allowed["seeds"] >= seeds]
    if confirmed.empty:
        return allowed, (f"none of those was trained with {seeds} seeds, so luck may decide",)
    return confirmed, (f"{len(confirmed)} of those were trained with {seeds} seeds",)


def _recipe(row: pd.Series[Any]) -> tuple[str, ...]:
    """What the search chose of its training."""
    settings = [
        f"{str(name).removeprefix(RECIPE_PREFIX)} {value}"
        for name, value in row.items()
        if str(name).startswith(RECIPE_PREFIX)
    ]
    return (f"it was trained with {', '.join(settings)}",) if settings else ()


def _notes(names: Sequence[str], study: Study | None) -> tuple[str, ...]:
    try:
        return demand_notes(names, study)
    except FrontError as error:
        raise SelectionError(f"select: {error}") from None


def _wanted(
    names: Sequence[str], prefer: str | Mapping[str, float] | Sequence[str]
) -> tuple[str, ...]:
    if isinstance(prefer, str):
        return tuple(names)
    if isinstance(prefer, Mapping):
        for name, weight in prefer.items():
            if not (math.isfinite(weight) and weight > 0.0):
                raise SelectionError(f"prefer: {name} weighs {weight}, give a finite weight > 0")
    return tuple(prefer)


def _bounds(limits: Mapping[str, float]) -> dict[Objective, float]:
    by_column = {row.column: row for row in OBJECTIVES.values()}
    bounds: dict[Objective, float] = {}
    for name, bound in limits.items():
        row = OBJECTIVES.get(name) or by_column.get(name)
        if row is None:
            raise SelectionError(unknown_objective("limit", name))
        if not math.isfinite(bound):
            raise SelectionError(f"limit: {name} is {bound}, give a finite number")
        if row in bounds:
            raise SelectionError(f"limit: {row.name} is given twice, once as {row.column}")
        bounds[row] = float(bound)
    return bounds


def _turned(bounds: Mapping[Objective, float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([b if row.direction == "minimize" else -b for row, b in bounds.items()])


def _within(
    rows: pd.DataFrame, bounds: Mapping[Objective, float]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Shape (rows, limits); an unknown value meets no limit."""
    values = objective_values(rows, tuple(bounds)) if bounds else np.zeros((len(rows), 0))
    met: np.ndarray[Any, np.dtype[np.bool_]] = values <= _turned(bounds)
    return met


def _nothing_within(
    rows: pd.DataFrame,
    bounds: Mapping[Objective, float],
    within: np.ndarray[Any, np.dtype[np.bool_]],
) -> str:
    limits = list(bounds)
    worst = int(np.argmin(within.sum(axis=0)))
    others = np.delete(within, worst, axis=1).all(axis=1)
    values = objective_values(rows, limits)[:, worst]
    known = np.isfinite(values)
    row = limits[worst]
    excluded = f"{row.name} <= {bounds[row]:g} excludes {int((~within[:, worst]).sum())}"
    head = f"select: no score of {len(rows)} meets {_said(bounds)}; {excluded}"
    if not known.any():
        return f"{head}, as none has a known {row.name}; drop that limit"
    together = known & others
    nearest = float(values[together if together.any() else known].min())
    nearest = nearest if row.direction == "minimize" else -nearest
    said = f"{nearest:.6g} ({format_quantity(nearest, row.unit)})"
    if together.any():
        return f"{head}, the nearest is {said}; allow that"
    return f"{head}, the nearest is {said}, which breaks another limit; loosen more than one"


def _said(bounds: Mapping[Objective, float]) -> str:
    return " and ".join(
        f"{row.name} {'<=' if row.direction == 'minimize' else '>='} "
        f"{format_quantity(bound, row.unit)}"
        for row, bound in bounds.items()
    )


def _prefer(
    values: np.ndarray[Any, np.dtype[np.float64]],
    chosen: Sequence[Objective],
    prefer: str | Mapping[str, float] | Sequence[str],
) -> tuple[int, str]:
    """Index into the front, and the reason in words."""
    names = [row.name for row in chosen]
    if isinstance(prefer, str):
        if len(chosen) == 1:
            return knee(values), f"it has the least {names[0]}"
        return knee(values), f"it is the knee: most balanced between {', '.join(names)}"
    if isinstance(prefer, Mapping):
        weights = np.array([prefer[name] for name in names], dtype=np.float64)
        index = int(np.argmin(scaled(values) @ weights))
        said = ", ".join(f"{weight:g} x {name}" for name, weight in prefer.items())
        return index, f"it has the smallest weighted sum of scaled objectives: {said}"
    index = int(np.lexsort(values.T[::-1])[0])
    then = "".join(f", among equals the least {name}" for name in names[1:])
    return index, f"it has the least {names[0]}{then}"


def _against_best(row: pd.Series[Any], best: pd.DataFrame, objective: Objective) -> str:
    turned = objective_values(best, [objective])[:, 0]
    top = float(best[objective.column].astype("float64").iloc[int(np.argmin(turned))])
    value = float(row[objective.column])
    return (
        f"{objective.label} {format_quantity(value, objective.unit)}, "
        f"best on that front {format_quantity(top, objective.unit)}"
    )
