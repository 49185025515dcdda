"""Which figures are one draw and one bar."""

from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.catalog import hardware, hardware_names
from hardware_profiles.deployment import Deployment
from hardware_profiles.fab import fab_table
from hardware_profiles.figure import Figure
from hardware_profiles.grid import grid
from nas.carbon.together import drawn_as, groups, joint
from nas.carbon.uncertainty import positions
from nas.cost.ensemble import factors_of


def figure(value=2.0, low=1.0, high=4.0, source="a survey"):
    return Figure(value=value, low=low, high=high, source=source, basis="derived")


def shipped():
    profiles = [hardware(name) for name in hardware_names()]
    places = [
        Deployment(profile.name, profile, profile.precisions[-1], grid("fr"))
        for profile in profiles
    ]
    return factors_of(places, [fab_table("act-2022")])


SHIPPED = shipped()


def test_defaults_and_surveys_are_one_figure_for_all_that_quote_them():
    factors = SHIPPED
    drawn = positions(factors, 20, 0)

    def alike(path, names):
        found = [drawn[f"{name}.{path}"] for name in names]
        assert all((values == found[0]).all() for values in found)
        return found[0].tobytes()

    copies = {"dell_r740", "fairphone_3"}  # whose abatement ACT chose with the rest
    built = [name for name in hardware_names() if hardware(name).bill_of_materials is not None]
    default = [name for name in built if name not in copies]
    survey = [name for name in built if hardware(name).kind in ("gpu", "server")]
    draws = {
        alike("bill_of_materials.fab_yield", built),
        alike("bill_of_materials.abatement_pct", default),
        alike("bill_of_materials.abatement_pct", sorted(copies)),
        alike("pue", survey),
    }
    assert len(draws) == 4
    bars = groups(factors)
    bar = next(names for label, names in bars.items() if label.endswith(" more.pue"))
    assert {"a100_sxm4_40.pue", "dell_r740.pue"} <= set(bar)
    more = f"a100_sxm4_40 and {len(built) - 1} more.bill_of_materials.fab_yield"
    assert len(bars[more]) == len(built)


def test_defaults_are_assumed_over_a_range_that_says_why():
    for name in hardware_names():
        bill = hardware(name).bill_of_materials
        if bill is None:
            continue
        assert (bill.fab_yield.basis, bill.abatement_pct.basis) == ("assumed", "assumed")
        assert (bill.fab_yield.low, bill.fab_yield.value, bill.fab_yield.high) == (0.7, 0.875, 0.95)
        assert (bill.abatement_pct.low, bill.abatement_pct.high) == (95.0, 99.0)
        assert "young and of a mature process" in bill.fab_yield.source
        assert "ends of" in bill.abatement_pct.source


def test_another_number_range_source_or_thing_is_another_draw():
    names = ["a.load_w", "b.load_w"]
    assert drawn_as(names[0], figure()) == drawn_as(names[1], figure())
    others = [
        drawn_as("b.idle_w", figure()),
        drawn_as("b.load_w", figure(source="another")),
        drawn_as("b.load_w", figure(value=2.5)),
        drawn_as("b.load_w", figure(low=1.5)),
        drawn_as("b.load_w", figure(high=5.0)),
    ]
    assert len({drawn_as(names[0], figure()), *others}) == 6
    assert drawn_as("grid fr.gco2e_per_kwh", figure()) != drawn_as(
        "grid de.gco2e_per_kwh", figure()
    )


def test_rows_of_a_table_and_hours_of_a_grid_are_one_bar():
    names = [
        "act-2022.nodes.7.materials_gco2e_per_cm2",
        "act-2022.package_gco2e",
        "act-2022.nodes.28.materials_gco2e_per_cm2",
        "act-2022.memories.lpddr4.gco2e_per_gb",
        "act-2022.memories.seagate 3.5.gco2e_per_gb",
        "imec-netzero-public.whole_nodes_gco2e_per_cm2.8",
        "imec-netzero-public.whole_nodes_gco2e_per_cm2.22",
        "act-2022.nodes.28.energy_kwh_per_cm2",
        "grid us-caiso-h9-17utc.gco2e_per_kwh",
        "grid us-caiso.gco2e_per_kwh",
        "grid 37.5-gco2e-per-kwh.gco2e_per_kwh",
        "search machine.busy_share",
    ]
    found = groups({name: figure(source=name) for name in names})
    assert found == {
        "act-2022.nodes.*.materials_gco2e_per_cm2": (names[0], names[2]),
        "act-2022.package_gco2e": (names[1],),
        "act-2022.memories.*.gco2e_per_gb": (names[3], names[4]),
        "imec-netzero-public.whole_nodes_gco2e_per_cm2.*": (names[5], names[6]),
        "act-2022.nodes.28.energy_kwh_per_cm2": (names[7],),
        "grid us-caiso.gco2e_per_kwh": (names[8], names[9]),
        names[10]: (names[10],),
        names[11]: (names[11],),
    }


def test_two_tables_that_share_a_row_are_named_by_the_first():
    names = ["act-2022.nodes.7.materials_gco2e_per_cm2", "mine.nodes.7.materials_gco2e_per_cm2"]
    assert groups(dict.fromkeys(names, figure())) == {
        "act-2022 and 1 more.nodes.7.materials_gco2e_per_cm2": tuple(names)
    }


@given(st.lists(st.sampled_from(sorted(SHIPPED)), unique=True))
def test_every_figure_is_in_one_group_and_groups_are_draws(names):
    chosen = {name: SHIPPED[name] for name in names}
    found = groups(chosen)
    assert sorted(name for group in found.values() for name in group) == sorted(names)
    assert len(found) == len({drawn_as(name, one) for name, one in chosen.items()})


def test_a_group_as_one_figure_lists_what_is_in_it():
    figures = {"t.memories.a.gco2e_per_gb": figure(), "t.memories.b.gco2e_per_gb": figure(3.0)}
    one = joint(list(figures), figures)
    assert one.numbers() == figure().numbers()
    assert one.source == (
        "a survey; moved together: t.memories.a.gco2e_per_gb 2 (1 to 4), "
        "t.memories.b.gco2e_per_gb 3 (1 to 4)"
    )
    assert joint(["t.memories.b.gco2e_per_gb"], figures) == figure(3.0)
