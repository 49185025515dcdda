"""Records of a run as tables: one row a candidate, one row a candidate and deployment.

The records are the truth; both tables are derived from them and can be rebuilt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hardware_profiles import Deployment, Precision
from nas.carbon.study import Study
from nas.cost.score import score
from nas.cost.workload import Workload, workload
from nas.errors import RunError
from nas.runs.files import read_json, write_whole
from nas.runs.recipes import recipe_columns
from search_spaces.layers import Layer, layers_from_json, mac_count, parameter_count

__all__ = [
    "Record",
    "candidate_table",
    "constrain",
    "read_records",
    "score_table",
    "write_tables",
]

_TRAINING_KEYS = ("order", "status", "errors", "seconds", "energy_j", "gco2e")
_UNTRAINED_KEYS = ("order", "reason")
_LAYERS_KEYS = ("architecture", "layers")


@dataclass(frozen=True)
class Record:
    """What is known of one decided candidate.

    Attributes:
        candidate: Its key, 16 hexadecimal digits.
        architecture: Active choices of the space.
        layers: The layer graph, as counted and as built.
        recipe: Settings of its training recipe that the search chose; empty where it chose none.
        trainings: One result a training, the first by the search, the others as a finalist;
            empty for a candidate that was decided without training.
        untrained: Why it was not trained: `deployment` and `reason`; None when it was.
        begun: Results at the rungs that a training reached which was stopped before its end.
    """

    candidate: str
    architecture: Mapping[str, Any]
    layers: tuple[Layer, ...]
    recipe: Mapping[str, Any]
    trainings: tuple[Mapping[str, Any], ...]
    untrained: Mapping[str, Any] | None
    begun: tuple[Mapping[str, Any], ...] = ()

    @property
    def order(self) -> int:
        """Position among the decisions of the run."""
        first = next(iter((*self.trainings, *self.begun)), self.untrained)
        return int(first["order"]) if first else 0

    @property
    def status(self) -> str:
        """Outcome of the first training, "begun" if it was stopped early, or "untrained"."""
        if self.trainings:
            return str(self.trainings[0]["status"])
        return "begun" if self.begun else "untrained"

    @property
    def accuracy(self) -> str | None:
        """Where its errors come from: "trained" alone, or "supernet"; None if it has none."""
        return str(self.counted[0].get("accuracy", "trained")) if self.trainings else None

    @property
    def counted(self) -> tuple[Mapping[str, Any], ...]:
        """Trainings alone, or where there is none the result by weights shared with others."""
        alone = tuple(t for t in self.trainings if t.get("accuracy") != "supernet")
        return alone or self.trainings

    def errors(self, precision: str) -> list[float]:
        """Errors of all that is `counted` at one precision; empty if not measured."""
        rows = [t["errors"].get(precision) for t in self.counted]
        return [float(value) for value in rows if value is not None]

    @property
    def mean_errors(self) -> dict[Precision, float | None]:
        """Mean error over the trainings, for each precision that was measured."""
        names = {name for t in self.counted for name in t["errors"]}
        return {
            name: float(np.mean(self.errors(name))) if self.errors(name) else None
            for name in sorted(names)
        }


def read_records(artifacts: Path) -> list[Record]:
    """Every decided candidate under `artifacts`, in the order of decision.

    Raises:
        RunError: If a record is damaged.
        LayerError: If a layer graph is damaged.
    """
    records = [
        record
        for folder in sorted(artifacts.glob("*"))
        if folder.is_dir() and (record := _read_record(folder)) is not None
    ]
    return sorted(records, key=lambda record: (record.order, record.candidate))


def _read_record(folder: Path) -> Record | None:
    results = [folder / "result.json", *sorted(folder.glob("seed-*.json"))]
    trainings = tuple(_part(path, _TRAINING_KEYS) for path in results if path.exists())
    untrained_path = folder / "untrained.json"
    untrained = None
    rungs = [] if trainings else sorted(folder.glob("rung-*.json"))
    begun = tuple(_part(path, _TRAINING_KEYS) for path in rungs)
    if untrained_path.exists() and not trainings and not begun:
        untrained = _part(untrained_path, _UNTRAINED_KEYS)
    if not trainings and not begun and untrained is None:
        return None
    described = _part(folder / "layers.json", _LAYERS_KEYS)
    return Record(
        candidate=folder.name,
        architecture=described["architecture"],
        layers=layers_from_json(described["layers"]),
        recipe=described.get("recipe", {}),
        trainings=trainings,
        untrained=untrained,
        begun=begun,
    )


def _part(path: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """One JSON file of a record, which must hold these keys."""
    value = read_json(path)
    missing = [key for key in keys if not isinstance(value, dict) or key not in value]
    if missing:
        raise RunError(
            f"{path}: is damaged, {missing[0]!r} is gone; restore it, or delete it and "
            "`carbon-nas resume`"
        )
    part: Mapping[str, Any] = value
    return part


def candidate_table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a candidate: key, order, status, architecture, counts, errors, time, energy."""
    rows = []
    for record in records:
        all_of_it = (*record.trainings, *record.begun)
        first = next(iter(all_of_it), {})
        untrained = record.untrained or {}
        rows.append(
            {
                "candidate": record.candidate,
                "order": record.order,
                "status": record.status,
                "architecture": json.dumps(dict(record.architecture), sort_keys=True),
                **recipe_columns(record.recipe),
                "params": parameter_count(record.layers),
                "macs": mac_count(record.layers),
                "accuracy": record.accuracy,
                "seeds": sum(t["status"] == "trained" for t in record.counted),
                "train_s": sum(float(t["seconds"]) for t in all_of_it),
                "energy_j": sum(float(t["energy_j"]) for t in all_of_it),
                "training_gco2e": sum(float(t["gco2e"]) for t in all_of_it),
                "message": first.get("message") or untrained.get("reason"),
                **{f"error_{name}": value for name, value in record.mean_errors.items()},
            }
        )
    return pd.DataFrame(rows)


