"""BoTorch's qLogNEHVI over many candidates at once, with the samples of its own code for less."""

from __future__ import annotations

import math
from typing import Any

import torch
from botorch.acquisition.multi_objective.logei import (
    _FusedLogAreas,
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.models.deterministic import DeterministicModel

_BATCH = 256  # candidates whose joint covariance stays in a core's cache


class PoolGain(qLogNoisyExpectedHypervolumeImprovement):  # type: ignore[misc]
    """The acquisition of single candidates, for a list of models of one output each.

    BoTorch forms the joint covariance of the baseline and one candidate for every candidate anew.
    Here the candidates of a batch share one covariance, of which each takes its row; and the sums
    over subsets of a batch's candidates, which are of one here, are left out. Base samples, boxes
    and smoothing are BoTorch's, so that the values are the same to rounding.
    """

    def of(self, candidates: Any) -> Any:
        """Gains, (n,), of candidates (n, d)."""
        with torch.no_grad():
            first = self(candidates[:1].unsqueeze(1))  # draws the base samples
            drawn = _base_samples(self.sampler, len(self.model.models))
            parts = [self._gains(part, drawn) for part in candidates[1:].split(_BATCH)]
        return torch.cat([first, *parts])

    def _gains(self, part: Any, drawn: list[Any]) -> Any:
        pairs = zip(self.model.models, drawn, strict=True)
        outputs = [self._sampled(model, part, base) for model, base in pairs]
        samples = torch.cat(outputs, dim=-1).unsqueeze(-2)
        values = self.objective(samples, X=part.unsqueeze(1)).unsqueeze(-2)
        cells = self.cell_lower_bounds.shape
        shape = (cells[0], len(part), *cells[1:])
        lower = self.cell_lower_bounds.unsqueeze(1).expand(shape)
        upper = self.cell_upper_bounds.unsqueeze(1).expand(shape)
        areas = _FusedLogAreas.apply(values, lower, upper, self.tau_relu, self.tau_max)
        return areas.squeeze(-1).logsumexp(dim=-1).logsumexp(dim=0) - math.log(len(values))

    def _sampled(self, model: Any, part: Any, base: Any) -> Any:
        """Samples of a model's outputs at each candidate given those at the baseline."""
        if isinstance(model, DeterministicModel):
            known = model(part)
            return known.expand(len(base), *known.shape)
        count = len(self.X_baseline)
        joint = model.posterior(torch.cat([self.X_baseline, part])).distribution
        mean, covariance = joint.mean, joint.covariance_matrix
        root = torch.linalg.cholesky(covariance[:count, :count])
        across = torch.linalg.solve_triangular(root, covariance[:count, count:], upper=False)
        left = (covariance.diagonal()[count:] - across.square().sum(dim=0)).clamp_min(0)
        sampled = mean[count:] + base[:, :count] @ across + base[:, count:] * left.sqrt()
        return sampled.unsqueeze(-1)


def _base_samples(sampler: Any, outputs: int) -> list[Any]:
    """By output, (samples, baseline and one)."""
    own = getattr(sampler, "samplers", None)
    if own is None:
        base = sampler.base_samples
        return [base.reshape(len(base), -1, outputs)[..., column] for column in range(outputs)]
    return [one.base_samples.reshape(len(one.base_samples), -1) for one in own]
