"""Deployments: overheads by boundary, refusals, and their plain data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import (
    Deployment,
    deployment_from_dict,
    deployment_label,
    deployment_to_dict,
)
from hardware_profiles.grid import grid
from nas.errors import DeploymentError, HardwareError


def deployment(name="rpi4", **more):
    fields = {"label": "d", "precision": "int8", "grid": grid("fr"), **more}
    return Deployment(profile=hardware(name), **fields)


def test_on_the_edge_the_supply_counts():
    # rpi4.yaml: 0.85 from the wall to the board.
    assert deployment().overhead == pytest.approx(1 / 0.85)
    assert deployment(supply_efficiency=0.5).overhead == 2.0


def test_in_a_data_centre_pue_counts():
    # a100_sxm4_40.yaml: power at the wall, PUE 1.56.
    assert deployment("a100_sxm4_40").overhead == 1.56
    assert deployment("a100_sxm4_40", pue=1.1).overhead == 1.1


def test_the_host_has_no_overhead_but_the_one_given():
    assert deployment("host", precision="fp32").overhead == 1.0
    assert deployment("host", precision="fp32", pue=1.2).overhead == 1.2


@given(pue=st.floats(1, 3), supply=st.floats(0.1, 1))
def test_overhead_is_never_below_one(pue, supply):
    assert deployment(pue=pue, supply_efficiency=supply).overhead == pytest.approx(pue / supply)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"precision": "bf16"}, "'bf16' is not supported by rpi4; use fp32 or int8"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": 1.5}, r"batch is 1\.5"),
        ({"streams": True}, "streams is True"),
        ({"pue": 0.9}, "give 1 or more"),
        ({"pue": float("nan")}, "give 1 or more"),
        ({"supply_efficiency": 0.0}, "above 0 and at most 1"),
        ({"pue": "1.3"}, "pue is '1.3'; give a number"),
        ({"supply_efficiency": True}, "supply_efficiency is True; give a number"),
        ({"resource_share": None}, "resource_share is None; give a number"),
        ({"market_gco2e_per_kwh": "50"}, "market_gco2e_per_kwh is '50'; give a number"),
        ({"label": ""}, "label is empty"),
        ({"resource_share": 0.0}, r"resource_share is 0\.0; give the part of the device"),
        ({"resource_share": 1.5}, r"resource_share is 1\.5"),
        ({"resource_share": float("nan")}, "resource_share is nan"),
        ({"market_gco2e_per_kwh": -1.0}, r"market_gco2e_per_kwh is -1\.0; give a finite number"),
        ({"market_gco2e_per_kwh": float("nan")}, "market_gco2e_per_kwh is nan"),
        (
            {"market_gco2e_per_kwh": 10.0, "grid": grid("us-caiso-marginal")},
            "is of a contract, but grid 'us-caiso-marginal' has a marginal rate; leave one out",
        ),
    ],
)
def test_a_deployment_that_cannot_be_is_refused(fields, message):
    with pytest.raises(DeploymentError, match=message):
        deployment(**fields)


def test_an_overhead_inside_the_boundary_is_not_counted_twice():
    with pytest.raises(DeploymentError, match="inside the power of a100_sxm4_40 already"):
        deployment("a100_sxm4_40", supply_efficiency=0.9)


def test_it_survives_json_with_profile_and_grid_inside():
    mine = deployment(
        batch=8, streams=2, pue=1.2, supply_efficiency=0.8, resource_share=0.5,
        market_gco2e_per_kwh=12.0,
    )  # fmt: skip
    again = deployment_from_dict(json.loads(json.dumps(deployment_to_dict(mine))))
    assert again == mine
    assert hash(again) == hash(mine)


def test_plain_data_of_before_there_were_parts_and_contracts_are_whole_devices():
    content = deployment_to_dict(deployment())
    older = {
        k: v for k, v in content.items() if k not in ("resource_share", "market_gco2e_per_kwh")
    }
    assert deployment_from_dict(older) == deployment()


def test_a_label_tells_what_differs():
    assert deployment_label("rpi4", "int8", "fr", batch=8, streams=2) == "rpi4-int8-fr-b8-s2"
    assert deployment_label("rpi4", "int8", "fr", resource_share=0.25) == "rpi4-int8-fr-25pct"


def test_plain_data_with_a_fault_are_refused():
    content = deployment_to_dict(deployment())
    with pytest.raises(DeploymentError, match="unknown key 'batches'"):
        deployment_from_dict({**content, "batches": 2})
    with pytest.raises(DeploymentError, match="'grid' is missing"):
        deployment_from_dict({k: v for k, v in content.items() if k != "grid"})
    with pytest.raises(HardwareError, match="d: grid: rate"):
        deployment_from_dict({**content, "grid": {**content["grid"], "rate": "total"}})
