"""NAS-Bench-201 on 3,240 accelerator designs in two precisions, as one table.

Errors of int8 are not published for these cells: each class draws a fixed rise, exponential with a
mean of 0.4 points. Costs of int8 are those of `nas.cost.accelerator`; a sixteen-bit network takes
twice the time, energy and bytes on the same arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from cells import Cell, Problem

from hardware_profiles.accelerator import AcceleratorSpace, accelerator_space
from nas.cost.accelerator import cost_counted, die_area_mm2
from nas.cost.workload import Workload, workload
from nas.pareto import hypervolume, non_dominated
from search_spaces.graph import simplify
from search_spaces.nasbench201 import SPACE

PRECISIONS = {"int8": 1.0, "bf16": 2.0}
GRID_GCO2E_PER_KWH = 400.0
LATENCY_LIMIT_S, AREA_LIMIT_MM2 = 150e-6, 20.0
_RISE_POINTS, _RISE_SEED = 0.4, 20260101


@dataclass(frozen=True, eq=False)
class Joint:
    """Errors by class and precision, costs by class and design of int8.

    Attributes:
        cells: The classes of cells.
        latency_s: (classes, designs).
        energy_j: (classes, designs).
        memory_bytes: Weights and peak activations of int8, (classes,).
        inferences: Over the life of a chip; 1e9 are 8 a second in four years.
    """

    cells: Problem
    latency_s: np.ndarray
    energy_j: np.ndarray
    memory_bytes: np.ndarray
    inferences: float

    @cached_property
    def designs(self) -> dict[str, np.ndarray]:
        return accelerator_space().table()

    @cached_property
    def errors(self) -> np.ndarray:
        """In points, (classes, precisions)."""
        plain = self.cells.values[:, 0]
        rise = np.random.default_rng(_RISE_SEED).exponential(_RISE_POINTS, len(plain))
        return np.column_stack([plain + rise, plain])

    @cached_property
    def fixed(self) -> tuple[np.ndarray, np.ndarray]:
        """Embodied grams of an inference, and whether a design is within limits by itself."""
        costs = cost_counted(self._any_counted, accelerator_space())
        allowed = costs.allowed & (die_area_mm2(accelerator_space()) <= AREA_LIMIT_MM2)
        return costs.embodied_gco2e / self.inferences, allowed

    @cached_property
    def _any_counted(self) -> Workload:
        layers = simplify(SPACE.layers(self.cells.first[0], (3, 32, 32), 10))
        return workload(layers)

    def carbon(self, number: int, precision: int) -> np.ndarray:
        """Grams of an inference on each design, infinite beyond a limit."""
        times = list(PRECISIONS.values())[precision]
        embodied, allowed = self.fixed
        grams = times * self.energy_j[number] * GRID_GCO2E_PER_KWH / 3.6e6 + embodied
        within = (
            allowed
            & (times * self.latency_s[number] <= LATENCY_LIMIT_S)
            & (times * self.memory_bytes[number] <= self.designs["global_mib"] * 1024**2)
        )
        return np.where(within, grams, np.inf)

    @cached_property
    def best(self) -> np.ndarray:
        """Least carbon over all designs, (classes, precisions); infinite where none serves."""
        kinds = range(len(PRECISIONS))
        return np.array([[self.carbon(n, p).min() for p in kinds] for n in range(len(self.errors))])

    def everywhere(self, classes: list[int]) -> np.ndarray:
        """Error and least carbon of classes in every precision that a design serves."""
        rows = np.column_stack([self.errors[classes].ravel(), self.best[classes].ravel()])
        return rows[np.isfinite(rows[:, 1])]

    @cached_property
    def region(self) -> tuple[np.ndarray, np.ndarray]:
        """Ideal and reference: the median error, 1.1 times the front's largest carbon below it."""
        rows = self.everywhere(list(range(len(self.errors))))
        median = np.median(self.cells.values[:, 0])
        front = rows[non_dominated(rows)]
        useful = front[front[:, 0] < median]
        return rows.min(axis=0), np.array([median, 1.1 * useful[:, 1].max()])

    def volume(self, rows: np.ndarray) -> float:
        ideal, reference = self.region
        return float(hypervolume((rows - ideal) / (reference - ideal), np.ones(2)))

    @cached_property
    def exact(self) -> float:
        return self.volume(self.everywhere(list(range(len(self.errors)))))


def read_joint(cells: Problem, kept: Path, inferences: float) -> Joint:
    """Costs of every class on every design, counted once and kept in a file.

    Args:
        cells: The classes.
        kept: An .npz file, read where it exists and the last class still costs what it says.
        inferences: Over the life of a chip.
    """
    space = accelerator_space()
    if not _is_current(kept, cells.first, space):
        counted = (_counted(cell, space) for cell in cells.first)
        latency, energy, memory = zip(*counted, strict=True)
        part = kept.with_suffix(".part.npz")
        np.savez(part, latency=latency, energy=energy, memory=memory)
        part.rename(kept)
    table = np.load(kept)
    memory = table["memory"].astype(float)
    return Joint(cells, table["latency"], table["energy"], memory, inferences)


def _is_current(kept: Path, classes: Sequence[Cell], space: AcceleratorSpace) -> bool:
    if not kept.exists():
        return False
    table = np.load(kept)
    names = ("latency", "energy", "memory")
    kept_rows = [table[name][-1] for name in names if len(table[name]) == len(classes)]
    now_rows = _counted(classes[-1], space)
    return len(kept_rows) == len(names) and all(
        np.shape(kept) == np.shape(now) and np.allclose(kept, now, rtol=1e-5, equal_nan=True)
        for kept, now in zip(kept_rows, now_rows, strict=True)
    )


def _counted(cell: Cell, space: AcceleratorSpace) -> tuple[np.ndarray, np.ndarray, int]:
    """Seconds and joules on every design, and bytes of weights and peak activations, in int8."""
    work = workload(simplify(SPACE.layers(cell, (3, 32, 32), 10)))
    costs = cost_counted(work, space)
    stored = work.stored_weight_elements + work.peak_activation_elements
    return costs.latency_s.astype(np.float32), costs.energy_j.astype(np.float32), stored
