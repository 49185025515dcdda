"""How sure scores, fronts and comparisons are, when every figure with a range moves."""

from nas.robustness.estimates import score_intervals
from nas.robustness.fronts import DRAWS, Robustness, robustness, stay_shares
from nas.robustness.points import PointComparison, compare_points

__all__ = [
    "DRAWS",
    "PointComparison",
    "Robustness",
    "compare_points",
    "robustness",
    "score_intervals",
    "stay_shares",
]
