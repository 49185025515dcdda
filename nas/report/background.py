"""The sections behind the results: the front's table, the search, what fell out, assumptions."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from hardware_profiles.profile import HardwareProfile
from nas.carbon import Demand, Study, device_embodied
from nas.carbon.embodied import is_known
from nas.objectives import OBJECTIVES
from nas.quantities import counted, format_quantity
from nas.report.axes import axis_for
from nas.report.content import assumptions, progress
from nas.report.markup import Cell, Row, figure, section, table
from nas.report.material import Material
from nas.report.plot import Series, scatter
from nas.runs.recipes import RECIPE_PREFIX

__all__ = ["background_sections"]

_SHOWN = ("error", "latency", "energy", "carbon", "peak_memory", "params", "macs")


def background_sections(material: Material) -> str:
    """The front's table, the search itself, what was infeasible, and assumptions, as HTML."""
    return "".join(
        (_front_table(material), _search(material), _infeasible(material), _assumptions(material))
    )


def _front_table(material: Material) -> str:
    front = material.front
    if front.empty:
        return ""
    names = list(dict.fromkeys([*material.run.objectives, *_SHOWN]))
    choices = _choices(material.candidates)
    rows = []
    for _, row in front.iterrows():
        key = str(row["candidate"])
        cells = (
            Cell(key, kind="text", more=choices.get(key, "")),
            material.place(str(row["deployment"])),
            *(
                Cell(
                    material.shown(row, name),
                    material.spread(row, name) if "gco2e" in OBJECTIVES[name].column else "",
                )
                for name in names
            ),
        )
        rows.append(Row(cells, key=key))
    head = ["model", "deployment", *(OBJECTIVES[name].label for name in names)]
    over = "of each deployment's own front" if material.apart else "over all deployments together"
    return section(
        f"The front for {', '.join(material.run.objectives)}",
        f'<p class="note">{len(front)} points {over}, by {OBJECTIVES[names[0]].label}; a key '
        "opens to the choices of its architecture.</p>",
        *(f'<p class="note">{escape(note)}</p>' for note in front.attrs.get("notes", ())),
        table(head, rows, tall=len(rows) > 12),
    )


def _choices(candidates: pd.DataFrame) -> dict[str, str]:
    """By candidate what was chosen of its architecture and its recipe."""
    chosen = {}
    recipe = [name for name in candidates.columns if str(name).startswith(RECIPE_PREFIX)]
    for _, row in candidates.iterrows():
        choices = {**json.loads(row["architecture"]), **{name: row[name] for name in recipe}}
        chosen[str(row["candidate"])] = ", ".join(f"{key} {x}" for key, x in choices.items())
    return chosen


def _search(material: Material) -> str:
    run, spent, candidates = material.run, material.spent, material.candidates
    counts = Counter(candidates["status"]) if len(candidates) else Counter()
    said = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    search = run.frozen["search"]
    recipe = {**run.frozen["recipe"], **run.frozen.get("recipe_choices", {})}
    host = search["host"]
    what = "the workers, failures included" if spent["whole"] else "the recorded trainings only"
    rows = [
        ("Candidates decided", said or "none yet"),
        (f"Time of {what}", _duration(spent["seconds"])),
        ("Energy (modelled)", _energy(spent["energy_j"])),
        ("Carbon, use and manufacture of the machine", format_quantity(spent["gco2e"], "gCO2e")),
        (
            "Machine",
            f"{host['profile']['label']}; {search['workers']} workers, threads of each: "
            f"{search['threads']}; grid {host['grid']['label']} "
            f"({host['grid']['gco2e_per_kwh']['value']:.3g} g/kWh)",
        ),
        ("Sampler", f"{search['sampler']}, seed {search['seed']}"),
        ("Budget", _mapping_text(run.frozen["budget"])),
        ("Training recipe", _mapping_text(recipe)),
    ]
    facts = table(
        ["", ""],
        [Row((Cell(name, kind="wide label"), Cell(value, kind="wide"))) for name, value in rows],
    )
    counted, volumes = progress(material.scores, run.objectives)
    if len(counted) < 2:
        return section("The search itself", facts)
    line = Series("hypervolume", "#1d2630", cloud=np.column_stack([counted, volumes]), line=True)
    plot = scatter(
        [line],
        axis_for(counted, "models trained", "1", tick=lambda value: f"{value:g}", linear=True),
        axis_for([0.0, 1.0], "hypervolume, share of the last", "1", tick=lambda v: f"{v:.0%}"),
        height=320,
        title="Hypervolume of the front as models were trained",
    )
    caption = f"Front of {', '.join(run.objectives)} as models were trained"
    return section("The search itself", f'<div class="plots">{figure(caption, plot)}{facts}</div>')


