"""What the sections of a page draw from, and how they write values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from nas.comparison import per_deployment, usable_rows
from nas.objectives import OBJECTIVES, Objective
from nas.quantities import format_quantity
from nas.report.axes import short_unit
from nas.report.content import Choice, choices
from nas.report.markup import Cell, mark
from nas.report.plot import style_of
from nas.robustness import Robustness, robustness

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = ["Material"]


@dataclass(frozen=True)
class Material:
    """Everything that the sections of a page draw from.

    Attributes:
        run: The run.
        scores: Its scores.
        candidates: Its candidates.
        front: Its front over all deployments, for the objectives that were searched.
        spent: What the search used: ``seconds``, ``energy_j``, ``gco2e``, and ``whole``: whether
            that counts all of the workers' time, or the trainings only.
    """

    run: Run
    scores: pd.DataFrame
    candidates: pd.DataFrame
    front: pd.DataFrame
    spent: Mapping[str, float]

    @property
    def labels(self) -> list[str]:
        """Labels of the deployments, in the order that gives them their colours."""
        return [deployment.label for deployment in self.run.deployments]

    def style(self, label: str) -> tuple[str, str]:
        """Colour and shape of a deployment."""
        return style_of(self.labels.index(label))

    def shown(self, row: Mapping[str, Any] | pd.Series[Any], name: str) -> str:
        """The value of an objective in a row, for a person."""
        objective = OBJECTIVES[name]
        value = row.get(objective.column)
        return self.written(objective, None if value is None else float(value))

    def written(self, objective: Objective, value: float | None) -> str:
        """A value of an objective, for a person; errors of accuracy in percent."""
        if objective.name == "error" and self.percent and value is not None:
            return "unknown" if math.isnan(value) else f"{100.0 * value:.3g} %"
        return short_unit(format_quantity(value, objective.unit))

    @property
    def apart(self) -> bool:
        """Whether each deployment has a front of its own."""
        return per_deployment(self.run)

    @property
    def percent(self) -> bool:
        """Whether errors are shares of wrong answers."""
        return bool(self.run.frozen["task"]["metric"] == "accuracy")

    @cached_property
    def usable(self) -> pd.DataFrame:
        """Feasible, trained rows with known error, latency and carbon."""
        return usable_rows(self.scores, ["error", "latency", "carbon"])[0]

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """What the run yields under several ways to choose."""
        return choices(self.scores, self.run.objectives)

    @cached_property
    def robustness(self) -> Robustness:
        """How sure its scores and its front are."""
        return robustness(self.run)

    def spread(self, row: Mapping[str, Any] | pd.Series[Any], name: str) -> str:
        """The interval of an objective in a row, for a person; empty where there is none."""
        objective = OBJECTIVES[name]
        ends = self.robustness.interval(row["candidate"], row["deployment"], objective.column)
        if ends is None or math.isnan(ends[0]) or ends[0] == ends[1]:
            return ""
        return " to ".join(self.written(objective, end) for end in ends)

    def place(self, label: str) -> Cell:
        """A table cell that names a deployment in its colour."""
        return Cell(label, kind="text", mark=mark(*self.style(label)))
