"""A search by weights that all candidates share: what it records, and what it refuses."""

import json
import math

import numpy as np
import pytest
from tiny_runs import TINY, merged, run_command

from nas.engine.beliefs import Observed
from nas.engine.config import config_from_mapping
from nas.engine.resolve import resolve
from nas.engine.shared_weights import PILOTS, agreement, doubt_of, write_agreement
from nas.engine.warm_start import inherited
from nas.errors import ConfigError
from nas.runs import open_run
from nas.runs.tables import Record, candidate_table
from search_spaces import space


def record(shared=None, alone=(), pilot=None):
    """A candidate with an error by shared weights and others of trainings alone."""
    rest = {"status": "trained", "seconds": 1.0, "energy_j": 1.0, "gco2e": 1.0, "order": 0}
    trainings = []
    if shared is not None:
        trainings.append({**rest, "accuracy": "supernet", "errors": {"fp32": shared}})
    if pilot is not None:
        trainings[0]["alone"] = {"fp32": pilot}
    trainings += [{**rest, "errors": {"fp32": error}} for error in alone]
    mbconv = space("mbconv")
    architecture = mbconv.sample(np.random.default_rng(0))
    layers = mbconv.layers(architecture, (1, 8, 8), 10)
    return Record("0" * 16, architecture, layers, {}, tuple(trainings), None)


def test_trainings_alone_replace_the_error_by_shared_weights():
    both = record(0.4, (0.2, 0.3))
    assert both.errors("fp32") == [0.2, 0.3]
    assert both.mean_errors == {"fp32": 0.25}
    rows = candidate_table([both, record(0.4), record(None, (0.1,))])
    assert list(rows["accuracy"]) == ["trained", "supernet", "trained"]
    assert list(rows["error_fp32"]) == [0.25, 0.4, 0.1]
    assert list(rows["seeds"]) == [2, 1, 1]


def test_agreement_is_of_those_with_both():
    records = [record(0.2, (0.1,)), record(0.4, (0.3, 0.5)), record(0.8, pilot=0.2), record(0.9)]
    found = agreement(records)
    assert found["candidates"] == 3
    # Ranks 1, 2, 3 against 1, 3, 2: 1 - 6 * 2 / (3 * 8) = 0.5.
    assert found["spearman"] == pytest.approx(0.5)
    # Logarithms of 1/2, 1 and 1/4: their mean is that of 1/2.
    assert found["log_ratio_mean"] == pytest.approx(math.log(0.5))
    assert found["log_ratio_deviation"] == pytest.approx(math.log(2))


def test_nothing_is_said_of_too_few():
    assert agreement([record(0.2)])["spearman"] is None
    assert agreement([record(0.2, (0.1,))])["log_ratio_deviation"] is None


