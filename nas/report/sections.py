"""The sections of results: fronts, choices, where carbon comes from, what decides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from nas.comparison import front_of
from nas.cost.score import score
from nas.cost.workload import workload
from nas.deciding import ERROR_SLACK, agreement_text, carbon_and_latency, energy_warnings
from nas.objectives import OBJECTIVES, Objective
from nas.quantities import counted, format_quantity
from nas.report.axes import axis_for
from nas.report.content import Choice, Deciding, break_even_inferences, deciding
from nas.report.markup import Cell, Row, figure, legend, mark, section, table
from nas.report.material import Material
from nas.report.plot import Bar, Point, Series, bars, scatter
from nas.report.robust_text import share_text
from nas.runs import Run
from nas.runs.files import read_json
from search_spaces.references import reference_models

__all__ = ["result_sections"]

_PARTS = (
    ("use: computing", "active_gco2e", "#2a6f97"),
    ("use: idle", "idle_gco2e", "#8fb8cf"),
    ("device", "embodied_gco2e", "#a0603b"),
)
_COLUMNS = ("error", "latency", "energy", "carbon", "peak_memory", "params")


def result_sections(material: Material) -> str:
    """Fronts, choices, where their carbon comes from, and what decides, as HTML."""
    if material.usable.empty:
        return section("Fronts", '<p class="note">No trained model is feasible yet.</p>')
    return "".join((_fronts(material), _choices(material), _parts(material), _deciding(material)))


def _fronts(material: Material) -> str:
    others = list(dict.fromkeys(["latency", "carbon", *material.run.objectives]))
    names = [name for name in others if name != "error"]
    plots = [
        figure(f"Error against {OBJECTIVES[name].label}", _front_plot(material, name))
        for name in names
    ]
    icons = [(mark(*material.style(label)), label) for label in material.labels]
    ringed = ""
    if not material.apart:
        ringed = ", circled ones on the front of the two objectives over all deployments together"
    ring = '<svg width="18" height="18"><circle class="ring" cx="9" cy="9" r="7"/></svg>'
    return section(
        "Fronts",
        '<p class="note">Every faint dot is a trained model on one deployment; marked points are '
        f"on the front of their deployment{ringed}. Down and left is better. Rest the pointer on "
        "a point for its figures; its candidate lights up everywhere.</p>",
        legend(
            [*icons, *([] if material.apart else [(ring, "on the front over all deployments")])]
        ),
        f'<div class="plots">{"".join(plots)}</div>',
    )


def _front_plot(material: Material, name: str) -> str:
    error, objective = OBJECTIVES["error"], OBJECTIVES[name]
    pair = ["error", name]
    pooled = front_of(material.scores, pair)
    on_pooled = (
        set()
        if material.apart
        else set(zip(pooled["candidate"], pooled["deployment"], strict=True))
    )
    rows = material.usable.dropna(subset=[objective.column])
    series = []
    for label in material.labels:
        cloud = rows.loc[rows["deployment"] == label, [objective.column, error.column]]
        if cloud.empty:
            continue
        best = front_of(material.scores, [name, "error"], deployment=label)
        points = tuple(
            Point(
                float(row[objective.column]),
                float(row[error.column]),
                _title(material, row),
                str(row["candidate"]),
                (row["candidate"], label) in on_pooled,
            )
            for _, row in best.iterrows()
        )
        colour, shape = material.style(label)
        series.append(Series(label, colour, shape, cloud.to_numpy(dtype=float), points, line=True))
    x = axis_for(rows[objective.column], _axis_label(objective), objective.unit)
    y = axis_for(
        rows[error.column],
        str(material.run.frozen["task"]["error_label"]),
        "1",
        tick=lambda value: material.written(error, value),
    )
    return scatter(series, x, y, title=f"Error against {objective.label}, by deployment")


def _axis_label(objective: Objective) -> str:
    if objective.name in ("carbon", "operational", "embodied", "energy", "latency"):
        return f"{objective.label} of one inference"
    return objective.label


def _title(material: Material, row: pd.Series[Any]) -> str:
    values = ", ".join(f"{OBJECTIVES[name].label} {material.shown(row, name)}" for name in _COLUMNS)
    return f"{row['candidate']} on {row['deployment']}: {values}"


def _choices(material: Material) -> str:
    rows = [_choice_row(material, choice) for choice in material.choices]
    rows += [_reference_row(material, *found) for found in _references(material)]
    head = ["chosen by", "model", "deployment", *(OBJECTIVES[name].label for name in _COLUMNS)]
    return section(
        "Five ways to choose, and two known networks",
        table(head, rows),
        *_listed(_changes(material)),
        f'<p class="note">{_who_competes(material)}The known networks are costed on the deployment '
        "that choosing by carbon picks; their error is shown where they were trained.</p>",
    )


def _who_competes(material: Material) -> str:
    seeds = int(material.usable["seeds"].max()) if "seeds" in material.usable else 1
    if seeds < 2:
        return ""
    return (
        f"Only models trained with {seeds} seeds compete, where there are any: with one seed a low "
        "error may be luck. "
    )


def _choice_row(material: Material, choice: Choice) -> Row:
    name = Cell(choice.name, choice.rule, "text")
    if choice.row is None:
        return Row((name, Cell("none", kind="text"), *(Cell("") for _ in range(7))))
    key = str(choice.row["candidate"])
    small = {
        "error": _spread(material, choice.row),
        "carbon": material.spread(choice.row, "carbon"),
    }
    cells = [
        Cell(material.shown(choice.row, objective), small.get(objective, ""))
        for objective in _COLUMNS
    ]
    place = material.place(str(choice.row["deployment"]))
    return Row((name, Cell(key[:8], kind="text"), place, *cells), key=key)


def _spread(material: Material, row: Mapping[str, Any]) -> str:
    value = row.get("error_spread")
    if value is None or pd.isna(value):
        return ""
    rounded = float(f"{value:.1g}")
    return f"± {material.written(OBJECTIVES['error'], rounded)}, {int(row['seeds'])} seeds"


def _references(material: Material) -> list[tuple[str, Mapping[str, Any]]]:
    """Known networks on the deployment that carbon picks."""
    by_name = {choice.name: choice for choice in material.choices}
    picked = by_name["Carbon"].row if "Carbon" in by_name else None
    label = str(picked["deployment"]) if picked is not None else material.labels[0]
    deployment = material.run.deployments[material.labels.index(label)]
    task = material.run.frozen["task"]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name, layers in reference_models(tuple(task["input_shape"]), len(task["classes"])).items():
        errors = _reference_errors(material.run, name)
        columns = score(
            workload(layers), [deployment], material.run.study, errors, training_gco2e=None
        )
        found.append((name, {key: values[0] for key, values in columns.items()}))
    return found


def _reference_errors(run: Run, name: str) -> dict[Any, float | None]:
    path = run.reference_path(name)
    return dict(read_json(path)["errors"]) if path.exists() else {}


def _reference_row(material: Material, name: str, row: Mapping[str, Any]) -> Row:
    cells = [Cell(material.shown(row, objective)) for objective in _COLUMNS]
    if np.isnan(row["error"]):
        cells[0] = Cell("not trained")
    small = "known network" if row["feasible"] else f"known network; infeasible: {row['reason']}"
    first = Cell(name, small, "text")
    return Row(
        (first, Cell("", kind="text"), material.place(str(row["deployment"])), *cells),
        reference=True,
    )


def _changes(material: Material) -> list[str]:
    """What choosing by carbon changed, in sentences."""
    by_name = {choice.name: choice for choice in material.choices}
    lines = []
    for old, new in (("Accuracy alone", "Carbon, same accuracy"), ("Latency", "Carbon")):
        before, after = by_name[old].row, by_name[new].row
        if before is not None and after is not None:
            lines.append(_change(material, old, before, new, after))
    old_choice, new_choice = by_name["Accuracy alone"], by_name["Carbon, same accuracy"]
    spent = material.spent["gco2e"]
    inferences = break_even_inferences(spent, old_choice, new_choice)
    if inferences is None:
        lines.append("At equal error no carbon is saved, so the search has no break-even.")
    else:
        lines.append(
            f"The search ({format_quantity(spent, 'gCO2e')}) is repaid after "
            f"{counted(math.ceil(inferences))} inferences of “{new_choice.name}” in place of "
            f"“{old_choice.name}”."
        )
    return lines


def _change(
    material: Material, old: str, before: Mapping[str, Any], new: str, after: Mapping[str, Any]
) -> str:
    if before["candidate"] == after["candidate"] and before["deployment"] == after["deployment"]:
        return f"“{new}” and “{old}” pick the same model on the same deployment."
    less = material.robustness.less(_pair(after), _pair(before))
    sure = "" if less is None else f" (lower in {share_text(less)} of the draws)"
    said = [
        f"carbon {_ratio(after['carbon_gco2e'], before['carbon_gco2e'])}{sure}",
        f"latency {_ratio(after['latency_s'], before['latency_s'])}",
        f"energy {_ratio(after['energy_j'], before['energy_j'])}",
        "error unchanged"
        if before["error"] == after["error"]
        else f"error {material.shown(before, 'error')} to {material.shown(after, 'error')}",
    ]
    where = (
        f"both on {after['deployment']}"
        if before["deployment"] == after["deployment"]
        else f"from {before['deployment']} to {after['deployment']}"
    )
    return f"“{new}” instead of “{old}” ({where}): {', '.join(said)}."


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["candidate"]), str(row["deployment"])


def _ratio(after: float, before: float) -> str:
    if before <= 0.0 or after <= 0.0:
        return "unknown"
    if 0.995 <= after / before <= 1.005:
        return "unchanged"
    word = "lower" if after < before else "higher"
    factor = max(after / before, before / after)
    return f"{factor:.3g} times {word}" if factor < 100 else f"{factor:.0f} times {word}"


def _parts(material: Material) -> str:
    rows = [(choice.name, choice.row) for choice in material.choices if choice.row is not None]
    rows += list(_references(material))
    drawn = [
        Bar(
            f"{name} · {row['deployment']}",
            ", ".join(filter(None, (material.shown(row, "carbon"), _range(material, row)))),
            tuple((part, float(row[column]), colour) for part, column, colour in _PARTS),
        )
        for name, row in rows
    ]
    icons = [(mark(colour, "square"), name) for name, _, colour in _PARTS[:2]]
    icons.append((mark(_PARTS[2][2], "square"), _device_words([row for _, row in rows])))
    return section(
        "Where the carbon of one inference comes from",
        legend(icons),
        bars(drawn, title="Shares of computing, idle and manufacture in the carbon of each choice"),
    )


def _device_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the share of a device is made of, as far as any of the profiles knows it."""
    known = [
        word
        for word, column in (("transport", "transport_gco2e"), ("end of life", "end_of_life_gco2e"))
        if any(float(row.get(column) or 0.0) > 0.0 for row in rows)
    ]
    return f"device: {', '.join(['manufacture', *known])}"


