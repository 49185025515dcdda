"""The carbon statement: complete, true to the run, and redone from its own fields."""

import json
import math
import re

import pytest

from hardware_profiles.beside import ModelBeside
from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.carbon import Baseline, Demand, Study
from nas.errors import SelectionError
from nas.report import carbon_statement, recompute, write_statement
from nas.report.statement_text import statement_markdown
from nas.report.totals import field
from nas.robustness import robustness
from nas.runs.files import write_json

FIXED_TIME = Demand(lifetime_years=4.0, busy_share=0.3)
MARGINAL = "us-caiso-marginal"


def places(name="us-caiso", **changes):
    return (
        Deployment("mcu", hardware("stm32l4r5"), "int8", grid(name), **changes),
        Deployment("phone", hardware("pixel3"), "int8", grid(name), **changes),
    )


STUDIES = {
    "fixed time": Study(FIXED_TIME),
    "asleep half of the time": Study(Demand(lifetime_years=4.0, busy_share=0.3, powered_share=0.5)),
    "fixed volume": Study(Demand(lifetime_years=3.0, inferences=1e8)),
    "edge fleet": Study(Demand(lifetime_years=3.0, inferences=1e11, users=1000)),
    "pool": Study(Demand(lifetime_years=3.0, inferences=1e9, peak_per_s=50.0, spares=1)),
    "shared": Study(Demand(lifetime_years=3.0, inferences=1e8, other_busy_share=0.4)),
    "as built": Study(FIXED_TIME, memory="as_built"),
    "resident share": Study(FIXED_TIME, memory="resident_share"),
    "other table": Study(FIXED_TIME, fab_table="act-2023"),
    "owned": Study(FIXED_TIME, sunk=("pixel3", "stm32l4r5")),
}
BOUGHT = Study(
    Demand(lifetime_years=3.0, inferences=1e8, other_busy_share=0.4),
    view="consequence",
    baseline=Baseline("what we have", 1e-5),
)
OWNED = Study(
    FIXED_TIME,
    view="consequence",
    baseline=Baseline("what we have", 1e-5),
    sunk=("pixel3", "stm32l4r5"),
)


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    made = make_run(tmp_path_factory.mktemp("statement") / "demo", count=12)
    spent = {"seconds": 70.0, "worker_s": 100.0, "energy_j": 1200.0, "gco2e": 0.1}
    write_json(made.path / "spent.json", spent)
    return made


@pytest.fixture(scope="module")
def sure(run):
    return robustness(run, draws=20)


@pytest.fixture(scope="module")
def said(run, sure):
    return carbon_statement(run, sure=sure)


def leaves(value, path=""):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def check_totals(said):
    """Every total is redone from the other fields, read back from JSON."""
    said = json.loads(json.dumps(said, allow_nan=False))
    totals = recompute(said)
    assert {"search.gco2e", "final_training.gco2e", "inference.gco2e"} <= set(totals)
    for path, value in totals.items():
        assert field(said, path) == pytest.approx(value, rel=1e-9, abs=1e-300), path
    return totals


KWS = {"beside": (ModelBeside("kws", 20e3, 50e3, 0.01, 10.0),)}


# `sure` is of another run here; no total rests on it.
@pytest.mark.parametrize(
    ("name", "changes"), [*((name, {}) for name in STUDIES), ("shared", KWS), ("fixed time", KWS)]
)
def test_totals_follow_from_the_fields(name, changes, make_run, tmp_path, sure):
    made = make_run(tmp_path / "run", count=6, study=STUDIES[name], deployments=places(**changes))
    for label in ("mcu", "phone"):
        scores = made.scores()
        here = scores[(scores["deployment"] == label) & scores["feasible"]]
        assert len(here)
        row = here.iloc[0]
        totals = check_totals(carbon_statement(made, row["candidate"], label, sure=sure))
        assert totals["inference.gco2e"] == pytest.approx(row["carbon_gco2e"], rel=1e-9)
        assert totals["device.embodied_gco2e"] == pytest.approx(
            row["device_embodied_gco2e"], rel=1e-9
        )


