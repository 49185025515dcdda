"""A user's Python file: run once, what it prints put aside, what it fails with told in one line."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from nas.errors import CarbonNasError

__all__ = ["attribute_of", "guarded"]

_NAME = "carbon_nas_own_"


def attribute_of(path: Path, name: str, fault: type[CarbonNasError]) -> Any:
    """What a Python file holds under a name. The file is run, as any program is.

    It is run once for its path and content, however often it is asked for.

    Args:
        path: The file.
        name: Of something at its top level.
        fault: The error that is raised.

    Raises:
        CarbonNasError: Of the kind of `fault`: there is no such file, it fails or ends the
            program, or it holds no such name.
    """
    module = _module(path, fault)
    if not hasattr(module, name):
        raise fault(f"{path}: has no {name!r}; give the name of something in it")
    return getattr(module, name)


@contextlib.contextmanager
def guarded(what: str, fault: type[CarbonNasError]) -> Iterator[None]:
    """While a user's code runs: prints go to standard error, and failures become one line.

    Args:
        what: What runs, such as ``"./my_task.py:task"``.
        fault: The error that is raised.

    Raises:
        CarbonNasError: As the code raised it; or of the kind of `fault`, where the code raised
            anything else or asked for the program's end.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except CarbonNasError:
        raise
    except (Exception, SystemExit) as error:  # a user's code raises anything
        raise fault(f"{what} fails with {_said(error)}; mend it") from error


def _module(path: Path, fault: type[CarbonNasError]) -> ModuleType:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise fault(f"{path}: {error.strerror}; give a Python file, as FILE.py:NAME") from None
    key = hashlib.sha256(f"{path.resolve()}\n".encode() + content).hexdigest()
    known = sys.modules.get(_NAME + key)
    if known is not None:
        return known
    where = importlib.util.spec_from_file_location(_NAME + key, path)
    if where is None or where.loader is None:
        raise fault(f"{path}: is no Python file; give one, as FILE.py:NAME")
    module = importlib.util.module_from_spec(where)
    sys.modules[_NAME + key] = module  # where dataclasses and pickle look
    try:
        with guarded(f"{path}:", fault):
            _run(where.loader, module, path, fault)
    except BaseException:
        del sys.modules[_NAME + key]
        raise
    return module


def _run(loader: Any, module: ModuleType, path: Path, fault: type[CarbonNasError]) -> None:
    try:
        loader.exec_module(module)
    except ModuleNotFoundError as error:
        beside = path.parent / f"{(error.name or '').partition('.')[0]}.py"
        if not beside.is_file():
            raise
        raise fault(
            f"{path}: imports {beside.name} beside it, of which a run would keep no copy; put both "
            "into one file"
        ) from None


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: " + re.sub(r"\s+", " ", str(error)).strip()[:200]
