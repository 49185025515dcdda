"""From a candidate to a model folder: full training, ONNX, verification, card."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from nas.errors import ExportError
from nas.models.build import build
from nas.models.card import model_card, readme
from nas.models.measure import Latency, measure_onnx_latency_s
from nas.models.onnx_graph import INPUT, export_onnx
from nas.models.quantise import calibration_inputs, onnx_error, onnx_outputs, quantise_onnx
from nas.models.recipe import Recipe
from nas.models.tasks import Splits, Task, load_splits, load_test, normalise, scaling
from nas.models.train import Epoch, train
from search_spaces.layers import Layer, layers_to_json

__all__ = ["Exported", "export_model"]

_PREDICT = '''\
"""Predictions for raw inputs: python predict.py inputs.npy, many samples or one, or an image."""
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime
def read(path):
    if path.endswith(".npy"):
        return np.load(path)
    from PIL import Image, ImageOps
    channels, height, width = how["shape"]
    image = ImageOps.exif_transpose(Image.open(path)).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        sys.exit(f"{path}: is {image.width}x{image.height}; make it {width}x{height}")
    return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)
if len(sys.argv) != 2:
    sys.exit("usage: python predict.py inputs.npy")
here = Path(__file__).parent
how, labels = (json.loads((here / f"{n}.json").read_text()) for n in ("preprocessing", "labels"))
x = read(sys.argv[1]).astype(np.float32).reshape(-1, *how["shape"])
session = onnxruntime.InferenceSession(here / "model.onnx", providers=["CPUExecutionProvider"])
x = ((x - np.float32(how["mean"])) / np.float32(how["std"])).astype(np.float32)
y = session.run(None, {how["input"]: x})[0]
if how["kind"] == "classification":
    print(*(labels[c] for c in y.argmax(1)), sep="\\n")
elif how["kind"] == "language":  # the likeliest next character of each text
    print(*(repr(labels[c]) for c in y[:, -1].argmax(1)), sep="\\n")
elif how["kind"] == "binary":  # the probability of the second label
    print(*(1 / (1 + np.exp(-y[:, 0].astype(float)))), sep="\\n")
else:
    print(*(y[:, 0].astype(float) * how["target_std"] + how["target_mean"]), sep="\\n")
'''


@dataclass(frozen=True, slots=True)
class Exported:
    """A model folder that was written and verified.

    Attributes:
        path: The folder.
        precision: Precision it was exported for.
        metric: The task's metric.
        test_error: Of `model.onnx` in ONNX Runtime, on the test part.
        fp32_test_error: The same of the float model; equal unless precision is int8.
        test_accuracy: 1 - test_error of a classification, else None.
        fp32_test_accuracy: 1 - fp32_test_error of a classification, else None.
        test_images: How many test samples.
        largest_difference: Between torch's and ONNX Runtime's float outputs, absolute.
        latency: Of `model.onnx` on this machine, batch 1.
        train_s: Wall-clock time of the full training.
    """

    path: Path
    precision: str
    metric: str
    test_error: float
    fp32_test_error: float
    test_accuracy: float | None
    fp32_test_accuracy: float | None
    test_images: int
    largest_difference: float
    latency: Latency
    train_s: float

    @property
    def test_metric(self) -> float:
        """The metric on the test part: accuracy and AUC are 1 - test_error, others the error."""
        return 1 - self.test_error if self.metric in ("accuracy", "AUC") else self.test_error

    @property
    def host_latency_s(self) -> float:
        """Median latency of `model.onnx` on this machine, batch 1."""
        return self.latency.median_s


def export_model(
    layers: tuple[Layer, ...],
    task: Task,
    recipe: Recipe,
    out_dir: str | Path,
    *,
    seed: int,
    precision: str,
    data_dir: str | Path | None = None,
    card: Mapping[str, Any],
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Exported:
    """Train fully, write a model folder, verify it and measure it once on test data.

    The fit uses training and validation data together, because every choice was made before;
    the validation error of that training is therefore not reported. int8 is quantised after
    training. For fp16 and bf16 the folder holds the float model, for the runtime to convert.

    Args:
        layers: The candidate.
        task: Its task.
        recipe: The longer recipe: `default_recipe(task.name, final=True)`.
        out_dir: Folder to make; it appears whole or not at all.
        seed: Of the training.
        precision: Of the deployment: fp32, fp16, bf16 or int8.
        data_dir: As in `load_splits`.
        card: What the search knows about the candidate (scores, assumptions); goes into the card.
        on_epoch: Called after every epoch.

    Raises:
        ExportError: If the folder exists, the training fails, or the file's outputs differ.
        TaskError: If the data are missing or the layers are not for this task.
    """
    folder = Path(out_dir)
    if folder.exists():
        raise ExportError(f"export: {folder} exists; give a new folder")
    splits = _joined(task, load_splits(task, data_dir=data_dir))
    training = train(
        layers,
        task,
        splits,
        recipe,
        seed=seed,
        on_epoch=None if on_epoch is None else lambda epoch, _module: on_epoch(epoch),
    )
    if training.state is None:
        raise ExportError(
            f"export: the full training ended as {training.status}: {training.message}; "
            "choose another candidate or recipe"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        inside = Path(temporary) / "model"
        inside.mkdir()
        difference = _write_models(inside, layers, training.state, splits, precision)
        test_x, test_y = load_test(task, data_dir=data_dir)
        error = onnx_error(inside / "model.onnx", task, test_x, test_y, splits)
        float_error = error
        if precision == "int8":
            float_path = _float_path(inside, precision)
            float_error = onnx_error(float_path, task, test_x, test_y, splits)
        exact = task.metric == "accuracy"
        exported = Exported(
            path=folder,
            precision=precision,
            metric=task.metric,
            test_error=error,
            fp32_test_error=float_error,
            test_accuracy=1 - error if exact else None,
            fp32_test_accuracy=1 - float_error if exact else None,
            test_images=len(test_y),
            largest_difference=difference,
            latency=measure_onnx_latency_s(inside / "model.onnx"),
            train_s=training.seconds,
        )
        measured = dataclasses.asdict(exported)
        del measured["path"]
        written = model_card(layers, task, recipe, seed=seed, measured=measured, search=card)
        _write_papers(inside, layers, task, splits, written)
        inside.rename(folder)
    return exported


_TOLERANCE = 1e-3
_VERIFIED_SAMPLES = 256


def _joined(task: Task, splits: Splits) -> Splits:
    """All samples as training samples; the first are those of `splits`, for calibration."""
    x = np.concatenate([splits.train_x, splits.validation_x])
    y = np.concatenate([splits.train_y, splits.validation_y])
    mean, std = scaling(task, x)
    joined = dataclasses.replace(splits, train_x=x, train_y=y, mean=mean, std=std)
    if splits.train_groups is None or splits.validation_groups is None:
        return joined
    groups = np.concatenate([splits.train_groups, splits.validation_groups])
    return dataclasses.replace(joined, train_groups=groups)


def _float_path(folder: Path, precision: str) -> Path:
    return folder / ("model_fp32.onnx" if precision == "int8" else "model.onnx")


def _write_models(
    folder: Path,
    layers: tuple[Layer, ...],
    state: dict[str, Tensor],
    splits: Splits,
    precision: str,
) -> float:
    """Write weights and ONNX files; return how far the float one is from torch at most."""
    float_path = _float_path(folder, precision)
    export_onnx(layers, state, float_path)
    if precision == "int8":
        quantise_onnx(float_path, folder / "model.onnx", calibration_inputs(splits))
    save_file(state, folder / "weights.safetensors")
    module = build(layers)
    module.load_state_dict(state)
    module.eval()
    x = normalise(splits.validation_x[:_VERIFIED_SAMPLES], splits)
    with torch.inference_mode():
        wanted = module(torch.from_numpy(x)).numpy()
    difference = float(np.abs(onnx_outputs(float_path, x) - wanted).max())
    allowed = _TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    if not difference <= allowed:
        raise ExportError(
            f"export: ONNX Runtime is {difference:.2g} from torch, allowed are {allowed:.2g}; "
            "report these layers as a fault of nas.models.onnx_graph"
        )
    return difference


def _plain(value: float | NDArray[np.float32]) -> Any:
    return value if isinstance(value, float) else value.tolist()


def _write_papers(
    folder: Path, layers: tuple[Layer, ...], task: Task, splits: Splits, card: Mapping[str, Any]
) -> None:
    preprocessing = {
        "formula": "(x - mean) / std, x as the raw values of the data set",
        "kind": task.kind,
        "shape": task.input_shape,
        "mean": _plain(splits.mean),
        "std": _plain(splits.std),
        "target_mean": splits.target_mean,
        "target_std": splits.target_std,
        "input": INPUT,
    }
    papers = {
        "layers": layers_to_json(layers),
        "preprocessing": preprocessing,
        "labels": task.classes,
        "card": card,
    }
    for name, content in papers.items():
        text = json.dumps(content, indent=1, default=str) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(readme(card), encoding="utf-8")
    (folder / "predict.py").write_text(_PREDICT, encoding="utf-8")
