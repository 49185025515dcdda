"""The card of an exported model: what it is, what was measured, what was assumed. No torch."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from nas.models.recipe import Recipe, recipe_to_dict
from nas.models.tasks import Task
from search_spaces.layers import Layer, mac_count, parameter_count

__all__ = ["model_card", "readme"]

_Z = 1.96  # two-sided 95 % of the normal distribution


def model_card(
    layers: Sequence[Layer],
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
    measured: Mapping[str, Any],
    search: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything known about an exported model, as plain data.

    Args:
        layers: Its layers.
        task: Its task.
        recipe: How it was trained.
        seed: Of that training.
        measured: Fields of `nas.models.export.Exported` without the path.
        search: What the search knows: scores with units in their names, assumptions; with
            `full_training_gco2e_per_s` the carbon of this training is told.

    Returns:
        Rows for `card.json` and `readme`; the 95 % interval of an accuracy is Wilson's (1927)
        and holds for other samples of the same source only.
    """
    rate = search.get("full_training_gco2e_per_s")
    gco2e = None if rate is None else float(measured["train_s"]) * rate
    accuracy = measured["test_accuracy"]
    interval = None if accuracy is None else _wilson(accuracy, int(measured["test_images"]))
    return {
        "format": 1,
        "task": {"name": task.name, "label": task.label, "source": task.source,
                 "licence": task.licence},
        "measured": {**measured, "test_accuracy_interval_95": interval},
        "model": {"params": parameter_count(layers), "macs": mac_count(layers)},
        "training": {**_known(recipe_to_dict(recipe)), "seed": seed,
                     "seconds": measured["train_s"], "gco2e": gco2e,
                     "images": "training and validation parts; the test split was opened once"},
        "search": dict(search),
        "environment": {
            "machine": platform.machine(),
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "onnxruntime", "onnx", "numpy")},
        },
    }  # fmt: skip


def readme(card: Mapping[str, Any]) -> str:
    """The card for people, as Markdown.

    Args:
        card: Of `model_card`.
    """
    measured, model = card["measured"], card["model"]
    latency = measured["latency"]
    lines = [
        f"# {card['task']['label']}: {model['params']:,} parameters, {measured['precision']}",
        "",
        _quality(measured),
        f"- Latency where it was exported: median {latency['median_s'] * 1e3:.3g} ms "
        f"({latency['runtime']}, batch {latency['batch']}).",
        f"- {model['macs']:,} multiply-accumulates per sample.",
        *_precision_note(measured["precision"]),
        "",
        "`python predict.py inputs.npy` needs onnxruntime and numpy; `preprocessing.json` says "
        "what the input is, `labels.json` names the outputs. `layers.json` and "
        "`weights.safetensors` rebuild the network.",
    ]
    for title in ("search", "training", "task", "environment"):
        if card[title]:
            lines += ["", f"## {title.capitalize()}", "", *_bullets(card[title], 0)]
    return "\n".join(lines) + "\n"


def _quality(measured: Mapping[str, Any]) -> str:
    count = f"{measured['test_images']:,}"
    once = "measured once, on `model.onnx` in ONNX Runtime"
    if measured["test_accuracy"] is not None:
        low, high = measured["test_accuracy_interval_95"]
        return (
            f"- Test accuracy {measured['test_accuracy']:.2%} on {count} samples ({low:.2%} to "
            f"{high:.2%} at 95 %), {once}; in fp32 {measured['fp32_test_accuracy']:.2%}."
        )
    metric = measured["metric"]
    figures = [measured["test_error"], measured["fp32_test_error"]]
    if metric == "AUC":
        figures = [1 - figure for figure in figures]
    return f"- Test {metric} {figures[0]:.4f} on {count} samples, {once}; in fp32 {figures[1]:.4f}."


def _known(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not limited, which would read as unknown."""
    return {key: value for key, value in recipe.items() if value is not None}


def _precision_note(precision: str) -> list[str]:
    if precision in ("fp32", "int8"):
        return []
    return [f"- `model.onnx` is float32: let the device's runtime convert it to {precision}."]


def _bullets(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list | tuple):
                yield f"{indent}- {key}:"
                yield from _bullets(item, depth + 1)
            else:
                yield f"{indent}- {key}: {_text(item)}"
    else:
        for item in value:
            yield f"{indent}- {_text(item)}"


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _wilson(share: float, count: int) -> tuple[float, float]:
    centre = share + _Z**2 / (2 * count)
    half = _Z * (share * (1 - share) / count + _Z**2 / (4 * count**2)) ** 0.5
    whole = 1 + _Z**2 / count
    return (centre - half) / whole, (centre + half) / whole
