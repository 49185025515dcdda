"""A finished run scored again for other devices, grids or demands: nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.errors import DeploymentError

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles.deployment import Deployment
    from nas.carbon.study import Study
    from nas.runs import Run

__all__ = ["rescore"]


def rescore(
    run: Run, deployments: Sequence[Deployment], study: Study | None = None
) -> pd.DataFrame:
    """Score every trained candidate of a run on other deployments, or under another study.

    Args:
        run: An opened run; it is only read.
        deployments: What to score on, one or more, with unique labels.
        study: What to count under; None keeps the run's own.

    Returns:
        One row a trained candidate and deployment, with the columns of `Run.scores`; an error at
        a precision that the run did not measure is NaN, and such a row is on no front.

    Raises:
        DeploymentError: If there is no deployment, or two share a label.
        RunError: If a record of the run is damaged.
        LayerError: If a stored layer graph is damaged.
    """
    from nas.runs.tables import read_records, score_table

    labels = [deployment.label for deployment in deployments]
    if not labels:
        raise DeploymentError("rescore: no deployment is given, name at least one")
    twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
    if twice:
        raise DeploymentError(f"rescore: label {twice[0]!r} is given twice; rename one")
    return score_table(
        read_records(run.artifacts), deployments, study or run.study, run.frozen["constraints"]
    )
