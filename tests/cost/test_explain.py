from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np
import pytest

from hardware_profiles.deployment import Deployment
from nas.carbon import Demand, Study
from nas.cost.explain import Line, explain
from nas.cost.score import score
from nas.cost.workload import workload
from nas.objectives import OBJECTIVES
from search_spaces import space
from search_spaces.layers import Layer

MakeDeployment = Callable[..., Deployment]
STUDIES = (
    Study(Demand(lifetime_years=4.0, inferences=1e6, devices=2)),
    Study(Demand(lifetime_years=3.0, busy_share=0.3, powered_share=0.5)),
)
_ARITHMETIC = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Call, ast.Name, ast.Load,
               ast.operator, ast.unaryop)  # fmt: skip


def _redo(formula: str) -> float:
    """What a reader gets from the printed arithmetic; nothing but numbers, operators and max."""
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        assert isinstance(node, _ARITHMETIC), ast.dump(node)
        assert not isinstance(node, ast.Name) or node.id == "max"
    return float(eval(compile(tree, "formula", "eval"), {"__builtins__": {}, "max": max}))


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
    ],
)
def test_every_line_can_be_redone_and_the_last_are_the_score(
    deploy: MakeDeployment, study: Study, changes: dict[str, object]
) -> None:
    mbconv = space("mbconv")
    architecture = mbconv.sample(np.random.default_rng(1))
    work = workload(mbconv.layers(architecture, (1, 8, 8), 10))
    deployment = deploy(sleep_w=0.01, memory_limit_bytes=1e9, **changes)
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
