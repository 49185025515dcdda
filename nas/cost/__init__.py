"""Workload x deployment: latency, energy, memory, and the score with its carbon.

Functions named as their module are taken from it: `nas.cost.workload.workload`,
`nas.cost.score.score`, `nas.cost.explain.explain`.
"""

from nas.cost.costs import Costs, cost
from nas.cost.workload import Workload

__all__ = ["Costs", "Workload", "cost"]
