"""Of a carbon statement: what the search took, and the full training of the chosen model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hardware_profiles import deployment_from_dict
from hardware_profiles.deployment import Deployment
from hardware_profiles.figure import Figure, known
from hardware_profiles.grid import Grid
from nas.errors import RunError
from nas.runs.files import read_json
from nas.runs.machine import HOST_BUSY_SHARE, WorkerPower, worker_power
from nas.runs.recipes import final_recipe, search_recipe
from nas.runs.tables import Record, read_records

if TYPE_CHECKING:
    from nas.runs import Run

__all__ = [
    "figure_facts",
    "final_training_facts",
    "grid_facts",
    "overhead_facts",
    "search_facts",
]

_HOUR = 3600.0


def figure_facts(figure: Figure) -> dict[str, Any]:
    """A figure with how it is known, its range and its source."""
    return {
        "value": figure.value,
        "known": figure.basis,
        "low": figure.low,
        "high": figure.high,
        "source": figure.source,
    }


def grid_facts(grid: Grid) -> dict[str, Any]:
    """A grid with its figure and what the figure stands for."""
    return {
        "name": grid.name,
        "label": grid.label,
        "gco2e_per_kwh": figure_facts(grid.gco2e_per_kwh),
        "rate": grid.rate,
        "scope": grid.scope,
        "flow": grid.flow,
        "year": grid.year,
    }


def overhead_facts(place: Deployment) -> dict[str, Any]:
    """What turns a joule at the boundary of the power into one of the grid, with its origin."""
    pue, supply = place.profile.pue, place.profile.supply_efficiency
    found: dict[str, Any] = {"overhead": place.overhead}
    for name, own, figure in (
        ("pue", place.pue, pue),
        ("supply_efficiency", place.supply_efficiency, supply),
    ):
        found[name] = None if figure is None else figure_facts(figure)
        if own is not None:
            said = {"known": "given", "low": None, "high": None, "source": "the deployment"}
            found[name] = {"value": own, **said}
    return found


def search_facts(run: Run) -> dict[str, Any]:
    """What the search took: trainings, hours, machine, energy, electricity, manufacture."""
    records = read_records(run.artifacts)
    search = run.frozen["search"]
    host, power = deployment_from_dict(search["host"]), worker_power(run.frozen)
    spent = run.spent()
    inherited = float((spent or {}).get("inherited_gco2e", 0.0))
    own = [[row for row in record.trainings if "inherited" not in row] for record in records]
    trainings = [training for rows in own for training in rows]
    if spent is not None and "worker_s" in spent:
        seconds, joules = float(spent["worker_s"]), float(spent["energy_j"])
        counted = "all time of the workers, failures and killed trainings included"
    else:
        seconds = sum(float(training["seconds"]) for training in trainings)
        joules = sum(float(training["energy_j"]) for training in trainings)
        counted = "the recorded trainings only, since the run has not finished"
    return {
        "models_trained": sum(map(bool, own)),
        "further_trainings": sum(max(0, len(rows) - 1) for rows in own),
        "decided_without_training": sum(not record.trainings for record in records),
        "wall_hours": None if spent is None else float(spent["seconds"]) / _HOUR,
        "time_counted": counted,
        "workers": search["workers"],
        "threads_per_worker": search["threads"],
        **_machine(host, power, seconds, joules, power.share),
        "recorded_gco2e": None if spent is None else float(spent["gco2e"]) - inherited,
        "inherited_gco2e": inherited,
    }


def _machine(
    host: Deployment, power: WorkerPower, seconds: float, joules: float, share: float
) -> dict[str, Any]:
    """Time on the searching machine, and what follows from it."""
    energy_kwh = joules / 3.6e6
    grid, market = host.grid.gco2e_per_kwh.value, host.market_gco2e_per_kwh
    operational = energy_kwh * host.overhead * grid
    hours = seconds / _HOUR
    busy_h = power.life_h * HOST_BUSY_SHARE.value
    embodied = power.embodied_gco2e * hours * share / busy_h
    return {
        "machine": host.profile.label,
        "machine_load_w": figure_facts(known(host.profile.load_w)),
        "machine_share": share,
        "hours": hours,
        "mean_power_w": joules / seconds if seconds > 0.0 else 0.0,
        "power_known": "modelled: power at load, times the share of the machine that was held",
        "energy_kwh": energy_kwh,
        "power_boundary": host.profile.energy_boundary,
        **overhead_facts(host),
        "grid": grid_facts(host.grid),
        "market_gco2e_per_kwh": market,
        "operational_gco2e": operational,
        "operational_market_gco2e": None if market is None else energy_kwh * host.overhead * market,
        "machine_embodied_gco2e": power.embodied_gco2e,
        "machine_life_h": power.life_h,
        "machine_busy_share": figure_facts(HOST_BUSY_SHARE),
        "embodied_gco2e": embodied,
        "gco2e": operational + embodied,
    }


def final_training_facts(run: Run, record: Record) -> dict[str, Any]:
    """The full training of a candidate: as its export took it, else modelled from the search."""
    host, power = deployment_from_dict(run.frozen["search"]["host"]), worker_power(run.frozen)
    card = _card(run, record.candidate)
    if card is not None:
        seconds = float(card["measured"]["train_s"])
        told = "time measured when the model was exported; it held the whole machine"
        joules = known(host.profile.load_w).value * seconds
        return {"known": told, **_machine(host, power, seconds, joules, 1.0)}
    short = search_recipe(run.frozen, record.recipe)
    full = final_recipe(run.frozen, record.recipe)
    ratio = float(full["epochs"]) / float(short["epochs"])
    part, whole = short.get("train_images"), full.get("train_images")
    if part is not None and whole is not None:
        ratio *= float(whole) / float(part)
    count = len(record.trainings)
    seconds = ratio * sum(float(training["seconds"]) for training in record.trainings) / count
    joules = ratio * sum(float(training["energy_j"]) for training in record.trainings) / count
    told = (
        f"modelled, not run yet: its mean training in the search, times {ratio:.4g} for the epochs"
        " of the final recipe; that also trains on the validation split, which is not in the ratio"
    )
    if part is not None and whole is None:
        told += ", and on all images, of which the search took a part: more than this"
    return {"known": told, **_machine(host, power, seconds, joules, power.share)}


def _card(run: Run, candidate: str) -> Mapping[str, Any] | None:
    """The card of an export of this candidate into the run's folder."""
    for path in sorted([*run.path.glob("*/card.json"), *run.path.glob("models/*/card.json")]):
        card = read_json(path)
        try:
            if card["search"]["candidate"] == candidate:
                float(card["measured"]["train_s"])
                found: Mapping[str, Any] = card
                return found
        except (KeyError, TypeError, ValueError):
            raise RunError(f"{path}: is damaged; export the model again") from None
    return None
