"""The page of a run: complete in itself, and true to its scores."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study
from nas.comparison import front
from nas.quantities import format_quantity
from nas.report import report_html, write_report
from nas.runs.files import write_json

_VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return " ".join(" ".join(reader.text).split())


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("report") / "first", count=24)


@pytest.fixture(scope="module")
def page(run):
    return report_html(run)


def test_page_is_balanced_light_and_needs_nothing_else(page):
    read(page)
    assert len(page) < 500_000
    links = re.findall(r"(?:src|href)=|url\(|@import|https?://", page)
    assert links == []


def test_page_tells_the_front(run, page):
    text = read(page)
    best = front(run, run.objectives)
    assert f"{len(best)} points over all deployments together" in text
    for key in best["candidate"]:
        assert key in text
    for label in (deployment.label for deployment in run.deployments):
        assert label in text
    assert run.study.hash in text


def test_page_tells_what_the_search_spent(run, page):
    # 24 trainings of 2 mg, 60 J and 5 s each, failures included.
    text = read(page)
    assert "Time of the recorded trainings only 2 min" in text
    assert "0.4 Wh" in text
    assert "48 mgCO2e" in text
    write_json(run.path / "spent.json", {"seconds": 7200, "energy_j": 7200, "gco2e": 3.0})
    told = read(report_html(run))
    (run.path / "spent.json").unlink()
    assert "Time of the workers, failures included 2.0 h" in told
    assert "2 Wh" in told


def test_reference_models_show_an_error_only_when_trained(run, page):
    assert read(page).count("not trained") >= 2
    path = run.reference_path("LeNet-5")
    write_json(path, {"errors": {"int8": 0.0321, "fp32": 0.0321}})
    text = read(report_html(run))
    path.unlink()
    assert "3.21 %" in text


def test_choices_are_the_scores_of_the_run(run, page):
    scores = run.scores()
    usable = scores[scores["feasible"]]
    least = usable["error"].min()
    cleanest = usable[usable["error"] <= least]["carbon_gco2e"].min()
    shown = format_quantity(cleanest, "gCO2e").replace("gCO2e", "g")
    row = re.search(r"Carbon, same accuracy.*?</tr>", page, re.DOTALL).group()
    assert f">{shown}<" in row
    assert f">{100 * least:.3g} %<" in row


def test_fixed_volume_is_explained(make_run, tmp_path):
    study = Study(Demand(lifetime_years=4.0, inferences=1e8))
    text = read(report_html(make_run(tmp_path / "volume", count=6, study=study)))
    assert "a fixed volume of 100,000,000 inferences" in text


def test_names_are_escaped(make_run, tmp_path):
    made = make_run(tmp_path / "a<b>&c", count=2)
    assert "<b>&c" not in report_html(made)


def test_a_run_without_trainings_has_a_page(make_run, tmp_path):
    text = read(report_html(make_run(tmp_path / "fresh", count=0)))
    assert "No trained model is feasible yet." in text
    assert "What these numbers rest on" in text


def test_write_report_puts_it_into_the_run(make_run, tmp_path):
    made = make_run(tmp_path / "written", count=3)
    target = write_report(made)
    assert target == made.path / "report.html"
    assert target.read_text(encoding="utf-8") == report_html(made)
    other = write_report(made, tmp_path / "elsewhere" / "page.html")
    assert other.read_bytes() == target.read_bytes()


def test_one_deployment_and_one_training(make_run, tmp_path):
    deployments = make_run(tmp_path / "all", count=1).deployments[1:2]
    made = make_run(tmp_path / "one", count=1, deployments=deployments)
    text = read(report_html(made))
    assert "1 on the front" in text
    assert isinstance(made.scores(), pd.DataFrame)


def test_page_says_what_a_device_share_is_made_of(page, make_run, tmp_path):
    assert "device: manufacture" in read(page)
    assert "transport" not in read(page).split("device: manufacture")[1][:40]
    phone = Deployment("phone", hardware("pixel3"), "int8", grid("fr"))
    made = make_run(tmp_path / "phone", count=2, deployments=[phone])
    assert "device: manufacture, transport, end of life" in read(report_html(made))
