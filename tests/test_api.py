"""The Python interface answers what the commands answer."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from tiny_runs import TINY, merged

import nas
from nas.carbon import Demand, Study
from nas.errors import ConfigError, DeploymentError, FrontError, HardwareError, SelectionError
from nas.report import recompute
from search_spaces import parameter_count, space
from search_spaces.specs import TextSpec

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


def test_deployments_may_be_texts(results):
    by_text = results.rescore(["rpi4:int8", "pixel3:fp16"], grid=["fr", "in"])
    places = {
        f"{device}-{grid}" for device in ("rpi4-int8", "pixel3-fp16") for grid in ("fr", "in")
    }
    assert set(by_text["deployment"]) == places
    (note,) = {line.split(": ", 1)[1] for line in by_text.attrs["notes"]}
    assert note.startswith("error is unknown, as the run measured none in fp16; use pixel3:")
    mine = nas.Deployment("mine", nas.hardware("rpi4"), "int8", nas.grid("fr"))
    assert set(results.rescore(mine)["deployment"]) == {"mine"}
    moved, placed = results.rescore(mine, grid=50), results.rescore("rpi4:int8", grid=50.0)
    assert list(moved["carbon_gco2e"]) == list(placed["carbon_gco2e"])
    assert len(results.rescore(grid=["fr", "in"])) > len(results.scores())


def test_what_is_no_deployment_is_refused(results):
    with pytest.raises(ConfigError, match="grid: is not given and the run has fr, us"):
        results.rescore("rpi4:int8")
    with pytest.raises(HardwareError, match="did you mean 'rpi4'"):
        results.rescore("rpi44:int8", grid="fr")
    with pytest.raises(DeploymentError, match="got 5; give 'NAME:PRECISION'"):
        results.rescore([5], grid="fr")
    with pytest.raises(ConfigError, match="grid: is not given; name one"):
        nas.estimate("mbconv", {}, "digits", "rpi4:int8", STUDY)


def test_an_architecture_for_a_text_is_estimated_at_the_vocabulary_of_its_task():
    gpt = space("gpt")
    smallest = gpt.choose(lambda name, values: values[0])
    (row,) = nas.estimate(
        "gpt", smallest, "shakespeare", "rpi4:int8", STUDY, grid="fr"
    ).itertuples()
    assert row.params == parameter_count(
        gpt.layers(smallest, (64,), 69, TextSpec(vocabulary=69, context=64))
    )


def test_runs_are_compared_however_they_are_given(results, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(results.path, other)
    ways = [
        nas.compare(results.path, other),
        nas.compare(str(results.path), nas.load(other), objectives=["error", "latency", "carbon"]),
        nas.compare([results, other]),
    ]
    assert all(len(found.runs) == 2 for found in ways)
    with pytest.raises(FrontError, match="one run is given"):
        nas.compare(results)


def test_the_package_offers_what_it_names():
    assert all(getattr(nas, name) is not None for name in nas.__all__)
    with pytest.raises(AttributeError, match="'Deploymnt'"):
        nas.Deploymnt  # noqa: B018


def test_the_page_about_python_runs(tmp_path, monkeypatch):
    config = merged(TINY, {"constraints": {}, "final_recipe": {"epochs": 1, "threads": 1}})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    for block in blocks:
        if "runs/other" in block:
            shutil.copytree("runs/mine", "runs/other")
        exec(compile(block, "docs/python.md", "exec"), names)
    assert Path("models/mine/model.onnx").exists()


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
