"""The one point of a run that its statement and its line-by-line calculation are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware_profiles.deployment import Deployment
from nas.errors import SelectionError, unknown_name
from nas.runs.tables import Record, read_records
from nas.selection import select

if TYPE_CHECKING:
    import pandas as pd

    from nas.runs import Run

__all__ = ["Chosen", "chosen_point"]


@dataclass(frozen=True)
class Chosen:
    """A candidate on a deployment, and why.

    Attributes:
        record: What is known of the candidate.
        deployment: Where it runs.
        row: Its row of scores, by column.
        reasons: Why this one.
    """

    record: Record
    deployment: Deployment
    row: dict[str, Any]
    reasons: tuple[str, ...]


def chosen_point(
    run: Run,
    scores: pd.DataFrame,
    candidate: str | None = None,
    deployment: str | None = None,
) -> Chosen:
    """The point that is asked for; without a candidate the knee of the run's objectives.

    Args:
        run: An opened run.
        scores: Its scores.
        candidate: Key of a trained candidate; None takes the knee, as `nas.selection.select`.
        deployment: Label of a deployment; None takes any on which the candidate is feasible.

    Raises:
        SelectionError: If there is no such candidate or deployment, or it is not feasible there,
            or none is.
        FrontError: If the deployment is unknown.
    """
    if candidate is None:
        found = select(scores, run.objectives, deployment=deployment, study=run.study)
        return _chosen(run, found.row, found.reasons)
    keys = sorted(set(scores["candidate"])) if len(scores) else []
    if candidate not in keys:
        raise SelectionError(
            unknown_name("trained candidate", candidate, keys, f"carbon-nas front {run.path}")
        )
    rows = scores[scores["candidate"] == candidate]
    labels = list(rows["deployment"])
    if deployment is not None and deployment not in labels:
        raise SelectionError(unknown_name("deployment", deployment, labels, "carbon-nas status"))
    rows = rows if deployment is None else rows[rows["deployment"] == deployment]
    feasible = rows[rows["feasible"].astype(bool)]
    if feasible.empty:
        first = rows.iloc[0]
        raise SelectionError(
            f"candidate {candidate}: is not feasible on {first['deployment']} "
            f"({first['reason']}); choose another with `carbon-nas select`"
        )
    row = {str(key): value for key, value in feasible.iloc[0].items()}
    return _chosen(run, row, ("asked for by its key",))


def _chosen(run: Run, row: Any, reasons: tuple[str, ...]) -> Chosen:
    by_label = {deployment.label: deployment for deployment in run.deployments}
    records = {record.candidate: record for record in read_records(run.artifacts)}
    return Chosen(
        records[str(row["candidate"])], by_label[str(row["deployment"])], dict(row), reasons
    )
