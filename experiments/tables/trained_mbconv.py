"""A table of trained truth: small `mbconv` networks on a subset of Fashion-MNIST, two seeds each.

    python experiments/tables/trained_mbconv.py train --work WORK [--part 0/2]
    python experiments/tables/trained_mbconv.py write --work WORK

`train` appends one line of JSON a training to WORK/part-*.jsonl and goes on where it stopped; parts
are for processes side by side, one thread each. `write` makes the Parquet file of what is there, a
row an epoch. What the columns mean: README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from torch import nn

from hardware_profiles.catalog import hardware
from hardware_profiles.figure import known
from nas.cost.batch import cost_many
from nas.cost.workload import workload
from nas.deployments import deployments_for
from nas.models.metrics import error as error_of
from nas.models.onnx_graph import export_onnx
from nas.models.quantise import calibration_inputs, onnx_error, quantise_onnx
from nas.models.recipe import Recipe
from nas.models.tasks import Splits, load_splits, load_test, task
from nas.models.train import Epoch, Training, predict, train
from search_spaces import space
from search_spaces.base import Architecture
from search_spaces.layers import Layer, mac_count, parameter_count

TASK, SPACE = task("fashion-mnist"), space("mbconv")
ARCHITECTURES, PARTS, SEEDS = 124, 6, (0, 1)
LEAST_MACS, MOST_MACS, MOST_PARAMS = 0.2e6, 2e6, 150e3
# One after another, each with a rise and a fall of the rate of its own: 1, 3 and 9 epochs in all.
CYCLES = tuple(
    Recipe(epochs, 64, 0.03, 0.05, 0.0, train_images=3072, optimiser="muon") for epochs in (1, 2, 6)
)
EPOCHS = sum(recipe.epochs for recipe in CYCLES)
EVERY_EPOCH, AT_END = 2000, 3000  # images
TABLE = Path(__file__).parent / "trained_mbconv.parquet"
DEPLOYMENTS = ("stm32l4r5:int8", "rpi4:int8", "pixel3:int8", "jetson_orin_nano_8gb:fp16")


def architectures() -> list[Architecture]:
    """Random ones within the limits, as many in each sixth of the logarithm of MACs."""
    rng, found = np.random.default_rng(0), {}
    edges = np.geomspace(LEAST_MACS, MOST_MACS, PARTS + 1)
    missing = np.diff(np.arange(PARTS + 1) * ARCHITECTURES // PARTS)
    while missing.any():
        drawn = SPACE.sample(rng)
        layers = layers_of(drawn)
        part = int(np.searchsorted(edges, mac_count(layers), side="right")) - 1
        fits = 0 <= part < PARTS and parameter_count(layers) <= MOST_PARAMS
        if fits and missing[part] and layers not in found:
            found[layers] = drawn
            missing[part] -= 1
    return list(found.values())


def layers_of(architecture: Architecture) -> tuple[Layer, ...]:
    return SPACE.layers(architecture, TASK.input_shape, TASK.outputs, TASK.spec)


def train_part(work: Path, part: int, parts: int) -> None:
    """Train what this part lacks, first all architectures with the first seed."""
    work.mkdir(parents=True, exist_ok=True)
    done = {(row["index"], row["seed"]) for row in recorded(work)}
    all_images = load_splits(TASK)
    whole = dataclasses.replace(
        all_images,
        validation_x=all_images.validation_x[:AT_END],
        validation_y=all_images.validation_y[:AT_END],
    )
    test_x, test_y = load_test(TASK)
    test = test_x[:AT_END], test_y[:AT_END]
    known_power_w = known(hardware("host").load_w).value / (os.cpu_count() or 1)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    for seed in SEEDS:
        for index, architecture in enumerate(architectures()):
            if index % parts != part or (index, seed) in done:
                continue
            layers = layers_of(architecture)
            row = one(layers, whole, test, seed)
            row |= {"index": index, "seed": seed, "architecture": architecture}
            row |= {"core_power_w": known_power_w, "commit": commit}
            with (work / f"part-{part}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(index, seed, row["status"], row["epochs"][-1], f"{row['total_cpu_s']:.1f}")


def one(layers: tuple[Layer, ...], whole: Splits, test: Any, seed: int) -> dict[str, Any]:
    """One training, cycle after cycle, with its errors after every epoch."""
    some = dataclasses.replace(
        whole,
        validation_x=whole.validation_x[:EVERY_EPOCH],
        validation_y=whole.validation_y[:EVERY_EPOCH],
    )
    rows: list[dict[str, float]] = []
    began, spent = time.process_time(), 0.0

    def error_on(module: nn.Module, x: Any, y: Any) -> float:
        return error_of(TASK, predict(module, x, whole), y, whole)

    def look(epoch: Epoch, module: nn.Module) -> None:
        nonlocal spent
        paused = time.process_time()
        rows.append({"loss": epoch.loss, "validation_error": epoch.error})
        rows[-1]["cpu_s"] = paused - began - spent
        if epoch.epoch == epoch.epochs:
            rows[-1]["test_error"] = error_on(module, *test)
            kept["validation_error"] = error_on(module, whole.validation_x, whole.validation_y)
        spent += time.process_time() - paused

    kept: dict[str, float] = {}
    weights = None
    for number, recipe in enumerate(CYCLES):
        training = train(
            layers, TASK, some, recipe, seed=10 * seed + number, on_epoch=look, weights=weights
        )
        weights = training.state
        if weights is None:
            break
    final = kept | {"test_error": rows[-1].get("test_error")} if rows else {}
    final |= int8_errors(layers, training, whole, test)
    return {
        "status": training.status,
        "epochs": rows,
        "final": final,
        "total_cpu_s": time.process_time() - began,
    }


def int8_errors(
    layers: tuple[Layer, ...], training: Training, whole: Splits, test: Any
) -> dict[str, float]:
    """Errors of the int8 file that an export would write."""
    if training.state is None:
        return {}
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        narrow = Path(folder, "int8.onnx")
        export_onnx(layers, training.state, Path(folder, "fp32.onnx"))
        quantise_onnx(Path(folder, "fp32.onnx"), narrow, calibration_inputs(whole))
        made = time.process_time()
        x, y = whole.validation_x, whole.validation_y
        return {
            "int8_validation_error": onnx_error(narrow, TASK, x, y, whole),
            "int8_test_error": onnx_error(narrow, TASK, *test, whole),
            "int8_quantise_s": made - began,
        }


def recorded(work: Path) -> list[dict[str, Any]]:
    """Trainings of all parts; a last line that was cut off is none."""
    rows = []
    for path in sorted(work.glob("part-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    return rows


def write(work: Path) -> None:
    """The Parquet file, a row an epoch."""
    rows = recorded(work)
    found = [layers_of(row["architecture"]) for row in rows]
    places = deployments_for(list(DEPLOYMENTS), ["us-caiso"], like=[])
    costs = cost_many([workload(layers) for layers in found], places)
    flat = []
    for number, (row, layers) in enumerate(zip(rows, found, strict=True)):
        same = {
            "index": row["index"],
            "seed": row["seed"],
            "architecture": json.dumps(row["architecture"], sort_keys=True),
            "params": parameter_count(layers),
            "macs": mac_count(layers),
            "status": row["status"],
            "commit": row["commit"],
        }
        for place, name in enumerate(DEPLOYMENTS):
            same[f"latency_s {name}"] = costs.latency_s[number, place]
            same[f"energy_j {name}"] = costs.energy_j[number, place]
        for epoch, seen in enumerate(row["epochs"], 1):
            last = row["final"] if epoch == EPOCHS else {}
            energy = {"energy_j": seen["cpu_s"] * row["core_power_w"]}
            ends = {f"final_{key}": last.get(key) for key in FINAL}
            flat.append(same | {"epoch": epoch} | seen | energy | ends)
    table = pd.DataFrame(flat).sort_values(["seed", "index", "epoch"])
    table.to_parquet(TABLE, index=False, compression="zstd")
    print(f"{len(rows)} trainings, {len(table)} rows, {TABLE.stat().st_size / 1e3:.0f} kB")


FINAL = ("validation_error", "test_error", "int8_validation_error", "int8_test_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "write"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", default="0/1", help="which part of how many")
    given = parser.parse_args()
    if given.what == "write":
        write(given.work)
    else:
        part, parts = map(int, given.part.split("/"))
        train_part(given.work, part, parts)


if __name__ == "__main__":
    main()
