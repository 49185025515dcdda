from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from op_cases import NETWORKS

from hardware_profiles.beside import ModelBeside
from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.carbon import Baseline, Demand, Study, device_embodied
from nas.cost.explain import Line, explain
from nas.cost.score import score
from nas.cost.workload import Workload, workload
from nas.objectives import OBJECTIVES
from search_spaces import space
from search_spaces.layers import Layer

MakeDeployment = Callable[..., Deployment]
VOLUME = Demand(lifetime_years=4.0, inferences=1e6, devices=2)
STUDIES = (
    Study(VOLUME),
    Study(Demand(lifetime_years=3.0, busy_share=0.3, powered_share=0.5)),
)
TODAY = Baseline("the model in use", 1e-3)
MARGINAL = grid("us-caiso-marginal")
EVERYTHING = {
    "pool": (Study(Demand(4.0, 1e6, peak_per_s=0.5, spares=2)), {}),
    "shared with other models": (Study(replace(VOLUME, other_busy_share=0.4)), {}),
    "owned already": (Study(replace(VOLUME, other_busy_share=0.4), sunk=("plain",)), {}),
    "resident share": (Study(VOLUME, memory="resident_share"), {}),
    "as built": (Study(VOLUME, memory="as_built"), {}),
    "act-2023": (Study(VOLUME, fab_table="act-2023"), {}),
    "a quarter of the device": (Study(VOLUME), {"resource_share": 0.25}),
    "a contract": (Study(VOLUME), {"market_gco2e_per_kwh": 12.0}),
    "bought": (Study(VOLUME, view="consequence", baseline=TODAY), {"grid": MARGINAL}),
    "bought and shared": (
        Study(replace(VOLUME, other_busy_share=0.4), view="consequence", baseline=TODAY),
        {"grid": MARGINAL},
    ),
    "beside another model": (
        Study(replace(VOLUME, other_busy_share=0.1)),
        {"beside": (ModelBeside("kws", 100.0, 50.0, 0.01, 20.0),)},
    ),
    "beside another model at fixed time": (
        Study(Demand(lifetime_years=3.0, busy_share=0.3)),
        {"beside": (ModelBeside("kws", 100.0, 50.0, 0.01, 20.0),)},
    ),
    "in use anyway": (
        Study(VOLUME, view="consequence", baseline=TODAY, sunk=("plain",)),
        {"grid": MARGINAL, "resource_share": 0.5},
    ),
}
_ARITHMETIC = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Call, ast.Name, ast.Load,
               ast.operator, ast.unaryop)  # fmt: skip
_CALLED = {"max": max, "min": min, "ceil": math.ceil}


def _redo(formula: str) -> float:
    """What a reader gets from the printed arithmetic: numbers, operators, max, min and ceil."""
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        assert isinstance(node, _ARITHMETIC), ast.dump(node)
        assert not isinstance(node, ast.Name) or node.id in _CALLED
    return float(eval(compile(tree, "formula", "eval"), {"__builtins__": {}} | _CALLED))


def _labelled(lines: list[Line], label: str) -> Line:
    (line,) = [line for line in lines if line.label == label]
    return line


@pytest.mark.parametrize("study", STUDIES, ids=["volume", "time"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "fp32", "batch": 4, "streams": 2, "half_rate_macs": 5e3},
        {"cache_bytes": 3e4, "cache_bytes_per_s": 1e7, "storage_limit_bytes": 1e6},
        {"energy_per_mac_j": {"int8": 1e-9}, "energy_per_byte_j": 2e-9, "batch": 3},
        {"channel_block": 16.0, "narrow_share": 0.5, "activation_s": 1e-7, "output_macs": 2.0,
         "depthwise_output_macs": 4.0, "weight_macs": 3.0, "batch": 2},
        {"cores": 4.0, "threads": 1, "streams": 2, "half_rate_macs": 5e3, "precision": "fp32"},
        {"output_macs": 3.0, "weight_macs": 2.0, "move_dispatch_s": 5e-3, "padding_share": 0.25,
         "cache_bytes": 2e3, "cache_bytes_per_s": 1e7, "far_cache_bytes": 3e4,
         "far_cache_bytes_per_s": 1e6, "streams": 2},
    ],
)  # fmt: skip
def test_every_line_can_be_redone_and_the_last_are_the_score(
    deploy: MakeDeployment, study: Study, changes: dict[str, object]
) -> None:
    mbconv = space("mbconv")
    architecture = mbconv.sample(np.random.default_rng(1))
    work = workload(mbconv.layers(architecture, (1, 8, 8), 10))
    deployment = deploy(sleep_w=0.01, memory_limit_bytes=1e9, **changes)
    _check_lines(work, deployment, study)


