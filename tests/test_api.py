"""The Python interface answers what the commands answer."""

import pytest

import nas
from nas.carbon import Demand, Study
from nas.errors import FrontError, SelectionError
from nas.report import recompute

STUDY = Study(Demand(lifetime_years=4.0, inferences=1e8))


@pytest.fixture(scope="module")
def results(make_run, tmp_path_factory):
    made = make_run(tmp_path_factory.mktemp("api") / "run", count=6, study=STUDY)
    return nas.load(made.path)


@pytest.fixture(scope="module")
def chosen(results):
    return results.select()


def test_one_point_has_one_carbon_everywhere(results, chosen):
    point = (chosen.candidate, chosen.deployment)
    grams = chosen.row["carbon_gco2e"]
    scores = results.scores().set_index(["candidate", "deployment"])["carbon_gco2e"]
    again = results.rescore(results.run.deployments).set_index(["candidate", "deployment"])
    service = results.lifecycle(*point)
    per_inference = service.lifecycle.per_inference.by_part
    told = results.statement(*point)
    assert scores[point] == pytest.approx(grams)
    assert again["carbon_gco2e"][point] == pytest.approx(grams)
    assert float(per_inference["inference"] + per_inference["devices"]) == pytest.approx(grams)
    assert told["inference"]["gco2e"] == pytest.approx(grams)
    assert recompute(told)["inference.gco2e"] == pytest.approx(grams)
    assert told["service"]["gco2e"] == pytest.approx(float(service.lifecycle.total.total_gco2e))
    low, high = results.robustness(draws=20).interval(*point, "carbon_gco2e")
    assert low <= grams <= high


def test_lifecycle_takes_the_options_of_the_service(results, chosen):
    longer = results.lifecycle(chosen.candidate, service_years=8.0, retrainings_per_year=1.0)
    assert (longer.service_years, longer.retrainings) == (8.0, 8.0)
    with pytest.raises(SelectionError, match="nobody"):
        results.lifecycle("nobody")


def test_what_if_prices_the_run_again(results):
    found = results.what_if("error", "carbon")
    assert found.objectives == ("error", "carbon")
    assert {"act-2023", "2 years", "8 years"} <= {row.name for row in found.pricings}


def test_points_are_compared_under_the_same_draws(results, chosen):
    point = (chosen.candidate, chosen.deployment)
    found = results.compare_points(point, point, "carbon", draws=10)
    assert list(found.table["equal"]) == [1.0]
    with pytest.raises(FrontError, match="nobody"):
        results.compare_points(point, ("nobody", chosen.deployment), draws=10)


def test_report_is_written_where_asked(results, tmp_path):
    path = results.report(tmp_path / "page.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
