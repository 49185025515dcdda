"""What one step of a training does, alone and with shared weights: inputs, loss, optimiser."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.models.muon import Muon, steps_orthogonally
from nas.models.recipe import Layout, Recipe
from nas.models.tasks import Splits, Task

__all__ = [
    "MEMORY_FORMATS",
    "augmented",
    "drop_ids",
    "normalised",
    "optimiser_of",
    "rate_share",
    "scale_of",
    "training_loss",
]

MEMORY_FORMATS: dict[Layout, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "channels_first": torch.contiguous_format,
}
_PIXELS_PER_SHIFT = 14
_SMALL_TABLE = 64  # rows; their ids are all known
Scale = tuple[float | Tensor, float | Tensor]


def scale_of(splits: Splits, place: torch.device | None = None) -> Scale:
    """Mean and deviation by which inputs are normalised, as tensors where they are arrays.

    Args:
        splits: The data.
        place: Device of these tensors; None is the processor.
    """
    mean, std = (
        value if isinstance(value, float) else torch.from_numpy(value).to(place or "cpu")
        for value in (splits.mean, splits.std)
    )
    return mean, std


def normalised(inputs: Tensor, scale: Scale, layout: Layout = "channels_last") -> Tensor:
    """Inputs as a network takes them: float32, normalised, images in a layout.

    Args:
        inputs: Raw, (batch, *input shape).
        scale: Of `scale_of`.
        layout: As `Recipe.layout` has it.
    """
    values = (inputs.float() - scale[0]) / scale[1]
    if values.dim() == 4:
        return values.contiguous(memory_format=MEMORY_FORMATS[layout])
    return values


def augmented(images: Tensor, augmentation: str, generator: torch.Generator) -> Tensor:
    """Each image moved by up to 1/14 of its height (zeros move in), mirrored, or both.

    Args:
        images: (batch, channels, height, width).
        augmentation: ``none``, ``shift``, ``flip`` or both, as `Recipe.augmentation` has it.
        generator: By how much.
    """
    if augmentation == "none":
        return images
    count, _, height, width = images.shape
    furthest = 0 if augmentation == "flip" else max(1, height // _PIXELS_PER_SHIFT)
    padded = functional.pad(images, (furthest,) * 4)
    down, right = torch.randint(0, 2 * furthest + 1, (2, count, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    if augmentation != "shift":
        mirrored = torch.randint(0, 2, (count, 1), generator=generator).bool()
        columns = torch.where(mirrored, columns.flip(1), columns)
    rows, columns = rows.to(images.device), columns.to(images.device)
    image = torch.arange(count, device=images.device)[:, None, None]
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def training_loss(task: Task, outputs: Tensor, y: Tensor, splits: Splits, recipe: Recipe) -> Tensor:
    """The loss that is minimised, of a batch.

    Args:
        task: Its kind tells which: squared error of the standardised target, or cross-entropy.
        outputs: (batch, *task.output_shape).
        y: Targets or classes, (batch, ...).
        splits: Mean and deviation of a regression's target.
        recipe: Its label smoothing and `huber_delta`.

    Returns:
        A number; nats, or of a regression the squared error of the standardised target, less
        beyond `huber_delta`.
    """
    if task.kind == "regression":
        wanted = (y - splits.target_mean) / splits.target_std
        if recipe.huber_delta is None:
            return functional.mse_loss(outputs[:, 0], wanted.float())
        return 2 * functional.huber_loss(outputs[:, 0], wanted.float(), delta=recipe.huber_delta)
    if task.kind == "binary":
        wanted = y * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], wanted.float())
    return functional.cross_entropy(
        outputs.flatten(0, -2), y.flatten(), label_smoothing=recipe.label_smoothing
    )


def optimiser_of(
    module: nn.Module, recipe: Recipe, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """The recipe's optimiser, which lets biases, scales and offsets be, and its schedule.

    Args:
        module: Whose parameters are trained.
        recipe: Optimiser, rate and weight decay; the schedule is that of `rate_share`.
        steps: From its beginning to the end of its fall.
    """
    parameters = list(module.parameters())
    turned = steps_orthogonally(module) if recipe.optimiser == "muon" else set()
    matrices = [p for p in parameters if id(p) in turned]
    others = [p for p in parameters if p.dim() > 1 and id(p) not in turned]
    groups: list[dict[str, Any]] = [
        {"params": others, "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimiser: torch.optim.Optimizer
    if matrices:
        groups.append({"params": matrices, "weight_decay": recipe.weight_decay, "orthogonal": True})
        optimiser = Muon(groups, lr=recipe.learning_rate)
    else:
        optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_share(step, steps, recipe)
    )
    return optimiser, schedule


def rate_share(step: int, steps: int, recipe: Recipe) -> float:
    """Share of the peak learning rate: up in a line, then down in half a cosine or a line.

    Args:
        step: From 0.
        steps: From its beginning to the end of its fall.
        recipe: Its `warm_up` and `decay`.

    Source:
        Warm-up and one cosine: Loshchilov and Hutter, SGDR, ICLR 2017 (arXiv:1608.03983).
    """
    warm = max(1, round(recipe.warm_up * steps))
    if step < warm:
        return (step + 1) / warm
    passed = (step + 1 - warm) / (steps + 1 - warm)
    return 1 - passed if recipe.decay == "linear" else 0.5 * (1 + math.cos(math.pi * passed))


def drop_ids(module: nn.Module, share: float, generator: torch.Generator) -> None:
    """Let large tables of the module give 0 for so large a share of the training rows.

    Args:
        module: Changed in place.
        share: Of rows, in [0, 1).
        generator: Which rows.
    """

    def drop(table: nn.Module, _: object, vectors: Tensor) -> Tensor:
        if not table.training:
            return vectors
        kept = torch.rand(len(vectors), 1, 1, generator=generator) >= share
        return vectors * kept.to(vectors.device)

    for table in module.modules() if share else ():
        if isinstance(table, nn.Embedding) and table.num_embeddings > _SMALL_TABLE:
            table.register_forward_hook(drop)
