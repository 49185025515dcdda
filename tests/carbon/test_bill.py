"""Parts of a device by hand: chiplets, dark silicon, reuse, casings, transport, yield models."""

import ast
import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_profiles.fab import fab_table
from nas.carbon import device_embodied, die_embodied_gco2e, die_yield
from nas.errors import HardwareError

OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _evaluate(text):
    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        assert isinstance(node, ast.BinOp)
        return OPERATORS[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(text, mode="eval").body)


def _adds_up(embodied):
    for line in embodied.lines:
        assert _evaluate(line.calculation) == pytest.approx(line.gco2e, rel=1e-8), line
        assert line.source
    total = pytest.approx(embodied.total_gco2e, rel=1e-12)
    assert math.fsum(embodied.by_phase.values()) == total
    assert math.fsum(embodied.by_component.values()) == total
    return embodied


@pytest.fixture
def embody(make_profile):
    def build(table="act-2022", published=None, **bill):
        more = {} if published is None else {"published_lca": published}
        return _adds_up(device_embodied(make_profile(bill=bill, **more), table=table))

    return build


def _die(figure, name="soc", area=1.0, node=7, **more):
    return {
        "name": name,
        "area_cm2": figure(area),
        "node_nm": node,
        "node_source": "made up for a test",
        **more,
    }


def test_chiplets_and_an_interposer_by_hand(embody, figure):
    # Two 0.8 cm2 chiplets at 5 nm, Taiwan: 583 * 2.75 + 327.5 + 500 = 2430.75 g/cm2; yield 0.9:
    # 2 * 0.8 * 2430.75 / 0.9 = 4321.333. One 3 cm2 interposer at 28 nm in the USA, 99 % abated:
    # 380 * 0.9 + 100 + 500 = 942 g/cm2, yield 0.98: 3 * 942 / 0.98 = 2883.673. Both / 0.95.
    shared = {"assembly_yield": figure(0.95)}
    chiplets = _die(figure, "chiplet", 0.8, 5, count=2, fab_yield=figure(0.9), **shared)
    interposer = _die(
        figure, "interposer", 3.0, 28,
        fab_yield=figure(0.98), abatement_pct=figure(99.0),
        fab_location="usa", fab_source="made up for a test", **shared,
    )  # fmt: skip
    embodied = embody(dies=[chiplets, interposer], packages=figure(1.0))
    grams = [line.gco2e for line in embodied.lines]
    assert grams == pytest.approx([4321.3333 / 0.95, 2883.6735 / 0.95, 150], rel=1e-6)
    assert "fab in usa" in embodied.lines[1].source
    assert embodied.by_component["die"] == pytest.approx((4321.3333 + 2883.6735) / 0.95, rel=1e-6)


@given(
    area=st.floats(0.5, 8),
    defects=st.floats(0.01, 1),
    pieces=st.integers(2, 8),
    model=st.sampled_from(["poisson", "murphy", "seeds", "negative_exponential"]),
)
def test_cutting_a_die_into_chiplets_never_costs_wafer(area, defects, pieces, model):
    def grams(size):
        good = die_yield(size, defects_per_cm2=defects, model=model)
        return die_embodied_gco2e(
            size, node_nm=7, fab_gco2e_per_kwh=583, abatement_pct=97, fab_yield=good
        )

    assert pieces * grams(area / pieces) <= grams(area) * (1 + 1e-12)


def test_with_a_yield_model_each_die_has_its_own(embody, figure):
    # 7 nm in Taiwan: 2028.45 g/cm2. Murphy at 0.15 per cm2: 1 cm2 ((1 - exp(-0.15)) / 0.15)^2 =
    # 0.8622..., 4 cm2 ((1 - exp(-0.6)) / 0.6)^2 = 0.5655...
    small = ((1 - math.exp(-0.15)) / 0.15) ** 2
    large = ((1 - math.exp(-0.6)) / 0.6) ** 2
    embodied = embody(
        dies=[_die(figure, "small", 1.0), _die(figure, "large", 4.0)],
        fab_yield={"model": "murphy", "defects_per_cm2": figure(0.15)},
        memory_yield=figure(0.9),
        memories=[
            {"technology": "lpddr4", "technology_source": "x", "capacity_gb": figure(4.0)},
        ],
    )
    grams = [line.gco2e for line in embodied.lines]
    assert grams[:2] == pytest.approx([2028.45 / small, 4 * 2028.45 / large], rel=1e-9)
    assert grams[2] == pytest.approx(4 * 48 / 0.9)
    assert "murphy at 0.15 defects per cm2" in embodied.lines[0].source


def test_dark_silicon_is_counted_and_shown(embody, figure):
    used = embody(dies=[_die(figure)])
    larger = embody(dies=[_die(figure, area=1.25, unused_share=figure(0.2))])
    assert used.dark_gco2e == 0
    # The accelerator that nobody uses: 0.25 cm2 of 7 nm, 0.25 * 2318.23 g.
    assert larger.dark_gco2e == pytest.approx(0.25 * 2318.228571, rel=1e-8)
    assert larger.total_gco2e - used.total_gco2e == pytest.approx(larger.dark_gco2e)
    assert "unused share 0.2" in larger.lines[0].source


