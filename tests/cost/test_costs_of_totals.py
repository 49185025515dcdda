from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from nas.cost.figures import compiled_figures
from nas.cost.totals import Totals, totals_latency_s


def test_a_network_of_totals_by_hand(deploy: Callable[..., Deployment]) -> None:
    # int8: 1e6 MACs/s at 0.5 (conv) and 0.25 (depthwise), 1e5 bytes/s, 1 ms of dispatch
    totals = Totals(*(np.array([number]) for number in (4e6, 1e3, 2e4, 3.0)))
    found = totals_latency_s(totals, compiled_figures([deploy()]))
    # 3 inferences of 4e6 MACs at 5e5/s: 24 s; K0 = 9 x (0.5 / 0.25 - 1) = 9, so that
    # 9 x 1e3 x 3 more take 0.054 s; 4 x 1e3 x 3 activations and 2e4 weights of 1 byte: 0.32 s
    assert found.tolist() == [[pytest.approx(24 + 0.054 + 0.32 + 1e-3)]]


def test_devices_are_told_apart(deploy: Callable[..., Deployment]) -> None:
    totals = Totals(*(np.array([1e6, 2e6]) for _ in range(3)), batch=np.ones(2))
    slow, fast = deploy(memory_bytes_per_s=1e4), deploy()
    found = totals_latency_s(totals, compiled_figures([slow, fast]))
    assert found.shape == (2, 2)
    assert (found[0] > found[1]).all() and (found[:, 1] > found[:, 0]).all()