@pytest.mark.parametrize("study", [BOUGHT, OWNED], ids=["bought", "owned"])
def test_a_consequence_is_a_change_and_never_added_to_a_search(study, make_run, tmp_path, sure):
    made = make_run(tmp_path / "run", count=4, study=study, deployments=places(MARGINAL))
    said = carbon_statement(made, sure=sure)
    totals = check_totals(said)
    row = made.scores().set_index(["candidate", "deployment"])
    row = row.loc[(said["model"]["candidate"], said["model"]["deployment"])]
    assert totals["inference.change_gco2e"] == pytest.approx(row["change_gco2e"], rel=1e-9)
    assert said["service"] is None
    assert "do not add up" in said["unknown"]["service"]
    assert "do not add up" in statement_markdown(said)


def test_a_contract_and_a_part_of_a_device(make_run, tmp_path, sure):
    deployments = places(market_gco2e_per_kwh=20.0, resource_share=0.5)
    made = make_run(tmp_path / "run", count=4, deployments=deployments)
    said = carbon_statement(made, sure=sure)
    totals = check_totals(said)
    assert "inference.operational_market_gco2e" in totals
    assert said["device"]["resource_share"] == 0.5
    assert "20 g/kWh" in statement_markdown(said)


def test_transport_and_end_of_life_where_the_profile_knows_them(make_run, tmp_path, sure):
    place = Deployment("server", hardware("dell_r740"), "fp32", grid("fr"))
    made = make_run(tmp_path / "run", count=3, deployments=(place,))
    said = carbon_statement(made, sure=sure)
    known = {part["phase"] for part in said["device"]["parts"]}
    check_totals(said)
    for phase in ("transport", "end_of_life"):
        assert (said["service"]["by_phase"][phase] is not None) == (phase in known)
        assert (said["inference"][f"{phase}_gco2e"] is not None) == (phase in known)


def test_none_only_with_its_reason(said):
    nones = {path for path, value in leaves({**said, "unknown": {}}) if value is None}
    assert nones == set(said["unknown"])
    assert nones
    assert "the run does not know it" not in said["unknown"].values()


def test_no_field_is_missing_and_no_number_is_strange(said):
    assert {
        "search.hours", "search.machine", "search.mean_power_w", "search.power_known",
        "search.energy_kwh", "search.overhead", "search.grid.gco2e_per_kwh.value",
        "search.grid.rate", "search.grid.scope", "search.grid.flow", "search.grid.year",
        "search.operational_gco2e", "search.operational_market_gco2e", "search.embodied_gco2e",
        "final_training.known", "final_training.gco2e", "model.error", "model.seeds",
        "device.embodied_gco2e", "device.parts.0.calculation", "device.parts.0.source",
        "inference.gco2e", "inference.embodied_gco2e", "inference.device_share",
        "service.by_phase.use", "service.by_scope.scope3", "study.hash", "study.demand.busy_share",
        "factor_tables.0.version", "assumed.0.low", "run.packages.numpy",
    } <= {path for path, _ in leaves(said)}  # fmt: skip
    for path, value in leaves(said):
        assert not isinstance(value, float) or math.isfinite(value), path


def test_what_the_search_took(run, said, sure):
    search = said["search"]
    assert search["models_trained"] == 12
    assert search["hours"] == pytest.approx(100 / 3600)
    assert search["wall_hours"] == pytest.approx(70 / 3600)
    assert search["energy_kwh"] == pytest.approx(1200 / 3.6e6)
    assert search["mean_power_w"] == pytest.approx(12.0)
    assert "failures" in search["time_counted"]
    (run.path / "spent.json").rename(run.path / "away.json")
    unfinished = carbon_statement(run, sure=sure)
    (run.path / "away.json").rename(run.path / "spent.json")
    assert unfinished["search"]["hours"] == pytest.approx(12 * 5 / 3600)
    assert unfinished["search"]["wall_hours"] is None
    check_totals(unfinished)
    assert "not finished" in unfinished["search"]["time_counted"]


