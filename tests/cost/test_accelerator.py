"""Designs of systolic accelerators: by hand, one by one in plain numbers, and as laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_profiles.accelerator import AcceleratorSpace, accelerator_space
from hardware_profiles.documents import parse_facts
from nas.cost.accelerator import DesignCosts, cost_designs, die_area_mm2, sram_energy_per_byte_j
from nas.cost.workload import workload
from nas.errors import HardwareError, LayerError
from search_spaces import space
from search_spaces.layers import Layer
from search_spaces.ops import Attention, Conv2d, GlobalAveragePool, Input, Linear, Recurrent

SPACE = accelerator_space()
NET = [
    Layer("x", Input((16, 8, 8))),
    Layer("conv", Conv2d(16, 300, 3), ("x",)),
    Layer("depthwise", Conv2d(300, 300, 3, groups=300), ("conv",)),
    Layer("pool", GlobalAveragePool(), ("depthwise",)),
    Layer("head", Linear(300, 10), ("pool",)),
]
KNOBS = ("clusters", "pe_width", "pe_depth", "local_kib", "local_bytes_per_cycle", "global_mib")
SHAPE = tuple(len(getattr(SPACE, knob)) for knob in KNOBS)


@pytest.fixture(scope="module")
def costs() -> DesignCosts:
    return cost_designs(NET, SPACE)


def one_design(**sizes: int) -> AcceleratorSpace:
    given = SPACE.model_dump(mode="python") | {knob: (size,) for knob, size in sizes.items()}
    return parse_facts(AcceleratorSpace, given, "test")


def test_the_default_space_holds_the_designs_of_catransformers() -> None:
    # 3 * 4 * 6 * 5 * 3 * 3 = 3240
    assert SPACE.size == 3240
    assert SPACE.design(3239).pe_width == 256
    with pytest.raises(HardwareError, match="got 3240; default has 0 to 3239"):
        SPACE.design(3240)


def test_a_linear_layer_by_hand() -> None:
    # m = 1, k = 100, n = 70 on 1 array of 32 rows x 32 columns: 4 x 3 = 12 folds of
    # 2 * 32 + 32 + 1 - 2 = 95 cycles: 1140. Local buffer: 7000 weights + 100 * 3 rows
    # + 70 * (1 + 8 * 3) sums = 9050 bytes at 32 a cycle: 282.8 cycles, less than 1140.
    design = one_design(
        clusters=1, pe_width=32, pe_depth=32, local_kib=64, local_bytes_per_cycle=32, global_mib=2
    )
    layers = [Layer("x", Input((100,))), Layer("y", Linear(100, 70, bias=False), ("x",))]
    costs = cost_designs(layers, design)
    assert costs.latency_s[0] == pytest.approx(1140 / 625e6, rel=1e-12)
    assert costs.utilisation[0] == pytest.approx(7000 / (1140 * 1024), rel=1e-12)
    assert costs.peak_tops[0] == pytest.approx(2 * 1024 * 625e6 / 1e12)
    # Die at 45 nm: 1024 * 3130 + (65536 + 2097152) * 9.72 um2 = 24,226,447.36; x 0.239 in mm2.
    assert costs.area_mm2[0] == pytest.approx(24_226_447.36 * 0.239e-6, rel=1e-9)
    # Energy: MACs, local and global bytes (7000 + 100 + 70), leakage.
    # Bytes at 45 nm: 64 KiB 2.5 * 2 ** (log 5 / log 32), 2 MiB 12.5 * 2 ** (log 5 / log 32) pJ.
    step = 2 ** (math.log(5) / math.log(32))
    dynamic_pj = 7000 * 0.3 + 9050 * 2.5 * step + 7170 * 12.5 * step
    leaked = costs.area_mm2[0] * 0.005 * costs.latency_s[0]
    assert costs.energy_j[0] == pytest.approx(dynamic_pj * 0.489e-12 + leaked, rel=1e-9)
    # 22 nm in Taiwan at 95 %: (583 * 1.077 + 188.28 + 500) / 0.875 g/cm2; 1 GB of 184 / 0.875 g.
    die = costs.area_mm2[0] / 100 * (583 * 1.077 + 188.28 + 500) / 0.875
    assert costs.embodied_gco2e[0] == pytest.approx(die + 184 / 0.875, rel=1e-9)


def test_all_designs_equal_a_plain_loop_over_them(costs: DesignCosts) -> None:
    work, clock = workload(NET), 625e6
    shapes = work.products
    for index in range(0, SPACE.size, 37):
        it = SPACE.design(index)
        total = 0.0
        weights = work.weight_elements + 4 * work.bias_elements
        stored = work.stored_weight_elements + 4 * work.stored_bias_elements
        whole = it.global_mib * 2**20
        for kernel in range(len(work.names)):
            cycles = 0
            moves = 0.0
            for row in np.flatnonzero(shapes.kernel == kernel):
                m, k, n, groups = (
                    int(x[row]) for x in (shapes.m, shapes.k, shapes.n, shapes.groups)
                )
                across, along = -(-n // it.pe_width), -(-k // it.pe_depth)
                folds = across * along * groups
                cycles += -(-folds // it.clusters) * (2 * it.pe_depth + it.pe_width + m - 2)
                moved = groups * (k * n + m * k * across + m * n)  # sums have ports of their own
                moves += moved / (min(it.clusters, folds) * it.local_bytes_per_cycle)
            activations = work.read_elements[kernel] + work.write_elements[kernel]
            if not work.macs[kernel]:
                moves = activations / (it.clusters * it.local_bytes_per_cycle)
            away = 0.0 if stored + work.peak_activation_elements <= whole else weights[kernel]
            away += activations if activations > whole else 0.0
            total += max(cycles / clock, moves / clock, away / 12.8e9)
        assert costs.latency_s[index] == pytest.approx(total, rel=1e-12)


def test_products_hold_all_macs_of_convolutions_linear_layers_and_attention() -> None:
    tokens = [
        Layer("x", Input((10, 32))),
        Layer("q", Linear(32, 32), ("x",)),
        Layer("a", Attention(4, 4, 8), ("q", "q", "q")),
    ]
    for layers in (NET, tokens):
        work = workload(layers)
        shapes = work.products
        macs = shapes.groups * shapes.m * shapes.k * shapes.n
        summed = np.bincount(shapes.kernel, macs, minlength=len(work.macs))
        np.testing.assert_array_equal(summed, work.macs)


def test_utilisation_is_a_share_and_depthwise_uses_an_array_worse(costs: DesignCosts) -> None:
    assert ((costs.utilisation > 0) & (costs.utilisation <= 1)).all()
    convs = [
        cost_designs([NET[0], Layer("c", Conv2d(16, 16, 3, groups=groups), ("x",))], SPACE)
        for groups in (1, 16)
    ]
    assert (convs[1].utilisation < convs[0].utilisation).all()


@pytest.mark.parametrize("knob", KNOBS)
def test_larger_designs_cost_area_and_carbon_and_wider_buffers_no_time(
    costs: DesignCosts, knob: str
) -> None:
    axis = KNOBS.index(knob)
    area = np.diff(costs.area_mm2.reshape(SHAPE), axis=axis)
    carbon = np.diff(costs.embodied_gco2e.reshape(SHAPE), axis=axis)
    if knob == "local_bytes_per_cycle":
        assert not area.any() and not carbon.any()
        assert (np.diff(costs.latency_s.reshape(SHAPE), axis=axis) <= 0).all()
    else:
        assert (area > 0).all() and (carbon > 0).all()


def test_area_is_the_sum_of_its_parts_and_bytes_of_larger_buffers_take_more() -> None:
    sizes = dict(zip(KNOBS, (1, 32, 2, 64, 32, 2), strict=True))
    one, two, four = (
        float(die_area_mm2(one_design(**sizes | {"clusters": clusters}))[0])
        for clusters in (1, 2, 4)
    )
    assert four - two == pytest.approx(2 * (two - one), rel=1e-9)
    energies = sram_energy_per_byte_j(SPACE, np.array([4096.0, 8192.0, 32768.0, 2.0**20, 2.0**23]))
    assert (np.diff(energies) > 0).all()
    np.testing.assert_allclose(energies[1:4], np.array([1.25, 2.5, 12.5]) * 0.489e-12)


def test_a_design_is_allowed_up_to_the_published_limits(costs: DesignCosts) -> None:
    # 20.48e12 / (2 * 625e6) = 16,384 processing elements.
    table = SPACE.table()
    pes = table["clusters"] * table["pe_width"] * table["pe_depth"]
    expected = (pes <= 16384) & (costs.area_mm2 <= 31.990347)
    np.testing.assert_array_equal(costs.allowed, expected)
    assert 0 < costs.allowed.sum() < SPACE.size


def test_what_cannot_be_costed_is_refused_in_one_line() -> None:
    layers = [Layer("x", Input((5, 8))), Layer("r", Recurrent("lstm", 8, 8), ("x",))]
    with pytest.raises(LayerError, match="r: the matrix products of such a layer are not known"):
        cost_designs(layers, SPACE)
    with pytest.raises(HardwareError, match="accelerator: 'none' is unknown; use default"):
        accelerator_space("none")
    given = SPACE.model_dump(mode="python")
    with pytest.raises(HardwareError, match="pe_width"):
        parse_facts(AcceleratorSpace, given | {"pe_width": ()}, "test")


def test_a_drawn_network_of_the_resnet_space_costs_on_every_design() -> None:
    resnet = space("resnet")
    layers = resnet.layers(resnet.sample(np.random.default_rng(0)), (3, 32, 32), 10)
    costs = cost_designs(layers, SPACE)
    assert costs.latency_s.shape == (3240,) and costs.fits.all()
    assert (costs.energy_j > 0).all() and (costs.power_w > 0).all()
