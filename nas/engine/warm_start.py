"""Beginning a search from earlier ones of its space: on other devices or grids, or another task.

What was trained for the same task by the same recipe is taken over as it is, since an error is the
same on every device; of other tasks and recipes the sampler learns which networks are likely to be
good, and the best of them are tried first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.engine.plan import Look, Plan
from nas.engine.recipe_choices import point_of
from nas.errors import ConfigError, SpaceError
from nas.pareto import non_dominated
from nas.runs import Run, open_run
from nas.runs.files import read_json
from nas.runs.tables import Record, read_records

__all__ = ["inherited"]

_FIRST = 3


def inherited(folders: Sequence[str], plan: Plan) -> tuple[dict[str, Any], dict[str, str]]:
    """What a search begins with.

    Args:
        folders: Of earlier runs.
        plan: Of the search.

    Returns:
        Facts to freeze: `runs`, their `gco2e`, `records` (keys of candidates that are taken over),
        `earlier` (points and what their error was), `first` (points to be tried first); and the
        records as texts by path within the new run's folder.

    Raises:
        RunError: A folder is no run, or is damaged.
        ConfigError: It is of another space, or has trained nothing.
    """
    files: dict[str, str] = {}
    earlier: list[tuple[dict[str, Any], float]] = []
    kept: list[str] = []
    first: list[dict[str, Any]] = []
    grams = 0.0
    for folder in folders:
        run = open_run(folder)
        _check_space(folder, run, plan)
        records = [row for row in read_records(run.artifacts) if row.status == "trained"]
        if not records:
            raise ConfigError(
                f"search.warm_start: {folder} has trained nothing; name another run, or none"
            )
        grams += _grams(run, records)
        others: list[tuple[Look, float]] = []
        for record in records:
            look = _look(record, plan)
            if look is None:
                continue
            if look.candidate == record.candidate and _answers(record, plan):
                if record.candidate not in kept:
                    files.update(_copies(run, record, len(kept)))
                    kept.append(record.candidate)
                continue
            errors = [error for error in record.mean_errors.values() if error is not None]
            if errors:
                others.append((look, min(errors)))
        earlier += [(point_of(look.architecture, look.settings), error) for look, error in others]
        first += [point_of(look.architecture, look.settings) for look in _best(others, plan)]
    facts = {
        "runs": [str(Path(folder).resolve()) for folder in folders],
        "gco2e": grams,
        "records": kept,
        "earlier": earlier,
        "first": first,
    }
    return facts, files


def _check_space(folder: str, run: Run, plan: Plan) -> None:
    told = run.frozen["space"]
    if (told["name"], told["version"]) != (plan.space.name, plan.space.version):
        raise ConfigError(
            f"search.warm_start: {folder} searched space {told['name']} of version "
            f"{told['version']}, not {plan.space.name} of version {plan.space.version}; name a run "
            "of the same space, or none"
        )


def _grams(run: Run, records: Sequence[Record]) -> float:
    """Of a whole search, or of one that has not ended what its trainings took."""
    spent = run.spent()
    if spent is not None:
        return float(spent["gco2e"])
    return sum(float(training["gco2e"]) for record in records for training in record.trainings)


def _look(record: Record, plan: Plan) -> Look | None:
    """The candidate as this search has it; None where it is not in its space."""
    settings = {
        name: record.recipe[name] if record.recipe.get(name) in values else values[-1]
        for name, values in plan.recipe_choices.items()
    }
    try:
        return plan.look(point_of(record.architecture, settings))
    except SpaceError:
        return None


def _answers(record: Record, plan: Plan) -> bool:
    errors = record.mean_errors
    known = all(errors.get(precision) is not None for precision in plan.precisions)
    return known and record.accuracy == "trained"


def _copies(run: Run, record: Record, order: int) -> dict[str, str]:
    folder = run.artifacts / record.candidate
    texts = {"layers.json": read_json(folder / "layers.json")}
    for training in record.trainings:
        number = int(training.get("training", 0))
        name = f"seed-{number}.json" if number else "result.json"
        texts[name] = {**training, "order": order, "inherited": str(run.path)}
    return {
        f"artifacts/{record.candidate}/{name}": json.dumps(value, indent=1)
        for name, value in texts.items()
    }


def _best(others: Sequence[tuple[Look, float]], plan: Plan) -> list[Look]:
    """A few along the front of the earlier errors and the objectives that are known here."""
    rows, owners = [], []
    known = [row.column for row in plan.objectives if row.kind != "trained"]
    for look, error in others:
        for place in range(len(plan.deployments)):
            if look.feasible(place):
                rows.append([error, *(float(look.scores[column][place]) for column in known)])
                owners.append(look)
    if not rows:
        return []
    values = np.array(rows)
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    front = usable[non_dominated(values[usable])] if len(usable) else usable
    by_error = sorted(front.tolist(), key=lambda row: rows[row][0])
    looks = list({owners[row].candidate: owners[row] for row in by_error}.values())
    if len(looks) <= _FIRST:
        return looks
    places = np.linspace(0, len(looks) - 1, _FIRST).round().astype(int)
    return [looks[place] for place in places.tolist()]
