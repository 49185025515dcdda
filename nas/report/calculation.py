"""The section of a page that redoes the calculation of one point, line by line, with sources."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nas.carbon.study import Study
from nas.cost.explain import Line, explain
from nas.cost.workload import workload
from nas.quantities import format_quantity
from nas.report.chosen import Chosen
from nas.report.markup import Cell, Row, section, table

__all__ = ["calculation_section"]

# A longer formula opens on a click.
_LONG = 150
# A longer source is told once.
_SHORT = 60
_HEAD = ("what", "arithmetic, and where its figures come from", "result")


def calculation_section(study: Study, chosen: Chosen) -> str:
    """Every step from the counts of a network to its objectives on one deployment, as HTML.

    Args:
        study: Demand, boundary and factor tables.
        chosen: The point.

    Raises:
        StudyError: As `nas.cost.explain.explain`.
        HardwareError: As `nas.cost.explain.explain`.
    """
    counts = workload(chosen.record.layers)
    lines = explain(counts, chosen.deployment, study)
    kernels, steps = lines[: len(counts.names)], lines[len(counts.names) :]
    place = f"{chosen.record.candidate} on {chosen.deployment.label}"
    return section(
        "The calculation, line by line",
        f'<p class="note">{escape(place)}: {escape(_because(chosen.reasons))}. Each line is '
        "arithmetic in numbers, in the syntax of Python, that yields its result; below it stands "
        "where its figures come from. The command <code>carbon-nas estimate --explain</code> "
        "prints the same.</p>",
        f"<details><summary>{len(kernels)} kernels, each with its own time</summary>"
        f"{_lines(kernels)}</details>",
        _lines(steps),
    )


def _because(reasons: Sequence[str]) -> str:
    """Of the lines that lead to a choice, the one that decides."""
    return next((reason for reason in reasons if reason.startswith("it ")), reasons[0])


def _lines(lines: Sequence[Line]) -> str:
    first: dict[str, str] = {}
    rows = []
    for line in lines:
        known = first.setdefault(line.source, line.label)
        again = known != line.label and len(line.source) > _SHORT
        rows.append(_row(line, f"as for {known}" if again else line.source))
    return table(_HEAD, rows)


def _row(line: Line, source: str) -> Row:
    formula = Cell(line.formula, source, "wide code")
    if len(line.formula) > _LONG:
        terms = line.formula.count(" + ") + 1
        formula = Cell(f"{terms} terms", source, "wide code", more=line.formula)
    value = format_quantity(line.value, line.unit)
    return Row((Cell(line.label, kind="wide label"), formula, Cell(value)))
