"""Train one candidate: from layers, task and recipe to weights and a validation error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.errors import TaskError
from nas.models.build import Network, build
from nas.models.checkpoint import Checkpoint, checkpoint_of, restore
from nas.models.group_effects import group_effects
from nas.models.metrics import error as error_of
from nas.models.recipe import Recipe, default_recipe
from nas.models.tasks import Inputs, Splits, Task
from nas.models.torch_process import check_device, keep_freed_memory, torch_threads
from nas.models.training_step import (
    MEMORY_FORMATS,
    augmented,
    drop_ids,
    normalised,
    optimiser_of,
    scale_of,
    training_loss,
)
from search_spaces.layers import Layer, layer_shapes

__all__ = ["Epoch", "Recipe", "Training", "default_recipe", "predict", "train", "train_in_cycles"]

Status = Literal[
    "trained", "begun", "diverged", "out_of_memory", "failed", "time_limit", "interrupted"
]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of a training curve.

    Attributes:
        epoch: Number of the epoch, from 1.
        epochs: Epochs of the recipe.
        loss: Mean training loss of the epoch: nats, or of a regression the squared error of the
            standardised target, less beyond the recipe's `huber_delta`.
        error: Validation error after it.
        seconds: Wall-clock time since the training began.
    """

    epoch: int
    epochs: int
    loss: float
    error: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What came of one training.

    Attributes:
        status: ``"trained"`` only if all epochs were run; ``"begun"`` if those asked for were.
        error: Validation error after the last epoch; None unless trained or begun.
        curve: Epochs that were completed, whatever the status.
        seconds: Wall-clock time, building and validation included.
        state: `state_dict` of the module, float32; None unless trained.
        message: Why it was not trained, one line; empty if it was.
        checkpoint: From which a training that was begun goes on; None for others.
    """

    status: Status
    error: float | None
    curve: tuple[Epoch, ...]
    seconds: float
    state: dict[str, Tensor] | None
    message: str
    checkpoint: Checkpoint | None = None


def train(
    layers: tuple[Layer, ...],
    task: Task,
    splits: Splits,
    recipe: Recipe,
    *,
    seed: int,
    on_epoch: Callable[[Epoch, nn.Module], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    until: int | None = None,
    begun: Checkpoint | None = None,
    weights: Mapping[str, Tensor] | None = None,
) -> Training:
    """Train the network of `layers` on the training data and measure its validation error.

    The same arguments on the same machine give the same weights, bit for bit (on a GPU nearly). No
    epoch is chosen by its validation error: the weights are those after the last one.

    Args:
        layers: Layers whose input is `task.input_shape` and whose output is `task.output_shape`.
        task: The task.
        splits: Its data.
        recipe: How to train.
        seed: Of the first weights, the order of the samples and their augmentation.
        on_epoch: Called after every epoch, in this process, with the network as it then is.
        should_stop: Asked before every step; True ends the training as ``"interrupted"``.
        until: Epoch after which to stop, less than the recipe's. The rate rises and falls within
            the epochs of each call, so that the error where it stops tells of the network; one in
            the middle of a schedule hardly does (`experiments/tables/`).
        begun: Where an earlier call stopped; weights, momentum and chance go on from there.
        weights: `state_dict` to begin from, such as a slice of shared weights; None draws them.

    Returns:
        The outcome; what goes wrong inside torch is a status, not an exception.

    Raises:
        LayerError: If the layers do not connect.
        TaskError: If their input or output is not the task's.
        RunError: If `begun` is of another network.
        ConfigError: If the recipe wants a GPU and none is here.
    """
    _check_fits(layers, task)
    check_device(recipe.device)
    earlier = () if begun is None else begun.curve
    began = time.perf_counter()
    curve = [Epoch(row[0], recipe.epochs, *row[1:]) for row in earlier]
    kept: list[Checkpoint] = []

    def outcome(status: Status, message: str, module: nn.Module | None = None) -> Training:
        return Training(
            status=status,
            error=curve[-1].error if status in ("trained", "begun") else None,
            curve=tuple(curve),
            seconds=time.perf_counter() - began,
            state=None if module is None else _state(module),
            message=message,
            checkpoint=kept[-1] if kept else None,
        )

    keep_freed_memory()
    with torch_threads(recipe.threads):
        try:
            module = _begin(layers, recipe, seed, weights)
            for epoch in _epochs(
                module,
                task,
                splits,
                recipe,
                seed=seed,
                began=began,
                should_stop=should_stop or _never,
                segment=_Segment(until, begun, kept.append),
            ):
                curve.append(epoch)
                if on_epoch is not None:
                    on_epoch(epoch, module)
        except _EndedEarly as end:
            return outcome(end.status, str(end))
        except MemoryError as error:
            return outcome("out_of_memory", _one_line(error))
        except RuntimeError as error:  # torch reports everything, memory included, as this
            message = _one_line(error)
            return outcome("out_of_memory" if _OUT_OF_MEMORY in message else "failed", message)
        if kept:
            return outcome("begun", f"epoch {until} of {recipe.epochs}")
        return outcome("trained", "", module)


def train_in_cycles(
    layers: tuple[Layer, ...],
    task: Task,
    splits: Splits,
    recipe: Recipe,
    *,
    ends: Sequence[int],
    seed: int,
    on_epoch: Callable[[Epoch, nn.Module], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Training:
    """Train as a candidate is that climbs all its rungs without a pause.

    Args:
        layers: As of `train`, and so are those that follow but `ends`.
        task: The task.
        splits: Its data.
        recipe: How to train.
        seed: Of the first weights, the order of the samples and their augmentation.
        on_epoch: Called after every epoch.
        should_stop: Asked before every step.
        ends: Epochs at which the rate has fallen, rising, each less than the recipe's.

    Returns:
        The outcome; its seconds are those of all cycles, the recipe's limit is of each.
    """
    begun, seconds = None, 0.0
    for until in (*ends, None):
        part = train(
            layers,
            task,
            splits,
            recipe,
            seed=seed,
            on_epoch=on_epoch,
            should_stop=should_stop,
            until=until,
            begun=begun,
        )
        seconds += part.seconds
        begun = part.checkpoint
        if begun is None:
            break
    return replace(part, seconds=seconds)


def predict(
    module: nn.Module, x: Inputs, splits: Splits, *, dtype: torch.dtype = torch.float32
) -> NDArray[np.float32]:
    """What the module, put into evaluation mode, gives for inputs.

    Args:
        module: A network of `nas.models.build.build`.
        x: Raw inputs, (N, *input shape).
        splits: The data whose mean and deviation it was trained with.
        dtype: Of convolutions and products: float32, or bfloat16 or float16 by autocast.

    Returns:
        Its outputs, (N, *output shape), as `nas.models.metrics.error` takes them.
    """
    module.eval()
    inputs = torch.from_numpy(x)
    place = next((weights.device for weights in module.parameters()), inputs.device)
    scale = scale_of(splits, place)
    narrow = dtype is not torch.float32
    with torch.inference_mode(), torch.autocast(place.type, dtype, enabled=narrow):
        parts = (part.to(place) for part in torch.split(inputs, _EVALUATION_BATCH))
        outputs = [module(normalised(part, scale)).float() for part in parts]
    return torch.cat(outputs).cpu().numpy()


_EVALUATION_BATCH = 500
_LOOK_EVERY = 25  # steps
_OUT_OF_MEMORY = "allocate memory"  # of torch's CPU allocator


class _EndedEarly(Exception):  # noqa: N818
    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status


@dataclass(frozen=True, slots=True)
class _Segment:
    """Which epochs of a training are run, and what becomes of its state after them."""

    until: int | None
    begun: Checkpoint | None
    keep: Callable[[Checkpoint], None]


def _check_fits(layers: tuple[Layer, ...], task: Task) -> None:
    shapes = list(layer_shapes(layers).values())
    if shapes[0] != task.input_shape or shapes[-1] != task.output_shape:
        raise TaskError(
            f"{task.name}: layers take {shapes[0]} and give {shapes[-1]}; build them for "
            f"{task.input_shape} and {task.output_shape}"
        )


def _begin(
    layers: tuple[Layer, ...], recipe: Recipe, seed: int, weights: Mapping[str, Tensor] | None
) -> Network:
    """The network with its first weights, where and as it is trained."""
    module = build(layers, seed=seed)
    if weights is not None:
        module.load_state_dict(weights)
    layout = MEMORY_FORMATS[recipe.layout]
    module.to(recipe.device, memory_format=layout)  # type: ignore[call-overload]
    return module


def _epochs(
    module: Network,
    task: Task,
    splits: Splits,
    recipe: Recipe,
    *,
    seed: int,
    began: float,
    should_stop: Callable[[], bool],
    segment: _Segment,
) -> Iterator[Epoch]:
    part, place = slice(recipe.train_images), torch.device(recipe.device)
    x = torch.from_numpy(splits.train_x[part]).to(place)
    y = torch.from_numpy(splits.train_y[part]).to(place)
    steps = max(1, len(x) // recipe.batch_size)
    rows = list(segment.begun.curve) if segment.begun else []
    last = segment.until or recipe.epochs
    optimiser, schedule = optimiser_of(module, recipe, (last - len(rows)) * steps)
    generator = torch.Generator().manual_seed(seed)
    drop_ids(module, recipe.id_dropout, generator)
    scale = scale_of(splits, place)
    effects = _effects(task, splits, recipe, place)
    if segment.begun is not None:
        restore(segment.begun, module, optimiser, generator)
    before_s = rows[-1][3] if rows else 0.0
    for number in range(len(rows) + 1, last + 1):
        module.train()
        order = _orders(module.members, len(x), generator).to(place)
        total = torch.zeros((), dtype=torch.float64, device=place)
        for step in range(steps):
            if should_stop():
                raise _EndedEarly("interrupted", "stopped from outside")
            if recipe.limit_s is not None and time.perf_counter() - began > recipe.limit_s:
                raise _EndedEarly(
                    "time_limit",
                    f"epoch {number} of {recipe.epochs} at the limit of {recipe.limit_s:g} s",
                )
            begin = step * recipe.batch_size
            chosen = order[:, begin : begin + recipe.batch_size].flatten()
            images = augmented(x[chosen], recipe.augmentation, generator)
            with torch.autocast(place.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                outputs = module(normalised(images, scale, recipe.layout)).float()
            outputs = outputs if effects is None else outputs + effects[chosen]
            loss = training_loss(task, outputs, y[chosen], splits, recipe)
            total += loss.detach()
            if step % _LOOK_EVERY == 0 or step + 1 == steps:  # each look makes a GPU wait
                _check_finite("loss", total.item(), f"in epoch {number}")
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        outputs = predict(module, splits.validation_x, splits)
        error = error_of(task, outputs, splits.validation_y, splits)
        _check_finite("error", error, f"after epoch {number}")
        seconds = before_s + time.perf_counter() - began
        rows.append((number, total.item() / steps, error, seconds))
        yield Epoch(number, recipe.epochs, *rows[-1][1:])
    if segment.until is not None:
        segment.keep(checkpoint_of(module, optimiser, generator, tuple(rows)))


def _effects(task: Task, splits: Splits, recipe: Recipe, place: torch.device) -> Tensor | None:
    if not recipe.group_effects:
        return None
    return torch.from_numpy(group_effects(task, splits, recipe.train_images))[:, None].to(place)


def _check_finite(name: str, value: float, where: str) -> None:
    if not math.isfinite(value):
        raise _EndedEarly("diverged", f"{name} is {value} {where}")


def _orders(members: int, samples: int, generator: torch.Generator) -> Tensor:
    orders = [torch.randperm(samples, generator=generator) for _ in range(members)]
    return torch.stack(orders)


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in module.state_dict().items()
    }


def _never() -> bool:
    return False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
