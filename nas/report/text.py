"""Fronts and comparisons as rows for JSON, as CSV and as plain text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nas.comparison import Comparison
from nas.deciding import agreement_text
from nas.objectives import OBJECTIVES, Objective, objectives
from nas.quantities import format_quantity
from nas.runs.recipes import RECIPE_PREFIX

__all__ = [
    "aligned",
    "comparison_rows",
    "comparison_text",
    "front_text",
    "kappa_text",
    "plain_value",
    "table_csv",
    "table_rows",
]

_FIRST = ("candidate", "deployment", "precision")


def table_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain values that JSON can hold; unknown is None.

    Args:
        frame: Any table, such as a front or the scores of a run.
    """
    names = [str(name) for name in frame.columns]
    return [
        {name: plain_value(value) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def plain_value(value: Any) -> Any:
    """A cell as JSON can hold it: NaN and infinity become None, numpy's numbers Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table_csv(frame: pd.DataFrame) -> str:
    """The table as CSV with a head, full precision, unknown cells empty, one line a row."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def front_text(front: pd.DataFrame) -> str:
    """A front as an aligned table with what was left out and what decides on each device.

    Args:
        front: As `nas.comparison.front_of` gives it.

    Returns:
        Lines without a final newline, as wide as their content.
    """
    names = [str(name) for name in front.attrs.get("objectives", [])]
    chosen = objectives(names) if names else ()
    lines = [_front_table(front, chosen)] if len(front) else ["no score is on the front"]
    attrs = {str(key): value for key, value in front.attrs.items()}
    lines += ["", _counts(len(front), attrs), *attrs.get("notes", ()), *_deciding(attrs)]
    lines += attrs.get("warnings", ())
    return "\n".join(lines)


def _front_table(front: pd.DataFrame, chosen: Sequence[Objective]) -> str:
    ids = [name for name in _FIRST if name in front]
    extra = [row for row in (OBJECTIVES["params"],) if row.column in front and row not in chosen]
    shown = [*chosen, *extra]
    against = front.attrs.get("view") == "consequence"
    recipe = [str(name) for name in front if str(name).startswith(RECIPE_PREFIX)]
    head = [*ids, *(row.label for row in shown), *(["change"] if against else [])]
    head += [name.removeprefix(RECIPE_PREFIX).replace("_", " ") for name in recipe]
    body = [
        [
            *(str(row[name]) for name in ids),
            *(format_quantity(_number(row[item.column]), item.unit) for item in shown),
            *([format_quantity(_number(row["change_gco2e"]), "gCO2e")] if against else []),
            *(str(row[name]) for name in recipe),
        ]
        for _, row in front.iterrows()
    ]
    return aligned(head, body, left=len(ids))


def _counts(points: int, attrs: Mapping[str, Any]) -> str:
    rows = attrs.get("rows", 0)
    left_out = [
        f"{attrs[name]} {word}"
        for name, word in (
            ("infeasible", "infeasible"),
            ("untrained", "not trained"),
            ("unknown", "with an unknown value"),
        )
        if attrs.get(name)
    ]
    where = "fronts of each deployment, out" if attrs.get("apart") else "front"
    said = f"{points} on the {where} of {rows} scores of {attrs.get('candidates', 0)} candidates"
    return f"{said}; left out: {', '.join(left_out)}" if left_out else said


def _deciding(attrs: Mapping[str, Any]) -> list[str]:
    lines = []
    for label, agreement in attrs.get("rank_agreement", {}).items():
        said = attrs["reading"][label]
        lines.append(
            f"{label}: {kappa_text(attrs, label)}; rank agreement of carbon and latency "
            f"{agreement_text(agreement)}{f': {said}' if said else ''}"
        )
    return lines


def kappa_text(attrs: Mapping[str, Any], label: str) -> str:
    """What weighs in carbon on one deployment: kappa, and idle power where it goes with time.

    Args:
        attrs: Those of a front.
        label: Of the deployment.
    """
    kappa, limits = attrs["kappa_w"][label], attrs["kappa_range_w"][label]
    if limits is None:
        return "electricity without carbon: carbon is that of manufacture"
    spread = " to ".join(dict.fromkeys(format_quantity(value, "W") for value in limits))
    if attrs.get("view") == "consequence" and limits[1] == 0.0:
        return "owned already: carbon goes as the energy above idling"
    if attrs.get("fixed_volume"):
        share = "is the same for all models"
        if attrs["same_share"][label] is False:
            share = f"differs with {' and '.join(attrs['share_differs_with'][label])}"
        return f"kappa {spread}, by speed; the embodied share per inference {share}"
    if attrs.get("fixed_volume") is None and kappa is None:
        return f"kappa {spread}"
    idle = format_quantity(attrs["idle_w"][label], "W")
    kappa_said = spread if kappa is None else format_quantity(kappa, "W")
    return f"carbon goes as E + (kappa + idle) tau: kappa {kappa_said}, idle {idle}"


def comparison_text(comparison: Comparison) -> str:
    """A comparison as an aligned table, who dominates whom, and how to read it."""
    head = ["run", "candidates", "front", "on pooled", "hypervolume", "epsilon", "IGD+"]
    body = [
        [
            str(row["run"]),
            str(row["candidates"]),
            str(row["front"]),
            str(row["on_pooled"]),
            *(f"{row[name]:.4f}" for name in ("hypervolume", "epsilon", "igd_plus")),
        ]
        for _, row in comparison.runs.iterrows()
    ]
    return "\n".join(
        [
            aligned(head, body, left=1),
            "",
            *comparison.verdicts,
            *comparison.notes,
            f"objectives {', '.join(comparison.objectives)}, scaled to 0..1 over the pooled fronts "
            f"(by logarithm where they span decades); study {comparison.study}",
        ]
    )


def comparison_rows(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain values that JSON can hold.

    Returns:
        ``objectives``, ``study``, ``runs`` (rows), ``coverage`` (by run, then by run),
        ``verdicts`` and ``notes`` (lines) and ``pooled`` (rows of the front of all runs together).
    """
    return {
        "objectives": list(comparison.objectives),
        "study": comparison.study,
        "runs": table_rows(comparison.runs),
        "coverage": {
            str(first): {
                str(second): float(value)
                for second, value in zip(comparison.coverage.columns, row, strict=True)
            }
            for first, row in zip(
                comparison.coverage.index, comparison.coverage.to_numpy(), strict=True
            )
        },
        "verdicts": list(comparison.verdicts),
        "notes": list(comparison.notes),
        "pooled": table_rows(comparison.pooled),
    }


def aligned(head: Sequence[str], body: Sequence[Sequence[str]], *, left: int) -> str:
    """A table in columns two spaces apart; the first `left` columns flush left, others right.

    Args:
        head: One text a column.
        body: Rows of as many texts.
        left: How many columns are flush left.
    """
    rows = [list(head), *(list(row) for row in body)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [rows[0], rule, *rows[1:]]
    )


def _number(value: Any) -> float | None:
    plain = plain_value(value)
    return None if plain is None else float(plain)
