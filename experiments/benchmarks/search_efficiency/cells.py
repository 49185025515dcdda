"""A table of trained networks as a problem: one truth a class of networks, and the exact front."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nas.engine.domain import domain_of_space
from nas.pareto import hypervolume, non_dominated
from search_spaces import space
from search_spaces.base import SearchSpace
from search_spaces.graph import simplify
from search_spaces.graph_features import graph_features
from search_spaces.layers import Layer
from search_spaces.nasbench201 import SPACE, architecture_at, index_of
from search_spaces.nasbench201_small import SPACE as SMALL

_COST_MARGIN = 1.1  # of the largest cost on the exact front, data/nb201/README.md
Cell = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """Classes of networks, each with its truth.

    Attributes:
        space: That the networks are of.
        values: Error and costs of each class, all minimised, (classes, objectives).
        members: Errors of the single trainings of each class.
        first: Each class's first network.
        class_of: Class of every network of the table.
        at: The class of any network of the space.
        layers: What a network computes, for its features.
    """

    space: SearchSpace
    values: np.ndarray
    members: list[np.ndarray]
    first: list[Cell]
    class_of: np.ndarray
    at: Callable[[Cell], int]
    layers: Callable[[Cell], tuple[Layer, ...]]

    @cached_property
    def ideal(self) -> np.ndarray:
        return self.values.min(axis=0)

    @cached_property
    def reference(self) -> np.ndarray:
        """Median error over all cells; costs by the dearest class of the front below it."""
        median = np.median(self.values[self.class_of, 0])
        front = self.values[non_dominated(self.values)]
        useful = front[front[:, 0] < median]
        return np.array([median, *(_COST_MARGIN * useful[:, 1:].max(axis=0))])

    @cached_property
    def exact(self) -> float:
        """Hypervolume of the exact front, normalised."""
        return hypervolume(self.scaled(np.arange(len(self.values))), np.ones(self.objectives))

    @property
    def objectives(self) -> int:
        return self.values.shape[1]

    def scaled(self, classes: Sequence[int] | np.ndarray) -> np.ndarray:
        return (self.values[classes] - self.ideal) / (self.reference - self.ideal)

    def share(self, classes: Sequence[int]) -> float:
        """Share of the exact hypervolume that these classes reach."""
        return hypervolume(self.scaled(classes), np.ones(self.objectives)) / self.exact

    def features(self, cells: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
        """Graph features of cells, those of one class as one."""
        return [self._features(self.at(cell)) for cell in cells]

    def _features(self, number: int) -> dict[str, float]:
        if number not in self._known:
            layers = self.layers(self.first[number])
            self._known[number] = graph_features(simplify(layers))
        return self._known[number]

    @cached_property
    def _known(self) -> dict[int, dict[str, float]]:
        return {}


def read_problem(table: Path, accuracy: str, costs: Sequence[str]) -> Problem:
    """Read a table with the columns of data/nb201/README.md, or of experiments/tables/README.md.

    Args:
        table: CSV with ``arch_idx``, ``rep_arch_idx``, accuracies in percent and costs; or Parquet
            of trained networks.
        accuracy: Column of accuracy; of a Parquet table, of error.
        costs: Columns of costs.
    """
    if table.suffix == ".parquet":
        return _trained(table, accuracy, costs)
    rows = pd.read_csv(table)
    missing = [name for name in (accuracy, *costs) if name not in rows]
    if missing:
        offered = ", ".join(name for name in rows if name not in ("arch_idx", "rep_arch_idx"))
        raise SystemExit(f"{table}: no column {missing[0]!r}; it has {offered}")
    rows = rows.dropna(subset=[accuracy, *costs]).sort_values("arch_idx")
    rows["error"] = 100 - rows[accuracy]
    groups = rows.groupby("rep_arch_idx")
    truth = groups.agg({"error": "mean", **dict.fromkeys(costs, "median")})
    class_of = np.full(SPACE.size(), -1)
    numbers = {name: number for number, name in enumerate(truth.index)}
    class_of[rows["arch_idx"]] = rows["rep_arch_idx"].map(numbers)
    if (class_of < 0).any():
        raise SystemExit(f"{table}: {(class_of < 0).sum()} cells lack a figure; give a whole table")
    return Problem(
        space=SPACE,
        values=truth.to_numpy(float),
        members=[group.to_numpy(float) for _, group in groups["error"]],
        first=[architecture_at(int(index)) for index in truth.index],
        class_of=class_of,
        at=lambda cell: int(class_of[index_of(cell)]),
        layers=lambda cell: SMALL.layers(cell, (3, 32, 32), 10),
    )


def _trained(table: Path, error: str, costs: Sequence[str]) -> Problem:
    """Trained `mbconv` networks, each a class: mean over its seeds.

    A network that is not in the table has the truth of the nearest one that is, for every method.
    """
    rows = pd.read_parquet(table)
    rows = rows[rows["status"] == "trained"].dropna(subset=[error, *costs])
    groups = rows.groupby("index")
    truth = groups.agg({error: "mean", **dict.fromkeys(costs, "first")})
    first = [json.loads(text) for text in groups["architecture"].first()]
    mbconv = space("mbconv")
    domain = domain_of_space(mbconv)
    encoded = np.hstack(domain.encode(first))
    seen: dict[tuple[Any, ...], int] = {}

    def at(cell: Cell) -> int:
        key = tuple(sorted(cell.items()))
        if key not in seen:
            away = ((np.hstack(domain.encode([cell])) - encoded) ** 2).sum(axis=1)
            seen[key] = int(away.argmin())
        return seen[key]

    return Problem(
        space=mbconv,
        values=truth.to_numpy(float),
        members=[group.to_numpy(float) for _, group in groups[error]],
        first=first,
        class_of=np.arange(len(first)),
        at=at,
        layers=lambda cell: mbconv.layers(cell, (1, 28, 28), 10),
    )
