"""One training to be done, as the worker that claimed it gets it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas.engine.plan import Look

__all__ = ["Job", "of_search"]


@dataclass(frozen=True)
class Job:
    """One training to be done by the worker that holds its claim.

    Attributes:
        look: The candidate and what arithmetic knows of it.
        order: Its position among the decisions of the run.
        trial: Number of the trial to tell; None for a finalist.
        deployment: Index of the trial's deployment.
        training: 0 for the search's training, 1 and up for a finalist's further seeds.
        claim: Key of the claim.
        record: File that will hold its result.
        rung: Index of the rung that it is to reach; None where trainings are whole.
        pilot: Whether it is among the first to be trained or scored, which are trained alone too
            where errors come from shared weights.
    """

    look: Look
    order: int
    trial: int | None
    deployment: int
    training: int
    claim: str
    record: Path
    rung: int | None = None
    pilot: bool = False


def of_search(claim: str) -> bool:
    """Whether a claim is of the search itself, not of a finalist or a reference model."""
    return "@" not in claim