def constrain(columns: Mapping[str, Any], constraints: Mapping[str, float]) -> dict[str, Any]:
    """Scores of one candidate, infeasible too where a value is over its upper bound.

    Args:
        columns: Columns of `nas.cost.score.score`, one entry a deployment.
        constraints: Upper bounds by column; an unknown (NaN) value breaks none.
    """
    feasible = np.array(columns["feasible"], dtype=bool)
    reasons = list(columns["reason"])
    for column, bound in constraints.items():
        for index, value in enumerate(columns[column]):
            if value > bound:
                broken = f"{column}: {value:.4g} is over the limit {bound:.4g}"
                reasons[index] = f"{reasons[index]}; {broken}" if reasons[index] else broken
                feasible[index] = False
    return {**columns, "feasible": feasible, "reason": reasons}


def score_table(
    records: Sequence[Record],
    deployments: Sequence[Deployment],
    study: Study,
    constraints: Mapping[str, float],
) -> pd.DataFrame:
    """One row a trained candidate and deployment, with a column for every objective.

    Args:
        records: Decided candidates; those never trained successfully are left out.
        deployments: Any deployments, of the run or others: nothing is trained.
        study: What every score is counted under; its hash is a column.
        constraints: Upper bounds by column, as the run's configuration has them.
    """
    table: dict[str, list[Any]] = {}
    precisions = [deployment.precision for deployment in deployments]
    for record in records:
        if record.status != "trained":
            continue
        columns = score(
            _workload(record),
            deployments,
            study,
            record.mean_errors,
            training_gco2e=float(np.mean([float(t["gco2e"]) for t in record.counted])),
        )
        chosen = recipe_columns(record.recipe)
        rows = {
            "candidate": [record.candidate] * len(deployments),
            "order": [record.order] * len(deployments),
            **{name: [value] * len(deployments) for name, value in chosen.items()},
            **constrain(columns, constraints),
            "trained": [True] * len(deployments),
            "seeds": [len(record.errors(name)) for name in precisions],
            "error_spread": [_spread(record.errors(name)) for name in precisions],
        }
        for name, values in rows.items():
            table.setdefault(name, []).extend(values)
    return pd.DataFrame(table)


def write_tables(folder: Path, candidates: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Write `candidates.parquet` and `scores.parquet`, each whole.

    Raises:
        StorageError: If the disk is full or cannot be written.
    """
    write_whole(folder / "candidates.parquet", candidates.to_parquet)
    write_whole(folder / "scores.parquet", scores.to_parquet)


def _workload(record: Record) -> Workload:
    return workload(record.layers)


def _spread(errors: Sequence[float]) -> float:
    return float(np.std(errors, ddof=1)) if len(errors) > 1 else math.nan
