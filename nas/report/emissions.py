"""A run's trainings in the columns of CodeCarbon's `emissions.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from hardware_profiles import deployment_from_dict
from hardware_profiles.deployment import Deployment
from nas.runs import Run
from nas.runs.files import read_json
from nas.runs.tables import read_records

__all__ = ["EMISSIONS_COLUMNS", "emission_rows", "emissions_csv"]

EMISSIONS_COLUMNS = (
    "timestamp",
    "project_name",
    "run_id",
    "experiment_id",
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "water_consumed",
    "country_name",
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "os",
    "python_version",
    "codecarbon_version",
    "cpu_count",
    "cpu_model",
    "gpu_count",
    "gpu_model",
    "longitude",
    "latitude",
    "ram_total_size",
    "tracking_mode",
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
    "on_cloud",
    "pue",
    "wue",
)
"""Columns of CodeCarbon 3 in their order (`EmissionsData` of codecarbon 3.3.2 on PyPI, MIT; the
same in files that it wrote in 2026)."""

_BETWEEN = "between-trainings"
_KWH = 3.6e6
_GIB = 2.0**30


def emissions_csv(run: Run) -> str:
    """The run's use of electricity as CodeCarbon would have written it: head and rows.

    Args:
        run: An opened run, finished or not.

    Raises:
        RunError: If a record of the run is damaged.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, EMISSIONS_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(emission_rows(run))
    return text.getvalue()


def emission_rows(run: Run) -> list[dict[str, Any]]:
    """One row a training, and one for the workers' time between trainings.

    Units are CodeCarbon's: seconds, kg CO2e, kg/s, kWh, GiB. As there, energy holds the overhead of
    the site (column ``pue``) and emissions are those of electricity alone, location-based;
    manufacture is in the statement. What CodeCarbon would have metered and a model cannot know,
    such as the split between processor and memory, is left out.

    Args:
        run: An opened run, finished or not.

    Returns:
        Known cells by column, in the order of decision; the rows add up to what the run used where
        that is known.

    Raises:
        RunError: If a record of the run is damaged.
    """
    host = deployment_from_dict(run.frozen["search"]["host"])
    common = _common(run, host)
    trainings = dict(_trainings(run))
    rows = [
        _row(common, host, name, float(result["seconds"]), float(result["energy_j"]))
        | {"timestamp": result.get("finished_at", "")}
        for name, result in trainings.items()
    ]
    spent = run.spent() or {}
    if "worker_s" in spent:
        seconds = float(spent["worker_s"]) - sum(
            float(row["seconds"]) for row in trainings.values()
        )
        joules = float(spent["energy_j"]) - sum(
            float(row["energy_j"]) for row in trainings.values()
        )
        if seconds > 0.0 and joules >= 0.0:
            rows.append(_row(common, host, _BETWEEN, seconds, joules))
    return rows


def _trainings(run: Run) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in read_records(run.artifacts):
        for index, training in enumerate(record.trainings):
            if "inherited" in training:  # the run that trained it has it in its own file
                continue
            yield f"{record.candidate}-{index}", training
    for path in sorted((run.path / "references").glob("*.json")):
        yield path.stem, read_json(path)


def _row(
    common: Mapping[str, Any], host: Deployment, name: str, seconds: float, joules: float
) -> dict[str, Any]:
    energy_kwh = joules * host.overhead / _KWH
    emissions_kg = energy_kwh * host.grid.gco2e_per_kwh.value / 1000.0
    return {
        **common,
        "run_id": name,
        "duration": seconds,
        "emissions": emissions_kg,
        "emissions_rate": emissions_kg / seconds if seconds > 0.0 else "",
        "energy_consumed": energy_kwh,
    }


def _common(run: Run, host: Deployment) -> dict[str, Any]:
    environment = run.environment
    model, _, _ = host.profile.label.partition(", ")
    country = len(host.grid.name) == 2  # a country's code; the others are parts or mixes
    return {
        "project_name": run.path.name,
        "experiment_id": f"{run.frozen['task']['name']}-{run.frozen['space']['name']}",
        "country_name": host.grid.label if country else "",
        "region": "" if country else host.grid.label,
        "os": environment.get("platform", ""),
        "python_version": environment.get("python", ""),
        "cpu_count": run.frozen["search"]["cores"],
        "cpu_model": model,
        "ram_total_size": host.profile.memory_limit_bytes.value / _GIB,
        "tracking_mode": "process",
        "pue": host.overhead,
    }
