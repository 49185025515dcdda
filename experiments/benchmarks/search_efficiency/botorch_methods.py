"""BoTorch's qLogNEHVI on a table: with its own model, and with our kernel and known costs.

It needs an environment of its own, kept off the project's: the repository's constraints and
`botorch==0.18.1`, and a `TORCH_EXTENSIONS_DIR` of its own, since BoTorch compiles when it is first
used and a run that is killed meanwhile leaves a lock there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cells import Problem

from nas.engine.candidates import standardised
from nas.engine.domain import domain_of_space
from nas.engine.gaussian import fit_process

AVAILABLE = importlib.util.find_spec("botorch") is not None
_COMPRESSED_FROM, _COMPRESSION = 0.4, 0.2  # as nas/engine/acquisition.py
_SAMPLES = 64
_FIT_ENDS = 1e-7  # relative change; by scipy's 2e-9 a fit takes twice as long for 0 to 1.5 nats


def proposals(
    problem: Problem, model: Callable[..., Any], seed: int
) -> Callable[[list[int], np.ndarray], int]:
    """A function from the classes trained and their objectives to the next class."""
    import torch

    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)

    def propose(order: list[int], shown: np.ndarray) -> int:
        from botorch.sampling.get_sampler import get_sampler
        from botorch_pool import PoolGain

        belief, inputs, reference, objective = model(problem, order, shown)
        near = belief.posterior(inputs[order[:1]])
        sampler = get_sampler(near, sample_shape=torch.Size([_SAMPLES]), seed=seed)
        gain = PoolGain(
            belief,
            ref_point=(-reference).tolist(),
            X_baseline=inputs[order],
            sampler=sampler,
            objective=objective,
            prune_baseline=True,
        )
        rest = np.setdiff1d(np.arange(len(problem.values)), order)
        return int(rest[int(gain.of(inputs[rest]).argmax())])

    return propose


def plain_model(problem: Problem, order: list[int], shown: np.ndarray) -> tuple[Any, ...]:
    """BoTorch's default process for every objective, over one-hot choices."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from gpytorch.mlls import SumMarginalLogLikelihood

    inputs = torch.tensor(_one_hot(problem))
    targets = -torch.tensor(shown)
    belief = ModelListGP(
        *(SingleTaskGP(inputs[order], targets[:, [column]]) for column in range(shown.shape[1]))
    )
    fit_gpytorch_mll(
        SumMarginalLogLikelihood(belief.likelihood, belief),
        optimizer_kwargs={"options": {"ftol": _FIT_ENDS}},
    )
    return belief, inputs, _reference(shown), None


def our_model(problem: Problem, order: list[int], shown: np.ndarray) -> tuple[Any, ...]:
    """Our process for the logarithm of the error; costs as they are known."""
    import torch
    from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
    from botorch.models import ModelList, SingleTaskGP
    from botorch.models.deterministic import GenericDeterministicModel
    from gpytorch.kernels import MaternKernel, ScaleKernel

    costs = problem.values[:, 1:]
    groups = standardised([_one_hot(problem), _graph(problem), np.log(costs)])
    limit = np.log(np.median(shown[:6, 0])) + _COMPRESSED_FROM
    target = np.log(shown[:, 0])
    over = np.maximum(target - limit, 0) / _COMPRESSION
    target = np.minimum(target, limit) + _COMPRESSION * np.log1p(over)
    process = fit_process([group[order] for group in groups], target)
    scaled = np.hstack(
        [group * np.exp(-length) for group, length in zip(groups, process.settings, strict=False)]
    )
    inputs = torch.tensor(np.hstack([scaled, costs]))
    width, centre, scale = scaled.shape[1], float(target.mean()), float(target.std()) or 1.0
    noise = process.noise / scale
    matern = MaternKernel(nu=2.5, active_dims=tuple(range(width)))
    matern.lengthscale = 1.0
    kernel = ScaleKernel(matern)
    kernel.outputscale = (noise * np.exp(-process.settings[-1])) ** 2
    standard = torch.tensor((target - centre) / scale)[:, None]
    error = SingleTaskGP(
        inputs[order],
        standard,
        torch.full_like(standard, noise**2),
        covar_module=kernel,
        outcome_transform=None,
    )
    known = GenericDeterministicModel(lambda x: x[..., width:], num_outputs=costs.shape[1])

    def objective(y: Any, X: Any = None) -> Any:  # noqa: N803  # BoTorch names it so
        return -torch.cat([(y[..., :1] * scale + centre).exp(), y[..., 1:]], dim=-1)

    return (
        ModelList(error.eval(), known),
        inputs,
        _reference(shown),
        GenericMCMultiOutputObjective(objective),
    )


@cache
def _one_hot(problem: Problem) -> np.ndarray:
    return np.asarray(domain_of_space(problem.space).encode(problem.first)[0])


@cache
def _graph(problem: Problem) -> np.ndarray:
    rows = problem.features(problem.first)
    names = sorted(set().union(*rows))
    return np.array([[row.get(name, 0.0) for name in names] for row in rows])


def _reference(shown: np.ndarray) -> np.ndarray:
    """The errors' median at the start, as ours; the largest costs seen."""
    return np.array([np.median(shown[:6, 0]), *(1.05 * shown[:, 1:].max(axis=0))])