def test_the_final_training_is_modelled_until_it_is_exported(run, said, sure):
    # 12 epochs in the search, 40 in the end.
    training = said["final_training"]
    assert training["hours"] == pytest.approx(5 * 40 / 12 / 3600)
    assert training["energy_kwh"] == pytest.approx(60 * 40 / 12 / 3.6e6)
    assert "modelled" in training["known"]
    key = said["model"]["candidate"]
    card = {"search": {"candidate": key}, "measured": {"train_s": 36.0}}
    write_json(run.path / "models" / key / "card.json", card)
    known = carbon_statement(run, sure=sure)["final_training"]
    (run.path / "models" / key / "card.json").unlink()
    assert known["hours"] == pytest.approx(0.01)
    assert known["machine_share"] == 1.0
    assert "measured" in known["known"]


def test_everything_assumed_is_listed_with_its_range(said):
    names = [row["figure"] for row in said["assumed"]]
    assert len(names) == len(set(names))
    assert any("busy share" in name for name in names)
    used = said["device"]["precision"]
    others = {"fp32", "fp16", "bf16", "int8"} - {used}
    for row in said["assumed"]:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["source"]
        assert not any(row["figure"].endswith(f"macs_per_s.{precision}") for precision in others)


def test_how_sure_it_is(run, said, sure):
    spread = said["uncertainty"]
    rows = {row["what"]: row for row in spread["intervals"]}
    for row in rows.values():
        assert row["low_gco2e"] < row["gco2e"] < row["high_gco2e"]
    assert rows["one inference"]["gco2e"] == said["inference"]["gco2e"]
    assert rows["the search"]["gco2e"] == pytest.approx(said["search"]["gco2e"])
    assert 0.0 <= spread["on_front_share"] <= 1.0
    assert spread["moves_most"]["figure"] in sure.factors
    assert "5 % to 95 % of the draws" in statement_markdown(said)


def test_markdown_is_whole(said):
    text = statement_markdown(said)
    cells = None
    for line in text.splitlines():
        if line.startswith("|"):
            count = len(re.findall(r"\|", line))
            assert cells in (None, count), line
            cells = count
        else:
            cells = None
    assert not re.search(r"\b(None|nan|inf)\b", text)
    assert "\n\n\n" not in text
    # What a device embodies may hold transport and end of life, so it is not called manufacture.
    assert "computing + idle + device" in text
    for word in (said["model"]["candidate"], said["study"]["hash"], "act-2022", "France"):
        assert word in text


def test_files_are_written_whole(run, sure, tmp_path):
    paths = write_statement(run, tmp_path / "new", sure=sure)
    assert [path.name for path in paths] == ["statement.md", "statement.json", "emissions.csv"]
    check_totals(json.loads(paths[1].read_text()))
    assert not list((tmp_path / "new").glob("*.tmp"))


def test_one_may_ask_for_a_model(run, sure):
    row = run.scores().iloc[0]
    said = carbon_statement(run, row["candidate"], sure=sure)
    assert said["model"]["candidate"] == row["candidate"]
    for wrong in (("0123", None), (row["candidate"], "moon")):
        with pytest.raises(SelectionError, match="unknown"):
            carbon_statement(run, *wrong, sure=sure)


def test_an_infeasible_model_has_no_statement(make_run, tmp_path):
    made = make_run(tmp_path / "run", count=3, constraints={"latency_s": 1e-12})
    key = made.scores()["candidate"].iloc[0]
    with pytest.raises(SelectionError, match="not feasible"):
        carbon_statement(made, key)
    with pytest.raises(SelectionError, match="feasible"):
        carbon_statement(made)
