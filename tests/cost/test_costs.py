from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.deployment import Deployment
from nas.cost import Workload, cost
from nas.cost.figures import BIAS_BYTES, ELEMENT_BYTES, figures_of
from nas.cost.latency import kernel_times
from nas.cost.workload import workload
from nas.errors import DeploymentError
from search_spaces import space
from search_spaces.layers import Layer
from search_spaces.ops import Input, Pool

MakeDeployment = Callable[..., Deployment]


def test_a_tiny_network_by_hand(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    costs = cost(workload(tiny), [deploy()])
    # conv: 288 MACs at 5e5/s 0.576 ms; bytes 16 + 18 + 2 x 8 + 32 = 82 at 1e5/s 0.82 ms
    # depthwise: 288 at 2.5e5/s 1.152 ms; bytes 32 + 18 + 32 = 82, 0.82 ms
    # pool: bytes 34, 0.34 ms; classifier: 6 at 5e5/s; bytes 2 + 6 + 3 x 8 + 3 = 35, 0.35 ms
    # busy 0.82 + 1.152 + 0.34 + 0.35 = 2.662 ms, and 1 ms for each of four kernels
    assert costs.latency_s[0] == pytest.approx(6.662e-3)
    assert costs.occupancy_s[0] == pytest.approx(6.662e-3)
    assert costs.energy_j[0] == pytest.approx(1.0 * 6.662e-3 + 2.0 * 2.662e-3)
    # 42 weights and 5 biases of 8 bytes; 64 activations
    assert costs.storage_bytes[0] == 82
    assert costs.peak_memory_bytes[0] == 82 + 64
    assert costs.fits.tolist() == [True]
    assert costs.reasons == (None,)


def test_a_filling_term_adds_the_half_rate(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    times = kernel_times(workload(tiny), figures_of([deploy(half_rate_macs=288.0)]))
    assert times.compute_s[0] == pytest.approx([2 * 0.576e-3, 2 * 1.152e-3, 0.0, 294 / 5e5])


def test_a_cpu_draws_its_load_while_it_fills_and_a_gpu_does_not(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    kinds = [deploy(half_rate_macs=288.0, kind=kind) for kind in ("sbc", "edge_gpu")]
    costs = cost(workload(tiny), kinds)
    # conv 1.152, depthwise 2.304, pool 0.34, classifier 0.588 ms, and four dispatches of 1 ms
    assert costs.latency_s == pytest.approx([8.384e-3, 8.384e-3])
    assert costs.energy_j[0] == pytest.approx(8.384e-3 + 2.0 * 4.384e-3)
    assert costs.energy_j[1] == pytest.approx(8.384e-3 + 2.0 * 2.662e-3)


def test_weights_that_stay_in_flash_take_no_memory(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    costs = cost(workload(tiny), [deploy(storage_limit_bytes=1000.0)])
    assert costs.peak_memory_bytes[0] == 64
    assert costs.storage_bytes[0] == 82


def test_a_cache_that_holds_all_serves_all(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    work = workload(tiny)
    cached = deploy(cache_bytes=146.0, cache_bytes_per_s=1e6)
    times = kernel_times(work, figures_of([cached]))
    assert times.move_s[0] == pytest.approx([82e-6, 82e-6, 34e-6, 35e-6])
    assert times.main_memory_bytes.sum() == 0
    # one byte less: weights no longer survive to the next inference; activations still fit
    spilled = deploy(cache_bytes=145.0, cache_bytes_per_s=1e6)
    times = kernel_times(work, figures_of([spilled]))
    assert times.main_memory_bytes[0].tolist() == [34, 18, 0, 30]
    # and where the conv (82 bytes at work) does not fit, its activations come from memory too
    small = deploy(cache_bytes=81.0, cache_bytes_per_s=1e6)
    times = kernel_times(work, figures_of([small]))
    assert times.main_memory_bytes[0].tolist() == [82, 82, 0, 30]


def test_known_energies_of_operations_replace_the_power_span(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    known = deploy(energy_per_mac_j={"int8": 1e-6}, energy_per_byte_j=2e-6)
    half_known = deploy(energy_per_mac_j={"int8": 1e-6})
    energy = cost(workload(tiny), [known, half_known]).energy_j
    assert energy[0] == pytest.approx(1.0 * 6.662e-3 + 582e-6 + 2e-6 * (82 + 82 + 34 + 35))
    assert energy[1] == pytest.approx(11.986e-3)


def test_reasons_name_what_is_short(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    costs = cost(
        workload(tiny),
        [
            deploy(memory_limit_bytes=246.0),
            deploy(memory_limit_bytes=230.0),
            deploy(storage_limit_bytes=1_000_040.0, runtime_storage_bytes=1_000_000.0),
            deploy(memory_limit_bytes=150.0, storage_limit_bytes=50.0),
        ],
    )
    assert costs.fits.tolist() == [True, False, False, False]
    assert costs.reasons == (
        None,
        "RAM: needs 0.25 kB, has 0.23 kB",
        "flash: needs 1.0001 MB, has 1.0000 MB",
        "RAM: needs 0.16 kB, has 0.15 kB; flash: needs 0.08 kB, has 0.05 kB",
    )


def test_no_deployment_is_an_error(tiny: tuple[Layer, ...]) -> None:
    with pytest.raises(DeploymentError, match="none given"):
        cost(workload(tiny), [])


def _loop(work: Workload, deployment: Deployment) -> tuple[float, float]:
    """Latency and energy of one deployment, layer by layer from the definition."""
    profile, together = deployment.profile, deployment.batch * deployment.streams
    width, bias_width = ELEMENT_BYTES[deployment.precision], BIAS_BYTES[deployment.precision]
    stored = work.stored_weight_elements * width + work.stored_bias_elements * bias_width
    resident = stored + work.peak_activation_elements * width * together
    cache = profile.cache_bytes.value if profile.cache_bytes else 0.0
    fast = profile.cache_bytes_per_s.value if profile.cache_bytes_per_s else float("inf")
    latency = busy = 0.0
    for index, kind in enumerate(work.kinds):
        macs = float(work.operations[index]) * together
        compute = full = 0.0
        known = {"pointwise": profile.efficiency["conv"], **profile.efficiency}
        if kind in known:
            peak = profile.macs_per_s[deployment.precision].value
            rate = peak * known[kind].value
            full = macs / rate
            compute = full / (macs / (macs + profile.half_rate_macs.value))
        weights = work.weight_elements[index] * width + work.bias_elements[index] * bias_width
        moved = (work.read_elements[index] + work.write_elements[index]) * width * together
        main = cached = 0.0
        if weights + moved <= cache:
            cached += moved
        else:
            main += moved
        if resident <= cache:
            cached += weights * deployment.streams
        else:
            main += weights * deployment.streams
        move = main / profile.memory_bytes_per_s.value + cached / fast
        latency += max(compute, move) + profile.dispatch_s.value
        busy += max(full if profile.kind == "edge_gpu" else compute, move)
    span = profile.load_w.value - profile.idle_w.value
    return latency, (profile.idle_w.value * latency + span * busy) / together


@pytest.fixture(scope="module")
def mixed(deploy: MakeDeployment) -> list[Deployment]:
    return [
        deploy(),
        deploy(precision="fp32", half_rate_macs=1e4),
        deploy(kind="edge_gpu", half_rate_macs=1e5, batch=2),
        deploy(batch=4, streams=2, memory_bytes_per_s=1e8),
        deploy(cache_bytes=3e4, cache_bytes_per_s=1e7, batch=3),
        deploy(cache_bytes=1e7, cache_bytes_per_s=1e8, streams=3, dispatch_s=0.0),
        deploy(efficiency=_BY_KIND | {"pointwise": 0.125}),
    ]


_BY_KIND = {"conv": 0.5, "depthwise": 0.25, "linear": 0.5}


def test_a_pool_costs_the_elements_that_its_windows_cover(deploy: MakeDeployment) -> None:
    layers = (Layer("x", Input((2, 4, 4))), Layer("pool", Pool("average", 3, 1, 1), ("x",)))
    work = workload(layers)
    # 2 x 16 places x 9 elements; 1e6 MACs a second at a quarter; 64 bytes at 1e5 bytes a second
    assert work.operations.tolist() == [288] and work.macs.tolist() == [0]
    known = deploy(efficiency=_BY_KIND | {"pool": 0.25}, dispatch_s=0.0)
    assert cost(work, [known]).latency_s[0] == pytest.approx(288 / 0.25e6)
    assert cost(work, [deploy(dispatch_s=0.0)]).latency_s[0] == pytest.approx(64 / 1e5)


def _samples(count: int, seed: int = 0) -> Sequence[Workload]:
    mbconv, rng = space("mbconv"), np.random.default_rng(seed)
    return [workload(mbconv.layers(mbconv.sample(rng), (1, 8, 8), 10)) for _ in range(count)]


def test_arrays_and_a_plain_loop_agree(mixed: list[Deployment]) -> None:
    for work in _samples(20):
        costs = cost(work, mixed)
        expected = np.array([_loop(work, deployment) for deployment in mixed])
        assert costs.latency_s == pytest.approx(expected[:, 0], rel=1e-12)
        assert costs.energy_j == pytest.approx(expected[:, 1], rel=1e-12)


def test_deployments_together_cost_what_they_cost_alone(mixed: list[Deployment]) -> None:
    work = _samples(1)[0]
    together = cost(work, mixed)
    for index, deployment in enumerate(mixed):
        alone = cost(work, [deployment])
        assert alone.latency_s[0] == together.latency_s[index]
        assert alone.energy_j[0] == together.energy_j[index]
        assert alone.peak_memory_bytes[0] == together.peak_memory_bytes[index]
        assert alone.reasons[0] == together.reasons[index]


@given(batch=st.integers(1, 64), streams=st.integers(1, 8), half=st.floats(0.0, 1e6))
def test_more_at_once_answers_later_but_takes_less_of_the_device(
    deploy: MakeDeployment, batch: int, streams: int, half: float
) -> None:
    work = _samples(1, seed=3)[0]
    one, more_batch, more_streams = (
        deploy(batch=batch + b, streams=streams + s, half_rate_macs=half)
        for b, s in ((0, 0), (1, 0), (0, 1))
    )
    costs = cost(work, [one, more_batch, more_streams])
    rounding = 1 + 1e-12
    for more in (1, 2):
        assert costs.latency_s[more] * rounding >= costs.latency_s[0]
        assert costs.occupancy_s[more] <= costs.occupancy_s[0] * rounding
        assert costs.energy_j[more] <= costs.energy_j[0] * rounding
        assert costs.peak_memory_bytes[more] >= costs.peak_memory_bytes[0]


@given(factor=st.floats(1.0, 1e3))
@pytest.mark.parametrize("key", ["memory_bytes_per_s", "macs_per_s", "efficiency"])
def test_a_faster_device_is_never_slower(deploy: MakeDeployment, key: str, factor: float) -> None:
    faster = {
        "memory_bytes_per_s": 1e5 * factor,
        "macs_per_s": {"int8": 1e6 * factor},
        "efficiency": {"conv": 1 - 0.5 / factor, "depthwise": 0.25, "linear": 0.5},
    }
    work = _samples(1, seed=5)[0]
    costs = cost(work, [deploy(), deploy(**{key: faster[key]})])
    assert costs.latency_s[1] <= costs.latency_s[0] * (1 + 1e-12)
    assert costs.energy_j[1] <= costs.energy_j[0] * (1 + 1e-12)


@given(cache=st.floats(1.0, 1e7))
def test_a_cache_no_slower_than_memory_never_hurts(deploy: MakeDeployment, cache: float) -> None:
    work = _samples(1, seed=6)[0]
    costs = cost(work, [deploy(), deploy(cache_bytes=cache, cache_bytes_per_s=1e6)])
    assert costs.latency_s[1] <= costs.latency_s[0] * (1 + 1e-12)


def test_int8_is_a_quarter_of_fp32_but_for_biases(deploy: MakeDeployment) -> None:
    work = _samples(1)[0]
    costs = cost(work, [deploy(precision="int8"), deploy(precision="fp32")])
    biases = work.stored_bias_elements
    assert costs.storage_bytes[1] - 4 * biases == 4 * (costs.storage_bytes[0] - 8 * biases)
    assert costs.latency_s[0] < costs.latency_s[1]
