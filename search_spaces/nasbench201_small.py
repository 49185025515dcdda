"""NAS-Bench-201's cells in a network small enough to train on a processor in seconds.

The published tables of accuracy and cost are of `search_spaces.nasbench201`, not of this one.
"""

from __future__ import annotations

from search_spaces.nasbench201 import skeleton

__all__ = ["SPACE"]

SPACE = skeleton("nasbench201_small", channels=8, cells=1)
