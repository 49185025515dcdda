"""Train a supernet: the sandwich of largest, smallest and random sub-networks in every step.

The largest learns the targets; the others learn what it says (in-place distillation; Yu and Huang
2019, arXiv:1903.05134; Yu et al. 2020, arXiv:2003.11142). A step depends only on the seed, its
number and what came before, so that a training goes on from a checkpoint bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nas.errors import ConfigError, RunError
from nas.models.checkpoint import checkpoint_of, read_checkpoint, restore, write_checkpoint
from nas.models.recipe import Recipe, recipe_to_dict
from nas.models.supernet import Supernet
from nas.models.tasks import Splits
from nas.models.torch_process import keep_freed_memory, torch_threads
from nas.models.training_step import (
    augmented,
    normalised,
    optimiser_of,
    rate_share,
    scale_of,
    training_loss,
)
from search_spaces.base import Architecture

__all__ = ["SupernetRecipe", "train_supernet"]

_WHAT = "what"


@dataclass(frozen=True, slots=True)
class SupernetRecipe:
    """How a supernet is trained.

    Attributes:
        recipe: Epochs, batch, rates and data, as of a candidate.
        randoms: Random sub-networks a step, besides the largest and the smallest, >= 1.
        distilled: Share of the others' loss that is to the largest's outputs, in [0, 1]; the rest
            is to the targets. Only where outputs are classes.
    """

    recipe: Recipe
    randoms: int = 2
    distilled: float = 0.5

    def __post_init__(self) -> None:
        if self.randoms < 1:
            raise ConfigError(f"supernet: randoms={self.randoms!r} is not >= 1")
        if not 0 <= self.distilled <= 1:
            raise ConfigError(f"supernet: distilled={self.distilled!r} is not in [0, 1]")


def train_supernet(
    supernet: Supernet,
    splits: Splits,
    recipe: SupernetRecipe,
    *,
    seed: int,
    checkpoint: Path | None = None,
    checkpoint_steps: int = 200,
    on_step: Callable[[int, int, float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> bool:
    """Train the weights in place, going on from the checkpoint where there is one.

    Args:
        supernet: Fresh, of the same space, task and seed as what the checkpoint holds.
        splits: The task's data; only the training part is read.
        recipe: How to train.
        seed: Of the order of the samples, their augmentation, and which sub-networks are drawn.
        checkpoint: File to go on from and to write to; None keeps none.
        checkpoint_steps: Steps between two checkpoints.
        on_step: Called after every step with its number from 1, how many there are, and the loss
            of the largest network.
        should_stop: Asked before every step; True ends the training, with a checkpoint.

    Returns:
        Whether all steps were made.

    Raises:
        RunError: The checkpoint is damaged or of another training, or the loss is not finite.
    """
    plain = recipe.recipe
    x = torch.from_numpy(splits.train_x[: plain.train_images])
    y = torch.from_numpy(splits.train_y[: plain.train_images])
    an_epoch = max(1, len(x) // plain.batch_size)
    steps = plain.epochs * an_epoch
    optimiser, _ = optimiser_of(supernet, plain, steps)
    what = _fingerprint(supernet, recipe, seed)
    done = 0
    if checkpoint is not None and checkpoint.exists():
        done = _restore(checkpoint, what, supernet, optimiser)
    scale = scale_of(splits)
    keep_freed_memory()
    with torch_threads(plain.threads):
        for step in range(done, steps):
            if should_stop is not None and should_stop():
                if checkpoint is not None:
                    _save(checkpoint, what, step, supernet, optimiser)
                return False
            order = np.random.default_rng([seed, 0, step // an_epoch]).permutation(len(x))
            at = step % an_epoch * plain.batch_size
            chosen = torch.from_numpy(order[at : at + plain.batch_size])
            generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
            images = normalised(augmented(x[chosen], plain.augmentation, generator), scale)
            rng = np.random.default_rng([seed, 1, step])
            optimiser.zero_grad()
            networks = [supernet.largest, supernet.smallest]
            networks += [supernet.draw(rng) for _ in range(recipe.randoms)]
            loss = _sandwich(supernet, networks, (images, y[chosen]), splits, recipe)
            if not math.isfinite(loss):
                raise RunError(f"supernet: loss is {loss} in step {step + 1}; lower the rate")
            for group in optimiser.param_groups:
                group["lr"] = plain.learning_rate * rate_share(step, steps, plain)
            optimiser.step()
            if on_step is not None:
                on_step(step + 1, steps, loss)
            if checkpoint is not None and (step + 1 == steps or (step + 1) % checkpoint_steps == 0):
                _save(checkpoint, what, step + 1, supernet, optimiser)
    return True


def _sandwich(
    supernet: Supernet,
    networks: list[Architecture],
    batch: tuple[Tensor, Tensor],
    splits: Splits,
    recipe: SupernetRecipe,
) -> float:
    """Add the gradients of one step's sub-networks, the largest first; the loss of that one."""
    plain, task = recipe.recipe, supernet.task
    x, y = batch
    classes = task.kind in ("classification", "language")
    taught: Tensor | None = None
    first = 0.0
    for architecture in networks:
        supernet.network(architecture).train()
        with torch.autocast("cpu", torch.bfloat16, enabled=plain.precision == "bf16"):
            outputs: Tensor = supernet(x, architecture)
        outputs = outputs.float()
        loss = training_loss(task, outputs, y, splits, plain)
        if taught is None:
            first = loss.item()
            taught = functional.softmax(outputs.detach(), dim=-1).flatten(0, -2)
        elif classes and recipe.distilled:
            soft = functional.cross_entropy(outputs.flatten(0, -2), taught)
            loss = (1 - recipe.distilled) * loss + recipe.distilled * soft
        torch.autograd.backward(loss / len(networks))
    return first


def _fingerprint(supernet: Supernet, recipe: SupernetRecipe, seed: int) -> str:
    facts = {
        "space": [supernet.space.name, supernet.space.version],
        "task": supernet.task.name,
        "recipe": recipe_to_dict(recipe.recipe),
        "sandwich": [recipe.randoms, recipe.distilled],
        "seed": seed,
        "weights": {name: list(value.shape) for name, value in supernet.named_parameters()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _save(
    path: Path, what: str, step: int, supernet: Supernet, optimiser: torch.optim.Optimizer
) -> None:
    """Write the checkpoint whole or not at all."""
    kept = checkpoint_of(supernet, optimiser, torch.Generator(), ((step, 0.0, 0.0, 0.0),))
    kept.tensors[_WHAT] = torch.tensor(list(bytes.fromhex(what)), dtype=torch.uint8)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write_checkpoint(kept, temporary)
    os.replace(temporary, path)


def _restore(path: Path, what: str, supernet: Supernet, optimiser: torch.optim.Optimizer) -> int:
    """Put the training where the checkpoint was taken; the steps it had made."""
    kept = read_checkpoint(path)
    found = kept.tensors.get(_WHAT)
    if found is None or bytes(found.tolist()).hex() != what:
        raise RunError(
            f"{path}: is of another space, task, recipe or seed; give these, or another file"
        )
    restore(kept, supernet, optimiser, torch.Generator())
    return kept.curve[-1][0]
