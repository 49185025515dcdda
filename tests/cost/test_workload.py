from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.cost.workload import Workload, workload
from nas.errors import LayerError
from search_spaces import space
from search_spaces.layers import Layer, layer_shapes, mac_count, parameter_count
from search_spaces.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv2d,
    GlobalAveragePool,
    Input,
    Linear,
    Multiply,
)


def _members(work: Workload) -> list[tuple[str, ...]]:
    return [(name, *fused) for name, fused in zip(work.names, work.fused, strict=True)]


def _live_elements(layers: Sequence[Layer], work: Workload) -> list[int]:
    """Activations alive during each kernel, by playing the run through with a set of tensors."""
    elements = {name: math.prod(shape) for name, shape in layer_shapes(layers).items()}
    by_name = {layer.name: layer for layer in layers}
    groups = _members(work)

    def reads(group: tuple[str, ...]) -> set[str]:
        return {name for member in group for name in by_name[member].inputs} - set(group)

    held, lives = {layers[0].name}, []
    for index, group in enumerate(groups):
        held |= {group[-1]}
        lives.append(sum(elements[name] for name in held))
        later = {layers[-1].name}.union(*(reads(other) for other in groups[index + 1 :]))
        held &= later
    return lives


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Layer, ...]:
    """Networks of up to 14 layers on (4, 3, 3) maps, with sums, products, gates and sharing."""
    layers = [Layer("x", Input((4, 3, 3)))]
    maps = ["x"]
    for index in range(draw(st.integers(1, 14))):
        name = f"layer{index}"
        one, two = (draw(st.sampled_from(maps)) for _ in range(2))
        match draw(st.sampled_from(["conv", "shared", "norm", "act", "add", "multiply", "gate"])):
            case "conv":
                layers.append(Layer(name, Conv2d(4, 4, 3, bias=draw(st.booleans())), (one,)))
            case "shared":
                layers.append(Layer(name, Conv2d(4, 4, 1, groups=4), (one,), weights="common"))
            case "norm":
                layers.append(Layer(name, BatchNorm(4), (one,)))
            case "act":
                layers.append(Layer(name, Activation("relu"), (one,)))
            case "add":
                layers.append(Layer(name, Add(), (one, two)))
            case "multiply":
                layers.append(Layer(name, Multiply(), (one, two)))
            case _:
                layers.append(Layer(f"{name}_pool", GlobalAveragePool(), (one,)))
                layers.append(Layer(f"{name}_gate", Linear(4, 4), (f"{name}_pool",)))
                layers.append(Layer(name, Multiply(), (two, f"{name}_gate")))
        maps.append(name)
    return tuple(layers)


@given(graphs())
def test_the_peak_is_what_playing_the_run_through_finds(layers: tuple[Layer, ...]) -> None:
    work = workload(layers)
    assert work.peak_activation_elements == max(_live_elements(layers, work))


@given(graphs())
def test_every_layer_is_in_one_kernel_and_every_operand_is_there_in_time(
    layers: tuple[Layer, ...],
) -> None:
    work = workload(layers)
    groups = _members(work)
    assert sorted(name for group in groups for name in group) == sorted(
        layer.name for layer in layers[1:]
    )
    written = {layers[0].name}
    by_name = {layer.name: layer for layer in layers}
    for group in groups:
        for member in group:
            assert set(by_name[member].inputs) <= written | set(group)
        written.add(group[-1])


@given(graphs())
def test_totals_are_those_of_the_layers(layers: tuple[Layer, ...]) -> None:
    work = workload(layers)
    assert work.total_macs == work.macs.sum() == mac_count(layers)
    assert work.params == parameter_count(layers)
    assert work.stored_weight_elements + work.stored_bias_elements <= work.params + 4 * len(layers)


def test_a_tiny_network_by_hand(tiny: tuple[Layer, ...]) -> None:
    work = workload(tiny)
    assert work.names == ("conv", "depthwise", "pool", "classifier")
    assert work.fused == (("norm", "relu"), (), (), ())
    assert work.kinds == ("conv", "depthwise", "other", "linear")
    # 16 positions x 2 channels x 9 taps, twice; 2 x 3 in the classifier
    assert work.macs.tolist() == [288, 288, 0, 6]
    assert work.weight_elements.tolist() == [18, 18, 0, 6]
    assert work.bias_elements.tolist() == [2, 0, 0, 3]
    assert work.read_elements.tolist() == [16, 32, 32, 2]
    assert work.write_elements.tolist() == [32, 32, 2, 3]
    # kernels 18 + 18, classifier 6 + 3, norm 2 x 2 before it is folded into 2 biases
    assert (work.params, work.stored_weight_elements, work.stored_bias_elements) == (49, 42, 5)
    assert work.peak_activation_elements == 64