def _range(material: Material, row: Mapping[str, Any]) -> str:
    """The interval of the carbon of a trained model; known networks have none."""
    return material.spread(row, "carbon") if "candidate" in row else ""


def _deciding(material: Material) -> str:
    demand = material.run.study.demand
    fixed_volume = demand.inferences is not None
    found = deciding(
        material.scores,
        material.run.deployments,
        carbon_and_latency(material.usable, fixed_volume),
        fixed_volume=fixed_volume,
    )
    if demand.inferences is not None:
        said = (
            f"Demand is a fixed volume of {counted(demand.inferences)} inferences: a faster model "
            "dilutes neither the manufacture of its device nor its idling. Kappa is that share of "
            "manufacture in watts over a model's own busy time: it is large where a model is fast."
        )
    else:
        said = (
            f"Demand is fixed time, a busy share of {demand.busy_share:g}: a faster model serves "
            "more in the same life and so dilutes the manufacture of its device and its idling. "
            "Carbon goes as E + (kappa + idle) tau, tau the occupancy; kappa is the manufacture "
            "and idle the idle power that a busy second carries, both in watts."
        )
    plots = [
        figure(
            f"Carbon against {OBJECTIVES[name].label}, every trained model",
            _pair_plot(material, name, "carbon"),
        )
        for name in ("latency", "energy")
    ]
    head = [
        "deployment", "kappa" if fixed_volume else "kappa + idle", "load - idle",
        "made + idle", "most / least", "rank agreement", "fastest, cleanest", "reading",
    ]  # fmt: skip
    return section(
        "Is carbon only latency by another name?",
        f'<p class="note">{escape(said)} Made + idle are the shares of manufacture and idling in '
        "the carbon of the cleanest model, most / least the range of carbon, both among models "
        f"within {ERROR_SLACK:g} of the least error. Rank agreement is Spearman's over all models: "
        "1 where carbon orders them as latency does.</p>",
        f'<div class="plots">{"".join(plots)}</div>',
        table(head, [_deciding_row(material, row) for row in found]),
        *_listed(energy_warnings(material.usable, together=not material.apart)),
    )


