"""Figures by their dotted names, and facts with other values of them."""

import pytest

from hardware_profiles.catalog import hardware, hardware_names
from hardware_profiles.fab import fab_table, fab_table_names
from hardware_profiles.figure import Figure
from hardware_profiles.grid import grid, grid_names
from hardware_profiles.ranges import figures_in, ranged_figures, with_values


def every_fact():
    devices = [name for name in hardware_names() if name != "host"]
    return [
        *(hardware(name) for name in devices),
        *(fab_table(name) for name in fab_table_names()),
        *(grid(name) for name in grid_names()),
    ]


@pytest.mark.parametrize("facts", every_fact(), ids=lambda facts: facts.name)
def test_names_reach_every_figure_once(facts):
    found = figures_in(facts)
    text = repr(facts)
    assert len(found) == text.count("Figure(")
    moved = with_values(facts, {name: float(i) for i, name in enumerate(found)})
    assert [figure.value for figure in figures_in(moved).values()] == list(range(len(found)))
    assert figures_in(facts) == found
    assert repr(facts) == text


def test_names_are_those_that_a_reader_finds_in_the_file():
    found = figures_in(hardware("rpi4"))
    assert found["load_w"] is hardware("rpi4").load_w
    assert found["efficiency.conv"].value == 0.4
    assert found["bill_of_materials.dies.BCM2711.area_cm2"].value == 0.65
    assert found["bill_of_materials.memories.lpddr4.capacity_gb"].value == 4
    assert "nodes.28.energy_kwh_per_cm2" in figures_in(fab_table("act-2022"))
    assert list(figures_in(grid("us-caiso"))) == ["gco2e_per_kwh"]


def test_rows_with_one_name_go_by_their_number():
    board = hardware("rpi4")
    memory = board.bill_of_materials.memories[0]
    twice = board.bill_of_materials.model_copy(update={"memories": (memory, memory)})
    names = [name for name in figures_in(twice) if name.startswith("memories")]
    assert names == ["memories.0.capacity_gb", "memories.1.capacity_gb"]
    second = with_values(twice, {"memories.1.capacity_gb": 8.0}).memories
    assert [part.capacity_gb.value for part in second] == [4, 8]


def test_only_figures_that_may_differ_have_a_range():
    found = ranged_figures(hardware("rpi4"))
    assert "load_w" in found
    assert "cache_bytes" not in found
    point = Figure(value=1.0, source="made up", basis="assumed", low=1.0, high=1.0)
    board = hardware("rpi4").model_copy(update={"load_w": point})
    assert "load_w" not in ranged_figures(board)


def test_what_does_not_change_is_shared_and_nothing_is_lost():
    board = hardware("rpi4")
    assert with_values(board, {}) is board
    moved = with_values(board, {"load_w": 6.0})
    assert moved.load_w.value == 6.0
    assert (moved.load_w.low, moved.load_w.source) == (board.load_w.low, board.load_w.source)
    assert moved.bill_of_materials is board.bill_of_materials
    assert with_values(moved, {"load_w": board.load_w.value}) == board
