"""A profile that lacks a figure is refused for the objectives that need it, and for no other."""

import numpy as np
import pytest

from hardware_profiles import Deployment
from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study
from nas.cost.explain import explain
from nas.cost.needs import check_needs, lacking, refused_objectives
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import DeploymentError, HardwareError
from nas.objectives import OBJECTIVES
from search_spaces.layers import Layer
from search_spaces.ops import Conv2d, GlobalAveragePool, Input, Linear

NETWORK = workload(
    (
        Layer("input", Input((3, 16, 16))),
        Layer("conv", Conv2d(3, 8, 3), ("input",)),
        Layer("pool", GlobalAveragePool(), ("conv",)),
        Layer("head", Linear(8, 10), ("pool",)),
    )
)
STUDIES = {
    "volume": Study(Demand(4.0, inferences=1e6)),
    "time": Study(Demand(4.0, busy_share=0.3)),
    "pool": Study(Demand(4.0, inferences=1e9, peak_per_s=100.0)),
}
LACKS = {
    "rates": ("memory_bytes_per_s",),
    "power": ("idle_w", "load_w", "energy_boundary", "supply_efficiency"),
    "bill": ("bill_of_materials",),
}
NEEDED = {
    "rates": {"latency", "energy", "operational", "embodied", "carbon", "lifecycle", "sci", "edp",
              "cdp", "cep", "c2ep", "ce2p", "tcdp"},
    "power": {"energy", "operational", "carbon", "lifecycle", "sci", "edp", "cep", "c2ep", "ce2p",
              "tcdp"},
    "bill": {"embodied", "carbon", "lifecycle", "sci", "cdp", "cep", "c2ep", "ce2p", "tcdp",
             "die_area"},
}  # fmt: skip


def place(*lacks, name="rpi4", label="here"):
    content = profile_to_dict(hardware(name))
    content |= dict.fromkeys((key for need in lacks for key in LACKS[need]), None)
    return Deployment(label, profile_from_dict(content), "fp32", grid("fr"))


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
@pytest.mark.parametrize("need", LACKS)
def test_what_needs_the_figure_is_unknown_and_the_rest_as_with_it(need, study):
    columns = score(NETWORK, [place(), place(need)], study, None, training_gco2e=1.0)
    for objective in OBJECTIVES.values():
        whole, partial = columns[objective.column]
        if objective.name in NEEDED[need]:
            assert np.isnan(partial), objective.name
        else:
            np.testing.assert_equal(partial, whole, err_msg=objective.name)
    assert list(columns["feasible"]) == [True, True]


@pytest.mark.parametrize("need", LACKS)
def test_it_is_refused_for_those_alone(need):
    short = place(need)
    assert set(refused_objectives(short.profile)) == NEEDED[need]
    columns = {row.column for row in OBJECTIVES.values() if row.name not in NEEDED[need]}
    check_needs([place(), short], columns)
    for name in NEEDED[need]:
        with pytest.raises(DeploymentError, match=r"^here: .* which rpi4 lacks; add it"):
            check_needs([short], [OBJECTIVES[name].column])


def test_the_refusal_names_objective_and_figure():
    message = "objective carbon needs bill_of_materials, which rpi4 lacks"
    with pytest.raises(DeploymentError, match=message):
        check_needs([place("bill")], ["carbon_gco2e", "error"])


def test_a_published_assessment_stands_in_for_a_bill_but_not_for_dies():
    short = place("bill", name="iphone15pro")
    study = Study(Demand(4.0, inferences=1e6), memory="as_built", embodied_basis="published")
    columns = score(NETWORK, [short], study, None, training_gco2e=None)
    assert columns["device_embodied_gco2e"][0] == pytest.approx(54780.0)  # 66 kg x 0.83
    assert refused_objectives(short.profile, "published") == ["die_area"]


def test_several_lacks_add_up_and_nothing_is_left_but_counts():
    short = place(*LACKS)
    assert set(lacking(short.profile)) == {*LACKS, "dies"}
    left = {row.name for row in OBJECTIVES.values()} - set(refused_objectives(short.profile))
    assert left == {"error", "peak_memory", "params", "macs"}


@pytest.mark.parametrize("lacks", [("rates",), ("power",), ("bill",), tuple(LACKS)])
def test_the_calculation_has_a_line_for_each_objective_that_is_known(lacks):
    lines = explain(NETWORK, place(*lacks), STUDIES["volume"])
    refused = set(refused_objectives(place(*lacks).profile))
    labels = {line.label for line in lines}
    for objective in OBJECTIVES.values():
        if objective.name not in ("error", "lifecycle"):
            assert (objective.label in labels) == (objective.name not in refused)


def test_a_power_alone_is_refused():
    content = profile_to_dict(hardware("rpi4")) | {"load_w": None}
    with pytest.raises(HardwareError, match="load_w: missing although other powers are given"):
        profile_from_dict(content)
