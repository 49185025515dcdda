"""`carbon-nas report --statement` as its own process."""

import csv
import json

import pytest
from tiny_runs import one_line

from nas.report import recompute


@pytest.fixture(scope="module")
def folder(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("command") / "demo", count=6).path


def test_report_writes_page_statement_and_emissions(carbon_nas, folder, tmp_path):
    page = tmp_path / "said" / "page.html"
    done = carbon_nas("report", folder, "--out", page, "--statement")
    assert (done.returncode, done.stderr) == (0, "")
    names = {"page.html", "statement.md", "statement.json", "emissions.csv"}
    assert {path.name for path in page.parent.iterdir()} == names
    assert all(name in done.stdout for name in names)
    said = json.loads((page.parent / "statement.json").read_text())
    assert recompute(said)["search.gco2e"] == pytest.approx(said["search"]["gco2e"], rel=1e-9)
    with (page.parent / "emissions.csv").open() as rows:
        assert len(list(csv.DictReader(rows))) == 6


def test_an_unknown_candidate_is_one_line(folder, in_process, tmp_path):
    done = in_process("report", folder, "--out", tmp_path / "x.html", "--candidate", "0123")
    assert "trained candidate: '0123' is unknown" in one_line(done)
    assert not (tmp_path / "x.html").exists()
