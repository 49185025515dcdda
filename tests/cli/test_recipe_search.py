"""A real search over recipe settings as well: launched, searched, shown, selected, exported."""

import json

import pytest
from tiny_runs import one_line

from nas.runs import open_run

SEARCHED = {"epochs": [1, 2], "train_images": [64, 128], "learning_rate": 0.03}


def test_a_dry_run_lists_what_is_searched(config_file, in_process):
    path = config_file(recipe=SEARCHED)
    text = in_process("search", path, "--dry-run").stdout
    assert "recipes 4: epochs 1, 2; train_images 64, 128; 452,984,832 candidates with" in text


def test_more_samples_than_there_are_is_refused(config_file, in_process, tmp_path):
    path = config_file(recipe={"train_images": [64, 5000]})
    line = one_line(in_process("search", path, "--out", tmp_path / "run"))
    assert "recipe: train_images=5000 is more than the 1077 training samples" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_search_over_recipes_ends_with_a_model_of_the_chosen_one(
    config_file, in_process, tmp_path
):
    path = config_file(
        recipe=SEARCHED,
        objectives=["error", "lifecycle"],
        budget={"trainings": 3},
        finalists={"extra_seeds": 1, "at_most": 1},
    )
    found = json.loads(in_process("search", path, "--dry-run", "--json").stdout)
    assert found["candidates"] == 4 * found["size"] == 4 * 113_246_208
    assert found["recipe_choices"] == {"epochs": [1, 2], "train_images": [64, 128]}
    run = tmp_path / "run"
    done = in_process("search", path, "--out", run)
    assert done.returncode == 0, done.stderr
    candidates = open_run(run).candidates().set_index("candidate")
    trained = candidates[candidates["status"] == "trained"]
    assert len(trained) == 3
    for key, row in trained.iterrows():
        result = json.loads((run / "artifacts" / key / "result.json").read_text())
        assert len(result["curve"]) == row["recipe.epochs"]
        assert row["recipe.train_images"] in (64, 128)
    head = in_process("front", run).stdout.splitlines()[0]
    assert head.endswith("parameters  epochs  train images")
    chosen = json.loads(in_process("select", run, "--json").stdout)
    epochs = int(candidates.loc[chosen["candidate"], "recipe.epochs"])
    assert any(f"it was trained with epochs {epochs}, " in line for line in chosen["reasons"])
    assert in_process("export", run, "--out", tmp_path / "model").returncode == 0
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["search"]["recipe_chosen"]["epochs"] == card["training"]["epochs"] == epochs
