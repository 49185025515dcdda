"""Commands about grids, each as its own process: shipped ones, files of hours, files of keys."""

import json

import pytest
from tiny_runs import one_line, run_command


def answer(*arguments):
    done = run_command("grid", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def hours_file(tmp_path):
    values = [100 + hour for hour in range(24)]
    values[3] = ""
    rows = [f"2024-02-01T{hour:02d}:00Z,{value},1000" for hour, value in enumerate(values)]
    rows.append("2024-02-02T00:00Z,500,10")
    path = tmp_path / "plant.csv"
    path.write_text("\n".join(["hour_utc,aer_gco2e_per_kwh,gas_mwh", *rows]) + "\n")
    return path


def test_list_puts_marginal_beside_average():
    rows = {row["name"]: row for row in json.loads(answer("list", "--json"))}
    assert rows["us-caiso"]["marginal"] == rows["us-caiso-marginal"]["gco2e_per_kwh"] == 358.77
    assert rows["us-caiso"]["hourly"] == rows["us-caiso-marginal"]["hourly"] == "yes"
    assert (rows["fr"]["marginal"], rows["fr"]["hourly"]) == (None, "no")
    assert "358.77" in answer("list")


def test_show_a_name_with_its_hours():
    facts = json.loads(answer("show", "us-pjm", "--hourly", "--json"))
    assert facts["marginal_gco2e_per_kwh"] == 480.24
    assert [len(row) for row in facts["month_x_hour_utc"]] == [24] * 12
    assert "not a trace" in facts["hours_source"]
    text = answer("show", "us-pjm-marginal", "--hourly")
    assert "not measured" in text
    assert "hour  Jan" in text and text.count("\n23    ") == 1


def test_show_a_file_lists_gaps_and_faults(hours_file):
    facts = json.loads(answer("show", hours_file, "--json"))
    assert (facts["hours"], facts["gaps"]) == (24, 1)
    assert facts["gap_hours"] == ["2024-02-01T03:00Z"]
    assert facts["faulty_hours"] == ["2024-02-02T00:00Z"]
    known = [100 + hour for hour in range(24) if hour != 3] + [500]
    assert facts["mean_gco2e_per_kwh"] == pytest.approx(sum(known) / 24, abs=1e-4)
    dropped = json.loads(answer("show", hours_file, "--drop-faulty", "--hourly", "--json"))
    assert dropped["max_gco2e_per_kwh"] == 123
    assert dropped["month_x_hour_utc"][1][:4] == [100, 101, 102, None]
    text = answer("show", hours_file, "--hourly")
    assert "1 gaps, not filled: 2024-02-01T03" in text and "1 faulty hours" in text
    factors = json.loads(answer("show", hours_file, "--factors", "codecarbon", "--json"))
    assert factors["mean_gco2e_per_kwh"] == 743


def test_show_a_file_of_keys(tmp_path, hours_file):
    path = tmp_path / "grid.yaml"
    path.write_text("trace: plant.csv\nhours: [4, 6]\n")
    facts = json.loads(answer("show", path, "--json"))
    assert facts["gco2e_per_kwh"]["value"] == 104.5
    assert facts["name"] == "plant-h4-6utc"


def test_factors_has_one_row_a_set():
    rows = json.loads(answer("factors", "--json"))
    assert [row["name"] for row in rows] == ["act-2022", "carbon-explorer", "codecarbon"]
    assert rows[0]["oil"] is None and rows[2]["scope"] == "mixed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "us-ciso"), "did you mean 'us-caiso'"),
        (("show", "none.csv"), "none.csv: cannot be read"),
        (("show", "none.yaml"), "none.yaml: cannot be read"),
        (("show", "fr", "--hourly"), "'fr': has no hourly means"),
        (("show", "fr", "--drop-faulty"), "--drop-faulty: is for a CSV file of hours"),
    ],
)
def test_mistakes_are_one_line(in_process, arguments, message):
    done = in_process("grid", *arguments)
    assert done.stdout == ""
    assert message in one_line(done)
