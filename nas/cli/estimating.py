"""One architecture on some deployments: where it comes from, and what is printed of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hardware_profiles import Deployment
from hardware_profiles.documents import read_yaml
from nas.carbon import Study
from nas.carbon.uncertainty import LEVEL
from nas.cli.estimate_tables import lower_bounds, missing_lines, unknown_lines
from nas.cost.breakdown import breakdown
from nas.cost.cheaper import Cheaper, cheaper
from nas.cost.ensemble import certain_grids
from nas.cost.explain import explain as explain_lines
from nas.cost.needs import check_needs
from nas.cost.score import score
from nas.cost.workload import workload
from nas.errors import ConfigError, RunError, unknown_name
from nas.models.tasks import Task
from nas.objectives import OBJECTIVES
from nas.quantities import format_quantity
from nas.report.robust_text import certain_text
from nas.report.text import plain_value
from nas.robustness import score_intervals
from nas.runs import Run
from nas.runs.files import read_json
from search_spaces.base import Architecture, SearchSpace
from search_spaces.layers import Layer, layers_from_json
from search_spaces.widths import width_space

__all__ = ["cheaper_of", "estimate_lines", "estimate_rows", "layers_of", "network_of"]


def layers_of(
    space_name: str | None,
    task_name: str | None,
    architecture: str | None,
    run: Run | None,
    candidate: str | None,
) -> tuple[Layer, ...]:
    """The layers of a run's candidate, or of an architecture of a space.

    Raises:
        ConfigError: If neither is given completely.
        SpaceError: If the architecture is not in the space, or the space cannot be had.
        TaskError: If the task cannot be had.
        RunError: If the run has no such candidate.
    """
    if run is not None:
        if candidate is None:
            raise ConfigError("--candidate: is not given; `carbon-nas front` shows the keys")
        known = sorted(folder.name for folder in run.artifacts.glob("*") if folder.is_dir())
        if candidate not in known:
            raise RunError(unknown_name("candidate", candidate, known, f"ls {run.artifacts}"))
        path = run.artifacts / candidate / "layers.json"
        described = read_json(path)
        if not isinstance(described, dict) or "layers" not in described:
            raise RunError(f"{path}: is damaged, 'layers' is gone; restore it")
        return layers_from_json(described["layers"])
    if space_name is None or task_name is None or architecture is None:
        raise ConfigError(
            "estimate: give --space, --task and --architecture, or --run and --candidate"
        )
    from nas.engine.own_files import find_space, find_task

    chosen, facts = find_space(space_name), find_task(task_name)
    choices = chosen.validate(_choices(architecture))
    return chosen.layers(choices, facts.input_shape, facts.outputs, facts.spec)


def network_of(
    file: Path | None,
    sizes: Sequence[str] | None,
    space_name: str | None,
    task_name: str | None,
    architecture: str | None,
    run: Run | None,
    candidate: str | None,
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """The layers of a file, or of `layers_of`, and what the file has otherwise.

    Args:
        file: FILE.onnx, or FILE.pt2 or FILE.py:FUNCTION as `nas.models.factory` takes them;
            None takes what `layers_of` gives.
        sizes: Of the free axes of an ONNX file, as AXIS=NUMBER.
        space_name: As `layers_of`.
        task_name: As `layers_of`.
        architecture: As `layers_of`.
        run: As `layers_of`.
        candidate: As `layers_of`.

    Raises:
        ConfigError: As `layers_of`; if both are given, the file is of no known kind, or a size is
            not of that form.
        LayerError: If the file cannot be read as layers.
        SpaceError: As `layers_of`.
        RunError: As `layers_of`.
    """
    others = (space_name, task_name, architecture, run, candidate)
    if file is None:
        if sizes:
            raise ConfigError("--size: is of the free axes of a file; give a file")
        return layers_of(*others), ()
    if any(item is not None for item in others):
        raise ConfigError(f"estimate: got {file} and an architecture; give one of them")
    path, colon, function = str(file).rpartition(":")
    if sizes and file.suffix != ".onnx":
        raise ConfigError("--size: is of the free axes of an .onnx file; leave it out")
    if file.suffix in {".onnx", ".pt2"} and not file.is_file():
        raise ConfigError(f"estimate: no file {file}; give the path of one")
    if colon and path.endswith(".py"):
        from nas.models.factory import factory_layers

        layers, notes = factory_layers(Path(path), function)
    elif file.suffix == ".pt2":
        from nas.models.factory import exported_layers

        layers, notes = exported_layers(file)
    elif file.suffix == ".onnx":
        from nas.models.onnx_reader import read_onnx

        found = read_onnx(file, _sizes(sizes or ()))
        layers, notes = found.layers, found.notes
    else:
        raise ConfigError(f"estimate: got {file}; give FILE.onnx, FILE.pt2 or FILE.py:FUNCTION")
    return layers, (*notes, *unknown_lines(layers))


def _sizes(texts: Sequence[str]) -> dict[str, int]:
    given = {}
    for item in texts:
        name, _, number = item.partition("=")
        if not (name and number.isdecimal() and int(number)):
            raise ConfigError(f"--size: got {item!r}; give AXIS=NUMBER, such as sequence=128")
        given[name] = int(number)
    return given


def cheaper_of(
    layers: Sequence[Layer], deployments: Sequence[Deployment], study: Study, *subject: Any
) -> list[tuple[Cheaper, ...]]:
    """What would make a network cheaper, for each deployment.

    Args:
        layers: Of a file: then its narrower widths are looked at (`search_spaces.widths`).
        deployments: Where it may run.
        study: As in `nas.cost.score.score`.
        subject: Space, task, architecture, run and candidate, as `layers_of` takes them: then the
            neighbours of the architecture are looked at. Empty for a file.

    Raises:
        LayerError: If no width of a file's network can change.
        DeploymentError: If a device lacks what its carbon is computed from.
        SpaceError: As `layers_of`.
        RunError: As `layers_of`.
    """
    check_needs(deployments, ["carbon_gco2e"], study.embodied_basis)
    if not subject:
        space, widths = width_space(layers)
        return [cheaper(space, widths, space.build, place, study) for place in deployments]
    chosen, facts, choices = _point_of(*subject)

    def built(near: Architecture) -> tuple[Layer, ...]:
        return chosen.layers(near, facts.input_shape, facts.outputs, facts.spec)

    return [cheaper(chosen, choices, built, place, study) for place in deployments]


def _point_of(
    space_name: str | None,
    task_name: str | None,
    architecture: str | None,
    run: Run | None,
    candidate: str | None,
) -> tuple[SearchSpace, Task, dict[str, Any]]:
    from nas.engine.own_files import find_space, find_task, space_of_run, task_of_run

    if run is not None and candidate is not None:
        choices = read_json(run.artifacts / candidate / "layers.json")["architecture"]
        return space_of_run(run.frozen, run.path), task_of_run(run.frozen, run.path), choices
    return find_space(str(space_name)), find_task(str(task_name)), _choices(str(architecture))


def estimate_rows(
    layers: Sequence[Layer],
    deployments: Sequence[Deployment],
    study: Study,
    *,
    explain: bool,
    groups: bool = False,
    draws: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """One mapping a deployment with every score; ``lower_bounds`` are counts that are no less.

    With `explain` it has the lines of the calculation under ``calculation``; with `groups` the
    cost by group of operators under ``breakdown``; with `draws` the ends of each interval under the
    column's name with ``_low`` and ``_high``.
    """
    counts = workload(layers)
    columns = score(counts, deployments, study, None, training_gco2e=None)
    if draws is not None:
        found = score_intervals(counts, deployments, study, draws=draws, seed=seed)
        for name, (low, high) in found.items():
            columns |= {f"{name}_low": low, f"{name}_high": high}
    rows = []
    bounds = lower_bounds(layers)
    for index, deployment in enumerate(deployments):
        row = {key: plain_value(values[index]) for key, values in columns.items()}
        row["lower_bounds"] = list(bounds)
        if explain:
            row["calculation"] = [asdict(x) for x in explain_lines(counts, deployment, study)]
        if groups:
            row["breakdown"] = [asdict(item) for item in breakdown(layers, deployment)]
        rows.append(row)
    return rows


def estimate_lines(
    layers: Sequence[Layer],
    deployments: Sequence[Deployment],
    study: Study,
    *,
    explain: bool,
    draws: int | None = None,
    seed: int = 0,
) -> list[str]:
    """What `carbon-nas estimate` prints."""
    lines: list[str] = []
    if draws is not None:
        lines.append(
            f"ranges hold {100 * LEVEL:.0f} % of {draws} draws (seed {seed}) of all figures that "
            "have a range"
        )
        certain = certain_grids(deployments)
        lines += [certain_text(certain)] if certain else []
    places = {deployment.label: deployment for deployment in deployments}
    bounds = lower_bounds(layers)
    for row in estimate_rows(layers, deployments, study, explain=explain, draws=draws, seed=seed):
        lines.append(f"{row['deployment']}: {row['reason'] or 'fits and keeps up'}")
        if explain:
            for item in row["calculation"]:
                value = format_quantity(item["value"], item["unit"])
                lines.append(f"  {item['label']} = {item['formula']} = {value}  [{item['source']}]")
        if explain and draws is None:
            continue
        for objective in OBJECTIVES.values():
            value = row[objective.column]
            if value is not None:
                shown = format_quantity(value, objective.unit)
                ends = (row.get(f"{objective.column}_{end}") for end in ("low", "high"))
                low, high = (format_quantity(end, objective.unit) for end in ends)
                spread = f", {low} to {high}" if "unknown" not in (low, high) else ""
                kind = "lower bound" if objective.column in bounds else objective.kind
                lines.append(f"  {objective.label:20} {shown}{spread}  ({kind})")
        lines += [f"  {line}" for line in missing_lines(places[row["deployment"]], study)]
    return lines


def _choices(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"--architecture: not JSON ({error}); mend it") from None
    else:
        value = read_yaml(Path(text))
    if not isinstance(value, dict):
        raise ConfigError("--architecture: must be choices and values, such as {'stem_width': 16}")
    return value
