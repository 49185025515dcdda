"""Fronts of minimised objectives: what is on them, how good they are, how two compare."""

from nas.pareto.fronts import hypervolume, knee, non_dominated, spans_decades
from nas.pareto.indicators import coverage, epsilon, igd_plus, kendall_tau, rank_agreement

__all__ = [
    "coverage",
    "epsilon",
    "hypervolume",
    "igd_plus",
    "kendall_tau",
    "knee",
    "non_dominated",
    "rank_agreement",
    "spans_decades",
]
