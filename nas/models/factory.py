"""A module that a user's file makes or holds, as layers to be counted."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm

from nas.errors import LayerError
from nas.models.trace import check_traced, quiet, trace
from nas.models.user_code import attribute_of, guarded
from search_spaces.layers import Layer

__all__ = ["exported_layers", "factory_layers"]

_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_COMPILED = (".so", ".dll", ".dylib")


def factory_layers(path: Path, name: str) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Trace what a function of a Python file returns: ``(module, example)``.

    The file is run, as any program is.

    Args:
        path: The file.
        name: Of a function without arguments that returns a module and samples that it takes,
            with the batch first, such as ``(net, torch.zeros(1, 3, 224, 224))``.

    Returns:
        The layers, and where they are otherwise than the module, one line each.

    Raises:
        LayerError: The file or function fails, gives something else, or cannot be traced.
    """
    made = _made(path, name)
    fits = isinstance(made, tuple) and len(made) == 2
    if not fits or not isinstance(made[0], nn.Module) or not isinstance(made[1], Tensor):
        raise LayerError(
            f"{path}: {name}() gives {type(made).__name__}; return the module and samples for it, "
            "such as (net, torch.zeros(1, 3, 224, 224))"
        )
    module, example = made
    if example.dim() < 2 or not len(example):
        raise LayerError(
            f"{path}: {name}() gives samples of shape {tuple(example.shape)}; put the batch first"
        )
    return _counted(module, example)


def exported_layers(path: Path) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Trace a program that `torch.export.save` wrote. Nothing in the file is run to read it.

    Args:
        path: The file; the program takes one tensor, with a free first axis or a batch of two.

    Returns:
        As `factory_layers`.

    Raises:
        LayerError: The file cannot be read, holds code or objects besides tensors, holds no
            example, or cannot be traced.
    """
    _refuse_code(path)
    try:
        with quiet(), _tensors_only():
            program = torch.export.load(path)
    except Exception as error:  # torch and its archive raise anything
        raise LayerError(f"{path}: cannot be read ({_said(error)}); mend it") from error
    given: tuple[Any, ...] = program.example_inputs[0] if program.example_inputs else ()
    if len(given) != 1 or not isinstance(given[0], Tensor) or given[0].dim() < 2:
        raise LayerError(f"{path}: has no example of one tensor; export it with one, batch first")
    try:
        return _counted(program.module(), given[0])
    except LayerError as error:
        if len(given[0]) > 1:
            raise
        raise LayerError(f"{path}: {error}; or export it with a free first axis") from error


def _refuse_code(path: Path) -> None:
    """Compiled kernels would be loaded, and with them run, by torch's reader."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise LayerError(f"{path}: cannot be read ({_said(error)}); mend it") from error
    code = [name for name in names if "aotinductor/" in name or name.endswith(_COMPILED)]
    if code:
        raise LayerError(f"{path}: holds compiled code ({code[0]}); export the program without it")


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Let torch unpickle tensors and nothing else, also where its reader asks for more."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before


def _counted(module: nn.Module, example: Tensor) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    notes = _folded(module)
    module.float()
    if example.is_floating_point():
        example = example.float()
    with quiet():
        traced = trace(module, example)
        notes += [*traced.notes, *_stored(module)]
        try:
            check_traced(module, example, traced)
        except LayerError as error:
            notes.append(str(error))
    return traced.layers, tuple(notes)


def _folded(module: nn.Module) -> list[str]:
    """Replace weights that are computed of others by what they give, and say so in a line."""
    found = []
    for name, part in module.named_modules():
        if parametrize.is_parametrized(part):
            for weight in [*part.parametrizations]:
                parametrize.remove_parametrizations(part, weight, leave_parametrized=True)
                found.append(f"{name}.{weight}".strip("."))
        for key, hook in [*part._forward_pre_hooks.items()]:
            if isinstance(hook, WeightNorm):
                hook.remove(part)
                del part._forward_pre_hooks[key]
                found.append(f"{name}.{hook.name}".strip("."))
    said = f"weights computed of others are counted as what they give: {', '.join(found)}"
    return [said] if found else []


def _stored(module: nn.Module) -> list[str]:
    """A line on numbers that a module keeps besides its parameters, statistics of norms aside."""
    kept = {
        name: buffer.numel() * buffer.element_size()
        for name, buffer in module.named_buffers()
        if buffer.is_floating_point() and buffer.numel() > 1 and "running_" not in name
    }
    if not kept:
        return []
    return [
        f"buffers of {sum(kept.values())} bytes are not counted as parameters: {', '.join(kept)}"
    ]


def _made(path: Path, name: str) -> Any:
    factory = attribute_of(path, name, LayerError)
    if not callable(factory):
        raise LayerError(f"{path}: {name} is a {type(factory).__name__}; name a function")
    with guarded(f"{path}: {name}()", LayerError):
        return factory()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: " + re.sub(r"\s+", " ", str(error)).strip()[:160]