def _check_lines(work: Workload, deployment: Deployment, study: Study) -> list[Line]:
    lines = explain(work, deployment, study)
    for line in lines:
        assert _redo(line.formula) == pytest.approx(line.value, rel=1e-8), line
        assert line.unit
        assert line.source
    row = score(work, [deployment], study, None, training_gco2e=None)
    explained = [o for o in OBJECTIVES.values() if o.name not in ("error", "lifecycle")]
    last = lines[-len(explained) :]
    assert [line.label for line in last] == [objective.label for objective in explained]
    assert [line.value for line in last] == [float(row[o.column][0]) for o in explained]
    charged = [x for x in lines if x.label in ("charged for one device",
               "embodied carbon of one device")]  # fmt: skip
    assert charged[-1].value == pytest.approx(float(row["device_embodied_gco2e"][0]))
    return lines


@pytest.mark.parametrize("case", EVERYTHING)
def test_every_line_can_be_redone_whatever_is_asked(
    tiny: tuple[Layer, ...], deploy: MakeDeployment, case: str
) -> None:
    study, changes = EVERYTHING[case]
    _check_lines(workload(tiny), replace(deploy(memory_limit_bytes=1e9), **changes), study)


@pytest.mark.parametrize("memory", ["smallest_variant", "resident_share", "as_built"])
@pytest.mark.parametrize("name", ["rpi4", "pixel3", "stm32l4r5", "a100_sxm4_40"])
def test_devices_that_ship_can_be_redone_and_name_every_source(
    tiny: tuple[Layer, ...], name: str, memory: Literal["smallest_variant"]
) -> None:
    deployment = Deployment("d", hardware(name), "int8", grid("fr"))
    lines = _check_lines(workload(tiny), deployment, replace(STUDIES[0], memory=memory))
    made = [
        x for x in lines if x.label.split(":")[0] in ("manufacture", "transport", "end of life")
    ]
    whole = device_embodied(hardware(name)).lines
    assert [line.source for line in made] == [part.source for part in whole]
    assert all(len(set(line.label.split(": "))) == len(line.label.split(": ")) for line in made)
    sizes = [line for line in lines if "the smallest that holds" in line.label]
    assert bool(sizes) == (memory == "smallest_variant" and name in ("rpi4", "pixel3"))


def test_a_smaller_size_is_named_with_the_one_built_in(tiny: tuple[Layer, ...]) -> None:
    # rpi4: of 4 GB 3.5 are free, so of 1 GB 0.5 are, and 30 MB of runtime fit
    deployment = Deployment("d", hardware("rpi4"), "int8", grid("fr"))
    lines = explain(workload(tiny), deployment, STUDIES[0])
    (line,) = [line for line in lines if line.label.startswith("memory of")]
    assert line.label == "memory of 1 GB, the smallest that holds 30 MB, instead of 4 GB"
    # 48 g per GB of LPDDR4 over a yield of 0.875
    assert line.value == pytest.approx(-3 * 48 / 0.875)


def test_parts_sum_to_the_latency(tiny: tuple[Layer, ...], deploy: MakeDeployment) -> None:
    lines = explain(workload(tiny), deploy(), STUDIES[0])
    kinds = [line.value for line in lines if line.label.startswith("all ")]
    assert sum(kinds) == pytest.approx(_labelled(lines, "latency").value)
    assert sum(kinds) == pytest.approx(6.662e-3)


def test_the_lines_of_a_kernel_show_both_roofs(
    tiny: tuple[Layer, ...], deploy: MakeDeployment
) -> None:
    lines = explain(workload(tiny), deploy(), STUDIES[0])
    assert _labelled(lines, "depthwise (depthwise)").formula == (
        "max((288 + 0) / (1000000 * 0.25), 82 / 100000) + 0.001"
    )
    assert _labelled(lines, "pool (other)").formula == "34 / 100000 + 0.001"


@pytest.mark.parametrize("name", ["grouped attention", "recommender", "two-way gru"])
@pytest.mark.parametrize("cache_bytes", [1.0, 1e9])
def test_kernels_of_every_kind_can_be_done_again(
    name: str, cache_bytes: float, deploy: MakeDeployment
) -> None:
    deployment = deploy(
        sleep_w=0.01,
        memory_limit_bytes=1e9,
        cache_bytes=cache_bytes,
        cache_bytes_per_s=1e7,
        batch=3,
    )
    _check_lines(workload(NETWORKS[name]), deployment, STUDIES[0])
