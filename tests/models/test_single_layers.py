"""Figures from times of single layers: those of a made-up machine are found again."""

from __future__ import annotations

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from hardware_profiles.host import detect_host
from hardware_profiles.profile import HardwareProfile
from nas.cost.batch import latency_s
from nas.cost.figures import compiled_figures
from nas.cost.stack import stack
from nas.cost.workload import workload
from nas.errors import HardwareError
from nas.models.single_layers import (
    CHAINS,
    chains,
    dispatch_figure,
    layer_figures,
    layer_rows,
)

PEAK = 50e9
TOLD = {
    "dispatch_s": 1e-6,
    "move_dispatch_s": 3e-6,
    "half_rate_macs": 0.0,
    "output_macs": 8.0,
    "depthwise_output_macs": 4.0,
    "weight_macs": 12.0,
    "channel_block": 16.0,
    "narrow_share": 0.5,
    "activation_s": 2e-10,
    "efficiency": {
        "conv": 1.1, "pointwise": 0.9, "depthwise": 0.3, "grouped": 0.1, "linear": 0.7, "pool": 0.2,
    },
}  # fmt: skip


def machine(**changes: float) -> HardwareProfile:
    """Memory costs next to nothing, so that the times are those of the terms to be found."""

    def plain(value: float) -> dict[str, object]:
        return {"value": value, "basis": "derived", "source": "made up"}

    content = detect_host().model_dump(mode="json")
    for key, value in (TOLD | {"padding_share": 0.0} | changes).items():
        content[key] = (
            {kind: plain(share) for kind, share in value.items()}
            if isinstance(value, dict)
            else plain(value)
        )
    for key in ("memory_bytes_per_s", "cache_bytes_per_s", "far_cache_bytes_per_s"):
        content[key] = plain(1e15)
    content |= {"macs_per_s": {"fp32": plain(PEAK)}, "cache_bytes": plain(1e9)}
    return HardwareProfile.model_validate(content | {"far_cache_bytes": plain(1e9)})


def test_the_figures_of_a_made_up_machine_are_found_again() -> None:
    figures = compiled_figures([Deployment("host", machine(), "fp32", custom_grid(0.0))])
    times = latency_s(stack([workload(layers) for layers in chains()]), figures)
    found = layer_figures(np.repeat(times, 3, axis=0), PEAK, "a test")
    for key, value in TOLD.items():
        parts = value.items() if isinstance(value, dict) else [(None, value)]
        for kind, expected in parts:
            figure = found[key if kind is None else f"{key}.{kind}"]
            assert figure.value == pytest.approx(
                expected, rel=0.06, abs=5e3 if key == "half_rate_macs" else 0.0
            ), (key, kind)
            assert figure.basis == "measured"


@pytest.mark.parametrize("block", [1.0, 8.0])
def test_smaller_blocks_are_told_apart(block: float) -> None:
    # The probes of narrow inputs have 8 channels, which fill these blocks: none of them is slow.
    profile = machine(channel_block=block)
    figures = compiled_figures([Deployment("host", profile, "fp32", custom_grid(0.0))])
    times = latency_s(stack([workload(layers) for layers in chains()]), figures)
    found = layer_figures(np.repeat(times, 3, axis=0), PEAK, "a test")
    assert found["channel_block"].value == block
    assert found["narrow_share"].value == pytest.approx(1.0, abs=0.06)


def test_layers_are_told_with_their_own_times() -> None:
    figures = compiled_figures([Deployment("host", machine(), "fp32", custom_grid(0.0))])
    works = [workload(layers) for layers in chains()]
    times = latency_s(stack(works), figures)
    rows = layer_rows(np.repeat(times, 3, axis=0), "made up")
    assert len(rows) == len(CHAINS) // 2
    for index, row in enumerate(rows):
        few, many = times[0, 2 * index], times[0, 2 * index + 1]
        assert float(row["latency_s"]) == pytest.approx((many - few) / 8, rel=1e-5), row["probe"]
    by_probe = {row["probe"]: row for row in rows}
    assert by_probe["conv"]["macs"] == str(64 * 64 * 9 * 14 * 14)
    assert by_probe["conv"]["shape"] == "64x14x14"
    assert by_probe["conv"]["layer"].startswith("Conv2d(") and "64" in by_probe["conv"]["layer"]
    assert by_probe["curved"]["layer"].count(" + ") == 1
    dispatch = dispatch_figure(np.repeat(times, 3, axis=0), "made up")
    assert dispatch.value == pytest.approx(1e-6, rel=0.06)
    with pytest.raises(HardwareError, match="more layers took no longer"):
        dispatch_figure(np.ones((3, len(CHAINS))), "a test")


def test_times_that_do_not_grow_are_refused() -> None:
    with pytest.raises(HardwareError, match="more layers took no longer; give more --rounds"):
        layer_figures(np.ones((3, len(CHAINS))), PEAK, "a test")
