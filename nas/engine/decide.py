"""The next job of a run: ask the sampler, look by arithmetic, train only what is worth it.

All decisions of a run are made here, one at a time under the ask lock, and depend only on the
run's seed and its recorded history. A worker that dies loses its claim; its trial is told FAIL and
the same candidate is drawn again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.engine.budget import Spent, grams_of, spent, stop_reason
from nas.engine.claims import Claim, Claims
from nas.engine.decided import record_layers, record_untrained, trained_keys, untrained_keys
from nas.engine.evidence import Evidence
from nas.engine.further import Further
from nas.engine.job import Job, of_search
from nas.engine.ladder import Ladder, begun_keys
from nas.engine.little_gain import little_gain, tell_gain
from nas.engine.plan import Look, Plan
from nas.engine.proposals import Proposals, drawn_in_vain, stuck
from nas.engine.recipe_choices import point_of
from nas.engine.schedule import intensity_of
from nas.engine.shared_weights import PILOTS
from nas.engine.skipping import Audit, Skip, Skipping
from nas.engine.tally import Tally
from nas.errors import RunError
from nas.runs import Run
from nas.runs.files import read_json, write_json
from nas.runs.machine import WorkerPower

__all__ = ["Decider"]

_ATTEMPTS_AT_ONCE = 100


class Decider:
    """Decides for one worker what to do next."""

    def __init__(
        self, run: Run, plan: Plan, study: optuna.Study, claims: Claims, power: WorkerPower
    ) -> None:
        self.run = run
        self.plan = plan
        self.study = study
        self.claims = claims
        self.power = power
        names = ["fits", *plan.constraints]
        if study.user_attrs.get("constraints") != names:
            study.set_user_attr("constraints", names)
        self._proposals = Proposals(run, plan, study, claims, self._errors_begun)
        self._tally = Tally(run.artifacts, plan)
        self._evidence = Evidence(run, plan)
        self._further = Further(run, plan, claims, self._evidence)
        self._skipping = Skipping(run, plan, self._evidence, self._proposals)
        self._ladder = Ladder(run, plan, study, claims, self._evidence)

    def next_job(self) -> Job | Literal["wait", "done"]:
        """The next training, claimed for this worker.

        Returns:
            A job; "wait" while other workers' trainings must end first; "done" when the run is.

        Raises:
            StorageError: If a record cannot be written.
        """
        with self.claims.ask_lock():
            self._fail_dead_trials()
            if "stop_reason" not in self.study.user_attrs:
                reason = self._stop_reason()
                beside = self._beside_search() if reason is None else None
                if beside is not None:
                    return beside
                if reason is None or self._may_climb(reason):
                    found = self._search_job(reason)
                    if isinstance(found, Job):
                        return found
                    if found is None:
                        return self._further.any_reference() or "wait"
                    reason = found
                # A training under way may yet be lost, and then another must take its place.
                if self._training():
                    return self._further.any_reference() or "wait"
                self._ladder.remove_checkpoints()
                self.study.set_user_attr("stop_reason", reason)
            return self._further.next_job()

    def spent(self) -> Spent:
        """What the run has used so far."""
        claimed = self._training()
        return spent(
            len(self._begun() - set(self.plan.warm_start.records)),
            self.claims.workers(),
            self.power,
            epochs=self._tally.epochs(claimed),
            intensity=intensity_of(self.run),
            inherited_gco2e=self.plan.warm_start.gco2e,
        )

    def record_spent(self) -> None:
        """Write what the run has used so far beside its records."""
        write_json(self.run.path / "spent.json", asdict(self.spent()))

    def record(self, job: Job, result: Mapping[str, Any]) -> None:
        """Write how a training ended, tell the study, and give up the claim, in this order.

        Args:
            job: The training.
            result: At least `status`, `message`, `errors` by precision, and `seconds`.

        Raises:
            StorageError: If the record cannot be written; the trial then stays untold.
        """
        now, seconds = time.time(), float(result["seconds"])
        errors = result["errors"]
        if job.training and result["status"] != "trained":
            # A further seed that failed counts against the candidate.
            errors = dict.fromkeys(self.plan.precisions, self.plan.task.worst_error)
        grams = grams_of(self.power, now - seconds, now, intensity_of(self.run))
        path, begun = job.record, result["status"] == "begun"
        if job.rung is not None and not begun:
            path = job.record.with_name("result.json")
            below_s, below_gco2e = self._ladder.used_before(job.look.candidate, job.rung)
            seconds, grams = seconds + below_s, grams + below_gco2e
        row = {
            "order": job.order,
            "training": job.training,
            **result,
            "errors": errors,
            "seconds": seconds,
            "energy_j": self.power.energy_j(seconds),
            "gco2e": grams,
            "energy_kind": "modelled",
            "finished_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        }
        write_json(path, row | self._audit(job))
        if job.trial is not None:
            self._tell(self._open_trial(job.trial), job.look, job.deployment, result)
        self.claims.free(job.claim)

    def _audit(self, job: Job) -> dict[str, Any]:
        """What a training that audits a skip was said to be, for its record."""
        if job.trial is None:
            return {}
        attributes = self.study.get_trials(deepcopy=False)[job.trial].user_attrs
        return {"audit": attributes["audit"]} if "audit" in attributes else {}

    def audit(self) -> Audit:
        """How skipping has fared so far."""
        return self._skipping.audit()

    def order_of(self, candidate: str) -> int:
        """Position of a candidate among the decisions of the run."""
        for name in ("result.json", "rung-0.json"):
            recorded = self.run.artifacts / candidate / name
            if recorded.exists():
                return int(read_json(recorded)["order"])
        return len(self._decided() - {candidate})

    def stop_reason_recorded(self) -> str | None:
        """Why the search phase ended; None while it goes on."""
        reason = self.study.user_attrs.get("stop_reason")
        return None if reason is None else str(reason)

    def finished(self) -> bool:
        """Whether no training is left: none of the search, of finalists or of references."""
        if self.stop_reason_recorded() is None:
            return False
        return not self._further.left()

    def abandon(self, job: Job) -> None:
        """Give a job back: its trial is told FAIL and its claim is freed."""
        if job.trial is not None:
            self.study.tell(job.trial, state=TrialState.FAIL, skip_if_finished=True)
        self.claims.free(job.claim)

    def job_of_claim(self, claim: Claim) -> Job:
        """The job that a claim was made for, with whichever worker it is."""
        candidate, _, rest = claim.key.partition("@")
        if candidate == "reference":
            return self._further.reference_job(rest)
        described = read_json(self.run.artifacts / candidate / "layers.json")
        training = int(rest or 0)
        name = f"seed-{training}.json" if training else "result.json"
        rung = None
        if self.plan.rungs and claim.trial is not None:
            rung = self.study.get_trials(deepcopy=False)[claim.trial].user_attrs.get("rung")
        return Job(
            look=self.plan.look(point_of(described["architecture"], described.get("recipe", {}))),
            order=self.order_of(candidate),
            trial=claim.trial,
            deployment=self._proposals.deployment_of(claim.trial),
            training=training,
            claim=claim.key,
            record=self.run.artifacts / candidate / name,
            rung=rung,
        )

    def _errors_begun(self) -> Mapping[str, float]:
        return self._ladder.errors()

    def _stop_reason(self) -> str | None:
        limits = self.plan.limits
        return stop_reason(self.spent(), limits) or little_gain(self.study, limits.gain_per_gco2e)

    def _fail_dead_trials(self) -> None:
        self.claims.remove_dead()
        alive = {claim.trial for claim in self.claims.all()}
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number in alive:
                continue
            result = self._ladder.untold(trial)
            if result is not None:
                deployment = self._proposals.deployment_of(trial.number)
                look = self._evidence.look(trial.user_attrs["candidate"])
                self._tell(self._open_trial(trial.number), look, deployment, result)
            else:
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    def _may_climb(self, reason: str) -> bool:
        """Whether trainings that have begun go on although no new one is to begin."""
        return bool(self.plan.rungs) and reason == f"budget: {self.plan.limits.trainings} trainings"

    def _search_job(self, reason: str | None) -> Job | str | None:
        """A training, or why there is none; None while others train all that is suggested.

        Args:
            reason: Why none begins, and only those that have begun go on; None where they may.
        """
        attempt = 0
        self._proposals.enqueue_warm_start()
        while True:
            complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if self.plan.rungs and not self._proposals.waiting():
                climbs = self._ladder.enqueue_next()
                if not climbs and reason is not None:
                    return reason
            if reason is None and not self._proposals.waiting():
                self._skipping.enqueue_reconsidered()
            if drawn_in_vain(complete):
                return "exhausted: what is drawn at random is surely dominated"
            if stuck(complete) and not self._proposals.enqueue_random(
                len(complete), self._worth_training
            ):
                return "exhausted: no untrained feasible architecture was found"
            trial = self._proposals.ask(len(complete), attempt)
            point, deployment = self._proposals.suggest(trial)
            look = self.plan.look(point)
            if "continues" in trial.user_attrs:
                return self._climbing_job(trial, look, deployment)
            trial.set_user_attr("candidate", look.candidate)
            job = self._decide(trial, look, deployment, complete)
            if job is not None:
                return job
            attempt += 1
            if attempt == _ATTEMPTS_AT_ONCE and self._training():
                return None

    def _climbing_job(self, trial: optuna.Trial, look: Look, deployment: int) -> Job:
        """The next segment of a training that has begun."""
        rung = int(trial.user_attrs["rung"])
        record = self._ladder.record_path(look.candidate, rung)
        order = self.order_of(look.candidate)
        self._claim(look, trial)
        return Job(look, order, trial.number, deployment, 0, look.candidate, record, rung)

    def _claim(self, look: Look, trial: optuna.Trial) -> None:
        if not self.claims.take(look.candidate, trial.number):
            raise RunError(f"candidate {look.candidate}: claimed outside the ask lock; report this")

    def _decide(
        self, trial: optuna.Trial, look: Look, deployment: int, complete: list[FrozenTrial]
    ) -> Job | None:
        if any(claim.key == look.candidate for claim in self.claims.all()):
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        order = self.order_of(look.candidate)
        told = {(t.user_attrs["candidate"], t.params.get("deployment")) for t in complete}
        if (look.candidate, trial.params.get("deployment")) in told:
            trial.set_user_attr("repeat", True)
        recorded = self.run.artifacts / look.candidate / "result.json"
        if recorded.exists() or self._ladder.rung_of(look.candidate):
            begun = not recorded.exists()
            result = self._ladder.latest(look.candidate) if begun else read_json(recorded)
            self._tell(trial, look, deployment, result)
            return None
        if not self._worth_training(look, deployment):
            self._refuse(trial, look, deployment, order)
            return None
        skip = self._skipping.skip_of(look, trial)
        if skip is not None:
            self._refuse(trial, look, deployment, order, skip)
            return None
        if self.plan.limits.gain_per_gco2e is not None:
            tell_gain(trial, look, self._evidence)
        record_layers(self.run.artifacts, look)
        rung = 0 if self.plan.rungs else None
        if rung is not None:
            trial.set_user_attr("rung", rung)
            recorded = self._ladder.record_path(look.candidate, rung)
        pilot = len(self._begun() - {look.candidate}) < PILOTS
        self._claim(look, trial)
        key = look.candidate
        return Job(look, order, trial.number, deployment, 0, key, recorded, rung, pilot)

    def _refuse(
        self,
        trial: optuna.Trial,
        look: Look,
        deployment: int,
        order: int,
        skip: Skip | None = None,
    ) -> None:
        """Record and tell that a candidate is not trained."""
        reason = look.reason(deployment) if skip is None else skip.reason
        record_untrained(
            self.run.artifacts,
            look,
            order=order,
            deployment=self.plan.deployments[deployment].label,
            reason=reason,
            skip=None if skip is None else asdict(skip),
        )
        trial.set_user_attr("trained", False)
        trial.set_user_attr("status", "infeasible" if skip is None else "skipped")
        trial.set_user_attr("reason", reason)
        self._finish(trial, look.scores, deployment)

    def _worth_training(self, look: Look, deployment: int) -> bool:
        if self.plan.deployments_as == "targets":
            return any(look.feasible(index) for index in range(len(self.plan.deployments)))
        return look.feasible(deployment)

    def _tell(
        self, trial: optuna.Trial, look: Look, deployment: int, result: Mapping[str, Any]
    ) -> None:
        """Tell the study what a record says of a candidate."""
        trial.set_user_attr("trained", result["status"] in ("trained", "begun"))
        trial.set_user_attr("status", result["status"])
        scores = self.plan.scores(look.layers, look.recipe, result["errors"])
        self._finish(trial, scores, deployment)

    def _finish(self, trial: optuna.Trial, scores: Mapping[str, Any], deployment: int) -> None:
        fits = bool(scores["fits"][deployment]) and bool(scores["keeps_up"][deployment])
        broken = [0.0 if fits else 1.0]
        for column, bound in self.plan.constraints.items():
            value = float(scores[column][deployment])
            known = self.plan.task.worst_error if math.isnan(value) else value
            broken.append(known / bound - 1.0)
        # One list, which optuna-dashboard reads too; `Trial.set_constraint` writes names.
        self.study._storage.set_trial_system_attr(trial._trial_id, "constraints", broken)
        self.study.tell(trial, self.plan.values(scores, deployment))

    def _open_trial(self, number: int) -> optuna.Trial:
        trial_id = self.study._storage.get_trial_id_from_study_id_trial_number(
            self.study._study_id, number
        )
        return optuna.Trial(self.study, trial_id)

    def _decided(self) -> set[str]:
        return self._begun() | untrained_keys(self.run.artifacts)

    def _begun(self) -> set[str]:
        """Candidates that were trained or scored, or are being so."""
        artifacts = self.run.artifacts
        return trained_keys(artifacts) | begun_keys(artifacts) | self._training()

    def _training(self) -> set[str]:
        """Candidates that are being trained for the search."""
        return {claim.key for claim in self.claims.all() if of_search(claim.key)}

    def _beside_search(self) -> Job | None:
        """A reference that is to begin before the search has ended; see `Further`."""
        limit = self.plan.limits.trainings
        if limit is None:
            return None
        begun = self._begun() - set(self.plan.warm_start.records)
        return self._further.beside_search(limit - len(begun))
