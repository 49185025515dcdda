from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from nas.cost import cost
from nas.cost.batch import cost_many
from nas.cost.stack import stack
from nas.cost.workload import workload
from nas.errors import LayerError
from search_spaces import space

MakeDeployment = Callable[..., Deployment]


def test_many_networks_cost_what_each_costs(deploy: MakeDeployment) -> None:
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    works = [workload(mbconv.layers(mbconv.sample(rng), (1, 8, 8), 10)) for _ in range(60)]
    places = [
        deploy(),
        deploy(precision="fp32", batch=3, streams=2, half_rate_macs=1e4),
        deploy(cache_bytes=3e4, cache_bytes_per_s=1e7, memory_limit_bytes=3e4),
        deploy(kind="edge_gpu", half_rate_macs=1e5, energy_per_byte_j=1e-9),
    ]
    together = cost_many(works, places)
    for row, work in enumerate(works):
        alone = cost(work, places)
        for name in ("latency_s", "energy_j", "peak_memory_bytes", "storage_bytes"):
            assert getattr(together, name)[row] == pytest.approx(getattr(alone, name), rel=1e-12)
        assert together.fits[row].tolist() == alone.fits.tolist()
    assert together.fits.any() and not together.fits.all()


def test_picked_networks_are_those_of_their_rows() -> None:
    mbconv, rng = space("mbconv"), np.random.default_rng(1)
    works = [workload(mbconv.layers(mbconv.sample(rng), (1, 8, 8), 10)) for _ in range(5)]
    rows = np.array([3, 0, 3])
    some, direct = stack(works).picked(rows), stack([works[row] for row in rows])
    assert some.starts.tolist() == direct.starts.tolist()
    assert some.macs.tolist() == direct.macs.tolist()
    assert some.total_macs.tolist() == direct.total_macs.tolist()


def test_no_network_is_an_error(deploy: MakeDeployment) -> None:
    with pytest.raises(LayerError, match="no network"):
        cost_many([], [deploy()])
