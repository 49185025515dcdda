"""Tables of a run: derived from the records, and rebuilt from them at any time."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from nas.errors import RunError, SpaceError
from nas.objectives import OBJECTIVES
from nas.runs.tables import constrain, read_records, write_tables


@pytest.fixture
def run(make_run, tmp_path):
    return make_run(tmp_path / "run", count=12)


def first_folder(run):
    return run.artifacts / read_records(run.artifacts)[0].candidate


def change(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def add_training(run, folder, training, error, status="trained"):
    first = json.loads((folder / "result.json").read_text())
    errors = {"fp32": error, "int8": error} if status == "trained" else {}
    row = {**first, "training": training, "errors": errors, "status": status}
    (folder / f"seed-{training}.json").write_text(json.dumps(row))


def test_one_row_a_candidate_in_the_order_of_decision(run):
    table = run.candidates()
    assert table["order"].tolist() == list(range(12))
    assert table["candidate"].is_unique
    assert table["status"].tolist().count("diverged") == 1
    assert json.loads(table["architecture"][0])["stem_width"] in (8, 16, 24)
    assert table["train_s"].tolist() == [5.0] * 12


def test_one_row_a_trained_candidate_and_deployment(run):
    scores = run.scores()
    assert len(scores) == 11 * 3
    assert set(scores["deployment"]) == {d.label for d in run.deployments}
    assert {row.column for row in OBJECTIVES.values()} <= set(scores.columns)
    assert set(scores["study"]) == {run.study.hash}
    by_precision = scores.groupby("candidate")["error"].agg(["min", "max"])
    assert np.allclose(by_precision["max"] - by_precision["min"], 0.004)
    assert scores["trained"].all()


def test_errors_of_several_seeds_are_averaged(run):
    folder = first_folder(run)
    change(folder / "result.json", errors={"fp32": 0.1, "int8": 0.2})
    add_training(run, folder, 1, 0.2)
    add_training(run, folder, 2, 0.6)
    add_training(run, folder, 3, None, status="diverged")
    rows = run.scores().query("candidate == @folder.name and precision == 'fp32'")
    assert rows["seeds"].tolist() == [3]
    assert rows["error"].tolist() == pytest.approx([0.3])
    # sample deviation of 0.1, 0.2, 0.6: sqrt((0.04 + 0.01 + 0.09) / 2)
    assert rows["error_spread"].tolist() == pytest.approx([math.sqrt(0.07)])
    candidate = run.candidates().set_index("candidate").loc[folder.name]
    assert candidate["seeds"] == 3
    assert candidate["train_s"] == 20.0
    assert candidate["training_gco2e"] == pytest.approx(0.008)


def test_an_error_that_was_not_measured_is_unknown(run):
    folder = first_folder(run)
    change(folder / "result.json", errors={"fp32": 0.1, "int8": None})
    rows = run.scores().query("candidate == @folder.name").set_index("precision")
    assert rows.loc["int8"]["error"].isna().all()
    assert rows.loc["fp32"]["error"] == 0.1
    assert rows.loc["int8"]["seeds"].tolist() == [0, 0]


def test_decided_without_training(run):
    folder = first_folder(run)
    (folder / "result.json").unlink()
    row = {"order": 0, "deployment": "rpi4", "reason": "flash: needs 3 MB, has 2 MB"}
    (folder / "untrained.json").write_text(json.dumps(row))
    found = run.candidates().set_index("candidate").loc[folder.name]
    assert (found["status"], found["seeds"]) == ("untrained", 0)
    assert found["message"] == "flash: needs 3 MB, has 2 MB"
    assert folder.name not in set(run.scores()["candidate"])


def test_trained_for_one_deployment_after_being_refused_for_another(run):
    folder = first_folder(run)
    row = {"order": 0, "deployment": "mcu", "reason": "flash: needs 3 MB, has 2 MB"}
    (folder / "untrained.json").write_text(json.dumps(row))
    assert run.candidates().set_index("candidate").loc[folder.name]["status"] == "trained"
    assert folder.name in set(run.scores()["candidate"])


def test_a_candidate_without_outcome_is_not_decided(run):
    folder = first_folder(run)
    (folder / "result.json").unlink()
    assert len(read_records(run.artifacts)) == 11


def test_an_empty_run_has_empty_tables(make_run, tmp_path):
    run = make_run(tmp_path / "empty", count=0)
    assert run.candidates().empty
    assert run.scores().empty
    write_tables(run.path, run.candidates(), run.scores())
    assert pd.read_parquet(run.path / "scores.parquet").empty


def test_tables_are_written_whole_and_read_back(run):
    write_tables(run.path, run.candidates(), run.scores())
    pd.testing.assert_frame_equal(
        pd.read_parquet(run.path / "candidates.parquet"), run.candidates()
    )
    pd.testing.assert_frame_equal(pd.read_parquet(run.path / "scores.parquet"), run.scores())
    assert not list(run.path.glob("*.tmp"))


@pytest.mark.parametrize("name", ["result.json", "layers.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_record_is_one_line(name, content, run):
    path = first_folder(run) / name
    path.write_text(content)
    with pytest.raises(RunError) as caught:
        read_records(run.artifacts)
    assert str(caught.value).startswith(f"{path}: is damaged")
    assert "\n" not in str(caught.value)


def test_damaged_layers_are_one_line(run):
    change(first_folder(run) / "layers.json", layers=[{"name": "input"}])
    with pytest.raises(SpaceError) as caught:
        read_records(run.artifacts)
    assert "\n" not in str(caught.value)


def test_bounds_make_infeasible_and_say_why():
    columns = {
        "feasible": np.array([True, True, False, True]),
        "reason": [None, None, "flash: full", None],
        "latency_s": np.array([0.1, 0.3, 0.3, math.nan]),
    }
    found = constrain(columns, {"latency_s": 0.2})
    assert found["feasible"].tolist() == [True, False, False, True]
    broken = "latency_s: 0.3 is over the limit 0.2"
    assert found["reason"] == [None, broken, f"flash: full; {broken}", None]
    assert columns["feasible"].tolist() == [True, True, False, True]
