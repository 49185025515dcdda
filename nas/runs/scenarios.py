"""Scores of a run under scenarios, in which the figures behind them are moved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hardware_profiles.deployment import Deployment, deployment_from_dict
from hardware_profiles.fab import FabTable, fab_table
from hardware_profiles.figure import Figure
from nas.carbon.study import Study
from nas.carbon.uncertainty import placed
from nas.cost.ensemble import ensemble_of, factors_of, moved_deployments, moved_tables
from nas.cost.workload import workload
from nas.runs.folder import Run
from nas.runs.machine import HOST_BUSY_SHARE, worker_power
from nas.runs.tables import Record, read_records

__all__ = ["Scenarios", "Subject", "scenarios", "subject"]

Array = npt.NDArray[np.float64]
BUSY_SHARE = "search machine.busy_share"


@dataclass(frozen=True)
class Subject:
    """What scenarios are about: a run's trained candidates on deployments, under a study.

    Attributes:
        run: The run.
        records: Its trained candidates.
        deployments: What they are scored on.
        study: What they are scored under.
        factors: Every figure with a range behind the scores and the search, by name.
    """

    run: Run
    records: tuple[Record, ...]
    deployments: tuple[Deployment, ...]
    study: Study
    factors: Mapping[str, Figure] = field(repr=False)

    @property
    def host(self) -> Deployment:
        """The machine that searched."""
        return deployment_from_dict(self.run.frozen["search"]["host"])


@dataclass(frozen=True)
class Scenarios:
    """Scores under S scenarios.

    Attributes:
        count: Scenarios S.
        rows: One row a ``candidate`` and ``deployment``, R of them, in the order of the scores.
        columns: Numeric columns of the scores by name, each of shape (S, R); ``feasible`` too.
        search_factor: Carbon of the search relative to what was recorded, shape (S,).
    """

    count: int
    rows: pd.DataFrame
    columns: Mapping[str, npt.NDArray[Any]]
    search_factor: Array

    def column(self, name: str) -> Array:
        """One column of the scores, shape (S, R), also where there is no row."""
        return self.columns.get(name, np.zeros((self.count, 0)))


def subject(
    run: Run,
    *,
    study: Study | None = None,
    deployments: Sequence[Deployment] | None = None,
    candidates: Sequence[str] | None = None,
) -> Subject:
    """What to score under scenarios, with the figures that may move.

    Args:
        run: An opened run.
        study: What to count under; None keeps the run's own.
        deployments: What to score on; None takes those of the run.
        candidates: Keys of those to score; None takes all that were trained.

    Raises:
        RunError: If a record of the run is damaged.
    """
    study, deployments = study or run.study, tuple(deployments or run.deployments)
    records = tuple(
        record
        for record in read_records(run.artifacts)
        if record.status == "trained" and (candidates is None or record.candidate in candidates)
    )
    made = Subject(run, records, deployments, study, {})
    tables = (fab_table(study.fab_table), fab_table(run.study.fab_table))
    found = factors_of((*deployments, made.host), tables)
    return replace(made, factors={**found, BUSY_SHARE: HOST_BUSY_SHARE})


def scenarios(about: Subject, at: Mapping[str, Array], count: int) -> Scenarios:
    """Score every candidate on every deployment under every scenario.

    Args:
        about: What to score.
        at: Positions of figures in their ranges, within [-1, 1], shape (S,), by name; a figure
            that is not named stays at its best estimate.
        count: Scenarios S.

    Raises:
        StudyError: If a moved figure leaves what the formulas cover.
        HardwareError: If the fab table lacks a row that a profile names.
    """
    tables = moved_tables(about.study.fab_table, at, count)
    prepared = ensemble_of(about.deployments, about.study, at, tables)
    if about.run.study.fab_table != about.study.fab_table:
        tables = moved_tables(about.run.study.fab_table, at, count)
    search = _search_factor(about, at, tables)
    labels = [deployment.label for deployment in about.deployments]
    rows: dict[str, list[str]] = {"candidate": [], "deployment": []}
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for record in about.records:
        trained = float(np.mean([float(t["gco2e"]) for t in record.trainings]))
        columns = prepared.score(
            workload(record.layers), record.mean_errors, training_gco2e=trained * search
        )
        for name, values in _constrained(columns, about.run.frozen["constraints"]).items():
            parts.setdefault(name, []).append(values)
        rows["candidate"] += [record.candidate] * len(labels)
        rows["deployment"] += labels
    joined = {name: np.concatenate(values, axis=1) for name, values in parts.items()}
    return Scenarios(count, pd.DataFrame(rows), joined, search)


def _search_factor(about: Subject, at: Mapping[str, Array], tables: Sequence[FabTable]) -> Array:
    """Carbon of a second of the search under each scenario, relative to that as recorded."""
    run, count = about.run, len(tables)
    hosts = [row[0] for row in moved_deployments([about.host], at, count)]
    busy = placed(HOST_BUSY_SHARE, at.get(BUSY_SHARE, np.zeros(count)))
    moved = [
        worker_power(run.frozen, host=host, table=table, busy_share=float(share)).gco2e(1.0)
        for host, table, share in zip(hosts, tables, busy, strict=True)
    ]
    factor: Array = np.array(moved) / worker_power(run.frozen).gco2e(1.0)
    return factor


def _constrained(
    columns: Mapping[str, npt.NDArray[Any]], constraints: Mapping[str, float]
) -> dict[str, npt.NDArray[Any]]:
    feasible = columns["feasible"].astype(bool)
    for column, bound in constraints.items():
        feasible = feasible & ~(columns[column] > bound)
    return {**columns, "feasible": feasible}
