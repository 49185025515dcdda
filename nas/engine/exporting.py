"""From a run's candidate to a verified model folder with a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hardware_profiles import Deployment
from nas.engine.plan import load_plan
from nas.engine.samplers import seed_of
from nas.errors import ExportError, unknown_name
from nas.models.recipe import recipe_from_dict
from nas.objectives import OBJECTIVES
from nas.quantities import format_quantity
from nas.runs import Run
from nas.runs.machine import worker_power
from nas.runs.recipes import final_recipe
from nas.runs.tables import Record, read_records, score_table

__all__ = ["export_candidate"]


def export_candidate(
    run: Run,
    candidate: str,
    deployment: str | None,
    folder: Path,
    *,
    reasons: Sequence[str] = (),
) -> list[str]:
    """Train a candidate fully and write its model folder, verified in ONNX Runtime.

    Args:
        run: The run that holds the candidate.
        candidate: Its key.
        deployment: Label of the deployment; None takes the first on which it is feasible.
        folder: Where; must not exist.
        reasons: Why this candidate was chosen, for its card.

    Returns:
        Lines for people: accuracy, latency, size.

    Raises:
        ExportError: If the run has no such candidate or deployment, the candidate is not feasible
            there, the folder exists, or the exported file does not reproduce the module.
    """
    from nas.models.export import export_model

    plan = load_plan(run)
    record = _record(run, candidate)
    chosen = _deployment(run, record, deployment)
    scores = score_table([record], run.deployments, run.study, run.frozen["constraints"])
    row = scores[scores["deployment"] == chosen.label].iloc[0]
    exported = export_model(
        record.layers,
        plan.task,
        recipe_from_dict(final_recipe(run.frozen, record.recipe)),
        folder,
        seed=seed_of("export", plan.seed, candidate),
        precision=chosen.precision,
        data_dir=plan.data_dir,
        card=_card(run, record, chosen, row, reasons),
    )
    return [
        f"test {exported.metric} {exported.test_metric:.4f} (measured once, on the exported file)",
        f"host latency {format_quantity(exported.host_latency_s, 's')} (ONNX Runtime, median)",
        f"on {chosen.label}: latency {format_quantity(float(row['latency_s']), 's')}, "
        f"carbon {format_quantity(float(row['carbon_gco2e']), 'gCO2e')} per inference (modelled)",
    ]


def _record(run: Run, candidate: str) -> Record:
    records = {record.candidate: record for record in read_records(run.artifacts)}
    if candidate not in records:
        command = f"carbon-nas front {run.path}"
        raise ExportError(unknown_name("candidate", candidate, records, command))
    if records[candidate].status != "trained":
        raise ExportError(
            f"candidate {candidate}: is {records[candidate].status}, not trained; choose another"
        )
    return records[candidate]


def _deployment(run: Run, record: Record, label: str | None) -> Deployment:
    by_label = {deployment.label: deployment for deployment in run.deployments}
    if label is not None and label not in by_label:
        raise ExportError(unknown_name("deployment", label, by_label, "carbon-nas status"))
    scores = score_table([record], run.deployments, run.study, run.frozen["constraints"])
    rows = scores if label is None else scores[scores["deployment"] == label]
    feasible = rows[rows["feasible"]]
    if feasible.empty:
        first = rows.iloc[0]
        raise ExportError(
            f"candidate {record.candidate}: is not feasible on {first['deployment']} "
            f"({first['reason']}); choose another with `carbon-nas select`"
        )
    return by_label[str(feasible.iloc[0]["deployment"])]


def _card(
    run: Run, record: Record, deployment: Deployment, row: Any, reasons: Sequence[str]
) -> dict[str, Any]:
    study = run.study
    # As on fronts, life-cycle carbon is told only where it compares between models.
    whole_life = study.demand.inferences is not None and study.view != "consequence"
    scores: Mapping[str, float | None] = {
        objective.column: None
        if row[objective.column] != row[objective.column]
        else float(row[objective.column])
        for objective in OBJECTIVES.values()
        if whole_life or objective.name != "lifecycle"
    }
    profile, load = deployment.profile, deployment.profile.load_w
    return {
        "candidate": record.candidate,
        "architecture": dict(record.architecture),
        **({"recipe_chosen": dict(record.recipe)} if record.recipe else {}),
        "run": run.path.name,
        "study": {**_given(run.frozen["study"]), "hash": study.hash},
        "inferences_over_the_life": float(row["inferences"]),
        "deployment": {
            "label": deployment.label,
            "hardware": profile.label,
            "precision": deployment.precision,
            "batch": deployment.batch,
            "streams": deployment.streams,
            "threads": deployment.threads,
            "grid": deployment.grid.label,
            "grid_gco2e_per_kwh": deployment.grid.gco2e_per_kwh.value,
            "overhead": deployment.overhead,
        },
        "scores": scores,
        "validation_error_of_seeds": record.errors(deployment.precision),
        "whole_search": {**(run.spent() or {}), "kind": "modelled"},
        "this_candidate": {
            "trainings": len(record.trainings),
            "seconds": sum(float(t["seconds"]) for t in record.trainings),
            "energy_j": sum(float(t["energy_j"]) for t in record.trainings),
            "gco2e": sum(float(t["gco2e"]) for t in record.trainings),
            "kind": "modelled",
        },
        "full_training_gco2e_per_s": worker_power(run.frozen).whole_gco2e_per_s,
        "reasons": list(reasons),
        "assumptions": [
            "latency, energy and carbon on the device are modelled, not measured there",
            f"power of {profile.name}: "
            + ("unknown" if load is None else f"{load.basis}; {load.source}"),
            f"grid {deployment.grid.name}: {deployment.grid.rate} rate, "
            f"{deployment.grid.gco2e_per_kwh.source}",
            f"manufacture: factor table {study.fab_table}",
            f"service life {study.demand.lifetime_years:g} years",
        ],
    }


def _given(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not asked for, which would read as unknown."""
    return {
        key: _given(value) if isinstance(value, Mapping) else value
        for key, value in facts.items()
        if value is not None
    }
