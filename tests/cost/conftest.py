"""A plain device whose costs can be worked out by hand, and a network of four kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hardware_profiles.catalog import profile_from_dict
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from search_spaces.layers import Layer
from search_spaces.ops import (
    Activation,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
)

MakeDeployment = Callable[..., Deployment]


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "source": "chosen for the test", "basis": "derived"}


def _plain_device(**changes: Any) -> dict[str, Any]:
    device = {
        "name": "plain",
        "label": "Plain",
        "kind": "sbc",
        "runtime": "none",
        "macs_per_s": {"int8": figure(1e6), "fp32": figure(5e5)},
        "efficiency": {"conv": figure(0.5), "depthwise": figure(0.25), "linear": figure(0.5)},
        "half_rate_macs": figure(0.0),
        "dispatch_s": figure(1e-3),
        "memory_bytes_per_s": figure(1e5),
        "memory_limit_bytes": figure(1000.0),
        "runtime_memory_bytes": figure(100.0),
        "runtime_storage_bytes": figure(0.0),
        "idle_w": figure(1.0),
        "load_w": figure(3.0),
        "energy_boundary": "board",
        "supply_efficiency": figure(0.8),
        "lifetime_years": figure(4.0),
        "bill_of_materials": {
            "fab_location": "taiwan",
            "fab_source": "chosen for the test",
            "fab_yield": figure(0.875),
            "abatement_pct": figure(97.0),
            "dies": [
                {"name": "chip", "area_cm2": figure(1.0), "node_nm": 7, "node_source": "the test"}
            ],
            "packages": figure(1.0),
        },
    }
    for key, value in changes.items():
        if isinstance(value, dict):
            device[key] = {kind: figure(number) for kind, number in value.items()}
        else:
            device[key] = value if value is None or isinstance(value, str) else figure(value)
    return device


@pytest.fixture(scope="session")
def deploy() -> MakeDeployment:
    """Make a deployment; keywords of `Deployment` go to it, all others are figures to change."""

    def make(**changes: Any) -> Deployment:
        of_deployment = ("precision", "batch", "streams", "threads", "beside")
        given = {key: changes.pop(key) for key in of_deployment if key in changes}
        grid = custom_grid(changes.pop("gco2e_per_kwh", 360.0))
        label = changes.pop("label", "plain")
        profile = profile_from_dict(_plain_device(**changes))
        return Deployment(label, profile, given.pop("precision", "int8"), grid, **given)

    return make


@pytest.fixture(scope="session")
def tiny() -> tuple[Layer, ...]:
    """Convolution, depthwise convolution, pool and classifier on a 1 x 4 x 4 input."""
    return (
        Layer("x", Input((1, 4, 4))),
        Layer("conv", Conv2d(1, 2, 3), ("x",)),
        Layer("norm", BatchNorm(2), ("conv",)),
        Layer("relu", Activation("relu"), ("norm",)),
        Layer("depthwise", Conv2d(2, 2, 3, groups=2), ("relu",)),
        Layer("pool", GlobalAveragePool(), ("depthwise",)),
        Layer("classifier", Linear(2, 3), ("pool",)),
    )
