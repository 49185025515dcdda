"""A search from options alone, or a configuration file with some of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.deployments import device_and_precision, grid_or_number
from nas.engine.config import SearchConfig, config_from_mapping, read_config
from nas.errors import ConfigError

__all__ = ["merged"]

_NEEDED = ("task", "space", "hardware", "grid", "inferences", "lifetime_years")
_ONLY_WITHOUT_FILE = ("task", "space", "hardware", "grid", "inferences", "lifetime_years")


def merged(path: Path | None, given: Mapping[str, Any]) -> SearchConfig:
    """The configuration of a file or of options.

    Args:
        path: A configuration file, or None.
        given: Options by name, None where not given. With a file only budget, sampler, seed,
            workers, objectives and data folder may be given; they replace the file's.

    Raises:
        ConfigError: If options are missing, or stand against the file.
    """
    options = {key: value for key, value in given.items() if value not in (None, [])}
    if path is None:
        return _from_options(options)
    clashing = [key for key in _ONLY_WITHOUT_FILE if key in options]
    if clashing:
        option = f"--{clashing[0].replace('_', '-')}"
        raise ConfigError(f"{option}: stands in {path} too; give a file or options, not both")
    value = read_config(path).model_dump(mode="json")
    for key in ("sampler", "seed", "workers"):
        value["search"][key] = options.pop(key, value["search"][key])
    limits = {key: options.pop(key) for key in ("trainings", "seconds", "gco2e") if key in options}
    value["budget"] = {**value["budget"], **limits}
    return config_from_mapping({**value, **options}, path.name)


def _from_options(options: Mapping[str, Any]) -> SearchConfig:
    missing = [f"--{key.replace('_', '-')}" for key in _NEEDED if key not in options]
    if missing:
        raise ConfigError(
            f"search: {', '.join(missing)} not given; give them, or a configuration file "
            "(`carbon-nas init` writes one)"
        )
    grids = [grid_or_number(text) for text in options["grid"]]
    deployments = []
    for item in options["hardware"]:
        name, precision, threads = device_and_precision(item)
        place = {"hardware": name, "precision": precision, "threads": threads}
        deployments += [{**place, "grid": grid} for grid in grids]
    settings = {key: options[key] for key in ("sampler", "seed", "workers") if key in options}
    limits = {key: options[key] for key in ("trainings", "seconds", "gco2e") if key in options}
    rest = {key: options[key] for key in ("objectives", "data_dir") if key in options}
    return config_from_mapping(
        {
            "task": options["task"],
            "space": options["space"],
            "demand": {
                "inferences": options["inferences"],
                "lifetime_years": options["lifetime_years"],
            },
            "deployments": deployments,
            "search": {**settings, "on": {"grid": grids[0]}},
            "budget": limits or {"trainings": 24},
            **rest,
        },
        "search",
    )
