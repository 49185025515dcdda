"""What a person sees of a run: live progress, a preview, the closing lines."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nas.engine.probe import Expected, Fit, Probe
from nas.engine.progress import Latest, Progress
from nas.engine.skipping import Audit
from nas.quantities import format_quantity
from nas.runs import Run
from search_spaces.base import SearchSpace

__all__ = ["Display", "closing_lines", "preview_lines", "progress_lines"]


class Display:
    """Live lines on a terminal; elsewhere one line a training."""

    def __init__(self) -> None:
        console = Console(file=sys.stdout)
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._told = (0, 0)
        self._done: Progress | None = None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._done is not None and self._done.latest is not None:
            print(_one_line(self._done), flush=True)

    def update(self, progress: Progress) -> None:
        """Show the run as it is now."""
        if self._live is not None:
            self._live.update(Text("\n".join(progress_lines(progress))))
            return
        if progress.phase == "done":  # told once, when nothing can be added to it
            self._done = progress
            return
        now = (progress.trainings, progress.further_trainings)
        if now != self._told and progress.latest is not None:
            self._told = now
            print(_one_line(progress), flush=True)


def progress_lines(progress: Progress) -> list[str]:
    """A run at one moment, as a person reads it."""
    limit = f" of {progress.trainings_limit}" if progress.trainings_limit else ""
    further = f", {progress.further_trainings} further seeds" if progress.further_trainings else ""
    lines = [
        f"phase       {progress.phase}"
        + (f" ({progress.stop_reason})" if progress.stop_reason else "")
        + ("; paused until the grid is cleaner" if progress.paused else ""),
        f"trainings   {progress.trainings}{limit}{further}; {progress.running} running; "
        f"{f'{progress.begun} begun; ' if progress.begun else ''}"
        f"{progress.untrained} decided without training",
        *_audit_lines(progress.audit),
        f"best error  {_error(progress.best_error)}",
        f"hypervolume {progress.hypervolume:.4f} of the box between ideal and reference",
        f"used        {_time(progress.seconds)}, {_energy(progress.energy_j)}, "
        f"{format_quantity(progress.gco2e, 'gCO2e')} (modelled)",
    ]
    if progress.latest is not None:
        latest = progress.latest
        lines.append(
            f"latest      {latest.candidate} {latest.status}{_seed(latest)}, error "
            f"{_error(latest.error)}, {latest.seconds:.1f} s"
        )
    if progress.left_s is not None:
        lines.append(f"time left   about {_time(progress.left_s)}")
    return lines


def _audit_lines(audit: Audit) -> list[str]:
    if not audit.skipped + audit.audited:
        return []
    return [
        f"skipped     {audit.skipped} as surely dominated; audit: {audit.audited} such trained all "
        f"the same, {audit.wrong} of them on the front"
    ]


def preview_lines(
    space: SearchSpace,
    recipe_choices: Mapping[str, Sequence[Any]],
    found: Probe,
    used: Expected | None,
) -> list[str]:
    """What `--dry-run` prints.

    Args:
        space: The space of architectures.
        recipe_choices: Values by recipe setting that is searched with it.
        found: What was drawn of it.
        used: What the search is likely to use.
    """
    lines = [
        f"space {space.name}: {space.size():,} architectures; of those drawn: parameters "
        f"{_range(found.params)}, MACs {_range(found.macs)} (smallest, median, largest)",
    ]
    if recipe_choices:
        recipes = math.prod(len(values) for values in recipe_choices.values())
        said = "; ".join(
            f"{name} {', '.join(map(str, values))}" for name, values in recipe_choices.items()
        )
        lines.append(f"recipes {recipes}: {said}; {recipes * space.size():,} candidates with them")
    lines += [_fit_line(fit) for fit in found.fits]
    if used is None:
        lines.append("expected: no budget in trainings, so it runs to its other limits")
    else:
        lines.append(
            f"expected: about {_time(used.seconds)}, {used.energy_wh:.2g} Wh, "
            f"{format_quantity(used.gco2e, 'gCO2e')} (modelled, good to a factor of three)"
        )
    return lines


def closing_lines(run: Run, shown: Path, reason: str) -> list[str]:
    """What a finished search prints: its front in short, and what to do next."""
    from nas.comparison import front
    from nas.report import front_text

    best = front(run, run.objectives)
    return [
        f"finished: {reason}",
        front_text(best),
        f"page: {shown / 'report.html'}",
        f"next: carbon-nas select {shown}; carbon-nas export {shown}",
    ]


def _fit_line(fit: Fit) -> str:
    line = f"  {fit.deployment}: {fit.feasible_share:.0%} feasible"
    if fit.latency_s is not None:
        low, middle, high = (format_quantity(value, "s") for value in fit.latency_s)
        line += f", latency {low} / {middle} / {high}"
    reasons = ", ".join(f"{kind} {share:.0%}" for kind, share in fit.reasons)
    return line + (f"; not: {reasons}" if reasons else "")


def _one_line(progress: Progress) -> str:
    latest = progress.latest
    limit = f"/{progress.trainings_limit}" if progress.trainings_limit else ""
    further = f" +{progress.further_trainings}" if progress.further_trainings else ""
    last = ""
    if latest is not None:
        last = f"{latest.candidate} {latest.status} {_error(latest.error)}{_seed(latest)}"
    left = f"  left {_time(progress.left_s)}" if progress.left_s is not None else ""
    return (
        f"{progress.phase} {progress.trainings}{limit}{further}  {last}  best "
        f"{_error(progress.best_error)}  hv {progress.hypervolume:.4f}  "
        f"{_energy(progress.energy_j)}  {format_quantity(progress.gco2e, 'gCO2e')}{left}"
    )


def _seed(latest: Latest) -> str:
    return f" (seed {latest.training})" if latest.training else ""


def _error(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _energy(joules: float) -> str:
    return f"{joules / 3600:.3g} Wh"


def _range(values: tuple[float, float, float]) -> str:
    return " / ".join(format_quantity(value, "1") for value in values)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
