"""The page's section that redoes one point line by line."""

from html import unescape

import pytest

from nas.cost.explain import explain
from nas.cost.workload import workload
from nas.report import report_html
from nas.report.calculation import calculation_section
from nas.report.chosen import chosen_point


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("calculation") / "demo", count=6)


def test_every_line_stands_with_its_source(run):
    chosen = chosen_point(run, run.scores())
    text = unescape(calculation_section(run.study, chosen))
    lines = explain(workload(chosen.record.layers), chosen.deployment, run.study)
    for line in lines:
        assert line.label in text
        assert line.formula in text
        assert line.source in text


def test_the_page_shows_the_point_that_is_asked_for(run):
    row = run.scores().iloc[-1]
    page = report_html(run, candidate=row["candidate"], deployment=row["deployment"])
    assert f"{row['candidate']} on {row['deployment']}" in page


def test_a_page_without_a_model_has_no_calculation(make_run, tmp_path):
    made = make_run(tmp_path / "run", count=3, constraints={"latency_s": 1e-12})
    assert "line by line" not in report_html(made)
