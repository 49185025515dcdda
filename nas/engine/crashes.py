"""A candidate whose training took its worker down is an outcome, not the end of the run."""

from __future__ import annotations

from nas.engine.decide import Decider, Job
from nas.runs.files import read_json

__all__ = ["record_crash"]


def record_crash(decider: Decider, pid: int, status: str, message: str) -> None:
    """Record the outcome of whatever the dead worker of this host was training.

    Args:
        decider: Decides for the run.
        pid: Of the worker, which has died.
        status: "crashed" or "out_of_memory".
        message: One line for people.
    """
    with decider.claims.ask_lock():
        for claim in decider.claims.remove_dead():
            if claim.pid != pid:
                continue
            candidate, _, training = claim.key.partition("@")
            described = read_json(decider.run.artifacts / candidate / "layers.json")
            job = Job(
                look=decider.plan.look(described["architecture"]),
                order=decider.order_of(candidate),
                trial=claim.trial,
                deployment=decider.deployment_of(claim.trial),
                training=int(training or 0),
                claim=claim.key,
            )
            decider.record(job, {"status": status, "message": message, "errors": {}, "seconds": 0})
