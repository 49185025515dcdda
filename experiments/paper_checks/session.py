"""One row of the document: its lines are run as they are shown, and judged by named checks."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import math
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas.cli import main

AGREES = "agrees"
DIFFERS = "does not agree"
SLIP = "the paper's slip"
CONTEXT = "not computable"
OUT = "out of scope"
ABSENT = "data absent"
VERDICTS = (AGREES, SLIP, DIFFERS, CONTEXT, OUT, ABSENT)


@dataclass(frozen=True)
class Finding:
    """What a row prints, how it was judged, and why where that is not plain."""

    prints: str
    verdict: str
    why: str = ""
    checks: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the notes: what the paper says, and the function that computes our side.

    Attributes:
        id: As in the notes.
        where: Section or figure of the paper.
        says: What it says.
        find: Computes our side; None where nothing is computed, and then `settled` says why.
        settled: The finding of a row without computation.
        needs_data: Whether it reads the folder that `CARBON_NAS_DATA` names.
    """

    id: str
    where: str
    says: str
    find: Callable[[Session], Finding] | None = None
    settled: Finding | None = None
    needs_data: bool = False


class Session:
    """Runs lines of Python and of the shell for one row, and keeps what was run and said."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.transcript: list[str] = []

    def __call__(self, code: str) -> Any:
        """Run Python as given; the value of an expression is shown and returned."""
        code = textwrap.dedent(code).strip()
        tree = ast.parse(code)
        starts = {statement.lineno for statement in tree.body}
        for number, line in enumerate(code.splitlines(), start=1):
            self.transcript.append(f"{'>>>' if number in starts else '...'} {line}")
        *before, last = tree.body
        exec(compile(ast.Module(before, []), "<row>", "exec"), self.names)
        if not isinstance(last, ast.Expr):
            exec(compile(ast.Module([last], []), "<row>", "exec"), self.names)
            return None
        value = eval(compile(ast.Expression(last.value), "<row>", "eval"), self.names)
        self.transcript += shown(value).splitlines()
        return value

    def given(self, code: str, row: str) -> None:
        """Run what another row shows already."""
        exec(code, self.names)
        self.transcript.append(f"(names as in {row})")

    def command(self, line: str, *, show: Callable[[str], bool] | None = None) -> str:
        """Run one `carbon-nas` command line, show the lines that `show` picks; all is returned."""
        words = line.split()
        if words[0] != "carbon-nas":
            raise ValueError(f"{line}: only carbon-nas commands are run")
        said = _said(words)
        picked = [text for text in said.splitlines() if show is None or show(text)]
        left_out = len(said.splitlines()) - len(picked)
        self.transcript += [f"$ {line}", *picked]
        if left_out:
            self.transcript.append(f"({left_out} further lines)")
        return said

    def json(self, line: str) -> Any:
        """Run one `carbon-nas ... --json` command; its data are returned, not shown."""
        said = _said(line.split())
        self.transcript.append(f"$ {line}")
        return json.loads(said)


def _said(words: Sequence[str]) -> str:
    before = sys.argv
    out, error = io.StringIO(), io.StringIO()
    sys.argv = list(words)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            main()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"{' '.join(words)}: {error.getvalue().strip()}") from ended
    finally:
        sys.argv = before
    return out.getvalue()


def shown(value: Any) -> str:
    """A value as the document prints it: floats to six significant digits."""
    if isinstance(value, np.ndarray):
        return shown(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(shown(item) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value) if isinstance(value, str) else str(value)


def near(got: Any, wanted: float, *, within: float = 1e-9) -> bool:
    """Whether a number is the wanted one, to a relative tolerance."""
    return math.isclose(float(got), wanted, rel_tol=within)


def rounds_to(got: Any, wanted: float, digits: int) -> bool:
    """Whether a number, rounded to so many decimals, is the one that the paper prints."""
    return round(float(got), digits) == wanted


def judged(
    prints: str, checks: Mapping[str, bool], *, verdict: str = AGREES, why: str = ""
) -> Finding:
    """A finding whose verdict stands only if every named check holds."""
    checks = {name: bool(holds) for name, holds in checks.items()}
    failed = [name for name, holds in checks.items() if not holds]
    if failed:
        reason = f"does not hold: {'; '.join(failed)}"
        return Finding(prints, DIFFERS, f"{reason}. {why}".strip(), checks)
    return Finding(prints, verdict, why, checks)
