"""The carbon statement of a run and of a model chosen from it: every number with its origin.

The pattern is that of published statements (Henderson et al., JMLR 2020; BLOOM, Luccioni et al.,
JMLR 2023): hours x power x overhead x grid intensity, with manufacture beside it, for the search,
the final training, one inference and the whole service.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware_profiles import fab_table
from nas.carbon.study import study_to_dict
from nas.carbon.uncertainty import LEVEL
from nas.cost.needs import check_needs
from nas.report.chosen import Chosen, chosen_point
from nas.report.emissions import emissions_csv
from nas.report.statement_device import assumed_figures, device_facts, inference_facts
from nas.report.statement_machine import figure_facts, final_training_facts, search_facts
from nas.report.statement_text import statement_markdown
from nas.report.text import plain_value
from nas.robustness import Robustness, robustness
from nas.runs.files import write_json, write_text
from nas.runs.tables import read_records

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = ["carbon_statement", "write_statement"]

_SPREAD = (
    ("one inference", "carbon_gco2e"),
    ("of it use", "operational_gco2e"),
    ("of it hardware", "embodied_gco2e"),
)
# Why a field may be unknown, by the end of its name.
_REASONS = {
    "baseline": "the view is a footprint, which is no change against anything",
    "pue": "the device stands in no data centre, or its power was taken behind one's overhead",
    "supply_efficiency": "the power was taken at the wall, or no loss before it is known",
    "transport_gco2e": "the device's profile does not know it, and it is not counted",
    "transport": "the device's profile does not know it, and it is not counted",
    "end_of_life_gco2e": "the device's profile does not know it, and it is not counted",
    "end_of_life": "the device's profile does not know it, and it is not counted",
    "change_gco2e": "the view is a footprint, which is no change against anything",
    "market_gco2e_per_kwh": "no contract for electricity was given",
    "operational_market_gco2e": "no contract for electricity was given",
    "low": "the source gives no range",
    "high": "the source gives no range",
    "sleep_w": "the profile does not know it; the device never sleeps under this demand",
    "wall_hours": "the run has not finished",
    "recorded_gco2e": "the run has not finished",
    "year": "the figure is not of one year",
    "scope": "the source does not say whether plants and fuel supply are inside",
    "flow": "the source does not say whether imports and exports are inside",
    "seed_spread": "it was trained with one seed only",
    "licence": "the task does not say",
    "demand": "not asked for by this demand; the other fields decide",
    "service": "a consequence and the footprint of a search do not add up",
    "packages": "was not installed",
    "file_sha256": "it comes with the package",
    "last_training_ended": "the run was made before that was recorded",
    "uncertainty": "no figure behind it has a range",
}


def carbon_statement(
    run: Run,
    candidate: str | None = None,
    deployment: str | None = None,
    *,
    sure: Robustness | None = None,
) -> dict[str, Any]:
    """Everything behind the carbon of a run and of one of its models, as plain data.

    Args:
        run: An opened run, finished or not.
        candidate: Key of the model; None takes the knee of the run's objectives.
        deployment: Label of the deployment; None takes that of the knee, or the first on which the
            candidate is feasible.
        sure: As `nas.robustness.robustness` gives it for the run; None draws anew.

    Returns:
        Sections ``run``, ``study``, ``search``, ``final_training``, ``model``, ``device``,
        ``inference``, ``service``, ``uncertainty``, ``assumed`` and ``factor_tables``; units are
        the last part of each name. A field that is None has its reason in ``unknown``, by its
        dotted name. `nas.report.recompute` redoes every total from the other fields.

    Raises:
        SelectionError: If there is no such candidate or deployment, or no model is feasible.
        DeploymentError: If its device lacks what its carbon is computed from.
        RunError: If a record of the run is damaged.
    """
    scores = run.scores()
    chosen = chosen_point(run, scores, candidate, deployment)
    check_needs([chosen.deployment], ["carbon_gco2e"], run.study.embodied_basis)
    said: dict[str, Any] = {
        "format": 1,
        "title": "Carbon statement of a search and of a model chosen from it",
        "run": _run_facts(run),
        "study": {**study_to_dict(run.study), "hash": run.study.hash},
        "search": search_facts(run),
        "final_training": final_training_facts(run, chosen.record),
        "model": _model_facts(chosen),
        "device": device_facts(run.study, chosen),
        "inference": inference_facts(run.study, chosen),
    }
    said["service"] = _service_facts(said)
    said["uncertainty"] = _uncertainty(sure or robustness(run), chosen, said["search"]["gco2e"])
    said["assumed"] = assumed_figures(run, chosen)
    said["factor_tables"] = _factor_tables(run)
    plain: dict[str, Any] = _plain(said)
    return {**plain, "unknown": {path: _reason(path) for path in _nones(plain)}}


def write_statement(
    run: Run,
    folder: str | Path | None = None,
    *,
    candidate: str | None = None,
    deployment: str | None = None,
    sure: Robustness | None = None,
) -> tuple[Path, Path, Path]:
    """Write ``statement.md``, ``statement.json`` and ``emissions.csv``, each whole or not at all.

    Args:
        run: An opened run, finished or not.
        folder: Where; None is the run's folder.
        candidate: As for `carbon_statement`.
        deployment: As for `carbon_statement`.
        sure: As for `carbon_statement`.

    Returns:
        The three files.

    Raises:
        SelectionError: As `carbon_statement`.
        RunError: If a record of the run is damaged.
        StorageError: If the disk is full or cannot be written.
    """
    place = run.path if folder is None else Path(folder)
    said = carbon_statement(run, candidate, deployment, sure=sure)
    paths = (place / "statement.md", place / "statement.json", place / "emissions.csv")
    write_text(paths[0], statement_markdown(said))
    write_json(paths[1], said)
    write_text(paths[2], emissions_csv(run))
    return paths


def _run_facts(run: Run) -> dict[str, Any]:
    task, space, environment = run.frozen["task"], run.frozen["space"], run.environment
    recipe = {**run.frozen["recipe"], **run.frozen.get("recipe_choices", {})}
    return {
        "name": run.path.name,
        "task": task["label"],
        "task_source": task["source"],
        "task_licence": task["licence"],
        "space": space["label"],
        "space_size": space["size"],
        "objectives": list(run.objectives),
        "sampler": run.frozen["search"]["sampler"],
        "seed": run.frozen["search"]["seed"],
        "last_training_ended": _last_end(run),
        "recipe": {k: v for k, v in recipe.items() if v is not None},
        "final_recipe": {k: v for k, v in run.frozen["final_recipe"].items() if v is not None},
        "python": environment.get("python"),
        "platform": environment.get("platform"),
        "packages": dict(environment.get("packages", {})),
    }


def _last_end(run: Run) -> str | None:
    """When the last training ended, in UTC."""
    trainings = [found for record in read_records(run.artifacts) for found in record.trainings]
    return max((str(t["finished_at"]) for t in trainings if "finished_at" in t), default=None)


def _model_facts(chosen: Chosen) -> dict[str, Any]:
    row = chosen.row
    return {
        "candidate": chosen.record.candidate,
        "architecture": dict(chosen.record.architecture),
        "recipe_chosen": dict(chosen.record.recipe),
        "deployment": chosen.deployment.label,
        "chosen_because": list(chosen.reasons),
        "error": float(row["error"]),
        "error_known": "trained: mean over the seeds, on the validation split",
        "seeds": int(row["seeds"]),
        "seed_spread": float(row["error_spread"]),
        "latency_s": float(row["latency_s"]),
        "peak_memory_bytes": float(row["peak_memory_bytes"]),
        "storage_bytes": float(row["storage_bytes"]),
        "costs_known": "modelled from the layers and the device's figures, not measured there",
        "params": int(row["params"]),
        "macs": int(row["macs"]),
    }


def _service_facts(said: Mapping[str, Any]) -> dict[str, Any] | None:
    """All of it together, over the life of the devices; None where it does not add up."""
    if said["study"]["view"] != "footprint":
        return None
    search, training, one = said["search"], said["final_training"], said["inference"]
    count = one["inferences"]
    machines = search["embodied_gco2e"] + training["embodied_gco2e"]
    use = search["operational_gco2e"] + training["operational_gco2e"]
    use += count * one["operational_gco2e"]
    devices = count * one["embodied_gco2e"]
    return {
        "by_part": {
            "search": search["gco2e"],
            "final_training": training["gco2e"],
            "inference": count * one["operational_gco2e"],
            "devices": devices,
        },
        "by_phase": {
            "manufacture": machines + count * one["manufacture_gco2e"],
            "transport": _times(count, one["transport_gco2e"]),
            "use": use,
            "end_of_life": _times(count, one["end_of_life_gco2e"]),
        },
        "by_scope": {"scope1": 0.0, "scope2": use, "scope3": machines + devices},
        "gco2e": use + machines + devices,
    }


def _times(count: float, grams: float | None) -> float | None:
    return None if grams is None else count * grams


def _uncertainty(found: Robustness, chosen: Chosen, search_gco2e: float) -> dict[str, Any] | None:
    """How far carbon may be off, from the ranges of the figures behind it; None without any."""
    if not found.factors:
        return None
    key, label = chosen.record.candidate, chosen.deployment.label
    rows = [
        (what, column, float(chosen.row[column]), found.interval(key, label, column))
        for what, column in _SPREAD
    ]
    intervals = [
        {
            "what": what,
            "column": column,
            "gco2e": grams,
            "low_gco2e": ends[0],
            "high_gco2e": ends[1],
        }
        for what, column, grams, ends in rows
        if ends is not None
    ]
    if found.search_gco2e is not None and found.search_gco2e[1] > 0.0:
        low, middle, high = (grams / found.search_gco2e[1] for grams in found.search_gco2e)
        intervals.insert(
            0,
            {
                "what": "the search",
                "gco2e": search_gco2e * middle,
                "low_gco2e": search_gco2e * low,
                "high_gco2e": search_gco2e * high,
            },
        )
    mover = found.mover(key, label)
    most = None if mover is None else {"figure": mover, **figure_facts(found.factors[mover])}
    return {
        "level": LEVEL,
        "draws": found.draws,
        "seed": found.seed,
        "figures": len(found.factors),
        "certain_grids": list(found.certain_grids),
        "intervals": intervals,
        "on_front_share": found.share(key, label),
        "moves_most": most,
    }


def _factor_tables(run: Run) -> list[dict[str, Any]]:
    study = run.study
    table = fab_table(study.fab_table)
    return [
        {
            "what": "manufacture",
            "name": study.fab_table,
            "version": table.version,
            "file_sha256": study.fab_table_sha256,
            "label": f"{table.label}; scopes {table.scopes} of the fabs",
        },
        {
            "what": "grid intensity",
            "name": "grids",
            "version": study.grid_table,
            "file_sha256": None,
            "label": "each grid has its source beside its figure",
        },
    ]


def _plain(value: Any) -> Any:
    """Values as JSON can hold them; NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    return plain_value(value)


def _nones(value: Any, path: str = "") -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _nones(item, f"{path}.{key}" if path else str(key))


def _reason(path: str) -> str:
    parts = path.split(".")
    named = (_REASONS[part] for part in (parts[-1], *reversed(parts[:-1])) if part in _REASONS)
    return next(named, "the run does not know it")
