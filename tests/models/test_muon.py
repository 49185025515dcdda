"""Orthogonal steps: their singular values, what they are for, and that they learn and resume."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.models.checkpoint import Checkpoint
from nas.models.muon import Muon, orthogonalised, steps_orthogonally
from nas.models.recipe import Recipe, recipe_from_dict, recipe_to_dict
from nas.models.tasks import load_splits, task
from nas.models.train import train
from search_spaces import space

RECIPE = Recipe(2, 64, 0.02, 0.05, 0.0, optimiser="muon")


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_singular_vectors_stay_and_values_become_nearly_one(rows, columns, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns))
    u, values, v = np.linalg.svd(matrix, full_matrices=False)
    values = np.linspace(1, 3, len(values))  # well conditioned, as four rounds reach
    turned = orthogonalised(torch.from_numpy(u * values @ v)).numpy()
    inner = u.T @ turned @ v.T
    assert np.allclose(inner, np.diag(np.diag(inner)), atol=1e-9)
    assert np.all((np.diag(inner) > 0.6) & (np.diag(inner) < 1.3))


def test_a_step_by_hand():
    # The slope is twice the identity: its orthogonal form is a multiple c of the identity, and so
    # is the step; momentum of a first slope s is 0.1 s, and 0.9 of the way to it from s also is.
    weights = nn.Parameter(torch.eye(2))
    optimiser = Muon([{"params": [weights], "weight_decay": 0.5, "orthogonal": True}], lr=0.1)
    weights.grad = 2 * torch.eye(2)
    optimiser.step()
    c = 0.5**0.5  # after dividing by the norm
    for _ in range(4):
        c = 3.4445 * c - 4.7750 * c**3 + 2.0315 * c**5
    assert torch.allclose(weights, (1 - 0.1 * 0.5 - 0.1 * c) * torch.eye(2), atol=1e-6)
    assert torch.equal(weights.grad, 2 * torch.eye(2))


def test_tables_depthwise_kernels_and_vectors_are_no_matrices():
    module = nn.ModuleDict(
        {
            "pointwise": nn.Conv2d(8, 4, 1),
            "depthwise": nn.Conv2d(8, 8, 3, groups=8),
            "table": nn.Embedding(5, 3),
            "head": nn.Linear(4, 2),
        }
    )
    wanted = {id(module["pointwise"].weight), id(module["head"].weight)}
    assert steps_orthogonally(module) == wanted


@pytest.fixture(scope="module")
def subject():
    digits, mbconv = task("digits"), space("mbconv")
    architecture = mbconv.choose(lambda _, values: values[0])
    return mbconv.layers(architecture, digits.input_shape, digits.outputs), digits


def test_it_learns_and_goes_on_with_its_momentum(subject):
    layers, digits = subject
    splits = load_splits(digits)
    whole = train(layers, digits, splits, RECIPE, seed=0)
    assert whole.error < 0.5  # a guess is wrong in nine of ten
    begun = train(layers, digits, splits, RECIPE, seed=0, until=1).checkpoint
    rest = train(layers, digits, splits, RECIPE, seed=0, begun=begun)
    slow = {
        name: torch.zeros_like(v) if "momentum" in name else v for name, v in begun.tensors.items()
    }
    assert any("momentum" in name for name in slow)
    other = train(layers, digits, splits, RECIPE, seed=0, begun=Checkpoint(begun.curve, slow))
    assert any(not torch.equal(rest.state[name], other.state[name]) for name in rest.state)


def test_a_recipe_spells_it_only_where_it_acts():
    assert "optimiser" not in recipe_to_dict(dataclasses.replace(RECIPE, optimiser="adamw"))
    assert recipe_from_dict(recipe_to_dict(RECIPE)) == RECIPE