def _listed(lines: Sequence[str]) -> list[str]:
    return [f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"] if lines else []


def _deciding_row(material: Material, row: Deciding) -> Row:
    shares = [row.share(column) for column in ("embodied_gco2e", "idle_gco2e")]
    texts = [
        _weight_of_time(row),
        format_quantity(row.power_spread_w, "W"),
        " + ".join(f"{share:.0%}" for share in shares if share is not None),
        "" if row.carbon_range is None else f"{row.carbon_range:.3g}",
        "" if row.agreement is None else agreement_text(row.agreement),
        "" if row.cleanest is None else "one model" if row.same_model else "two models",
    ]
    cells = (material.place(row.deployment), *map(Cell, texts), Cell(row.verdict, kind="wide"))
    return Row(cells)


def _weight_of_time(row: Deciding) -> str:
    if row.kappa_w is None:
        return "no carbon in use" if row.cleanest is not None else ""
    least, most = (format_quantity(value, "W") for value in row.kappa_w)
    kappa = least if least == most else f"{least} to {most}"
    return kappa if row.fixed_volume else f"{kappa} + {format_quantity(row.idle_w, 'W')}"


def _pair_plot(material: Material, across: str, down: str) -> str:
    x, y = OBJECTIVES[across], OBJECTIVES[down]
    rows = material.usable
    series: Sequence[Series] = [
        Series(
            label,
            *material.style(label),
            cloud=rows.loc[rows["deployment"] == label, [x.column, y.column]].to_numpy(dtype=float),
        )
        for label in material.labels
    ]
    return scatter(
        series,
        axis_for(rows[x.column], _axis_label(x), x.unit),
        axis_for(rows[y.column], _axis_label(y), y.unit),
        height=340,
        title=f"{y.label} against {x.label}, by deployment",
    )