def test_a_residual_sum_joins_the_later_branch_and_reads_the_other() -> None:
    work = workload(
        (
            Layer("x", Input((4, 2, 2))),
            Layer("one", Conv2d(4, 4, 1), ("x",)),
            Layer("two", Conv2d(4, 4, 1), ("one",)),
            Layer("sum", Add(), ("two", "one")),
            Layer("relu", Activation("relu"), ("sum",)),
        )
    )
    assert work.names == ("one", "two")
    assert work.fused == ((), ("sum", "relu"))
    assert work.read_elements.tolist() == [16, 16]  # the second reads `one` once, for both uses
    assert work.peak_activation_elements == 32


def test_a_sum_of_an_earlier_map_reads_it_besides() -> None:
    work = workload(
        (
            Layer("x", Input((4, 2, 2))),
            Layer("one", Conv2d(4, 8, 1), ("x",)),
            Layer("two", Conv2d(8, 4, 1), ("one",)),
            Layer("sum", Add(), ("x", "two")),
        )
    )
    assert work.read_elements.tolist() == [16, 48]
    assert work.peak_activation_elements == 64  # x lives on to the sum: 16 + 32 + 16


def test_a_gate_is_a_kernel_of_its_own() -> None:
    work = workload(
        (
            Layer("x", Input((4, 3, 3))),
            Layer("conv", Conv2d(4, 4, 3), ("x",)),
            Layer("pool", GlobalAveragePool(), ("conv",)),
            Layer("gate", Linear(4, 4), ("pool",)),
            Layer("sigmoid", Activation("hardsigmoid"), ("gate",)),
            Layer("scaled", Multiply(), ("conv", "sigmoid")),
        )
    )
    assert work.names == ("conv", "pool", "gate", "scaled")
    assert work.fused == ((), (), ("sigmoid",), ())
    assert work.read_elements.tolist() == [36, 36, 4, 40]


def test_norms_behind_shared_weights_keep_their_scales() -> None:
    conv = Conv2d(4, 4, 1)
    work = workload(
        (
            Layer("x", Input((4, 2, 2))),
            Layer("one", conv, ("x",), weights="both"),
            Layer("norm1", BatchNorm(4), ("one",)),
            Layer("two", conv, ("norm1",), weights="both"),
            Layer("norm2", BatchNorm(4), ("two",)),
        )
    )
    assert work.weight_elements.tolist() == [16, 16]
    assert work.stored_weight_elements == 16
    assert work.bias_elements.tolist() == [8, 8]
    assert work.stored_bias_elements == 16


def test_a_norm_behind_an_activation_is_not_folded() -> None:
    work = workload(
        (
            Layer("x", Input((4, 2, 2))),
            Layer("conv", Conv2d(4, 4, 1, bias=True), ("x",)),
            Layer("relu", Activation("relu"), ("conv",)),
            Layer("norm", BatchNorm(4), ("relu",)),
        )
    )
    assert work.fused == (("relu", "norm"),)
    assert work.stored_bias_elements == 4 + 8


def test_arrays_cannot_be_changed(tiny: tuple[Layer, ...]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        workload(tiny).macs[0] = 1.0


def test_an_input_alone_is_no_workload() -> None:
    with pytest.raises(LayerError, match="nothing but the Input"):
        workload((Layer("x", Input((1, 2, 2))),))


def test_samples_of_a_space_count_as_their_layers_do() -> None:
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    for _ in range(30):
        layers = mbconv.layers(mbconv.sample(rng), (1, 28, 28), 10)
        work = workload(layers)
        assert work.total_macs == mac_count(layers)
        assert work.peak_activation_elements == max(_live_elements(layers, work))
        assert set(work.kinds) == {"conv", "pointwise", "depthwise", "linear", "other"}
