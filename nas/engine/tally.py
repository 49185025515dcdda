"""How many epochs the trainings of a search took; each record is read once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nas.engine.plan import Plan
from nas.runs.files import read_json

__all__ = ["Tally"]


class Tally:
    """Counts epochs of a run.

    Args:
        artifacts: Folder of its records.
        plan: Its plan.
    """

    def __init__(self, artifacts: Path, plan: Plan) -> None:
        self._artifacts = artifacts
        self._plan = plan
        self._ended: dict[Path, int] = {}
        self._planned: dict[str, int] = {}

    def epochs(self, under_way: Iterable[str]) -> int:
        """Epochs of all trainings of the search, of those under way what they are to have.

        Args:
            under_way: Keys of candidates that are being trained.

        Raises:
            RunError: If a record is damaged.
        """
        for path in self._artifacts.glob("*/result.json"):
            if path not in self._ended:
                self._ended[path] = len(read_json(path).get("curve") or ())
        taken_over = self._plan.warm_start.records
        done = {
            path.parent.name: epochs
            for path, epochs in self._ended.items()
            if path.parent.name not in taken_over
        }
        rungs = self._plan.rungs
        for rung in reversed(range(len(rungs) - 1)):
            for path in self._artifacts.glob(f"*/rung-{rung}.json"):
                done.setdefault(path.parent.name, rungs[rung])
        return sum({**done, **{key: self._to_have(key) for key in under_way}}.values())

    def _to_have(self, candidate: str) -> int:
        if self._plan.rungs:
            reached = sum(1 for _ in (self._artifacts / candidate).glob("rung-*.json"))
            return self._plan.rungs[reached]
        if candidate not in self._planned:
            described = read_json(self._artifacts / candidate / "layers.json")
            recipe = self._plan.recipe_of(described.get("recipe", {}))
            self._planned[candidate] = recipe.epochs
        return self._planned[candidate]
