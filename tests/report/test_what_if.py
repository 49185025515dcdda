"""What other assumptions change, as text, as rows and on the page."""

import json
import re

import pytest

from hardware_profiles import Deployment
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study
from nas.report import report_html
from nas.report.what_if_text import tau_text, what_if_rows, what_if_text
from nas.sensitivity import sensitivity

PLACES = (
    Deployment("mcu", hardware("stm32l4r5"), "int8", grid("us-caiso")),
    Deployment("phone", hardware("pixel3"), "int8", grid("us-caiso")),
    Deployment("abroad", hardware("rpi4"), "int8", grid("fr")),
)


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    study = Study(Demand(lifetime_years=4.0, busy_share=0.3))
    folder = tmp_path_factory.mktemp("what-if") / "run"
    return make_run(folder, count=16, study=study, deployments=PLACES)


@pytest.fixture(scope="module")
def found(run):
    return sensitivity(run)


def test_rows_hold_everyone_who_moves(found):
    rows = what_if_rows(found)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row, pricing in zip(rows["assumptions"], found.pricings, strict=True):
        assert [len(place["moved"]) for place in row["ranks"]] == [
            len(place.moved) for place in pricing.change.ranks
        ]
    assert any(place["moved"] for row in rows["assumptions"] for place in row["ranks"])
    assert {row["objective"] for row in rows["metrics"]} >= {"energy", "cdp", "carbon"}


def test_text_says_what_is_different_and_who_moves(found):
    text = what_if_text(found)
    assert "2 years: devices serve 2 years, instead of 4" in text
    assert "  not counted: abroad: no marginal rate of grid fr is known" in text
    moved = next(p for row in found.pricings for p in row.change.ranks if len(p.moved) and p.where)
    first = moved.moved.iloc[0]
    assert f"{first['candidate'][:8]} {first['before']} to {first['after']}" in text
    assert re.search(r"^  phone: carbon(, [A-Za-z ]+)* [0-9a-f]{8}", text, re.MULTILINE)


def test_the_page_lists_everyone_who_moves(run, found):
    page = report_html(run)
    part = page[page.index("<h2>What if?</h2>") :]
    part = part[: part.index("</section>")]
    assert "consequence, not counted: abroad: no marginal rate of grid fr is known" in part
    for row in found.pricings:
        assert row.name in part
        for place in row.change.ranks:
            for key in place.moved["candidate"]:
                assert key in part
            for before, after in zip(place.moved["before"], place.moved["after"], strict=True):
                assert f"<td>{before} to {after}</td>" in part


def test_a_tau_is_one_only_where_nothing_moved():
    assert [tau_text(value) for value in (None, 1.0, 0.99999, 0.5, -1.0)] == [
        "unknown",
        "1",
        "0.999",
        "0.500",
        "-1.000",
    ]


def test_one_deployment_has_nothing_to_look_at_together(make_run, tmp_path):
    alone = make_run(tmp_path / "run", count=4, deployments=PLACES[:1])
    assert "all together" not in what_if_text(sensitivity(alone)).split("tau: Kendall")[1]
    assert "<h2>What if?</h2>" in report_html(alone)


def test_no_trained_model_no_section(make_run, tmp_path):
    assert "What if?" not in report_html(make_run(tmp_path / "run", count=0))
