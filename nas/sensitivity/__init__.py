"""What other assumptions would change: ranks, winners and fronts of one run priced again."""

from nas.sensitivity.pricings import Pricing, WhatIf, sensitivity
from nas.sensitivity.ranks import Change, Metric, RankChange, change, metrics, rank_changes

__all__ = [
    "Change",
    "Metric",
    "Pricing",
    "RankChange",
    "WhatIf",
    "change",
    "metrics",
    "rank_changes",
    "sensitivity",
]
