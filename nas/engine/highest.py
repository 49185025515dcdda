"""A study as samplers see it where trainings have rungs: one trial a training, at its highest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from nas.objectives import Objective

__all__ = ["highest_study"]


def highest_study(
    study: optuna.Study,
    sampler: BaseSampler,
    errors: Mapping[str, float],
    objectives: Sequence[Objective],
) -> optuna.Study:
    """A copy in memory, to be asked once.

    Args:
        study: The run's study.
        sampler: Asked for the next candidate.
        errors: Of each candidate that has begun, trained or extrapolated.
        objectives: Of the run.
    """
    states = (TrialState.COMPLETE, TrialState.RUNNING)
    trials = study.get_trials(deepcopy=False, states=states)
    continuing = [trial for trial in trials if "continues" in trial.user_attrs]
    superseded = {trial.user_attrs["continues"] for trial in continuing} - {
        trial.user_attrs["continues"] for trial in continuing if trial.state == TrialState.RUNNING
    }
    view = optuna.create_study(directions=study.directions, sampler=sampler)
    for trial in trials:
        running = trial.state == TrialState.RUNNING
        if running and "continues" in trial.user_attrs:
            continue
        if trial.number in superseded:
            continue
        error = errors.get(trial.user_attrs.get("candidate", ""))
        values = trial.values
        if values is not None and error is not None and trial.user_attrs.get("trained"):
            values = [
                error if objective.kind == "trained" else value
                for objective, value in zip(objectives, values, strict=True)
            ]
        view.add_trial(
            optuna.trial.create_trial(
                state=trial.state,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                system_attrs=trial.system_attrs,
                values=values,
            )
        )
    return view
