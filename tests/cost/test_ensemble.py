"""Scenarios of moved figures against scoring devices that are written with those figures."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
from hardware_profiles.deployment import Deployment
from hardware_profiles.fab import fab_table
from hardware_profiles.figure import Figure
from hardware_profiles.grid import Grid, grid
from hardware_profiles.ranges import with_values
from nas.carbon import Demand, Study
from nas.carbon.embodied import capacities
from nas.carbon.supply import resolve_grid
from nas.carbon.uncertainty import placed, positions
from nas.cost.ensemble import (
    certain_grids,
    ensemble_of,
    factors_of,
    moved_deployments,
    moved_tables,
)
from nas.cost.score import score
from nas.cost.workload import workload
from search_spaces import space

ERRORS = {"int8": 0.1, "fp32": 0.09, "fp16": 0.09}
VOLUME = Demand(lifetime_years=4.0, inferences=1e8)
TIME = Demand(lifetime_years=3.0, busy_share=0.2, powered_share=0.6)
STUDIES = {
    "fixed volume": Study(VOLUME),
    "fixed time": Study(TIME),
    "as built": Study(VOLUME, memory="as_built"),
    "resident share": Study(VOLUME, memory="resident_share"),
    "owned": Study(VOLUME, sunk=("rpi4",)),
}


def network():
    mbconv = space("mbconv")
    architecture = mbconv.sample(np.random.default_rng(3))
    return workload(mbconv.layers(architecture, (1, 32, 32), 10))


def deployments():
    asleep = {"sleep_w": Figure(value=1e-3, source="made up", basis="derived")}
    board = hardware("rpi4").model_copy(update=asleep)
    phone = hardware("pixel3").model_copy(update=asleep)
    micro = hardware("stm32l4r5").model_copy(update=asleep)
    return (
        Deployment("a", board, "int8", grid("us-caiso")),
        Deployment("b", board, "fp32", grid("fr"), batch=4, resource_share=0.5),
        Deployment("c", phone, "int8", grid("us-caiso")),
        Deployment("d", micro, "int8", grid("fr")),
    )


def everything(places, study):
    return factors_of(places, [fab_table(study.fab_table)])


def written_anew(facts, prefix, at, scenario, factors):
    """The same facts, read from plain data that hold the moved values, all checks included."""
    moved = {
        name.removeprefix(prefix): float(placed(figure, at[name])[scenario])
        for name, figure in factors.items()
        if name.startswith(prefix)
    }
    return with_values(facts, moved).model_dump(mode="json")


@pytest.mark.parametrize("name", STUDIES)
def test_the_best_estimates_are_the_score(name):
    places, study = deployments(), STUDIES[name]
    at = {factor: np.zeros(2) for factor in everything(places, study)}
    found = ensemble_of(places, study, at, [fab_table(study.fab_table)] * 2).score(
        network(), ERRORS, training_gco2e=5.0
    )
    expected = score(network(), places, study, ERRORS, training_gco2e=5.0)
    numeric = {key: value for key, value in expected.items() if isinstance(value, np.ndarray)}
    assert set(found) == set(numeric)
    for column, values in numeric.items():
        for row in found[column]:
            np.testing.assert_array_equal(row, values, err_msg=column)


@pytest.mark.parametrize("name", STUDIES)
def test_a_scenario_is_the_score_of_devices_written_with_its_figures(name, tmp_path):
    places, study = deployments(), STUDIES[name]
    # A profile cannot be written with a memory of 28.6 GB where it is sold with 16 and 32.
    factors = {
        name: figure
        for name, figure in everything(places, study).items()
        if not name.endswith("capacity_gb")
    }
    at = positions(factors, 3, 0)
    training = np.array([1.0, 2.0, 3.0])
    found = ensemble_of(places, study, at, moved_tables(study.fab_table, at, 3)).score(
        network(), ERRORS, training_gco2e=training
    )
    for scenario in range(3):
        plain = written_anew(fab_table("act-2022"), "act-2022.", at, scenario, factors)
        path = tmp_path / f"mine{scenario}.yaml"
        path.write_text(yaml.safe_dump({**plain, "name": path.stem}))
        anew = []
        for place in places:
            profile = written_anew(place.profile, f"{place.profile.name}.", at, scenario, factors)
            where = written_anew(place.grid, f"grid {place.grid.name}.", at, scenario, factors)
            anew.append(
                replace(
                    place,
                    profile=profile_from_dict(profile),
                    grid=Grid.model_validate(where),
                )
            )
        expected = score(
            network(),
            anew,
            replace(study, fab_table=str(path)),
            ERRORS,
            training_gco2e=training[scenario],
        )
        for column, values in found.items():
            if column != "die_area_cm2":
                np.testing.assert_allclose(
                    values[scenario], expected[column], rtol=1e-12, err_msg=column
                )


def test_sizes_of_memory_that_come_and_go_do_not_break_a_draw():
    limit = Figure(value=2.5e9, low=0.5e9, high=3.8e9, source="made up", basis="derived")
    board = hardware("rpi4").model_copy(update={"memory_limit_bytes": limit})
    place = replace(deployments()[0], profile=board)
    at = {"rpi4.memory_limit_bytes": np.array([-1.0, 0.0, 1.0])}
    tables = [fab_table("act-2022")] * 3
    found = ensemble_of([place], STUDIES["fixed volume"], at, tables).rates.memory.limits_bytes
    sizes = [
        capacities(with_values(board, {"memory_limit_bytes": value})).memory.limits_bytes
        for value in (0.5e9, 2.5e9, 3.8e9)
    ]
    assert len({len(steps) for steps in sizes}) == 3
    for row, steps in zip(found[:, 0], sizes, strict=True):
        assert row.tolist() == [*steps, *[steps[-1]] * (len(row) - len(steps))]


def test_one_fab_factor_moves_every_device_and_one_grid_all_on_it():
    places, study = deployments(), STUDIES["fixed volume"]
    ends = np.array([-1.0, 0.0, 1.0])
    factor = {"act-2022.package_gco2e": ends}
    package = ensemble_of(places, study, factor, moved_tables(study.fab_table, factor, 3))
    embodied = package.score(network(), ERRORS, training_gco2e=None)["embodied_gco2e"]
    assert (np.diff(embodied, axis=0) > 0.0).all()
    tables = [fab_table(study.fab_table)] * 3
    caiso = ensemble_of(places, study, {"grid us-caiso.gco2e_per_kwh": ends}, tables)
    grams = caiso.score(network(), ERRORS, training_gco2e=None)["operational_gco2e"]
    here = np.array([place.grid.name == "us-caiso" for place in places])
    ratio = grams[1:, here] / grams[0, here]
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-12)
    np.testing.assert_array_equal(grams[:, ~here], np.broadcast_to(grams[0, ~here], (3, 2)))


def test_what_a_scenario_does_not_move_is_shared():
    places = deployments()
    at = {"pixel3.load_w": np.array([0.0, 1.0])}
    still, moved = moved_deployments(places, at, 2)
    assert all(new.profile is old.profile for new, old in zip(still, places, strict=True))
    assert moved[0].profile is places[0].profile
    assert moved[2].profile.load_w.value == hardware("pixel3").load_w.high
    assert moved[2].profile.name != "pixel3"
    kept = moved_deployments(places, at, 2, keep_names=("pixel3",))[1]
    assert kept[2].profile.name == "pixel3"
    assert moved_tables(fab_table("act-2022"), at, 2) == [fab_table("act-2022")] * 2


def test_devices_and_tables_name_their_figures():
    names = everything(deployments(), STUDIES["fixed volume"])
    assert {"rpi4.load_w", "pixel3.load_w", "act-2022.package_gco2e"} <= set(names)
    assert all(any(n != figure.value for n in figure.numbers()) for figure in names.values())
    again = profile_from_dict(profile_to_dict(hardware("rpi4")))
    assert factors_of([replace(deployments()[0], profile=again)], []).keys() <= names.keys()


def test_a_mix_and_a_load_behind_its_own_plant_are_taken_as_certain():
    mixed = resolve_grid({"mix": {"gas": 0.4, "wind": 0.6}})
    plant = {"generation_w": [0.0] * 8 + [5.0] * 8 + [0.0] * 8, "source": "solar"}
    behind = resolve_grid({"name": "us-caiso", "load_w": 2.0, "onsite": plant})
    hours = resolve_grid({"name": "us-caiso", "hours": [9, 17]})
    told = resolve_grid({"gco2e_per_kwh": 100.0, "low": 90.0, "high": 120.0})
    places = [
        replace(deployments()[0], label=where.name, grid=where)
        for where in (mixed, behind, hours, told, resolve_grid(100.0), grid("fr"), mixed)
    ]
    assert certain_grids(places) == (mixed.name, behind.name, resolve_grid(100.0).name)
    assert certain_grids([]) == ()
