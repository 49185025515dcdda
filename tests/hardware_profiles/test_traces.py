"""Hourly files: layouts, units, and every way in which one can be wrong."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from hardware_profiles.traces import read_trace
from nas.errors import HardwareError

DATA = Path(os.environ.get("CARBON_NAS_DATA", Path(__file__).parents[3] / "shared" / "data"))
EIA = "Balancing Authority,UTC Time at End of Hour,Demand (MW)," + ",".join(
    f"Net Generation (MW) from {source}"
    for source in ("Coal", "Natural Gas", "Wind", "Other Fuel Sources", "Battery Storage")
)


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="trace.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def hours(*values, head="hour_utc,aer_gco2e_per_kwh"):
    rows = [f"2022-01-01T{hour:02d}:00Z,{value}" for hour, value in enumerate(values)]
    return "\n".join([head, *rows]) + "\n"


@pytest.mark.skipif(not (DATA / "grid").is_dir(), reason="hourly grid files are not at hand")
@pytest.mark.parametrize(
    ("region", "column", "mean", "sd", "count", "gaps"),
    [
        # data/grid/summary_2022.csv; the deviation is that of a sample.
        ("caiso", "aer", 256.19, 82.05, 8757, 3),
        ("caiso", "mer_estimate", 358.77, 75.57, 8760, 0),
        ("pjm", "aer", 362.62, 33.80, 8737, 23),
        ("pjm", "mer_estimate", 480.24, 86.05, 8760, 0),
        ("ercot", "aer", 347.20, 76.24, 8760, 0),
        ("ercot", "mer_estimate", 540.52, 36.27, 8760, 0),
    ],
)
def test_2022_as_summarised(region, column, mean, sd, count, gaps):
    path = DATA / "grid" / f"us_{region}_2022_hourly.csv.gz"
    trace = read_trace(path, column=column)
    found = trace.summary()
    assert found.mean == pytest.approx(mean, abs=0.01)
    assert found.sd == pytest.approx(sd, abs=0.01)
    assert (found.hours, found.gaps) == (count, gaps)
    assert (trace.rate, trace.year) == ("average" if column == "aer" else "marginal", 2022)


@pytest.mark.skipif(not (DATA / "grid").is_dir(), reason="hourly grid files are not at hand")
def test_faulty_hours_are_listed_and_left_out_when_asked():
    path = DATA / "grid" / "us_pjm_2022_hourly.csv.gz"
    kept, dropped = read_trace(path, column="aer"), read_trace(path, column="aer", drop_faulty=True)
    span = "2022-10-01T05..2022-10-01T08 (4 h), 2022-10-02T04"
    assert any(span in line and "kept" in line for line in kept.problems)
    assert any(span in line and "dropped" in line for line in dropped.problems)
    assert len(kept.faulty) == len(dropped.faulty) == 5
    # From the brief: 362.62 and 33.80 with them, 362.80 and 32.95 without.
    assert (round(kept.summary().mean, 2), round(kept.summary().sd, 2)) == (362.62, 33.80)
    assert (round(dropped.summary().mean, 2), round(dropped.summary().sd, 2)) == (362.80, 32.95)
    assert dropped.summary().gaps == 23 + 5


@pytest.mark.skipif(not (DATA / "grid").is_dir(), reason="hourly grid files are not at hand")
@pytest.mark.parametrize("region", ["caiso", "pjm", "ercot"])
def test_generation_by_source_gives_the_rate_of_the_file(region):
    path = DATA / "grid" / f"us_{region}_2022_hourly.csv.gz"
    computed = read_trace(path, factors="carbon-explorer")
    told = read_trace(path, column="aer")
    # The file rounds to 0.01.
    assert np.nanmax(np.abs(computed.gco2e_per_kwh - told.gco2e_per_kwh)) < 0.0051
    assert np.array_equal(computed.gaps, told.gaps)
    assert (computed.flow, computed.scope) == ("generation", "lifecycle")


def test_own_layout_keeps_gaps(write):
    trace = read_trace(write(hours(100, "", "nan", 400)))
    assert trace.gco2e_per_kwh[[0, 3]].tolist() == [100.0, 400.0]
    assert np.isnan(trace.gco2e_per_kwh[1:3]).all()
    assert trace.problems == ("2 gaps, not filled: 2022-01-01T01..2022-01-01T02 (2 h)",)
    summary = trace.summary()
    assert (summary.mean, summary.hours, summary.gaps) == (250.0, 2, 2)
    # Sample deviation of 100 and 400: sqrt(2 x 150^2 / 1).
    assert summary.sd == pytest.approx(212.13203435596427)
    assert len(trace.source.split("sha256 ")[1].split(")")[0]) == 64


def test_missing_rows_are_gaps_and_disorder_is_told(write):
    text = "hour_utc,mer_gco2e_per_kwh\n2022-01-01T04:00Z,5\n2022-01-01T00:00Z,9\n"
    trace = read_trace(write(text + "2022-01-01T01:00Z,7\n"))
    assert trace.hours.astype(str).tolist() == [f"2022-01-01T0{hour}" for hour in range(5)]
    assert trace.rate == "marginal"
    assert trace.problems == (
        "rows were not in the order of time: sorted",
        "2 gaps, not filled: 2022-01-01T02..2022-01-01T03 (2 h)",
    )


def test_a_named_zone_is_converted_to_utc(write):
    head = "hour_utc,average_gco2e_per_kwh\n"
    trace = read_trace(write(head + "2022-01-01T01:00+02:00,50\n2022-01-01T02:00+02:00,60\n"))
    assert str(trace.hours[0]) == "2021-12-31T23"


def test_what_a_column_does_not_say_is_noted(write):
    trace = read_trace(write(hours(10, 20, head="hour_utc,ci_direct_gco2e_per_kwh")))
    assert (trace.rate, trace.flow, trace.scope) == ("average", None, "direct")
    assert "taken as average" in trace.source


def test_electricity_maps(write):
    text = (
        "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
        "Carbon intensity gCO₂eq/kWh (Life cycle),Data estimated\n"
        "2024-01-01 00:00:00,France,France,FR,100,120,false\n"
        "2024-01-01 01:00:00,France,France,FR,110,140,true\n"
    )
    path = write(text)
    direct, whole = read_trace(path, column="direct"), read_trace(path, column="lifecycle")
    assert direct.gco2e_per_kwh.tolist() == [100, 110]
    assert whole.gco2e_per_kwh.tolist() == [120, 140]
    assert (direct.scope, whole.scope) == ("direct", "lifecycle")
    assert (direct.rate, direct.flow) == ("average", "consumption")
    assert "1 rows are marked as estimated" in direct.source
    with pytest.raises(HardwareError, match="give column, one of: direct, lifecycle"):
        read_trace(path)


def test_electricity_maps_of_earlier_years_and_of_clean_grids(write):
    text = "Datetime (UTC),Zone Id,Carbon Intensity gCO₂eq/kWh (LCA)\n2021-06-01 05:00:00,IS,0.5\n"
    trace = read_trace(write(text))
    assert (trace.scope, trace.gco2e_per_kwh.tolist()) == ("lifecycle", [0.5])
    assert "looks like kg/kWh: taken as they are" in trace.problems[0]


def test_watttime_in_pounds_and_five_minutes(write):
    rows = [f"2023-06-08 07:{5 * k:02d}:00+00:00,{1000 if k < 6 else 0},3.2" for k in range(12)]
    text = "\n".join(["timestamp,MOER,MOER version", *rows, "2023-06-08T08:00:00Z,100,3.2"])
    trace = read_trace(write(text))
    # Half an hour of 1000 lb/MWh: 500 x 0.45359237 = 226.8 g/kWh.
    assert trace.gco2e_per_kwh == pytest.approx([226.796185, 45.359237], rel=1e-12)
    assert (trace.rate, trace.scope) == ("marginal", "direct")
    assert trace.problems[0] == "rows of 5 minutes averaged to hours"
    assert "1 hours have fewer than 12 rows" in trace.problems[1]


def test_watttime_answers_of_the_present_api(write):
    head = "point_time,value,version\n"
    trace = read_trace(write(head + "2026-04-01T00:00:00+00:00,412.5,2026-03-01\n"))
    assert trace.gco2e_per_kwh == pytest.approx([187.106852625])
    assert "column value taken as co2_moer" in trace.source


def test_eia_sums_sources_and_shifts_the_end_of_the_hour(write):
    text = "\n".join(
        [
            EIA,
            'CISO,01/01/2022 1:00:00 AM,9,"1,000",2000,1000,,-50',
            "CISO,01/01/2022 2:00:00 AM,9,0,3000,1000,,40",
            "PJM,01/01/2022 1:00:00 AM,9,1,1,1,,1",
        ]
    )
    trace = read_trace(write(text), zone="CISO")
    # (1000 x 820 + 2000 x 490 + 1000 x 11) / 4000; (3000 x 490 + 1000 x 11) / 4000
    assert trace.gco2e_per_kwh.tolist() == [452.75, 370.25]
    assert str(trace.hours[0]) == "2022-01-01T00"
    assert "storage left out: battery storage" in trace.source
    assert "factors carbon-explorer" in trace.source
    own = read_trace(
        write(text), zone="CISO", factors={"coal": 1000, "gas": 400, "wind": 0, "other": 1}
    )
    assert own.gco2e_per_kwh.tolist() == [450.0, 300.0]
    with pytest.raises(HardwareError, match="several zones; give zone, one of: CISO, PJM"):
        read_trace(write(text))
    with pytest.raises(HardwareError, match="no zone 'ERCO'"):
        read_trace(write(text), zone="ERCO")


def test_eia_negative_generation_is_counted_and_told(write):
    text = f"{EIA}\nX,01/01/2022 1:00:00 AM,9,1000,1000,-100,,\n"
    trace = read_trace(write(text))
    assert trace.gco2e_per_kwh == pytest.approx([(1000 * 820 + 1000 * 490 - 1100) / 1900])
    assert "1 hours with negative net generation of wind" in trace.source


def test_eia_a_source_now_and_then_missing_leaves_a_gap(write):
    text = f"{EIA}\nX,01/01/2022 1:00:00 AM,9,1000,,5,,\nX,01/01/2022 2:00:00 AM,9,1000,1000,5,,\n"
    assert read_trace(write(text)).problems == ("1 gaps, not filled: 2022-01-01T00",)


def test_eia_a_source_without_a_factor_is_refused(write):
    text = f"{EIA}\nX,01/01/2022 1:00:00 AM,9,1000,1,5,7,\n"
    with pytest.raises(HardwareError, match="'other': the factor set act-2022 has none"):
        read_trace(write(text), factors="act-2022")


def test_gzip_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + hours(7, 8).encode()))
    trace = read_trace(path)
    assert (trace.name, trace.gco2e_per_kwh.tolist()) == ("x", [7, 8])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fits no layout"),
        ("time,co2\n2022-01-01,5\n", "fits no layout; give columns hour_utc"),
        ("hour_utc,aer_gco2e_per_kwh\n", "has no rows"),
        (hours("", ""), "no hour with a value"),
        (hours(-5, 7), "-5 g CO2e/kWh at 2022-01-01T00Z is negative"),
        (hours(9, 350000), "the unit looks wrong"),
        (hours(0.25, 0.31), "looks like kg/kWh or t/MWh; convert them"),
        (hours("much", 3), "line 2: aer_gco2e_per_kwh is 'much'; give a finite number"),
        (hours("inf", 3), "'inf'; give a finite number"),
        (hours(10, 20) + "2022-01-01T00:00Z,10\n", "line 4: 2022-01-01T00:00:00Z comes a second"),
        (hours(10, 20) + "2022-01-02T00:00Z\n", "line 4: has 1 cells, the header has 2"),
        ("hour_utc,aer_gco2e_per_kwh\nyesterday,5\n", "line 2: 'yesterday' is no time"),
        ("timestamp,MOER\n2022-01-01T00:00:00,900\n", "has no time zone and may be local"),
        ("timestamp,MOER\n2022-01-01T00:00:00Z,0.9\n", "looks like kg/kWh"),
        (
            "hour_utc,aer_gco2e_per_kwh\n2022-01-01T00:00Z,5\n2022-01-02T00:00Z,6\n",
            "rows are 24 h apart",
        ),
        (
            "hour_utc,aer_gco2e_per_kwh\n2022-01-01T00:00Z,50\n2022-01-01T01:00Z,60\n"
            "2202-01-02T00:00Z,6\n",
            "times span 180 years",
        ),
        (f"{EIA}\nX,2022-01-01T00:00Z,9,1,1,5,7,\n", "is no time of EIA"),
    ],
)
def test_what_is_wrong_is_said(write, text, message):
    with pytest.raises(HardwareError, match=message) as told:
        read_trace(write(text))
    assert "\n" not in str(told.value) and "trace.csv" in str(told.value)


def test_wrong_options_are_refused(write):
    path = write(hours(10, 20))
    with pytest.raises(HardwareError, match="not the layout eia"):
        read_trace(path, layout="eia")
    with pytest.raises(HardwareError, match="use electricitymaps or watttime or eia"):
        read_trace(path, layout="entsoe")
    with pytest.raises(HardwareError, match="no column 'mer'; give one of: aer"):
        read_trace(path, column="mer")
    with pytest.raises(HardwareError, match="no column of zones"):
        read_trace(path, zone="FR")
    with pytest.raises(HardwareError, match="cannot be read"):
        read_trace(path.with_name("none.csv"))


def test_commas_of_thousands_are_dropped_and_decimal_commas_refused(write):
    trace = read_trace(write(hours('"1,200.5"', "300")))
    assert trace.gco2e_per_kwh.tolist() == [1200.5, 300.0]
    for cell in ('"256,5"', '"1,20"', '"1,2000"', '"12,5"'):
        with pytest.raises(HardwareError, match=r"line 3: .*; give a finite number"):
            read_trace(write(hours("300", cell)))


def test_a_header_in_capitals_is_read_and_a_column_given_twice_is_refused(write):
    capital = write(hours("300", head="HOUR_UTC,AER_gCO2e_per_kWh"))
    assert read_trace(capital).gco2e_per_kwh.tolist() == [300.0]
    twice = write("hour_utc,aer_gco2e_per_kwh,aer_gco2e_per_kwh\n2022-01-01T00Z,300,1\n")
    with pytest.raises(HardwareError, match="two columns 'aer_gco2e_per_kwh'"):
        read_trace(twice)


def test_times_at_the_end_of_the_calendar_are_refused(write):
    early = write("hour_utc,aer_gco2e_per_kwh\n0001-01-01T00:00+14:00,300\n")
    with pytest.raises(HardwareError, match="line 2: '0001-01-01T00:00\\+14:00' is no time"):
        read_trace(early)
    cells = ",".join(["X", "01/01/0001 00:00:00", "1", "1", "1", "1", "1", "1"])
    with pytest.raises(HardwareError, match="line 2: '01/01/0001 00:00:00' is no time of EIA"):
        read_trace(write(f"{EIA}\n{cells}\n"))
