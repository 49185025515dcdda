"""Tables for the terminal and for files."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from nas.carbon import Demand, Study
from nas.comparison import compare_fronts, front_of
from nas.report import comparison_rows, comparison_text, front_text, table_csv, table_rows

TABLE = pd.DataFrame(
    {
        "candidate": ["a1", "b2", "c3"],
        "deployment": ["pi", "mcu", "mcu"],
        "precision": ["fp32", "int8", "int8"],
        "error": [0.1, 0.25, np.nan],
        "latency_s": [0.012, 0.1, 0.2],
        "carbon_gco2e": [4e-6, 1e-6, 1e-6],
        "params": [120_000, 9_000, 9_000],
        "feasible": [True, True, True],
        "trained": [True, True, True],
        "kappa_w": [5.0, 0.0125, 0.0125],
    }
)


def test_front_as_text():
    assert front_text(front_of(TABLE, ["error", "carbon"])) == "\n".join(
        [
            "candidate  deployment  precision  error    carbon  parameters",
            "---------  ----------  ---------  -----  --------  ----------",
            "a1         pi          fp32         0.1  4 µgCO2e       120 k",
            "b2         mcu         int8        0.25  1 µgCO2e         9 k",
            "",
            "2 on the front of 3 scores of 3 candidates; left out: 1 with an unknown value",
            "pi: carbon goes as E + (kappa + idle) tau: kappa 5 W, idle unknown; rank agreement "
            "of carbon and latency unknown",
            "mcu: carbon goes as E + (kappa + idle) tau: kappa 12.5 mW, idle unknown; rank "
            "agreement of carbon and latency unknown",
        ]
    )


def test_empty_front_as_text():
    text = front_text(front_of(TABLE.assign(feasible=False), ["error"]))
    assert text.splitlines() == [
        "no score is on the front",
        "",
        "0 on the front of 3 scores of 3 candidates; left out: 3 infeasible",
    ]
    assert "no score" in front_text(front_of(pd.DataFrame(), ["error"]))


def test_fixed_volume_says_that_the_share_is_common():
    table = TABLE.assign(deployment="pi", kappa_w=[1.0, 2.0, 3.0])
    study = Study(Demand(lifetime_years=4.0, inferences=1e8))
    alike = front_text(
        front_of(table.assign(embodied_gco2e=1e-7), ["error", "carbon"], study=study)
    )
    assert (
        "pi: kappa 1 W to 2 W, by speed; the embodied share per inference is the same for all "
        "models; rank" in alike
    )


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("device_embodied_gco2e", "the memory that a model needs"),
        ("devices", "the number of devices that it takes"),
        ("embodied_gco2e", "its busy time"),
    ],
)
def test_unlike_embodied_shares_have_their_reason(column, why):
    table = TABLE.assign(deployment="pi", kappa_w=1.0, device_embodied_gco2e=10.0, devices=1)
    unlike = table.assign(embodied_gco2e=[1e-7, 2e-7, 2e-7]).assign(**{column: [1.0, 2.0, 2.0]})
    study = Study(Demand(lifetime_years=4.0, inferences=1e8))
    text = front_text(front_of(unlike, ["error", "carbon"], study=study))
    assert f"the embodied share per inference differs with {why}; rank" in text


def test_agreement_of_one_says_that_carbon_changes_nothing():
    table = TABLE.assign(deployment="pi", kappa_w=5.0, error=0.1)
    alike = front_of(table.assign(latency_s=table["carbon_gco2e"]), ["error", "carbon"])
    line = (
        "rank agreement of carbon and latency 1.00: counting carbon changes nothing on this device"
    )
    assert front_text(alike).splitlines()[-1].endswith(line)
    assert alike.attrs["reading"] == {"pi": "counting carbon changes nothing on this device"}
    other = front_of(table.assign(latency_s=[3.0, 2.0, 1.0]), ["error", "carbon"])
    assert "changes nothing" not in front_text(other)
    assert other.attrs["reading"] == {"pi": None}


def test_fixed_time_without_carbon_in_use_does_not_say_so():
    table = TABLE.assign(kappa_w=np.inf)
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    text = front_text(front_of(table, ["error", "carbon"], study=study))
    assert "pi: electricity without carbon: carbon is that of manufacture" in text


def test_rows_are_json_and_unknown_is_none():
    rows = table_rows(TABLE)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows[2]["error"] is None
    assert rows[0]["feasible"] is True
    assert isinstance(rows[0]["params"], int)


def test_csv_reads_back():
    rows = list(csv.DictReader(io.StringIO(table_csv(TABLE))))
    assert rows[2]["error"] == ""
    assert float(rows[0]["carbon_gco2e"]) == 4e-6


def test_comparison_as_text():
    fronts = {"one": front_of(TABLE, ["error", "carbon"])}
    fronts["two"] = front_of(TABLE.assign(error=TABLE["error"] + 0.1), ["error", "carbon"])
    lines = comparison_text(compare_fronts(fronts, ["error", "carbon"], study="abc")).splitlines()
    assert lines[0].split() == [
        "run", "candidates", "front", "on", "pooled", "hypervolume", "epsilon", "IGD+",
    ]  # fmt: skip
    assert lines[5] == "one dominates two"
    assert lines[-1].endswith("study abc")


def test_comparison_as_rows():
    fronts = {name: front_of(TABLE, ["error", "carbon"]) for name in ("one", "two")}
    rows = comparison_rows(compare_fronts(fronts, ["error", "carbon"], study="abc"))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows["coverage"]["one"] == {"one": 1.0, "two": 1.0}
    assert rows["verdicts"] == ["one and two: equal fronts"]
    assert [row["run"] for row in rows["runs"]] == ["one", "two"]