def _duration(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


def _energy(energy_j: float) -> str:
    return f"{energy_j / 3600.0:.3g} Wh"


def _mapping_text(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value is not None
    )


def _infeasible(material: Material) -> str:
    rows = []
    scores = material.scores
    for label in material.labels if len(scores) else []:
        here = scores[scores["deployment"] == label]
        reasons = [str(text) for text in here.loc[~here["feasible"].astype(bool), "reason"]]
        unknown = int((here["feasible"].astype(bool) & here["error"].isna()).sum())
        kinds = Counter(text.split(":")[0] for text in reasons)
        said = "; ".join(
            f"{count} by {kind} (such as: {next(t for t in reasons if t.startswith(kind))})"
            for kind, count in kinds.most_common()
        )
        cells = (
            material.place(label),
            Cell(f"{len(here) - len(reasons)} of {len(here)}"),
            Cell(str(unknown) if unknown else ""),
            Cell(said, kind="wide"),
        )
        rows.append(Row(cells))
    if not rows:
        return ""
    head = ["deployment", "trained models that fit", "error unknown", "the others"]
    note = (
        '<p class="note">What is infeasible or of unknown error is on no front. Candidates that '
        "fit nowhere were not trained.</p>"
    )
    return section("What fits", note, table(head, rows))


def _view(study: Study) -> str:
    if study.baseline is None:
        return "footprint: average grid rates plus the share of manufacture"
    return (
        "consequence: marginal grid rates plus the whole of what is bought, against"
        f" {study.baseline.name} at {study.baseline.carbon_gco2e:.4g} gCO2e per inference"
    )


def _demand(demand: Demand) -> str:
    volume = (
        f"{counted(demand.inferences)} inferences"
        if demand.inferences is not None
        else f"busy share {demand.busy_share:g}"
    )
    if demand.users is not None:
        on = f"one device for each of {counted(demand.users)} users"
    elif demand.peak_per_s is not None:
        on = (
            f"a pool for a peak of {demand.peak_per_s:g} a second, its devices busy"
            f" {demand.peak_busy_share:.0%} of it, and {demand.spares} spare"
        )
    else:
        on = "one device" if demand.devices in (None, 1) else f"{demand.devices:,} devices"
    shared = (
        f", of which other models take {demand.other_busy_share:.0%}"
        if demand.other_busy_share
        else ""
    )
    return (
        f"{volume}, over {demand.lifetime_years:g} years of service life, on {on}, awake"
        f" {demand.powered_share:.0%} of the time{shared}"
    )


_MEMORY = {
    "smallest_variant": "with the smallest memory and storage sold that hold the model",
    "resident_share": "with the share of memory and storage that the model takes",
    "as_built": "with memory and storage as the profile builds them in",
}


def _manufacture(study: Study) -> str:
    basis = {"bottom_up": "from the bill of materials", "published": "as the maker published it"}
    owned = f"; owned already, charged nothing: {', '.join(study.sunk)}" if study.sunk else ""
    return f"{basis[study.embodied_basis]}, {_MEMORY[study.memory]}{owned}"


def _assumptions(material: Material) -> str:
    run = material.run
    study = run.study
    facts = [
        ("Functional unit", study.functional_unit),
        ("Boundary", study.boundary),
        ("View", _view(study)),
        ("Demand", _demand(study.demand)),
        ("Manufacture", _manufacture(study)),
        ("Tables", f"manufacture {study.fab_table}, grids {study.grid_table}"),
        ("Study", study.hash),
        ("Task", f"{run.frozen['task']['source']}; {run.frozen['task']['licence']}"),
    ]
    listed = table(
        ["", ""],
        [Row((Cell(name, kind="text"), Cell(value, kind="wide"))) for name, value in facts],
    )
    found = assumptions(run.deployments)
    guessed = table(
        ["figure", "value", "plausible", "why"],
        [
            Row(
                (
                    Cell(row.where, kind="text"),
                    Cell(f"{row.value:.4g}"),
                    Cell(f"{row.low:.4g} to {row.high:.4g}" if row.low is not None else ""),
                    Cell(row.source, kind="wide"),
                )
            )
            for row in found
        ],
        tall=len(found) > 12,
    )
    return section(
        "What these numbers rest on",
        listed,
        _devices(material),
        f"<details><summary>{len(found)} figures are assumed, not measured</summary>{guessed}"
        "</details>",
        f"<p class=note>Made with carbon-nas {escape(_version(run.environment))}. Latency, energy "
        "and carbon are modelled by arithmetic from layers and device figures; error is trained. "
        "Only numbers under one study hash compare.</p>",
    )


def _devices(material: Material) -> str:
    rows, study = [], material.run.study
    for deployment in material.run.deployments:
        profile, grid = deployment.profile, deployment.grid
        made = None
        if is_known(profile, study.embodied_basis):
            made = device_embodied(profile, table=study.fab_table, basis=study.embodied_basis)
        year = f", {grid.year}" if grid.year else ""
        scope = f", {grid.scope}" if grid.scope else ""
        cells = (
            material.place(deployment.label),
            Cell(profile.label, profile.runtime, "wide"),
            Cell(
                deployment.precision,
                f"batch {deployment.batch}, streams {deployment.streams}"
                + ("" if deployment.threads is None else f", threads {deployment.threads}")
                + "".join(f", beside {model.name}" for model in deployment.beside),
                "text",
            ),
            Cell(f"{grid.gco2e_per_kwh.value:.3g} g/kWh", f"{grid.label}{year}{scope}", "text"),
            Cell(f"{deployment.overhead:.3g}"),
            Cell(_powers(profile)),
            Cell(format_quantity(None if made is None else made.total_gco2e, "gCO2e")),
        )
        rows.append(Row(cells))
    head = [
        "deployment", "device", "precision", "grid", "overhead", "idle to load",
        "embodied, as built",
    ]  # fmt: skip
    return table(head, rows)


def _powers(profile: HardwareProfile) -> str:
    idle, load = profile.idle_w, profile.load_w
    if idle is None or load is None:
        return "unknown"
    return f"{idle.value:.3g} to {load.value:.3g} W"


def _version(environment: Any) -> str:
    packages = environment.get("packages", {})
    return str(packages.get("carbon-nas") or "of unknown version")
