"""The document: one table line and one transcript for each row, and how they are read back."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.paper_checks.data import ROOT, data_folder
from experiments.paper_checks.session import ABSENT, VERDICTS, Finding, Row, Session

HEAD = """# The paper, row by row

Written by `python experiments/paper_checks/run.py`; do not edit. `--check` compares this file with
what is computed now, `--row ID` prints one row.

The paper is Wu, Acun, Raghavendra, Hazelwood: "Beyond Efficiency: Scaling AI Sustainably" (IEEE
Micro, 2024); section numbers are its own. Every row of our notes on it is here: carbon models and
tools (A), data sets (D), metrics (M), methods (S), numbers (N). The table says what the paper says,
what our commands and functions print, and whether they agree. Below it stand the very lines that
were run for each row, with what they gave (numbers to six digits), and the checks that the verdict
rests on. No result in the column "we print" is typed in; inputs are in those lines.

Verdicts: **agrees**; **the paper's slip** (the paper contradicts itself or its source; we say what
is right); **does not agree**, with why; **not computable** (a fact about a company or a year that
no model can compute); **out of scope**; **data absent** (the folder that `CARBON_NAS_DATA` names,
by default `../shared/data`, was not there).
"""
GROUPS = {
    "A": "Carbon models and tools",
    "D": "Data sets",
    "M": "Metrics",
    "S": "Model and system methods",
    "N": "Numbers",
}
TABLE_HEAD = ("| row | the paper says | we print | verdict |", "| --- | --- | --- | --- |")


@dataclass(frozen=True)
class Entry:
    """A row as written: its line of the table and its transcript ('' where nothing was run)."""

    line: str
    transcript: str


def entries(rows: Sequence[Row]) -> dict[str, Entry]:
    """Compute every row."""
    return {row.id: entry(row) for row in rows}


def entry(row: Row) -> Entry:
    """Compute one row."""
    session = Session()
    finding = _finding(row, session)
    verdict = f"**{finding.verdict}**" + (f": {finding.why}" if finding.why else "")
    says = f"{row.says} ({row.where})"
    cells = " | ".join(_cell(text) for text in (row.id, says, finding.prints, verdict))
    return Entry(f"| {cells} |", _transcript(row, session, finding))


def _finding(row: Row, session: Session) -> Finding:
    if row.find is None:
        if row.settled is None:
            raise ValueError(f"{row.id}: has neither a computation nor a finding")
        return row.settled
    if row.needs_data and data_folder() is None:
        return Finding("-", ABSENT, "give its folder in CARBON_NAS_DATA")
    try:
        with contextlib.chdir(ROOT):
            return row.find(session)
    except Exception as error:
        error.add_note(f"in row {row.id} of the paper checks")
        raise


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _transcript(row: Row, session: Session, finding: Finding) -> str:
    if not session.transcript:
        return ""
    lines = [f"### {row.id}", "", "```text", *session.transcript, "```"]
    if finding.checks:
        lines.append("")
    lines += [f"- {name}: {'yes' if holds else 'NO'}" for name, holds in finding.checks.items()]
    return "\n".join(lines)


def render(found: Mapping[str, Entry]) -> str:
    """The whole document."""
    parts = [HEAD, _summary(found), ""]
    for letter, title in GROUPS.items():
        lines = [entry.line for key, entry in found.items() if key[0] == letter]
        parts += [f"## {letter}. {title}", "", *TABLE_HEAD, *lines, ""]
    parts += ["## What was run", ""]
    parts += [f"{entry.transcript}\n" for entry in found.values() if entry.transcript]
    return "\n".join(parts).rstrip() + "\n"


def _summary(found: Mapping[str, Entry]) -> str:
    counts = Counter(verdict_of(entry.line) for entry in found.values())
    said = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    return f"{len(found)} rows: {said}."


def verdict_of(line: str) -> str:
    """The verdict that a line of the table ends with."""
    return re.split(r"(?<!\\)\|", line)[4].split("**")[1]


def parse(text: str) -> dict[str, Entry]:
    """The rows of a written document."""
    lines = re.findall(r"^(\| ([ADMSN]\d+) \|.*)$", text, flags=re.MULTILINE)
    blocks = dict(
        re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    )
    return {
        key: Entry(line, f"### {key}\n{blocks[key]}".rstrip() if key in blocks else "")
        for line, key in lines
    }


def differences(written: str, found: Mapping[str, Entry], rows: Iterable[Row]) -> list[str]:
    """What the written document says otherwise than computed; rows without their data pass."""
    before = parse(written)
    skipped = {
        row.id for row in rows if row.needs_data and verdict_of(found[row.id].line) == ABSENT
    }
    now = {key: before.get(key, entry) if key in skipped else entry for key, entry in found.items()}
    changed = [key for key in now if now[key] != before.get(key)]
    changed += [key for key in before if key not in now]
    if not changed and render(now) != written:
        changed.append("text")
    return changed
