"""How sure results are, on the page and in texts."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from nas.carbon.supply import resolve_grid
from nas.comparison import front
from nas.quantities import format_quantity
from nas.report import report_html
from nas.report.robust_text import (
    certain_text,
    change_text,
    point_rows,
    point_text,
    range_text,
    robustness_rows,
    robustness_text,
    share_text,
    with_intervals,
)
from nas.robustness import compare_points, robustness
from nas.runs.files import write_json


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("robust-report") / "first", count=8)
    spent = {"seconds": 100.0, "energy_j": 900.0, "gco2e": 0.25, "trainings": 8}
    write_json(run.path / "spent.json", spent)
    return run


@pytest.fixture(scope="module")
def found(run):
    return robustness(run)


@pytest.fixture(scope="module")
def best(run):
    return front(run, run.objectives)


def test_shares_changes_and_ranges_as_a_person_reads_them():
    assert [share_text(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "0 %", "< 1 %", "50 %", "> 99 %", "100 %",
    ]  # fmt: skip
    assert [change_text(x) for x in (0.0, 0.012, -0.5, 1.5)] == ["0 %", "+1.2 %", "-50 %", "x 2.5"]
    assert range_text(0.001, 0.002, "gCO2e") == "1 mgCO2e to 2 mgCO2e"
    assert range_text(math.nan, 1.0, "s") == "unknown"


def test_a_front_with_intervals_keeps_its_rows(best, found):
    wide = with_intervals(best, found)
    pd.testing.assert_frame_equal(wide[best.columns], best)
    assert wide.attrs == best.attrs
    for column in ("latency_s", "carbon_gco2e"):
        assert (wide[f"{column}_low"] <= wide[column]).all()
        assert (wide[column] <= wide[f"{column}_high"]).all()
    assert "error_low" not in wide
    assert wide["on_front_share"].between(0.0, 1.0).all()


def test_text_tells_intervals_shares_and_what_moves_the_front(best, found):
    text = robustness_text(best, found)
    point = best.iloc[0]
    pair = (point["candidate"], point["deployment"])
    line = next(line for line in text.splitlines() if line.startswith("  ".join(pair)))
    low, high = found.interval(*pair, "carbon_gco2e")
    assert f"{format_quantity(low, 'gCO2e')} to {format_quantity(high, 'gCO2e')}" in line
    assert share_text(found.share(*pair)) in line
    assert found.mover(*pair) in line
    assert f"400 draws (seed 0) of {len(found.factors)} figures" in text
    assert "carbon of the search 250 mgCO2e, " in text
    assert found.tornado["factor"].iloc[0] in text


def test_points_that_are_often_on_the_front_are_named(run, best, found):
    often = found.on_front[~found.on_front["on_front"] & (found.on_front["share"] >= 0.1)]
    text = robustness_text(best, found)
    for _, row in often.head(10).iterrows():
        assert f"{row['candidate']} on {row['deployment']} ({share_text(row['share'])})" in text
    nothing = robustness_text(best.iloc[:0], found)
    assert nothing.startswith("400 draws")


def test_json_holds_everything(found):
    told = json.loads(json.dumps(robustness_rows(found), allow_nan=False))
    assert (told["draws"], told["seed"], told["level"]) == (400, 0, 0.9)
    assert len(told["intervals"]) == len(found.intervals)
    assert {row["factor"] for row in told["tornado"]} <= {row["factor"] for row in told["factors"]}
    assert all(row["low"] is not None or row["high"] is not None for row in told["factors"])
    assert told["search_gco2e"][1] == 0.25
    assert told["search_gco2e"][0] < 0.25 < told["search_gco2e"][2]


def test_grids_without_a_range_are_said_to_be_certain(make_run, run, found, best, tmp_path):
    assert found.certain_grids == ()
    assert "certain" not in robustness_text(best, found)
    mixed = resolve_grid({"mix": {"gas": 0.4, "wind": 0.6}})
    place = replace(run.deployments[0], label="mixed", grid=mixed)
    other = make_run(tmp_path / "run", count=3, deployments=(place,))
    unsure, said = robustness(other, draws=5), f"since no range is known: grid {mixed.name}"
    assert f"taken as certain, {said}" in robustness_text(front(other, other.objectives), unsure)
    assert robustness_rows(unsure)["certain_grids"] == [mixed.name]
    key = other.scores()["candidate"].iloc[0]
    pair = compare_points((other, key, "mixed"), (other, key, "mixed"), draws=5)
    assert point_text(pair).splitlines()[-1] == f"taken as certain, {said}"
    assert point_rows(pair)["certain_grids"] == [mixed.name]
    assert f"Taken as certain, {said}." in report_html(other)
    assert certain_text([]) == ""


def test_two_models_in_text_and_json(run, best):
    label = run.deployments[0].label
    keys = [key for key in run.scores()["candidate"].unique()][:2]
    pair = compare_points((run, keys[0], label), (run, keys[1], label), draws=50)
    text = point_text(pair)
    assert f"A: {keys[0]} on {label}" in text
    assert "P(A < B)" in text
    assert "50 draws (seed 0), the same for both" in text
    told = json.loads(json.dumps(point_rows(pair), allow_nan=False))
    assert [row["objective"] for row in told["objectives"]] == list(run.objectives)
    assert told["first"] == {"candidate": keys[0], "deployment": label}
    same = compare_points((run, keys[0], label), (run, keys[0], label), draws=5)
    assert re.search(r"carbon .* equal$", point_text(same), re.MULTILINE)


class Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text = []

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_says_how_sure_it_is(run, best, found):
    page = report_html(run)
    words = Words()
    words.feed(page)
    text = " ".join(" ".join(words.text).split())
    assert "How sure is this?" in text
    assert f"{len(found.factors)} figures behind these numbers" in text
    assert "CO2e spent on the search (" in text
    assert re.search(r"lower in [<>\d ]+ % of the draws", text) or "pick the same model" in text
    head, _, rest = page.partition("How sure is this?")
    section = rest.partition("</section>")[0]
    for _, point in best.iterrows():
        assert f'data-key="{point["candidate"]}"' in section
    leading = found.tornado.iloc[0]
    assert f">{leading['factor']}</text>" in section
    assert section.count("<rect") >= 2 * min(12, len(found.tornado))
    choices = head.partition("Five ways to choose")[2]
    assert len(re.findall(r"<small>[\d.]+ \S*g to [\d.]+ \S*g</small>", choices)) >= 5
