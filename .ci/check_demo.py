"""Fail if a finished demonstration lacks anything that is promised of it.

python .ci/check_demo.py RUN
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from nas.comparison import front
from nas.runs import open_run

FILES = (
    "config.yaml",
    "frozen.json",
    "study.db",
    "candidates.parquet",
    "scores.parquet",
    "report.html",
    "environment.json",
    "model/model.onnx",
    "model/weights.safetensors",
    "model/layers.json",
    "model/preprocessing.json",
    "model/labels.json",
    "model/predict.py",
    "model/card.json",
    "model/README.md",
)


def missing_files(folder):
    """Promised files that are not there or hold nothing."""
    wanted = [folder / name for name in FILES]
    artifacts = [path for path in (folder / "artifacts").glob("*") if path.is_dir()]
    wanted += [path / "layers.json" for path in artifacts]
    return [str(path) for path in wanted if not path.is_file() or path.stat().st_size == 0]


def predicted(model):
    """What the exported model's own script says of three images; it may use nothing of ours."""
    shape = json.loads((model / "preprocessing.json").read_text(encoding="utf-8"))["shape"]
    with tempfile.TemporaryDirectory() as scratch:
        images = Path(scratch) / "images.npy"
        np.save(images, np.random.default_rng(0).integers(0, 17, (3, *shape)))
        words = [sys.executable, str(model.resolve() / "predict.py"), str(images)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=scratch)
    sys.stderr.write(done.stderr)
    return done.stdout.splitlines()


def findings(folder):
    """Every promise, kept or not, with what was found."""
    missing = missing_files(folder)
    yield not missing, f"files: {len(FILES)} kinds, missing: {', '.join(missing) or 'none'}"
    if missing:
        return
    candidates = pd.read_parquet(folder / "candidates.parquet")
    scores = pd.read_parquet(folder / "scores.parquet")
    trained = candidates[candidates["status"] == "trained"]
    count = trained["candidate"].nunique()
    yield count >= 24, f"trained candidates: {count} of at least 24"
    span = trained["macs"].max() / trained["macs"].min()
    yield span >= 10, f"their MACs span {span:.1f}x of at least 10x"
    run = open_run(folder)
    size = len(front(run, run.objectives))
    yield size >= 5, f"front: {size} points of at least 5"
    small = scores[~scores["fits"] & scores["reason"].notna()]["candidate"].nunique()
    small += (candidates["status"] == "untrained").sum()
    yield small >= 1, f"candidates that a device refused, with the reason: {small} of at least 1"
    card = json.loads((folder / "model" / "card.json").read_text(encoding="utf-8"))
    accuracy = card["measured"]["test_accuracy"]
    yield accuracy >= 0.97, f"test accuracy of the exported model: {accuracy:.4f} of 0.97"
    said = predicted(folder / "model")
    yield len(said) == 3, f"predict.py on 3 images says: {' '.join(said)}"


def main(path):
    """Print what was found; the exit code is 1 if a promise is broken."""
    found = list(findings(Path(path)))
    for kept, text in found:
        print(f"{'ok' if kept else 'BROKEN'}: {text}")
    return int(not all(kept for kept, _ in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
