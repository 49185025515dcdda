"""Precisions, quantisation, latency and export on one trained digits network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from nas.errors import ExportError
from nas.models.build import build
from nas.models.card import model_card, readme
from nas.models.evaluate import errors_by_precision
from nas.models.export import Exported, export_model
from nas.models.measure import measure_onnx_latency_s
from nas.models.onnx_graph import export_onnx
from nas.models.quantise import (
    calibration_inputs,
    onnx_error,
    onnx_outputs,
    onnx_session,
    quantise_onnx,
)
from nas.models.recipe import Recipe
from nas.models.tasks import load_splits, load_test, normalise, task
from nas.models.train import Training, train
from search_spaces import space
from search_spaces.layers import Layer, layers_from_json, parameter_count

DIGITS = task("digits")
RECIPE = Recipe(10, 64, 0.05, 0.05, 0.1)


@pytest.fixture(scope="module")
def layers() -> tuple[Layer, ...]:
    """The smallest network with both kinds of block, a gate and hardswish."""
    wanted = {"activation": "hardswish", "stage2_block": "mb", "stage2_squeeze": 0.25}
    mbconv = space("mbconv")
    architecture = mbconv.choose(lambda name, values: wanted.get(name, values[0]))
    return mbconv.layers(architecture, DIGITS.input_shape, DIGITS.outputs)


@pytest.fixture(scope="module")
def trained(layers: tuple[Layer, ...]) -> Training:
    return train(layers, DIGITS, load_splits(DIGITS), RECIPE, seed=0)


@pytest.fixture(scope="module")
def exported(layers: tuple[Layer, ...], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export_model(
        layers,
        DIGITS,
        RECIPE,
        tmp_path_factory.mktemp("export") / "model",
        seed=0,
        precision="int8",
        card={"scores": {"latency_s": 0.02, "die_area_cm2": None}, "assumptions": ["a grid"]},
    )


def test_every_precision_is_measured_and_int8_loses_little(
    layers: tuple[Layer, ...], trained: Training
) -> None:
    assert trained.state is not None
    splits = load_splits(DIGITS)
    wanted = ("fp32", "bf16", "fp16", "int8", "int4")
    errors = errors_by_precision(trained.state, layers, DIGITS, splits, wanted)
    assert tuple(errors) == wanted
    assert errors["fp32"] == trained.error
    assert errors["int4"] is None
    for precision in ("bf16", "fp16", "int8"):
        error = errors[precision]
        if precision == "int8" or error is not None:
            assert error == pytest.approx(trained.error, abs=0.02)
    again = errors_by_precision(trained.state, layers, DIGITS, splits, ("int8",))
    assert again["int8"] == errors["int8"]


def test_quantised_files_hold_bytes(
    layers: tuple[Layer, ...], trained: Training, tmp_path: Path
) -> None:
    assert trained.state is not None
    import onnx

    splits = load_splits(DIGITS)
    export_onnx(layers, trained.state, tmp_path / "fp32.onnx")
    quantise_onnx(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", calibration_inputs(splits))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    kernels = [part for part in graph.initializer if part.name.endswith("weight_quantized")]
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(kernels) == len(convolutions)
    assert all(part.data_type == onnx.TensorProto.INT8 for part in kernels)
    scales = [part for part in graph.initializer if part.name.endswith("weight_scale")]
    assert {part.dims[0] for part in scales} == {part.dims[0] for part in kernels}


def test_latency_is_ordered_and_names_its_runtime(
    layers: tuple[Layer, ...], trained: Training, tmp_path: Path
) -> None:
    assert trained.state is not None
    export_onnx(layers, trained.state, tmp_path / "model.onnx")
    latency = measure_onnx_latency_s(tmp_path / "model.onnx", repeats=20, warmup=2, batch=4)
    assert 0 < latency.p10_s <= latency.median_s
    assert latency.spread >= 0
    assert (latency.repeats, latency.batch) == (20, 4)
    assert "1 thread" in latency.runtime
    with pytest.raises(ValueError, match="at least 1"):
        measure_onnx_latency_s(tmp_path / "model.onnx", repeats=0)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    for path in (tmp_path / "model.onnx", tmp_path / "none.onnx"):
        with pytest.raises(ExportError, match="export the model again"):
            onnx_session(path)


def test_an_exported_folder_is_complete_and_its_card_true(
    exported: Exported, layers: tuple[Layer, ...]
) -> None:
    folder = exported.path
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx", "model_fp32.onnx", "weights.safetensors", "layers.json",
        "preprocessing.json", "labels.json", "predict.py", "card.json", "README.md",
    }  # fmt: skip
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert exported.test_accuracy >= 0.95
    splits = load_splits(DIGITS)
    how = json.loads((folder / "preprocessing.json").read_text())
    everything = np.concatenate([splits.train_x, splits.validation_x])
    assert (how["mean"], how["std"]) == (everything.mean(), everything.std())
    card = json.loads((folder / "card.json").read_text())
    assert card["measured"]["test_error"] == exported.test_error
    assert card["model"]["params"] == parameter_count(layers)
    text = (folder / "README.md").read_text()
    assert f"{exported.test_accuracy:.2%}" in text
    assert "- latency_s: 0.02" in text
    assert "- die_area_cm2: unknown" in text


def test_an_exported_folder_rebuilds_the_network(exported: Exported) -> None:
    rows = json.loads((exported.path / "layers.json").read_text())
    module = build(layers_from_json(rows))
    module.load_state_dict(load_file(exported.path / "weights.safetensors"))


def test_predict_needs_only_the_folder(exported: Exported, tmp_path: Path) -> None:
    x, y = load_test(DIGITS)
    np.save(tmp_path / "images.npy", x)
    ran = subprocess.run(
        [sys.executable, exported.path / "predict.py", tmp_path / "images.npy"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    predicted = np.array([int(line) for line in ran.stdout.split()])
    assert float(np.mean(predicted == y)) == pytest.approx(exported.test_accuracy)


def test_predict_takes_an_image_of_the_right_size(exported: Exported, tmp_path: Path) -> None:
    x, _ = load_test(DIGITS)
    np.save(tmp_path / "one.npy", x[0])
    Image.fromarray(x[0, 0]).save(tmp_path / "one.png")
    Image.new("L", (9, 8)).save(tmp_path / "wide.png")
    from_array, from_image, refused = (
        subprocess.run(
            [sys.executable, exported.path / "predict.py", name],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )
        for name in ("one.npy", "one.png", "wide.png")
    )  # fmt: skip
    assert from_image.stdout == from_array.stdout
    assert refused.stderr == "wide.png: is 9x8; make it 8x8\n"


def test_predict_without_inputs_says_how(exported: Exported) -> None:
    command = [sys.executable, exported.path / "predict.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "usage: python predict.py inputs.npy\n")


def test_export_refuses_an_existing_folder_and_a_failed_training(
    layers: tuple[Layer, ...], tmp_path: Path
) -> None:
    def export(folder: Path, recipe: Recipe) -> Exported:
        return export_model(layers, DIGITS, recipe, folder, seed=0, precision="fp32", card={})

    with pytest.raises(ExportError, match="exists; give a new folder"):
        export(tmp_path, RECIPE)
    with pytest.raises(ExportError, match="ended as diverged"):
        export(tmp_path / "model", Recipe(1, 64, 1e30, 0.0, 0.0))
    assert not (tmp_path / "model").exists()


def test_the_interval_of_a_card_is_wilsons(layers: tuple[Layer, ...]) -> None:
    # p = 0.9, n = 100, z = 1.96: (0.919208 -+ 1.96 sqrt(0.0009 + 0.00009604)) / 1.038416
    measured = {"test_accuracy": 0.9, "test_images": 100, "train_s": 60.0}
    search = {"full_training_gco2e_per_s": 0.002}
    card = model_card(layers, DIGITS, RECIPE, seed=0, measured=measured, search=search)
    assert card["training"]["gco2e"] == pytest.approx(0.12)
    low, high = card["measured"]["test_accuracy_interval_95"]
    assert (low, high) == (pytest.approx(0.825632, abs=1e-6), pytest.approx(0.944771, abs=1e-6))


def test_a_float16_card_says_that_the_file_is_float32(exported: Exported) -> None:
    card = json.loads((exported.path / "card.json").read_text())
    assert "let the device's runtime convert it" not in readme(card)
    card["measured"]["precision"] = "fp16"
    assert "let the device's runtime convert it to fp16" in readme(card)


def test_outputs_do_not_depend_on_how_images_are_batched(exported: Exported) -> None:
    splits = load_splits(DIGITS)
    x, y = splits.validation_x[:100], splits.validation_y[:100]
    outputs = onnx_outputs(exported.path / "model_fp32.onnx", normalise(x, splits))
    single = [
        onnx_outputs(exported.path / "model_fp32.onnx", normalise(x[i : i + 1], splits))
        for i in range(5)
    ]
    np.testing.assert_allclose(outputs[:5], np.concatenate(single), rtol=1e-4, atol=1e-5)
    error = onnx_error(exported.path / "model_fp32.onnx", DIGITS, x, y, splits)
    assert error == float(np.mean(outputs.argmax(1) != y))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_do_not_quantise_leave_the_precision_unknown(
    layers: tuple[Layer, ...], value: float
) -> None:
    found = task("digits")
    state = build(layers, seed=0).state_dict()
    broken = {
        name: torch.full_like(tensor, value) if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
    errors = errors_by_precision(broken, layers, found, load_splits(found), ["int8"])
    assert errors == {"int8": None}
