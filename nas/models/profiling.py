"""This machine measured: rates and bandwidths with PyTorch, and models in either runtime."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from hardware_profiles.catalog import profile_from_dict, profile_to_dict
from hardware_profiles.figure import Figure
from hardware_profiles.host import detect_host, host_cores
from hardware_profiles.profile import HardwareProfile
from nas.errors import HardwareError
from nas.models import board
from nas.models.build import build
from nas.models.model_energy import Counter, each_energy_j
from nas.models.onnx_graph import export_onnx
from nas.models.peaks import Peak, copies, finished, int8_product, products
from nas.models.power import processor_powers_w
from nas.models.single_layers import chains, layer_figures, layer_rows
from nas.models.tasks import Task
from nas.models.torch_process import torch_threads
from search_spaces.base import SearchSpace
from search_spaces.layers import Layer, layer_shapes

__all__ = [
    "Measured",
    "Model",
    "Timed",
    "drawn_models",
    "measured_host",
    "rate_figure",
    "times_in",
    "write_remote_folder",
]

_COPIED = {"memory": 2**27, "far": 2**22, "cache": 2**18}  # bytes
_POWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Model:
    """A network to measure.

    Attributes:
        space: Name of its search space.
        task: Name of the task that gives its input and outputs.
        architecture: Its choices.
        layers: What they make.
    """

    space: str
    task: str
    architecture: Mapping[str, Any]
    layers: tuple[Layer, ...]


def drawn_models(
    spaces: Mapping[str, SearchSpace], task_name: str, task: Task, *, count: int, seed: int
) -> list[Model]:
    """Random models of some spaces, in turn.

    Args:
        spaces: By the names that users write.
        task_name: As users write it.
        task: Gives input and outputs.
        count: How many, >= 1.
        seed: Of the draw.

    Raises:
        SpaceError: If a space does not take such data.
    """
    rng, names = np.random.default_rng(seed), list(spaces)
    found = []
    for index in range(count):
        name = names[index % len(names)]
        choices = spaces[name].sample(rng)
        layers = spaces[name].layers(choices, task.input_shape, task.outputs, task.spec)
        found.append(Model(name, task_name, choices, layers))
    return found


def write_remote_folder(models: Sequence[Model], folder: Path) -> list[dict[str, str]]:
    """A folder that measures itself on any machine with onnxruntime and numpy.

    Args:
        models: What it is to measure.
        folder: Made where it is missing; files of the same names are overwritten.

    Returns:
        Rows of its ``models.csv``: space, task, architecture and file.

    Raises:
        OSError: If it cannot be written.
        ExportError: If a layer has no ONNX form.
    """
    (folder / "models").mkdir(parents=True, exist_ok=True)
    rows = []
    for index, model in enumerate(models):
        name = f"models/{index:03d}.onnx"
        export_onnx(model.layers, build(model.layers, seed=0).state_dict(), folder / name)
        choices = json.dumps(dict(model.architecture))
        rows.append(
            {"space": model.space, "task": model.task, "architecture": choices, "file": name}
        )
    with (folder / "models.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("space", "task", "architecture", "file"))
        writer.writeheader()
        writer.writerows(rows)
    shutil.copyfile(board.__file__, folder / "measure.py")
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """Models that were run on this machine.

    Attributes:
        seen: Seconds of one inference, shape (rounds, models).
        ran: The runtime with its version.
        energy_j: Of one inference of each model, gross of idle; None where nothing counts it.
    """

    seen: NDArray[np.float64]
    ran: str
    energy_j: list[float] | None = None


def times_in(
    runtime: str,
    models: Sequence[Model],
    files: Sequence[Path],
    *,
    threads: int,
    rounds: int,
    device: str = "cpu",
    counter: Counter | None = None,
) -> Timed:
    """Times of models on this machine, what ran them, and their energy where that is counted.

    Args:
        runtime: ``onnxruntime`` or ``pytorch``.
        models: Networks of one input.
        files: Their ONNX files.
        threads: Of the runtime, >= 1, pinned to as many processors.
        rounds: Timings of each, >= 2.
        device: ``cpu`` or ``cuda``.
        counter: Of the energy of what they run on.

    Raises:
        HardwareError: If ONNX Runtime was built without CUDA and that is asked for.
    """
    ran = f"{device.upper()}, threads: {threads}"
    provider = f"{device.upper()}ExecutionProvider"
    if runtime == "onnxruntime" and provider not in onnxruntime.get_available_providers():
        raise HardwareError(
            "--runtime onnxruntime: this build has no CUDA; install onnxruntime-gpu, or take"
            " --runtime pytorch"
        )
    with torch_threads(threads), board.pinned(threads):
        if runtime == "pytorch":
            works = [_torch_work(model, torch.device(device)) for model in models]
            ran = f"PyTorch {torch.__version__}, {ran}"
        else:
            works = board.session_works(list(files), threads, provider)
            ran = f"ONNX Runtime {onnxruntime.__version__}, {ran}"
        seen = board.timings(works, rounds, 0 if device == "cuda" else threads)
        return Timed(seen, ran, None if counter is None else each_energy_j(works, counter))


def _torch_work(model: Model, device: torch.device) -> Callable[[], Any]:
    network = build(model.layers, seed=0).eval().to(device)
    sample = torch.ones(1, *layer_shapes(model.layers)[model.layers[0].name], device=device)

    def run() -> None:
        with torch.inference_mode():
            network(sample)

    return finished(run, device)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A device that was measured.

    Attributes:
        profile: It.
        apart: How far odd and even rounds of its rates were, as `nas.models.board.disagreement`.
        layers: Single layers by kind and shape, as `nas.models.single_layers.layer_rows`.
    """

    profile: HardwareProfile
    apart: float
    layers: list[dict[str, str]]


