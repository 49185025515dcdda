"""Of a carbon statement in Markdown: the search, the training, the device and one inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nas.quantities import counted, format_quantity
from nas.report.markdown import digits, figure_text, grams_text, grid_text, sums, table, title

__all__ = ["device_part", "devices_text", "final_training_part", "inference_part", "search_part"]

Facts = Mapping[str, Any]


def search_part(said: Facts) -> Iterator[str]:
    """What the search took."""
    facts = said["search"]
    yield from title("The search")
    wall, ended = facts["wall_hours"], said["run"]["last_training_ended"]
    rows = [
        (
            "models",
            f"{facts['models_trained']} trained, {facts['further_trainings']} further trainings of "
            f"the best, {facts['decided_without_training']} decided without training; sampler "
            f"{said['run']['sampler']}, seed {said['run']['seed']}",
        ),
        *([] if ended is None else [("ended", f"{ended} UTC")]),
        ("time on the clock", "not known yet" if wall is None else f"{wall:.4g} h"),
        (
            "time of the workers",
            f"{facts['hours']:.4g} h of {facts['workers']} together: {facts['time_counted']}",
        ),
        *_machine_rows(facts),
    ]
    yield from table(("what", "value"), rows)
    yield from _machine_sums("search", facts)
    recorded = facts["recorded_gco2e"]
    if recorded is not None and abs(recorded - facts["gco2e"]) > 1e-3 * facts["gco2e"]:
        yield ""
        yield (
            f"The run itself recorded {grams_text(recorded)}; the factor tables that it used then "
            "were others than those of today."
        )


def _machine_rows(facts: Facts) -> list[tuple[str, str]]:
    market = facts["market_gco2e_per_kwh"]
    return [
        ("machine", f"{facts['machine']}; a worker holds {facts['machine_share']:.4g} of it"),
        (
            "mean power",
            f"{facts['mean_power_w']:.4g} W at the {facts['power_boundary']}: "
            f"{facts['power_known']}",
        ),
        ("power of the machine at load", figure_text(facts["machine_load_w"], "W")),
        *_overhead_rows(facts),
        ("electricity, location-based", grid_text(facts["grid"])),
        (
            "electricity, market-based",
            "no contract was given"
            if market is None
            else f"{market:g} g/kWh: {grams_text(facts['operational_market_gco2e'])}",
        ),
        (
            "manufacture of the machine",
            f"{grams_text(facts['machine_embodied_gco2e'])}, shared over a life of "
            f"{facts['machine_life_h']:,g} h",
        ),
        (
            "share of its life that it works",
            figure_text(facts["machine_busy_share"], ""),
        ),
    ]


def _overhead_rows(facts: Facts) -> list[tuple[str, str]]:
    rows = [
        (what, figure_text(facts[name], ""))
        for what, name in (("PUE", "pue"), ("supply efficiency", "supply_efficiency"))
        if facts[name] is not None
    ]
    return [*rows, ("overhead: PUE / supply efficiency", f"{facts['overhead']:.4g}")]


def _machine_sums(name: str, facts: Facts) -> Iterator[str]:
    energy, grid = facts["energy_kwh"], facts["grid"]["gco2e_per_kwh"]["value"]
    life, busy = digits(facts["machine_life_h"]), digits(facts["machine_busy_share"]["value"])
    yield from sums(
        (
            "energy",
            f"{digits(facts['hours'])} h x {digits(facts['mean_power_w'])} W / 1000",
            f"{digits(energy)} kWh",
        ),
        (
            "electricity",
            f"{digits(energy)} kWh x {digits(facts['overhead'])} x {digits(grid)} g/kWh",
            f"{digits(facts['operational_gco2e'])} g",
        ),
        (
            "manufacture",
            f"{digits(facts['machine_embodied_gco2e'])} g x {digits(facts['hours'])} h x "
            f"{digits(facts['machine_share'])} / ({life} h x {busy})",
            f"{digits(facts['embodied_gco2e'])} g",
        ),
        (name, "electricity + manufacture", f"{digits(facts['gco2e'])} g"),
    )


def final_training_part(said: Facts) -> Iterator[str]:
    """What the full training of the model took, or would take."""
    facts = said["final_training"]
    yield from title("The full training of the model")
    yield f"{facts['known'][0].upper()}{facts['known'][1:]}. Machine and electricity as above."
    yield ""
    yield from _machine_sums("training", facts)


def device_part(said: Facts) -> Iterator[str]:
    """The device: powers, electricity, and what it embodies by part."""
    facts = said["device"]
    yield from title("The device")
    share, market = facts["resource_share"], facts["market_gco2e_per_kwh"]
    threads = "" if facts["threads"] == "all" else f", threads {facts['threads']}"
    rows = [
        ("device", f"{facts['label']}; {facts['runtime']}"),
        ("runs", f"batch {facts['batch']}, streams {facts['streams']}{threads}"),
        *([] if share == 1.0 else [("part of the device", f"{share:.4g}")]),
        *(("beside it", _beside_text(model)) for model in facts["beside"]),
        ("idle power", figure_text(facts["idle_w"], "W")),
        ("power at load", figure_text(facts["load_w"], "W")),
        ("boundary of these powers", facts["power_boundary"]),
        *_overhead_rows(facts),
        (
            "electricity, location-based",
            "as that of the search"
            if facts["grid"] == said["search"]["grid"]
            else grid_text(facts["grid"]),
        ),
        (
            "electricity, market-based",
            "no contract was given" if market is None else f"{market:g} g/kWh",
        ),
        ("service life", f"{facts['life_h']:,g} h"),
        ("manufacture is charged", facts["charged"]),
    ]
    yield from table(("what", "value"), rows)
    yield f"What one device embodies (table of factors: {said['study']['fab_table']}):"
    yield ""
    parts = sorted(facts["parts"], key=lambda part: -part["gco2e"])
    yield from table(
        ("part", "g", "calculation", "source"),
        [
            (part["name"], f"{part['gco2e']:,.5g}", part["calculation"], part["source"])
            for part in parts
        ]
        + [("**one device, as charged**", f"**{facts['embodied_gco2e']:,.6g}**", "", "")],
    )
    for key, what in (
        ("unused_silicon_gco2e", "in silicon that the runtime never uses, and counted"),
        ("earlier_life_gco2e", "charged to an earlier life of the parts, and not counted"),
    ):
        grams = sum(part[key] for part in facts["parts"])
        if grams > 0.0:
            yield f"Of the parts, {grams_text(grams)} are {what}."
            yield ""


def _beside_text(model: Facts) -> str:
    return (
        f"{model['name']}: {format_quantity(model['peak_memory_bytes'], 'B')} of memory, "
        f"{format_quantity(model['storage_bytes'], 'B')} of storage, "
        f"{format_quantity(model['occupancy_s'], 's')} "
        f"{model['inferences_per_s']:.4g} times a second"
    )


def inference_part(said: Facts) -> Iterator[str]:
    """One inference: energy, demand, and the sums behind its grams."""
    one, place = said["inference"], said["device"]
    grid, over = place["grid"]["gco2e_per_kwh"]["value"], place["overhead"]
    yield from title("One inference")
    market = one["operational_market_gco2e"]
    rows = [
        ("energy", f"{format_quantity(one['energy_j'], 'J')}, {one['energy_known']}"),
        ("occupancy", f"{format_quantity(one['occupancy_s'], 's')} of a device"),
        (
            "demand",
            f"{counted(one['inferences'])} inferences on {devices_text(one)}, "
            f"each busy {one['total_busy_share']:.4g} of its life and awake "
            f"{one['powered_share']:.4g} of it",
        ),
    ]
    if market is not None:
        rows.append(("electricity, market-based", grams_text(market)))
    if one["sunk_gco2e"] > 0.0:
        rows.append(
            ("share of the device owned already, not charged", grams_text(one["sunk_gco2e"]))
        )
    if one["change_gco2e"] is not None:
        rows.append(("change against the baseline", grams_text(one["change_gco2e"])))
    yield from table(("what", "value"), rows)
    life_s = f"({digits(one['sharing_busy_share'])} x {digits(place['life_h'])} h x 3600)"
    yield from sums(
        (
            "computing",
            f"{digits(one['charged_energy_j'])} J x {digits(over)} x {digits(grid)} g/kWh / 3.6e6",
            f"{digits(one['active_gco2e'])} g",
        ),
        (
            "idle between",
            f"{digits(one['idle_energy_j'])} J x {digits(over)} x {digits(grid)} g/kWh / 3.6e6",
            f"{digits(one['idle_gco2e'])} g",
        ),
        (
            "device",
            f"{digits(place['embodied_gco2e'])} g x {digits(one['occupancy_s'])} s / {life_s}",
            f"{digits(one['embodied_gco2e'])} g",
        ),
        ("one inference", "computing + idle + device", f"{digits(one['gco2e'])} g"),
    )


def devices_text(one: Facts) -> str:
    """How many devices serve."""
    return "one device" if one["devices"] == 1 else f"{counted(one['devices'])} devices"
