"""What the report says, over plain tables of scores."""

import pandas as pd
import pytest

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import grid
from nas.report.content import (
    Choice,
    assumptions,
    break_even_inferences,
    choices,
    deciding,
    progress,
)


def scores(rows):
    """Rows of (candidate, order, deployment, error, latency_s, carbon_gco2e)."""
    names = ["candidate", "order", "deployment", "error", "latency_s", "carbon_gco2e"]
    table = pd.DataFrame(rows, columns=names)
    carbon = table["carbon_gco2e"]
    return table.assign(
        feasible=True, trained=True, embodied_gco2e=0.5 * carbon, idle_gco2e=0.3 * carbon
    )


TABLE = scores(
    [
        ("big", 0, "gpu", 0.010, 0.002, 9e-5),
        ("big", 0, "pi", 0.010, 0.020, 3e-5),
        ("mid", 1, "gpu", 0.020, 0.001, 5e-5),
        ("mid", 1, "pi", 0.020, 0.010, 1e-5),
        ("low", 2, "gpu", 0.200, 0.0005, 2e-5),
        ("low", 2, "pi", 0.200, 0.004, 2e-6),
    ]
)


def test_five_ways_to_choose():
    found = {choice.name: choice.row for choice in choices(TABLE, ["error", "latency", "carbon"])}
    picked = {name: (row["candidate"], row["deployment"]) for name, row in found.items()}
    # low is 0.19 worse than the best, so latency and carbon may not take it.
    assert picked == {
        "Accuracy alone": ("big", "gpu"),
        "Carbon, same accuracy": ("big", "pi"),
        "Latency": ("mid", "gpu"),
        "Carbon": ("mid", "pi"),
        "Balanced": picked["Balanced"],
    }


def test_no_scores_no_choices():
    assert choices(TABLE.assign(feasible=False), ["error", "carbon"]) == ()


def test_break_even_by_hand():
    old = Choice("old", "", {"error": 0.1, "carbon_gco2e": 5e-6})
    new = Choice("new", "", {"error": 0.1, "carbon_gco2e": 3e-6})
    # 2 g / 2e-6 g = one million inferences.
    assert break_even_inferences(2.0, old, new) == pytest.approx(1e6)
    assert break_even_inferences(2.0, new, old) is None
    worse = Choice("worse", "", {"error": 0.2, "carbon_gco2e": 1e-6})
    assert break_even_inferences(2.0, old, worse) is None
    assert break_even_inferences(2.0, old, Choice("none", "", None)) is None


def some(label, name="rpi4"):
    return Deployment(label, hardware(name), "int8", grid("fr"))


def test_deciding_by_deployment():
    about = {
        "kappa_range_w": {"pi": [4.0, 4.5], "gpu": None},
        "idle_w": {"pi": 1.5},
        "rank_agreement": {"pi": 1.0, "gpu": 0.5},
    }
    found = deciding(TABLE, [some("gpu"), some("pi")], about, fixed_volume=False)
    gpu, pi = found
    assert (gpu.kappa_w, pi.kappa_w) == (None, (4.0, 4.5))
    assert (gpu.idle_w, pi.idle_w) == (None, 1.5)
    assert pi.agreement == pytest.approx(1.0)
    assert pi.same_model
    assert pi.fastest["candidate"] == "mid"
    assert pi.share("idle_gco2e") == pytest.approx(0.3)
    assert pi.carbon_range == pytest.approx(3.0)
    assert "carbon ranks as latency does" in pi.verdict
    assert pi.verdict.endswith("So counting carbon changes nothing on this device.")
    assert "changes nothing" not in gpu.verdict
    about["rank_agreement"]["pi"] = 0.9
    fixed = deciding(TABLE, [some("pi")], about, fixed_volume=True)[0]
    assert fixed.verdict.endswith("near the best, carbon varies by 200%.")


def test_hardware_that_is_owned_already_leaves_energy_to_decide():
    about = {"kappa_range_w": {"pi": [0.0, 0.0]}, "idle_w": {}, "rank_agreement": {"pi": 0.9}}
    owned = TABLE.assign(embodied_gco2e=0.0, idle_gco2e=0.0)
    found = deciding(owned, [some("pi")], about, fixed_volume=True)[0]
    assert found.verdict == "Neither manufacture nor idling is charged here: energy decides."


def test_a_deployment_without_models_is_told():
    about = {"kappa_range_w": {}, "idle_w": {}, "rank_agreement": {}}
    found = deciding(TABLE, [some("other")], about, fixed_volume=False)[0]
    assert found.verdict == "No trained model qualifies here."
    assert found.agreement is None
    assert found.carbon_range is None


def test_progress_grows_to_one():
    counted, volumes = progress(TABLE, ["error", "carbon"])
    assert counted.tolist() == [1.0, 2.0, 3.0]
    assert (volumes[1:] >= volumes[:-1]).all()
    assert volumes[-1] == 1.0
    assert progress(TABLE.assign(feasible=False), ["error"])[0].size == 0


def test_assumptions_are_found_once_each_with_their_range():
    found = assumptions([some("a"), some("b")])
    places = [row.where for row in found]
    assert places
    assert len(set(places)) == len(places)
    assert all(row.low <= row.value <= row.high and row.source for row in found)
    profile = hardware("rpi4").model_dump_json()
    assert len(found) == profile.count('"basis":"assumed"')