def measured_host(threads: int, rounds: int, name: str) -> Measured:
    """The profile of this machine with rates, bandwidths, dispatch and single layers measured.

    Powers are measured where the machine counts energy (`nas.models.power`), at rest and with those
    threads busy; else they stay what `hardware_profiles.host.detect_host` assumes.

    Args:
        threads: Of the runtimes, >= 1, pinned to as many processors.
        rounds: Timings of each figure, >= 2.
        name: Of the profile, which is that of its file.

    Raises:
        HardwareError: If the name is none of a profile, or no dispatch time could be told.
    """
    layers = [Model("", "", {}, network) for network in chains()]
    with tempfile.TemporaryDirectory() as folder:
        rows = write_remote_folder(layers, Path(folder))
        files = [Path(folder) / row["file"] for row in rows]
        took = times_in("onnxruntime", layers, files, threads=threads, rounds=rounds)
    with torch_threads(threads), board.pinned(threads):
        labels, works, amounts = zip(*_peaks(threads), strict=True)
        seen = board.timings(list(works), rounds, threads)
        powers = processor_powers_w(partial(time.sleep, _POWER_S), partial(_busy, works[0]))
    when = datetime.now(UTC).date().isoformat()
    rates = np.array(amounts) / seen
    figures = {
        label: rate_figure(column, f"{_ran(label)}, threads: {threads}, {when}")
        for label, column in zip(labels, rates.T, strict=True)
    }
    detected = detect_host()
    content = profile_to_dict(detected) | {"name": name}
    content["runtime"] = f"ONNX Runtime or PyTorch on the CPU, threads: {threads}"
    content["cores"] = Figure(value=threads, basis="measured", source="threads pinned to cores")
    content["cores"] = content["cores"].model_dump()
    content["macs_per_s"] = {name: figures[name] for name in ("fp32", "bf16", "int8")}
    ran = f"{took.ran}, {when}"
    for key, figure in layer_figures(took.seen, figures["fp32"]["value"], ran).items():
        place, _, kind = key.partition(".")
        plain = figure.model_dump(mode="json")
        content[place] = content[place] | {kind: plain} if kind else plain
    content["padding_share"] = _fact(
        0.0, "ONNX Runtime's blocked convolutions leave it out", 0.0, 1.0
    )
    content["smooth_share"] = _fact(
        1.0, "ONNX Runtime fuses neither SiLU nor GELU into a convolution", 0.0, 1.0
    )
    content["memory_bytes_per_s"] = figures["memory"]
    if detected.cache_bytes is not None:
        content["cache_bytes_per_s"] = figures["cache"]
        content["cache_bytes"] = _scaled(detected.cache_bytes, min(1.0, threads / host_cores()))
    if content["far_cache_bytes"] is not None:
        content["far_cache_bytes_per_s"] = figures["far"]
    content |= {} if powers is None else _powered(powers, f"RAPL, threads: {threads}, {when}")
    content["notes"] += " Energy was not measured." if powers is None else ""
    profile = profile_from_dict(content, origin=f"{name}.yaml")
    return Measured(profile, board.disagreement(seen), layer_rows(took.seen, took.ran))


def _peaks(threads: int) -> Iterator[Peak]:
    yield from products(("fp32", "bf16"), torch.device("cpu"))
    yield int8_product(threads)
    yield from copies(_COPIED, torch.device("cpu"))


def _ran(label: str) -> str:
    if label == "int8":
        return f"ONNX Runtime {onnxruntime.__version__}"
    return f"PyTorch {torch.__version__}"


def _busy(work: Callable[[], Any]) -> None:
    until = time.perf_counter() + _POWER_S
    while time.perf_counter() < until:
        work()


def _powered(powers: tuple[float, float], source: str) -> dict[str, Any]:
    """Powers of a profile as counted at the chip."""
    plain = {
        key: Figure(value=value, basis="measured", source=f"{what}, {source}").model_dump()
        for key, what, value in (
            ("idle_w", "at rest", powers[0]),
            ("load_w", "products of matrices", max(powers)),
        )
    }
    share = "of the wall's power what reaches packages and memory: supply, fans, drives, regulators"
    return plain | {"energy_boundary": "chip", "supply_efficiency": _fact(0.65, share, 0.4, 0.9)}


def _fact(value: float, source: str, low: float, high: float) -> dict[str, Any]:
    return Figure(value=value, low=low, high=high, basis="assumed", source=source).model_dump(
        mode="json"
    )


def rate_figure(rates: NDArray[np.float64], runtime: str) -> dict[str, Any]:
    """The fast tenth of the rounds, with the range from their median to their best.

    Args:
        rates: Of one work, shape (rounds,).
        runtime: What ran it, for the source.
    """
    low, value, high = (float(x) for x in np.percentile(rates, (50, 90, 100)))
    source = f"{runtime}, {len(rates)} rounds on this machine: 90th percentile of the rates"
    return Figure(value=value, low=low, high=high, basis="measured", source=source).model_dump()


def _scaled(figure: Figure, ratio: float) -> dict[str, Any]:
    """An assumption that was made in multiples of another rate."""
    scaled = {
        key: None if number is None else number * ratio
        for key, number in (("value", figure.value), ("low", figure.low), ("high", figure.high))
    }
    return figure.model_dump(mode="json") | scaled
