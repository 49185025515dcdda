"""The end of a search whose next trainings are expected to gain too little for their carbon."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from nas.engine.evidence import Evidence
from nas.engine.plan import Look

__all__ = ["little_gain", "tell_gain"]

_ATTRIBUTE = "gain_per_gco2e"
_LOOKED_AT = 5


def tell_gain(trial: optuna.Trial, look: Look, evidence: Evidence) -> None:
    """Note with a trial what its training is expected to gain for each gram.

    Args:
        trial: That is about to be trained.
        look: Its candidate.
        evidence: Of the run.
    """
    gains = evidence.gains([look])
    if gains is not None:
        trial.set_user_attr(_ATTRIBUTE, float(gains[0]) / evidence.expected_gco2e(look))


def little_gain(study: optuna.Study, limit: float | None) -> str | None:
    """Why the search ends for want of gain, in words; None while it goes on.

    The mean of the last trainings decides, as they were expected to gain before they began: one
    that the sampler drew by chance says little.

    Args:
        study: The run's study.
        limit: Least expected gain of hypervolume for one gram [1/gCO2e]; None is no limit.
    """
    if limit is None:
        return None
    states = (TrialState.COMPLETE, TrialState.RUNNING)
    told = [
        trial.user_attrs[_ATTRIBUTE]
        for trial in study.get_trials(deepcopy=False, states=states)
        if _ATTRIBUTE in trial.user_attrs
    ][-_LOOKED_AT:]
    mean = sum(told) / _LOOKED_AT
    if len(told) < _LOOKED_AT or mean >= limit:
        return None
    return (
        f"gain: {mean:.2g} of the hypervolume is expected for one gCO2e, "
        f"under gain_per_gco2e: {limit:g}"
    )
