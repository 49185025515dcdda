"""The grid that a user means, in each of the ways to say it, and every way to say it wrong."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from hardware_profiles.grid import grid
from hardware_profiles.hours import hourly_means
from nas.carbon import net_supply, resolve_grid
from nas.carbon.onsite import Battery
from nas.errors import CarbonNasError

DATA = Path(os.environ.get("CARBON_NAS_DATA", Path(__file__).parents[3] / "shared" / "data"))
SUN = [0.0] * 14 + [5, 10, 20, 25, 25, 20, 10, 5, 0, 0]
PLANT = {"source": "solar", "generation_w": SUN}
CELL = {"capacity_wh": 50, "power_w": 10, "round_trip": 0.85, "life_years": 10}


def figure(given):
    return resolve_grid(given).gco2e_per_kwh


def test_names_and_numbers():
    assert resolve_grid("fr") == grid("fr") == resolve_grid({"name": "fr"})
    assert figure(400).value == figure({"gco2e_per_kwh": 400}).value == 400
    assert resolve_grid({"name": "us-pjm", "rate": "marginal"}) == grid("us-pjm-marginal")


def test_an_own_figure_says_what_is_known_of_it():
    mine = resolve_grid(
        {
            "gco2e_per_kwh": 512,
            "rate": "marginal",
            "scope": "direct",
            "year": 2024,
            "low": 400,
            "high": 700,
            "source": "my utility",
        }
    )
    assert (mine.rate, mine.scope, mine.flow, mine.year) == ("marginal", "direct", None, 2024)
    found = mine.gco2e_per_kwh
    assert (found.low, found.value, found.high, found.source) == (400, 512, 700, "my utility")
    assert mine.name != resolve_grid(512).name
    paired = resolve_grid({"gco2e_per_kwh": 100, "marginal": "us-caiso-marginal"})
    assert paired.marginal == "us-caiso-marginal"


def test_a_mix():
    found = resolve_grid({"mix": {"wind": 0.6, "gas": 0.4}, "factors": "carbon-explorer"})
    assert found.gco2e_per_kwh.value == pytest.approx(0.6 * 11 + 0.4 * 490)


def test_hours_and_months_are_those_of_the_shipped_means():
    means = hourly_means("us-caiso")
    found = resolve_grid({"name": "us-caiso", "hours": [16, 24], "months": [6]})
    assert found.gco2e_per_kwh.value == pytest.approx(means[5, 16:].mean())
    assert (found.name, found.marginal) == ("us-caiso-h16-24utc-m6", None)
    assert "16:00 to 24:00 UTC, months 6" in found.gco2e_per_kwh.source
    assert "not a trace" in found.gco2e_per_kwh.source
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    night = hourly_means("us-caiso", "marginal")[:, [22, 23, 0, 1]].mean(axis=1)
    for name, rate in (("us-caiso", "marginal"), ("us-caiso-marginal", None)):
        given = {"name": name, "hours": [22, 2]} | ({"rate": rate} if rate else {})
        found = resolve_grid(given)
        assert found.gco2e_per_kwh.value == pytest.approx(np.average(night, weights=days))
        assert found.rate == "marginal"


def test_a_range_goes_along_in_proportion():
    whole, noon = grid("us-caiso").gco2e_per_kwh, figure({"name": "us-caiso", "hours": [18, 22]})
    assert noon.low / noon.value == pytest.approx(whole.low / whole.value)
    assert noon.high / noon.value == pytest.approx(whole.high / whole.value)


def test_a_load_weighs_its_hours():
    load = [0.0] * 20 + [2.0, 2.0, 0.0, 0.0]
    assert figure({"name": "us-pjm", "load_w": load}).value == pytest.approx(
        figure({"name": "us-pjm", "hours": [20, 22]}).value
    )
    names = {resolve_grid({"name": "us-pjm", "load_w": [k, *load[1:]]}).name for k in (0, 1, 2)}
    assert len(names) == 3


def test_a_trace_tells_its_gaps_and_its_hash(tmp_path):
    rows = [f"2023-05-0{day}T{hour:02d}:00Z,{100 + hour}" for day in (1, 2) for hour in range(24)]
    rows[5] = "2023-05-01T05:00Z,"
    path = tmp_path / "My Plant.csv"
    path.write_text("\n".join(["hour_utc,marginal_lifecycle_gco2e_per_kwh", *rows]))
    found = resolve_grid({"trace": "My Plant.csv"}, folder=tmp_path)
    assert (found.name, found.rate, found.scope) == ("my-plant", "marginal", "lifecycle")
    assert found.year == 2023
    known = [100 + hour for hour in range(24)] * 2
    assert found.gco2e_per_kwh.value == pytest.approx((sum(known) - 105) / 47)
    assert "1 gaps, not filled: 2023-05-01T05" in found.gco2e_per_kwh.source
    assert "sha256 " in found.gco2e_per_kwh.source
    at_five = resolve_grid({"trace": str(path), "hours": [5, 6]})
    assert at_five.gco2e_per_kwh.value == 105
    keys = tmp_path / "grid.yaml"
    keys.write_text(yaml.safe_dump({"trace": path.name, "hours": [5, 6]}))
    assert resolve_grid(str(keys)) == at_five


@pytest.mark.skipif(not (DATA / "grid").is_dir(), reason="hourly grid files are not at hand")
def test_faulty_hours_may_be_left_out():
    path = str(DATA / "grid" / "us_pjm_2022_hourly.csv.gz")
    kept = figure({"trace": path, "column": "aer"})
    dropped = figure({"trace": path, "column": "aer", "drop_faulty": True})
    assert (round(kept.value, 2), round(dropped.value, 2)) == (362.62, 362.80)
    assert "5 faulty hours" in kept.source and "5 faulty hours" in dropped.source


def test_behind_a_plant_and_a_battery():
    found = resolve_grid(
        {"name": "us-caiso", "load_w": 10, "onsite": PLANT, "battery": CELL | {"cathode": "lfp"}}
    )
    # ACT v2: 61.5 kg per kWh of capacity, so 50 Wh carry 3,075 g.
    expected = net_supply(
        10.0,
        hourly_means("us-caiso"),
        SUN,
        battery=Battery(50, 10, 0.85, 3075.0, 10),
        onsite_gco2e_per_kwh=41.0,
    )
    assert found.gco2e_per_kwh.value == pytest.approx(expected.gco2e_per_kwh)
    assert "solar at 41 g/kWh, act-2022" in found.gco2e_per_kwh.source
    assert f"{expected.own_share:.1%} of the load from the plant" in found.gco2e_per_kwh.source
    assert found.name.startswith("us-caiso-onsite-battery-")
    bare = resolve_grid({"name": "us-caiso", "load_w": 10, "onsite": PLANT})
    assert grid("us-caiso").gco2e_per_kwh.value > bare.gco2e_per_kwh.value
    assert bare.gco2e_per_kwh.value > found.gco2e_per_kwh.value


def test_a_grid_without_hours_is_one_mean_for_all():
    # 70 of 240 Wh from the plant at 30 g/kWh, where 120 Wh are made.
    plant = {"gco2e_per_kwh": 30, "generation_w": SUN}
    found = figure({"name": "fr", "load_w": 10, "onsite": plant})
    used = sum(min(10, made) for made in SUN)
    expected = ((240 - used) * 56.039 + sum(SUN) * 30) / 240
    assert found.value == pytest.approx(expected)
    assert "one mean for all hours" in found.source


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (True, "give a name, g CO2e/kWh or a mapping"),
        (None, "give a name, g CO2e/kWh or a mapping"),
        ("us-ciso", "did you mean 'us-caiso'"),
        (-1, "give a finite number of 0 or more"),
        (math.nan, "give a finite number of 0 or more"),
        ("nowhere.yaml", "nowhere.yaml: cannot be read"),
        ({}, "got none of them; give one of name"),
        ({"name": "fr", "mix": {"wind": 1}}, "got name and mix; give one of"),
        ({"nme": "fr"}, "did you mean 'name'"),
        ({"name": "fr", "layout": "eia"}, "layout does not go with name"),
        ({"gco2e_per_kwh": 5, "column": "x"}, "column does not go with gco2e_per_kwh"),
        ({"gco2e_per_kwh": -5}, "give a finite number"),
        ({"gco2e_per_kwh": math.nan}, "give a finite number"),
        ({"gco2e_per_kwh": 5, "low": 6}, "order them low <= value"),
        ({"gco2e_per_kwh": 5, "marginal": "us-ciso"}, "did you mean 'us-caiso'"),
        ({"gco2e_per_kwh": 5, "rate": "typical"}, "grid: rate: got 'typical'"),
        ({"mix": {"wind": 0.4}}, "sum to 0.4"),
        ({"trace": "none.csv"}, "none.csv: cannot be read"),
        ({"name": "fr", "hours": [9, 17]}, "fr has one mean of a year"),
        ({"name": "us-caiso", "hours": [9]}, "grid: hours"),
        ({"name": "us-caiso", "hours": [9, 9]}, "give the first \\(0 to 23\\)"),
        ({"name": "us-caiso", "hours": [9, 25]}, "give the first \\(0 to 23\\)"),
        ({"name": "us-caiso", "months": [0]}, "numbers from 1 to 12"),
        ({"name": "us-caiso", "months": []}, "numbers from 1 to 12"),
        ({"name": "fr", "rate": "marginal"}, "no marginal rate; known for us-caiso"),
        ({"name": "us-pjm-marginal", "rate": "average"}, "name us-pjm instead"),
        ({"name": "us-caiso", "load_w": [1, 2]}, "12 rows of 24"),
        ({"name": "us-caiso", "load_w": [[1, 2], [3]]}, "12 rows of 24"),
        ({"name": "us-caiso", "load_w": -1}, "load_w: got -1"),
        ({"name": "us-caiso", "load_w": 0}, "load: is 0"),
        ({"name": "us-caiso", "onsite": PLANT}, "onsite needs load_w"),
        ({"name": "us-caiso", "battery": CELL}, "battery is given without onsite"),
        (
            {"name": "us-caiso", "load_w": 1, "onsite": PLANT, "battery": CELL},
            "either embodied_gco2e or cathode",
        ),
        (
            {"name": "us-caiso", "load_w": 1, "onsite": {"generation_w": SUN}},
            "either source, such as solar, or gco2e_per_kwh",
        ),
        (
            {"name": "us-ercot-direct", "load_w": 1, "onsite": PLANT},
            "us-ercot-direct is direct and the plant's factors act-2022 are lifecycle",
        ),
        (
            {"name": "us-caiso", "load_w": 1, "onsite": {**PLANT, "generation_w": [1.0, 2.0]}},
            "generation_w: got shape",
        ),
        (
            {"name": "us-caiso", "rate": "marginal", "load_w": 1, "onsite": PLANT},
            "us-caiso-marginal has a marginal rate, which is never mixed",
        ),
        ({"gco2e_per_kwh": True}, "grid: gco2e_per_kwh: got True; expected a number"),
        (
            {"name": "us-caiso", "load_w": 1, "onsite": {**PLANT, "source": "tide"}},
            "source 'tide'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(given, message):
    with pytest.raises(CarbonNasError, match=message) as told:
        resolve_grid(given)
    assert "\n" not in str(told.value)
