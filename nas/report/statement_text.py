"""A carbon statement for people, as Markdown; the figures are those of its JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nas.quantities import counted, format_quantity
from nas.report.markdown import figure_text, grams_text, share_text, table, title
from nas.report.robust_text import certain_text
from nas.report.statement_parts import (
    device_part,
    devices_text,
    final_training_part,
    inference_part,
    search_part,
)

__all__ = ["statement_markdown"]

Facts = Mapping[str, Any]


def statement_markdown(statement: Facts) -> str:
    """The statement as Markdown: in short, then part by part with its arithmetic and sources.

    Args:
        statement: As `nas.report.carbon_statement` gives it.
    """
    model = statement["model"]
    sections = (
        _in_short(statement),
        _how_sure(statement),
        search_part(statement),
        final_training_part(statement),
        _model(statement),
        device_part(statement),
        inference_part(statement),
        _service(statement),
        _study(statement),
        _assumed(statement),
        _unknown(statement),
        _check(),
    )
    head = [f"# Carbon statement: {statement['run']['task']}, model {model['candidate']}", ""]
    text = "\n".join([*head, *(line for lines in sections for line in lines)])
    return text.replace("\n\n\n", "\n\n").rstrip("\n") + "\n"


def _in_short(said: Facts) -> Iterator[str]:
    search, training, one = said["search"], said["final_training"], said["inference"]
    device = said["device"]
    yield (
        f"A search for {', '.join(said['run']['objectives'])} over {said['run']['space']}, and the "
        f"model chosen from it, run in {device['precision']} on {device['label']}. Carbon is in "
        "grams of CO2 equivalent (g, mg, µg, ng)."
    )
    yield ""
    yield from table(
        ("what", "carbon", "of it electricity", "of it hardware"),
        [
            _split(f"the search, {search['models_trained']} models trained", search),
            _split("the full training of the model", training),
            _split(f"{said['study']['functional_unit']} with it", one),
        ],
    )
    if said["service"] is not None:
        total, parts = said["service"]["gco2e"], said["service"]["by_part"]
        before = parts["search"] + parts["final_training"]
        yield (
            f"Over {device['life_h'] / 8760:g} years and {counted(one['inferences'])} inferences "
            f"on {devices_text(one)} the whole service comes to {grams_text(total)}; "
            f"{share_text(before, total)} of that is the search and the training."
        )
        yield ""
    yield (
        "Energy is modelled, not metered. What was measured, derived or assumed is said beside "
        "each figure; what was assumed is listed below with its range."
    )


def _split(name: str, facts: Facts) -> tuple[str, ...]:
    return (
        name,
        *(grams_text(facts[key]) for key in ("gco2e", "operational_gco2e", "embodied_gco2e")),
    )


def _how_sure(said: Facts) -> Iterator[str]:
    facts = said["uncertainty"]
    yield from title("How sure")
    if facts is None:
        yield said["unknown"]["uncertainty"].capitalize() + "."
        return
    tail = 100.0 * (1.0 - facts["level"]) / 2.0
    yield (
        f"All {facts['figures']} figures with a range were drawn together {facts['draws']} times "
        f"(seed {facts['seed']}), each from its low to its high end, with one value a draw for "
        "everything that rests on it. The error of the model stays as trained; what the model of "
        "latency and energy leaves out is not drawn."
    )
    if facts["certain_grids"]:
        yield ""
        said_certain = certain_text(facts["certain_grids"])
        yield f"{said_certain[0].upper()}{said_certain[1:]}."
    yield ""
    yield from table(
        ("carbon", "best estimate", f"{tail:g} % to {100.0 - tail:g} % of the draws"),
        [
            (
                row["what"],
                grams_text(row["gco2e"]),
                f"{grams_text(row['low_gco2e'])} to {grams_text(row['high_gco2e'])}",
            )
            for row in facts["intervals"]
        ],
    )
    share, most = facts["on_front_share"], facts["moves_most"]
    if share is not None:
        yield (
            f"The model is on the front of {', '.join(said['run']['objectives'])} in "
            f"{100.0 * share:.0f} % of the draws."
        )
        yield ""
    if most is not None:
        yield f"What moves the carbon of one inference most is `{most['figure']}`: " + (
            f"{figure_text(most, '')}."
        )


def _said(choices: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in choices.items())


def _model(said: Facts) -> Iterator[str]:
    model, run = said["model"], said["run"]
    spread = model["seed_spread"]
    error = f"{model['error']:.4g}" + ("" if spread is None else f" (± {spread:.2g} between seeds)")
    yield from title("The model")
    choices = _said(model["architecture"])
    recipe = _said(model["recipe_chosen"])
    yield from table(
        ("what", "value"),
        [
            ("task", f"{run['task']}: {run['task_source']}"),
            ("candidate", f"`{model['candidate']}` on `{model['deployment']}`"),
            ("choices of its architecture", choices),
            *([("what the search chose of its training", recipe)] if recipe else []),
            ("error", f"{error}, {model['error_known']}; seeds: {model['seeds']}"),
            (
                "size",
                f"{counted(model['params'])} parameters, {counted(model['macs'])} "
                "multiply-accumulates",
            ),
            (
                "latency",
                f"{format_quantity(model['latency_s'], 's')}, {model['costs_known']}",
            ),
            ("memory", f"{format_quantity(model['peak_memory_bytes'], 'bytes')} at its peak"),
        ],
    )
    yield "Why this one:"
    yield ""
    yield from (f"- {reason}" for reason in model["chosen_because"])


def _service(said: Facts) -> Iterator[str]:
    service = said["service"]
    yield from title("The whole service")
    if service is None:
        yield said["unknown"]["service"].capitalize() + "."
        return
    yield (
        "The search, one full training, and every inference over the life of the devices. Scopes "
        "are as whoever runs all of it would report them."
    )
    yield ""
    rows = []
    for by, split in (
        ("what", service["by_part"]),
        ("phase", service["by_phase"]),
        ("scope", service["by_scope"]),
    ):
        for name, grams in split.items():
            said_name = name.replace("_", " ").replace("scope", "scope ")
            rows.append((by, said_name, *_part(grams, service["gco2e"])))
    rows.append(("**all**", "", f"**{grams_text(service['gco2e'])}**", ""))
    yield from table(("split by", "what", "carbon", "share"), rows)


def _study(said: Facts) -> Iterator[str]:
    study = said["study"]
    yield from title("What the numbers are about")
    pool = study["demand"].get("peak_per_s") is not None
    demand = ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in study["demand"].items()
        if value is not None and (pool or name not in ("peak_busy_share", "spares"))
    )
    views = {
        "footprint": "footprint: average grid rates plus allocated manufacture",
        "consequence": "consequence: marginal grid rates plus what is bought, against a baseline",
    }
    rows = [
        ("study", f"`{study['hash']}`; only numbers of one study compare"),
        ("functional unit", study["functional_unit"]),
        ("boundary", study["boundary"]),
        ("view", views[study["view"]]),
        ("demand", demand),
        *(
            (table["what"], f"{table['name']} ({table['version']}): {table['label']}")
            for table in said["factor_tables"]
        ),
        ("made with", _software(said["run"])),
    ]
    yield from table(("what", "value"), rows)


def _software(run: Facts) -> str:
    packages = [f"{name} {version}" for name, version in run["packages"].items() if version]
    return f"Python {run['python']}, {', '.join(packages)}, on {run['platform']}"


def _assumed(said: Facts) -> Iterator[str]:
    yield from title("What was assumed")
    yield f"{len(said['assumed'])} figures were neither measured nor published for the very thing:"
    yield ""
    yield from table(
        ("figure", "value", "plausible", "why"),
        [
            (
                row["figure"],
                f"{row['value']:.4g}",
                f"{row['low']:.4g} to {row['high']:.4g}",
                row["source"],
            )
            for row in said["assumed"]
        ],
    )


def _unknown(said: Facts) -> Iterator[str]:
    yield from title("What is not known")
    reasons: dict[str, list[str]] = {}
    for path, reason in said["unknown"].items():
        reasons.setdefault(reason, []).append(path)
    if not reasons:
        yield "Nothing that this statement asks for."
    for reason, paths in reasons.items():
        shown = ", ".join(f"`{path}`" for path in paths[:4])
        more = f" and {len(paths) - 4} more" if len(paths) > 4 else ""
        yield f"- {shown}{more}: {reason}"


def _check() -> Iterator[str]:
    yield from title("To check it")
    yield "`statement.json` holds every field; its totals follow from the others:"
    yield ""
    yield "```python"
    yield "import json, nas.report"
    yield 'print(nas.report.recompute(json.load(open("statement.json"))))'
    yield "```"
    yield ""
    yield (
        "`emissions.csv` has one row a training in CodeCarbon's columns and units (kg, kWh), "
        "electricity only."
    )


def _part(grams: float | None, whole: float) -> tuple[str, str]:
    return ("not known", "") if grams is None else (grams_text(grams), share_text(grams, whole))
