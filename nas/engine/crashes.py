"""A candidate whose training took its worker down is an outcome, not the end of the run."""

from __future__ import annotations

from nas.engine.decide import Decider

__all__ = ["record_crash"]


def record_crash(decider: Decider, pid: int, status: str, message: str) -> None:
    """Record the outcome of whatever the dead worker of this host was training.

    The caller holds the ask lock, or another worker may draw the candidate again meanwhile.

    Args:
        decider: Decides for the run.
        pid: Of the worker, which has died.
        status: "crashed" or "out_of_memory".
        message: One line for people.
    """
    for claim in decider.claims.of_dead(pid):
        job = decider.job_of_claim(claim)
        decider.record(job, {"status": status, "message": message, "errors": {}, "seconds": 0})
        decider.claims.remove(claim)