def test_the_sampler_doubts_what_was_recorded(engine_run):
    run = engine_run().run
    assert doubt_of(run) == 0
    write_agreement(run, [record(0.2, (0.1,)), record(0.4, (0.4,))])
    # Half and one: the deviation of two logarithms is log 2 / sqrt 2.
    assert doubt_of(run) == pytest.approx(math.log(2) / math.sqrt(2))
    assert Observed([], np.empty((0, 1)), [], np.ones(1)).doubt == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": {"epochs": [1, 2]}}, "recipe.epochs is a list"),
        ({"finalists": {"extra_seeds": 0}}, "give finalists.extra_seeds"),
        ({"search": {"fidelity": "rungs"}, "recipe": {"epochs": 9}}, "there are no rungs"),
        ({"supernet": {"epochs": 0}}, "supernet.epochs"),
        ({"search": {"accuracy": "guessed"}}, "search.accuracy"),
    ],
)
def test_what_makes_no_sense_is_one_line(changes, words):
    wanted = merged(merged(TINY, {"search": {"accuracy": "supernet"}}), changes)
    with pytest.raises(ConfigError, match=words) as caught:
        resolve(config_from_mapping(wanted))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_search_by_shared_weights(tmp_path, config_file):
    wanted = {
        "search": {"accuracy": "supernet", "sampler": "ehvi"},
        "budget": {"trainings": 12},
        "supernet": {"epochs": 2},
    }
    done = run_command("search", config_file(**wanted), "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    run = open_run(tmp_path / "run")
    assert (run.path / "supernet.safetensors").exists()
    table = run.candidates()
    scored = table[table["accuracy"] == "supernet"]
    # Two finalists, and what no network like it was admitted for, are trained alone.
    assert PILOTS <= len(scored) <= 12 - 2
    assert len(table[table["accuracy"] == "trained"]) == len(table) - len(scored)
    told = json.loads((run.path / "supernet.json").read_text())
    # Networks without shared weights count among the first.
    assert 2 <= told["candidates"] <= PILOTS + 2
    assert told["log_ratio_deviation"] > 0
    again = run_command("rescore", run.path, "--hardware", "pixel3", "--grid", "fr")
    assert again.returncode == 0, again.stderr
    on_another_device(run, tmp_path / "second", config_file, wanted)


def on_another_device(run, path, config_file, wanted):
    """The same weights answer for it, and what they scored is not scored again."""
    wanted = merged(wanted, {"search": {"warm_start": [str(run.path)]}, "budget": {"trainings": 3}})
    wanted = merged(wanted, {"supernet": {"finalists": "slices"}, "finalists": {"at_most": 5}})
    elsewhere = [{"hardware": "pixel3", "precision": "fp32", "grid": "fr"}]
    done = run_command("search", config_file(**wanted, deployments=elsewhere), "--out", path)
    assert done.returncode == 0, done.stderr
    second = open_run(path)
    first, now = (run_of.candidates().set_index("candidate") for run_of in (run, second))
    assert weights_of(second) == weights_of(run)
    assert set(first.index[first["status"] == "trained"]) <= set(now.index)
    told = json.loads((second.path / "supernet.json").read_text())
    assert told["candidates"] >= json.loads((run.path / "supernet.json").read_text())["candidates"]
    new = set(now.index[now["status"] == "trained"]) - set(first.index)
    assert len(new) == 3
    for key in new:
        row = json.loads((second.artifacts / key / "result.json").read_text())
        assert "alone" not in row  # pilots were trained for the first

    begun = {}
    for file in second.artifacts.glob("*/seed-*.json"):
        row = json.loads(file.read_text())
        if "inherited" not in row:
            scored = json.loads((file.parent / "result.json").read_text()).get("accuracy")
            begun.setdefault(scored, set()).add(row.get("begun_from"))
    assert begun.pop("supernet") == {"supernet"}
    assert begun.get(None, {None}) == {None}  # those that the weights do not hold


def weights_of(run):
    return (run.path / "supernet.safetensors").read_bytes()


def test_weights_are_taken_only_from_one_run_that_has_them(engine_run):
    shared = {"accuracy": "supernet"}
    made, other = engine_run("shared", search=shared), engine_run("other")
    train = made.plan
    other.train(other.decider.next_job(), 0.25)
    with pytest.raises(ConfigError, match=r"2 runs, and .* goes on from the weights of one"):
        inherited([str(other.run.path)] * 2, train)
    with pytest.raises(ConfigError, match="has no shared weights that were trained by this recipe"):
        inherited([str(other.run.path)], train)
    made.train(made.decider.next_job(), 0.25)
    (made.run.path / "supernet.safetensors").write_bytes(b"weights")
    facts, files = inherited([str(made.run.path)], train)
    assert len(facts["records"]) == 1
    assert (
        json.loads(files["supernet_of.json"])["supernet_recipe"]
        == made.run.frozen["supernet_recipe"]
    )
    longer = engine_run("longer", search=shared, supernet={"epochs": 9}).plan
    with pytest.raises(ConfigError, match="by this recipe"):
        inherited([str(made.run.path)], longer)
