"""The search of every space on every task that it fits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.all_pairs.run import pairs
from nas.models.tasks import task_names
from search_spaces import space_names

RUN = Path(__file__).parents[1] / "experiments" / "all_pairs" / "run.py"


def test_pairs_are_those_of_one_form():
    found, left = pairs()
    assert {("mbconv", "digits"), ("mlp", "flights"), ("gpt", "shakespeare")} <= set(found)
    assert ("mbconv", "flights") not in found
    assert ("gpt", "breast-cancer") not in found
    assert {task for _, task in found} == set(task_names())
    assert {space for space, _ in found} | set(left) == set(space_names())
    assert set(left) == {"seq2seq"}


@pytest.mark.slow
def test_one_pair_to_its_end(tmp_path):
    words = [sys.executable, str(RUN), "--only", "mlp/breast-cancer", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["pairs"], told["shown"], told["not_shown"]) == (1, 1, [])
    row = json.loads((tmp_path / "mlp-breast-cancer" / "result.json").read_text())
    # 212 of 341 are benign: -(212/341 ln 212/341 + 129/341 ln 129/341) is the log-loss of the share
    assert row["predictor_error"] == pytest.approx(0.663, abs=0.002)
    assert row["margin"] == pytest.approx(row["predictor_error"] - row["error"])
    assert row["trained"] >= 8
    assert (tmp_path / "mlp-breast-cancer" / "model" / "model.onnx").exists()
    again = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout.splitlines()[-1]) == told