def test_parts_of_a_second_life(embody, figure):
    new = embody(dies=[_die(figure)])
    cut = embody(dies=[_die(figure, reuse={"rule": "cut_off"})])
    # Two years of six: a third is charged.
    years = {"first_life_years": figure(4.0), "second_life_years": figure(2.0)}
    shared = embody(dies=[_die(figure, reuse={"rule": "shared", **years})])
    assert cut.total_gco2e == pytest.approx(150)
    assert cut.reused_gco2e == pytest.approx(2318.228571, rel=1e-8)
    assert shared.lines[0].gco2e == pytest.approx(2318.228571 / 3, rel=1e-8)
    for embodied in (cut, shared):
        assert embodied.total_gco2e + embodied.reused_gco2e == pytest.approx(new.total_gco2e)
        assert "reused" in embodied.lines[0].name
    assert "cut-off" in cut.lines[0].source


def test_a_reused_device_with_a_new_battery(embody, figure):
    battery = {"capacity_mwh": figure(1e4), "cathode": "nmc"}
    old = embody(reuse={"rule": "cut_off"}, battery=battery, transport_gco2e=figure(500.0))
    mended = embody(
        reuse={"rule": "cut_off"},
        battery={**battery, "reuse": {"rule": "new"}},
        transport_gco2e=figure(500.0),
    )
    # The way to its second user is charged in any case; the battery is 10 Wh * 87 g = 870 g.
    assert old.total_gco2e == pytest.approx(500)
    assert mended.total_gco2e == pytest.approx(500 + 870)


def test_casing_transport_and_end_of_life(embody, figure):
    # 200 g of aluminium at 15.1, 100 g of steel at 1.89.
    embodied = embody(
        casings=[
            {"material": "aluminium", "mass_g": figure(200.0)},
            {"material": "steel", "mass_g": figure(100.0)},
        ],
        transport_gco2e=figure(300.0),
        end_of_life_gco2e=figure(40.0),
    )
    assert embodied.by_component["casing"] == pytest.approx(3020 + 189)
    assert embodied.by_phase["manufacture"] == pytest.approx(2468.228571 + 3209, rel=1e-8)
    assert (embodied.by_phase["transport"], embodied.by_phase["end_of_life"]) == (300, 40)


def test_a_phase_that_is_not_known_is_not_zero(embody):
    assert set(embody().by_phase) == {"manufacture"}


def test_packages_of_a_part_go_with_it(embody, figure):
    lca = {
        "total_kgco2e": figure(10.0),
        "production_share": figure(0.5),
        "components": {"chip": figure(4.0)},
    }
    die = _die(figure, packages=figure(2.0), lca_component="chip")
    embodied = embody(dies=[die], packages=figure(0.0), published=lca)
    assert embodied.by_lca_component == {"chip": pytest.approx(2318.228571 + 300, rel=1e-8)}


def test_an_unknown_node_is_interpolated_only_when_asked(embody, figure):
    with pytest.raises(HardwareError, match=r"12 nm has no row; nearest is 14 nm .*ask for interp"):
        embody(dies=[_die(figure, node=12)])
    embodied = embody(dies=[_die(figure, node=12, interpolated=True)])
    # Midway between 10 and 14 nm: 583 * 1.3375 + (195 + 162.5) / 2 + 500, over 0.875.
    assert embodied.lines[0].gco2e == pytest.approx((583 * 1.3375 + 178.75 + 500) / 0.875)
    assert "12 nm, interpolated" in embodied.lines[0].name
    assert "interpolated, as the profile asks" in embodied.lines[0].source
    with pytest.raises(HardwareError, match="90 nm has no row; nearest is 28 nm"):
        embody(dies=[_die(figure, node=90, interpolated=True)])


def test_a_row_that_is_interpolated_in_its_source_says_so(embody, figure):
    assert "is itself interpolated" in embody(dies=[_die(figure, node=22)]).lines[0].source
    assert "itself" not in embody().lines[0].source


def test_imec_counts_scopes_1_and_2_wherever_the_fab_is(embody, figure):
    # 7 nm: 1.44 kg/cm2 over a yield of 0.875, and the package.
    here = embody(table="imec-netzero-public")
    there = embody(table="imec-netzero-public", fab_location="iceland")
    assert here.total_gco2e == there.total_gco2e == pytest.approx(1440 / 0.875 + 150)
    assert "scopes 1+2 only" in here.lines[0].source
    # ACT without raw materials, Taiwan, 97 % abated: 1528.45 g/cm2, 6 % above imec.
    act = die_embodied_gco2e(1.0, node_nm=7, fab_gco2e_per_kwh=583, abatement_pct=97, fab_yield=1.0)
    assert act - 500 == pytest.approx(1528.45)


def test_a_table_may_be_given_itself(make_profile):
    profile = make_profile()
    by_name = device_embodied(profile, table="act-2023")
    assert device_embodied(profile, table=fab_table("act-2023")) == by_name


@given(
    nm=st.integers(4, 27),
    table=st.sampled_from(["act-2022", "act-2023", "imec-netzero-public"]),
)
def test_interpolated_nodes_lie_between_their_neighbours(nm, table):
    known = fab_table(table).known_nodes_nm

    def grams(node):
        return float(
            die_embodied_gco2e(
                1.0, node_nm=node, fab_gco2e_per_kwh=583, abatement_pct=97, fab_yield=1.0,
                table=table, interpolate=True,
            )
        )  # fmt: skip

    ends = [grams(max(n for n in known if n <= nm)), grams(min(n for n in known if n >= nm))]
    assert min(ends) - 1e-9 <= grams(nm) <= max(ends) + 1e-9
