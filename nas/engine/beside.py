"""Other models on a device: what an ONNX file takes of a deployment's memory and time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hardware_profiles.beside import ModelBeside
from hardware_profiles.deployment import Deployment
from nas.cost.costs import cost
from nas.cost.needs import check_needs
from nas.cost.workload import workload
from nas.errors import ConfigError

__all__ = ["model_beside", "with_models_beside"]

_NEEDED = ("latency_s", "peak_memory_bytes")


def model_beside(
    file: str | Path, deployment: Deployment, inferences_per_s: float, *, name: str | None = None
) -> ModelBeside:
    """What a model takes of the device of a deployment, at its precision and threads, one by one.

    Args:
        file: An ONNX file, all of whose operators are known.
        deployment: Where it runs too.
        inferences_per_s: Of it on one device, in the mean over its service life, >= 0.
        name: What it is called; by default as its file, or as the folder of a ``model.onnx``.

    Raises:
        ConfigError: If there is no such file, or an operator in it has no known cost.
        LayerError: If it cannot be read.
        DeploymentError: If the rate is out of range.
        HardwareError: If the profile lacks rates.
    """
    from nas.models.onnx_reader import read_onnx  # loads onnx, which few need

    path = Path(file)
    if path.suffix != ".onnx" or not path.is_file():
        raise ConfigError(f"beside: no ONNX file {path}; give one, or the model's own numbers")
    network = read_onnx(path)
    if network.unknown:
        raise ConfigError(
            f"beside: {path} has operators of unknown cost ({', '.join(network.unknown)}); measure"
            " it, and give peak_memory_bytes, storage_bytes and occupancy_s instead"
        )
    alone = replace(deployment, batch=1, streams=1, beside=())
    check_needs([alone], _NEEDED, "bottom_up")
    costs = cost(workload(network.layers), [alone])
    return ModelBeside(
        name or (path.absolute().parent.name if path.stem == "model" else path.stem),
        peak_memory_bytes=float(costs.peak_memory_bytes[0]),
        storage_bytes=float(costs.storage_bytes[0]),
        occupancy_s=float(costs.occupancy_s[0]),
        inferences_per_s=inferences_per_s,
    )


def with_models_beside(deployment: Deployment, texts: list[str]) -> Deployment:
    """The deployment with models beside those that it has, each given as "FILE.onnx=RATE".

    Args:
        deployment: Where they run too.
        texts: Files and inferences a second.

    Raises:
        ConfigError: If a text has another form; as `model_beside`.
        DeploymentError: As `model_beside`; if together they take the device's whole life.
        LayerError: As `model_beside`.
        HardwareError: As `model_beside`.
    """
    found: list[ModelBeside] = []
    for text in texts:
        file, _, rate = text.rpartition("=")
        try:
            per_s = float(rate)
        except ValueError:
            raise ConfigError(
                f"--beside: got {text!r}; give FILE.onnx=INFERENCES_PER_S, such as kws.onnx=2"
            ) from None
        found.append(model_beside(file, deployment, per_s))
    label = f"{deployment.label}-with-{'-'.join(model.name for model in found)}"
    return replace(deployment, label=label, beside=(*deployment.beside, *found))
