"""What to ask of which candidate, where expensive objectives are told by several oracles.

An accuracy costs a training, a latency on the device costs a measurement. What one of them tells of
a candidate may show that the other is not worth its cost. A question is worth the expected gain of
hypervolume that it leads to, over the expected cost of the way there: what it tells is followed by
the rest only where that gains as much per cost as the best candidate asked of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtri

from nas.engine.acquisition import box_of
from nas.engine.beliefs import Believed, Observed
from nas.engine.candidates import Candidates
from nas.engine.domain import Parameters
from nas.engine.gain import Belief, Known, expected_gain
from nas.errors import ConfigError
from nas.pareto.boxes import undominated_boxes

__all__ = ["ORACLE", "Oracle", "Questions"]

Array = npt.NDArray[np.float64]
ORACLE = "oracle"
"""The parameter of a trial that names what it asks."""

_SHORT_LIST, _ANSWERS = 64, 16
_STRIDE = 0.6180339887498949  # of the golden ratio: draws of several objectives spread evenly


@dataclass(frozen=True)
class Oracle:
    """Something that tells expensive objectives of a candidate.

    Attributes:
        name: Value of the trial's parameter ``oracle``.
        objectives: Columns of the study that it tells.
        cost: Of asking it once, > 0, in one unit for all oracles; or a function of the point.
    """

    name: str
    objectives: tuple[int, ...]
    cost: float | Callable[[Parameters], float]

    def cost_of(self, point: Parameters) -> float:
        """Of asking about a point.

        Raises:
            ConfigError: If it is not above 0.
        """
        cost = float(self.cost(point) if callable(self.cost) else self.cost)
        if not cost > 0 or not np.isfinite(cost):
            raise ConfigError(f"oracle {self.name!r}: costs {cost} for {point}; give a number > 0")
        return cost


class Questions:
    """Reads what was asked from the trials of a study, and says what to ask next.

    Args:
        oracles: Two or more, of different names; no two tell one objective.

    Raises:
        ConfigError: If they are not.
    """

    def __init__(self, oracles: Sequence[Oracle]) -> None:
        self.oracles = tuple(oracles)
        told = [column for oracle in oracles for column in oracle.objectives]
        if len({oracle.name for oracle in oracles}) < len(oracles) or len(oracles) < 2:
            names = [oracle.name for oracle in oracles]
            raise ConfigError(f"oracles: are named {names}; give two or more different names")
        if len(set(told)) < len(told):
            raise ConfigError(f"oracles: tell the objectives {told}; let one oracle tell each")
        self.distribution = CategoricalDistribution([oracle.name for oracle in oracles])

    def observed(
        self, candidates: Candidates, trials: Sequence[FrozenTrial], signs: Array
    ) -> tuple[Observed, dict[int, set[str]], set[int]]:
        """What the trials tell.

        Args:
            candidates: Their points.
            trials: Complete and running ones, of this moment; one without an oracle tells all.
            signs: As `Observed` has them.

        Returns:
            One row a candidate that was evaluated, NaN where it was not asked; what every row was
            asked; and the rows about which nothing more is to be asked now.
        """
        asked: dict[int, set[str]] = {}
        values: dict[int, Array] = {}
        closed: set[int] = set()
        pending: list[int] = []
        for trial in trials:
            given = {name: value for name, value in trial.params.items() if name != ORACLE}
            row = candidates.add([given])[0]
            if trial.state == TrialState.RUNNING:
                pending.append(row)
                continue
            if not trial.user_attrs.get("trained", True):
                closed.add(row)
                continue
            answered = [o for o in self.oracles if trial.params.get(ORACLE, o.name) == o.name]
            known = values.setdefault(row, np.full(len(signs), np.nan))
            for oracle in answered:
                asked.setdefault(row, set()).add(oracle.name)
                columns = list(oracle.objectives)
                known[columns] = np.asarray(trial.values)[columns]
        table = np.empty((0, len(signs)))
        if values:
            costs = candidates.costs(list(values), len(signs))
            table = np.where(np.isnan(costs), np.array(list(values.values())), costs)
        closed |= {row for row, names in asked.items() if len(names) == len(self.oracles)}
        observed = Observed(list(values), table * signs, list(dict.fromkeys(pending)), signs)
        return observed, asked, closed | set(pending)

    def first(
        self, candidates: Candidates, observed: Observed, asked: Mapping[int, set[str]], least: int
    ) -> tuple[int, str] | None:
        """What is still to be asked of the candidates that the model begins from; the cheapest.

        Args:
            candidates: Knows the points.
            observed: What was evaluated.
            asked: What every row was asked.
            least: How many candidates the model begins from.
        """
        for row in observed.rows[:least]:
            left = self._open(asked.get(row, ()))
            if left and row not in observed.pending:
                return row, self.cheapest(candidates.points[row], left).name
        return None

    def cheapest(self, point: Parameters, of: Sequence[Oracle] | None = None) -> Oracle:
        """The oracle that costs least for a point."""
        return min(of or self.oracles, key=lambda oracle: oracle.cost_of(point))

    def best(
        self,
        candidates: Candidates,
        observed: Observed,
        pool: Sequence[int],
        asked: Mapping[int, set[str]],
        startup: int,
    ) -> tuple[int, str]:
        """The row and the oracle whose question is worth most for its cost.

        Args:
            candidates: Knows features and costs.
            observed: What was evaluated.
            pool: Rows of which something is left to ask.
            asked: What every row was asked.
            startup: As `most_promising` takes it.

        Raises:
            ConfigError: If the oracles do not tell just what the costs leave unknown.
        """
        costs = candidates.costs(pool, len(observed.signs)) * observed.signs
        self._check(set(np.flatnonzero(np.isnan(costs).all(axis=0)).tolist()))
        box, believed = box_of(candidates, observed, pool, startup)
        bounds = undominated_boxes(box.front, box.reference)
        beliefs = [
            believed[column].of(np.arange(len(pool))) if column in believed else Known(row)
            for column, row in enumerate(costs.T)
        ]
        prices = np.array([self._prices(candidates.points[r], asked.get(r, ())) for r in pool])
        rate = expected_gain(*bounds, beliefs) / prices.sum(axis=1)
        price = float(rate.max())
        short = np.argsort(-rate, kind="stable")[:_SHORT_LIST]
        worth = np.full((len(short), len(self.oracles)), -1.0)
        for number, oracle in enumerate(self.oracles):
            open_ = np.flatnonzero(prices[short, number] > 0)
            if not len(open_):
                continue
            rows = short[open_]
            some = {column: believed[column] for column in oracle.objectives}
            gains = _after(bounds, beliefs, some, rows)
            rest = prices[rows].sum(axis=1) - prices[rows, number]
            goes_on = gains >= price * rest
            spent = prices[rows, number] + goes_on.mean(axis=0) * rest
            worth[open_, number] = (gains * goes_on).mean(axis=0) / spent
        place, best = divmod(int(worth.argmax()), len(self.oracles))
        return pool[short[place]], self.oracles[best].name

    def _prices(self, point: Parameters, asked: Collection[str]) -> list[float]:
        """Of every oracle, 0 where it was asked."""
        return [0.0 if o.name in asked else o.cost_of(point) for o in self.oracles]

    def _open(self, asked: Collection[str]) -> list[Oracle]:
        return [oracle for oracle in self.oracles if oracle.name not in asked]

    def _check(self, expensive: set[int]) -> None:
        told = {column for oracle in self.oracles for column in oracle.objectives}
        if told != expensive:
            raise ConfigError(
                f"oracles: tell the objectives {sorted(told)}, and costs leave {sorted(expensive)} "
                "unknown; let them be the same"
            )


def _after(
    bounds: tuple[Array, Array],
    beliefs: Sequence[Belief],
    told: Mapping[int, Believed],
    rows: npt.NDArray[np.intp],
) -> Array:
    """Expected gain of rows after each of some answers, equally likely, (answers, rows)."""
    gains = np.empty((_ANSWERS, len(rows)))
    for number in range(_ANSWERS):
        now: list[Belief] = [_Rows(belief, rows) for belief in beliefs]
        for place, (column, belief) in enumerate(told.items()):
            share = ((number + 0.5) / _ANSWERS + place * number * _STRIDE) % 1.0
            answer = belief.mean[rows] + belief.sd[rows] * float(ndtri(share))
            now[column] = Known(np.exp(answer) if belief.logarithmic else answer)
        gains[number] = expected_gain(*bounds, now)
    return gains


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    belief: Belief
    rows: npt.NDArray[np.intp]

    def shortfall(self, bounds: Array) -> Array:
        return self.belief.shortfall(bounds)[self.rows]
