"""Tables of an estimate: cost by group of operators, and what would make it cheaper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hardware_profiles import Deployment
from nas.carbon.study import Study
from nas.cost.breakdown import breakdown
from nas.cost.cheaper import Cheaper
from nas.cost.needs import lacking, refused_objectives
from nas.quantities import format_quantity
from nas.report.text import aligned
from search_spaces.layers import Layer
from search_spaces.ops import Opaque

__all__ = [
    "breakdown_lines",
    "cheaper_lines",
    "completed_rows",
    "lower_bounds",
    "missing_lines",
    "unknown_lines",
]

_MOST = 10


def breakdown_lines(layers: Sequence[Layer], deployments: Sequence[Deployment]) -> list[str]:
    """The cost by group of operators, a table a deployment."""
    head = ("operators", "layers", "MACs", "parameters", "bytes moved", "latency", "share")
    lines: list[str] = []
    for deployment in deployments:
        body = [
            (
                row.group,
                str(row.layers),
                format_quantity(row.macs, "1"),
                format_quantity(row.params, "1"),
                format_quantity(row.bytes_moved, "bytes"),
                format_quantity(row.latency_s, "s"),
                f"{row.latency_share or 0.0:.1%}",
            )
            for row in breakdown(layers, deployment)
        ]
        lines += [f"{deployment.label}, by operators:", aligned(head, body, left=1)]
    return lines


def unknown_lines(layers: Sequence[Layer]) -> list[str]:
    """A line that names the operators that nobody knows, if there are any."""
    unknown = sorted({layer.op.operator for layer in layers if isinstance(layer.op, Opaque)})
    if not unknown:
        return []
    return [
        "unknown operators, costed by their bytes and products, so that MACs and times are lower "
        "bounds: " + ", ".join(unknown)
    ]


def lower_bounds(layers: Sequence[Layer]) -> tuple[str, ...]:
    """The counts, by column, that unknown operators make lower bounds instead of exact."""
    ops = [layer.op for layer in layers if isinstance(layer.op, Opaque)]
    if any(op.inner for op in ops):
        return ("macs", "params", "peak_memory_bytes")
    return () if all(op.products for op in ops) else ("macs",)


def missing_lines(deployment: Deployment, study: Study) -> list[str]:
    """A line that names what a device's profile lacks and what is unknown for it, if anything."""
    known = lacking(deployment.profile, study.embodied_basis)
    figures = dict.fromkeys(name for names in known.values() for name in names)
    if not figures:
        return []
    refused = refused_objectives(deployment.profile, study.embodied_basis)
    return [f"unknown, since {deployment.profile.name} lacks {', '.join(figures)}: "
            f"{', '.join(refused)}"]  # fmt: skip


def cheaper_lines(
    found: Sequence[Sequence[Cheaper]], deployments: Sequence[Deployment]
) -> list[str]:
    """What would make it cheaper on each deployment; the most saved first."""
    head = ("change", "carbon saved", "share", "latency", "parameters", "MACs")
    lines: list[str] = []
    for changes, deployment in zip(found, deployments, strict=True):
        if not changes:
            lines.append(f"{deployment.label}: no change of one choice is feasible and cheaper")
            continue
        body = [
            (
                "; ".join(_changed(*change) for change in item.changes),
                _saved(item),
                f"{100 * item.saved_gco2e / (item.carbon_gco2e + item.saved_gco2e):.2g} %",
                format_quantity(item.latency_s, "s"),
                format_quantity(item.params, "1"),
                format_quantity(item.macs, "1"),
            )
            for item in changes[:_MOST]
        ]
        lines.append(f"{deployment.label}, cheaper by one change (what it does to the error is "
                     "not known here):")  # fmt: skip
        lines.append(aligned(head, body, left=1))
        if len(changes) > _MOST:
            lines.append(f"and {len(changes) - _MOST} more; --json has all")
    return lines


def completed_rows(
    rows: Sequence[dict[str, Any]], found: Sequence[Sequence[Cheaper]], notes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of `estimate_rows` with the notes on the network, and what would make it cheaper.

    Args:
        rows: One a deployment.
        found: As of `cheaper_lines`; empty where nobody asked.
        notes: What the network's layers leave out or cost by their bytes alone, a line each.
    """
    completed = [{**row, "notes": list(notes)} for row in rows]
    for row, changes in zip(completed, found, strict=False):
        row["cheaper"] = [_plain(item) for item in changes]
    return completed


def _plain(item: Cheaper) -> dict[str, Any]:
    changes = [{"choice": name, "before": old, "now": new} for name, old, new in item.changes]
    return {**asdict(item), "changes": changes}


def _changed(name: str, before: object, now: object) -> str:
    if before is None:
        return f"{name} {now}"
    return f"without {name}" if now is None else f"{name} {before} to {now}"


def _saved(item: Cheaper) -> str:
    sign = "-" if item.saved_gco2e < 0 else ""
    return sign + format_quantity(abs(item.saved_gco2e), "gCO2e")
