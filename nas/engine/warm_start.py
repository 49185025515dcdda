"""Beginning a search from earlier ones of its space: on other devices or grids, or another task.

What was trained for the same task by the same recipe is taken over as it is, since an error is the
same on every device; of other tasks and recipes the sampler learns which networks are likely to be
good, and the best of them are tried first. A search by shared weights takes these over, with all
that they scored, so that another device is answered without training them again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.engine.plan import Look, Plan, rungs_of
from nas.engine.recipe_choices import point_of
from nas.engine.shared_weights import AGREEMENT, WEIGHTS, WEIGHTS_OF
from nas.errors import ConfigError, SpaceError
from nas.models.recipe import recipe_to_dict
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
        ConfigError: It is of another space, has trained nothing, or lacks the shared weights that
            this search wants.
    """
    files: dict[str, str] = {}
    earlier: list[tuple[dict[str, Any], float]] = []
    kept: list[str] = []
    first: list[dict[str, Any]] = []
    grams = 0.0
    if plan.supernet_recipe is not None:
        _check_shared(folders, plan)
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
            alike = rungs_of(run.frozen)[:-1] == plan.rungs[:-1]  # trained in the same cycles
            if look.candidate == record.candidate and alike and _answers(record, plan):
                if record.candidate not in kept:
                    files.update(_copies(run, record, len(kept)))
                    kept.append(record.candidate)
                continue
            errors = [error for error in record.mean_errors.values() if error is not None]
            if errors:
                others.append((look, min(errors)))
        earlier += [(point_of(look.architecture, look.settings), error) for look, error in others]
        first += [point_of(look.architecture, look.settings) for look in _best(others, plan)]
        if plan.supernet_recipe is not None:
            files.update(_described_weights(run))
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


def _check_shared(folders: Sequence[str], plan: Plan) -> None:
    """Refuse what cannot give its shared weights to this search."""
    if len(folders) > 1:
        raise ConfigError(
            f"search.warm_start: {len(folders)} runs, and search.accuracy: supernet goes on from "
            "the weights of one; name one"
        )
    run = open_run(folders[0])
    wanted = recipe_to_dict(plan.supernet_recipe) if plan.supernet_recipe else None
    if not (run.path / WEIGHTS).exists() or run.frozen.get("supernet_recipe") != wanted:
        raise ConfigError(
            f"search.warm_start: {folders[0]} has no shared weights that were trained by this "
            "recipe; name a run of search.accuracy: supernet with the same recipe, or none"
        )
    if run.frozen["task"]["name"] != plan.task.name:
        raise ConfigError(
            f"search.warm_start: the shared weights of {folders[0]} are of task "
            f"{run.frozen['task']['name']}, not {plan.task.name}; name a run of that, or none"
        )


def _described_weights(run: Run) -> dict[str, str]:
    """Of which networks the shared weights are, and how far they agree, for the new folder."""
    of_run = run.path / WEIGHTS_OF
    described = of_run if of_run.exists() else run.path / "frozen.json"
    texts = {WEIGHTS_OF: json.dumps(read_json(described))}
    if (run.path / AGREEMENT).exists():
        texts[AGREEMENT] = json.dumps(read_json(run.path / AGREEMENT))
    return texts


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
    return known and (record.accuracy == "trained" or plan.supernet_recipe is not None)


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
