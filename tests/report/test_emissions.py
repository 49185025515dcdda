"""The trainings of a run in CodeCarbon's columns and units."""

import csv
import io
import json

import pytest

from nas.report.emissions import EMISSIONS_COLUMNS, emission_rows, emissions_csv
from nas.runs.files import write_json

# Read from a file that CodeCarbon 3 wrote (found by exact string on GitHub, 2026-08-12).
_HEAD = (
    "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,"
    "gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,"
    "country_name,country_iso_code,region,cloud_provider,cloud_region,os,python_version,"
    "codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,"
    "tracking_mode,cpu_utilization_percent,gpu_utilization_percent,ram_utilization_percent,"
    "ram_used_gb,on_cloud,pue,wue"
)


@pytest.fixture
def run(make_run, tmp_path):
    return make_run(tmp_path / "demo", count=5)


def rows_of(run):
    return list(csv.DictReader(io.StringIO(emissions_csv(run))))


def test_the_head_is_that_of_codecarbon(run):
    assert emissions_csv(run).splitlines()[0] == _HEAD
    assert ",".join(EMISSIONS_COLUMNS) == _HEAD


def test_one_row_a_training_in_kilograms_and_kilowatt_hours(run):
    rows = rows_of(run)
    assert len(rows) == 5
    assert len({row["run_id"] for row in rows}) == 5
    # 60 J at the board of a Raspberry Pi, its supply and a PUE of 1.1, on the French grid.
    host = run.frozen["search"]["host"]
    overhead = 1.1 / host["profile"]["supply_efficiency"]["value"]
    kwh = 60.0 * overhead / 3.6e6
    for row in rows:
        assert float(row["duration"]) == 5.0
        assert float(row["energy_consumed"]) == pytest.approx(kwh)
        kilograms = kwh * host["grid"]["gco2e_per_kwh"]["value"] / 1000
        assert float(row["emissions"]) == pytest.approx(kilograms)
        assert float(row["emissions_rate"]) == pytest.approx(kilograms / 5.0)
        assert float(row["pue"]) == pytest.approx(overhead)
        assert (row["project_name"], row["experiment_id"]) == ("demo", "digits-mbconv")
        assert (row["country_name"], row["region"]) == ("France", "")


def test_what_a_model_cannot_know_is_empty(run):
    for name in ("timestamp", "cpu_power", "ram_energy", "water_consumed", "on_cloud", "longitude"):
        assert {row[name] for row in rows_of(run)} == {""}


def test_the_end_of_a_training_is_its_time(run):
    path = next(run.artifacts.glob("*/result.json"))
    result = json.loads(path.read_text())
    path.write_text(json.dumps({**result, "finished_at": "2026-01-02T03:04:05"}))
    assert {row["timestamp"] for row in rows_of(run)} == {"", "2026-01-02T03:04:05"}


def test_the_rows_add_up_to_what_the_run_used(run):
    spent = {"seconds": 20.0, "worker_s": 40.0, "energy_j": 480.0, "gco2e": 0.02}
    write_json(run.path / "spent.json", spent)
    rows = emission_rows(run)
    assert len(rows) == 6
    assert rows[-1]["run_id"] == "between-trainings"
    assert sum(row["duration"] for row in rows) == pytest.approx(40.0)
    overhead = rows[0]["pue"]
    assert sum(row["energy_consumed"] for row in rows) == pytest.approx(480.0 * overhead / 3.6e6)


def test_known_networks_are_trainings_too(run):
    result = {"seconds": 7.0, "energy_j": 84.0, "errors": {}}
    write_json(run.reference_path("LeNet-5"), result)
    assert [row["run_id"] for row in emission_rows(run)].count("LeNet-5") == 1
